package steps_test

import "maps"

func init() {
	maps.Copy(vocabulary, map[string]string{
		`the primary is starved of CPU`:              `TARGET is starved of CPU`,
		`the primary is left 10% of its CPU`:         `TARGET is left PERCENT of its CPU`,
		`the old primary has CPU again`:              `TARGET has CPU again`,
		`the primary is starved of memory`:           `TARGET is starved of memory`,
		`the primary runs out of memory`:             `TARGET runs out of memory`,
		`the old primary has memory again`:           `TARGET has memory again`,
		`the primary is starved of connections`:      `TARGET is starved of connections`,
		`the old primary has connections again`:      `TARGET has connections again`,
		`the primary is starved of file descriptors`: `TARGET is starved of file descriptors`,
		`the old primary has file descriptors again`: `TARGET has file descriptors again`,
	})
}

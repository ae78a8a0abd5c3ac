package steps_test

import "maps"

func init() {
	maps.Copy(vocabulary, map[string]string{
		`the hook "orchestrator-post-failover" fails`:                `the hook "NAME" fails`,
		`the hook "patroni-on-role-change" does nothing`:             `the hook "NAME" does nothing`,
		`the hook "orchestrator-post-failover" hangs for 10 seconds`: `the hook "NAME" hangs for DURATION`,
		`the hook "orchestrator-post-failover" works again`:          `the hook "NAME" works again`,
		`the DNS API answers 500`:                                    `the DNS API answers NUMBER`,
		`the DNS API answers 429 and asks to retry after 5 seconds`:  `the DNS API answers NUMBER and asks to retry after DURATION`,
		`the DNS API is unreachable`:                                 `the DNS API is unreachable`,
		`the DNS API accepts changes and does not serve them`:        `the DNS API accepts changes and does not serve them`,
		`the DNS API works again`:                                    `the DNS API works again`,
		`the DNS server answers after 300 milliseconds`:              `the DNS server answers after DURATION`,
		`the DNS server does not answer`:                             `the DNS server does not answer`,
		`the DNS server answers "NXDOMAIN"`:                          `the DNS server answers "NAME"`,
		`the DNS server lies: "db.shop.test" is node "m3"`:           `the DNS server lies: "NAME" is TARGET`,
		`the DNS server works again`:                                 `the DNS server works again`,
		`a recovery has begun`:                                       `a recovery has begun`,
	})
}

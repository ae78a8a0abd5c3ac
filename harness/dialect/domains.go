package dialect

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Domains is what a MariaDB server has, as its gtid_binlog_state tells it: in each domain the last transaction of each
// server that ever wrote in it. Sequence numbers of one server only rise in a binary log, so a higher one is a
// transaction that the other has not, whatever came after it.
type Domains map[origin]uint64

type origin struct{ domain, server uint64 }

// ParseDomains reads a list of GTIDs, domain-server-sequence with commas. What names no three numbers is an error.
func ParseDomains(text string) (Domains, error) {
	out := Domains{}
	for _, gtid := range strings.Split(text, ",") {
		if gtid = strings.TrimSpace(gtid); gtid == "" {
			continue
		}
		var n [3]uint64
		parts := strings.Split(gtid, "-")
		if len(parts) != len(n) {
			return nil, fmt.Errorf("read GTID %q: it is not domain-server-sequence", gtid)
		}
		for i, p := range parts {
			var err error
			if n[i], err = strconv.ParseUint(p, 10, 64); err != nil {
				return nil, fmt.Errorf("read GTID %q: %w", gtid, err)
			}
		}
		from := origin{n[0], n[1]}
		out[from] = max(out[from], n[2])
	}
	return out, nil
}

// Beyond names what it has that the other has not, in order; empty for nothing.
func (d Domains) Beyond(other Domains) string {
	var origins []origin
	for from, last := range d {
		if have, ok := other[from]; !ok || last > have {
			origins = append(origins, from)
		}
	}
	slices.SortFunc(origins, func(a, b origin) int {
		return cmp.Or(cmp.Compare(a.domain, b.domain), cmp.Compare(a.server, b.server))
	})
	var out []string
	for _, from := range origins {
		gtid := fmt.Sprintf("%d-%d-%d", from.domain, from.server, d[from])
		if have, ok := other[from]; ok {
			gtid += fmt.Sprintf(" (after %d)", have)
		}
		out = append(out, gtid)
	}
	return strings.Join(out, ", ")
}

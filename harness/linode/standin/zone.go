package standin

import (
	"fmt"
	"strings"

	mdns "github.com/miekg/dns"

	"github.com/firedrill/firedrill/harness/dns"
)

// zone is a domain with what it holds.
type zone struct {
	Domain  *domain   `json:"domain"`
	Serial  uint32    `json:"serial"` // of its SOA: one more with every change
	Records []*record `json:"records"`
}

// What the API takes where a domain or a record says 0, in seconds.
const (
	defaultTTL     = 86400
	defaultRefresh = 14400
	defaultRetry   = 14400
	defaultExpire  = 1209600
)

// nameServers are those that the API's zones name. The server that answers here is not one of them, as nobody asks.
var nameServers = []string{"ns1.linode.com.", "ns2.linode.com."}

// Lookup answers from the domains whose status is active, the longest match first: it makes the store a dns.Zone.
// A wildcard record is kept and not expanded.
func (s *Store) Lookup(name string, qtype uint16) dns.Answer {
	served := s.frozen.Load()
	if served == nil {
		served = s.state.Load()
	}
	z := served.zoneOf(name)
	if z == nil {
		return dns.Answer{}
	}
	apex := z.Domain.Domain
	answer := dns.Answer{Served: true, Apex: apex, SOA: z.soa(), Exists: name == apex}
	if name == apex {
		switch qtype {
		case mdns.TypeSOA:
			answer.Records = append(answer.Records, z.soa())
		case mdns.TypeNS:
			for _, server := range nameServers {
				answer.Records = append(answer.Records, dns.Record{Type: mdns.TypeNS, TTL: z.ttl(0), Data: server})
			}
		}
	}
	relative := strings.TrimSuffix(strings.TrimSuffix(name, apex), ".")
	for _, rec := range z.Records {
		own := strings.ToLower(rec.Name)
		answer.Exists = answer.Exists || own == relative || strings.HasSuffix(own, "."+relative)
		rtype := mdns.StringToType[rec.Type]
		if own == relative && (rtype == qtype || rtype == mdns.TypeCNAME) {
			answer.Records = append(answer.Records, dns.Record{Type: rtype, TTL: z.ttl(rec.TTLSec), Data: rec.data()})
		}
	}
	return answer
}

// zoneOf finds the longest active zone that holds the name, or nil.
func (s *state) zoneOf(name string) *zone {
	var found *zone
	for _, z := range s.Zones {
		apex := z.Domain.Domain
		inside := name == apex || strings.HasSuffix(name, "."+apex)
		if inside && z.Domain.Status == "active" && (found == nil || len(apex) > len(found.Domain.Domain)) {
			found = z
		}
	}
	return found
}

// ttl is a record's own time to live, else its domain's, else the default.
func (z *zone) ttl(own int) uint32 {
	for _, seconds := range []int{own, z.Domain.TTLSec} {
		if seconds > 0 {
			return uint32(seconds)
		}
	}
	return defaultTTL
}

func (z *zone) soa() dns.Record {
	or := func(seconds, otherwise int) int {
		if seconds > 0 {
			return seconds
		}
		return otherwise
	}
	d := z.Domain
	mailbox := strings.Replace(d.SOAEmail, "@", ".", 1)
	return dns.Record{Type: mdns.TypeSOA, TTL: z.ttl(0), Data: fmt.Sprintf("%s %s. %d %d %d %d %d", nameServers[0], mailbox, z.Serial,
		or(d.RefreshSec, defaultRefresh), or(d.RetrySec, defaultRetry), or(d.ExpireSec, defaultExpire), z.ttl(0))}
}

package scenarios

import (
	"maps"
	"slices"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/haproxy"
	"github.com/firedrill/firedrill/harness/linode"
	"github.com/firedrill/firedrill/harness/record"
)

// Balanceable says why a topology has HAProxy on a machine where its owner may want a NodeBalancer: what one could not do of it
// at Linode. region is that of a datacenter.
func Balanceable(t harness.Topology, nodes []*harness.Node, region func(datacenter string) string) []record.Finding {
	fronted, ok := t.(interface {
		Proxies() map[string]haproxy.Proxy
	})
	if !ok {
		return nil
	}
	proxies := fronted.Proxies()
	var wish linode.Wish
	for _, name := range slices.Sorted(maps.Keys(proxies)) {
		p := proxies[name]
		w := linode.BalancerWish{Name: "in place of " + name, Protocol: "tcp", OnlyPrimary: true, Check: linode.CheckWish{Path: p.CheckURI}}
		for _, s := range p.Servers {
			w.Check.Port = s.CheckPort
			n, err := harness.Find(nodes, s.Name)
			if err != nil {
				continue
			}
			// It could be given a private address: that is no reason.
			w.Nodes = append(w.Nodes, linode.BackendWish{Node: s.Name, Region: region(n.Datacenter), Port: s.Port, Private: true})
		}
		wish.Balancers = append(wish.Balancers, w)
	}
	return linode.Preflight(wish)
}

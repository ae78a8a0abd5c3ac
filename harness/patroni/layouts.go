package patroni

import (
	"fmt"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/images"
)

// layout is a topology as data.
type layout struct {
	name    string
	summary string
	specs   []harness.NodeSpec
	// vip has keepalived on every database node, which hold a virtual address between them.
	vip bool
	// settings are the layout's own, which a scenario's override.
	settings harness.Settings
	// standby names the node that is a standby cluster of its own.
	standby string
}

var layouts = []layout{
	{
		name:     "patroni-3",
		summary:  "three PostgreSQL nodes under Patroni, one and its etcd member in each of three datacenters; HAProxy as NodeBalancer, a name flipped by callback",
		specs:    nodes(three),
		settings: tuned(nil),
	},
	{
		name:     "patroni-2",
		summary:  "two PostgreSQL nodes in two datacenters, and an etcd member in each and in a third: where money is short; otherwise as patroni-3",
		specs:    nodes(three[:2]),
		settings: tuned(nil),
	},
	{
		name:     "patroni-sync",
		summary:  "patroni-3 whose leader waits for a synchronous standby as long as there is one",
		specs:    nodes(three),
		settings: tuned(synchronous["on"]),
	},
	{
		name:     "patroni-sync-strict",
		summary:  "patroni-3 whose leader waits for a synchronous standby even when there is none",
		specs:    nodes(three),
		settings: tuned(synchronous["strict"]),
	},
	{
		name:     "patroni-failsafe",
		summary:  "patroni-3 whose leader goes on without etcd while every member answers it",
		specs:    nodes(three),
		settings: tuned(map[string]string{"failsafe_mode": "true"}),
	},
	{
		name:     "patroni-3dc",
		summary:  "three whole datacenters, each with an etcd member, a PostgreSQL node, a proxy and an application that uses that proxy; DNS and its API outside of all three",
		specs:    datacenters("dc1", "dc2", "dc3"),
		settings: briefly(tuned(nil)),
	},
	{
		name: "patroni-vip", vip: true,
		summary:  "patroni-3 whose nodes hold a virtual address between them: keepalived gives it to the one that leads and takes writes",
		specs:    withImage(nodes(three), harness.Patroni, images.PatroniVIP),
		settings: tuned(nil),
	},
	{
		name:     "patroni-standby",
		summary:  "two PostgreSQL nodes in two datacenters, and in the third a standby cluster of one node that follows them; one etcd, in all three",
		specs:    nodes([]harness.NodeSpec{three[0], three[1], {Name: "s1", Component: harness.Patroni, Datacenter: "dc3"}}),
		settings: tuned(map[string]string{"slots.s1": "{type: physical}"}),
		standby:  "s1",
	},
}

// three are the PostgreSQL nodes and their datacenters.
var three = []harness.NodeSpec{
	{Name: "p1", Component: harness.Patroni, Datacenter: "dc1"},
	{Name: "p2", Component: harness.Patroni, Datacenter: "dc2"},
	{Name: "p3", Component: harness.Patroni, Datacenter: "dc3"},
}

// nodes are databases and what every topology has beside them. An application is in each of the first two
// datacenters: what the third would see, the second does too.
func nodes(databases []harness.NodeSpec) []harness.NodeSpec {
	out := []harness.NodeSpec{
		{Name: "e1", Component: harness.Etcd, Datacenter: "dc1"},
		{Name: "e2", Component: harness.Etcd, Datacenter: "dc2"},
		{Name: "e3", Component: harness.Etcd, Datacenter: "dc3"},
	}
	out = append(out, databases...)
	return append(out,
		harness.NodeSpec{Name: "lb", Component: harness.HAProxy, Datacenter: "dc1"},
		harness.NodeSpec{Name: "dns", Component: harness.DNS, Datacenter: "dc1"},
		harness.NodeSpec{Name: "app1", Component: harness.Application, Datacenter: "dc1"},
		harness.NodeSpec{Name: "app2", Component: harness.Application, Datacenter: "dc2"},
	)
}

// withImage has the nodes of a component run another image than the component's own.
func withImage(specs []harness.NodeSpec, component, image string) []harness.NodeSpec {
	for i := range specs {
		if specs[i].Component == component {
			specs[i].Image = image
		}
	}
	return specs
}

// datacenters are as many alike: nothing that an application needs lies in one of the others but the leader. What flips
// the name must not go down with a datacenter, so the name server and its API are in none of them.
func datacenters(names ...string) []harness.NodeSpec {
	out := []harness.NodeSpec{{Name: "dns", Component: harness.DNS, Datacenter: "linode"}}
	for i, datacenter := range names {
		for _, n := range []struct{ prefix, component string }{
			{"e", harness.Etcd}, {"p", harness.Patroni}, {"lb", harness.HAProxy}, {"r", harness.Resolver}, {"app", harness.Application},
		} {
			out = append(out, harness.NodeSpec{Name: fmt.Sprint(n.prefix, i+1), Component: n.component, Datacenter: datacenter})
		}
	}
	return out
}

// briefly has resolvers keep answers for a second and no longer: a drill of what a cache costs says how long in its own
// settings.
func briefly(s harness.Settings) harness.Settings {
	s.Set(harness.Resolver, "max_ttl", "1")
	return s
}

// tuned are the shortest times that Patroni's code allows: drills are timed, and at its defaults (30/10/10) a failover
// takes no longer than 3 s more, but a bootstrap 20 s more. A layout adds what makes it what it is.
func tuned(own map[string]string) harness.Settings {
	s := harness.Settings{"patroni": {"ttl": "20", "loop_wait": "1", "retry_timeout": "3"}}
	for key, value := range own {
		s.Set("patroni", key, value)
	}
	return s
}

// synchronous are the settings of synchronous replication, by what a drill calls it.
var synchronous = map[string]map[string]string{
	"off":    {"synchronous_mode": "false", "synchronous_mode_strict": "false"},
	"on":     {"synchronous_mode": "true", "synchronous_mode_strict": "false"},
	"strict": {"synchronous_mode": "true", "synchronous_mode_strict": "true"},
}

// Synchronous are the dynamic settings of a mode of synchronous replication: off, on or strict.
func Synchronous(mode string) (map[string]string, bool) {
	values, ok := synchronous[mode]
	return values, ok
}

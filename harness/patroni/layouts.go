package patroni

import (
	"github.com/firedrill/firedrill/harness"
)

// layout is a topology as data.
type layout struct {
	name    string
	summary string
	specs   []harness.NodeSpec
	// settings are the layout's own, which a scenario's override.
	settings harness.Settings
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

package mysql

import (
	"fmt"
	"maps"
	"slices"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/endpoint"
)

// place is a node in a layout.
type place struct {
	name, component, datacenter string
	source                      string // the database it replicates from; empty for nobody
	fronts                      string // the component that a proxy stands in front of
}

// layout is a topology as data: a new one is an entry in layouts. Its first database is the primary at the start; a
// primary that has a source is in a ring with it, and the only writable one of the two.
type layout struct {
	name, summary string
	places        []place
	// raft has the Orchestrators elect a leader among themselves, each with a database of its own. Several without it
	// share the database of the layout's backend.
	raft bool
	// regions has a web tier and an ingress in front of each database, and a controller in place of Orchestrators.
	regions bool
	// vip has keepalived on every database node, which hold a virtual address between them.
	vip bool
	// settings are the layout's own, which a scenario's replace.
	settings harness.Settings
}

var mysql3 = []place{
	{name: "m1", component: harness.MySQL, datacenter: "dc1"},
	{name: "m2", component: harness.MySQL, datacenter: "dc1", source: "m1"},
	{name: "m3", component: harness.MySQL, datacenter: "dc2", source: "m1"},
	{name: "o1", component: harness.Orchestrator, datacenter: "dc1"},
	{name: "dns", component: harness.DNS, datacenter: "dc1"},
	{name: "app1", component: harness.Application, datacenter: "dc1"},
	{name: "app2", component: harness.Application, datacenter: "dc2"},
}

// mariadb3 is mysql3 with servers of MariaDB.
var mariadb3 = withServers(mysql3, map[string]string{"m1": harness.MariaDB, "m2": harness.MariaDB, "m3": harness.MariaDB})

// withServers has some servers of a layout be of other components.
func withServers(places []place, components map[string]string) []place {
	out := slices.Clone(places)
	for i, p := range out {
		if component, ok := components[p.name]; ok {
			out[i].component = component
		}
	}
	return out
}

// with is a copy of some places with more.
func with(places []place, more ...place) []place { return append(slices.Clone(places), more...) }

// layouts are all of them: those that are written out, and raft over three datacenters in the sizes that are measured.
var layouts = append(written, scaled(8), scaled(15), scaled(16), scaled(24))

// scaled is raft in three datacenters with so many servers, dealt out in turn: to see how far a machine goes, and what an
// isolation is when it takes several servers with it.
func scaled(servers int) layout {
	l := layout{
		name: fmt.Sprintf("mysql-raft-%d", servers), raft: true,
		summary: fmt.Sprintf("%d servers over three datacenters, looked at every 2 seconds, otherwise as mysql-raft: for isolation at scale", servers),
		// Every second, three Orchestrators that look at fifteen servers keep two cores so busy that raft loses its leader.
		settings: harness.Settings{harness.Orchestrator: {"InstancePollSeconds": "2"}},
	}
	for i := range servers {
		p := place{name: fmt.Sprintf("m%d", i+1), component: harness.MySQL, datacenter: fmt.Sprintf("dc%d", i%3+1)}
		if i > 0 {
			p.source = "m1"
		}
		l.places = append(l.places, p)
	}
	for i := range 3 {
		dc := fmt.Sprintf("dc%d", i+1)
		l.places = append(l.places,
			place{name: fmt.Sprintf("o%d", i+1), component: harness.Orchestrator, datacenter: dc},
			place{name: fmt.Sprintf("app%d", i+1), component: harness.Application, datacenter: dc})
	}
	l.places = append(l.places, place{name: "dns", component: harness.DNS, datacenter: "linode"})
	return l
}

var written = []layout{
	{
		name: "mysql-3", summary: "a primary and two replicas in two datacenters, one Orchestrator, DNS on the Linode API",
		places: mysql3,
	},
	{
		name: "mysql-resolvers", summary: "mysql-3 whose applications ask a caching resolver in their own datacenter for the name",
		places: with(mysql3,
			place{name: "r1", component: harness.Resolver, datacenter: "dc1"},
			place{name: "r2", component: harness.Resolver, datacenter: "dc2"},
		),
	},
	{
		name: "mysql-haproxy", summary: "mysql-3 behind HAProxy, which sends connections to the server whose health check says that it takes writes",
		places: with(mysql3, place{name: "lb", component: harness.HAProxy, datacenter: "dc1", fronts: harness.MySQL}),
	},
	{
		name: "mysql-vip", vip: true,
		summary: "mysql-3 whose servers hold a virtual address between them: keepalived gives it to the one that takes writes",
		places:  mysql3,
	},
	{
		name: "mysql-chain", summary: "a primary, an intermediate primary m2 with two replicas, and a replica beside it; one Orchestrator",
		places: []place{
			{name: "m1", component: harness.MySQL, datacenter: "dc1"},
			{name: "m2", component: harness.MySQL, datacenter: "dc1", source: "m1"},
			{name: "m3", component: harness.MySQL, datacenter: "dc1", source: "m2"},
			{name: "m4", component: harness.MySQL, datacenter: "dc1", source: "m2"},
			{name: "m5", component: harness.MySQL, datacenter: "dc1", source: "m1"},
			{name: "o1", component: harness.Orchestrator, datacenter: "dc1"},
			{name: "dns", component: harness.DNS, datacenter: "dc1"},
			{name: "app1", component: harness.Application, datacenter: "dc1"},
		},
	},
	{
		name: "mysql-comaster", summary: "two co-primaries that replicate from each other, m2 read-only, and a replica of m1; one Orchestrator",
		places: []place{
			{name: "m1", component: harness.MySQL, datacenter: "dc1", source: "m2"},
			{name: "m2", component: harness.MySQL, datacenter: "dc1", source: "m1"},
			{name: "m3", component: harness.MySQL, datacenter: "dc1", source: "m1"},
			{name: "o1", component: harness.Orchestrator, datacenter: "dc1"},
			{name: "dns", component: harness.DNS, datacenter: "dc1"},
			{name: "app1", component: harness.Application, datacenter: "dc1"},
		},
		// Else Orchestrator may promote m3, which leaves m2 as a replica that m1 would replicate from when it returns.
		settings: harness.Settings{harness.Orchestrator: {"CoMasterRecoveryMustPromoteOtherCoMaster": "true"}},
	},
	{
		name: "mysql-5", summary: "a primary, a candidate beside it, a delayed replica, one without binary log, and one in another datacenter; one Orchestrator",
		places: []place{
			{name: "m1", component: harness.MySQL, datacenter: "dc1"},
			{name: "m2", component: harness.MySQL, datacenter: "dc1", source: "m1"},
			{name: "m3", component: harness.MySQL, datacenter: "dc1", source: "m1"},
			{name: "m4", component: harness.MySQL, datacenter: "dc1", source: "m1"},
			{name: "m5", component: harness.MySQL, datacenter: "dc2", source: "m1"},
			{name: "o1", component: harness.Orchestrator, datacenter: "dc1"},
			{name: "dns", component: harness.DNS, datacenter: "dc1"},
			{name: "app1", component: harness.Application, datacenter: "dc1"},
			{name: "app2", component: harness.Application, datacenter: "dc2"},
		},
		settings: harness.Settings{
			"m2": {PromotionRule: "prefer"},
			"m3": {sourceDelay: "3600"}, // longer than any drill: it has nothing of what the application writes
			"m4": {"skip_log_bin": "ON", "log_replica_updates": "OFF"},
		},
	},
	{
		name: "mariadb-3", summary: "mysql-3 with MariaDB, which replicates by its own GTIDs; one Orchestrator",
		places: mariadb3,
	},
	{
		name: "mariadb-mix", summary: "mariadb-3 in the middle of an upgrade: m2 runs MariaDB 11.8, the primary and m3 still run 10.11; one Orchestrator",
		places: withServers(mariadb3, map[string]string{"m1": harness.MariaDB1011, "m3": harness.MariaDB1011}),
	},
	{
		name: "mysql-2region", regions: true,
		summary: "a primary region and a standby region, each with a database, a web tier and an ingress; a controller that checks the ingress, promotes and moves the name; users elsewhere behind caching resolvers; no Orchestrator",
		places: []place{
			{name: "m1", component: harness.MySQL, datacenter: "us-east"},
			{name: "web1", component: harness.Web, datacenter: "us-east"},
			{name: "lb1", component: harness.HAProxy, datacenter: "us-east", fronts: harness.Web},
			{name: "m2", component: harness.MySQL, datacenter: "eu-west", source: "m1"},
			{name: "web2", component: harness.Web, datacenter: "eu-west"},
			{name: "lb2", component: harness.HAProxy, datacenter: "eu-west", fronts: harness.Web},
			{name: "dns", component: harness.DNS, datacenter: "linode"},
			{name: "ctl", component: harness.DNSFailover, datacenter: "linode"},
			{name: "r1", component: harness.Resolver, datacenter: "us-users"},
			{name: "app1", component: harness.Application, datacenter: "us-users"},
			{name: "r2", component: harness.Resolver, datacenter: "eu-users"},
			{name: "app2", component: harness.Application, datacenter: "eu-users"},
		},
	},
	{
		name: "mysql-semisync", summary: "mysql-3 whose primary waits for one replica to have each commit; one Orchestrator",
		places:   mysql3,
		settings: SemiSync(1),
	},
	{
		name: "mysql-raft", raft: true,
		summary: "a primary and three replicas in three datacenters with an Orchestrator each, in raft; DNS and its API outside of all three",
		places: []place{
			{name: "m1", component: harness.MySQL, datacenter: "dc1"},
			{name: "m2", component: harness.MySQL, datacenter: "dc1", source: "m1"},
			{name: "m3", component: harness.MySQL, datacenter: "dc2", source: "m1"},
			{name: "m4", component: harness.MySQL, datacenter: "dc3", source: "m1"},
			{name: "o1", component: harness.Orchestrator, datacenter: "dc1"},
			{name: "o2", component: harness.Orchestrator, datacenter: "dc2"},
			{name: "o3", component: harness.Orchestrator, datacenter: "dc3"},
			{name: "dns", component: harness.DNS, datacenter: "linode"},
			{name: "app1", component: harness.Application, datacenter: "dc1"},
			{name: "app2", component: harness.Application, datacenter: "dc2"},
			{name: "app3", component: harness.Application, datacenter: "dc3"},
		},
	},
	{
		name: "mysql-3dc", raft: true,
		summary: "a primary and a replica in dc2, a replica in each of dc1 and dc3; an Orchestrator (in raft), a caching resolver and an application in each; DNS and its API outside of all three",
		places: []place{
			{name: "m1", component: harness.MySQL, datacenter: "dc2"},
			{name: "m2", component: harness.MySQL, datacenter: "dc2", source: "m1"},
			{name: "m3", component: harness.MySQL, datacenter: "dc1", source: "m1"},
			{name: "m4", component: harness.MySQL, datacenter: "dc3", source: "m1"},
			{name: "o1", component: harness.Orchestrator, datacenter: "dc1"},
			{name: "o2", component: harness.Orchestrator, datacenter: "dc2"},
			{name: "o3", component: harness.Orchestrator, datacenter: "dc3"},
			{name: "dns", component: harness.DNS, datacenter: "linode"},
			{name: "r1", component: harness.Resolver, datacenter: "dc1"},
			{name: "r2", component: harness.Resolver, datacenter: "dc2"},
			{name: "r3", component: harness.Resolver, datacenter: "dc3"},
			{name: "app1", component: harness.Application, datacenter: "dc1"},
			{name: "app2", component: harness.Application, datacenter: "dc2"},
			{name: "app3", component: harness.Application, datacenter: "dc3"},
		},
		// A name that three datacenters cache for half a minute is found half a minute late: what they keep is capped.
		settings: harness.Settings{harness.Resolver: {endpoint.MaxTTL: "2"}},
	},
	{
		name: "mysql-raft-haproxy", raft: true,
		summary: "a primary and two replicas, three Orchestrators in raft in three datacenters, and HAProxy in front of these, which finds the leader",
		places: []place{
			{name: "m1", component: harness.MySQL, datacenter: "dc1"},
			{name: "m2", component: harness.MySQL, datacenter: "dc2", source: "m1"},
			{name: "m3", component: harness.MySQL, datacenter: "dc3", source: "m1"},
			{name: "o1", component: harness.Orchestrator, datacenter: "dc1"},
			{name: "o2", component: harness.Orchestrator, datacenter: "dc2"},
			{name: "o3", component: harness.Orchestrator, datacenter: "dc3"},
			{name: "lb", component: harness.HAProxy, datacenter: "linode", fronts: harness.Orchestrator},
			{name: "dns", component: harness.DNS, datacenter: "linode"},
			{name: "app1", component: harness.Application, datacenter: "dc1"},
			{name: "app2", component: harness.Application, datacenter: "dc2"},
		},
	},
	{
		name: "mysql-shared-backend", summary: "a primary and two replicas, two Orchestrators that elect their leader through the MySQL server they share",
		places: []place{
			{name: "m1", component: harness.MySQL, datacenter: "dc1"},
			{name: "m2", component: harness.MySQL, datacenter: "dc1", source: "m1"},
			{name: "m3", component: harness.MySQL, datacenter: "dc2", source: "m1"},
			{name: "o1", component: harness.Orchestrator, datacenter: "dc1"},
			{name: "o2", component: harness.Orchestrator, datacenter: "dc2"},
			{name: "backend", component: harness.Backend, datacenter: "dc1"},
			{name: "dns", component: harness.DNS, datacenter: "dc1"},
			{name: "app1", component: harness.Application, datacenter: "dc1"},
			{name: "app2", component: harness.Application, datacenter: "dc2"},
		},
	},
}

// overlay lays a scenario's settings over a layout's. Two spellings of a key are one key.
func overlay(under, over harness.Settings) harness.Settings {
	out := harness.Settings{}
	for component, values := range under {
		out[component] = maps.Clone(values)
	}
	for component, values := range over {
		for key, value := range values {
			maps.DeleteFunc(out[component], func(have, _ string) bool { return normal(have) == normal(key) })
			out.Set(component, key, value)
		}
	}
	return out
}

// Package mysql is the kind MySQL with Orchestrator: it lays topologies out, starts them, tells whether they are
// steady and who the primary is, watches Orchestrator at work, and reads what is left at the end.
package mysql

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/endpoint"
	"github.com/firedrill/firedrill/harness/images"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/workload"
)

// Names that drills use: of the endpoint, and of the supervised processes.
const (
	zone     = "shop.test"
	name     = "db." + zone
	alias    = "shop" // the cluster's, in Orchestrator
	database = "firedrill"
	mysqld   = "mysqld"
	manager  = "orchestrator"
	port     = 3306
)

// place is a node in a layout.
type place struct {
	name, component, datacenter string
	source                      string // the database it replicates from; empty for the primary
}

// layout is a topology as data: a new one is an entry in layouts.
type layout struct {
	name, summary string
	places        []place
}

var layouts = []layout{
	{
		name: "mysql-3", summary: "a primary and two replicas in two datacenters, one Orchestrator, DNS on the Linode API",
		places: []place{
			{name: "m1", component: harness.MySQL, datacenter: "dc1"},
			{name: "m2", component: harness.MySQL, datacenter: "dc1", source: "m1"},
			{name: "m3", component: harness.MySQL, datacenter: "dc2", source: "m1"},
			{name: "o1", component: harness.Orchestrator, datacenter: "dc1"},
			{name: "dns", component: harness.DNS, datacenter: "dc1"},
			{name: "app1", component: harness.Application, datacenter: "dc1"},
			{name: "app2", component: harness.Application, datacenter: "dc2"},
		},
	},
}

// Kind makes the topologies of MySQL with Orchestrator.
type Kind struct{}

// Name implements harness.Kind.
func (Kind) Name() string { return "mysql" }

// Blueprints implements harness.Kind.
func (Kind) Blueprints() []harness.Blueprint {
	var out []harness.Blueprint
	for _, l := range layouts {
		b := harness.Blueprint{
			Name: l.name, Summary: l.summary,
			Build: func(nodes []*harness.Node, settings harness.Settings) (harness.Topology, error) {
				return build(l, nodes, settings)
			},
		}
		for _, p := range l.places {
			b.Specs = append(b.Specs, harness.NodeSpec{Name: p.name, Component: p.component, Datacenter: p.datacenter})
		}
		out = append(out, b)
	}
	return out
}

// member is a node of a running topology with its place in the layout.
type member struct {
	*harness.Node
	source   string // node it replicates from at the start; empty for the primary
	serverID int
}

// Topology is a running one.
type Topology struct {
	nodes     []*harness.Node
	databases []*member
	managers  []*managerNode
	settings  harness.Settings
	dns       *harness.Node
	endpoint  *endpoint.Server // nil until it was started

	mu      sync.Mutex
	configs map[string]string // as run, secrets masked
}

// managerNode is an Orchestrator.
type managerNode struct {
	*harness.Node
	api Orchestrator
	// ripe is when it begins to recover anything: it holds back at first (holdsBack).
	ripe time.Time
}

// build checks the nodes and settings against the layout, so that Start meets no surprise of that sort.
func build(l layout, nodes []*harness.Node, settings harness.Settings) (*Topology, error) {
	t := &Topology{nodes: nodes, settings: settings, configs: map[string]string{}}
	for i, p := range l.places {
		n, err := harness.Find(nodes, p.name)
		if err != nil {
			return nil, fmt.Errorf("lay %s out: %w", l.name, err)
		}
		switch p.component {
		case harness.MySQL:
			t.databases = append(t.databases, &member{Node: n, source: p.source, serverID: i + 1})
		case harness.Orchestrator:
			t.managers = append(t.managers, &managerNode{Node: n, api: newClient(n.Agent.Transport(), apiURL)})
		case harness.DNS:
			t.dns = n
		}
	}
	if err := checkSettings(settings); err != nil {
		return nil, fmt.Errorf("lay %s out: %w", l.name, err)
	}
	return t, nil
}

// Databases implements harness.Topology.
func (t *Topology) Databases() []*harness.Node {
	var out []*harness.Node
	for _, m := range t.databases {
		out = append(out, m.Node)
	}
	return out
}

// Admin implements harness.Topology: root, over the socket.
func (t *Topology) Admin(*harness.Node) agent.Database {
	return agent.Database{Driver: "mysql", Host: images.MySQLSocket, User: "root"}
}

// Application implements harness.Topology.
func (t *Topology) Application() agent.Database {
	return agent.Database{Driver: "mysql", Port: port, User: "app", Password: images.DrillPassword, Name: database}
}

// Servers implements harness.Topology: server_id to node.
func (t *Topology) Servers() map[string]string {
	out := map[string]string{}
	for _, m := range t.databases {
		out[strconv.Itoa(m.serverID)] = m.Name
	}
	return out
}

// Endpoints implements harness.Topology.
func (t *Topology) Endpoints() []harness.Endpoint {
	return []harness.Endpoint{{Name: name, Kind: record.ProbeDNS, Port: port, TTL: endpoint.TTL}}
}

// Resolver implements harness.Topology: one server answers every datacenter.
func (t *Topology) Resolver(string) string {
	return t.dns.Address + ":53"
}

// Select implements harness.Topology.
func (t *Topology) Select(ctx context.Context, target string) ([]*harness.Node, bool, error) {
	switch target {
	case "the Orchestrator leader", "the Orchestrator":
		m, err := t.leader(ctx)
		if err != nil {
			return nil, true, err
		}
		return []*harness.Node{m.Node}, true, nil
	case "every Orchestrator":
		var out []*harness.Node
		for _, m := range t.managers {
			out = append(out, m.Node)
		}
		return out, true, nil
	case "the DNS server":
		return []*harness.Node{t.dns}, true, nil
	}
	return nil, false, nil
}

// member finds a database by name.
func (t *Topology) member(name string) *member {
	for _, m := range t.databases {
		if m.Name == name {
			return m
		}
	}
	return nil
}

// table is where the application writes, as statements name it.
const table = database + "." + workload.Table

// Package mysql is the kind MySQL with Orchestrator, or over two regions with a controller that moves the name: it lays topologies out, starts them, tells whether they are
// steady and who the primary is, watches Orchestrator at work, and reads what is left at the end.
package mysql

import (
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/dialect"
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
	manager  = "orchestrator"
	port     = 3306
)

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
			b.Specs = append(b.Specs, l.spec(p))
		}
		out = append(out, b)
	}
	return out
}

// spec is what a place asks of a provider.
func (l layout) spec(p place) harness.NodeSpec {
	out := harness.NodeSpec{
		Name: p.name, Component: p.component, Datacenter: p.datacenter, DataDir: images.DataDir(p.component), DataOwner: images.DataOwner(p.component),
	}
	if l.vip && p.component == harness.MySQL {
		out.Image = images.MySQLVIP
	}
	return out
}

// member is a node of a running topology with its place in the layout.
type member struct {
	*harness.Node
	vendor
	source   string // node it replicates from at the start; empty for nobody
	serverID int
}

// Topology is a running one.
type Topology struct {
	nodes     []*harness.Node
	databases []*member // the primary at the start is the first
	managers  []*managerNode
	backend   *member // that the managers share; nil where each has its own
	raft      bool
	history   history
	vip       bool
	settings  harness.Settings
	dns       *harness.Node
	resolvers []*harness.Node // caching ones, at most one a datacenter
	proxies   []proxyNode
	regions   *regions         // nil where Orchestrator is in charge
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
	t := &Topology{nodes: nodes, raft: l.raft, vip: l.vip, settings: overlay(l.settings, settings), configs: map[string]string{}}
	if l.regions {
		t.regions = &regions{}
	}
	for i, p := range l.places {
		n, err := harness.Find(nodes, p.name)
		if err != nil {
			return nil, fmt.Errorf("lay %s out: %w", l.name, err)
		}
		switch p.component {
		case harness.MySQL, harness.MariaDB, harness.MariaDB1011:
			m := &member{Node: n, vendor: vendors[p.component], source: p.source, serverID: i + 1}
			if source := t.settings[p.name][Source]; source != "" {
				m.source = source
			}
			t.databases = append(t.databases, m)
		case harness.Orchestrator:
			t.managers = append(t.managers, &managerNode{Node: n, api: newClient(n.Agent.Transport(), apiURL, t.identity())})
		case harness.Backend:
			t.backend = &member{Node: n, vendor: vendors[p.component], serverID: i + 1}
		case harness.DNS:
			t.dns = n
		case harness.Resolver:
			t.resolvers = append(t.resolvers, n)
		case harness.Web:
			t.regions.webs = append(t.regions.webs, n)
		case harness.DNSFailover:
			t.regions.controller = n
		case harness.HAProxy:
			t.proxies = append(t.proxies, proxyNode{Node: n, fronts: p.fronts})
		}
	}
	if err := t.checkSettings(); err != nil {
		return nil, fmt.Errorf("lay %s out: %w", l.name, err)
	}
	t.history = t.primaryAtStart().history
	if t.byPosition() {
		t.history = coordinates{}
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

// Admin implements harness.Topology: root, over the socket. The driver is the server's own dialect.
func (t *Topology) Admin(n *harness.Node) agent.Database {
	v, ok := vendorOf(n.Component)
	if !ok {
		return agent.Database{}
	}
	return agent.Database{Driver: v.Driver, Host: images.MySQLSocket, User: "root"}
}

// Application implements harness.Topology: applications speak to all vendors alike.
func (t *Topology) Application() agent.Database {
	return agent.Database{Driver: dialect.MySQL, Port: port, User: "app", Password: images.DrillPassword, Name: database}
}

// Servers implements harness.Topology: server_id to node.
func (t *Topology) Servers() map[string]string {
	out := map[string]string{}
	for _, m := range t.databases {
		out[strconv.Itoa(m.serverID)] = m.Name
	}
	return out
}

// Endpoints implements harness.Topology: the name, and the proxy or the virtual address where there is one.
func (t *Topology) Endpoints() []harness.Endpoint {
	if t.regions != nil {
		return []harness.Endpoint{t.siteEndpoint()}
	}
	out := []harness.Endpoint{{Name: name, Kind: record.ProbeDNS, Port: port, TTL: t.ttl()}}
	for _, p := range t.proxies {
		if p.fronts == harness.MySQL {
			out = append(out, harness.Endpoint{Name: p.domain(), Kind: record.ProbeConnection, Port: port, TTL: endpoint.TTL})
		}
	}
	if t.vip {
		out = append(out, harness.Endpoint{Name: vipName, Kind: record.ProbeConnection, Port: port, TTL: endpoint.TTL})
	}
	return out
}

// Resolver implements harness.Topology: the datacenter's own, or else the DNS server itself, which caches nothing.
func (t *Topology) Resolver(datacenter string) string {
	for _, n := range t.resolvers {
		if n.Datacenter == datacenter {
			return n.Address + ":53"
		}
	}
	return t.dns.Address + ":53"
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

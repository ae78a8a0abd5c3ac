// Package groupreplication is the kind MySQL Group Replication with MySQL Router: a group of servers that elects its
// primary by itself, and a proxy in every datacenter that follows it. It lays topologies out, starts them, tells whether
// they are steady and who the primary is, watches the group at work, and reads what is left at the end.
package groupreplication

import (
	"fmt"
	"strconv"
	"sync"

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
	database = "firedrill"
	mysqld   = "mysqld"
	router   = "mysqlrouter"
)

// Ports, all as installed.
const (
	port      = 3306
	groupPort = 33061 // XCom: the members among themselves
	writePort = 6446  // Router: connections to the primary
)

// table is where the application writes, as statements name it.
const table = database + "." + workload.Table

// place is a node in a layout.
type place struct{ name, component, datacenter string }

// layout is a topology as data. Its first server makes the group, and is the primary at the start.
type layout struct {
	name, summary string
	places        []place
}

var layouts = []layout{{
	name:    "mysql-gr-3",
	summary: "a replication group of three MySQL servers that elects its primary itself, one in each of three datacenters; a MySQL Router and a resolver in each of the two that have an application",
	places: []place{
		{"g1", harness.MySQL, "dc1"},
		{"g2", harness.MySQL, "dc2"},
		{"g3", harness.MySQL, "dc3"},
		{"r1", harness.Router, "dc1"},
		{"r2", harness.Router, "dc2"},
		{"dns1", harness.DNS, "dc1"},
		{"dns2", harness.DNS, "dc2"},
		{"app1", harness.Application, "dc1"},
		{"app2", harness.Application, "dc2"},
	},
}}

// Kind makes the topologies of Group Replication.
type Kind struct{}

// Name implements harness.Kind.
func (Kind) Name() string { return "groupreplication" }

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
			b.Specs = append(b.Specs, harness.NodeSpec{
				Name: p.name, Component: p.component, Datacenter: p.datacenter,
				DataDir: images.DataDir(p.component), DataOwner: images.DataOwner(p.component),
			})
		}
		out = append(out, b)
	}
	return out
}

// member is a server of the group.
type member struct {
	*harness.Node
	serverID int
}

// Topology is a running one.
type Topology struct {
	nodes    []*harness.Node
	members  []*member // the first made the group
	routers  []*harness.Node
	names    map[string]*harness.Node // DNS servers, by datacenter
	settings harness.Settings

	mu      sync.Mutex
	configs map[string]string // as run
}

var _ harness.Topology = (*Topology)(nil)

// build checks the nodes and settings against the layout, so that Start meets no surprise of that sort.
func build(l layout, nodes []*harness.Node, settings harness.Settings) (*Topology, error) {
	t := &Topology{nodes: nodes, names: map[string]*harness.Node{}, settings: settings, configs: map[string]string{}}
	for i, p := range l.places {
		n, err := harness.Find(nodes, p.name)
		if err != nil {
			return nil, fmt.Errorf("lay %s out: %w", l.name, err)
		}
		switch p.component {
		case harness.MySQL:
			t.members = append(t.members, &member{Node: n, serverID: i + 1})
		case harness.Router:
			t.routers = append(t.routers, n)
		case harness.DNS:
			t.names[p.datacenter] = n
		}
	}
	if err := t.checkSettings(); err != nil {
		return nil, fmt.Errorf("lay %s out: %w", l.name, err)
	}
	return t, nil
}

// InGroup says that the role of a database is its group's to tell.
func (t *Topology) InGroup() bool { return true }

// Databases implements harness.Topology.
func (t *Topology) Databases() []*harness.Node {
	var out []*harness.Node
	for _, m := range t.members {
		out = append(out, m.Node)
	}
	return out
}

// Admin implements harness.Topology: root, over the socket.
func (t *Topology) Admin(*harness.Node) agent.Database {
	return agent.Database{Driver: "mysql", Host: images.MySQLSocket, User: "root"}
}

// Application implements harness.Topology. The port is a server's own; through the endpoint it is Router's.
func (t *Topology) Application() agent.Database {
	return agent.Database{Driver: "mysql", Port: port, User: "app", Password: images.DrillPassword, Name: database}
}

// Servers implements harness.Topology: server_id to node.
func (t *Topology) Servers() map[string]string {
	out := map[string]string{}
	for _, m := range t.members {
		out[strconv.Itoa(m.serverID)] = m.Name
	}
	return out
}

// Endpoints implements harness.Topology: in every datacenter the name leads to that datacenter's Router.
func (t *Topology) Endpoints() []harness.Endpoint {
	return []harness.Endpoint{{Name: name, Kind: record.ProbeConnection, Port: writePort, TTL: endpoint.TTL}}
}

// Resolver implements harness.Topology: each datacenter has its own.
func (t *Topology) Resolver(datacenter string) string {
	n, ok := t.names[datacenter]
	if !ok {
		return ""
	}
	return n.Address + ":53"
}

// member finds a server by name.
func (t *Topology) member(name string) *member {
	for _, m := range t.members {
		if m.Name == name {
			return m
		}
	}
	return nil
}

// Logs implements harness.Topology.
func (t *Topology) Logs(n *harness.Node) []string {
	switch n.Component {
	case harness.MySQL:
		return []string{logOf(mysqld)}
	case harness.Router:
		return []string{logOf(router)}
	case harness.DNS:
		return []string{logOf(endpoint.ProcessName)}
	}
	return nil
}

func logOf(process string) string { return "/var/log/firedrill/" + process + ".log" }

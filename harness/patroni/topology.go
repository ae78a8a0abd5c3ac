// Package patroni stands up PostgreSQL under Patroni and etcd, with the proxy and the name that applications reach it
// by. A topology is a layout: a list of nodes and the settings that make it what it is. Everything else is the same
// for all of them.
package patroni

import (
	"fmt"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/endpoint"
	"github.com/firedrill/firedrill/harness/haproxy"
	"github.com/firedrill/firedrill/harness/images"
	"github.com/firedrill/firedrill/harness/record"
)

// Names that every topology of this kind has.
const (
	scope     = "firedrill"
	namespace = "/service/"

	zone = "shop.test"
	// PrimaryName is the DNS name that the callback points at the leader.
	PrimaryName = "db." + zone
	// ProxyName is the DNS name of the proxy.
	ProxyName = "proxy." + zone
	// VIPName is the DNS name of the virtual address.
	VIPName = "vip." + zone
	// Direct is the way of an application that knows every node: what the others cost is what they take longer.
	Direct = "direct"

	database = "firedrill"
	appUser  = "app"
)

// Ports, all as installed.
const (
	postgresPort = 5432
	restPort     = 8008
	etcdPort     = 2379
	etcdPeerPort = 2380
	proxyPort    = 5432
)

// Processes as drills call them. PostgreSQL is Patroni's own child.
const (
	ProcessPatroni  = "patroni"
	ProcessPostgres = "postgres"
	ProcessEtcd     = "etcd"
	ProcessHAProxy  = haproxy.Process
)

// Kind makes Patroni topologies. The zero value is ready.
type Kind struct{}

// Name is patroni.
func (Kind) Name() string { return "patroni" }

// Blueprints are the layouts.
func (Kind) Blueprints() []harness.Blueprint {
	var out []harness.Blueprint
	for _, l := range layouts {
		for i := range l.specs {
			l.specs[i].DataDir = images.DataDir(l.specs[i].Component)
			l.specs[i].DataOwner = images.DataOwner(l.specs[i].Component)
		}
		out = append(out, harness.Blueprint{
			Name: l.name, Summary: l.summary, Specs: l.specs,
			Build: func(nodes []*harness.Node, settings harness.Settings) (harness.Topology, error) {
				return newTopology(l, nodes, settings)
			},
		})
	}
	return out
}

// Topology is a running one.
type Topology struct {
	config    config
	nodes     []*harness.Node
	databases []*harness.Node
	etcd      []*harness.Node
	proxies   []*harness.Node
	names     []*harness.Node // DNS servers
	resolvers []*harness.Node // caching ones, at most one a datacenter

	vip      bool
	endpoint *endpoint.Server // from Start on
}

var _ harness.Topology = (*Topology)(nil)

func newTopology(l layout, nodes []*harness.Node, settings harness.Settings) (*Topology, error) {
	t := &Topology{
		vip:       l.vip,
		nodes:     nodes,
		databases: harness.ByComponent(nodes, harness.Patroni),
		etcd:      harness.ByComponent(nodes, harness.Etcd),
		proxies:   harness.ByComponent(nodes, harness.HAProxy),
		names:     harness.ByComponent(nodes, harness.DNS),
		resolvers: harness.ByComponent(nodes, harness.Resolver),
	}
	if len(t.databases) == 0 || len(t.etcd) == 0 || len(t.names) != 1 {
		return nil, fmt.Errorf("build %s: needs Patroni nodes, etcd members and one DNS server; has %d, %d and %d",
			l.name, len(t.databases), len(t.etcd), len(t.names))
	}
	var err error
	if t.config, err = newConfig(l, nodes, settings); err == nil {
		err = t.checkVIPSettings()
	}
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", l.name, err)
	}
	return t, nil
}

// Databases are the Patroni nodes.
func (t *Topology) Databases() []*harness.Node { return t.databases }

// Admin reaches PostgreSQL over its unix socket, where pg_hba.conf trusts everybody inside the node.
func (t *Topology) Admin(*harness.Node) agent.Database {
	return agent.Database{Driver: "postgres", Host: socketDir, Port: postgresPort, User: "postgres", Name: "postgres"}
}

// Application is the account app, which is no superuser.
func (t *Topology) Application() agent.Database {
	return agent.Database{Driver: "postgres", Port: postgresPort, User: appUser, Password: images.DrillPassword, Name: database}
}

// Servers names what PostgreSQL nodes acknowledge with: the name that their configuration gives them.
func (t *Topology) Servers() map[string]string {
	out := map[string]string{}
	for _, n := range t.databases {
		out[n.Address], out[n.Name] = n.Name, n.Name
	}
	return out
}

// addresses of the databases.
func (t *Topology) addresses() []string {
	var out []string
	for _, n := range t.databases {
		out = append(out, n.Address)
	}
	return out
}

// Endpoints are the name that follows the leader, the nodes themselves and, where there are such, the proxy and the
// virtual address.
func (t *Topology) Endpoints() []harness.Endpoint {
	out := []harness.Endpoint{{Name: PrimaryName, Kind: record.ProbeDNS, Port: postgresPort, TTL: endpoint.TTL}}
	if len(t.proxies) > 0 {
		out = append(out, harness.Endpoint{Name: ProxyName, Kind: record.ProbeConnection, Port: proxyPort, TTL: endpoint.TTL})
	}
	out = append(out, harness.Endpoint{Name: Direct, Port: postgresPort, Hosts: t.addresses()})
	if t.hasEnv() {
		out = append(out, t.envEndpoint())
	}
	if t.vip {
		out = append(out, harness.Endpoint{Name: VIPName, Kind: record.ProbeConnection, Port: postgresPort, TTL: endpoint.TTL})
	}
	return out
}

// Resolver is the datacenter's own, or else the DNS server itself, which caches nothing; empty before Start.
func (t *Topology) Resolver(datacenter string) string {
	for _, n := range t.resolvers {
		if n.Datacenter == datacenter {
			return t.resolver(n).Address()
		}
	}
	if t.endpoint == nil {
		return ""
	}
	return t.endpoint.Resolver()
}

// resolver is that of a node. In a datacenter that has a proxy, its name leads to that one: a connection takes the way
// through another datacenter to the leader only.
func (t *Topology) resolver(n *harness.Node) endpoint.Resolver {
	r := endpoint.Resolver{Node: n, Upstream: t.names[0], Settings: t.config.settings[harness.Resolver], Local: map[string]string{}}
	for _, p := range t.proxies {
		if p.Datacenter == n.Datacenter {
			r.Local[ProxyName] = p.Address
		}
	}
	return r
}

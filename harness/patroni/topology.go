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

	endpoint *endpoint.Server // from Start on
}

var _ harness.Topology = (*Topology)(nil)

func newTopology(l layout, nodes []*harness.Node, settings harness.Settings) (*Topology, error) {
	t := &Topology{
		nodes:     nodes,
		databases: harness.ByComponent(nodes, harness.Patroni),
		etcd:      harness.ByComponent(nodes, harness.Etcd),
		proxies:   harness.ByComponent(nodes, harness.HAProxy),
		names:     harness.ByComponent(nodes, harness.DNS),
	}
	if len(t.databases) == 0 || len(t.etcd) == 0 || len(t.names) != 1 {
		return nil, fmt.Errorf("build %s: needs Patroni nodes, etcd members and one DNS server; has %d, %d and %d",
			l.name, len(t.databases), len(t.etcd), len(t.names))
	}
	var err error
	if t.config, err = newConfig(l, nodes, settings); err != nil {
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

// Servers names the addresses that PostgreSQL nodes acknowledge with.
func (t *Topology) Servers() map[string]string {
	out := map[string]string{}
	for _, n := range t.databases {
		out[n.Address] = n.Name
	}
	return out
}

// Endpoints are the name that follows the leader and, where there is one, the proxy.
func (t *Topology) Endpoints() []harness.Endpoint {
	out := []harness.Endpoint{{Name: PrimaryName, Kind: record.ProbeDNS, Port: postgresPort, TTL: endpoint.TTL}}
	if len(t.proxies) > 0 {
		out = append(out, harness.Endpoint{Name: ProxyName, Kind: record.ProbeConnection, Port: proxyPort, TTL: endpoint.TTL})
	}
	return out
}

// Resolver is the one DNS server of the topology, whatever the datacenter; empty before Start.
func (t *Topology) Resolver(string) string {
	if t.endpoint == nil {
		return ""
	}
	return t.endpoint.Resolver()
}

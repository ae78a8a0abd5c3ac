// Package harness stands topologies up and lets the rest of the program reach into them. It holds the vocabulary
// that providers (where a node runs) and kinds (what runs on it) share, so that there are n + m packages and not n x m.
package harness

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
)

// ErrUnavailable marks what a drill needs and what cannot be had here: the drill is not drilled, and says why.
var ErrUnavailable = errors.New("not available here")

// Components of a node. A component is an image and a role in the topology.
const (
	MySQL        = "mysql"
	Orchestrator = "orchestrator"
	Backend      = "backend" // the MySQL server that Orchestrators keep their state in
	MariaDB      = "mariadb"
	MariaDB1011  = "mariadb-10.11" // the release before
	Patroni      = "patroni"
	Etcd         = "etcd"
	HAProxy      = "haproxy"
	Router       = "router" // MySQL Router
	DNS          = "dns"
	Resolver     = "resolver" // a caching one, which applications of its datacenter ask
	Application  = "application"
	Web          = "web"          // the application tier of a region: HTTP in front of its database
	DNSFailover  = "dns-failover" // the controller that moves a name to another region
)

// NodeSpec asks a provider for a node.
type NodeSpec struct {
	Name       string
	Component  string
	Image      string // by its name in the catalogue, where it is not the component's own
	Datacenter string
	DataDir    string // where its component keeps its data; empty where there is nothing worth breaking
	DataOwner  string // the user that its data belongs to; empty means root
	Fittings   []Fitting
}

// Fitting is something that a node must have from the beginning for some faults, because a node that stands cannot be
// given it any more. Each costs something, so only drills that need it have it.
type Fitting string

// Fittings of a node.
const (
	// FitVolume puts DataDir on a file system of its own, of VolumeSize: a full disk is then that one, and not the
	// disk of whoever runs the drill.
	FitVolume Fitting = "volume"
	// FitMemory bounds the node's memory to MemoryLimit: an OOM kill is then the node's own.
	FitMemory Fitting = "memory"
	// FitShim starts the node's processes under a shim that can slow or fail their disk and turn their clock.
	FitShim Fitting = "shim"
)

// Means says in a few words what a fitting is.
func (f Fitting) Means() string {
	return map[Fitting]string{
		FitVolume: "a file system of its own for the data, from the beginning (volume)",
		FitMemory: "a limit of its memory, from the beginning (memory)",
		FitShim:   "a shim before libc under its processes, from the beginning (shim)",
	}[f]
}

// Sizes of fittings. A MySQL node of ours has 110 MB on disk and 240 MB in memory when it is idle.
const (
	VolumeSize  = 512 << 20
	MemoryLimit = 1 << 30
)

// Node is a host that stands, with its agent.
type Node struct {
	Name       string
	Component  string
	Datacenter string
	Address    string
	Fittings   []Fitting
	Agent      *agent.Client
	Power      Power // nil where the provider has no switch: the agent then does what it can
	Wall       Wall  // nil where the provider has no firewall
}

// Wall is a provider's packet filter around the machines of one datacenter, which share it.
type Wall interface {
	// Shut lets nothing through but the controller's stream; inside everything goes on. It returns when the provider has taken
	// that, not when it is so.
	Shut(ctx context.Context) error
	// Open lets through what passed before.
	Open(ctx context.Context) error
}

// Power is the switch of a machine.
type Power interface {
	// Off takes the power of a machine whose network and processes a fault has taken already, and returns what the provider
	// said. It blocks until the machine is off; the agent's session is suspended.
	Off(ctx context.Context) (proof string, err error)
	// Reboot takes the power of such a machine and returns; the machine is back after a time or, where that is 0, as soon as it
	// can be by itself.
	Reboot(ctx context.Context, after time.Duration) (proof string, err error)
	// On gives the power back, and blocks until the agent answers again, with the processes that ran. A machine that is on stays on.
	On(ctx context.Context) error
}

// Fitted says whether the node has a fitting.
func (n *Node) Fitted(f Fitting) bool { return slices.Contains(n.Fittings, f) }

// Record describes the node for the manifest.
func (n *Node) Record() record.Node {
	return record.Node{Name: n.Name, Component: n.Component, Datacenter: n.Datacenter, Address: n.Address}
}

// Identity names a drill to a provider: everything that is created carries it.
type Identity struct {
	Run, Drill string
}

// Provider stands nodes up. It is used for one drill at a time.
type Provider interface {
	Name() string
	// Up makes the nodes, all at once, and returns when every agent answers. On an error the caller still calls
	// Down: whatever was made goes.
	Up(ctx context.Context, id Identity, specs []NodeSpec) ([]*Node, error)
	// Down removes everything that carries the identity.
	Down(ctx context.Context, id Identity) error
	// Environment describes where the nodes run, for the report.
	Environment(ctx context.Context) map[string]string
}

// Namer is a provider that can give a drill a name outside of it, which anybody resolves and which follows the drill's own.
type Namer interface {
	// Zone is the domain in which drills are to have such a name; empty: in none.
	Zone() string
	// PublicName makes the name of a drill, in the zone, leading to an IPv4 address. ttl, in seconds, is what is wished for. Down
	// removes it.
	PublicName(ctx context.Context, id Identity, target string, ttl int) (*PublicName, error)
}

// PublicName is a name that a Namer has made.
type PublicName struct {
	Full    string   // as clients resolve it
	TTL     int      // seconds, as the provider keeps it, which may be longer than was wished for
	Servers []string // name servers that answer for it, address:port
	// Follow leads it wherever own says, until ctx ends. told hears of every move, and of every error, after which it is tried again.
	Follow func(ctx context.Context, own func(context.Context) (string, error), told func(target string, err error))
}

// Settings are the scenario's own: component, then key, then value.
type Settings map[string]map[string]string

// Set keeps a setting.
func (s Settings) Set(component, key, value string) {
	if s[component] == nil {
		s[component] = map[string]string{}
	}
	s[component][key] = value
}

// userFiles is the component under which Settings keep files of the user's.
const userFiles = "file"

// SetFile keeps a file of the user's as something that a component has (patroni, on_role_change). name is its own.
func (s Settings) SetFile(component, as, name string, content []byte) {
	s.Set(userFiles, component+":"+as, name+"\n"+string(content))
}

// Files are those that SetFile has kept, by COMPONENT:NAME.
func (s Settings) Files() map[string]File {
	out := map[string]File{}
	for as, text := range s[userFiles] {
		name, content, _ := strings.Cut(text, "\n")
		out[as] = File{Name: name, Content: []byte(content)}
	}
	return out
}

// Keys are all but files, as a scenario's table may have them.
func (s Settings) Keys() Settings {
	out := maps.Clone(s)
	delete(out, userFiles)
	return out
}

// File is one of the user's.
type File struct {
	Name    string
	Content []byte
}

// Flat lists them as component/key, for the record.
func (s Settings) Flat() map[string]string {
	out := map[string]string{}
	for component, kv := range s {
		for k, v := range kv {
			if component == userFiles {
				v, _, _ = strings.Cut(v, "\n")
			}
			out[component+"/"+k] = v
		}
	}
	return out
}

// Endpoint is a way to the primary that an application can take.
type Endpoint struct {
	Name string // what the application connects to
	// Kind is record.ProbeDNS or record.ProbeConnection; empty where there is nothing between the application and the
	// databases that could lead anywhere.
	Kind string
	// Hosts are all databases, for a driver that tries each of them and keeps to the one that takes writes.
	Hosts []string
	Port  int
	TTL   int
	// Driver of what is behind it, where that is not the database itself.
	Driver string
	// Env is the file on the application's host that has the host of the database, for one that asks no name.
	Env *agent.EnvFile
}

// Topology is a running one; kinds implement it. It never touches a clock of its own: what it reports goes through
// the agents or the sink.
type Topology interface {
	// Start configures and starts everything, and returns when the pieces have been joined.
	Start(ctx context.Context) error
	// Steady returns the reasons why the topology is not (yet) as it should be; none means that it is.
	Steady(ctx context.Context) ([]string, error)
	// Primary is the node that holds the role now, as the failover manager sees it.
	Primary(ctx context.Context) (*Node, error)
	// Databases are the nodes that can hold the role.
	Databases() []*Node
	// Admin reaches the database of a node from inside that node.
	Admin(n *Node) agent.Database
	// Application is how an application logs in; the host is the caller's to set.
	Application() agent.Database
	// Servers names what databases call themselves in an acknowledgement.
	Servers() map[string]string
	// Endpoints that applications can use; the first is the default.
	Endpoints() []Endpoint
	// Resolver is the DNS server of a datacenter, address:port.
	Resolver(datacenter string) string
	// Watch reports what the failover manager does, until ctx ends, timed by now (the drill's time).
	Watch(ctx context.Context, sink agent.Sink, now func() time.Duration)
	// Select resolves a kind's own targets ("the Orchestrator leader", "a minority of etcd"); ok is false for
	// words that are not its own.
	Select(ctx context.Context, target string) (nodes []*Node, ok bool, err error)
	// Survey reads the state of every database after convergence, and the application's rows from the primary.
	Survey(ctx context.Context) (record.Final, []record.Row, error)
	// Operate does what an operator would (switchover), by verb.
	Operate(ctx context.Context, verb string, args ...string) error
	// Describe returns versions and effective settings for the report.
	Describe(ctx context.Context) map[string]string
	// Logs are the files worth keeping of a node.
	Logs(n *Node) []string
	// Config are the configuration files as run, by node and name, secrets masked.
	Config() map[string]string
}

// Kind makes topologies.
type Kind interface {
	Name() string // mysql, patroni, groupreplication
	// Blueprints are the topologies that it offers.
	Blueprints() []Blueprint
}

// Blueprint is a topology by name.
type Blueprint struct {
	Name    string
	Kind    string
	Summary string
	Specs   []NodeSpec
	// Build makes the topology over nodes that stand.
	Build func(nodes []*Node, settings Settings) (Topology, error)
}

// Catalogue is every blueprint of some kinds.
type Catalogue []Blueprint

// NewCatalogue gathers the blueprints of kinds. Two of one name are a mistake of ours, found at start-up.
func NewCatalogue(kinds ...Kind) Catalogue {
	var c Catalogue
	for _, k := range kinds {
		for _, b := range k.Blueprints() {
			if _, err := c.Find(b.Name); err == nil {
				panic("two topologies are named " + b.Name)
			}
			b.Kind = k.Name()
			c = append(c, b)
		}
	}
	sort.Slice(c, func(i, j int) bool { return c[i].Name < c[j].Name })
	return c
}

// Find returns a blueprint; the error names those that there are.
func (c Catalogue) Find(name string) (Blueprint, error) {
	var names []string
	for _, b := range c {
		if b.Name == name {
			return b, nil
		}
		names = append(names, b.Name)
	}
	return Blueprint{}, fmt.Errorf("there is no topology %q; there are: %s", name, strings.Join(names, ", "))
}

// Components of a blueprint, once each, in order.
func (b Blueprint) Components() []string {
	var out []string
	for _, s := range b.Specs {
		if !slices.Contains(out, s.Component) {
			out = append(out, s.Component)
		}
	}
	sort.Strings(out)
	return out
}

// ByComponent filters nodes.
func ByComponent(nodes []*Node, component string) []*Node {
	var out []*Node
	for _, n := range nodes {
		if n.Component == component {
			out = append(out, n)
		}
	}
	return out
}

// Find returns a node by name.
func Find(nodes []*Node, name string) (*Node, error) {
	var names []string
	for _, n := range nodes {
		if n.Name == name {
			return n, nil
		}
		names = append(names, n.Name)
	}
	return nil, fmt.Errorf("there is no node %q; there are: %s", name, strings.Join(names, ", "))
}

// Names lists the topologies, for a message.
func (c Catalogue) Names() string {
	var names []string
	for _, b := range c {
		names = append(names, b.Name)
	}
	return strings.Join(names, ", ")
}

// RequireVariable turns a test's skip for want of something (an engine, Orchestrator) into a failure, so that a green CI
// has tested what it was meant to: a list of kinds (mysql, groupreplication, patroni) or "docker", with commas.
const RequireVariable = "FIREDRILL_REQUIRE"

// Required says whether RequireVariable names something.
func Required(what string) bool {
	for _, s := range strings.Split(os.Getenv(RequireVariable), ",") {
		if strings.TrimSpace(s) == what {
			return true
		}
	}
	return false
}

// Package agent is the controller's side of the small process inside every node: the protocol and its client.
//
// The controller speaks JSON-RPC 2.0, one object a line, over the standard input and output of a bridge process in
// the node (Docker exec stream, SSH stream): never over the drilled network, so a partition cannot cut it off. The
// node's side is package node, one folder down.
package agent

import (
	"encoding/json"
	"time"
)

// Socket is where the agent listens inside its node; "firedrill agent connect" bridges it to standard input and output.
const Socket = "/run/firedrill/agent.sock"

// Lease is how long an agent believes in a controller it does not hear from. A closed stream ends the session at
// once; the lease is for a controller that hangs, or whose machine is gone. It is long against the stalls of a busy
// machine: an agent that heals too early spoils the drill.
const Lease = 15 * time.Second

// Methods of the protocol.
const (
	MethodHello     = "hello"
	MethodClock     = "clock"
	MethodPut       = "put"
	MethodRead      = "read"
	MethodExec      = "exec"
	MethodDefine    = "define"
	MethodStart     = "start"
	MethodStop      = "stop"
	MethodProcesses = "processes"
	MethodCan       = "can"
	MethodDo        = "do"
	MethodInspect   = "inspect"
	MethodHeal      = "heal"
	MethodFaults    = "faults"
	MethodSweep     = "sweep"
	MethodHTTP      = "http"
	MethodQuery     = "query"
	MethodObserve   = "observe"
	MethodLoad      = "load"
	MethodProbe     = "probe"
	MethodQuiet     = "quiet"
	MethodTail      = "tail"
	MethodExchange  = "exchange"
	MethodLookup    = "lookup"
)

// Notifications from the agent; their parameters are the record types, timed by the node's own monotonic clock.
const (
	NotifyOp     = "op"
	NotifySample = "sample"
	NotifyProbe  = "probe"
	NotifyEvent  = "event"
)

// Hello is what an agent says of itself.
type Hello struct {
	Version  string `json:"version"`
	Hostname string `json:"hostname"`
	Kernel   string `json:"kernel"`
	BootID   string `json:"boot_id"` // equal boot ids share one monotonic clock
	Clock    int64  `json:"clock_ns"`
}

// Introduction is what a controller says of itself.
type Introduction struct {
	// Owner makes the session's end the end of everything: the agent heals all faults and stops the load. A visitor
	// (firedrill heal from another process) is not an owner.
	Owner bool `json:"owner"`
}

// File is put into a node.
type File struct {
	Path  string `json:"path"`
	Mode  uint32 `json:"mode"`            // permission bits; 0 means 0644
	Owner string `json:"owner,omitempty"` // user name in the node; empty means root
	Data  []byte `json:"data"`
}

// Command is run once in a node, without a shell.
type Command struct {
	Argv    []string      `json:"argv"`
	Env     []string      `json:"env,omitempty"`
	User    string        `json:"user,omitempty"`
	Stdin   string        `json:"stdin,omitempty"`
	Timeout time.Duration `json:"timeout_ns,omitempty"` // 0 means 30 s
}

// Output of a command. A code other than 0 is not an error of the call.
type Output struct {
	Code   int    `json:"code"`
	Stdout string `json:"stdout"`
	Stderr string `json:"stderr"`
}

// Process is a supervised program.
type Process struct {
	Name string   `json:"name"` // the name drills use: mysqld, patroni, etcd
	Argv []string `json:"argv"`
	Env  []string `json:"env,omitempty"`
	User string   `json:"user,omitempty"`
	Dir  string   `json:"dir,omitempty"`
	// DataDir is where it keeps its data: what disk faults break.
	DataDir string `json:"data_dir,omitempty"`
	// Prepare is run before a start that finds DataDir empty (a new volume, a disk that was replaced), as the process's
	// user; the process is started when it succeeds.
	Prepare []string `json:"prepare,omitempty"`
	// Restart is the pause after which an exited process is started again, as a service manager would; 0 means never.
	Restart time.Duration `json:"restart_ns,omitempty"`
	// StopSignal asks for a clean stop; empty means TERM.
	StopSignal string `json:"stop_signal,omitempty"`
	// Inner names processes that this one starts and manages itself, by the file that holds their pid.
	Inner map[string]string `json:"inner,omitempty"`
}

// ProcessState is how a supervised process stands.
type ProcessState struct {
	Name     string `json:"name"`
	Inner    bool   `json:"inner,omitempty"` // another process starts and manages it
	PID      int    `json:"pid"`             // 0: not running
	Frozen   bool   `json:"frozen,omitempty"`
	Held     bool   `json:"held,omitempty"` // a fault keeps it down
	Restarts int    `json:"restarts"`
	LastExit string `json:"last_exit,omitempty"`
}

// Stamp brackets a deed on the node's monotonic clock: it took effect between Began and Effective. Proof says what
// the agent saw of it; empty means that it saw nothing yet.
type Stamp struct {
	Began     int64  `json:"began_ns"`
	Effective int64  `json:"effective_ns"`
	Proof     string `json:"proof,omitempty"`
}

// Deed is something that an agent can do to its node, and undo: a struct of parameters that knows its kind. The
// node's side keeps one handler a kind.
type Deed interface{ Kind() string }

// Order asks an agent for a deed, as a part of a fault. Everything that was done under the name of the fault is undone
// by one heal of that name.
type Order struct {
	Fault string          `json:"fault"`
	Kind  string          `json:"kind"`
	Spec  json.RawMessage `json:"spec"`
	// AtMost has the agent heal the fault by itself after this time on its own clock, whoever else is alive; 0 means
	// never. It is said in an event of kind record.KindExpired.
	AtMost time.Duration `json:"at_most_ns,omitempty"`
}

// Answer says whether a node can do a deed; an empty reason means that it can.
type Answer struct {
	Reason string `json:"reason,omitempty"`
}

// Sweep is the state of a node in everything that a fault can change: what is in force (rules, queueing disciplines,
// links, stopped processes, mounts, offsets of the clock...), by subject. A node without a fault has the same before
// and after a drill.
type Sweep map[string][]string

// KillSpec ends processes. A heal starts what ran before.
type KillSpec struct {
	// Processes by name. Empty means the whole host: all supervised ones, what they manage, and with KILL all their
	// children; that nothing of it runs is then no error.
	Processes []string `json:"processes"`
	Signal    string   `json:"signal"` // KILL, or the clean stop of each process when empty
	// Hold keeps them down until the heal, whatever their restart policy.
	Hold bool          `json:"hold"`
	Wait time.Duration `json:"wait_ns,omitempty"` // how long to wait for the exit; 0 means 30 s
}

// Kind implements Deed.
func (KillSpec) Kind() string { return "kill" }

// FreezeSpec stops processes and all their children with SIGSTOP.
type FreezeSpec struct {
	Processes []string `json:"processes"` // empty means all supervised ones and what they manage (see PauseSpec for the whole node)
}

// Kind implements Deed.
func (FreezeSpec) Kind() string { return "freeze" }

// Directions and actions of a network rule.
const (
	In     = "in"
	Out    = "out"
	Both   = "both"
	Drop   = "drop"   // silence
	Refuse = "refuse" // TCP reset, ICMP unreachable for the rest
)

// NetworkSpec cuts traffic of the node, established connections included.
type NetworkSpec struct {
	Peers     []string `json:"peers,omitempty"`      // addresses; empty means everybody (but never the loopback)
	Ports     []uint16 `json:"ports,omitempty"`      // TCP and UDP ports of this node or of the peer; empty means all
	OwnPorts  bool     `json:"own_ports,omitempty"`  // Ports are this node's only: what it asks of the peers' is not cut
	PeerPorts bool     `json:"peer_ports,omitempty"` // Ports are the peers' only
	Direction string   `json:"direction,omitempty"`  // of the packets, seen from this node; empty means In
	Action    string   `json:"action,omitempty"`     // empty means Drop
}

// Kind implements Deed.
func (NetworkSpec) Kind() string { return "network" }

// FaultState is a fault that the agent has in force.
type FaultState struct {
	Fault string   `json:"fault"`
	Deeds []string `json:"deeds"`
}

// HTTPRequest is made by the agent from inside the node.
type HTTPRequest struct {
	Method  string              `json:"method"`
	URL     string              `json:"url"`
	Header  map[string][]string `json:"header,omitempty"`
	Body    []byte              `json:"body,omitempty"`
	Timeout time.Duration       `json:"timeout_ns,omitempty"`
}

// HTTPResponse answers an HTTPRequest.
type HTTPResponse struct {
	Status int                 `json:"status"`
	Header map[string][]string `json:"header,omitempty"`
	Body   []byte              `json:"body,omitempty"`
}

// Database says how to reach a database.
type Database struct {
	Driver   string `json:"driver"` // mysql, mariadb or postgres
	Host     string `json:"host"`   // name, address, or the path of a unix socket (mysql) or its folder (postgres)
	Port     int    `json:"port,omitempty"`
	User     string `json:"user"`
	Password string `json:"password,omitempty"`
	Name     string `json:"name,omitempty"`
}

// Query is run by the agent from inside the node, on a connection of its own.
type Query struct {
	Database Database      `json:"database"`
	SQL      string        `json:"sql"`
	Timeout  time.Duration `json:"timeout_ns,omitempty"` // 0 means 5 s
}

// Rows answers a Query; NULL is nil.
type Rows struct {
	Asked   time.Time   `json:"asked"` // wall clock of the node that asked, half way between question and answer
	Columns []string    `json:"columns"`
	Rows    [][]*string `json:"rows"`
}

// Get returns a column of a row, empty for NULL or for a column that is not there.
func (r Rows) Get(row int, column string) string {
	for i, c := range r.Columns {
		if c == column && row < len(r.Rows) && r.Rows[row][i] != nil {
			return *r.Rows[row][i]
		}
	}
	return ""
}

// Observe samples the local database, every Every, from now until Quiet.
type Observe struct {
	Node     string            `json:"node"`
	Database Database          `json:"database"`
	Every    time.Duration     `json:"every_ns"`
	Nodes    map[string]string `json:"nodes"` // address to node name, to name the source
	// CoPrimary says that the node is in a ring with its source: it is a primary when it is writable, although it
	// replicates.
	CoPrimary bool `json:"co_primary,omitempty"`
	// InGroup says that the node is a member of a replication group, which decides who its primary is (MySQL).
	InGroup bool `json:"in_group,omitempty"`
}

// Load makes the node an application: open-loop writers, from now until Quiet.
type Load struct {
	Node     string            `json:"node"`
	Vantage  string            `json:"vantage"`
	FirstID  int64             `json:"first_id"`
	Database Database          `json:"database"`
	Resolver string            `json:"resolver"` // address:port of the datacenter's resolver
	Tick     time.Duration     `json:"tick_ns"`
	Deadline time.Duration     `json:"deadline_ns"`
	Servers  map[string]string `json:"servers"` // server id (MySQL) or address (PostgreSQL) to node name
	Retries  int               `json:"retries,omitempty"`
	Backoff  time.Duration     `json:"backoff_ns,omitempty"` // before the first retry; doubles
	// Endpoint is what each write says that it went through; empty where there is one way only.
	Endpoint string `json:"endpoint,omitempty"`
	// Hosts are all databases, in place of Database.Host: the driver keeps to the one that takes writes.
	Hosts []string `json:"hosts,omitempty"`
	// Env is the file that the application has the host from, in place of Database.Host.
	Env *EnvFile `json:"env,omitempty"`
}

// EnvFile is an application's file of settings, KEY=VALUE. It reads the file when it starts, and again when Reloaded has
// been touched: an application that is not reloaded does not notice what became of its file.
type EnvFile struct {
	Path     string `json:"path"`
	Key      string `json:"key"`
	Reloaded string `json:"reloaded"` // file
}

// Endpoint is watched by an application node.
type Endpoint struct {
	Name     string            `json:"name"`
	Kind     string            `json:"kind"` // record.ProbeDNS, record.ProbeConnection or record.ProbeSession
	Via      []string          `json:"via"`  // resolvers, address:port
	Every    time.Duration     `json:"every_ns"`
	Deadline time.Duration     `json:"deadline_ns"`
	Database Database          `json:"database"` // but for ProbeDNS
	Servers  map[string]string `json:"servers"`  // address or server id to node name
	Vantage  string            `json:"vantage"`
}

// named carries a bare name.
type named struct {
	Name string `json:"name"`
}

// Named makes the parameters of the calls that take a name.
func Named(name string) any { return named{name} }

// Tail follows a JSON-lines log in the node (hooks write them) and reports each line as an event of kind hook.
type Tail struct {
	Node string `json:"node"`
	Path string `json:"path"`
	Kind string `json:"kind"` // empty when each line is an event of the record itself, but for its time
}

// Raw is a shorthand for undecoded parameters.
type Raw = json.RawMessage

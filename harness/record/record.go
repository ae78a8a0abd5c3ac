// Package record is the history of a drill: what was done, what was written, what was seen.
//
// It is the bottom of the house. The harness writes it, the verifiers judge it, the reports print it, and none of
// them needs the others: a run of last year can be judged again from its folder alone. The package imports nothing
// but the standard library.
//
// All times are durations since the drill's epoch, taken from a monotonic clock. A node's clock is converted
// before anything is recorded; Manifest.Clocks keeps the offset and the error of each conversion.
package record

import (
	"encoding/json"
	"time"
)

// Event kinds. A kind is what a reader filters on; the message is for people.
const (
	KindPhase            = "phase"             // the drill entered the phase named by Msg
	KindDetected         = "detected"          // the failover manager noticed: Msg is its own word for it (an analysis code, a lost leader key)
	KindPromotionStarted = "promotion_started" // the failover manager began to promote
	KindPromoted         = "promoted"          // Node became the primary and writable, as the failover manager or the node itself says
	KindFlipped          = "flipped"           // the record of the endpoint was changed: what is left of the way are caches
	KindManager          = "manager"           // any other state of the failover manager worth a line
	KindHook             = "hook"              // a hook or callback ran: Attrs name, exit, and what it was given
	KindProcess          = "process"           // a supervised process started or exited: Attrs process, state, code
	KindSteady           = "steady"            // the reasons why the topology is not steady changed; empty Msg means steady
	KindConverged        = "converged"         // the topology is whole again after the heal, or Attrs missing says what is not
	KindStall            = "stall"             // a prober, a controller or the host did not run for Attrs ms, until T
	KindStarved          = "starved"           // in the Attrs ms until T the host's processors were too few for what ran on it: a database on it may have been slow for that alone
	KindOperator         = "operator"          // what a person would do by hand: a switchover, an acknowledgement
	KindNote             = "note"              // anything else worth a line in the timeline
	KindObserved         = "observed"          // an effect that a step looked for: Attrs look (which step's), value (a number or a word)
	KindExpired          = "expired"           // an agent healed a fault by itself after its longest time: Attrs fault, down_ns and up_ns (of its clock)
	KindError            = "error"             // something of ours went wrong: it makes the drill Inconclusive
)

// Event is one line of the drill's timeline.
type Event struct {
	T     time.Duration     `json:"t_ns"`
	Kind  string            `json:"kind"`
	Node  string            `json:"node,omitempty"`
	Msg   string            `json:"msg"`
	Attrs map[string]string `json:"attrs,omitempty"`
}

// Outcome says what the application knows of a write.
type Outcome string

// Outcomes of a write. A write whose answer never came may still have been done: it is Indeterminate, never Rejected.
const (
	Acked         Outcome = "acked"
	Rejected      Outcome = "rejected"
	Indeterminate Outcome = "indeterminate"
)

// Op is one write of the application. ID is unique in the drill; the row it writes carries the same ID.
type Op struct {
	ID      int64  `json:"id"`
	Attempt int    `json:"attempt,omitempty"` // 0 for the first try, counted up when the application retries
	Vantage string `json:"vantage"`           // datacenter the application runs in
	Node    string `json:"node"`              // application node
	// Endpoint that it was written through, where the application has more than one way (Workload.Ways); else empty.
	Endpoint string        `json:"endpoint,omitempty"`
	Due      time.Duration `json:"due_ns"`   // when the open-loop schedule wanted it
	Start    time.Duration `json:"start_ns"` // when it really began: Start-Due beyond a tick is a stall of the prober
	End      time.Duration `json:"end_ns"`   // when the answer, or the deadline, came
	Outcome  Outcome       `json:"outcome"`
	Server   string        `json:"server,omitempty"` // node that acknowledged it
	Err      string        `json:"err,omitempty"`
}

// Roles of a database node as it reports them itself.
const (
	RolePrimary = "primary" // MySQL: replicates from nobody and is writable; PostgreSQL: not in recovery
	RoleReplica = "replica"
)

// Sample is what a database node said of itself, asked from inside the node.
type Sample struct {
	T           time.Duration `json:"t_ns"`     // when the answer arrived: a frozen node answers late
	Asked       time.Duration `json:"asked_ns"` // when it was asked
	Node        string        `json:"node"`
	Alive       bool          `json:"alive"`              // it answered
	Role        string        `json:"role,omitempty"`     // RolePrimary, RoleReplica or empty when unknown
	Writable    bool          `json:"writable"`           // it takes writes: read_only off, or not in recovery
	Blocked     bool          `json:"blocked,omitempty"`  // it takes writes but cannot acknowledge them (semi-sync or synchronous commit with no standby)
	Source      string        `json:"source,omitempty"`   // node it replicates from
	Replicating bool          `json:"replicating"`        // receiver and applier both run
	Position    string        `json:"position,omitempty"` // executed GTID set, or LSN with timeline
	LagMS       int64         `json:"lag_ms,omitempty"`   // apply lag; -1 when unknown
	DelayS      int64         `json:"delay_s,omitempty"`  // it applies so many seconds late on purpose
	Errant      string        `json:"errant,omitempty"`   // transactions that no other node has, where the node can tell
	Err         string        `json:"err,omitempty"`
}

// Kinds of endpoint probe.
const (
	ProbeDNS        = "dns"        // a lookup: Answer is the node whose address was returned
	ProbeConnection = "connection" // a new connection through a proxy or a virtual address: Answer is the node that served it
	ProbeSession    = "session"    // the same, on a connection that is kept open until it breaks, as a pool does
)

// Probe is one look at an endpoint from one datacenter.
type Probe struct {
	T        time.Duration `json:"t_ns"`
	Asked    time.Duration `json:"asked_ns"`
	Vantage  string        `json:"vantage"`
	Endpoint string        `json:"endpoint"` // the name that the application uses
	Kind     string        `json:"kind"`
	Via      string        `json:"via"` // resolver asked
	Answer   string        `json:"answer,omitempty"`
	TTL      int           `json:"ttl_s,omitempty"`
	Err      string        `json:"err,omitempty"`
}

// FaultState is a step in a fault's life: new, injecting, active, healing, healed, and doubtful after any error.
type FaultState string

// States of a fault. From Doubtful only a heal is legal.
const (
	FaultNew       FaultState = "new"
	FaultInjecting FaultState = "injecting"
	FaultActive    FaultState = "active"
	FaultHealing   FaultState = "healing"
	FaultHealed    FaultState = "healed"
	FaultDoubtful  FaultState = "doubtful"
)

// FaultStep is one line of faults.jsonl: a fault entered a state. The lines of a fault carry everything that a
// heal by another process needs (name, parameters, targets).
type FaultStep struct {
	T       time.Duration   `json:"t_ns"`
	ID      string          `json:"id"`
	Name    string          `json:"name"`           // registry name, such as process.kill
	Text    string          `json:"text,omitempty"` // the step as the user wrote it
	Params  json.RawMessage `json:"params,omitempty"`
	Targets []string        `json:"targets"`
	State   FaultState      `json:"state"`
	// Began and Effective bracket the deed on the node's own clock: it took effect not before Began and not after
	// Effective. Set with FaultActive and FaultHealed. All targets are inside the bracket.
	Began     time.Duration `json:"began_ns,omitempty"`
	Effective time.Duration `json:"effective_ns,omitempty"`
	Proof     string        `json:"proof,omitempty"` // what was observed; empty means nothing was
	Err       string        `json:"err,omitempty"`
	OneShot   bool          `json:"one_shot,omitempty"` // nothing is left to heal once it is done (a switchover)
}

// Row is one row of the application's table as found on the surviving primary.
type Row struct {
	ID      int64  `json:"id"`
	Attempt int    `json:"attempt,omitempty"`
	Server  string `json:"server,omitempty"` // node that committed it
}

// NodeState is what a database node said after convergence.
type NodeState struct {
	Node        string `json:"node"`
	Reachable   bool   `json:"reachable"`
	Role        string `json:"role,omitempty"`
	Writable    bool   `json:"writable"`
	Source      string `json:"source,omitempty"`
	Replicating bool   `json:"replicating"`
	Position    string `json:"position,omitempty"`
	Errant      string `json:"errant,omitempty"` // transactions it has and the surviving primary has not
	// ErrantUntold says why an empty Errant is no proof; empty when it is one.
	ErrantUntold string `json:"errant_untold,omitempty"`
	// Beyond are the IDs of application rows that it has and the surviving primary has not: what was lost may be here.
	Beyond []int64 `json:"beyond,omitempty"`
	Err    string  `json:"err,omitempty"`
}

// Final is the state read once the faults were healed, the writers drained and the replay finished.
type Final struct {
	Primary   string        `json:"primary"`    // surviving primary, whose rows are the truth
	ReadAt    time.Duration `json:"read_at_ns"` // when its rows were read
	WaitedFor string        `json:"waited_for"` // what had to be true before they were read
	Complete  bool          `json:"complete"`   // that really was true, and every row was read
	RowCount  int           `json:"row_count"`
	Nodes     []NodeState   `json:"nodes"`
	// Timeline is PostgreSQL's, of the surviving primary; Forks are those that it comes from, oldest first.
	Timeline int    `json:"timeline,omitempty"`
	Forks    []Fork `json:"forks,omitempty"`
}

// Fork is where a timeline of PostgreSQL was left for the next one. What anybody wrote on it after that place is in
// no history of the survivor.
type Fork struct {
	Timeline int    `json:"timeline"`
	At       string `json:"at"` // position in the WAL, in PostgreSQL's writing
}

// Run is one drill as recorded.
type Run struct {
	Manifest Manifest
	Events   []Event
	Ops      []Op
	Samples  []Sample
	Probes   []Probe
	Faults   []FaultStep
	Rows     []Row
	// Truncated names the files whose last line was cut off: the writer was killed.
	Truncated []string
}

// Complete says whether the drill went through all of its phases: only then can absence be judged.
func (r *Run) Complete() bool { return r.Manifest.Completed && len(r.Truncated) == 0 }

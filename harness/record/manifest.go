package record

import (
	"encoding/json"
	"time"
)

// Manifest says what the drill was: it is drill.json in the drill's folder.
type Manifest struct {
	Schema   string    `json:"schema"` // "firedrill/drill/v1"
	RunID    string    `json:"run_id"`
	DrillID  string    `json:"drill_id"`
	Feature  string    `json:"feature,omitempty"`
	Scenario string    `json:"scenario"`
	Tags     []string  `json:"tags,omitempty"`
	Topology string    `json:"topology"`
	Kind     string    `json:"kind"` // mysql or patroni
	Provider string    `json:"provider"`
	Seed     int64     `json:"seed"`
	Epoch    time.Time `json:"epoch"` // wall clock at time zero, for display and for matching logs only
	Nodes    []Node    `json:"nodes"`
	// Primary is the node that held the role when the drill went into its baseline.
	Primary     string            `json:"primary"`
	Clocks      map[string]Clock  `json:"clocks,omitempty"`
	Workload    Workload          `json:"workload"`
	Endpoints   []Endpoint        `json:"endpoints,omitempty"`
	Environment map[string]string `json:"environment,omitempty"` // versions, kernel, settings as they really are
	// Settings are the scenario's own settings, component/key to value, as they are in effect.
	Settings     map[string]string `json:"settings,omitempty"`
	Expectations []Expectation     `json:"expectations"`
	Final        *Final            `json:"final,omitempty"`
	Ended        time.Duration     `json:"ended_ns"` // when the application was told to stop: silence after it means nothing
	Completed    bool              `json:"completed"`
	Interrupted  bool              `json:"interrupted,omitempty"`
	// NotDrilled is why the drill was not held (something that it needs is not here); empty when it was.
	NotDrilled string `json:"not_drilled,omitempty"`
	// Errors are failures of Firedrill or of the environment, not of the system under test.
	Errors []string `json:"errors,omitempty"`
	// Earlier are the attempts at this drill that were set aside because they gave no answer, in their order.
	Earlier []Attempt `json:"earlier,omitempty"`
	// Residue is what could not be healed or removed; it makes the exit code 4.
	Residue []string `json:"residue,omitempty"`
}

// Attempt is a holding of a drill that gave no answer, because the machine that held it stalled.
type Attempt struct {
	Folder string `json:"folder"` // its record, relative to the run's folder
	Stall  string `json:"stall"`  // what stalled, and for how long
}

// Node is one host of the topology.
type Node struct {
	Name       string `json:"name"`
	Component  string `json:"component"` // mysql, orchestrator, patroni, etcd, haproxy, dns, application
	Datacenter string `json:"datacenter"`
	Address    string `json:"address"`
	Version    string `json:"version,omitempty"`
}

// SameKernel is the method of a clock that is the controller's own: its node is on the controller's machine.
const SameKernel = "same kernel"

// Clock says how a node's clock was converted to the drill's.
type Clock struct {
	Method string        `json:"method"`    // SameKernel or "ping"
	Offset time.Duration `json:"offset_ns"` // node minus controller
	Error  time.Duration `json:"error_ns"`
}

// Workload is how the application wrote. Endpoint and Tick are of the first of its ways.
type Workload struct {
	Endpoint string        `json:"endpoint"`
	Tick     time.Duration `json:"tick_ns"`     // a write is due every tick from each vantage
	Deadline time.Duration `json:"deadline_ns"` // a write that has no answer by then is abandoned
	Vantages []string      `json:"vantages"`
	Retries  int           `json:"retries,omitempty"`
	Ways     []Way         `json:"ways,omitempty"` // all of them, where there is more than one: each has writers of its own
}

// Way is an endpoint that the application wrote through.
type Way struct {
	Endpoint string        `json:"endpoint"`
	Tick     time.Duration `json:"tick_ns"`
}

// All is every way: the only one, where there is no more.
func (w Workload) All() []Way {
	if len(w.Ways) > 0 {
		return w.Ways
	}
	return []Way{{Endpoint: w.Endpoint, Tick: w.Tick}}
}

// Endpoint is a name or a proxy that the application could write through.
type Endpoint struct {
	Name string `json:"name"`
	Kind string `json:"kind"` // ProbeDNS or ProbeConnection
	TTL  int    `json:"ttl_s,omitempty"`
	// Follows is the name that this one is led after, by Firedrill; empty for those that the drilled system leads itself.
	Follows string `json:"follows,omitempty"`
}

// Expectation is a promise that a drill checks: a verifier by name with its parameters, and the words of the user.
type Expectation struct {
	Text     string          `json:"text"`
	Verifier string          `json:"verifier"`
	Params   json.RawMessage `json:"params,omitempty"`
	At       time.Duration   `json:"at_ns"` // when the step was reached
}

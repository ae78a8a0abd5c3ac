package agent

// LedgerTable is where the application writes, in its own database. Faults that lock or plant rows mean this one.
const LedgerTable = "ledger"

// SQLSpec has a node's database do something, and undo it. Wherever it holds SQL or words, {name} stands for what was
// remembered under that name, and {answer} in words for the answer that they are about.
type SQLSpec struct {
	Database Database `json:"database"`
	// Needs must all be so, or the deed cannot be done here: what the first that is not Says is the reason.
	Needs []SQLAsk `json:"needs,omitempty"`
	// Remember is asked before anything is done, on the connection of Apply.
	Remember map[string]SQLAsk `json:"remember,omitempty"`
	Apply    []SQLStep         `json:"apply"`
	// Seen are the proof of the effect once they are all so.
	Seen []SQLAsk `json:"seen"`
	// Undo runs on a connection of its own, and must find its way in a server that was restarted, or has another role.
	Undo []SQLStep `json:"undo,omitempty"`
	// Release is how the connection of Apply, which is held open until then with all its locks, is given up after
	// Undo; empty means that it is not held.
	Release []string `json:"release,omitempty"`
}

// Kind implements Deed.
func (SQLSpec) Kind() string { return "sql" }

// SQLStep is some statements, and what they need and bring about.
type SQLStep struct {
	If    []SQLAsk `json:"if,omitempty"`   // the step is left out unless all of these are so
	Else  string   `json:"else,omitempty"` // what is said when it is left out
	SQL   []string `json:"sql,omitempty"`
	Until *SQLAsk  `json:"until,omitempty"` // waited for, bounded
	Says  string   `json:"says,omitempty"`  // what is said when it is done; {answer} is Until's
	// Always has the step run after the failure of an earlier one: it tidies up.
	Always bool `json:"always,omitempty"`
}

// SQLAsk is a question whose answer is one cell of the first row.
type SQLAsk struct {
	SQL    string `json:"sql"`
	Column string `json:"column,omitempty"` // empty means the first
	// Is makes it so when the answer is this; without it, when the answer is neither empty, nor 0, nor f (false).
	Is   string `json:"is,omitempty"`
	Not  bool   `json:"not,omitempty"` // turns it round
	Says string `json:"says,omitempty"`
}

// TornRelayLogSpec destroys what a replica has received and not yet applied, as a power loss does to a log that was
// not synced. A heal has it fetched again. MySQL only.
type TornRelayLogSpec struct {
	Database Database `json:"database"`
}

// Kind implements Deed.
func (TornRelayLogSpec) Kind() string { return "torn_relay_log" }

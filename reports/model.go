package reports

import (
	"time"

	"github.com/firedrill/firedrill/harness/record"
)

// SchemaName is the value of the key "schema" in report.json. Scripts rely on it: a key may be added under the same
// value, none may change its meaning or go.
const SchemaName = "firedrill/report/v1"

// Conditional is the verdict of a run in which every judged drill passed and which still cannot be called ready
// without reading on: see Build. Drills are never conditional.
const Conditional record.Verdict = "conditional"

// Drill is one drill as recorded and judged: what a report is built from. Run is never nil.
type Drill struct {
	Run       *record.Run
	Judgement record.Judgement
	// Dir is the drill's folder.
	Dir string
	// Hashes are the SHA-256 sums of the files in Dir, by slash-separated path within it; see HashDir.
	Hashes map[string]string
}

// Meta is what a report says of the run as a whole and no drill knows.
type Meta struct {
	RunID   string
	Started time.Time
	Ended   time.Time
	Seed    int64
	// Environment says where and by whom the run was held: versions, host, operator, command line. Every pair is
	// printed, by key.
	Environment map[string]string
	// Residue is what the run as a whole could not remove. That of the drills comes from their manifests.
	Residue []string
}

// Report is report.json: its keys are a contract that users script against. Schema returns
// the published JSON Schema.
type Report struct {
	Schema  string    `json:"schema"`
	RunID   string    `json:"run_id"`
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"`
	// Verdict is passed, conditional, failed or inconclusive; Build says when.
	Verdict record.Verdict `json:"verdict"`
	// Score is the share of the planned drills that passed, 0 to 100; Build says how.
	Score       int               `json:"score"`
	Seed        int64             `json:"seed"`
	Environment map[string]string `json:"environment"`
	Drills      []DrillResult     `json:"drills"`
	NotDrilled  []NotDrilled      `json:"not_drilled"`
	Residue     []string          `json:"residue"`
}

// DrillResult is one drill that was held: what it was, and the judgement, whose keys stand beside the others.
type DrillResult struct {
	ID         string    `json:"id"`
	Feature    string    `json:"feature"`
	Scenario   string    `json:"scenario"`
	Tags       []string  `json:"tags"`
	Topology   string    `json:"topology"`
	Kind       string    `json:"kind"`
	Provider   string    `json:"provider,omitempty"`
	Started    time.Time `json:"started"`
	DurationMS float64   `json:"duration_ms"` // up to the end of the drain
	record.Judgement
	// Interrupted says that somebody stopped the drill.
	Interrupted bool `json:"interrupted,omitempty"`
	// Errors are failures of Firedrill or of the environment, not of the system under test.
	Errors []string `json:"errors,omitempty"`
	// Earlier are the attempts at this drill before this one, which gave no answer because the machine stalled.
	Earlier []record.Attempt `json:"earlier,omitempty"`
	// Hashes are the SHA-256 sums of the drill's recorded files.
	Hashes map[string]string `json:"hashes,omitempty"`
}

// NotDrilled is a drill that was planned and not held, and why.
type NotDrilled struct {
	Drill    string `json:"drill"`
	Feature  string `json:"feature,omitempty"`
	Scenario string `json:"scenario,omitempty"`
	Topology string `json:"topology,omitempty"`
	Reason   string `json:"reason"`
}

package record

// Verdict is what is said of an expectation, of a drill and of a run.
type Verdict string

// Verdicts. Unknown is never a pass: an Inconclusive drill is not ready.
const (
	Passed       Verdict = "passed"
	Failed       Verdict = "failed"
	Inconclusive Verdict = "inconclusive"
	NotDrilled   Verdict = "not_drilled"
)

// Worse returns the verdict that holds when both do: failed beats inconclusive beats passed. Not drilled gives way
// to anything.
func (v Verdict) Worse(w Verdict) Verdict {
	rank := map[Verdict]int{"": 0, NotDrilled: 1, Passed: 2, Inconclusive: 3, Failed: 4}
	if rank[w] > rank[v] {
		return w
	}
	return v
}

// Judgement is what the verifiers made of a drill: verdict.json in the drill's folder. Its JSON keys are those of
// a drill in report.json.
type Judgement struct {
	Verdict      Verdict             `json:"verdict"`
	Reasons      []string            `json:"reasons,omitempty"` // why the drill as a whole is inconclusive
	RTO          *RTO                `json:"rto,omitempty"`
	RTOs         []RTO               `json:"rto_by_vantage,omitempty"`
	RPO          *RPO                `json:"rpo,omitempty"`
	Promotion    *Promotion          `json:"promotion,omitempty"`
	Endpoint     *EndpointFlip       `json:"endpoint,omitempty"`
	Endpoints    []EndpointFlip      `json:"endpoint_by_vantage,omitempty"`
	SplitBrainMS *float64            `json:"split_brain_ms,omitempty"` // nil: could not be told
	Acknowledged []Acknowledged      `json:"acknowledged_by,omitempty"`
	Faults       []FaultSummary      `json:"faults"`
	Expectations []ExpectationResult `json:"expectations"`
	Findings     []Finding           `json:"findings"`
}

// RTO is the recovery time as one vantage (or the worst of them) lived it.
type RTO struct {
	ValueMS *float64 `json:"value_ms"` // nil: see Uninterrupted, else it could not be told (see Note)
	// Uninterrupted says that no fault interrupted the writes: there is no recovery time, and that is known.
	Uninterrupted bool     `json:"uninterrupted,omitempty"`
	AtLeast       bool     `json:"at_least,omitempty"`  // the outage was still open at the end: the value is a lower bound
	ErrorMS       float64  `json:"error_ms"`            // resolution: the true value lies within plus or minus this
	TargetMS      *float64 `json:"target_ms,omitempty"` // objective, where the drill has one
	Vantage       string   `json:"vantage"`
	Endpoint      string   `json:"endpoint,omitempty"` // that it wrote through, where it had more than one
	Phases        []Phase  `json:"phases,omitempty"`
	Note          string   `json:"note,omitempty"`
	// LongestGapMS is the longest time without an acknowledged write, whatever the fault.
	LongestGapMS float64 `json:"longest_gap_ms"`
}

// Phase is a point on the way from the fault to the first write, in milliseconds after the fault took effect.
// Names: first_failed_write, detected, promotion_started, promoted, endpoint_flipped, first_write.
type Phase struct {
	Name string  `json:"name"`
	MS   float64 `json:"ms"`
}

// RPO is the ledger of the application's writes compared with the surviving primary.
type RPO struct {
	Attempted      int      `json:"attempted"`
	Acked          int      `json:"acked"`
	Lost           int      `json:"lost"`            // acknowledged and not there
	Rejected       int      `json:"rejected"`        // surely not done
	Unknown        int      `json:"unknown"`         // indeterminate
	UnknownPresent int      `json:"unknown_present"` // indeterminate and there
	Unexpected     int      `json:"unexpected"`      // there and never sent, or rejected: a defect of ours or of the database
	Duplicates     int      `json:"duplicates"`      // there more than once
	Deposed        int      `json:"deposed"`         // acknowledged by a primary after another had acknowledged
	WindowMS       float64  `json:"window_ms"`       // age, at the fault, of the oldest lost one; 0 when none is lost
	TargetLost     *int     `json:"target_lost,omitempty"`
	WaitedFor      string   `json:"waited_for,omitempty"`
	LostIDs        []string `json:"lost_ids,omitempty"` // the first ones, as vantage/sequence, for whoever wants to look
}

// Acknowledged is a stretch of time in which one node acknowledged what one application wrote. Times are milliseconds
// since the drill's epoch, of the first and the last acknowledgement.
type Acknowledged struct {
	Vantage  string  `json:"vantage"`
	Endpoint string  `json:"endpoint,omitempty"` // that it wrote through, where it had more than one
	Node     string  `json:"node"`
	FromMS   float64 `json:"from_ms"`
	ToMS     float64 `json:"to_ms"`
	Acked    int     `json:"acked"`
	Lost     *int    `json:"lost"` // of these, how many the surviving primary has not; nil: could not be told
}

// Promotion says who lost and who got the role.
type Promotion struct {
	From      string  `json:"from"`
	To        string  `json:"to"` // empty: nobody was promoted
	Failovers int     `json:"failovers"`
	AtMS      float64 `json:"at_ms,omitempty"` // promoted, after the fault took effect
}

// EndpointFlip says when an endpoint led to the new primary.
type EndpointFlip struct {
	Name      string   `json:"name"`
	Kind      string   `json:"kind"`
	Vantage   string   `json:"vantage"`
	Via       string   `json:"via,omitempty"`
	FlipMS    *float64 `json:"flip_ms"`               // first answer with the new primary, after the fault took effect; nil: never
	LastOldMS *float64 `json:"last_old_ms,omitempty"` // last answer with the old one
	AfterMS   *float64 `json:"after_promotion_ms,omitempty"`
	ErrorMS   float64  `json:"error_ms"`
	TTL       int      `json:"ttl_s,omitempty"`
}

// FaultSummary is a fault as the report shows it. Times are milliseconds since the drill's epoch.
type FaultSummary struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	Text       string   `json:"text,omitempty"`
	Targets    []string `json:"targets"`
	InjectedMS *float64 `json:"injected_ms"` // when it was in effect on every target
	Proof      string   `json:"proof"`
	HealedMS   *float64 `json:"healed_ms"`
	HealProof  string   `json:"heal_proof"`
	Err        string   `json:"error,omitempty"`
	OneShot    bool     `json:"one_shot,omitempty"` // nothing was left to heal
}

// ExpectationResult is the verdict on one promise.
type ExpectationResult struct {
	Text    string  `json:"text"`
	Verdict Verdict `json:"verdict"`
	Want    string  `json:"want"`
	Got     string  `json:"got"`
	Note    string  `json:"note,omitempty"`
}

// Severities of a finding.
const (
	SeverityCritical = "critical"
	SeverityWarning  = "warning"
	SeverityInfo     = "info"
)

// Finding is something a reader should know whether or not an expectation asked for it.
type Finding struct {
	Severity string `json:"severity"`
	Summary  string `json:"summary"`
	Remedy   string `json:"remedy,omitempty"` // the setting or the habit that mends it
}

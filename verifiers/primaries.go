package verifiers

import (
	"time"

	"github.com/firedrill/firedrill/harness/record"
)

// disagreement is how long after the failover manager's word the samples may take to confirm it.
const disagreement = 2 * time.Second

// reign is a node's time as the primary.
type reign struct {
	Node  string
	From  string        // who held the role before
	At    time.Duration // first evidence that it was writable: a sample, the manager's word, or a write it acknowledged
	Until time.Duration // begin of the next reign, or forever
	// NotYet is when it was last asked and was no primary. What it acknowledged from then on may be of this reign.
	NotYet time.Duration
	// Return marks a primary that came back in place: it had stopped, and nobody else was promoted. No failover.
	Return bool
}

// succession is who was the primary over time.
type succession struct {
	Reigns   []reign // promotions and returns, in order; the reign of the first primary is not among them
	Findings []record.Finding
	Known    bool // there were samples to tell from
	// Unconfirmed counts promotions that the failover manager or the node announced and no sample confirms.
	Unconfirmed int
}

// failovers lists the reigns that began with another node taking the role over.
func (s succession) failovers() []reign {
	var out []reign
	for _, r := range s.Reigns {
		if !r.Return {
			out = append(out, r)
		}
	}
	return out
}

// at returns who was the primary at a time of the drill.
func (s succession) at(run *record.Run, t time.Duration) string {
	node := run.Manifest.Primary
	for _, r := range s.Reigns {
		if r.At <= t {
			node = r.Node
		}
	}
	return node
}

// nodeView is what the samples of one node said so far.
type nodeView struct {
	seen    bool
	primary bool
	demoted bool          // since it was last primary it was seen alive and as something else
	down    int           // consecutive samples that did not show a primary
	notYet  time.Duration // when it was last asked and was no primary
}

// primaries works out who was the primary over time.
//
// The samples decide: a node takes the role over when it is seen to become a writable primary. One that merely comes
// back as the primary it had been (restarted or thawed) while another holds the role is a stray, not a failover, and
// one that comes back while nobody else does has returned in place. The manager's own word (KindPromoted) is the
// second witness: where the two disagree, a finding says so.
func primaries(run *record.Run) succession {
	s := succession{Known: len(run.Samples) > 0}
	from, first := baseline(run), forever
	if all := strikes(run); len(all) > 0 {
		first = all[0].Began
	}
	views := map[string]*nodeView{}
	current := run.Manifest.Primary
	for _, sample := range heard(run) {
		v := views[sample.Node]
		if v == nil {
			v = &nodeView{notYet: from}
			views[sample.Node] = v
		}
		if !accepting(sample) {
			v.demoted = v.demoted || sample.Alive
			v.primary, v.seen, v.notYet = false, true, max(from, sample.Asked)
			v.down++
			continue
		}
		became := !v.primary
		stranger := !v.seen && sample.T < first // it held the role before anything was done to the drill
		holder := views[current]
		takes := v.demoted || !v.seen || holder == nil || !holder.primary
		down := v.down
		v.seen, v.primary, v.demoted, v.down = true, true, false, 0
		switch {
		case current == "":
			current = sample.Node
		case !became || sample.T < from:
		case sample.Node == current:
			if down > 1 { // one missed answer is a slow sample, not a return
				s.begin(run, sample, v.notYet, current, true)
			}
		case takes && !stranger:
			s.begin(run, sample, v.notYet, current, false)
			current = sample.Node
		default:
			s.Findings = append(s.Findings, finding(record.SeverityWarning, strayRemedy(run, sample),
				"%s came up as a writable primary at %s while %s held the role", sample.Node, figure(sample.T), current))
		}
	}
	s.compare(run, from)
	return s
}

// begin appends a reign. Between the last sample that denied the role and the first that shows it, an announcement or
// an acknowledged write tells the moment better than the sample does.
func (s *succession) begin(run *record.Run, seen record.Sample, notYet time.Duration, before string, again bool) {
	at := seen.T
	for _, e := range run.Events {
		if e.Kind == record.KindPromoted && e.Node == seen.Node && e.T >= notYet {
			at = min(at, e.T)
		}
	}
	for _, op := range run.Ops {
		if op.Outcome == record.Acked && op.Server == seen.Node && op.Start >= notYet {
			at = min(at, op.End)
		}
	}
	if n := len(s.Reigns); n > 0 {
		s.Reigns[n-1].Until = at
	}
	s.Reigns = append(s.Reigns, reign{Node: seen.Node, From: before, At: at, NotYet: min(notYet, at), Until: forever, Return: again})
}

// compare hears the second witness.
func (s *succession) compare(run *record.Run, from time.Duration) {
	announced := map[string]bool{}
	for _, e := range run.Events {
		if e.Kind != record.KindPromoted || e.T < from || e.Node == "" {
			continue
		}
		known := e.Node == run.Manifest.Primary
		for _, r := range s.Reigns {
			known = known || r.Node == e.Node && r.At <= e.T+disagreement
		}
		if !known && !announced[e.Node] && s.Known {
			s.Unconfirmed++
			s.Findings = append(s.Findings, finding(record.SeverityWarning, "",
				"%s was announced as the new primary at %s (%s), but no sample shows it writable", e.Node, figure(e.T), e.Msg))
		}
		announced[e.Node] = true
	}
	if len(announced) == 0 {
		return // the second witness was silent all along: no managers' log to compare with
	}
	for _, r := range s.failovers() {
		if !announced[r.Node] {
			s.Findings = append(s.Findings, finding(record.SeverityWarning, "",
				"the samples show %s as the primary from %s on, but no promotion of it was announced", r.Node, figure(r.At)))
		}
	}
}

// strayRemedy is what keeps a node from being a second primary when it comes up. One that was thawed never started:
// no setting of its own keeps it from going on where it was.
func strayRemedy(run *record.Run, stray record.Sample) string {
	started := false
	for _, e := range run.Events {
		if e.Kind == record.KindProcess && e.Node == stray.Node && e.Attrs["state"] == "started" && e.T >= baseline(run) && e.T <= stray.T {
			started = true
		}
	}
	switch {
	case !started:
		return "fence the old primary before the new one takes writes: it went on where it was, and no setting of its own prevents that"
	case run.Manifest.Kind == "mysql":
		return "read_only=ON and super_read_only=ON in my.cnf of " + stray.Node + ": only the failover manager, or a person, makes it writable"
	}
	return "let a node start read-only and leave it to the failover manager to make it writable"
}

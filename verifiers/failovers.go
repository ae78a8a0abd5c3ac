package verifiers

import (
	"errors"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness/record"
)

// Failovers promises how many failovers happen: exactly Count, or at most Max, in the whole drill, or with ForMS in the
// time from the fault until that long after the step was reached. A restart in place is no failover. A pass needs samples
// without a hole: a role can change hands unseen.
type Failovers struct {
	Count *int   `json:"count,omitempty" doc:"exactly so many failovers; 0: none"`
	Max   *int   `json:"max,omitempty" doc:"at most so many failovers, where chance has a say"`
	ForMS Millis `json:"for_ms,omitempty" doc:"only for so long after the step was reached, in milliseconds"`

	At time.Duration `json:"-"` // when the step was reached
}

func (p Failovers) anchor(at time.Duration) Verifier { p.At = at; return p }

func (p Failovers) check() error {
	if (p.Count == nil) == (p.Max == nil) || p.most() < 0 {
		return errors.New("give one of count and max, not negative")
	}
	if p.ForMS < 0 {
		return errors.New("for_ms: must not be negative")
	}
	return nil
}

// most is how many failovers are not too many.
func (p Failovers) most() int {
	if p.Max != nil {
		return *p.Max
	}
	return *p.Count
}

// Verify implements Verifier.
func (p Failovers) Verify(run *record.Run) Result {
	want := "exactly " + plural(p.most(), "failover")
	if p.Max != nil {
		want = "at most " + plural(p.most(), "failover")
	}
	in := span{baseline(run), forever}
	watched := span{in.From, loadEnd(run)}
	if p.ForMS > 0 {
		want += " for " + figure(p.ForMS.Duration())
		in = p.window(run)
		watched = in
	}
	s := primaries(run)
	if !s.Known {
		return inconclusive(want, "no database node was sampled")
	}
	var who []string
	for _, r := range s.failovers() {
		if r.At >= in.From && r.At <= in.To {
			who = append(who, r.From+" to "+r.Node+" at "+figure(r.At))
		}
	}
	out := Result{Want: want, Got: plural(len(who), "failover"), Note: strings.Join(who, ", "), Findings: s.Findings}
	if len(who) > p.most() {
		out.Status = record.Failed // what was seen cannot be unseen
		return out
	}
	missed := unwatched(run, watched)
	if p.ForMS == 0 && !whole(run) {
		missed = append(missed, unwhole(run))
	}
	switch {
	case len(missed) > 0:
		out.Status, out.Note = record.Inconclusive, join(out.Note, "a failover may have been missed: "+strings.Join(missed, ", "))
	case s.Unconfirmed > 0:
		out.Status, out.Note = record.Inconclusive, join(out.Note, "more promotions were announced than the samples show")
	case p.Max != nil, len(who) == *p.Count:
		out.Status = record.Passed
	default:
		out.Status = record.Failed
	}
	return settled(run, out)
}

// window runs from the last deed before the step, which may have struck a moment before the step was reached.
func (p Failovers) window(run *record.Run) span {
	all := strikes(run)
	at := p.At
	if at == 0 && len(all) > 0 {
		at = all[0].At
	}
	in := span{at, at + p.ForMS.Duration()}
	for _, c := range all {
		if c.Began <= at {
			in.From = c.Began
		}
	}
	return in
}

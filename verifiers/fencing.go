package verifiers

import (
	"errors"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness/record"
)

// Fencing promises that the old primary stops accepting writes in time: the last sample that shows it writable, and
// the last write that it acknowledged, come within the bound after the fault. If it gets the role back by a promotion
// or in place, only what came before counts: until it was last seen without the role.
type Fencing struct {
	WithinMS Millis `json:"within_ms" doc:"longest time from the fault to the last sign of a writable old primary, in milliseconds"`
}

func (p Fencing) check() error {
	if p.WithinMS <= 0 {
		return errors.New("within_ms: must be more than 0")
	}
	return nil
}

// lastHeard is when a node was last asked and answered, or was found not to answer.
func lastHeard(run *record.Run, node string) (last time.Duration) {
	for _, s := range heard(run) {
		if s.Node == node {
			last = max(last, s.T)
		}
	}
	return last
}

// Verify implements Verifier.
func (p Fencing) Verify(run *record.Run) Result {
	old := oldPrimary(run)
	want := "the old primary stops accepting writes within " + figure(p.WithinMS.Duration())
	all := strikes(run)
	switch {
	case len(all) == 0:
		return inconclusive(want, "no fault took effect and no operator acted")
	case len(run.Samples) == 0 || old == "":
		return inconclusive(want, "the old primary was not sampled")
	}
	c, until := all[0], forever
	for _, r := range primaries(run).Reigns {
		if r.Node == old && r.At > c.At {
			until = max(c.At, r.NotYet)
			break
		}
	}
	last, how := c.At, ""
	for _, s := range heard(run) {
		if s.Node == old && s.Alive && s.Writable && s.T < until && s.T >= last {
			last, how = s.T, "last seen writable "
		}
	}
	for _, op := range run.Ops {
		if op.Outcome == record.Acked && op.Server == old && op.End < until && op.End > last {
			last, how = op.End, "last acknowledged a write "
		}
	}
	out := Result{Status: record.Passed, Want: want, Got: old + " was not writable any more"}
	if how != "" {
		out.Got = old + " " + how + figure(last-c.At) + " after the fault"
	}
	if last-c.At > p.WithinMS.Duration() {
		out.Status = record.Failed
		return out
	}
	end := min(until, lastHeard(run, old))
	if end <= last && end < c.At+p.WithinMS.Duration() {
		out.Status, out.Note = record.Inconclusive, "it was writable to the end of the record, which ends before the bound"
		return out
	}
	if holes := unwatched(run, span{c.At, end}, old); len(holes) > 0 {
		out.Status, out.Note = record.Inconclusive, "not sampled: "+strings.Join(holes, ", ")
	}
	return settled(run, out)
}

package verifiers

import (
	"errors"
	"time"

	"github.com/firedrill/firedrill/harness/record"
)

// Interruption promises a longest time without an acknowledged write, as any application sees it, from the baseline
// on: before the fault, after the heal, and up to the end of the load. Resolution: a tick and the time of a write.
type Interruption struct {
	MaxMS Millis `json:"max_ms,omitempty" doc:"longest time between two acknowledged writes, in milliseconds"`
	// MinMS is for drills of a fault that must be felt: at least one application waited for so long.
	MinMS Millis `json:"min_ms,omitempty" doc:"some application had no write acknowledged for at least so long, in milliseconds"`
}

func (p Interruption) check() error {
	if p.MaxMS < 0 || p.MinMS < 0 || (p.MaxMS > 0) == (p.MinMS > 0) {
		return errors.New("give one of max_ms and min_ms, more than 0")
	}
	return nil
}

// Verify implements Verifier.
func (p Interruption) Verify(run *record.Run) Result {
	if p.MinMS > 0 {
		return p.felt(run)
	}
	want := "no more than " + figure(p.MaxMS.Duration()) + " without an acknowledged write"
	all := lanes(run)
	if len(all) == 0 {
		return inconclusive(want, "no application wrote")
	}
	out := Result{Status: record.Passed, Want: want}
	var longest gap
	for _, l := range all {
		status, g, note := p.lane(run, l)
		// The first lane that is worse decides; among equal ones the longer gap is shown.
		if worse := out.Status.Worse(status); worse != out.Status || status == out.Status && g.length() >= longest.length() {
			out.Status, out.Note, longest = worse, note, g
			out.Got = figure(g.length()) + " in " + l.where() + ", from " + figure(g.From)
			if g.open {
				out.Got = "at least " + out.Got
			}
		}
	}
	return settled(run, out)
}

// felt looks for one gap that is long enough without the time in which the prober stalled. It was seen, whatever
// became of the record.
func (p Interruption) felt(run *record.Run) Result {
	want := "some application without an acknowledged write for at least " + figure(p.MinMS.Duration())
	all := lanes(run)
	if len(all) == 0 {
		return inconclusive(want, "no application wrote")
	}
	var longest gap
	var where string
	for _, l := range all {
		for _, g := range l.gaps(baseline(run), 0) {
			if g.length()-l.stalled(g) >= p.MinMS.Duration() {
				return Result{Status: record.Passed, Want: want, Got: figure(g.length()) + " in " + l.where() + ", from " + figure(g.From)}
			}
			if g.length() > longest.length() {
				longest, where = g, l.where()
			}
		}
	}
	out := Result{Status: record.Failed, Want: want, Got: figure(longest.length())}
	if where != "" {
		out.Got += " in " + where + ", from " + figure(longest.From)
	}
	if !whole(run) { // it may have been felt unrecorded
		out.Status, out.Note = record.Inconclusive, "the record is not whole: "+unwhole(run)
	}
	return out
}

// lane judges one vantage and returns the gap that decided.
func (p Interruption) lane(run *record.Run, l *lane) (record.Verdict, gap, string) {
	switch {
	case len(l.ops) == 0:
		return record.Inconclusive, gap{}, "the application in " + l.where() + " made no writes"
	case len(l.acks) == 0:
		return record.Inconclusive, gap{}, "no write from " + l.where() + " was ever acknowledged"
	}
	var failed, doubtful, fine gap
	var why string
	for _, g := range l.gaps(baseline(run), 0) {
		_, stalled := l.stalledIn(g.span)
		switch {
		case g.length() <= p.MaxMS.Duration():
			fine = longer(fine, g)
		case stalled != "" && !p.beyond(l, g):
			doubtful, why = longer(doubtful, g), stalled
		case g.length()-starvedIn(run, g.span) <= p.MaxMS.Duration():
			doubtful, why = longer(doubtful, g), starvedOf(starvedIn(run, g.span))
		default:
			failed = longer(failed, g)
		}
	}
	switch {
	case failed.length() > 0:
		return record.Failed, failed, ""
	case doubtful.length() > 0:
		return record.Inconclusive, doubtful, why
	case l.end < loadEnd(run)-writersStopped:
		return record.Inconclusive, fine, "the application in " + l.where() + " stopped writing at " + figure(l.end)
	}
	return record.Passed, fine, ""
}

// beyond says whether a gap is too long even without the time in which the prober stalled.
func (p Interruption) beyond(l *lane, g gap) bool {
	return g.length()-l.stalled(g) > p.MaxMS.Duration()
}

// stalled is how much of a gap the prober itself did not run.
func (l *lane) stalled(g gap) time.Duration {
	var lost []span
	for _, s := range l.stalls {
		if part, ok := s.within(g.span); ok {
			lost = append(lost, part)
		}
	}
	return total(lost)
}

func longer(a, b gap) gap {
	if b.length() > a.length() {
		return b
	}
	return a
}

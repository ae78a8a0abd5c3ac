package verifiers

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness/record"
)

// Rejoin promises that the old primary comes back as a replica of the new one in time, and still is one at the end.
// The bound counts from the last heal of a fault on the old primary, else from the last heal, else from the fault. A
// node that was back before the heal took no time.
type Rejoin struct {
	WithinMS Millis `json:"within_ms" doc:"longest time from the heal to the first sample of a replicating old primary, in milliseconds"`
}

func (p Rejoin) check() error {
	if p.WithinMS <= 0 {
		return errors.New("within_ms: must be more than 0")
	}
	return nil
}

// Verify implements Verifier.
func (p Rejoin) Verify(run *record.Run) Result {
	want := "the old primary replicates from the new one within " + figure(p.WithinMS.Duration())
	old, s := oldPrimary(run), primaries(run)
	from, ok := p.from(run, old)
	switch {
	case !ok:
		return inconclusive(want, "no fault took effect and no operator acted")
	case !slices.ContainsFunc(run.Samples, func(s record.Sample) bool { return s.Node == old }):
		return inconclusive(want, "the old primary was not sampled")
	}
	struckAt := strikes(run)[0].Began
	i := slices.IndexFunc(run.Samples, func(x record.Sample) bool {
		return x.Node == old && x.T > struckAt && x.Alive && x.Replicating && x.Source != "" && x.Source == s.at(run, x.T)
	})
	bound := from + p.WithinMS.Duration()
	out := Result{Status: record.Passed, Want: want, Findings: s.Findings}
	switch {
	case i < 0:
		out.Status, out.Got = record.Failed, old+" never replicated from the primary"
		if s.at(run, lastSample(run)) == old {
			out.Note = old + " is the primary"
		}
		if lastSample(run) < bound && !whole(run) {
			out.Status, out.Note = record.Inconclusive, join(out.Note, "the record ends before the bound: "+unwhole(run))
		}
		return out
	default:
		took := max(0, run.Samples[i].T-from)
		out.Got = old + " replicated from " + run.Samples[i].Source + " after " + figure(took)
		if took > p.WithinMS.Duration() {
			out.Status = record.Failed
			return p.excused(run, out, old, span{from, run.Samples[i].T})
		}
	}
	final := run.Manifest.Final
	if final == nil {
		out.Status, out.Note = record.Inconclusive, "the state at the end was not read"
		return out
	}
	if n := slices.IndexFunc(final.Nodes, func(n record.NodeState) bool { return n.Node == old }); n < 0 || !follows(final.Nodes[n], final.Primary) {
		out.Status, out.Note = record.Failed, "at the end it does not replicate from "+final.Primary
	}
	return settled(run, out)
}

// excused takes a failure back when nobody looked in the time that counts.
func (p Rejoin) excused(run *record.Run, out Result, old string, in span) Result {
	if holes := unwatched(run, in, old); len(holes) > 0 {
		out.Status, out.Note = record.Inconclusive, "not sampled: "+strings.Join(holes, ", ")
	}
	return out
}

// from is when the bound begins to count.
func (p Rejoin) from(run *record.Run, old string) (at time.Duration, ok bool) {
	all := strikes(run)
	if len(all) == 0 {
		return 0, false
	}
	at = all[0].At
	mine := false
	for _, c := range causes(run) {
		if on := slices.Contains(c.Targets, old); c.Heal && (on || !mine) {
			at, mine = c.At, mine || on
		}
	}
	return at, true
}

// follows says whether a node replicates from the surviving primary.
func follows(n record.NodeState, primary string) bool {
	return n.Reachable && n.Replicating && n.Source == primary && primary != ""
}

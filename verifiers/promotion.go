package verifiers

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness/record"
)

// Promotion promises that a new primary is promoted, and which one. The bound counts from the deed that the
// expectation is about (see struck). The promoted node is the last one that took the role over within the bound, or
// before the next group of faults.
type Promotion struct {
	To         []string `json:"to,omitempty" doc:"the promoted node is one of these"`
	Not        []string `json:"not,omitempty" doc:"the promoted node is none of these"`
	Datacenter string   `json:"datacenter,omitempty" doc:"the promoted node is in this datacenter"`
	Old        bool     `json:"old,omitempty" doc:"the old primary gets the role back, in place or by a promotion"`
	WithinMS   Millis   `json:"within_ms,omitempty" doc:"longest time from the fault to the promotion, in milliseconds"`

	At time.Duration `json:"-"` // when the step was reached
}

func (p Promotion) anchor(at time.Duration) Verifier { p.At = at; return p }

func (p Promotion) check() error {
	if p.WithinMS < 0 {
		return errors.New("within_ms: must not be negative")
	}
	return nil
}

// Verify implements Verifier.
func (p Promotion) Verify(run *record.Run) Result {
	want := p.want()
	c, next, ok := struck(run, p.At)
	switch {
	case !ok:
		return inconclusive(want, "no fault took effect and no operator acted")
	case len(run.Samples) == 0:
		return inconclusive(want, "no database node was sampled")
	}
	s := primaries(run)
	out := Result{Want: want, Findings: s.Findings}
	promoted, timely, any := p.promoted(s, c, next)
	if !any {
		out.Status, out.Got = record.Failed, "nobody was promoted"
		end := next
		if p.WithinMS > 0 {
			end = min(next, c.At+p.WithinMS.Duration())
		}
		end = min(end, loadEnd(run))
		missed := unwatched(run, span{c.Began, end})
		if !whole(run) && (p.WithinMS == 0 || c.At+p.WithinMS.Duration() > lastSample(run)) {
			missed = append(missed, unwhole(run))
		}
		if len(missed) > 0 || s.Unconfirmed > 0 {
			out.Status, out.Note = record.Inconclusive, join("a promotion may have been missed", strings.Join(missed, ", "))
		}
		return out
	}
	out.Got = promoted.Node + " (" + datacenter(run, promoted.Node) + ") after " + figure(promoted.At-c.At)
	out.Status = record.Passed
	if wrong := p.wrong(run, promoted); wrong != "" || !timely {
		out.Status, out.Note = record.Failed, wrong
	}
	if promoted.Return {
		out.Note = join(out.Note, "it came back in place")
	}
	return out
}

// promoted finds the node that the promise is about.
func (p Promotion) promoted(s succession, c cause, next time.Duration) (found reign, timely, ok bool) {
	for _, r := range s.Reigns {
		if r.At < c.Began || r.At >= next || r.Return && !p.Old {
			continue
		}
		inTime := p.WithinMS == 0 || r.At-c.At <= p.WithinMS.Duration()
		if ok && !inTime {
			break // what happens after the bound no longer matters
		}
		found, timely, ok = r, inTime, true
	}
	return found, timely, ok
}

func (p Promotion) wrong(run *record.Run, r reign) string {
	switch {
	case len(p.To) > 0 && !slices.Contains(p.To, r.Node):
		return "it is not one of " + strings.Join(p.To, ", ")
	case slices.Contains(p.Not, r.Node):
		return "it must not be " + r.Node
	case p.Datacenter != "" && datacenter(run, r.Node) != p.Datacenter:
		return "it is not in " + p.Datacenter
	case p.Old && r.Node != oldPrimary(run):
		return "it is not the old primary, " + oldPrimary(run)
	}
	return ""
}

func (p Promotion) want() string {
	what := "a new primary"
	if p.Old {
		what = "the old primary"
	}
	if len(p.To) > 0 {
		what = "one of " + strings.Join(p.To, ", ")
	}
	if len(p.Not) > 0 {
		what += ", not " + strings.Join(p.Not, " or ")
	}
	if p.Datacenter != "" {
		what += " in " + p.Datacenter
	}
	if p.WithinMS > 0 {
		what += " within " + figure(p.WithinMS.Duration())
	}
	return what
}

// oldPrimary is the node that held the role when the first fault struck.
func oldPrimary(run *record.Run) string {
	all := strikes(run)
	if len(all) == 0 {
		return run.Manifest.Primary
	}
	return primaries(run).at(run, all[0].Began-1)
}

func lastSample(run *record.Run) time.Duration {
	if n := len(run.Samples); n > 0 {
		return run.Samples[n-1].T
	}
	return 0
}

// promotionMeasure is the figure that reports print.
func promotionMeasure(run *record.Run, s succession) *record.Promotion {
	if !s.Known {
		return nil
	}
	out := &record.Promotion{From: oldPrimary(run), Failovers: len(s.failovers())}
	if all := s.failovers(); len(all) > 0 {
		last := all[len(all)-1]
		out.To = last.Node
		if c, _, ok := struck(run, last.At); ok {
			out.AtMS = max(0, record.MS(last.At-c.At))
		}
	}
	return out
}

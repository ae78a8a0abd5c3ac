package verifiers

import (
	"errors"
	"fmt"
	"time"

	"github.com/firedrill/firedrill/harness/record"
)

// Replication promises that at least so many replicas replicate from the primary: within the bound after the step was
// reached or the last promotion, whichever is later, and at the end of the drill.
type Replication struct {
	Replicas int    `json:"replicas" doc:"at least so many replicas"`
	WithinMS Millis `json:"within_ms,omitempty" doc:"longest time until they do, in milliseconds; without it, only the end counts"`

	At time.Duration `json:"-"` // when the step was reached
}

func (p Replication) anchor(at time.Duration) Verifier { p.At = at; return p }

func (p Replication) check() error {
	if p.Replicas < 1 {
		return errors.New("replicas: must be at least 1")
	}
	if p.WithinMS < 0 {
		return errors.New("within_ms: must not be negative")
	}
	return nil
}

// Verify implements Verifier.
func (p Replication) Verify(run *record.Run) Result {
	want := "at least " + plural(p.Replicas, "replica") + " of the primary"
	if p.WithinMS > 0 {
		want += " within " + figure(p.WithinMS.Duration())
	}
	out := Result{Status: record.Passed, Want: want}
	if p.WithinMS > 0 {
		if out = p.intime(run, want); out.Status != record.Passed {
			return out
		}
	}
	final := run.Manifest.Final
	if final == nil || len(final.Nodes) == 0 {
		out.Status, out.Note = record.Inconclusive, "the state at the end was not read"
		return out
	}
	n := 0
	for _, node := range final.Nodes {
		if follows(node, final.Primary) {
			n++
		}
	}
	out.Got = join(out.Got, fmt.Sprintf("%s of %s at the end", plural(n, "replica"), final.Primary))
	if n < p.Replicas {
		out.Status = record.Failed
	}
	return settled(run, out)
}

// intime looks for the first moment at which enough nodes replicated from whoever was the primary.
func (p Replication) intime(run *record.Run, want string) Result {
	if len(run.Samples) == 0 {
		return inconclusive(want, "no database node was sampled")
	}
	s := primaries(run)
	from := p.At
	for _, r := range s.Reigns {
		from = max(from, r.At)
	}
	last := map[string]record.Sample{}
	most := 0
	for _, sample := range run.Samples {
		last[sample.Node] = sample
		if sample.T < from {
			continue
		}
		n, primary := 0, s.at(run, sample.T)
		for _, l := range last {
			if l.Alive && l.Replicating && l.Source == primary && sample.T-l.T <= watchGap {
				n++
			}
		}
		if most = max(most, n); n < p.Replicas {
			continue
		}
		out := Result{Status: record.Passed, Want: want, Got: fmt.Sprintf("%s after %s", plural(n, "replica"), figure(sample.T-from))}
		if sample.T-from > p.WithinMS.Duration() {
			out.Status = record.Failed
		}
		return out
	}
	if lastSample(run) < from+p.WithinMS.Duration() {
		return inconclusive(want, "the samples end before the bound was over, with %s at most", plural(most, "replica"))
	}
	return Result{Status: record.Failed, Want: want, Got: plural(most, "replica") + " at most"}
}

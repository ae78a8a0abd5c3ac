package verifiers

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness/record"
)

// SplitBrain promises that two nodes could not acknowledge writes at once, or not for longer than a bound.
//
// Between two consecutive samples of a node that both show it alive, primary, writable and not blocked, it could
// acknowledge: from the answer of the first to the question of the second, so that a frozen node, which answers late,
// is not counted. The time in which two nodes could is the figure. Two nodes that both say read_only=OFF for less than
// that can tell, or of which one is blocked, are a note and no verdict.
//
// The application is the hard witness: a write that began after the successor had acknowledged one, and that the
// deposed primary acknowledged all the same, is a split brain whatever the samples say. (One that began earlier may
// merely have been answered late.)
//
// The figure is a lower bound: it may be longer by up to a sample interval at each end. A live node that was not
// sampled for longer than a second makes a pass Inconclusive.
type SplitBrain struct {
	MaxMS Millis `json:"max_ms,omitempty" doc:"longest time in which two nodes could acknowledge writes, in milliseconds"`
}

func (p SplitBrain) check() error {
	if p.MaxMS < 0 {
		return errors.New("max_ms: must not be negative")
	}
	return nil
}

// Verify implements Verifier.
func (p SplitBrain) Verify(run *record.Run) Result {
	want := "at no time could two nodes acknowledge writes"
	if p.MaxMS > 0 {
		want = "two nodes could acknowledge writes for at most " + figure(p.MaxMS.Duration())
	}
	if len(run.Samples) == 0 {
		return inconclusive(want, "no database node was sampled")
	}
	b := readBrain(run)
	out := Result{Status: record.Passed, Want: want, Findings: b.findings()}
	out.Got = fmt.Sprintf("%s, to within %s", figure(b.overlap), figure(2*b.interval))
	if len(b.late) > 0 {
		out.Got += fmt.Sprintf("; %s acknowledged by a deposed primary", plural(len(b.late), "write"))
	}
	switch {
	case b.overlap > p.MaxMS.Duration(), p.MaxMS == 0 && len(b.late) > 0:
		out.Status = record.Failed
	case len(b.unwatched) > 0:
		out.Status, out.Note = record.Inconclusive, "not sampled: "+strings.Join(b.unwatched, ", ")
	}
	return settled(run, out)
}

// brain is what the record says of two primaries at once.
type brain struct {
	overlap   time.Duration
	pairs     map[string][]span // nodes to when both could acknowledge
	claims    map[string][]span // nodes to when both said that they were writable, without being able to acknowledge
	late      []record.Op       // acknowledged by a deposed primary
	unwatched []string
	interval  time.Duration // median time between two samples of a node
}

// readBrain compares every two nodes.
func readBrain(run *record.Run) brain {
	b := brain{pairs: map[string][]span{}, claims: map[string][]span{}, late: proofs(run)}
	from := baseline(run)
	b.unwatched = unwatched(run, span{from, loadEnd(run)})
	could, said, intervals := windows(run, from)
	b.interval = median(intervals)
	nodes := databases(run)
	var all []span
	for i, one := range nodes {
		for _, two := range nodes[i+1:] {
			both := one + " and " + two
			// What both clocks may be off is not counted: the figure is what is certain.
			doubt := clockError(run, []string{one}, []string{two})
			for _, x := range could[one] {
				for _, y := range could[two] {
					if o, ok := x.within(y); ok && o.length() > doubt {
						b.pairs[both] = append(b.pairs[both], o)
					}
				}
			}
			all = append(all, b.pairs[both]...)
			if len(b.pairs[both]) == 0 {
				b.claims[both] = claims(said[one], said[two])
			}
		}
	}
	b.overlap = max(total(all), total(runs(b.late)))
	return b
}

// proofs are the late acknowledgements of writes that also began late, beyond what the applications' clocks may be off.
func proofs(run *record.Run) []record.Op {
	var out []record.Op
	for _, late := range deposed(run) {
		if late.Start > late.After.End+clockError(run, []string{late.Node}, []string{late.After.Node}) {
			out = append(out, late.Op)
		}
	}
	return out
}

// windows returns, for each node, when it could acknowledge and when it said that it was writable.
func windows(run *record.Run, from time.Duration) (could, said map[string][]span, intervals []time.Duration) {
	could, said = map[string][]span{}, map[string][]span{}
	last := map[string]record.Sample{}
	for _, s := range heard(run) {
		before, seen := last[s.Node]
		last[s.Node] = s
		if s.T < from {
			continue
		}
		if seen {
			intervals = append(intervals, s.T-before.T)
		}
		if !accepting(s) {
			continue
		}
		said[s.Node] = append(said[s.Node], span{s.Asked, s.T})
		if !seen || !accepting(before) || s.Asked <= before.T {
			continue
		}
		said[s.Node] = append(said[s.Node], span{before.T, s.Asked})
		if before.Blocked || s.Blocked {
			continue
		}
		// A sample that was answered at once parts nothing: the node could acknowledge before and after it.
		begin := max(from, before.T)
		if n := len(could[s.Node]); n > 0 && could[s.Node][n-1].To == before.Asked && before.T-before.Asked <= stallFloor {
			begin = before.Asked
		}
		could[s.Node] = append(could[s.Node], span{begin, s.Asked})
	}
	for _, spans := range []map[string][]span{could, said} {
		for node := range spans {
			spans[node] = union(spans[node])
		}
	}
	return could, said, intervals
}

func claims(one, two []span) (out []span) {
	for _, x := range one {
		for _, y := range two {
			if x.meets(y) {
				out = append(out, span{max(x.From, y.From), min(x.To, y.To)})
			}
		}
	}
	return out
}

// runs joins acknowledged writes that follow each other closely.
func runs(ops []record.Op) []span {
	ops = slices.Clone(ops)
	sort.SliceStable(ops, func(i, j int) bool { return ops[i].End < ops[j].End })
	var out []span
	for _, op := range ops {
		if n := len(out); n > 0 && op.End-out[n-1].To <= outageFloor {
			out[n-1].To = op.End
			continue
		}
		out = append(out, span{op.End, op.End})
	}
	return out
}

func median(d []time.Duration) time.Duration {
	if len(d) == 0 {
		return 0
	}
	d = slices.Clone(d)
	slices.Sort(d)
	return d[len(d)/2]
}

func (b brain) findings() []record.Finding {
	var out []record.Finding
	for _, both := range sortedKeys(b.pairs) {
		if spans := b.pairs[both]; len(spans) > 0 {
			severity := record.SeverityCritical
			if total(spans) == 0 { // one look each: it was so, and nobody knows for how long
				severity = record.SeverityWarning
			}
			out = append(out, finding(severity, "fence the old primary before the new one takes writes, or require an acknowledgement by a replica that the other side has",
				"%s could both acknowledge writes for %s, first at %s", both, figure(total(spans)), figure(spans[0].From)))
		}
	}
	for _, both := range sortedKeys(b.claims) {
		if spans := b.claims[both]; len(spans) > 0 {
			out = append(out, finding(record.SeverityInfo, "",
				"%s both said that they were writable at %s, blocked or for too short a time to tell whether both could acknowledge", both, figure(spans[0].From)))
		}
	}
	if len(b.late) > 0 {
		first := b.late[0]
		out = append(out, finding(record.SeverityCritical, "fence the old primary before the new one takes writes",
			"%s acknowledged by a deposed primary, the first by %s at %s", plural(len(b.late), "write"), first.Server, figure(first.End)))
	}
	return out
}

func sortedKeys(m map[string][]span) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

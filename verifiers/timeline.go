package verifiers

import (
	"cmp"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness/record"
)

// forever is later than any drill.
const forever = time.Duration(1<<63 - 1)

// hostFault is the prefix of the faults that take a whole host away (lost, paused). The agent inside such a host may
// still say that its database is alive and writable, but nobody else can hear it.
const hostFault = "host."

// watchGap is the longest time without a sample of a live node in which nothing can have been missed.
const watchGap = time.Second

// whole says whether absence and the end state can be judged.
func whole(run *record.Run) bool { return run.Complete() && !run.Manifest.Interrupted }

// unwhole says why absence cannot be judged.
func unwhole(run *record.Run) string {
	var why []string
	if len(run.Truncated) > 0 {
		why = append(why, strings.Join(run.Truncated, ", ")+" was cut off")
	}
	if run.Manifest.Interrupted {
		why = append(why, "the drill was interrupted")
	}
	if !run.Manifest.Completed && !run.Manifest.Interrupted {
		why = append(why, "the drill did not go through all of its phases")
	}
	return strings.Join(why, ", ")
}

// cause is a deed that can start an outage or a failover: a fault that took effect, a heal, or what an operator did.
type cause struct {
	Name    string // for people: the step's text, or the registry name
	Targets []string
	Began   time.Duration // it took effect not before this
	At      time.Duration // and not after this: what figures count from
	Heal    bool
}

// bracket is how well the moment of the effect is known.
func (c cause) bracket() time.Duration { return max(0, c.At-c.Began) }

// causes lists every deed of the drill in the order of its effect.
//
// A one-shot fault (a switchover) counts from its begin: its bracket spans the whole deed, and the application feels
// it from the first moment on. A fault that never became active is no cause: Judge makes that drill Inconclusive.
func causes(run *record.Run) []cause {
	var out []cause
	for _, f := range run.Faults {
		if f.State != record.FaultActive && f.State != record.FaultHealed {
			continue
		}
		c := cause{Name: cmp.Or(f.Text, f.Name), Targets: f.Targets, Began: f.Began, At: f.Effective}
		if c.At == 0 {
			c.At = f.T
		}
		if c.Began == 0 || c.Began > c.At {
			c.Began = c.At
		}
		if f.OneShot {
			c.At = c.Began
		}
		if f.State == record.FaultHealed {
			if f.OneShot {
				continue // nothing was left to heal
			}
			c.Heal, c.Name = true, "the heal of "+c.Name
		}
		out = append(out, c)
	}
	for _, e := range run.Events {
		if e.Kind == record.KindOperator {
			out = append(out, cause{Name: e.Msg, Targets: []string{e.Node}, Began: e.T, At: e.T})
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].At < out[j].At })
	return out
}

// strikes lists the causes that are no heals: faults and what an operator did.
func strikes(run *record.Run) []cause {
	return slices.DeleteFunc(causes(run), func(c cause) bool { return c.Heal })
}

// struck returns the deed that an expectation reached at the given time is about, and when the next such deed comes.
//
// Deeds that follow each other with no expectation between them belong together (When A, And B, Then C), and the
// promise counts from the first of them: in a drill with one group of faults, the first fault of the drill. An
// expectation from before any fault is about the first group.
func struck(run *record.Run, at time.Duration) (c cause, next time.Duration, ok bool) {
	all := strikes(run)
	if len(all) == 0 {
		return cause{}, forever, false
	}
	first, last := 0, 0
	for i := range all {
		if all[i].Began <= at {
			last = i
		}
	}
	parted := func(i int) bool { // an expectation was reached between deed i-1 and deed i
		return slices.ContainsFunc(run.Manifest.Expectations, func(e record.Expectation) bool {
			return e.At > all[i-1].Began && e.At <= all[i].Began
		})
	}
	for first = last; first > 0 && !parted(first); first-- {
	}
	next = forever
	for i := last + 1; i < len(all); i++ {
		if parted(i) {
			next = all[i].Began
			break
		}
	}
	return all[first], next, true
}

// phase returns when the drill entered a phase.
func phase(run *record.Run, name string) (time.Duration, bool) {
	for _, e := range run.Events {
		if e.Kind == record.KindPhase && e.Msg == name {
			return e.T, true
		}
	}
	return 0, false
}

// baseline is from when on the history counts: what happened while the topology was put together does not.
func baseline(run *record.Run) time.Duration {
	t, _ := phase(run, "baseline")
	return t
}

// loadEnd is until when the application was meant to write.
func loadEnd(run *record.Run) time.Duration {
	if t, ok := phase(run, "drain"); ok {
		return t
	}
	var end time.Duration
	for _, op := range run.Ops {
		end = max(end, op.Start)
	}
	if end == 0 {
		end = run.Manifest.Ended
	}
	return end
}

// span is a stretch of time of the drill.
type span struct{ From, To time.Duration }

func (s span) length() time.Duration { return max(0, s.To-s.From) }
func (s span) meets(o span) bool     { return s.From <= o.To && o.From <= s.To }
func (s span) within(o span) (span, bool) { // intersection, when it has a length
	i := span{max(s.From, o.From), min(s.To, o.To)}
	return i, i.To > i.From
}

// union merges spans that touch and returns them in order.
func union(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return int(min(1, max(-1, a.From-b.From))) })
	var out []span
	for _, s := range spans {
		if n := len(out); n > 0 && s.From <= out[n-1].To {
			out[n-1].To = max(out[n-1].To, s.To)
			continue
		}
		out = append(out, s)
	}
	return out
}

func total(spans []span) (sum time.Duration) {
	for _, s := range union(slices.Clone(spans)) {
		sum += s.length()
	}
	return sum
}

// silences are the stretches in which a node's whole host was taken away: nothing it says of itself then counts.
func silences(run *record.Run) map[string][]span {
	out := map[string][]span{}
	open := map[string]int{} // fault ID and node to its place in out
	for _, f := range run.Faults {
		if !strings.HasPrefix(f.Name, hostFault) {
			continue
		}
		for _, node := range f.Targets {
			i, begun := open[f.ID+"\x00"+node]
			switch {
			case f.State == record.FaultActive && !begun:
				open[f.ID+"\x00"+node] = len(out[node])
				out[node] = append(out[node], span{cmp.Or(f.Began, f.T), forever})
			case f.State == record.FaultHealed && begun:
				out[node][i].To = cmp.Or(f.Effective, f.T)
			}
		}
	}
	return out
}

// heard returns the samples as the rest of the world could confirm them: a node whose host is gone counts as dead,
// whatever the agent inside it saw.
func heard(run *record.Run) []record.Sample {
	silent := silences(run)
	if len(silent) == 0 {
		return run.Samples
	}
	out := slices.Clone(run.Samples)
	for i, s := range out {
		for _, gone := range silent[s.Node] {
			if s.T >= gone.From && s.T < gone.To {
				out[i].Alive, out[i].Writable = false, false
			}
		}
	}
	return out
}

// accepting says whether a sample shows a primary that takes writes.
func accepting(s record.Sample) bool {
	return s.Alive && s.Writable && s.Role == record.RolePrimary
}

// databases lists the nodes that could hold the primary's role.
func databases(run *record.Run) []string {
	var out []string
	for _, n := range run.Manifest.Nodes {
		if n.Component == "mysql" || n.Component == "patroni" || strings.HasPrefix(n.Component, "mariadb") {
			out = append(out, n.Name)
		}
	}
	for _, s := range run.Samples {
		if !slices.Contains(out, s.Node) {
			out = append(out, s.Node)
		}
	}
	sort.Strings(out)
	return out
}

func datacenter(run *record.Run, node string) string {
	for _, n := range run.Manifest.Nodes {
		if n.Name == node {
			return n.Datacenter
		}
	}
	return ""
}

// unwatched names the stretches in which a live database node was not sampled for longer than watchGap: a role can
// have changed hands there unseen. A node whose last answer was that it is dead, or whose host is gone, is excused.
// Without nodes, every database node is looked at.
func unwatched(run *record.Run, in span, nodes ...string) []string {
	if len(nodes) == 0 {
		nodes = databases(run)
	}
	var out []string
	silent := silences(run)
	samples := map[string][]record.Sample{}
	for _, s := range heard(run) {
		samples[s.Node] = append(samples[s.Node], s)
	}
	for _, node := range nodes {
		seen, alive := in.From, true
		look := func(asked, t time.Duration, nextAlive bool) {
			hole := span{seen, min(asked, in.To)}
			excused := !alive || slices.ContainsFunc(silent[node], hole.meets)
			if hole.length() > watchGap && !excused {
				out = append(out, node+" from "+figure(hole.From)+" to "+figure(hole.To))
			}
			seen, alive = max(seen, t), nextAlive
		}
		for _, s := range samples[node] {
			look(s.Asked, s.T, s.Alive)
		}
		look(in.To, in.To, true)
	}
	return out
}

// clockError is how far the clocks of the named nodes may be off, added up: the clocks of both ends of a figure are
// in it. Nodes with no entry share the controller's clock.
func clockError(run *record.Run, ends ...[]string) (sum time.Duration) {
	for _, nodes := range ends {
		var worst time.Duration
		for _, n := range nodes {
			worst = max(worst, run.Manifest.Clocks[n].Error)
		}
		sum += worst
	}
	return sum
}

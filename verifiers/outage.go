package verifiers

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"time"

	"github.com/firedrill/firedrill/harness/record"
)

// An outage, as one vantage lives it, is a time without an acknowledged write that is longer than outageFloor and
// than outageTicks ticks of the writers, and in which at least one write was not acknowledged at all. One write that
// fails amid successes is no outage, and neither is a hiccup after which every write was still answered by its
// deadline: the application got what it asked for.
const (
	outageFloor = 100 * time.Millisecond
	outageTicks = 5
)

// lateOutage is how long a gap must last to be an outage of a deed that it does not begin with. A database that has
// just been through a failover, or whose old primary comes back on the same host, pauses for tenths of a second;
// counting those would measure the recovery time up to the last hiccup. They show in the longest gap instead.
const lateOutage = 500 * time.Millisecond

// A prober that ran later than stallFloor and stallTicks ticks has stalled: what it saw then says more of itself than
// of the database. Smaller delays are added to the error.
const (
	stallFloor = 50 * time.Millisecond
	stallTicks = 3
)

// writersStopped is how long before the end of the load a vantage's last write may have begun.
const writersStopped = time.Second

// lane is the history of one vantage's application, through one endpoint.
type lane struct {
	vantage  string
	endpoint string // empty where the application has one way only
	nodes    []string
	ops      []record.Op // by Start
	acks     []record.Op // by End: acknowledged ones only
	tick     time.Duration
	service  time.Duration // median time of an acknowledged write
	end      time.Duration // last Start: until when the lane looked
	stalls   []stall
}

// stall is a stretch in which the prober did not run.
type stall struct {
	span
	what string
}

// gap is a time between two acknowledged writes.
type gap struct {
	span
	open bool       // the record ends before any further write was acknowledged
	ack  *record.Op // the write whose acknowledgement ends it
}

func (l *lane) threshold() time.Duration { return max(outageFloor, outageTicks*l.tick) }
func (l *lane) patience() time.Duration  { return max(stallFloor, stallTicks*l.tick) }

// where puts the lane into words: dc1, or dc1 through db.shop.test.
func (l *lane) where() string {
	if l.endpoint == "" {
		return l.vantage
	}
	return l.vantage + " through " + l.endpoint
}

// lanes sorts the application's writes by vantage, and by endpoint where the application has more than one way. A lane
// that the manifest names and in which nothing was written is empty: it cannot be told what it would have seen.
func lanes(run *record.Run) []*lane {
	type key struct{ vantage, endpoint string }
	byKey := map[key]*lane{}
	var out []*lane
	get := func(k key) *lane {
		l := byKey[k]
		if l == nil {
			l = &lane{vantage: k.vantage, endpoint: k.endpoint, tick: run.Manifest.Workload.Tick}
			byKey[k] = l
			out = append(out, l)
		}
		return l
	}
	ways := run.Manifest.Workload.Ways
	for _, v := range run.Manifest.Workload.Vantages {
		if len(ways) == 0 {
			get(key{v, ""})
		}
		for _, w := range ways {
			get(key{v, w.Endpoint}).tick = w.Tick
		}
	}
	for _, op := range run.Ops {
		l := get(key{op.Vantage, op.Endpoint})
		l.ops = append(l.ops, op)
		l.end = max(l.end, op.Start)
		if op.Outcome == record.Acked {
			l.acks = append(l.acks, op)
		}
		if !slices.Contains(l.nodes, op.Node) {
			l.nodes = append(l.nodes, op.Node)
		}
	}
	for _, l := range out {
		sort.SliceStable(l.acks, func(i, j int) bool { return l.acks[i].End < l.acks[j].End })
		l.service = medianService(l.acks)
		l.findStalls(run)
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].vantage < out[j].vantage }) // the ways as they were given
	return out
}

func medianService(acks []record.Op) time.Duration {
	if len(acks) == 0 {
		return 0
	}
	times := make([]time.Duration, len(acks))
	for i, op := range acks {
		times[i] = op.End - op.Start
	}
	slices.Sort(times)
	return times[len(times)/2]
}

// findStalls collects when the prober did not run: what a node or the controller recorded itself, writes that began
// late, and stretches without any write at all. A retry is due when it begins and tells nothing.
func (l *lane) findStalls(run *record.Run) {
	for _, e := range run.Events {
		if e.Kind != record.KindStall || e.Node != "" && !slices.Contains(l.nodes, e.Node) {
			continue
		}
		ms, err := strconv.ParseFloat(e.Attrs["ms"], 64)
		if err != nil || ms <= 0 {
			ms = float64(l.patience().Milliseconds()) + 1 // it says that it stalled and not for how long
		}
		length := Millis(ms).Duration()
		who := e.Node
		if who == "" {
			who = "the controller or the host"
		}
		l.stalls = append(l.stalls, stall{span{e.T - length, e.T}, who + " stalled for " + figure(length)})
	}
	var last time.Duration
	for i, op := range l.ops {
		if late := op.Start - op.Due; op.Attempt == 0 && op.Due > 0 && late > 0 {
			l.stalls = append(l.stalls, stall{span{op.Due, op.Start}, fmt.Sprintf("a write of %s began %s late", op.Node, figure(late))})
		}
		if hole := op.Start - last; i > 0 && hole > l.tick+l.patience() {
			l.stalls = append(l.stalls, stall{span{last + l.tick, op.Start}, "the application wrote nothing for " + figure(hole)})
		}
		last = op.Start
	}
}

// stalledIn returns the worst stall that touches any of the spans: its length, and what it was when it is longer than
// the lane's patience.
func (l *lane) stalledIn(spans ...span) (worst time.Duration, what string) {
	for _, s := range l.stalls {
		if !slices.ContainsFunc(spans, s.meets) || s.length() <= worst {
			continue
		}
		worst = s.length()
		if worst > l.patience() {
			what = s.what
		}
	}
	return worst, what
}

// gaps lists the times between acknowledged writes that are longer than floor, from a time of the drill on. The time
// before the first acknowledged write counts from the first write, the last one runs to the end of the record.
func (l *lane) gaps(from, floor time.Duration) []gap {
	if len(l.ops) == 0 {
		return nil
	}
	var out []gap
	last := max(from, l.ops[0].Start)
	for i := range l.acks {
		ack := &l.acks[i]
		if ack.End < from {
			continue
		}
		if ack.End-last > floor {
			out = append(out, gap{span: span{last, ack.End}, ack: ack})
		}
		last = max(last, ack.End)
	}
	if l.end-last > floor {
		out = append(out, gap{span: span{last, l.end}, open: true})
	}
	return out
}

// outages lists the gaps in which writes really failed.
func (l *lane) outages(from time.Duration) []gap {
	return slices.DeleteFunc(l.gaps(from, l.threshold()), func(g gap) bool {
		return !slices.ContainsFunc(l.ops, func(op record.Op) bool {
			return op.Outcome != record.Acked && op.Start < g.To && op.End > g.From
		})
	})
}

// edges are the moments that a gap's length hangs on: around the last write before it, and from when the write that
// ended it could first have begun to when it was acknowledged.
func (l *lane) edges(g gap) []span {
	first := span{g.From, min(g.From+l.tick, g.To)}
	if g.open {
		return []span{first, {g.To - l.tick, g.To}}
	}
	return []span{first, {min(g.ack.Due, g.ack.Start) - l.tick, g.To}}
}

// attribute finds the cause of an outage, and says whether the outage begins with it. An outage starts at the last acknowledged write, which may come a little
// before the fault (writes are a tick apart) or after it (the answer was on its way), so the first deed within the
// threshold of that moment is the cause. Else it is the last deed before the outage; an outage that was there already
// when the first deed was done is that deed's as far as it lies behind it.
func (l *lane) attribute(g gap, all []cause) (c cause, begins, ok bool) {
	slack := l.threshold()
	for _, c := range all {
		if c.At >= g.From-slack && c.Began <= g.From+slack {
			return c, true, true
		}
	}
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].At < g.From {
			return all[i], false, true
		}
	}
	for _, c := range all {
		if c.At < g.To {
			return c, false, true
		}
	}
	return cause{}, false, false
}

// untold says why this vantage cannot judge what a fault did to it, or is empty.
func (l *lane) untold(run *record.Run, first cause) string {
	switch {
	case len(l.ops) == 0:
		return "the application made no writes"
	case len(l.acks) == 0:
		return "no write was ever acknowledged"
	case l.acks[0].End > first.At:
		return "no write was acknowledged before " + first.Name
	case l.end < loadEnd(run)-writersStopped:
		return fmt.Sprintf("the application stopped writing at %s, before the load ended at %s", figure(l.end), figure(loadEnd(run)))
	}
	return ""
}

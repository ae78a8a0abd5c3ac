package verifiers

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/firedrill/firedrill/harness/record"
)

// stallShare is the part of a recovery time that a stall may be before it takes the figure back: one in ten.
const stallShare = 10

// neverInterrupted is the note of a recovery time that has no value because there was nothing to recover from.
const neverInterrupted = "writes were never interrupted"

// RTO promises a recovery time: from the fault taking effect to the first acknowledged write that is followed by no
// further outage, as the application of each datacenter lives it.
//
// The clock starts at the end of the bracket in which the fault took effect and stops when the acknowledgement of
// that write arrives; see outage.go for what an outage is. A write that hung and was answered within its deadline
// counts from its answer, so a server frozen for a second recovers when it is thawed. The writes are open-loop: one
// is due every tick whatever became of the earlier ones, so a hang cannot hide the moment.
//
// Each outage belongs to the deed that began it (a fault, a heal, an operator's action; the first one where several
// fall on its start), and is measured from there to the end of that deed's last outage. The worst of them is the
// figure. An outage still open at the end of the record is "at least" and fails.
//
// The error of the figure is the sum of what can lie between the true moments and the recorded ones: a tick (the
// service may be back just after a write was sent in vain), the time a write takes, what the prober lagged at the
// edges, the bracket of the fault, and the clocks of both ends. When the prober or the host stalled at an edge, the
// figure stands with that much more error, and is Inconclusive when the stall is more than a tenth of it, or when
// the bound lies within the error.
type RTO struct {
	MaxMS   Millis `json:"max_ms" doc:"longest recovery time, in milliseconds"`
	Vantage string `json:"vantage,omitempty" doc:"datacenter of the application; without it, the worst of all"`
	Through string `json:"through,omitempty" doc:"endpoint that the application writes through; without it, the worst of all"`
}

// meant says whether the promise is about a lane. Where there is one endpoint only, the lanes do not name it.
func (p RTO) meant(run *record.Run, l *lane) bool {
	endpoint := l.endpoint
	if endpoint == "" {
		endpoint = run.Manifest.Workload.Endpoint
	}
	return (p.Vantage == "" || l.vantage == p.Vantage) && (p.Through == "" || endpoint == p.Through)
}

func (p RTO) check() error {
	if p.MaxMS <= 0 {
		return errors.New("max_ms: must be more than 0")
	}
	return nil
}

// Verify implements Verifier.
func (p RTO) Verify(run *record.Run) Result {
	want := "writes are back within " + figure(p.MaxMS.Duration())
	if p.Vantage != "" {
		want += " in " + p.Vantage
	}
	if p.Through != "" {
		want += " through " + p.Through
	}
	all := slices.DeleteFunc(recoveries(run), func(r recovery) bool { return !p.meant(run, r.lane) })
	if len(all) == 0 {
		return inconclusive(want, "no application wrote from there, or through that")
	}
	out := Result{Want: want}
	for _, r := range all {
		out.Status = out.Status.Worse(r.judge(run, p.MaxMS.Duration()))
	}
	// Shown is the worst of the vantages that decided.
	shown := slices.DeleteFunc(slices.Clone(all), func(r recovery) bool { return r.judge(run, p.MaxMS.Duration()) != out.Status })
	worst := worstOf(shown)
	out.Got, out.Note = worst.String(), worst.note
	switch {
	case out.Status != record.Inconclusive || worst.untold != "":
	case !whole(run):
		out.Note = join(out.Note, "the record is not whole: "+unwhole(run))
	case worst.starved > 0:
		out.Note = join(out.Note, starvedOf(worst.starved))
	}
	return out
}

// recovery is what one vantage lived through.
type recovery struct {
	lane     *lane
	cause    cause
	untold   string // why it could not be told
	stalled  bool   // the reason is a stall
	hit      bool   // writes were interrupted
	open     bool
	value    time.Duration
	margin   time.Duration
	end      time.Duration
	longest  time.Duration
	relapses int
	starved  time.Duration // how much of the value the host was
	note     string
}

func (r recovery) judge(run *record.Run, bound time.Duration) record.Verdict {
	switch {
	case r.untold != "":
		return record.Inconclusive
	case r.stalled && !r.open && max(r.value-bound, bound-r.value) <= r.margin:
		return record.Inconclusive // on which side of the bound the true value lies, the stall hides
	case r.hit && (r.value > bound || r.open && whole(run)):
		if r.starved > 0 && r.value-r.starved <= bound {
			return record.Inconclusive
		}
		return record.Failed
	case !whole(run):
		return record.Inconclusive
	}
	return record.Passed
}

// String prints the figure for people, with its resolution.
func (r recovery) String() string {
	where := ""
	if r.lane != nil && r.lane.vantage != "" {
		where = " in " + r.lane.where()
	}
	switch {
	case r.untold != "":
		return "could not be told" + where
	case !r.hit:
		return neverInterrupted + where
	case r.open:
		return "at least " + figure(r.value) + where
	}
	return fmt.Sprintf("%s +/- %d ms%s", figure(r.value), r.margin.Milliseconds()+1, where)
}

// worse orders recoveries: an open outage, then what could not be told (it may be anything), then by length.
func (r recovery) worse(than recovery) bool {
	rank := func(r recovery) int {
		switch {
		case r.hit && r.open:
			return 3
		case r.untold != "":
			return 2
		case r.hit:
			return 1
		}
		return 0
	}
	if rank(r) != rank(than) {
		return rank(r) > rank(than)
	}
	if r.value != than.value {
		return r.value > than.value
	}
	return r.longest > than.longest
}

func worstOf(all []recovery) recovery {
	worst := all[0]
	for _, r := range all[1:] {
		if r.worse(worst) {
			worst = r
		}
	}
	return worst
}

// recoveries measures every vantage.
func recoveries(run *record.Run) []recovery {
	var out []recovery
	for _, l := range lanes(run) {
		out = append(out, l.recovery(run))
	}
	return out
}

// recovery finds the worst recovery of the vantage.
func (l *lane) recovery(run *record.Run) recovery {
	r := recovery{lane: l}
	for _, g := range l.gaps(baseline(run), 0) {
		r.longest = max(r.longest, g.length())
	}
	all := causes(run)
	if len(all) == 0 {
		r.untold = "no fault took effect"
	} else {
		r.untold = l.untold(run, all[0])
	}
	if r.untold != "" {
		r.note = r.untold
		return r
	}
	best := r
	for _, one := range l.byCause(run, all) {
		one.longest = r.longest
		if one.worse(best) {
			best = one
		}
	}
	if !best.hit && best.untold == "" {
		best.note = neverInterrupted
	}
	return best
}

// byCause joins the outages of each deed and measures each deed's recovery.
func (l *lane) byCause(run *record.Run, all []cause) []recovery {
	var out []recovery
	var edges [][]span
	for _, g := range l.outages(baseline(run)) {
		c, begins, ok := l.attribute(g, all)
		if !ok {
			continue // before anything was done: Interruption sees it
		}
		i := slices.IndexFunc(out, func(r recovery) bool { return r.cause.At == c.At && r.cause.Name == c.Name })
		goesOn := begins || i >= 0 && g.From <= out[i].end+lateOutage // a lone success does not end an outage
		if !goesOn && !g.open && g.length() <= lateOutage {
			continue // a hiccup: the longest gap shows it
		}
		if i < 0 {
			i = len(out)
			out = append(out, recovery{lane: l, cause: c, hit: true, relapses: -1})
			edges = append(edges, l.edges(g)[:1])
		}
		out[i].relapses++
		out[i].open, out[i].end, out[i].value = g.open, g.To, max(0, g.To-c.At)
		edges[i] = append(edges[i][:1], l.edges(g)[1])
	}
	for i := range out {
		out[i].finish(run, edges[i], len(all) > 1)
	}
	return out
}

// finish adds the error and the notes, and takes the figure back when the prober stalled for too long at its edges.
func (r *recovery) finish(run *record.Run, edges []span, several bool) {
	lag, stalled := r.lane.stalledIn(edges...)
	r.starved = starvedIn(run, span{r.cause.At, r.end})
	r.margin = r.lane.tick + r.lane.service + lag + r.cause.bracket() + clockError(run, r.cause.Targets, r.lane.nodes)
	if several {
		r.note = "counted from " + r.cause.Name
	}
	if r.relapses > 0 {
		r.note = join(r.note, "writes were interrupted again "+plural(r.relapses, "time")+" before they were back for good")
	}
	if stalled == "" {
		return
	}
	r.stalled = true
	r.note = join(stalled+" at an edge of the outage (measured: "+figure(r.value)+")", r.note)
	if lag > r.value/stallShare {
		r.untold = stalled
	}
}

// measure turns a recovery into the figure that reports print.
func (r recovery) measure(run *record.Run, s succession) record.RTO {
	out := record.RTO{Vantage: r.lane.vantage, Endpoint: r.lane.endpoint, Note: r.note, LongestGapMS: record.MS(r.longest), ErrorMS: record.MS(r.margin)}
	if r.untold != "" || !r.hit {
		out.Uninterrupted = r.untold == ""
		return out
	}
	out.ValueMS, out.AtLeast = msPointer(r.value), r.open
	out.Phases = r.phases(run, s)
	return out
}

// phases lists the way from the fault to the first write, as far as it is known and up to the next deed.
func (r recovery) phases(run *record.Run, s succession) []record.Phase {
	limit := forever
	for _, c := range causes(run) {
		if c.At > r.cause.At && c.At > r.end {
			limit = c.At
			break
		}
	}
	var out []record.Phase
	add := func(name string, t time.Duration, ok bool) {
		if ok && t >= r.cause.At && t < limit {
			out = append(out, record.Phase{Name: name, MS: record.MS(t - r.cause.At)})
		}
	}
	i := slices.IndexFunc(r.lane.ops, func(op record.Op) bool { return op.Outcome != record.Acked && op.Start >= r.cause.At })
	if i >= 0 {
		add("first_failed_write", r.lane.ops[i].Start, true)
	}
	event := func(name, kind string) {
		i := slices.IndexFunc(run.Events, func(e record.Event) bool { return e.Kind == kind && e.T >= r.cause.At })
		if i >= 0 {
			add(name, run.Events[i].T, true)
		}
	}
	event("detected", record.KindDetected)
	event("promotion_started", record.KindPromotionStarted)
	if i := slices.IndexFunc(s.Reigns, func(g reign) bool { return g.At >= r.cause.At && g.At < limit }); i >= 0 {
		add("promoted", s.Reigns[i].At, true)
		event("record_changed", record.KindFlipped)
		flip, ok := r.flipped(run, s.Reigns[i])
		add("endpoint_flipped", flip, ok)
	}
	add("first_write", r.end, !r.open)
	return out
}

// flipped is when the endpoint that the lane writes through first led this vantage to the new primary.
func (r recovery) flipped(run *record.Run, g reign) (time.Duration, bool) {
	endpoint := r.lane.endpoint
	if endpoint == "" {
		endpoint = run.Manifest.Workload.Endpoint
	}
	for _, p := range run.Probes {
		through := endpoint == "" || p.Endpoint == endpoint
		if p.Vantage == r.lane.vantage && through && p.Answer == g.Node && p.T >= r.cause.At {
			return p.T, true
		}
	}
	return 0, false
}

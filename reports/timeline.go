package reports

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"

	"github.com/firedrill/firedrill/harness/record"
)

const (
	timelineWidth = 1000
	timelineLeft  = 118
	timelineRight = 12
	badgeHeight   = 19
	faultHeight   = 22
	nodeHeight    = 24
	plotHeight    = 66
	latencyHeight = 84
	mostBadges    = 24 // more than that is no picture any more; the events list has all
	mostFaultRows = 12
)

// marker is a numbered moment of the timeline; the numbers are explained below it.
type marker struct {
	N    int
	MS   float64 // since the drill's epoch
	At   string  // from the fault
	Text string
	// Aside is a moment that the recovery does not pass through: the first to go when there is no room.
	Aside bool
}

// lanes is a run timeline while it is drawn: lane after lane from the top, all over one time axis.
type lanes struct {
	svg
	axis
	y float64
}

// timeline draws a drill: what was done to it, who held which role, what the application lived, over one time axis.
// The markers that it numbers are returned for the legend, with how many more had no room.
func timeline(d DrillResult, run *record.Run) (chart template.HTML, marks []marker, left int) {
	a, ok := timelineAxis(d, run)
	if !ok {
		return "", nil, 0
	}
	marks, left = markers(d, run, a)
	rows, rowCount := stagger(marks, a)
	faults := d.Faults[:min(len(d.Faults), mostFaultRows)]
	nodes := roleBands(run, a)
	vantages := vantagesOf(run)

	top := float64(rowCount*badgeHeight + 6)
	height := top + float64(faultHeight*len(faults)+nodeHeight*len(nodes)+plotHeight*len(vantages)) + 14
	if len(vantages) > 0 {
		height += latencyHeight
	}
	l := &lanes{axis: a, y: top}
	l.open(timelineWidth, height+24, "Run timeline of "+orID(d.Scenario, d.ID))
	drawScale(&l.svg, a, top, height)
	l.shadeFaults(faults, run, top, height)
	for i, m := range marks {
		y := float64(rows[i]*badgeHeight) + 10
		l.line("moment", a.x(m.MS), y, a.x(m.MS), height)
	}
	l.drawFaults(faults, run)
	for _, n := range nodes {
		l.drawNode(n)
	}
	l.y += 8
	width := binWidth(a)
	for _, v := range vantages {
		l.drawWrites(v, binOps(run.Ops, a, width, v), width)
	}
	if len(vantages) > 0 {
		l.drawLatency(binOps(run.Ops, a, width, ""), width)
	}
	for i, m := range marks { // last, so that nothing covers a number
		l.badge(a.x(m.MS), float64(rows[i]*badgeHeight)+10, m.N, m.At+": "+m.Text)
	}
	return l.close(), marks, left
}

// timelineAxis chooses what is shown: from a little before the first fault to a little after the last thing of
// interest, within the time in which the application wrote. Without a fault it shows all of that time.
func timelineAxis(d DrillResult, run *record.Run) (axis, bool) {
	from, to, ok := recorded(run)
	if !ok {
		return axis{}, false
	}
	a := axis{from: from, to: to, left: timelineLeft, width: timelineWidth - timelineLeft - timelineRight}
	zero, ok := faultZero(d)
	if !ok {
		return a, true
	}
	last := zero
	reach := func(ms float64) { last = math.Max(last, ms) }
	for _, f := range d.Faults {
		if f.HealedMS != nil {
			reach(*f.HealedMS)
		}
		if f.InjectedMS != nil {
			reach(*f.InjectedMS)
		}
	}
	if d.RTO != nil && d.RTO.ValueMS != nil {
		reach(zero + *d.RTO.ValueMS)
	}
	for _, e := range run.Events {
		if e.Kind == record.KindPromoted || e.Kind == record.KindConverged {
			reach(record.MS(e.T))
		}
	}
	pad := math.Max(3000, 0.12*(last-zero))
	a.zero = zero
	a.from = math.Min(math.Max(a.from, zero-pad), zero)
	a.to = math.Max(math.Min(a.to, last+pad), zero+1)
	// Whole slices only: half a slice at the rim would look like a dip of the application's writes.
	width := binWidth(a)
	a.from = zero + math.Ceil((a.from-zero)/width)*width
	a.to = zero + math.Max(math.Floor((a.to-zero)/width), 1)*width
	return a, true
}

// recorded is the time in which the application wrote, or else in which anything was seen.
func recorded(run *record.Run) (from, to float64, ok bool) {
	from, to = math.Inf(1), math.Inf(-1)
	for _, op := range run.Ops {
		from, to = math.Min(from, record.MS(op.Due)), math.Max(to, record.MS(op.End))
	}
	if len(run.Ops) == 0 {
		for _, s := range run.Samples {
			from, to = math.Min(from, record.MS(s.T)), math.Max(to, record.MS(s.T))
		}
	}
	return from, to, to > from
}

// faultZero is the moment that all figures of a drill count from: when the first fault took effect.
func faultZero(d DrillResult) (float64, bool) {
	zero, ok := math.Inf(1), false
	for _, f := range d.Faults {
		if f.InjectedMS != nil {
			zero, ok = math.Min(zero, *f.InjectedMS), true
		}
	}
	return zero, ok
}

// faultSpan is from when to when a fault lasted; open if nothing ended it before the end of the drill.
func faultSpan(f record.FaultSummary, end float64) (from, to float64, open bool) {
	if f.HealedMS != nil {
		return *f.InjectedMS, *f.HealedMS, false
	}
	if f.OneShot {
		return *f.InjectedMS, *f.InjectedMS, false
	}
	return *f.InjectedMS, end, true
}

func (l *lanes) shadeFaults(faults []record.FaultSummary, run *record.Run, top, bottom float64) {
	for _, f := range faults {
		if f.InjectedMS != nil {
			from, to, _ := faultSpan(f, l.to)
			l.rect("shade", l.x(from), top, l.x(to)-l.x(from), bottom-top, "")
		}
	}
}

func (l *lanes) drawFaults(faults []record.FaultSummary, run *record.Run) {
	for i, f := range faults {
		if i == 0 {
			l.text("lane end", timelineLeft-8, l.y+15, "faults")
		}
		label := f.Name
		if len(f.Targets) > 0 {
			label += " " + strings.Join(f.Targets, ", ")
		}
		if f.InjectedMS == nil {
			l.text("label", timelineLeft+4, l.y+15, label+": never took effect")
			l.y += faultHeight
			continue
		}
		from, to, open := faultSpan(f, l.to)
		if open {
			label += " (not healed)"
		}
		x, w := l.x(from), l.x(to)-l.x(from)
		l.rect("fault", x, l.y+3, w, faultHeight-6, label+", from "+l.label(math.Round(from))+" to "+l.label(math.Round(to)))
		switch room := timelineWidth - timelineRight - x; {
		case textWidth(label)+12 < w:
			l.text("label on-fault", x+6, l.y+15, label)
		case textWidth(label)+w+12 < room:
			l.text("label", x+w+6, l.y+15, label)
		default:
			l.text("label end", x-6, l.y+15, label)
		}
		l.y += faultHeight
	}
}

// markers are the moments worth a number: what the failover manager did, when the endpoint followed, when the
// application noticed, and what people or stalls did in between.
func markers(d DrillResult, run *record.Run, a axis) (out []marker, left int) {
	add := func(ms float64, text string, aside bool) {
		if a.inside(ms) {
			out = append(out, marker{MS: ms, Text: text, Aside: aside})
		}
	}
	for _, e := range run.Events {
		if text := markedEvent(e); text != "" {
			add(record.MS(e.T), text, e.Kind == record.KindStall || e.Kind == record.KindError)
		}
	}
	if zero, ok := faultZero(d); ok {
		if d.RTO != nil {
			for _, p := range d.RTO.Phases {
				if p.Name == "first_failed_write" || p.Name == "first_write" {
					add(zero+p.MS, phaseWord(p.Name)+", as seen from "+vantage(d.RTO), false)
				}
			}
		}
		for _, e := range flips(d) {
			if e.FlipMS != nil {
				add(zero+*e.FlipMS, e.Name+" leads to the new primary"+seen(e), false)
			}
		}
	}
	slices.SortStableFunc(out, func(x, y marker) int { return cmp.Compare(x.MS, y.MS) })
	out = slices.CompactFunc(out, func(x, y marker) bool { return x.Text == y.Text })
	all := len(out)
	out = fitting(out)
	for i := range out {
		out[i].N = i + 1
		out[i].At = signed(out[i].MS - a.zero)
	}
	return out, all - len(out)
}

// fitting keeps as many moments as there is room for: a storm of stalls must not push out the promotion.
func fitting(marks []marker) []marker {
	for i := len(marks) - 1; i >= 0 && len(marks) > mostBadges; i-- {
		if marks[i].Aside {
			marks = slices.Delete(marks, i, i+1)
		}
	}
	return marks[:min(len(marks), mostBadges)]
}

func markedEvent(e record.Event) string {
	words := map[string]string{
		record.KindDetected:         "Failure detected",
		record.KindPromotionStarted: "Promotion started",
		record.KindPromoted:         "Promoted and writable",
		record.KindFlipped:          "Record changed",
		record.KindConverged:        "Topology whole again",
		record.KindOperator:         "Operator",
		record.KindStall:            "Stall",
		record.KindError:            "Error of Firedrill",
	}
	text := words[e.Kind]
	if text == "" || e.Kind == record.KindConverged && e.Attrs["missing"] != "" {
		return ""
	}
	if e.Node != "" {
		text += ", " + e.Node
	}
	if e.Msg != "" && e.Kind != record.KindConverged {
		text += ": " + e.Msg
	}
	return text
}

// flips are the endpoint's flips from every vantage, or the one that is known.
func flips(d DrillResult) []record.EndpointFlip {
	if len(d.Endpoints) > 0 || d.Endpoint == nil {
		return d.Endpoints
	}
	return []record.EndpointFlip{*d.Endpoint}
}

func seen(e record.EndpointFlip) string {
	text := ""
	if e.Vantage != "" {
		text = ", as seen from " + e.Vantage
	}
	if e.Via != "" {
		text += " via " + e.Via
	}
	return text
}

// stagger gives each number a row so that no two cover each other.
func stagger(marks []marker, a axis) (rows []int, used int) {
	var free []float64 // where each row's last number ends
	for _, m := range marks {
		x := a.x(m.MS)
		row := slices.IndexFunc(free, func(end float64) bool { return x-end >= 19 })
		if row < 0 {
			row = len(free)
			free = append(free, 0)
		}
		free[row] = x
		rows = append(rows, row)
	}
	return rows, len(free)
}

func vantagesOf(run *record.Run) []string {
	var out []string
	for _, op := range run.Ops {
		if l := laneOf(op); !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	slices.Sort(out)
	return out
}

// laneOf is the vantage of a write, and what it went through where the application has more than one way.
func laneOf(op record.Op) string {
	return vantage(&record.RTO{Vantage: op.Vantage, Endpoint: op.Endpoint})
}

// signed is a time from the fault: +2.10 s, or -1.50 s.
func signed(ms float64) string {
	switch {
	case ms == 0:
		return dur(0)
	case ms < 0:
		return minus + dur(-ms)
	}
	return "+" + dur(ms)
}

// drawWrites draws what became of an application's writes: acknowledged ones upwards, the others downwards.
func (l *lanes) drawWrites(vantage string, bins []bin, width float64) {
	most := 1
	for _, b := range bins {
		most = max(most, b.acked, b.failed())
	}
	half := float64(plotHeight-10) / 2
	base := l.y + half + 2
	scale := half / float64(most)
	l.text("lane end", timelineLeft-8, base-13, "writes "+vantage)
	l.text("small end", timelineLeft-8, base+1, "▲ acknowledged")
	l.text("small end", timelineLeft-8, base+13, "▼ failed")
	l.path("acked", stepArea(l.axis, width, bins, base, -scale, func(b bin) int { return b.acked }))
	l.path("unknown", stepArea(l.axis, width, bins, base, scale, bin.failed))
	l.path("rejected", stepArea(l.axis, width, bins, base, scale, func(b bin) int { return b.rejected }))
	l.line("base", timelineLeft, base, timelineWidth-timelineRight, base)
	l.y += plotHeight
}

// drawLatency draws how long acknowledged writes took, on a logarithmic scale: a healthy one takes milliseconds, one
// that waited for a failover takes seconds, and both must be read.
func (l *lanes) drawLatency(bins []bin, width float64) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, b := range bins {
		if n := len(b.latencies); n > 0 {
			low, high = math.Min(low, b.latencies[n/2]), math.Max(high, b.latencies[n-1])
		}
	}
	if high < low {
		return
	}
	bottom, top := l.y+latencyHeight-8, l.y+12
	lowest := math.Floor(math.Log10(math.Max(low, 0.1)))
	highest := math.Max(math.Ceil(math.Log10(math.Max(high, 0.1))), lowest+1)
	y := func(ms float64) float64 {
		return bottom - (math.Log10(math.Max(ms, 0.1))-lowest)/(highest-lowest)*(bottom-top)
	}
	l.text("lane end", timelineLeft-8, l.y+24, "latency")
	l.text("small end", timelineLeft-8, l.y+36, "max, median")
	for e := lowest; e <= highest; e++ {
		l.line("grid", timelineLeft, y(math.Pow(10, e)), timelineWidth-timelineRight, y(math.Pow(10, e)))
	}
	l.path("max", stepLine(l.axis, width, bins, func(b bin) (float64, bool) {
		return latency(b, func(n int) int { return n - 1 }, y)
	}))
	l.path("median", stepLine(l.axis, width, bins, func(b bin) (float64, bool) {
		return latency(b, func(n int) int { return n / 2 }, y)
	}))
	for e := lowest; e <= highest; e++ { // over the lines
		l.text("tiny scale", timelineLeft+3, y(math.Pow(10, e))-2, round(math.Pow(10, e)))
	}
	l.y += latencyHeight
}

func latency(b bin, pick func(n int) int, y func(float64) float64) (float64, bool) {
	n := len(b.latencies)
	if n == 0 {
		return 0, false
	}
	return y(b.latencies[pick(n)]), true
}

// binCaption says what one column of the writes plot stands for.
func binCaption(a axis) string {
	return fmt.Sprintf("One column of writes is %s; 0 s is when the first fault took effect.", round(binWidth(a)))
}

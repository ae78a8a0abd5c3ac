package reports

import (
	"cmp"
	"html/template"
	"math"
	"slices"

	"github.com/firedrill/firedrill/harness/record"
)

const (
	waterfallWidth = 1000
	waterfallLeft  = 180 // names of the phases
	waterfallRight = 190 // two columns of figures
	waterfallRow   = 24
	waterfallHead  = 22
)

// waterfall draws where the time of a recovery went: each phase begins where the one before it ended. It says
// whether the target is so far off that it is not drawn.
func waterfall(r *record.RTO) (chart template.HTML, beyond bool) {
	if r == nil || len(r.Phases) == 0 {
		return "", false
	}
	phases := slices.Clone(r.Phases)
	slices.SortStableFunc(phases, func(a, b record.Phase) int { return cmp.Compare(a.MS, b.MS) })
	a := waterfallAxis(r, phases)
	bottom := float64(waterfallHead + waterfallRow*len(phases))
	if r.AtLeast {
		bottom += waterfallRow
	}
	var s svg
	s.open(waterfallWidth, bottom+24, "Recovery as seen from "+vantage(r)+": "+rtoText(r))
	s.text("small end", waterfallWidth-100, 14, "took")
	s.text("small end", waterfallWidth-4, 14, "at")
	drawScale(&s, a, waterfallHead, bottom)
	previous := 0.0
	y := float64(waterfallHead)
	for _, p := range phases {
		drawPhase(&s, a, y, phaseWord(p.Name), previous, p.MS)
		previous = p.MS
		y += waterfallRow
	}
	if r.AtLeast && r.ValueMS != nil {
		s.text("bad end", waterfallLeft-12, y+16, "Still down")
		s.rect("phase open", a.x(previous), y+5, a.x(*r.ValueMS)-a.x(previous), waterfallRow-10, "no write got through any more")
		s.text("figure bad end", waterfallWidth-4, y+16, "> "+dur(*r.ValueMS))
	}
	if r.TargetMS != nil && a.inside(*r.TargetMS) {
		x := a.x(*r.TargetMS)
		s.line("target", x, waterfallHead-4, x, bottom)
		s.text("small mid target-text", x, waterfallHead-8, "target "+round(*r.TargetMS))
	}
	return s.close(), r.TargetMS != nil && !a.inside(*r.TargetMS)
}

// waterfallAxis reaches to the end of the recovery, and to the target where that does not crush the phases.
func waterfallAxis(r *record.RTO, phases []record.Phase) axis {
	end := phases[len(phases)-1].MS
	if r.ValueMS != nil {
		end = math.Max(end, *r.ValueMS)
	}
	end = math.Max(end, 1)
	start := math.Min(0, phases[0].MS)
	if r.TargetMS != nil && *r.TargetMS > end && *r.TargetMS <= 2*end {
		end = *r.TargetMS
	}
	return axis{from: start, to: end * 1.04, left: waterfallLeft, width: waterfallWidth - waterfallLeft - waterfallRight}
}

func drawPhase(s *svg, a axis, y float64, name string, from, to float64) {
	s.text("end", waterfallLeft-12, y+16, name)
	s.rect("phase", a.x(from), y+5, a.x(to)-a.x(from), waterfallRow-10, name+" at "+dur(to)+", "+dur(to-from)+" after the one before")
	s.text("figure end", waterfallWidth-100, y+16, "+"+dur(to-from))
	s.text("figure end", waterfallWidth-4, y+16, dur(to))
}

// drawScale draws the time axis below a chart and its grid through it.
func drawScale(s *svg, a axis, top, bottom float64) {
	for _, t := range a.ticks() {
		class := "grid"
		if t == a.zero {
			class = "grid zero"
		}
		s.line(class, a.x(t), top, a.x(t), bottom)
		s.text("small mid", a.x(t), bottom+15, a.label(t))
	}
}

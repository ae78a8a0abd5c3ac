package reports

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strconv"
	"strings"
)

// svg draws the few shapes that our charts need. Colours and fonts are classes of the page's style sheet, so that a
// chart follows it into dark mode and onto paper. Text is escaped here and nowhere else; all else is numbers and
// constants of ours, which is why html may vouch for the whole.
type svg struct {
	b strings.Builder
}

// open begins a chart of the given size. The title is what a screen reader says in its place.
func (s *svg) open(width, height float64, title string) {
	fmt.Fprintf(&s.b, `<svg class="chart" viewBox="0 0 %s %s" role="img"><title>%s</title>`, num(width), num(height), html.EscapeString(title))
}

func (s *svg) close() template.HTML {
	s.b.WriteString("</svg>")
	return template.HTML(s.b.String())
}

func (s *svg) rect(class string, x, y, w, h float64, title string) {
	fmt.Fprintf(&s.b, `<rect class="%s" x="%s" y="%s" width="%s" height="%s"`, class, num(x), num(y), num(math.Max(w, 0.5)), num(h))
	if title == "" {
		s.b.WriteString("/>")
		return
	}
	fmt.Fprintf(&s.b, `><title>%s</title></rect>`, html.EscapeString(title))
}

func (s *svg) line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(&s.b, `<line class="%s" x1="%s" y1="%s" x2="%s" y2="%s"/>`, class, num(x1), num(y1), num(x2), num(y2))
}

func (s *svg) path(class, d string) {
	if d != "" {
		fmt.Fprintf(&s.b, `<path class="%s" d="%s"/>`, class, d)
	}
}

// text writes at the baseline y. The classes "end" and "mid" move the anchor.
func (s *svg) text(class string, x, y float64, text string) {
	fmt.Fprintf(&s.b, `<text class="%s" x="%s" y="%s">%s</text>`, class, num(x), num(y), html.EscapeString(text))
}

// badge is a number in a circle.
func (s *svg) badge(x, y float64, n int, title string) {
	fmt.Fprintf(&s.b, `<g class="badge"><title>%s</title><circle cx="%s" cy="%s" r="8.5"/><text class="mid" x="%s" y="%s">%d</text></g>`,
		html.EscapeString(title), num(x), num(y), num(x), num(y+3.6), n)
}

// textWidth is about what a text takes in our charts' font; browsers do not tell, and labels must not collide.
func textWidth(s string) float64 { return 6.6 * float64(len([]rune(s))) }

// num keeps coordinates short: a tenth of a unit is finer than any screen shows.
func num(f float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(f, 'f', 1, 64), ".0")
}

// axis maps the drill's time, in milliseconds, to a chart's width.
type axis struct {
	from, to    float64 // shown window
	zero        float64 // what the labels call 0: the moment the first fault took effect
	left, width float64
}

func (a axis) x(ms float64) float64 {
	ms = math.Min(math.Max(ms, a.from), a.to)
	return a.left + (ms-a.from)/(a.to-a.from)*a.width
}

func (a axis) inside(ms float64) bool { return ms >= a.from && ms <= a.to }

// ticks are the labelled times, in milliseconds of the drill: at most ten, at round distances from zero.
func (a axis) ticks() []float64 {
	step := niceStep((a.to - a.from) / 10)
	var out []float64
	for k := math.Ceil((a.from - a.zero) / step); a.zero+k*step <= a.to; k++ {
		out = append(out, a.zero+k*step)
	}
	return out
}

// label is a tick as text: seconds from zero.
func (a axis) label(ms float64) string {
	// Rounded to the millisecond first: a zero that is no whole number leaves 1.9999999 of a tick at 2.
	s := strconv.FormatFloat(math.Round(math.Abs(ms-a.zero))/1000, 'f', -1, 64) + nbsp + "s"
	switch {
	case ms > a.zero:
		return "+" + s
	case ms < a.zero:
		return minus + s
	}
	return s
}

// niceStep is the smallest of 1, 2, 5, 10, 20, ... that is not below the wanted one.
func niceStep(wanted float64) float64 {
	for step := 1.0; ; step *= 10 {
		for _, k := range []float64{1, 2, 5} {
			if step*k >= wanted {
				return step * k
			}
		}
	}
}

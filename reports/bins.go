package reports

import (
	"math"
	"slices"
	"strings"

	"github.com/firedrill/firedrill/harness/record"
)

// bin is what became of the writes that were due in one slice of time.
type bin struct {
	acked, rejected, unknown int
	latencies                []float64 // of the acknowledged ones, from due to answer
}

func (b bin) failed() int { return b.rejected + b.unknown }

// binWidth is the width of a slice: 100 ms, or more where the window is so long that a slice would be finer than
// a screen. It keeps a chart's size the same whatever the number of writes.
func binWidth(a axis) float64 { return math.Max(100, niceStep((a.to-a.from)/250)) }

// binOps sorts writes into slices by the time they were due, so that a full slice is as high during an outage as
// before it. Slices begin at the fault: none holds writes from both sides of it. Every try counts for itself.
func binOps(ops []record.Op, a axis, width float64, lane string) []bin {
	first := math.Floor((a.from - a.zero) / width)
	bins := make([]bin, int(math.Ceil((a.to-a.zero)/width)-first))
	for _, op := range ops {
		due := record.MS(op.Due)
		if due < a.from || due >= a.to || lane != "" && laneOf(op) != lane {
			continue
		}
		i := min(int(math.Floor((due-a.zero)/width)-first), len(bins)-1)
		switch op.Outcome {
		case record.Acked:
			bins[i].acked++
			bins[i].latencies = append(bins[i].latencies, record.MS(op.End-op.Due))
		case record.Rejected:
			bins[i].rejected++
		default:
			bins[i].unknown++
		}
	}
	for i := range bins {
		slices.Sort(bins[i].latencies)
	}
	return bins
}

// binStart is where slice i begins, in milliseconds of the drill.
func binStart(a axis, width float64, i int) float64 {
	return a.zero + (math.Floor((a.from-a.zero)/width)+float64(i))*width
}

// stepArea outlines one figure of every slice as columns that stand on y and grow by scale (downwards if positive).
func stepArea(a axis, width float64, bins []bin, y, scale float64, figure func(bin) int) string {
	var d strings.Builder
	open := false
	for i, b := range bins {
		v := figure(b)
		x := a.x(binStart(a, width, i))
		if v > 0 && !open {
			d.WriteString("M" + num(x) + " " + num(y))
		}
		if v > 0 {
			d.WriteString("V" + num(y+scale*float64(v)) + "H" + num(a.x(binStart(a, width, i+1))))
		}
		if v == 0 && open {
			d.WriteString("V" + num(y) + "Z")
		}
		open = v > 0
	}
	if open {
		d.WriteString("V" + num(y) + "Z")
	}
	return d.String()
}

// stepLine draws one figure of every slice as a line that breaks where there is none.
func stepLine(a axis, width float64, bins []bin, y func(bin) (float64, bool)) string {
	var d strings.Builder
	open := false
	for i, b := range bins {
		v, ok := y(b)
		switch {
		case ok && !open:
			d.WriteString("M" + num(a.x(binStart(a, width, i))) + " " + num(v))
		case ok:
			d.WriteString("V" + num(v))
		}
		if ok {
			d.WriteString("H" + num(a.x(binStart(a, width, i+1))))
		}
		open = ok
	}
	return d.String()
}

package reports

import (
	"math"

	"github.com/firedrill/firedrill/harness/record"
)

// mostStretches is how many stretches of acknowledgements the page lists; a shaky run has more, and report.json all.
const mostStretches = 40

// ackRow is a stretch of time in which one node acknowledged what one application wrote.
type ackRow struct {
	record.Acknowledged
	Where    string // the application's datacenter, and its way where it has several
	From, To moment
	SomeLost bool
	BesideMS float64 // how much of it another node acknowledged too, in whatever datacenter
}

// ackRows are the stretches of a drill, and how many had no room.
func ackRows(d DrillResult) (rows []ackRow, more int) {
	zero, ok := faultZero(d)
	if !ok {
		zero = 0
	}
	for i, a := range d.Acknowledged {
		rows = append(rows, ackRow{
			Acknowledged: a, Where: vantage(&record.RTO{Vantage: a.Vantage, Endpoint: a.Endpoint}),
			From: momentOf(d, zero, &d.Acknowledged[i].FromMS), To: momentOf(d, zero, &d.Acknowledged[i].ToMS),
			SomeLost: a.Lost != nil && *a.Lost > 0, BesideMS: beside(d.Acknowledged, a),
		})
	}
	shown := min(len(rows), mostStretches)
	return rows[:shown], len(rows) - shown
}

// beside is the longest time that a stretch shares with one of another node.
func beside(all []record.Acknowledged, a record.Acknowledged) (ms float64) {
	for _, b := range all {
		if b.Node != a.Node {
			ms = math.Max(ms, math.Min(a.ToMS, b.ToMS)-math.Max(a.FromMS, b.FromMS))
		}
	}
	return ms
}

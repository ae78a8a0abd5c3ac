package verifiers

import (
	"time"

	"github.com/firedrill/firedrill/harness/record"
)

// acknowledgedPause parts two stretches of acknowledgements by the same node: shorter ones are hiccups.
const acknowledgedPause = time.Second

// acknowledged tells, of each application, which node acknowledged its writes, from when to when, and how many of those
// the surviving primary has not. Two stretches by different nodes that overlap, in whatever datacenters, are what a split
// brain is made of. Acknowledgements that name no node are left out, and so are those before the baseline.
func acknowledged(run *record.Run) []record.Acknowledged {
	lost, told := lostWrites(run), ledgerUntold(run) == ""
	var out []record.Acknowledged
	for _, l := range lanes(run) {
		first := len(out)
		for _, op := range l.acks {
			if op.Server == "" || op.End < baseline(run) {
				continue
			}
			if n := len(out); n == first || parts(out[n-1], op) {
				s := record.Acknowledged{Vantage: l.vantage, Endpoint: l.endpoint, Node: op.Server, FromMS: record.MS(op.End)}
				if told {
					s.Lost = new(int)
				}
				out = append(out, s)
			}
			s := &out[len(out)-1]
			s.ToMS = record.MS(op.End)
			s.Acked++
			if _, gone := lost[op.ID]; gone && told {
				*s.Lost++
			}
		}
	}
	return out
}

// parts says whether an acknowledgement begins a stretch of its own.
func parts(s record.Acknowledged, op record.Op) bool {
	return op.Server != s.Node || record.MS(op.End)-s.ToMS > record.MS(acknowledgedPause)
}

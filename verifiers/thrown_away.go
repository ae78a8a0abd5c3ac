package verifiers

import (
	"time"

	"github.com/firedrill/firedrill/harness/record"
)

// thrownAway finds promotions of a replica that was delayed on purpose: it had received what it had not yet applied,
// and a promotion discards that.
func thrownAway(run *record.Run, s succession) []record.Finding {
	var out []record.Finding
	for _, r := range s.failovers() {
		last, ok := lastAsReplica(run, r)
		if !ok || last.DelayS == 0 {
			continue
		}
		lost := 0
		for _, op := range lostWrites(run) {
			if op.Server == r.From && op.End <= r.At {
				lost++
			}
		}
		if lost == 0 {
			continue
		}
		delay := time.Duration(last.DelayS) * time.Second
		out = append(out, finding(record.SeverityCritical,
			"a replica that is not delayed, and the rule must_not for "+r.Node+"; FailMasterPromotionIfSQLThreadNotUpToDate where standing still is better than losing data",
			"%s was promoted although it applied everything %s late (SOURCE_DELAY): what it had received and not applied was thrown away, and %s of %s are lost",
			r.Node, delay, plural(lost, "write"), r.From))
	}
	return out
}

// lastAsReplica is what a node last said of itself as a replica before its reign.
func lastAsReplica(run *record.Run, r reign) (last record.Sample, ok bool) {
	for _, s := range run.Samples {
		if s.Node == r.Node && s.T < r.At && s.Alive && s.Role == record.RoleReplica {
			last, ok = s, true
		}
	}
	return last, ok
}

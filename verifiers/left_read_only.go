package verifiers

import (
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness/record"
)

// leftReadOnly finds switchovers that failed after they had closed the primary, and left it closed: until somebody
// was writable again, or to the end of the drill.
func leftReadOnly(run *record.Run, s succession) []record.Finding {
	var out []record.Finding
	for _, e := range run.Events {
		if e.Kind != record.KindOperator || e.Attrs["verb"] != "switchover" || e.Attrs["error"] == "" {
			continue
		}
		primary := s.at(run, e.T)
		from, until := closed(run, primary, e.T)
		if from == 0 || until-from < watchGap {
			continue
		}
		to := "another server"
		if args := strings.TrimSpace(e.Attrs["args"]); args != "" {
			to = args
		}
		out = append(out, finding(record.SeverityCritical,
			"look that "+to+" replicates and has caught up before a switchover is asked for; after one that failed, SET GLOBAL read_only = OFF on "+primary,
			"the switchover to %s failed and left no server writable for %s: %s had been made read-only for it, and was not made writable again",
			to, figure(until-from), primary))
	}
	return out
}

// closed is from when on a primary that answered took no writes, after a time, and until when nobody took any. Zero:
// it stayed open, or did not answer.
func closed(run *record.Run, primary string, after time.Duration) (from, until time.Duration) {
	for _, x := range heard(run) {
		switch {
		case x.T < after || !x.Alive:
		case from == 0 && x.Node == primary && !x.Writable:
			from = x.T
		case from > 0 && accepting(x):
			return from, x.T
		}
	}
	return from, loadEnd(run)
}

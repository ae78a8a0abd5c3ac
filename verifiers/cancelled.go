package verifiers

import (
	"slices"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness/record"
)

// cancelled finds recoveries that moved replicas under another one, did not promote that one, and left it so.
func cancelled(run *record.Run, s succession) []record.Finding {
	var out []record.Finding
	for _, r := range audits(run) {
		if r.successful || r.ended == 0 {
			continue
		}
		for _, under := range databases(run) {
			moved := movedUnder(run, under, r.began)
			promoted := slices.ContainsFunc(s.Reigns, func(x reign) bool { return x.Node == under && x.At >= r.began })
			if under == r.node || len(moved) == 0 || promoted {
				continue
			}
			why, remedy := reason(r)
			out = append(out, finding(record.SeverityCritical, remedy,
				"the promotion of %s was cancelled after %s had been moved under it%s: nobody takes writes, and Orchestrator does not try again while it has %s in downtime",
				under, strings.Join(moved, ", "), why, r.node))
		}
	}
	return out
}

// movedUnder are the nodes that had another source before a time and have that one after it.
func movedUnder(run *record.Run, under string, at time.Duration) []string {
	before, moved := map[string]string{}, []string{}
	for _, x := range run.Samples {
		switch {
		case !x.Alive:
		case x.T < at:
			before[x.Node] = x.Source
		case x.Source == under && before[x.Node] != under && !slices.Contains(moved, x.Node):
			moved = append(moved, x.Node)
		}
	}
	return moved
}

// stops are the settings that cancel a promotion, as the steps of a recovery name them, and what mends it.
var stops = []struct{ setting, remedy string }{
	{"PreventCrossDataCenterMasterFailover", "a replica in each datacenter that may be promoted; or PreventCrossDataCenterMasterFailover off, if being far is better than being down"},
	{"PreventCrossRegionMasterFailover", "a replica in each region that may be promoted; or PreventCrossRegionMasterFailover off, if being far is better than being down"},
	{"FailMasterPromotionOnLagMinutes", "replicas that keep up; or a person who decides what may be lost"},
	{"FailMasterPromotionIfSQLThreadNotUpToDate", "a replica that applies at once what it receives; or DelayMasterPromotionIfSQLThreadNotUpToDate, which waits for the applier in place of giving up"},
}

// forgotten ends the step of a recovery that compares places when Orchestrator has lost that of the failed server: it
// asks the server for it at each look, and one that dies during the answer has none from then on.
const forgotten = "when failed server in"

// reason is why a recovery gave up, by its own steps.
func reason(r audit) (why, remedy string) {
	for _, stop := range stops {
		for _, e := range slices.Backward(r.steps) {
			switch {
			case !strings.Contains(e.Msg, stop.setting):
			case strings.HasSuffix(strings.TrimSpace(e.Msg), forgotten):
				return " (" + strings.TrimSpace(e.Msg) + " nowhere: the query for its place was cut off as it died)",
					"DataCenterPattern or RegionPattern in place of a query: the place is then in the host name, and cannot be forgotten"
			default:
				return " (" + strings.TrimSpace(e.Msg) + ")", stop.remedy
			}
		}
	}
	return "", "look in the steps of recovery " + r.number + " why"
}

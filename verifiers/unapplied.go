package verifiers

import (
	"slices"
	"strings"

	"github.com/firedrill/firedrill/harness/record"
)

// applierBehind ends the step in which Orchestrator notes, and goes on, that what it promotes has not applied all.
const applierBehind = "sql thread up-to-date: false"

// unapplied finds promotions of a replica that had received what it had not applied: the promotion throws that away.
// One that applies late on purpose is thrownAway's.
func unapplied(run *record.Run, s succession) []record.Finding {
	lost := map[string]int{} // by the server that acknowledged
	for _, op := range lostWrites(run) {
		lost[op.Server]++
	}
	var out []record.Finding
	for _, a := range audits(run) {
		behind := slices.ContainsFunc(a.steps, func(e record.Event) bool { return strings.HasSuffix(e.Msg, applierBehind) })
		i := slices.IndexFunc(s.failovers(), func(r reign) bool { return r.Node == a.successor && r.At >= a.began })
		if !behind || i < 0 || lost[a.node] == 0 {
			continue
		}
		if last, ok := lastAsReplica(run, s.failovers()[i]); ok && last.DelayS > 0 {
			continue
		}
		out = append(out, finding(record.SeverityCritical,
			"a PreFailoverProcesses hook that has the replicas apply what they have received (orchestrator-apply-relay-logs); "+
				"FailMasterPromotionIfSQLThreadNotUpToDate where standing still is better than losing data; on MariaDB not "+
				"DelayMasterPromotionIfSQLThreadNotUpToDate, whose wait begins when the relay logs are lost already",
			"%s was promoted although it had not applied what it had received, which was thrown away: %s of %s are lost, and the recovery counts as a %s",
			a.successor, plural(lost[a.node], "acknowledged write"), a.node, map[bool]string{true: "success", false: "failure"}[a.successful]))
	}
	return out
}

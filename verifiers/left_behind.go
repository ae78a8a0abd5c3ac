package verifiers

import (
	"slices"
	"strings"

	"github.com/firedrill/firedrill/harness/record"
)

// leftBehind finds lost writes on a replica that another was promoted over. It needs the rows of each server that the
// surviving primary lacks, as they were read at the end; those of a deposed primary are no news.
func leftBehind(run *record.Run, s succession) []record.Finding {
	lost := lostWrites(run)
	if len(lost) == 0 {
		return nil
	}
	led := []string{run.Manifest.Primary, run.Manifest.Final.Primary}
	for _, r := range s.Reigns {
		led = append(led, r.Node)
	}
	var out []record.Finding
	for _, n := range run.Manifest.Final.Nodes {
		if slices.Contains(led, n.Node) {
			continue
		}
		held := 0
		for _, id := range n.Beyond {
			if _, ok := lost[id]; ok {
				held++
			}
		}
		if held == 0 {
			continue
		}
		why, remedy := passedOver(run, n)
		out = append(out, finding(record.SeverityCritical, remedy, "%d of the %d lost writes are on %s, %s: %s was promoted without them",
			held, len(lost), n.Node, why, run.Manifest.Final.Primary))
	}
	return out
}

// passedOver says why a replica was not promoted, as far as its settings tell, and what mends it.
func passedOver(run *record.Run, n record.NodeState) (why, remedy string) {
	node := n.Node
	is := func(key string, values ...string) bool {
		return slices.Contains(values, strings.ToLower(setting(run, node, key)))
	}
	switch {
	case is("promotion_rule", "must_not"):
		return "which had the promotion rule must_not",
			"the rule prefer_not in place of must_not for " + node + ": it then stands in until another replica has its data"
	case is("log_replica_updates", "off", "0", "false"), is("skip_log_bin", "on", "1", "true"), is("disable_log_bin", "on", "1", "true"):
		return "which does not log what it replicates, so that no other can be fed by it",
			"log_bin and log_replica_updates on " + node + ", and the rule prefer_not if it shall not lead"
	}
	if n.Replicating && n.Source != "" && n.Source != run.Manifest.Final.Primary {
		return "which stayed with " + n.Source, "copy the rows from " + node + " before it is built anew"
	}
	return "which was not promoted", "copy the rows from " + node + " before it is built anew, and look in the recovery's steps why it was passed over"
}

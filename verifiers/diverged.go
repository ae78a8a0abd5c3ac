package verifiers

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness/record"
)

// diverged finds what a split left behind, at the end of the drill: servers that take writes beside the primary, with
// those that still follow them, and servers with a history of their own that follow nobody any more. No failover manager
// counts either as a problem: the first looks to it like another cluster, the second like a replica that is late.
func diverged(run *record.Run, _ succession) []record.Finding {
	final := run.Manifest.Final
	if final == nil || final.Primary == "" {
		return nil
	}
	var out []record.Finding
	for _, n := range final.Nodes {
		switch {
		case n.Node == final.Primary || n.Errant == "":
		case n.Role == record.RolePrimary && n.Writable:
			out = append(out, second(run, final, n))
		case final.Timeline == 0 && !n.Replicating && n.Reachable: // of PostgreSQL's, timelines tells
			out = append(out, finding(record.SeverityCritical, "keep its data for a look, then build it anew",
				"%s follows nobody, and what it has is not the past of %s (%s)%s: it will not catch up by itself", n.Node, final.Primary, n.Errant, rowsOf(n)))
		}
	}
	return out
}

// second is a cluster beside the primary's own.
func second(run *record.Run, final *record.Final, n record.NodeState) record.Finding {
	var below []string
	for _, other := range final.Nodes {
		if followed(final, other) == n.Node {
			below = append(below, other.Node)
		}
	}
	with := ""
	if len(below) > 0 {
		with = ", and " + strings.Join(below, " and ") + " with it"
	}
	return finding(record.SeverityCritical,
		"stop what writes to it and make it read-only at once, keep its data for a look, then build it and what follows it anew from "+final.Primary,
		"two clusters at the end: %s takes writes beside %s%s; its history is not the past of %s (%s)%s%s", n.Node, final.Primary, with, final.Primary, n.Errant, rowsOf(n), unminded(run, n.Node))
}

// followed is the server that a node's replication leads to in the end, empty for one that does not replicate.
func followed(final *record.Final, n record.NodeState) string {
	root := ""
	for range final.Nodes {
		if !n.Replicating || n.Source == "" {
			break
		}
		root = n.Source
		i := slices.IndexFunc(final.Nodes, func(x record.NodeState) bool { return x.Node == root })
		if i < 0 {
			break
		}
		n = final.Nodes[i]
	}
	return root
}

// rowsOf says how many of the application's rows a server alone has, where they were counted.
func rowsOf(n record.NodeState) string {
	if len(n.Beyond) == 0 {
		return ""
	}
	return fmt.Sprintf(", %d rows of the application among it", len(n.Beyond))
}

// unminded says what the failover manager made of it since the last heal.
func unminded(run *record.Run, node string) string {
	var healed time.Duration
	for _, c := range causes(run) {
		if c.Heal {
			healed = max(healed, c.At)
		}
	}
	alias, reported := "", false
	for _, e := range run.Events {
		if e.T < healed {
			continue
		}
		reported = reported || e.Kind == record.KindDetected && e.Node == node
		if clusters := e.Attrs["clusters"]; e.Attrs["alias"] != "" {
			alias = ""
			if strings.Contains(clusters, " and ") {
				alias = fmt.Sprintf("; both claim the alias %s", e.Attrs["alias"])
			}
		}
	}
	if !reported {
		alias += "; the failover manager reports no problem with it"
	}
	return alias
}

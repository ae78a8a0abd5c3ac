package verifiers

import (
	"slices"
	"strings"

	"github.com/firedrill/firedrill/harness/record"
)

// Errant promises that no node has transactions that the surviving primary lacks. It needs the state at the end from
// every database node.
type Errant struct{}

// Verify implements Verifier.
func (p Errant) Verify(run *record.Run) Result {
	want := "no node has errant transactions"
	final := run.Manifest.Final
	if final == nil || len(final.Nodes) == 0 {
		return inconclusive(want, "the state at the end was not read")
	}
	out := Result{Status: record.Passed, Want: want, Got: "none"}
	var errant, unread, untold []string
	for _, n := range final.Nodes {
		switch {
		case n.Errant != "":
			errant = append(errant, n.Node+" ("+n.Errant+")")
			out.Findings = append(out.Findings, finding(record.SeverityCritical, errantRemedy(run),
				"%s has transactions that %s has not: %s", n.Node, final.Primary, n.Errant))
		case !n.Reachable:
			unread = append(unread, n.Node)
		case n.ErrantUntold != "":
			untold = append(untold, n.Node+": "+n.ErrantUntold)
		}
	}
	for _, name := range databases(run) {
		if !slices.ContainsFunc(final.Nodes, func(n record.NodeState) bool { return n.Node == name }) {
			unread = append(unread, name)
		}
	}
	switch {
	case len(errant) > 0:
		out.Status, out.Got = record.Failed, strings.Join(errant, ", ")
	case len(unread) > 0:
		out.Status, out.Note = record.Inconclusive, "not read at the end: "+strings.Join(unread, ", ")
	case len(untold) > 0:
		out.Status, out.Note = record.Inconclusive, strings.Join(untold, "; ")
	}
	return settled(run, out)
}

// errantRemedy is what to do about a node that has more than the surviving primary. That purged transactions break a
// replication is a thing of binary logs.
func errantRemedy(run *record.Run) string {
	look := "look at what they hold before the node is built anew"
	if run.Manifest.Kind == "patroni" {
		return look
	}
	return look + "; purged elsewhere, they break the next failover"
}

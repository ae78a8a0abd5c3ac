package verifiers

import (
	"time"

	"github.com/firedrill/firedrill/harness/record"
)

// wrongCluster finds failovers that an operator forced by a cluster's alias, and that replaced another server than the
// primary: after a split two clusters claim the same alias.
func wrongCluster(run *record.Run, s succession) []record.Finding {
	var out []record.Finding
	for _, asked := range run.Events {
		if asked.Kind != record.KindOperator || asked.Attrs["verb"] != "force-alias" {
			continue
		}
		meant, alias := s.at(run, asked.T-1), asked.Attrs["args"]
		for _, e := range run.Events {
			from := e.Attrs["from"]
			if e.Kind != record.KindPromoted || e.T < asked.T || from == "" || from == meant {
				continue
			}
			out = append(out, finding(record.SeverityCritical, "name a cluster by a server of it (host:port), never by its alias, once there has been a split",
				"the operator forced a failover of the alias %s, and it replaced %s by %s, not the primary %s%s", alias, from, e.Node, meant, meaning(run, alias, e.T)))
			break
		}
	}
	return out
}

// meaning says which cluster the alias meant, as the manager was last seen to have it before a time.
func meaning(run *record.Run, alias string, before time.Duration) string {
	clusters := ""
	for _, e := range run.Events {
		if e.Attrs["alias"] == alias && e.T <= before {
			clusters = e.Attrs["clusters"]
		}
	}
	if clusters == "" {
		return ""
	}
	return ": it meant the cluster of " + clusters
}

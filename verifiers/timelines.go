package verifiers

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/firedrill/firedrill/harness/record"
)

// timelines tells PostgreSQL's history: which timelines there were, who wrote them and where each was left; and it
// finds the nodes that went on where the survivor's history does not, and so cannot follow it.
func timelines(run *record.Run, _ succession) []record.Finding {
	final := run.Manifest.Final
	if final == nil || final.Timeline == 0 {
		return nil
	}
	var out []record.Finding
	for _, n := range final.Nodes {
		if n.Errant != "" {
			out = append(out, finding(record.SeverityCritical, forkRemedy(run), "%s cannot follow %s: it has %s", n.Node, final.Primary, n.Errant))
		}
	}
	out = append(out, namesakes(run)...)
	if known := timelineOf(run, run.Manifest.Environment["leader"]); known == 0 || known == final.Timeline {
		return out // there was no other one, or nobody knows
	}
	writers := timelineWriters(run)
	named := func(timeline int) string {
		if by := writers[timeline]; by != "" {
			return fmt.Sprintf("timeline %d of %s", timeline, by)
		}
		return fmt.Sprintf("timeline %d", timeline)
	}
	var history []string
	for _, f := range final.Forks {
		history = append(history, named(f.Timeline)+" up to "+f.At)
	}
	return append(out, finding(record.SeverityInfo, "", "the history at the end: %s", strings.Join(append(history, named(final.Timeline)), ", then ")))
}

// namesakes finds timelines of one number that two nodes began, each without knowing of the other: a node that came
// back with less than had been written meanwhile was promoted all the same. Neither Patroni nor PostgreSQL tells them
// apart, and a replica of the first tries for ever to follow the second.
func namesakes(run *record.Run) []record.Finding {
	var out []record.Finding
	began := map[string]string{}
	for _, e := range run.Events {
		number := e.Attrs["timeline"]
		if e.Kind != record.KindPromoted || number == "" || e.Node == "" || e.T < baseline(run) {
			continue
		}
		if first := began[number]; first != "" && first != e.Node {
			out = append(out, finding(record.SeverityCritical, "check_timeline: true in Patroni's dynamic configuration: who is behind the last known timeline may not lead then, and a person may have to say who does; now, build anew what does not come from the leader",
				"two timelines are called %s: that of %s, and that of %s, which was promoted later and has not what %s wrote on its own", number, first, e.Node, first))
		}
		began[number] = e.Node
	}
	return out
}

// timelineOf is the timeline on which the drill began, as its leader had it.
func timelineOf(run *record.Run, leader string) int {
	if leader == "" {
		return 0
	}
	n, err := strconv.Atoi(run.Manifest.Environment["timeline"])
	if err != nil {
		return 0
	}
	return n
}

// timelineWriters names who led on which timeline, as far as it was told.
func timelineWriters(run *record.Run) map[int]string {
	out := map[int]string{}
	leader := run.Manifest.Environment["leader"]
	if n := timelineOf(run, leader); n > 0 {
		out[n] = leader
	}
	for _, e := range run.Events {
		if e.Kind != record.KindPromoted && e.Kind != record.KindManager {
			continue
		}
		if n, err := strconv.Atoi(e.Attrs["timeline"]); err == nil && e.Node != "" {
			out[n] = e.Node
		}
	}
	return out
}

// forkRemedy is what brings a diverged node back by itself the next time.
func forkRemedy(run *record.Run) string {
	settings := run.Manifest.Settings
	if slices.Contains([]string{"false", "off", "no"}, strings.ToLower(settings["patroni/postgresql.use_pg_rewind"])) {
		return "postgresql.use_pg_rewind: true, or postgresql.remove_data_directory_on_diverged_timelines: true; now, reinitialize the node"
	}
	return "give it time: its shutdown waits for replicas that it cannot reach (wal_sender_timeout), and pg_rewind comes after that; else reinitialize it"
}

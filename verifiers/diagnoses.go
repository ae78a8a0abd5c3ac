package verifiers

import (
	"cmp"
	"slices"
	"time"

	"github.com/firedrill/firedrill/harness/record"
)

// diagnosis looks for one way in which a failover manager counts as done what a business does not, and names the
// setting or the procedure that mends it. Like a verifier it is a pure function over the record; unlike one it is
// asked in every drill, whatever was promised, and says nothing where there is nothing.
type diagnosis func(run *record.Run, s succession) []record.Finding

// diagnoses are all of them. To add one, write its file and its line here.
func diagnoses() []diagnosis {
	return []diagnosis{leftBehind, thrownAway, unapplied, failedHooks, leftReadOnly, cancelled, wrongCluster, diverged, timelines, firewalled}
}

// audit is what the failover manager noted of one, by its number.
type audit struct {
	number     string
	node       string // that failed
	began      time.Duration
	ended      time.Duration // zero: not on record
	successful bool
	successor  string
	steps      []record.Event
}

// audits folds the manager's events by recovery, in the order of their begin.
func audits(run *record.Run) []audit {
	var out []audit
	for _, e := range run.Events {
		number := e.Attrs["recovery"]
		if number == "" || e.Kind == record.KindHook {
			continue
		}
		i := slices.IndexFunc(out, func(r audit) bool { return r.number == number })
		if i < 0 {
			i = len(out)
			out = append(out, audit{number: number, node: e.Node, began: e.T})
		}
		r := &out[i]
		switch verdict := e.Attrs["successful"]; {
		case verdict != "":
			r.ended, r.successful, r.successor = e.T, verdict == "true", e.Attrs["successor"]
		case e.Kind == record.KindManager:
			r.steps = append(r.steps, e)
		}
	}
	return out
}

// setting is what the record says of a server: its own setting, else that of all servers.
func setting(run *record.Run, node, key string) string {
	m := run.Manifest
	return cmp.Or(m.Environment[node+"/"+key], m.Settings[node+"/"+key], m.Settings["mysql/"+key])
}

// lostWrites are the acknowledged ones that the surviving primary has no row of; none where that cannot be told.
func lostWrites(run *record.Run) map[int64]record.Op {
	if ledgerUntold(run) != "" {
		return nil
	}
	rows := map[int64]bool{}
	for _, r := range run.Rows {
		rows[r.ID] = true
	}
	writes, _ := collect(run)
	out := map[int64]record.Op{}
	for id, w := range writes {
		if w.outcome == record.Acked && !rows[id] {
			out[id] = w.ack
		}
	}
	return out
}

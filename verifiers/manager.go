package verifiers

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness/record"
)

// Manager promises that the failover manager reported the problem, in its own words (an analysis code, a lost leader
// key). Reports from before the first fault do not count.
type Manager struct {
	Reports string `json:"reports" doc:"what a report of it contains"`
}

func (p Manager) check() error {
	if strings.TrimSpace(p.Reports) == "" {
		return errors.New("reports: must be given")
	}
	return nil
}

// Verify implements Verifier.
func (p Manager) Verify(run *record.Run) Result {
	var from time.Duration
	if all := strikes(run); len(all) > 0 {
		from = all[0].Began
	}
	out := Result{Status: record.Failed, Want: "the failover manager reports " + p.Reports}
	var heard []string
	for _, e := range run.Events {
		if e.Kind != record.KindDetected || e.T < from {
			continue
		}
		if strings.Contains(e.Msg, p.Reports) {
			out.Status, out.Got = record.Passed, e.Msg+" after "+figure(e.T-from)
			return out
		}
		if !slices.Contains(heard, e.Msg) {
			heard = append(heard, e.Msg)
		}
	}
	out.Got = "nothing was reported"
	if len(heard) > 0 {
		out.Got = strings.Join(heard, ", ")
	}
	if !whole(run) {
		out.Status, out.Note = record.Inconclusive, "the record is not whole: "+unwhole(run)
	}
	return out
}

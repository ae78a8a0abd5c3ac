package verifiers

import (
	"strconv"
	"time"

	"github.com/firedrill/firedrill/harness/record"
)

// A host whose processors are too few for what runs on it makes a healthy database slow, and PostgreSQL, which starts a process
// for each connection, silent. So a time that is too long, and would not be without the stretches in which the host was starved,
// says nothing of the database: such a promise is inconclusive. One that was kept was kept all the same.

// starved lists the stretches in which the host was starved, as it was recorded.
func starved(run *record.Run) []span {
	var out []span
	for _, e := range run.Events {
		if e.Kind != record.KindStarved {
			continue
		}
		if ms, err := strconv.ParseFloat(e.Attrs["ms"], 64); err == nil && ms > 0 {
			out = append(out, span{e.T - Millis(ms).Duration(), e.T})
		}
	}
	return out
}

// starvedIn is how much of a stretch the host was starved.
func starvedIn(run *record.Run, in span) time.Duration {
	var parts []span
	for _, s := range starved(run) {
		if part, ok := s.within(in); ok {
			parts = append(parts, part)
		}
	}
	return total(parts)
}

// starvedOf says so for people.
func starvedOf(d time.Duration) string {
	return "for " + figure(d) + " of it this machine had too few processors for what ran on it"
}

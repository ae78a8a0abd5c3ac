package verifiers

import (
	"time"

	"github.com/firedrill/firedrill/harness/record"
)

// Disturbed names the longest stall of a drill's own writers between the baseline and the end of the load, one that is longer
// than they put up with, or says for how long the machine was starved. It is empty when the machine did its part. A drill that gave no answer on a disturbed machine is
// worth holding again; on an undisturbed one the next would give none either.
func Disturbed(run *record.Run) string {
	watched := span{baseline(run), loadEnd(run)}
	var worst time.Duration
	var what string
	for _, l := range lanes(run) {
		for _, s := range l.stalls {
			if s.length() > max(worst, l.patience()) && s.meets(watched) {
				worst, what = s.length(), s.what
			}
		}
	}
	if lack := starvedIn(run, watched); what == "" && lack > 0 {
		return starvedOf(lack)
	}
	return what
}

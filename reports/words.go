package reports

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness/record"
)

// nbsp keeps a figure and its unit on one line.
const nbsp = "\u00a0"

// minus is as wide as a plus, so that figures stay aligned.
const minus = "\u2212"

// none stands in a table where nothing was measured.
const none = "\u2013"

// count writes a number with its thousands apart: 1 873.
func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + nbsp + s[i:]
	}
	return s
}

// plural writes "1 drill" or "3 drills".
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}

// dur writes a duration given in milliseconds: 4.2 ms, 310 ms, 2.91 s.
func dur(ms float64) string {
	abs := math.Abs(ms)
	switch {
	case abs == 0:
		return "0" + nbsp + "ms"
	case abs < 10:
		return strconv.FormatFloat(ms, 'f', 1, 64) + nbsp + "ms"
	case abs < 999.5:
		return strconv.FormatFloat(ms, 'f', 0, 64) + nbsp + "ms"
	}
	return strconv.FormatFloat(ms/1000, 'f', 2, 64) + nbsp + "s"
}

// round writes a duration that somebody chose, without the zeros: 30 s, 2.5 s, 500 ms.
func round(ms float64) string {
	if ms < 1000 {
		return strconv.FormatFloat(ms, 'f', -1, 64) + nbsp + "ms"
	}
	return strconv.FormatFloat(ms/1000, 'f', -1, 64) + nbsp + "s"
}

// plusMinus writes a measured duration with its resolution, both in the same unit and with the same decimals. The
// error is rounded up: a report never claims to know more than was measured.
func plusMinus(ms, err float64) string {
	if math.Abs(ms) < 999.5 {
		if err < 1 {
			return fmt.Sprintf("%.1f%sms ±%s%.1f%sms", ms, nbsp, nbsp, math.Ceil(err*10)/10, nbsp)
		}
		return fmt.Sprintf("%.0f%sms ±%s%.0f%sms", ms, nbsp, nbsp, math.Ceil(err), nbsp)
	}
	if err < 10 {
		return fmt.Sprintf("%.3f%ss ±%s%.3f%ss", ms/1000, nbsp, nbsp, math.Ceil(err)/1000, nbsp)
	}
	return fmt.Sprintf("%.2f%ss ±%s%.2f%ss", ms/1000, nbsp, nbsp, math.Ceil(err/10)/100, nbsp)
}

// verdictWord is the verdict as a reader sees it.
func verdictWord(v record.Verdict) string {
	switch v {
	case record.Passed:
		return "Passed"
	case record.Failed:
		return "Failed"
	case record.NotDrilled:
		return "Not drilled"
	case Conditional:
		return "Conditional"
	}
	return "Inconclusive"
}

// verdictMark goes before the word, so that neither paper nor an eye needs the colour.
func verdictMark(v record.Verdict) string {
	switch v {
	case record.Passed:
		return "✓"
	case record.Failed:
		return "✗"
	case record.NotDrilled:
		return "○"
	case Conditional:
		return "!"
	}
	return "?"
}

// rtoText is the measured recovery time in a table.
func rtoText(r *record.RTO) string {
	switch {
	case r == nil:
		return none
	case r.Uninterrupted:
		return "no interruption"
	case r.ValueMS == nil:
		return "not known"
	case r.AtLeast:
		return "at least " + dur(*r.ValueMS)
	}
	return plusMinus(*r.ValueMS, r.ErrorMS)
}

func rtoTarget(r *record.RTO) string {
	if r == nil || r.TargetMS == nil {
		return none
	}
	return round(*r.TargetMS)
}

// rtoMissed says whether the recovery time is beyond its objective by more than its own error: only then does a
// table mark it. The verdict itself is the verifiers'.
func rtoMissed(r *record.RTO) bool {
	if r == nil || r.TargetMS == nil || r.ValueMS == nil {
		return false
	}
	return r.AtLeast || *r.ValueMS-r.ErrorMS > *r.TargetMS
}

func lostText(r *record.RPO) string {
	if r == nil {
		return none
	}
	return count(r.Lost)
}

func lostTarget(r *record.RPO) string {
	if r == nil || r.TargetLost == nil {
		return none
	}
	return count(*r.TargetLost)
}

func lostMissed(r *record.RPO) bool {
	return r != nil && r.TargetLost != nil && r.Lost > *r.TargetLost
}

func promotedText(p *record.Promotion) string {
	switch {
	case p == nil:
		return none
	case p.To == "":
		return "nobody"
	case p.Failovers > 1:
		return fmt.Sprintf("%s (%d failovers)", p.To, p.Failovers)
	}
	return p.To
}

func flipText(e *record.EndpointFlip) string {
	switch {
	case e == nil:
		return none
	case e.FlipMS == nil:
		return "never"
	}
	return dur(*e.FlipMS)
}

func splitText(ms *float64) string {
	switch {
	case ms == nil:
		return "not known"
	case *ms == 0:
		return "none"
	}
	return dur(*ms)
}

// phaseWord is a phase of the recovery as a reader sees it.
func phaseWord(name string) string {
	words := map[string]string{
		"first_failed_write": "First failed write",
		"detected":           "Failure detected",
		"promotion_started":  "Promotion started",
		"promoted":           "Promoted and writable",
		"record_changed":     "Record changed",
		"endpoint_flipped":   "Endpoint flipped",
		"first_write":        "First write again",
	}
	if w := words[name]; w != "" {
		return w
	}
	return strings.ReplaceAll(name, "_", " ")
}

// severityRank orders findings: what is worst stands first.
func severityRank(s string) int {
	switch s {
	case record.SeverityCritical:
		return 0
	case record.SeverityWarning:
		return 1
	}
	return 2
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") + " UTC" }

// when is the run's time in one line.
func when(r Report) string {
	if r.Ended.IsZero() {
		return stamp(r.Started)
	}
	return stamp(r.Started) + " to " + stamp(r.Ended) + " (" + r.Ended.Sub(r.Started).Round(time.Second).String() + ")"
}

// attemptText says of a drill that was held again what became of an earlier attempt.
func attemptText(a record.Attempt) string {
	return "This drill was held again. An earlier attempt gave no answer, because the machine that held it stalled: " + a.Stall + ". Its record is in " + a.Folder + "."
}

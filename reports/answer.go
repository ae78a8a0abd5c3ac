package reports

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/firedrill/firedrill/harness/record"
)

// headline is the verdict of the run in a sentence: the first thing anybody reads.
func headline(r Report) string {
	held := plural(len(r.Drills), "drill", "drills")
	switch r.Verdict {
	case record.Passed:
		if len(r.Drills) == 1 {
			return "Ready: the drill passed."
		}
		return "Ready: all " + held + " passed."
	case Conditional:
		return "Conditionally ready: all that was judged passed, but " + strings.Join(conditions(r), ", and ") + "."
	case record.Failed:
		if len(r.Drills) == 1 {
			return "Not ready: the drill failed (" + names(r, record.Failed) + ")."
		}
		return fmt.Sprintf("Not ready: %d of %s failed (%s).", countVerdict(r, record.Failed), held, names(r, record.Failed))
	}
	if len(r.Drills) == 0 {
		return "Inconclusive, so not ready: nothing was judged."
	}
	if len(r.Drills) == 1 {
		return "Inconclusive, so not ready: the drill gave no answer (" + names(r, record.Inconclusive) + ")."
	}
	return fmt.Sprintf("Inconclusive, so not ready: %d of %s gave no answer (%s).",
		countVerdict(r, record.Inconclusive), held, names(r, record.Inconclusive))
}

// conditions are what stands between all drills passed and ready.
func conditions(r Report) []string {
	var out []string
	if n := len(r.NotDrilled); n > 0 {
		out = append(out, plural(n, "planned drill was not held", "planned drills were not held"))
	}
	if n := countFindings(r, record.SeverityCritical); n > 0 {
		out = append(out, plural(n, "critical finding needs an answer", "critical findings need an answer"))
	}
	if n := countFindings(r, record.SeverityWarning); n > 0 {
		out = append(out, plural(n, "warning needs an answer", "warnings need an answer"))
	}
	if n := len(r.Residue); n > 0 {
		out = append(out, plural(n, "thing was left behind", "things were left behind"))
	}
	return out
}

// names lists the drills of a verdict, and only the first few of many.
func names(r Report, v record.Verdict) string {
	var out []string
	for _, d := range r.Drills {
		if d.Verdict == v {
			out = append(out, d.Scenario)
		}
	}
	if len(out) > 3 {
		out = append(out[:3], fmt.Sprintf("and %d more", len(out)-3))
	}
	return strings.Join(out, "; ")
}

// scoreLine says what the score is made of, so that nobody has to guess.
func scoreLine(r Report) string {
	planned := len(r.Drills) + len(r.NotDrilled)
	return fmt.Sprintf("%d of %s passed. Failed (%d), inconclusive (%d) and not drilled (%d) count as zero.",
		countVerdict(r, record.Passed), plural(planned, "planned drill", "planned drills"), countVerdict(r, record.Failed),
		countVerdict(r, record.Inconclusive), len(r.NotDrilled))
}

// answer tells in one sentence what became of a drill. Where there is no verdict it says so first: what was seen
// then proves nothing, however well it looks.
func answer(d DrillResult) string {
	if d.Verdict == record.Inconclusive {
		return "No verdict. Seen all the same: " + told(d)
	}
	return told(d)
}

func told(d DrillResult) string {
	var parts []string
	for _, part := range []string{
		promotionClause(d.Promotion), rtoClause(d.RTO), rpoClause(d.RPO), endpointClause(d), splitClause(d.SplitBrainMS),
	} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	seen := strings.Join(parts, "; ")
	if seen == "" {
		seen = "nothing could be measured"
	}
	if len(d.Faults) > 0 {
		return faultClause(d.Faults) + ": " + seen + "."
	}
	if d.Promotion != nil && d.Promotion.To != "" { // it begins with the name of a node, which is as it is
		return seen + "."
	}
	return capital(seen) + "."
}

func faultClause(faults []record.FaultSummary) string {
	var out []string
	for i, f := range faults {
		if i == 3 {
			out = append(out, fmt.Sprintf("and %d more", len(faults)-i))
			break
		}
		out = append(out, faultText(f))
	}
	text := strings.Join(out, ", then ")
	if len(faults) > 0 && faults[0].Text != "" { // words of the user, not the name of a fault
		return capital(text)
	}
	return text
}

// faultText is the fault in the user's words, and what it struck.
func faultText(f record.FaultSummary) string {
	text := f.Text
	for _, keyword := range []string{"Given ", "When ", "And ", "Then "} {
		text = strings.TrimPrefix(text, keyword)
	}
	if text == "" {
		text = f.Name
	}
	if len(f.Targets) == 0 {
		return text
	}
	return text + " (" + strings.Join(f.Targets, ", ") + ")"
}

func promotionClause(p *record.Promotion) string {
	switch {
	case p == nil:
		return ""
	case p.To == "" && p.Failovers == 0:
		return "nobody was promoted"
	case p.To == "":
		return plural(p.Failovers, "failover began", "failovers began") + " and nobody was promoted"
	}
	text := p.To + " was promoted"
	if p.AtMS > 0 {
		text += " after " + dur(p.AtMS)
	}
	if p.Failovers > 1 {
		text += fmt.Sprintf(" (the last of %d failovers)", p.Failovers)
	}
	return text
}

func rtoClause(r *record.RTO) string {
	switch {
	case r == nil:
		return ""
	case r.Uninterrupted:
		return "writes were never interrupted"
	case r.ValueMS == nil:
		return "the recovery time is not known (" + r.Note + ")"
	case r.AtLeast:
		return "writes" + from(vantage(r)) + " were still down when the drill ended, at least " + dur(*r.ValueMS) + " later"
	}
	return "writes" + from(vantage(r)) + " were down " + plusMinus(*r.ValueMS, r.ErrorMS)
}

// vantage is whose recovery time it is.
func vantage(r *record.RTO) string {
	if r.Endpoint == "" {
		return r.Vantage
	}
	return r.Vantage + " through " + r.Endpoint
}

func from(vantage string) string {
	if vantage == "" {
		return ""
	}
	return " from " + vantage
}

func rpoClause(r *record.RPO) string {
	switch {
	case r == nil:
		return ""
	case r.Acked == 0:
		return "no write was acknowledged"
	case r.Lost == 0:
		return "none of " + plural(r.Acked, "acknowledged write", "acknowledged writes") + " was lost"
	}
	text := fmt.Sprintf("%s of %s were lost", count(r.Lost), plural(r.Acked, "acknowledged write", "acknowledged writes"))
	if r.Lost == 1 {
		text = fmt.Sprintf("1 of %s was lost", plural(r.Acked, "acknowledged write", "acknowledged writes"))
	}
	if r.WindowMS > 0 {
		text += ", the oldest " + dur(r.WindowMS) + " old when the fault struck"
	}
	return text
}

// endpointClause speaks only where there was somebody to follow.
func endpointClause(d DrillResult) string {
	e := d.Endpoint
	switch {
	case e == nil || d.Promotion == nil || d.Promotion.To == "":
		return ""
	case e.FlipMS == nil:
		return e.Name + " never led to it"
	case e.AfterMS == nil:
		return e.Name + " led to it " + dur(*e.FlipMS) + " after the fault"
	case *e.AfterMS < 0:
		return e.Name + " led to it " + dur(-*e.AfterMS) + " before it was writable"
	}
	return e.Name + " followed " + dur(*e.AfterMS) + " after the promotion"
}

func splitClause(ms *float64) string {
	if ms == nil || *ms == 0 {
		return ""
	}
	return "two nodes could acknowledge writes for " + dur(*ms)
}

func capital(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[size:]
}

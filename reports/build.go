package reports

import (
	"maps"

	"github.com/firedrill/firedrill/harness/record"
)

// Exit codes of a run. Usage errors (2) and interrupts (130) are the command line's own.
const (
	ExitReady        = 0
	ExitFailed       = 1
	ExitInconclusive = 3
	ExitResidue      = 4
)

// Build makes the report of a run out of its drills, in the order given.
//
// The verdict is
//   - failed, if any drill failed;
//   - else inconclusive, if any drill is, or if nothing was judged: a run that showed nothing is not ready;
//   - else conditional, if a drill was not held, there is a critical or warning finding, or something was left
//     behind: all that was asked was kept, and a reader must still decide about the rest;
//   - else passed.
//
// The score is the share of all planned drills that passed, in whole percent, rounded down so that 100 means all.
// A failed, an inconclusive and a not drilled one count as zero alike: none of them shows that the system recovers.
func Build(meta Meta, drills []Drill) Report {
	r := Report{
		Schema:      SchemaName,
		RunID:       meta.RunID,
		Started:     meta.Started.UTC(),
		Seed:        meta.Seed,
		Environment: map[string]string{},
		Drills:      []DrillResult{},
		NotDrilled:  []NotDrilled{},
		Residue:     append([]string{}, meta.Residue...),
	}
	if !meta.Ended.IsZero() {
		r.Ended = meta.Ended.UTC()
	}
	maps.Copy(r.Environment, meta.Environment)
	for _, d := range drills {
		m := d.Run.Manifest
		for _, left := range m.Residue {
			r.Residue = append(r.Residue, m.DrillID+": "+left)
		}
		if m.NotDrilled != "" || d.Judgement.Verdict == record.NotDrilled {
			r.NotDrilled = append(r.NotDrilled, notDrilled(d))
			continue
		}
		r.Drills = append(r.Drills, drillResult(d))
	}
	r.Verdict = verdict(r)
	r.Score = score(r)
	return r
}

// ExitCode is the exit code that the report asks for: 0 ready (passed or conditional), 1 an objective failed,
// 3 inconclusive, and 4 when something could not be healed or removed. The last wins over all others, because
// somebody has to clean up before anything else is done.
func ExitCode(r Report) int {
	switch {
	case len(r.Residue) > 0:
		return ExitResidue
	case r.Verdict == record.Failed:
		return ExitFailed
	case r.Verdict == record.Passed, r.Verdict == Conditional:
		return ExitReady
	}
	return ExitInconclusive
}

func verdict(r Report) record.Verdict {
	var worst record.Verdict
	for _, d := range r.Drills {
		worst = worst.Worse(d.Verdict)
	}
	switch {
	case worst == record.Failed:
		return record.Failed
	case worst != record.Passed: // inconclusive, or nothing was judged
		return record.Inconclusive
	case len(conditions(r)) > 0:
		return Conditional
	}
	return record.Passed
}

func score(r Report) int {
	planned := len(r.Drills) + len(r.NotDrilled)
	if planned == 0 {
		return 0
	}
	return 100 * countVerdict(r, record.Passed) / planned
}

func countVerdict(r Report, v record.Verdict) int {
	n := 0
	for _, d := range r.Drills {
		if d.Verdict == v {
			n++
		}
	}
	return n
}

func countFindings(r Report, severity string) int {
	n := 0
	for _, d := range r.Drills {
		for _, f := range d.Findings {
			if f.Severity == severity {
				n++
			}
		}
	}
	return n
}

func drillResult(d Drill) DrillResult {
	m := d.Run.Manifest
	j := d.Judgement
	switch j.Verdict {
	case record.Passed, record.Failed:
	default: // a verdict that is missing or that we do not know is no pass
		j.Verdict = record.Inconclusive
	}
	j.Faults = append([]record.FaultSummary{}, j.Faults...)
	for i := range j.Faults {
		j.Faults[i].Targets = list(j.Faults[i].Targets)
	}
	j.Expectations = list(j.Expectations)
	j.Findings = list(j.Findings)
	return DrillResult{
		ID:          m.DrillID,
		Feature:     m.Feature,
		Scenario:    m.Scenario,
		Tags:        list(m.Tags),
		Topology:    m.Topology,
		Kind:        m.Kind,
		Provider:    m.Provider,
		Started:     m.Epoch.UTC(),
		DurationMS:  record.MS(m.Ended),
		Judgement:   j,
		Interrupted: m.Interrupted,
		Errors:      m.Errors,
		Earlier:     m.Earlier,
		Hashes:      d.Hashes,
	}
}

func notDrilled(d Drill) NotDrilled {
	m := d.Run.Manifest
	n := NotDrilled{Drill: m.DrillID, Feature: m.Feature, Scenario: m.Scenario, Topology: m.Topology, Reason: m.NotDrilled}
	if n.Reason == "" && len(d.Judgement.Reasons) > 0 {
		n.Reason = d.Judgement.Reasons[0]
	}
	if n.Reason == "" {
		n.Reason = "no reason was recorded"
	}
	return n
}

// list makes an empty list of a nil one: a script that reads report.json must not meet null where it expects a list.
func list[T any](in []T) []T {
	if in == nil {
		return []T{}
	}
	return in
}

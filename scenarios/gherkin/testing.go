package gherkin

import (
	"testing"

	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/scenarios"
)

// Test holds every drill of a selection as a subtest of t and writes the run's report. A drill that cannot be held
// here skips its subtest, unless harness.RequireVariable names its kind.
func Test(t *testing.T, run *scenarios.Run, sel Selection) {
	t.Helper()
	for _, d := range sel.Drills {
		t.Run(d.ID, func(t *testing.T) {
			one := sel
			one.Drills = []Drill{d}
			if err := Hold(t.Context(), run, one, 1, ""); err != nil {
				t.Fatal(err)
			}
			dir := run.DrillDir(d.ID)
			recorded, err := record.Load(dir)
			if err != nil {
				t.Fatal(err)
			}
			j, err := record.LoadJudgement(dir)
			if err != nil {
				t.Fatal(err)
			}
			scenarios.Outcome(t, recorded.Manifest, j)
		})
	}
	report, err := run.Finish()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d drills, %d not drilled, report in %s", report.Verdict, len(report.Drills), len(report.NotDrilled), run.Dir)
}

package gherkin

import (
	"os"
	"strconv"
	"testing"

	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/scenarios"
)

// ConcurrencyVariable is how many drills Test holds at one moment, 1 unless it is set. More cost precision on a small
// machine, and go test's -parallel bounds them too.
const ConcurrencyVariable = "FIREDRILL_CONCURRENCY"

// Test holds every drill of a selection as a subtest of t and writes the run's report. A drill that cannot be held
// here skips its subtest, unless harness.RequireVariable names its kind.
func Test(t *testing.T, run *scenarios.Run, sel Selection) {
	t.Helper()
	concurrency, _ := strconv.Atoi(os.Getenv(ConcurrencyVariable))
	slots := make(chan struct{}, max(1, concurrency))
	t.Run("drills", func(t *testing.T) { // returns when all have been held
		for _, d := range sel.Drills {
			t.Run(d.ID, func(t *testing.T) {
				if concurrency > 1 {
					t.Parallel()
				}
				slots <- struct{}{}
				defer func() { <-slots }()
				hold(t, run, sel, d)
			})
		}
	})
	report, err := run.Finish()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d drills, %d not drilled, report in %s", report.Verdict, len(report.Drills), len(report.NotDrilled), run.Dir)
}

// hold holds one drill of a selection and turns its judgement into the test's outcome.
func hold(t *testing.T, run *scenarios.Run, sel Selection, d Drill) {
	t.Helper()
	sel.Drills = []Drill{d}
	if err := Hold(t.Context(), run, sel, 1, ""); err != nil {
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
}

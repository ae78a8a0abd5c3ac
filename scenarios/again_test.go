package scenarios

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/reports"
)

// nowhere is a provider of a drill that stands nothing up.
type nowhere struct{ harness.Provider }

func (nowhere) Name() string { return "nowhere" }

// stalledDrill holds a drill without promises, which is inconclusive, and whose writers began one write late.
func stalledDrill(t *testing.T, r *Run, late time.Duration) *Drill {
	t.Helper()
	d, err := r.Drill(Scenario{ID: "stalled", Name: "the machine stalls"})
	require.NoError(t, err)
	d.manifest.Workload = record.Workload{Endpoint: "db.shop.test", Tick: 10 * time.Millisecond, Vantages: []string{"dc1"}}
	for i := range 100 {
		due := time.Duration(i+1) * 10 * time.Millisecond
		op := record.Op{ID: int64(i), Vantage: "dc1", Node: "app1", Due: due, Start: due, End: due + time.Millisecond, Outcome: record.Acked, Server: "m1"}
		if i == 50 {
			op.Start, op.End = op.Start+late, op.End+late
		}
		d.rec.Op(op)
	}
	_, err = d.Finish(context.Background(), nil)
	require.NoError(t, err)
	return d
}

func TestADrillIsHeldAgainWhenTheMachineStalled(t *testing.T) {
	r, err := NewRun(Config{Provider: nowhere{}, Out: t.TempDir(), Again: 1})
	require.NoError(t, err)

	again, err := r.Again(stalledDrill(t, r, 0))
	require.NoError(t, err)
	assert.False(t, again, "nothing stalled: the next attempt would give no answer either")
	require.NoError(t, os.RemoveAll(r.DrillDir("stalled")))

	again, err = r.Again(stalledDrill(t, r, time.Second))
	require.NoError(t, err)
	require.True(t, again)
	assert.NoDirExists(t, r.DrillDir("stalled"))
	set := filepath.Join(r.Dir, "aside", "stalled", "1")
	kept, err := record.Load(set)
	require.NoError(t, err)
	assert.Len(t, kept.Ops, 100, "its record is kept")

	again, err = r.Again(stalledDrill(t, r, time.Second))
	require.NoError(t, err)
	assert.False(t, again, "as often as the run allows, and no oftener")
	report, err := r.Finish()
	require.NoError(t, err)
	require.Len(t, report.Drills, 1, "what was set aside is not judged")
	require.Len(t, report.Drills[0].Earlier, 1)
	assert.Equal(t, "aside/stalled/1", report.Drills[0].Earlier[0].Folder)
	assert.Contains(t, report.Drills[0].Earlier[0].Stall, "late")
	html, err := os.ReadFile(filepath.Join(r.Dir, "report.html"))
	require.NoError(t, err)
	assert.Contains(t, string(html), "held again")
	assert.Equal(t, reports.ExitInconclusive, reports.ExitCode(report))
}

func TestWhatWasInterruptedOrLeftSomethingIsNotHeldAgain(t *testing.T) {
	for name, change := range map[string]func(*record.Manifest){
		"interrupted": func(m *record.Manifest) { m.Interrupted = true },
		"residue":     func(m *record.Manifest) { m.Residue = []string{"a network"} },
	} {
		r, err := NewRun(Config{Provider: nowhere{}, Out: t.TempDir(), Again: 3})
		require.NoError(t, err)
		d := stalledDrill(t, r, time.Second)
		change(&d.manifest)
		again, err := r.Again(d)
		require.NoError(t, err)
		assert.False(t, again, name)
	}
}

package reports

import (
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/record"
)

func TestBinsBeginAtTheFault(t *testing.T) {
	a := axis{from: 950, to: 2050, zero: 1000, left: 0, width: 1000}
	op := func(dueMS int, o record.Outcome) record.Op {
		due := time.Duration(dueMS) * time.Millisecond
		return record.Op{Vantage: "dc1", Due: due, End: due + 5*time.Millisecond, Outcome: o}
	}
	ops := []record.Op{op(900, record.Acked), op(999, record.Acked), op(1000, record.Rejected), op(1099, record.Indeterminate), op(1100, record.Acked), op(2049, record.Acked), op(2050, record.Acked)}
	bins := binOps(ops, a, 100, "dc1")
	require.Len(t, bins, 12)
	assert.Equal(t, 1, bins[0].acked, "what is before the window is left out")
	assert.Equal(t, []int{0, 1, 1}, []int{bins[1].acked, bins[1].rejected, bins[1].unknown})
	assert.Equal(t, []float64{5}, bins[2].latencies)
	assert.Equal(t, 1, bins[11].acked, "the window ends before its end, or its last column would stand out")
	assert.Zero(t, binOps(ops, a, 100, "dc2")[0].acked)
}

// Every write of the shown window is in exactly one bin.
func TestBinsLoseNoWrite(t *testing.T) {
	d := hardDrill()
	r := Build(Meta{}, []Drill{d}).Drills[0]
	a, ok := timelineAxis(r, d.Run)
	require.True(t, ok)
	want, got := 0, 0
	for _, op := range d.Run.Ops {
		if due := record.MS(op.Due); due >= a.from && due < a.to {
			want++
		}
	}
	for _, b := range binOps(d.Run.Ops, a, binWidth(a), "") {
		got += b.acked + b.failed()
	}
	assert.Equal(t, want, got)
}

func TestRoleBands(t *testing.T) {
	at := func(ms int) time.Duration { return time.Duration(ms) * time.Millisecond }
	var samples []record.Sample
	for ms := 0; ms < 1000; ms += 100 {
		samples = append(samples, record.Sample{T: at(ms), Node: "m1", Alive: true, Role: record.RolePrimary, Writable: true})
	}
	samples = append(samples, record.Sample{T: at(1000), Node: "m1"}, record.Sample{T: at(5000), Node: "m1", Alive: true, Role: record.RoleReplica})
	got := bandsOf(samples, axis{from: 500, to: 5500})
	assert.Equal(t, []band{{500, 1000, "primary"}, {1000, 2000, "down"}, {2000, 5000, "mute"}, {5000, 5500, "replica"}}, got,
		"a node that says nothing for long must not look well, nor as it last was")
}

func TestStallsDoNotPushOutThePromotion(t *testing.T) {
	var marks []marker
	for range 100 {
		marks = append(marks, marker{Aside: true})
	}
	marks = fitting(append(marks, marker{Text: "Promoted"}))
	require.Len(t, marks, mostBadges)
	assert.Equal(t, "Promoted", marks[mostBadges-1].Text)
}

func TestBadgesDoNotOverlap(t *testing.T) {
	a := axis{from: 0, to: 1000, left: 0, width: 1000}
	marks := []marker{{MS: 0}, {MS: 5}, {MS: 10}, {MS: 20}, {MS: 500}}
	rows, used := stagger(marks, a)
	assert.Equal(t, 3, used)
	for i := range marks {
		for j := range i {
			assert.False(t, rows[i] == rows[j] && a.x(marks[i].MS)-a.x(marks[j].MS) < 19, "%d and %d", i, j)
		}
	}
}

// Charts must hold together whatever is missing, and be well-formed.
func TestChartsOfSparseRuns(t *testing.T) {
	full := hardDrill()
	runs := map[string]*record.Run{
		"full": full.Run, "empty": {}, "one op": {Ops: full.Run.Ops[:1]}, "no ops": {Samples: full.Run.Samples},
		"no samples": {Ops: full.Run.Ops}, "all failed": {Ops: full.Run.Ops[len(full.Run.Ops)/2:]},
	}
	for name, run := range runs {
		for _, d := range []DrillResult{{}, Build(Meta{}, []Drill{full}).Drills[0]} {
			chart, _, _ := timeline(d, run)
			bars, _ := waterfall(d.RTO)
			for _, svg := range []string{string(chart), string(bars)} {
				assertWellFormed(t, name, svg)
				assert.NotContains(t, svg, "NaN", name)
				assert.NotContains(t, svg, "Inf", name)
			}
		}
	}
}

func assertWellFormed(t *testing.T, name, svg string) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		_, err := d.Token()
		if err == io.EOF {
			return
		}
		require.NoError(t, err, name)
	}
}

func TestWriteAndLoadDrill(t *testing.T) {
	dir := t.TempDir()
	drill := filepath.Join(dir, "drills", "d1")
	rec, err := record.Create(drill)
	require.NoError(t, err)
	rec.Event(record.Event{Kind: record.KindPhase, Msg: "load"})
	require.NoError(t, rec.WriteManifest(record.Manifest{DrillID: "d1", Scenario: "one", Completed: true}))
	require.NoError(t, rec.Close())
	_, err = LoadDrill(drill)
	require.Error(t, err, "a drill that was held needs its verdict")
	require.NoError(t, record.WriteJudgement(drill, record.Judgement{Verdict: record.Passed}))
	require.NoError(t, os.MkdirAll(filepath.Join(drill, "logs", "m1"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(drill, "logs", "m1", "mysqld.log"), []byte("abc"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(drill, ".half"), nil, 0o644))

	d, err := LoadDrill(drill)
	require.NoError(t, err)
	assert.Equal(t, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", d.Hashes["logs/m1/mysqld.log"])
	assert.Contains(t, d.Hashes, record.EventsFile)
	assert.NotContains(t, d.Hashes, ".half")

	want := Build(sampleMeta(), []Drill{d})
	require.NoError(t, Write(dir, want, []Drill{d}))
	got, err := ReadReport(dir)
	require.NoError(t, err)
	assert.Equal(t, want, got, "report.json carries the whole report")
}

func TestReadReportRefusesAnotherSchema(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, ReportFile), []byte(`{"schema":"firedrill/report/v9"}`), 0o644))
	_, err := ReadReport(dir)
	assert.ErrorContains(t, err, "firedrill/report/v9")
}

// A zero between two milliseconds must not show in the labels.
func TestAxisLabelsAreRound(t *testing.T) {
	a := axis{from: 6081.333, to: 22115.777, zero: 8081.217333}
	for _, tick := range a.ticks() {
		assert.LessOrEqual(t, len([]rune(a.label(tick))), len("+10.5 s"), a.label(tick))
	}
}

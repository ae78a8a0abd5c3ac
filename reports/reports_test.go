package reports

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/record"
)

var update = flag.Bool("update", false, "write the goldens again")

// golden compares with a file of testdata. Look at the difference before you commit an update: scripts read these.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
}

func render(t *testing.T, file string, r Report, drills []Drill) []byte {
	t.Helper()
	for _, f := range Formats() {
		if f.File == file {
			data, err := f.Render(r, drills)
			require.NoError(t, err)
			return data
		}
	}
	t.Fatalf("no format writes %s", file)
	return nil
}

// TestSample writes the sample report where one can look at it: FIREDRILL_SAMPLE_DIR=DIR go test -run TestSample ./reports/
func TestSample(t *testing.T) {
	dir := os.Getenv("FIREDRILL_SAMPLE_DIR")
	if dir == "" {
		dir = t.ArtifactDir()
	}
	drills := sampleDrills()
	require.NoError(t, Write(dir, Build(sampleMeta(), drills), drills))
	for _, f := range Formats() {
		assert.FileExists(t, filepath.Join(dir, f.File))
	}
	hard := []Drill{hardDrill()}
	require.NoError(t, Write(filepath.Join(dir, "hard"), Build(Meta{RunID: "hard", Residue: []string{"container c1"}}, hard), hard))
}

func TestGoldens(t *testing.T) {
	drills := sampleDrills()
	r := Build(sampleMeta(), drills)
	golden(t, "report.json", render(t, ReportFile, r, drills))
	golden(t, "junit.xml", render(t, "junit.xml", r, drills))
	golden(t, "summary.md", render(t, "summary.md", r, drills))
}

// A report is a function of its input: the same drills give the same bytes.
func TestFormatsAreDeterministic(t *testing.T) {
	drills := sampleDrills()
	for _, f := range Formats() {
		first := render(t, f.File, Build(sampleMeta(), drills), drills)
		second := render(t, f.File, Build(sampleMeta(), sampleDrills()), sampleDrills())
		assert.Equal(t, string(first), string(second), f.File)
	}
}

func judged(v record.Verdict, findings ...record.Finding) Drill {
	return Drill{Run: &record.Run{Manifest: record.Manifest{DrillID: string(v), Scenario: string(v)}}, Judgement: record.Judgement{Verdict: v, Findings: findings}}
}

func TestVerdictScoreAndExitCode(t *testing.T) {
	passed, failed, inconclusive := judged(record.Passed), judged(record.Failed), judged(record.Inconclusive)
	skipped := notDrilledDrill()
	left := judged(record.Passed)
	left.Run.Manifest.Residue = []string{"network n1"}
	tests := []struct {
		name    string
		drills  []Drill
		verdict record.Verdict
		score   int
		exit    int
	}{
		{"nothing", nil, record.Inconclusive, 0, ExitInconclusive},
		{"all passed", []Drill{passed, passed}, record.Passed, 100, ExitReady},
		{"failed beats inconclusive", []Drill{passed, inconclusive, failed}, record.Failed, 33, ExitFailed},
		{"inconclusive beats conditional", []Drill{passed, inconclusive, skipped}, record.Inconclusive, 33, ExitInconclusive},
		{"not drilled makes conditional", []Drill{passed, skipped}, Conditional, 50, ExitReady},
		{"only not drilled", []Drill{skipped}, record.Inconclusive, 0, ExitInconclusive},
		{"warning makes conditional", []Drill{judged(record.Passed, record.Finding{Severity: record.SeverityWarning})}, Conditional, 100, ExitReady},
		{"info does not", []Drill{judged(record.Passed, record.Finding{Severity: record.SeverityInfo})}, record.Passed, 100, ExitReady},
		{"residue makes conditional, and wins", []Drill{left}, Conditional, 100, ExitResidue},
		{"residue wins over failed", []Drill{failed, left}, record.Failed, 50, ExitResidue},
		{"no verdict is no pass", []Drill{judged("")}, record.Inconclusive, 0, ExitInconclusive},
		{"an unknown verdict is no pass", []Drill{judged("fine")}, record.Inconclusive, 0, ExitInconclusive},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := Build(Meta{}, test.drills)
			assert.Equal(t, test.verdict, r.Verdict)
			assert.Equal(t, test.score, r.Score)
			assert.Equal(t, test.exit, ExitCode(r))
			assert.NotEmpty(t, headline(r))
		})
	}
}

func TestResidueOfTheRunCounts(t *testing.T) {
	r := Build(Meta{Residue: []string{"container c1"}}, []Drill{judged(record.Passed)})
	assert.Equal(t, []string{"container c1"}, r.Residue)
	assert.Equal(t, ExitResidue, ExitCode(r))
}

// Build must not write into the judgement that it was given: the caller may print it too.
func TestBuildLeavesItsInputAlone(t *testing.T) {
	d := judged(record.Passed)
	d.Judgement.Faults = []record.FaultSummary{{ID: "f1"}}
	Build(Meta{}, []Drill{d})
	assert.Nil(t, d.Judgement.Faults[0].Targets)
}

func TestWords(t *testing.T) {
	assert.Equal(t, "1\u00a0873", count(1873))
	assert.Equal(t, "-1\u00a0234\u00a0567", count(-1234567))
	assert.Equal(t, "999", count(999))
	assert.Equal(t, "2.91\u00a0s ±\u00a00.02\u00a0s", plusMinus(2910, 20))
	assert.Equal(t, "2.91\u00a0s ±\u00a00.03\u00a0s", plusMinus(2910, 20.5), "the error is rounded up")
	assert.Equal(t, "2.910\u00a0s ±\u00a00.001\u00a0s", plusMinus(2910, 0.4))
	assert.Equal(t, "310\u00a0ms ±\u00a020\u00a0ms", plusMinus(310, 20))
	assert.Equal(t, "30\u00a0s", round(30000))
	assert.Equal(t, "2.5\u00a0s", round(2500))
	assert.Equal(t, "4.2\u00a0ms", dur(4.2))
}

func TestAnswer(t *testing.T) {
	drills := Build(sampleMeta(), sampleDrills()).Drills
	assert.Equal(t, "\"mysqld\" on the primary is killed (m1): m3 was promoted after 2.10\u00a0s; writes from dc2 were down 2.91\u00a0s ±\u00a00.02\u00a0s; "+
		"none of 2\u00a0916 acknowledged writes was lost; db.shop.test followed 350\u00a0ms after the promotion.", answer(drills[0]))
	assert.Contains(t, answer(drills[1]), "12 of 2\u00a0254 acknowledged writes were lost, the oldest 340\u00a0ms old when the fault struck")
	assert.Contains(t, answer(drills[2]), "No verdict. Seen all the same: ")
	assert.Contains(t, answer(drills[2]), "nobody was promoted; writes were never interrupted")
	assert.Equal(t, "Nothing could be measured.", answer(DrillResult{}))

	open := DrillResult{Judgement: record.Judgement{RTO: &record.RTO{ValueMS: ptr(62000.0), AtLeast: true, Vantage: "dc1"}}}
	assert.Equal(t, "Writes from dc1 were still down when the drill ended, at least 62.00\u00a0s later.", answer(open))
	assert.Equal(t, "at least 62.00\u00a0s", rtoText(open.RTO))
}

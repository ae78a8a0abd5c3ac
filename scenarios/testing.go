package scenarios

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/record"
)

// AgainVariable is how often a feature's drill that gave no answer because this machine stalled is held again in go test.
const AgainVariable = "FIREDRILL_AGAIN"

var notWord = regexp.MustCompile(`[^A-Za-z0-9]+`)

// New begins a drill of a topology inside a Go test. The way back is registered on t before anything starts. The
// drill is finished by Judge, or at the test's end.
func New(t *testing.T, topology string) *Drill {
	t.Helper()
	run := NewTestRun(t)
	d, err := run.Drill(Scenario{ID: strings.ToLower(notWord.ReplaceAllString(t.Name(), "-")), Feature: "go test", Name: t.Name(), Topology: topology})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !d.finished {
			if _, err := d.Finish(context.WithoutCancel(t.Context()), errors.New("the test ended before the drill was judged")); err != nil {
				t.Error(err)
			}
		}
		if _, err := run.Finish(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// NewTestRun begins a run on this machine's Docker engine whose folder is the test's artifact folder, or OUT of the
// environment variable FIREDRILL_OUT. Without an engine the test is skipped, or failed when harness.RequireVariable says so.
func NewTestRun(t *testing.T) *Run {
	t.Helper()
	out := os.Getenv("FIREDRILL_OUT")
	if out == "" {
		out = filepath.Join(t.ArtifactDir(), RunsFolder)
	}
	again := 0
	if s := os.Getenv(AgainVariable); s != "" {
		var err error
		if again, err = strconv.Atoi(s); err != nil || again < 0 {
			t.Fatalf("%s=%q is not a number of times", AgainVariable, s)
		}
	}
	cfg, err := OnDocker(t.Context(), Config{Out: out, Progress: testLog{t}, Seed: time.Now().UnixNano(), Again: again}, "")
	if errors.Is(err, harness.ErrUnavailable) {
		if harness.Required("docker") {
			t.Fatalf("%s asks for it: %v", harness.RequireVariable, err)
		}
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	run, err := NewRun(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// Stand has the topology stand, steady and written to. A drill that cannot be held here skips the test.
func (d *Drill) Stand(t *testing.T) {
	t.Helper()
	if err := d.Begun(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d.manifest.NotDrilled != "" {
		d.Judge(t) // skips
	}
}

// Judge finishes the drill and fails the test for every promise that was not kept, and for every one that could not
// be judged. A drill that cannot be held here skips the test.
func (d *Drill) Judge(t *testing.T) record.Judgement {
	t.Helper()
	j, err := d.Finish(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	Outcome(t, d.manifest, j)
	return j
}

// Outcome turns a judgement into the outcome of a test.
func Outcome(t *testing.T, m record.Manifest, j record.Judgement) {
	t.Helper()
	if j.Verdict == record.NotDrilled {
		if harness.Required(m.Kind) {
			t.Fatalf("not drilled, and %s asks for it: %s", harness.RequireVariable, m.NotDrilled)
		}
		t.Skip("not drilled: " + m.NotDrilled)
	}
	for _, e := range j.Expectations {
		if e.Verdict != record.Passed {
			t.Logf("%s: %s: want %s, got %s %s", e.Verdict, e.Text, e.Want, e.Got, e.Note)
		}
	}
	if j.Verdict != record.Passed {
		t.Errorf("%s: %s", j.Verdict, strings.Join(j.Reasons, "; "))
	}
	for _, left := range m.Residue {
		t.Errorf("could not be healed or removed: %s", left)
	}
}

// testLog shows the progress of a drill in the test's log.
type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}

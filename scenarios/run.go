package scenarios

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"sync"
	"time"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/injectors"
	"github.com/firedrill/firedrill/reports"
	"github.com/firedrill/firedrill/verifiers"
)

// Run is a run of one or more drills: one folder, one report.
type Run struct {
	Config
	ID      string
	Dir     string
	Started time.Time

	mu      sync.Mutex
	earlier map[string][]record.Attempt // by drill
}

// Config is what a run needs from outside.
type Config struct {
	Provider    harness.Provider
	Catalogue   harness.Catalogue
	Faults      *injectors.Registry
	Budgets     Budgets
	Out         string // folder of all runs
	Seed        int64
	Keep        bool // leave topologies standing
	Again       int  // how often a drill that gave no answer because the machine stalled is held again
	Progress    io.Writer
	Files       fs.FS             // that ship with the features, for drills that name them
	Environment map[string]string // host, versions, who asked: for the report
}

// RunsFolder is where runs are kept unless somebody says otherwise.
const RunsFolder = "firedrill-runs"

// RunIDLayout is how the id of a run says when it began, in UTC; a second run of the same second has a number after it.
const RunIDLayout = "20060102-150405"

// NewRun makes the folder of a run and points OUT/latest at it.
func NewRun(cfg Config) (*Run, error) {
	if cfg.Progress == nil {
		cfg.Progress = io.Discard
	}
	if cfg.Out == "" {
		cfg.Out = RunsFolder
	}
	now := time.Now().UTC()
	r := &Run{Config: cfg, Started: now, earlier: map[string][]record.Attempt{}}
	if err := os.MkdirAll(cfg.Out, 0o755); err != nil {
		return nil, fmt.Errorf("create folder of runs: %w", err)
	}
	for n := 0; ; n++ { // two runs may begin in the same second
		r.ID = now.Format(RunIDLayout)
		if n > 0 {
			r.ID = fmt.Sprintf("%s-%d", r.ID, n)
		}
		r.Dir = filepath.Join(cfg.Out, r.ID)
		err := os.Mkdir(r.Dir, 0o755)
		if err == nil {
			break
		}
		if !errors.Is(err, os.ErrExist) || n > 100 {
			return nil, fmt.Errorf("create folder of the run: %w", err)
		}
	}
	latest := filepath.Join(cfg.Out, "latest")
	_ = os.Remove(latest)
	_ = os.Symlink(r.ID, latest) // a convenience: some file systems have no links
	return r, record.WriteJSON(filepath.Join(r.Dir, metaFile), r.meta(time.Time{}, nil))
}

// metaFile says of a run what is not in its drills, so that reports can be written again.
const metaFile = "run.json"

type meta struct {
	RunID       string            `json:"run_id"`
	Started     time.Time         `json:"started"`
	Ended       time.Time         `json:"ended"`
	Seed        int64             `json:"seed"`
	Environment map[string]string `json:"environment"`
	Residue     []string          `json:"residue,omitempty"`
}

func (r *Run) meta(ended time.Time, residue []string) meta {
	return meta{RunID: r.ID, Started: r.Started, Ended: ended, Seed: r.Seed, Environment: r.Environment, Residue: residue}
}

// DrillDir is the folder of a drill of this run.
func (r *Run) DrillDir(id string) string { return filepath.Join(r.Dir, "drills", id) }

func (r *Run) progress(drill string, at time.Duration, what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _ = fmt.Fprintf(r.Progress, "%7.1fs  %s: %s\n", at.Seconds(), drill, what)
}

func (r *Run) judged(drill string, j record.Judgement) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _ = fmt.Fprintf(r.Progress, "          %s: %s\n", drill, j.Verdict)
	for _, e := range j.Expectations {
		if e.Verdict != record.Passed {
			line := fmt.Sprintf("%s: %s: want %s, got %s", e.Verdict, e.Text, e.Want, e.Got)
			if e.Note != "" {
				line += " (" + e.Note + ")"
			}
			_, _ = fmt.Fprintf(r.Progress, "            %s\n", line)
		}
	}
	for _, reason := range j.Reasons {
		_, _ = fmt.Fprintf(r.Progress, "            %s\n", reason)
	}
}

// Finish writes the reports of the run.
func (r *Run) Finish(residue ...string) (reports.Report, error) {
	if err := record.WriteJSON(filepath.Join(r.Dir, metaFile), r.meta(time.Now().UTC(), residue)); err != nil {
		return reports.Report{}, err
	}
	return Report(r.Dir)
}

// Report writes the reports of a recorded run (again), from its folder alone.
func Report(dir string) (reports.Report, error) {
	var m meta
	data, err := os.ReadFile(filepath.Join(dir, metaFile))
	if err != nil {
		return reports.Report{}, fmt.Errorf("%s is not the folder of a run: %w", dir, err)
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return reports.Report{}, fmt.Errorf("read %s: %w", metaFile, err)
	}
	dirs, err := DrillDirs(dir)
	if err != nil {
		return reports.Report{}, err
	}
	var drills []reports.Drill
	for _, d := range dirs {
		drill, err := reports.LoadDrill(d)
		if err != nil {
			return reports.Report{}, err
		}
		drills = append(drills, drill)
	}
	report := reports.Build(reports.Meta{
		RunID: m.RunID, Started: m.Started, Ended: m.Ended, Seed: m.Seed, Environment: m.Environment, Residue: m.Residue,
	}, drills)
	return report, reports.Write(dir, report, drills)
}

// Verify judges a recorded run again and writes its reports.
func Verify(ctx context.Context, dir string) (reports.Report, error) {
	dirs, err := DrillDirs(dir)
	if err != nil {
		return reports.Report{}, err
	}
	for _, d := range dirs {
		if ctx.Err() != nil {
			return reports.Report{}, ctx.Err()
		}
		run, err := record.Load(d)
		if err != nil {
			return reports.Report{}, err
		}
		if err := record.WriteJudgement(d, verifiers.Judge(run)); err != nil {
			return reports.Report{}, err
		}
	}
	return Report(dir)
}

// DrillDirs are the folders of a run's drills, in the order of their names.
func DrillDirs(dir string) ([]string, error) {
	dirs, err := filepath.Glob(filepath.Join(dir, "drills", "*", record.ManifestFile))
	if err != nil {
		return nil, fmt.Errorf("list drills: %w", err)
	}
	for i, f := range dirs {
		dirs[i] = filepath.Dir(f)
	}
	sort.Strings(dirs)
	return dirs, nil
}

package record

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
)

// Load reads a drill's folder. A last line that was cut off by a killed writer is not an error: it is named in
// Run.Truncated. A broken line anywhere else is an error.
func Load(dir string) (*Run, error) {
	run := &Run{}
	data, err := os.ReadFile(filepath.Join(dir, ManifestFile))
	if err != nil {
		return nil, fmt.Errorf("load drill: %w", err)
	}
	if err := json.Unmarshal(data, &run.Manifest); err != nil {
		return nil, fmt.Errorf("load drill: %s: %w", ManifestFile, err)
	}
	if run.Events, err = load[Event](run, dir, EventsFile); err != nil {
		return nil, err
	}
	if run.Ops, err = load[Op](run, dir, OpsFile); err != nil {
		return nil, err
	}
	if run.Samples, err = load[Sample](run, dir, SamplesFile); err != nil {
		return nil, err
	}
	if run.Probes, err = load[Probe](run, dir, ProbesFile); err != nil {
		return nil, err
	}
	if run.Faults, err = load[FaultStep](run, dir, FaultsFile); err != nil {
		return nil, err
	}
	if run.Rows, err = load[Row](run, dir, RowsFile); err != nil {
		return nil, err
	}
	run.Sort()
	return run, nil
}

// Sort puts every history in the order in which it happened; several nodes write them side by side.
func (r *Run) Sort() {
	sort.SliceStable(r.Events, func(i, j int) bool { return r.Events[i].T < r.Events[j].T })
	sort.SliceStable(r.Ops, func(i, j int) bool { return r.Ops[i].Start < r.Ops[j].Start })
	sort.SliceStable(r.Samples, func(i, j int) bool { return r.Samples[i].T < r.Samples[j].T })
	sort.SliceStable(r.Probes, func(i, j int) bool { return r.Probes[i].T < r.Probes[j].T })
	sort.SliceStable(r.Faults, func(i, j int) bool { return r.Faults[i].T < r.Faults[j].T })
}

// LoadJudgement reads verdict.json from a drill's folder.
func LoadJudgement(dir string) (Judgement, error) {
	var j Judgement
	data, err := os.ReadFile(filepath.Join(dir, JudgementFile))
	if err != nil {
		return j, fmt.Errorf("load verdict: %w", err)
	}
	if err := json.Unmarshal(data, &j); err != nil {
		return j, fmt.Errorf("load verdict: %w", err)
	}
	return j, nil
}

func load[T any](run *Run, dir, name string) ([]T, error) {
	f, err := os.Open(filepath.Join(dir, name))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", name, err)
	}
	defer f.Close()
	out, truncated, err := decodeLines[T](f)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", name, err)
	}
	if truncated {
		run.Truncated = append(run.Truncated, name)
	}
	return out, nil
}

func decodeLines[T any](r io.Reader) (out []T, truncated bool, err error) {
	in := bufio.NewReaderSize(r, 64<<10)
	for n := 1; ; n++ {
		line, readErr := in.ReadBytes('\n')
		if readErr != nil && readErr != io.EOF {
			return out, false, readErr
		}
		if len(line) == 0 {
			return out, false, nil
		}
		var v T
		if err := json.Unmarshal(line, &v); err != nil {
			if readErr == io.EOF { // no newline: the writer was killed in the middle of it
				return out, true, nil
			}
			return out, false, fmt.Errorf("line %d: %w", n, err)
		}
		out = append(out, v)
		if readErr == io.EOF {
			return out, false, nil
		}
	}
}

package verifiers

import (
	"errors"
	"strings"

	"github.com/firedrill/firedrill/harness/record"
)

// Diagnosed promises that a finding of the report says some words, in its summary or in its remedy; or that none does.
// It hears the diagnoses and what the succession of primaries shows, not what a feature file says.
type Diagnosed struct {
	Names string `json:"names" doc:"words of a finding or of its remedy, whatever their case"`
	None  bool   `json:"none,omitempty" doc:"no finding says them"`
}

func (p Diagnosed) check() error {
	if strings.TrimSpace(p.Names) == "" {
		return errors.New("names: must be given")
	}
	return nil
}

// Verify implements Verifier.
func (p Diagnosed) Verify(run *record.Run) Result {
	want := "a finding that names " + p.Names
	if p.None {
		want = "no finding that names " + p.Names
	}
	out := Result{Status: record.Failed, Want: want, Got: "no such finding"}
	s := primaries(run)
	all := s.Findings
	for _, find := range diagnoses() {
		all = append(all, find(run, s)...)
	}
	for _, f := range all {
		if strings.Contains(strings.ToLower(f.Summary+" | "+f.Remedy), strings.ToLower(p.Names)) {
			out.Got = f.Summary
			if !p.None {
				out.Status = record.Passed
			}
			return out
		}
	}
	if p.None {
		out.Status = record.Passed
		return settled(run, out)
	}
	if !whole(run) { // what it would rest on may be missing
		out.Status, out.Note = record.Inconclusive, "the record is not whole: "+unwhole(run)
	}
	return out
}

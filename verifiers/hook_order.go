package verifiers

import (
	"errors"
	"slices"
	"strings"

	"github.com/firedrill/firedrill/harness/record"
)

// HookOrder promises that hooks ran, each for the first time after the one before it. Other hooks may run in between.
type HookOrder struct {
	Names []string `json:"names" doc:"hooks or callbacks, in their order"`
}

func (p HookOrder) check() error {
	if len(p.Names) < 2 {
		return errors.New("names: an order takes two")
	}
	sorted := slices.Sorted(slices.Values(p.Names))
	if len(slices.Compact(sorted)) != len(p.Names) {
		return errors.New("names: each once")
	}
	return nil
}

// Verify implements Verifier.
func (p HookOrder) Verify(run *record.Run) Result {
	out := Result{Status: record.Passed, Want: "hooks ran in the order " + strings.Join(p.Names, ", ")}
	var ran []string // the promised ones, in the order of their first runs
	for _, e := range run.Events {
		name := e.Attrs["name"]
		if e.Kind == record.KindHook && slices.Contains(p.Names, name) && !slices.Contains(ran, name) {
			ran = append(ran, name)
		}
	}
	out.Got = strings.Join(ran, ", ")
	if out.Got == "" {
		out.Got = "none of them ran"
	}
	if slices.Equal(ran, p.Names) {
		return out // no end of the record takes that back
	}
	out.Status = record.Failed
	if slices.Equal(ran, p.Names[:len(ran)]) && !whole(run) { // in order so far, and the rest may have run unrecorded
		out.Status, out.Note = record.Inconclusive, "the record is not whole: "+unwhole(run)
	}
	return out
}

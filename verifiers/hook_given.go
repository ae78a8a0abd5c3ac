package verifiers

import (
	"errors"
	"slices"
	"strings"

	"github.com/firedrill/firedrill/harness/record"
)

// HookGiven promises what a hook was told by the failover manager: in every run of it, an argument or a variable of its
// environment had one value.
type HookGiven struct {
	Name  string `json:"name" doc:"name of the hook or callback"`
	Key   string `json:"key" doc:"argument or variable, as the hook's line in the log names it"`
	Value string `json:"value" doc:"what it was; may be empty"`
}

func (p HookGiven) check() error {
	if p.Name == "" || p.Key == "" {
		return errors.New("name and key: must be given")
	}
	return nil
}

// Verify implements Verifier.
func (p HookGiven) Verify(run *record.Run) Result {
	out := Result{Status: record.Passed, Want: p.Name + " was given " + p.Key + " as " + quoted(p.Value)}
	var given []string
	for _, e := range run.Events {
		if e.Kind != record.KindHook || e.Attrs["name"] != p.Name {
			continue
		}
		value, told := e.Attrs[p.Key]
		if !told {
			out.Status, out.Got = record.Failed, "it was not told of "+p.Key
			return out
		}
		if !slices.Contains(given, quoted(value)) {
			given = append(given, quoted(value))
		}
		if value != p.Value {
			out.Status = record.Failed
		}
	}
	out.Got = "it was given " + strings.Join(given, " and ")
	switch {
	case len(given) > 0:
		return out
	case whole(run):
		out.Status, out.Got = record.Failed, "it did not run"
	default:
		out.Status, out.Got, out.Note = record.Inconclusive, "it did not run", "the record is not whole: "+unwhole(run)
	}
	return out
}

func quoted(s string) string { return `"` + s + `"` }

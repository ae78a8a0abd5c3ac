package verifiers

import (
	"errors"
	"strings"

	"github.com/firedrill/firedrill/harness/record"
)

// Hook promises how often a hook or callback ran, whatever its exit code. An exact count, and none above all, needs
// the whole record.
type Hook struct {
	Name  string `json:"name" doc:"name of the hook or callback"`
	Count *int   `json:"count,omitempty" doc:"exactly so often; 0: not at all; absent or -1: at least once"`
	// Failed narrows the promise to runs that failed.
	Failed bool `json:"failed,omitempty" doc:"only runs that ended with another exit code than 0 count"`
}

func (p Hook) check() error {
	if p.Name == "" {
		return errors.New("name: must be given")
	}
	return nil
}

// Verify implements Verifier.
func (p Hook) Verify(run *record.Run) Result {
	exact := p.Count != nil && *p.Count >= 0
	verb := map[bool]string{false: " ran ", true: " failed "}[p.Failed]
	out := Result{Want: p.Name + verb + "at least once"}
	if exact {
		out.Want = p.Name + verb + "exactly " + plural(*p.Count, "time")
	}
	n := 0
	var exits []string
	for _, e := range run.Events {
		if e.Kind == record.KindHook && e.Attrs["name"] == p.Name {
			code := e.Attrs["exit"]
			failed := code != "" && code != "0"
			if failed {
				exits = append(exits, code)
			}
			if failed || !p.Failed {
				n++
			}
		}
	}
	out.Got = "it" + verb + plural(n, "time")
	if len(exits) > 0 {
		out.Note = "exit codes " + strings.Join(exits, ", ")
	}
	switch {
	case !exact && n > 0:
		out.Status = record.Passed // it was seen: no end of the record takes that back
		return out
	case exact && n > *p.Count:
		out.Status = record.Failed
		return out
	case exact && n == *p.Count:
		out.Status = record.Passed
	case whole(run):
		out.Status = record.Failed
	default: // too few, and it may have run unrecorded
		out.Status, out.Note = record.Inconclusive, join(out.Note, "the record is not whole: "+unwhole(run))
	}
	return settled(run, out)
}

package verifiers

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/firedrill/firedrill/harness/record"
)

// Callbacks promises what Patroni told one node's callback since the first fault, in the order in which the runs began:
// action and role of each. A run that was killed, as Patroni does when the next one comes, leaves no line.
type Callbacks struct {
	Node  string   `json:"node" doc:"node of the failover manager"`
	Calls []string `json:"calls" doc:"action and role of each run, in their order; an action alone is one whatever the role"`
}

func (p Callbacks) check() error {
	if p.Node == "" || len(p.Calls) == 0 {
		return errors.New("node and calls: must be given")
	}
	return nil
}

// Verify implements Verifier.
func (p Callbacks) Verify(run *record.Run) Result {
	out := Result{Status: record.Passed, Want: "callbacks on " + p.Node + ": " + strings.Join(p.Calls, ", ")}
	all := causes(run)
	if len(all) == 0 {
		return inconclusive(out.Want, "no fault took effect")
	}
	var runs []record.Event
	for _, e := range run.Events {
		if e.Kind == record.KindHook && e.Node == p.Node && e.T >= all[0].Began {
			runs = append(runs, e)
		}
	}
	slices.SortStableFunc(runs, func(a, b record.Event) int { return cmp.Compare(began(a), began(b)) })
	var calls []string
	for _, e := range runs {
		calls = append(calls, e.Attrs["cause"])
	}
	out.Got = strings.Join(calls, ", ")
	if out.Got == "" {
		out.Got = "none"
	}
	if !slices.EqualFunc(calls, p.Calls, func(call, want string) bool { return call == want || strings.HasPrefix(call, want+" ") }) {
		out.Status = record.Failed
	}
	return settled(run, out)
}

// began is when a run of a hook began, in seconds on its node's clock.
func began(e record.Event) float64 {
	s, err := strconv.ParseFloat(e.Attrs["started"], 64)
	if err != nil {
		return 0
	}
	return s
}

package verifiers

import (
	"errors"
	"strconv"
	"strings"

	"github.com/firedrill/firedrill/harness/record"
)

// Observed promises what a step looked for and found, at the moment of the step: how one node reaches another, how
// long a reading took, what a server said. The look was recorded (record.KindObserved); the bound is judged here.
type Observed struct {
	Look string   `json:"look" doc:"which look, as its event names it"`
	Min  *float64 `json:"min,omitempty" doc:"the figure is at least this"`
	Max  *float64 `json:"max,omitempty" doc:"the figure is at most this"`
	Is   string   `json:"is,omitempty" doc:"the word is this"`
	Has  string   `json:"has,omitempty" doc:"the words contain these"`
	Unit string   `json:"unit,omitempty" doc:"of the figure, for the report"`
}

func (p Observed) check() error {
	if p.Look == "" {
		return errors.New("look: must be given")
	}
	if p.Min == nil && p.Max == nil && p.Is == "" && p.Has == "" {
		return errors.New("give a bound: min, max, is or has")
	}
	return nil
}

// Verify implements Verifier. What was seen was seen, whatever became of the record afterwards.
func (p Observed) Verify(run *record.Run) Result {
	want := p.want()
	for _, e := range run.Events {
		if e.Kind != record.KindObserved || e.Attrs["look"] != p.Look {
			continue
		}
		out := Result{Status: record.Failed, Want: want, Got: e.Msg}
		holds, readable := p.holds(e.Attrs["value"])
		switch {
		case !readable:
			out.Status, out.Note = record.Inconclusive, "the figure could not be read: "+e.Attrs["value"]
		case holds:
			out.Status = record.Passed
		}
		return out
	}
	return inconclusive(want, "the step was never reached, or could not look")
}

func (p Observed) want() string {
	var parts []string
	number := func(word string, bound *float64) {
		if bound != nil {
			parts = append(parts, strings.TrimSpace(word+" "+strconv.FormatFloat(*bound, 'f', -1, 64)+" "+p.Unit))
		}
	}
	number("at least", p.Min)
	number("at most", p.Max)
	if p.Is != "" {
		parts = append(parts, p.Is)
	}
	if p.Has != "" {
		parts = append(parts, `"`+p.Has+`"`)
	}
	return strings.Join(parts, ", ")
}

// holds says whether a value keeps the bounds, and whether it could be compared with them at all.
func (p Observed) holds(value string) (holds, readable bool) {
	if p.Min != nil || p.Max != nil {
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return false, false
		}
		if p.Min != nil && !(v >= *p.Min) || p.Max != nil && !(v <= *p.Max) {
			return false, true
		}
	}
	return (p.Is == "" || value == p.Is) && strings.Contains(value, p.Has), true
}

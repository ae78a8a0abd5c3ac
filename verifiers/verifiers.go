// Package verifiers judges recorded drills.
//
// A verifier is a pure function from a record.Run to a Result: it has no clock, no network and no context, so a run
// of last year can be judged again and gives the same answer. Unknown is never a pass: a verifier that lacks what it
// needs says Inconclusive, and what was not seen passes only when the record is whole.
//
// Every verifier expects the run in order of time, as record.Load and record.Run.Sort leave it; Judge sees to that.
// One file holds one verifier; Builtin names them all.
package verifiers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness/record"
)

// Verifier judges one promise.
type Verifier interface {
	Verify(run *record.Run) Result
}

// Result is what a verifier found.
type Result struct {
	Status   record.Verdict
	Want     string // the promise, with its bound
	Got      string // what was measured, with its resolution
	Note     string // what a reader must know to read Got rightly, or why nothing could be told
	Findings []record.Finding
}

// Spec is a verifier's entry in the registry.
type Spec struct {
	Name    string
	Summary string // one line, for firedrill list verifiers
	Params  []Param
	decode  func(json.RawMessage) (Verifier, error)
}

// Param documents one parameter of a verifier.
type Param struct {
	Name string
	Type string // as in JSON: string, number, boolean, list of strings
	Doc  string
}

// Builtin lists every verifier. To add one, write its file and its line here.
func Builtin() []Spec {
	return []Spec{
		spec[Promotion]("promotion", "a new primary was promoted, and it is the one that was promised"),
		spec[Failovers]("failovers", "as many failovers happened as were promised, none for instance"),
		spec[RTO]("rto", "recovery time, from the fault to the first acknowledged write that no further outage follows"),
		spec[Interruption]("interruption", "longest time without an acknowledged write, whatever the fault"),
		spec[Ledger]("ledger", "acknowledged writes compared with the rows of the surviving primary (RPO)"),
		spec[Endpoint]("endpoint", "the name or the proxy led to the new primary in time, and stayed there"),
		spec[SplitBrain]("split_brain", "how long two nodes could acknowledge writes at once"),
		spec[Fencing]("fencing", "the old primary stopped accepting writes in time"),
		spec[Rejoin]("rejoin", "the old primary came back as a replica of the new one in time"),
		spec[Replication]("replication", "enough replicas replicate from the primary, in time and at the end"),
		spec[Errant]("errant", "no node has transactions that the surviving primary lacks"),
		spec[Manager]("manager", "the failover manager reported the problem in the promised words"),
		spec[Hook]("hook", "a hook or callback ran as often as was promised"),
		spec[HookOrder]("hook_order", "hooks ran in the promised order"),
		spec[HookGiven]("hook_given", "a hook was told what was promised, as an argument or in its environment"),
		spec[Callbacks]("callbacks", "what Patroni told a node's callback since the first fault, in order"),
		spec[Observed]("observed", "an effect that a step looked for, as it was found at that moment"),
		spec[Diagnosed]("diagnosed", "a finding of the report names what was found, or what mends it; or none does"),
		spec[FailsBecause]("fails_because", "a preceding expectation fails: a drill of a known-bad set-up"),
	}
}

// New makes the verifier of an expectation. Errors: an unknown name, an unknown or malformed parameter.
func New(e record.Expectation) (Verifier, error) {
	for _, s := range Builtin() {
		if s.Name != e.Verifier {
			continue
		}
		v, err := s.decode(e.Params)
		if err != nil {
			return nil, fmt.Errorf("read parameters of verifier %s: %w", s.Name, err)
		}
		if a, ok := v.(anchored); ok {
			v = a.anchor(e.At)
		}
		return v, nil
	}
	return nil, fmt.Errorf("find verifier %q: no such verifier (firedrill list verifiers)", e.Verifier)
}

// Check says whether an expectation can be judged at all, so that a drill with a mistyped one is not begun.
func Check(name string, params json.RawMessage) error {
	_, err := New(record.Expectation{Verifier: name, Params: params})
	return err
}

// anchored is a verifier whose promise counts from the moment the step was reached.
type anchored interface {
	anchor(at time.Duration) Verifier
}

// checked is a verifier with parameters that can be wrong though they decode.
type checked interface {
	check() error
}

func spec[V Verifier](name, summary string) Spec {
	return Spec{Name: name, Summary: summary, Params: describe[V](), decode: func(raw json.RawMessage) (Verifier, error) {
		var v V
		if err := decodeStrict(raw, &v); err != nil {
			return nil, err
		}
		if c, ok := any(v).(checked); ok {
			if err := c.check(); err != nil {
				return nil, err
			}
		}
		return v, nil
	}}
}

// decodeStrict refuses unknown keys: a mistyped bound must not become no bound.
func decodeStrict(raw json.RawMessage, into any) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("more than one JSON value")
	}
	return nil
}

// describe reads the parameters' documentation from the struct tags of a verifier.
func describe[V Verifier]() []Param {
	var out []Param
	for field := range fields(reflect.TypeFor[V]()) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		t := field.Type
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		kind := map[reflect.Kind]string{reflect.String: "string", reflect.Bool: "boolean", reflect.Slice: "list of strings"}[t.Kind()]
		if kind == "" {
			kind = "number"
		}
		out = append(out, Param{Name: name, Type: kind, Doc: field.Tag.Get("doc")})
	}
	return out
}

func fields(t reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if !yield(t.Field(i)) {
				return
			}
		}
	}
}

// Millis is a bound in milliseconds, as parameters carry it.
type Millis float64

// Duration converts the bound.
func (m Millis) Duration() time.Duration {
	return time.Duration(float64(m) * float64(time.Millisecond))
}

// inconclusive is the result of a verifier that cannot tell.
func inconclusive(want, note string, args ...any) Result {
	return Result{Status: record.Inconclusive, Want: want, Got: "could not be told", Note: fmt.Sprintf(note, args...)}
}

// settled takes a pass back when the record is not whole: for promises that rest on what did not happen, or on how
// the drill ended.
func settled(run *record.Run, r Result) Result {
	if r.Status == record.Passed && !whole(run) {
		r.Status = record.Inconclusive
		r.Note = join(r.Note, "the record is not whole: "+unwhole(run))
	}
	return r
}

func join(notes ...string) string {
	var some []string
	for _, n := range notes {
		if n != "" {
			some = append(some, n)
		}
	}
	return strings.Join(some, "; ")
}

// figure prints a duration the way every result does: 310 ms, 2.910 s.
func figure(d time.Duration) string {
	if d.Abs() < time.Second {
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
	}
	return fmt.Sprintf("%.3f s", d.Seconds())
}

// plural prints a count with its noun: 1 failover, 2 failovers.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func msPointer(d time.Duration) *float64 {
	v := record.MS(d)
	return &v
}

func finding(severity, remedy, summary string, args ...any) record.Finding {
	return record.Finding{Severity: severity, Summary: fmt.Sprintf(summary, args...), Remedy: remedy}
}

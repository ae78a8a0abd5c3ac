package injectors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"sort"
	"strings"

	"github.com/firedrill/firedrill/harness"
)

// Doc describes a fault: `firedrill list faults` prints it, and the documentation is generated from it.
type Doc struct {
	Summary string  `json:"summary"`
	Targets string  `json:"targets"` // what the targets are
	Params  []Param `json:"params"`
	Proof   string  `json:"proof"`  // what counts as seen
	Heal    string  `json:"heal"`   // what a heal does
	Limits  string  `json:"limits"` // what it does not do, and what it needs
	// Fittings are what the targets must be fitted with before they stand: see harness.Fitting. The steps of the
	// vocabulary see to it; a Go test calls Drill.Fit.
	Fittings []harness.Fitting `json:"fittings,omitempty"`
}

// Param describes one parameter.
type Param struct {
	Name     string `json:"name"`
	Meaning  string `json:"meaning"` // with its unit
	Default  string `json:"default,omitempty"`
	Required bool   `json:"required,omitempty"`
	Filled   bool   `json:"filled,omitempty"` // by us, from the topology, when it is left out
}

// Entry is a fault in a registry.
type Entry struct {
	Name string `json:"name"`
	Doc
	make func(params json.RawMessage) (Fault, error)
}

// Registry holds faults by name.
type Registry struct{ entries map[string]Entry }

// NewRegistry returns one with nothing in it.
func NewRegistry() *Registry { return &Registry{entries: map[string]Entry{}} }

// Register adds a fault. P is a struct of parameters with JSON tags. A name that is taken, and parameters that the
// doc does not describe, are mistakes of ours, found at start-up: it panics.
func Register[P any](r *Registry, name string, doc Doc, make func(P) (Fault, error)) {
	if _, taken := r.entries[name]; taken {
		panic("two faults are named " + name)
	}
	if missing := undocumented(reflect.TypeFor[P](), doc); missing != "" {
		panic(fmt.Sprintf("fault %s: parameter %s: doc and struct do not agree", name, missing))
	}
	r.entries[name] = Entry{Name: name, Doc: doc, make: func(raw json.RawMessage) (Fault, error) {
		var p P
		if err := decode(raw, &p); err != nil {
			return nil, fmt.Errorf("parameters of %s: %w", name, err)
		}
		f, err := make(p)
		if err != nil {
			return nil, fmt.Errorf("parameters of %s: %w", name, err)
		}
		return f, nil
	}}
}

// undocumented returns the name of a parameter that only one of struct and doc has.
func undocumented(t reflect.Type, doc Doc) string {
	var fields, documented []string
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); !f.Anonymous {
			fields = append(fields, name)
		}
	}
	for _, p := range doc.Params {
		documented = append(documented, p.Name)
		if !slices.Contains(fields, p.Name) {
			return p.Name
		}
	}
	for _, f := range fields {
		if !slices.Contains(documented, f) {
			return f
		}
	}
	return ""
}

// decode is strict: a key that is not a parameter is an error, because a misspelt one would drill something else.
func decode(raw json.RawMessage, p any) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		raw = json.RawMessage("{}")
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(p); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more after the object")
	}
	return nil
}

// Make returns the fault of a name with its parameters, a JSON object.
func (r *Registry) Make(name string, params json.RawMessage) (Fault, error) {
	e, ok := r.entries[name]
	if !ok {
		var names []string
		for _, e := range r.List() {
			names = append(names, e.Name)
		}
		return nil, fmt.Errorf("there is no fault %q; there are: %s", name, strings.Join(names, ", "))
	}
	return e.make(params)
}

// List returns every fault, by name.
func (r *Registry) List() []Entry {
	var out []Entry
	for _, e := range r.entries {
		out = append(out, e)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// join keeps the errors that there are, without the empty lines of errors.Join on a sparse list.
func join(errs []error) error {
	return errors.Join(slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err == nil })...)
}

// Package steps is the vocabulary: the forms in which a DBA writes drills. A form parses its words, calls one method
// of a scenarios.Drill and returns its error; it polls nothing, asks no database and judges nothing.
//
// One file a subject, one table a file; All lists the tables.
package steps

import (
	"context"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cucumber/godog"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/scenarios"
)

// Form is one step form.
type Form struct {
	Form  string // as it is written, with the names of its arguments in capitals
	Means string // one line
	// Handler is func(ctx, *scenarios.Drill, args...) error; args are string, int, or *godog.Table in the last place.
	Handler any
	// Fittings are what the nodes must have from the beginning for this step.
	Fittings []harness.Fitting
	// NeedsTopology has the topology stand before the step runs.
	NeedsTopology bool

	pattern *regexp.Regexp
}

// All is the whole vocabulary.
func All() []Form {
	vocabulary.once.Do(func() { vocabulary.forms = compiled() })
	return vocabulary.forms
}

// vocabulary keeps the compiled patterns: every step of every drill is matched against all of them.
var vocabulary struct {
	once  sync.Once
	forms []Form
}

func compiled() []Form {
	var all []Form
	for _, table := range [][]Form{givenForms, faultForms, hostForms, resourceForms, healForms, machineryForms, networkForms, databaseForms, operatorForms, managerForms, accessForms, patroniForms, queryForms, composeForms(), promotionForms, promiseForms, endpointForms, dataForms, replicationForms, effectForms, diskForms, clockForms} {
		all = append(all, table...)
	}
	for i := range all {
		all[i].pattern = compile(all[i].Form)
	}
	return all
}

// The arguments of a form. Each is one capture group.
var arguments = map[string]string{
	"DURATION": `(\d+(?:\.\d+)? (?:milliseconds?|seconds?|minutes?))`,
	"TARGET":   `(` + targets() + `)`,
	"NUMBER":   `(\d+)`,
	"PERCENT":  `(\d+(?:\.\d+)?%)`,
	"NAME":     `([^"]+)`,
	"STEP":     `(.+)`,
}

// targets is every way to name nodes, so that no form swallows the words of another.
func targets() string {
	var words []string
	for _, t := range scenarios.Targets {
		words = append(words, strings.ReplaceAll(regexp.QuoteMeta(t), "NAME", `[^"]+`))
	}
	return strings.Join(words, "|")
}

var argument = regexp.MustCompile(`DURATION|TARGET|NUMBER|PERCENT|NAME|STEP`)

// compile makes the pattern of a form: its words stand for themselves, its capitals for their arguments, and
// word(s) for singular and plural, one|other for a choice.
func compile(form string) *regexp.Regexp {
	quoted := regexp.QuoteMeta(form)
	quoted = strings.ReplaceAll(quoted, `\(s\)`, `s?`)
	quoted = regexp.MustCompile(`\\\[([^\]]+)\\\]`).ReplaceAllStringFunc(quoted, func(s string) string {
		return `(?:` + strings.ReplaceAll(s[2:len(s)-2], `\|`, `|`) + `)`
	})
	pattern := argument.ReplaceAllStringFunc(quoted, func(name string) string { return arguments[name] })
	return regexp.MustCompile("^" + pattern + "$")
}

// Pattern is the regular expression of the form.
func (f Form) Pattern() *regexp.Regexp { return f.pattern }

// Match finds the forms of a step's text: one, unless the text is not in the vocabulary or the vocabulary is at fault.
func Match(text string) []Form {
	var out []Form
	for _, f := range All() {
		if f.pattern.MatchString(text) {
			out = append(out, f)
		}
	}
	return out
}

// parse finds the form of a step inside another one, and its arguments.
func parse(step string) (Form, []reflect.Value, error) {
	forms := Match(step)
	if len(forms) != 1 {
		return Form{}, nil, fmt.Errorf("there is no step %q (`firedrill list steps` shows all)", step)
	}
	f := forms[0]
	var args []reflect.Value
	handler := reflect.TypeOf(f.Handler)
	for i, word := range f.pattern.FindStringSubmatch(step)[1:] {
		if handler.In(i+2).Kind() != reflect.Int {
			args = append(args, reflect.ValueOf(word))
			continue
		}
		n, err := strconv.Atoi(word)
		if err != nil {
			return Form{}, nil, fmt.Errorf("%s: %w", step, err)
		}
		args = append(args, reflect.ValueOf(n))
	}
	if len(args) != handler.NumIn()-2 {
		return Form{}, nil, fmt.Errorf("%s: a step with a table cannot be inside another one", step)
	}
	return f, args, nil
}

// Fit gives a drill what one of its steps needs from the beginning.
func Fit(d *scenarios.Drill, text string) error {
	for _, f := range Match(text) {
		if err := d.Fit(f.Fittings...); err != nil {
			return err
		}
	}
	return nil
}

type drillKey struct{}

// With puts a drill into a scenario's context.
func With(ctx context.Context, d *scenarios.Drill) context.Context {
	return context.WithValue(ctx, drillKey{}, d)
}

// DrillOf returns the drill of a scenario's context, nil when there is none.
func DrillOf(ctx context.Context) *scenarios.Drill {
	d, _ := ctx.Value(drillKey{}).(*scenarios.Drill)
	return d
}

type textKey struct{}

// WithText puts the step's own words into its context: they go into the report as they were written.
func WithText(ctx context.Context, text string) context.Context {
	return context.WithValue(ctx, textKey{}, text)
}

// text is the step as it was written.
func text(ctx context.Context) string {
	s, _ := ctx.Value(textKey{}).(string)
	return s
}

// Register adds every form to a scenario.
func Register(sc *godog.ScenarioContext) {
	for _, f := range All() {
		sc.Step(f.pattern, f.bind())
	}
}

// bind makes of a handler the function that godog calls: the drill comes from the context, durations and numbers from
// words, and a drill that cannot be held here skips its steps.
func (f Form) bind() any {
	handler := reflect.ValueOf(f.Handler)
	in := []reflect.Type{reflect.TypeFor[context.Context]()}
	for i := 2; i < handler.Type().NumIn(); i++ {
		t := handler.Type().In(i)
		if t == reflect.TypeFor[time.Duration]() {
			t = reflect.TypeFor[string]()
		}
		in = append(in, t)
	}
	signature := reflect.FuncOf(in, []reflect.Type{reflect.TypeFor[error]()}, false)
	return reflect.MakeFunc(signature, func(args []reflect.Value) []reflect.Value {
		err := f.call(args)
		out := reflect.New(reflect.TypeFor[error]()).Elem()
		if err != nil {
			out.Set(reflect.ValueOf(err))
		}
		return []reflect.Value{out}
	}).Interface()
}

func (f Form) call(args []reflect.Value) error {
	ctx := args[0].Interface().(context.Context)
	d := DrillOf(ctx)
	if d == nil {
		return fmt.Errorf("no drill is being held")
	}
	if f.NeedsTopology {
		if err := d.Begun(ctx); err != nil {
			return err
		}
	}
	if d.NotDrilled() != "" {
		return godog.ErrSkip
	}
	return f.apply(ctx, d, args[1:])
}

// apply calls the handler with the words of a step.
func (f Form) apply(ctx context.Context, d *scenarios.Drill, args []reflect.Value) error {
	handler := reflect.ValueOf(f.Handler)
	call := []reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(d)}
	for i, a := range args {
		if handler.Type().In(i+2) == reflect.TypeFor[time.Duration]() {
			dur, err := ParseDuration(a.String())
			if err != nil {
				return err
			}
			a = reflect.ValueOf(dur)
		}
		call = append(call, a)
	}
	err, _ := handler.Call(call)[0].Interface().(error)
	return err
}

// ParseDuration reads "30 seconds", "500 milliseconds", "2 minutes".
func ParseDuration(s string) (time.Duration, error) {
	number, unit, ok := strings.Cut(strings.TrimSpace(s), " ")
	value, err := strconv.ParseFloat(number, 64)
	units := map[string]time.Duration{"millisecond": time.Millisecond, "second": time.Second, "minute": time.Minute}
	per := units[strings.TrimSuffix(unit, "s")]
	if !ok || err != nil || per == 0 {
		return 0, fmt.Errorf("%q is not a duration: write it as 30 seconds, 500 milliseconds or 2 minutes", s)
	}
	return time.Duration(value * float64(per)), nil
}

package gherkin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/cucumber/godog"

	"github.com/firedrill/firedrill/scenarios"
	"github.com/firedrill/firedrill/scenarios/steps"
)

// Hold holds every drill of a selection, concurrency at a time; those that gave no answer because this machine stalled are held
// again at the end, as often as the run allows. The error is about Firedrill itself, never about what
// a drill found. After the end of ctx no further drill is begun: those left are noted as not drilled.
func Hold(ctx context.Context, run *scenarios.Run, sel Selection, concurrency int, repeat string) error {
	h := &holder{run: run, byKey: map[string]Drill{}, repeat: repeat}
	for _, d := range sel.Drills {
		h.byKey[d.key] = d
	}
	fsys, paths := library(sel.Files)
	if len(paths) == 0 {
		return nil
	}
	suite := godog.TestSuite{
		Name: "firedrill",
		// All steps are registered in the scenario's own initializer: godog races otherwise when it runs several.
		ScenarioInitializer: h.initialize,
		Options: &godog.Options{
			Format: "progress", Output: io.Discard, NoColors: true, Strict: true, Concurrency: max(1, concurrency),
			Tags: sel.Tags, FS: fsys, Paths: paths, DefaultContext: ctx,
		},
	}
	for len(h.byKey) > 0 {
		h.again = map[string]Drill{}
		suite.Run() // its status says nothing that our verdicts do not
		h.byKey = h.again
	}
	return errors.Join(h.errs...)
}

type holder struct {
	run    *scenarios.Run
	byKey  map[string]Drill // those to be held
	repeat string

	mu    sync.Mutex
	errs  []error
	again map[string]Drill // those that gave no answer, through no fault of theirs
}

func (h *holder) failed(err error) {
	if err == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.errs = append(h.errs, err)
}

func (h *holder) initialize(sc *godog.ScenarioContext) {
	steps.Register(sc)
	sc.Before(func(ctx context.Context, p *godog.Scenario) (context.Context, error) {
		d, ok := h.byKey[keyOf(p)]
		if !ok {
			return ctx, godog.ErrSkip // of another shard
		}
		s := d.Scenario
		s.ID += h.repeat
		drill, err := h.run.Drill(s)
		if err != nil {
			h.failed(err)
			return ctx, err
		}
		for _, step := range d.Steps {
			if err := steps.Fit(drill, step); err != nil {
				return steps.With(ctx, drill), err
			}
		}
		if ctx.Err() != nil {
			drill.SkipBecause("the run was interrupted before it began")
		}
		return steps.With(ctx, drill), nil
	})
	sc.StepContext().Before(func(ctx context.Context, st *godog.Step) (context.Context, error) {
		return steps.WithText(ctx, st.Text), nil
	})
	sc.After(func(ctx context.Context, p *godog.Scenario, err error) (context.Context, error) {
		h.finish(ctx, p, err)
		return ctx, nil
	})
}

// finish is called by godog in a hook, where a panic would take the whole process and every heal with it.
func (h *holder) finish(ctx context.Context, p *godog.Scenario, err error) {
	drill := steps.DrillOf(ctx)
	if drill == nil {
		return
	}
	defer func() {
		if r := recover(); r != nil {
			h.failed(fmt.Errorf("end drill %s: panic: %v", drill.ID(), r))
		}
	}()
	if errors.Is(err, godog.ErrSkip) {
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", p.Name, err)
	}
	if _, err = drill.Finish(ctx, err); err != nil {
		h.failed(err)
		return
	}
	again, err := h.run.Again(drill)
	h.failed(err)
	if again {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.again[keyOf(p)] = h.byKey[keyOf(p)]
	}
}

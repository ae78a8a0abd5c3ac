// Package undo is a stack of undo steps: the way back is pushed before the deed is done, and all of it runs, last in
// first out, whatever went wrong before.
//
// What must survive this process is persisted elsewhere: faults in faults.jsonl before they are injected, resources
// by the labels that they are created with.
package undo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Stack is safe for concurrent use. The zero value is empty and ready.
type Stack struct {
	mu    sync.Mutex
	steps []step
}

type step struct {
	name   string
	budget time.Duration
	undo   func(ctx context.Context) error
}

// Push adds a step, named as an infinitive ("remove the containers"), with a budget of its own.
func (s *Stack) Push(name string, budget time.Duration, undo func(ctx context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.steps = append(s.steps, step{name, budget, undo})
}

// Run undoes everything, last step first. A cancelled ctx does not stop it: each step has its own budget instead.
// A step that fails or panics does not keep the others from running; the errors are joined. A second Run finds
// nothing to do.
func (s *Stack) Run(ctx context.Context) error {
	s.mu.Lock()
	steps := s.steps
	s.steps = nil
	s.mu.Unlock()
	var errs []error
	for i := len(steps) - 1; i >= 0; i-- {
		if err := steps[i].run(context.WithoutCancel(ctx)); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", steps[i].name, err))
		}
	}
	return errors.Join(errs...)
}

func (s step) run(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, s.budget)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return s.undo(ctx)
}

// Package wait is bounded, named polling. It is the only place that may sleep.
package wait

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Poll looks once. done ends the wait; seen says in a few words what was there, for the time-out message; an error
// ends the wait at once, because there is no more hope (a node is gone, a file does not parse).
type Poll func(ctx context.Context) (done bool, seen string, err error)

// TimeoutError says that a wait ended without its condition.
type TimeoutError struct {
	What   string
	Budget time.Duration
	Seen   string
	Polls  int
}

func (e *TimeoutError) Error() string {
	seen := e.Seen
	if seen == "" {
		seen = "nothing"
	}
	return fmt.Sprintf("%s: not within %s; last seen: %s (%d looks)", e.What, e.Budget, seen, e.Polls)
}

// first and last step between two looks: quick things are seen quickly, slow ones do not cost a core.
const (
	firstStep = 10 * time.Millisecond
	lastStep  = 200 * time.Millisecond
)

// Until polls until done, an error, the budget's end (a *TimeoutError), or the end of ctx. It looks at once, and a
// last time when the budget has run out. what is a noun phrase: "new primary promoted".
func Until(ctx context.Context, what string, budget time.Duration, poll Poll) error {
	deadline := time.Now().Add(budget)
	pollCtx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	timeout := &TimeoutError{What: what, Budget: budget}
	for step := firstStep; ; step = min(step*3/2, lastStep) {
		done, seen, err := poll(pollCtx)
		timeout.Polls++
		if seen != "" {
			timeout.Seen = seen
		}
		switch {
		case done:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("%s: %w; last seen: %s", what, context.Cause(ctx), timeout.Seen)
		case err != nil && !errors.Is(err, context.DeadlineExceeded):
			return fmt.Errorf("%s: %w", what, err)
		case !time.Now().Before(deadline):
			return timeout
		}
		if err := Hold(ctx, min(step, time.Until(deadline))); err != nil {
			return fmt.Errorf("%s: %w; last seen: %s", what, err, timeout.Seen)
		}
	}
}

// Hold lets d pass, or less when ctx ends, whose cause is returned.
func Hold(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Every calls f at each tick of an exact grid until ctx ends. A tick that f's slowness made late is not skipped but
// caught up, so that an open loop stays open; due is the time the grid wanted.
func Every(ctx context.Context, tick time.Duration, f func(due time.Time)) {
	due := time.Now()
	for {
		if err := Hold(ctx, time.Until(due)); err != nil || ctx.Err() != nil {
			return
		}
		f(due)
		due = due.Add(tick)
	}
}

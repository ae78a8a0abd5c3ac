package workload

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
)

// maxInFlight bounds the first attempts that wait at one moment. With a tick of 10 ms and a deadline of 200 ms there are 20;
// the bound only matters when the node itself does not run.
const maxInFlight = 256

// Run writes in an open loop until ctx ends, then waits for the writes in flight: a write is due every tick, whatever
// became of the earlier ones. Every attempt is reported once, on the node's monotonic clock.
func Run(ctx context.Context, load agent.Load, report func(record.Op)) error {
	driver, err := open(load)
	if err != nil {
		return err
	}
	run(ctx, load, driver, report)
	return nil
}

func run(ctx context.Context, load agent.Load, driver Driver, report func(record.Op)) {
	w := &writer{load: load, driver: driver, report: report, ctx: ctx}
	slots := make(chan struct{}, maxInFlight)
	var inFlight sync.WaitGroup
	id := load.FirstID
	wait.Every(ctx, load.Tick, func(due time.Time) {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		op := record.Op{ID: id, Due: time.Duration(agent.Monotonic()) - time.Since(due)}
		id++
		inFlight.Go(func() {
			w.attempt(&op)
			<-slots // a retry waits outside: the loop stays open for the writes that are due
			w.retry(op)
		})
	})
	inFlight.Wait()
}

type writer struct {
	load   agent.Load
	driver Driver
	report func(record.Op)
	ctx    context.Context
}

// retry makes the further attempts of a write that failed, as the application's retry rule has it.
func (w *writer) retry(op record.Op) {
	backoff := w.load.Backoff
	for op.Outcome != record.Acked && op.Attempt < w.load.Retries {
		if wait.Hold(w.ctx, backoff) != nil {
			return
		}
		backoff *= 2
		op.Attempt++
		op.Due = time.Duration(agent.Monotonic())
		w.attempt(&op)
	}
}

// attempt is not bound to the load's own context: a write that was begun is seen through, so that the drain leaves no
// write of which we know less than we could.
func (w *writer) attempt(op *record.Op) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), w.load.Deadline)
	defer cancel()
	op.Vantage, op.Node, op.Endpoint = w.load.Vantage, w.load.Node, w.load.Endpoint
	op.Start = time.Duration(agent.Monotonic())
	r := w.driver.Write(ctx, op.ID, op.Attempt)
	op.End = time.Duration(agent.Monotonic())
	op.Outcome, op.Server, op.Err = r.Outcome, serverName(w.load.Servers, r.Server), ""
	if r.Err != nil {
		op.Err = brief(r.Err)
	}
	w.report(*op)
}

func serverName(names map[string]string, server string) string {
	if name, ok := names[server]; ok {
		return name
	}
	return server
}

// brief keeps an error to one short line: there is one a write, a hundred a second.
func brief(err error) string {
	s := strings.ReplaceAll(err.Error(), "\n", " ")
	if len(s) > 160 {
		s = s[:160]
	}
	return s
}

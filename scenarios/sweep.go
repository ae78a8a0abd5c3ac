package scenarios

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
)

// sweepAll asks every node how it stands in everything that a fault can change.
func (d *Drill) sweepAll(ctx context.Context) (map[string]agent.Sweep, error) {
	out := map[string]agent.Sweep{}
	var mu sync.Mutex
	var group errgroup.Group
	for _, n := range d.nodes {
		group.Go(func() error {
			s, err := n.Agent.Sweep(ctx)
			if err != nil {
				return fmt.Errorf("sweep: %w", err)
			}
			mu.Lock()
			defer mu.Unlock()
			out[n.Name] = s
			return nil
		})
	}
	return out, group.Wait()
}

// before notes how the nodes stand before the first fault.
func (d *Drill) before(ctx context.Context) error {
	var err error
	d.swept, err = d.sweepAll(ctx)
	return err
}

// sweepWithin is how long after the heals the nodes may take to be as they were: a process that was started a moment
// ago may not run yet.
const sweepWithin = 10 * time.Second

// sweep compares every node with its state before the first fault. What is different is residue: somebody must look
// at it, and the exit code says so. A sweep that could not be made is residue too: unknown is never clean.
func (d *Drill) sweep(ctx context.Context) {
	if d.swept == nil {
		return // no fault was reached
	}
	ctx, cancel := context.WithTimeout(ctx, d.run.Budgets.Heal)
	defer cancel()
	var left []string
	err := wait.Until(ctx, "nodes as before the drill", sweepWithin, func(ctx context.Context) (bool, string, error) {
		now, err := d.sweepAll(ctx)
		if err != nil {
			return false, "", err
		}
		left = differences(d.swept, now)
		return len(left) == 0, fmt.Sprint(left), nil
	})
	if err != nil && len(left) == 0 {
		left = []string{err.Error()}
	}
	for _, line := range left {
		d.rec.Event(record.Event{T: d.now(), Kind: record.KindNote, Msg: "residue: " + line})
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.manifest.Residue = append(d.manifest.Residue, left...)
}

// differences are what a node has now and had not before, and what it had and has no more.
func differences(before, now map[string]agent.Sweep) []string {
	var out []string
	for node, sweep := range now {
		for subject, lines := range sweep {
			had := before[node][subject]
			for _, l := range missing(had, lines) {
				out = append(out, fmt.Sprintf("%s: %s: %s (not before the drill)", node, subject, l))
			}
			for _, l := range missing(lines, had) {
				out = append(out, fmt.Sprintf("%s: %s: no longer %s", node, subject, l))
			}
		}
	}
	sort.Strings(out)
	return out
}

// missing are the lines that are not in a list.
func missing(in, lines []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return slices.Contains(in, l) })
}

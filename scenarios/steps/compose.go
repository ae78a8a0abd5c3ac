package steps

import (
	"context"
	"fmt"
	"time"

	"github.com/cucumber/godog"

	"github.com/firedrill/firedrill/scenarios"
)

// Forms that have other steps inside.
const (
	formAtOnce = `at once:`
	formRepeat = `NUMBER time(s), DURATION on and DURATION off: STEP`
)

// composeForms is a function, because these forms look their inner steps up in the whole vocabulary.
func composeForms() []Form {
	return []Form{
		{
			Form: formAtOnce, Means: "a table of faults, one step a row, injected at the same moment", NeedsTopology: true, Handler: atOnce,
		},
		{
			Form: formRepeat, NeedsTopology: true, Handler: repeat,
			Means: "a fault on a schedule, beside the steps that follow; its targets are found anew each time",
		},
		{
			Form: `the schedule is over`, Means: "waits until everything on a schedule has run its rounds", NeedsTopology: true,
			Handler: func(ctx context.Context, d *scenarios.Drill) error { return d.AwaitSchedules(ctx) },
		},
	}
}

func atOnce(ctx context.Context, d *scenarios.Drill, table *godog.Table) error {
	var all scenarios.Plans
	for i, row := range table.Rows {
		if len(row.Cells) != 1 {
			return fmt.Errorf("at once: row %d has %d columns: write one step a row", i+1, len(row.Cells))
		}
		p, err := gather(ctx, d, row.Cells[0].Value)
		if err != nil {
			return err
		}
		all = all.And(p)
	}
	return d.AtOnce(ctx, all)
}

func repeat(ctx context.Context, d *scenarios.Drill, times int, on, off time.Duration, step string) error {
	p, err := gather(ctx, d, step)
	if err != nil {
		return err
	}
	return d.Repeat(ctx, text(ctx), times, on, off, p)
}

// gather notes the faults of a step that is part of another.
func gather(ctx context.Context, d *scenarios.Drill, step string) (scenarios.Plans, error) {
	f, args, err := parse(step)
	if err != nil {
		return scenarios.Plans{}, err
	}
	p, err := scenarios.Gather(WithText(ctx, step), func(ctx context.Context) error { return f.apply(ctx, d, args) })
	if err != nil {
		return p, fmt.Errorf("%s: %w", step, err)
	}
	return p, nil
}

// Inner are the steps inside of a step: on a schedule, or in a table of those at once.
func Inner(step string, table *godog.Table) []string {
	var out []string
	for _, f := range Match(step) {
		switch f.Form {
		case formAtOnce:
			out = append(out, cells(table)...)
		case formRepeat:
			found := f.pattern.FindStringSubmatch(step)
			out = append(out, found[len(found)-1])
		}
	}
	return out
}

func cells(table *godog.Table) []string {
	if table == nil {
		return nil
	}
	var out []string
	for _, row := range table.Rows {
		for _, c := range row.Cells {
			out = append(out, c.Value)
		}
	}
	return out
}

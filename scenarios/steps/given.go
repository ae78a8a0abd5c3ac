package steps

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/cucumber/godog"

	"github.com/firedrill/firedrill/scenarios"
)

var givenForms = []Form{
	{
		Form: `the topology "NAME"`, Means: "what stands; see `firedrill list topologies`",
		Handler: func(_ context.Context, d *scenarios.Drill, name string) error { return d.Topology(name) },
	},
	{
		Form: `these settings:`, Means: "a table of component, key and value, in each component's own words",
		Handler: settings,
	},
	{
		Form: `the application writes NUMBER row(s) per second through "NAME"`, Means: "open-loop writers in every datacenter that has an application node; given again for another endpoint, through both, each with writers of its own",
		Handler: func(_ context.Context, d *scenarios.Drill, rate int, endpoint string) error {
			return d.Load(rate, endpoint)
		},
	},
	{
		Form: `the application writes NUMBER row(s) per second through the endpoint`, Means: "the same, through the topology's first endpoint",
		Handler: func(_ context.Context, d *scenarios.Drill, rate int) error { return d.Load(rate, "") },
	},
	{
		Form: `the file "NAME" as "NAME"`, Means: "a file of yours, by its path, as COMPONENT:NAME: a callback of Patroni's (patroni:on_role_change), in the place of the shipped one",
		Handler: func(_ context.Context, d *scenarios.Drill, path, as string) error {
			component, name, ok := strings.Cut(as, ":")
			if !ok || component == "" || name == "" {
				return fmt.Errorf("the file %s as %q: write COMPONENT:NAME, as in patroni:on_role_change", path, as)
			}
			return d.File(path, component, name)
		},
	},
	{
		Form: `the application keeps a connection open through "NAME"`, Means: "as a pool does: it opens another only when that one has broken",
		Handler: func(_ context.Context, d *scenarios.Drill, endpoint string) error { return d.Keep(endpoint) },
	},
	{
		Form: `the application waits DURATION for each answer`, Means: "and gives the write up then; unless told ten times the time between two writes, from 200 to 500 milliseconds, which is less than a write takes between distant datacenters",
		Handler: func(_ context.Context, d *scenarios.Drill, deadline time.Duration) error { return d.Deadline(deadline) },
	},
	{
		Form: `the application retries NUMBER time(s), from DURATION, doubling`, Means: "what the application does with a write that failed",
		Handler: func(_ context.Context, d *scenarios.Drill, times int, from time.Duration) error {
			return d.Retry(times, from)
		},
	},
	{
		Form: `the steady state holds`, Means: "the topology stands, replicates and is written to; every reason why not is named", NeedsTopology: true,
		Handler: func(context.Context, *scenarios.Drill) error { return nil },
	},
	{
		Form: `DURATION [pass|passes]`, Means: "time goes by with the faults in force", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, dur time.Duration) error {
			return d.Hold(ctx, dur, "time passes")
		},
	},
}

func settings(_ context.Context, d *scenarios.Drill, table *godog.Table) error {
	for i, row := range table.Rows {
		if len(row.Cells) != 3 {
			return fmt.Errorf("settings: row %d has %d columns: write component, key, value", i+1, len(row.Cells))
		}
		component, key, value := row.Cells[0].Value, row.Cells[1].Value, row.Cells[2].Value
		if i == 0 && component == "component" {
			continue
		}
		if err := d.Set(component, key, value); err != nil {
			return err
		}
	}
	return nil
}

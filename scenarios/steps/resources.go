package steps

import (
	"context"
	"strconv"
	"strings"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/injectors"
	"github.com/firedrill/firedrill/scenarios"
)

var resourceForms = []Form{
	{Form: `TARGET is starved of CPU`, Means: "its processes are left 5% of the time", NeedsTopology: true, Handler: onTarget("resource.cpu")},
	{
		Form: `TARGET is left PERCENT of its CPU`, Means: "its processes are stopped for the rest of the time", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target, percent string) error {
			share, err := strconv.ParseFloat(strings.TrimSuffix(percent, "%"), 64)
			if err != nil {
				return err
			}
			return d.Inject(ctx, text(ctx), "resource.cpu", target, injectors.CPUParams{Share: share})
		},
	},
	{Form: `TARGET has CPU again`, Means: "after it was starved", NeedsTopology: true, Handler: heals(injectors.Unthrottled)},
	{
		Form: `TARGET is starved of memory`, Means: "almost all of it is taken; nobody is killed", NeedsTopology: true,
		Fittings: []harness.Fitting{harness.FitMemory}, Handler: onTarget("resource.memory"),
	},
	{
		Form: `TARGET runs out of memory`, Means: "the kernel's OOM killer takes the database, which stays down until there is memory again", NeedsTopology: true,
		Fittings: []harness.Fitting{harness.FitMemory},
		Handler: func(ctx context.Context, d *scenarios.Drill, target string) error {
			return d.Inject(ctx, text(ctx), "resource.memory", target, injectors.MemoryParams{Kill: true})
		},
	},
	{Form: `TARGET has memory again`, Means: "what was taken is given back, what was killed is started", NeedsTopology: true, Handler: heals(injectors.Unhogged)},
	{Form: `TARGET is starved of connections`, Means: "the database grants no more to applications", NeedsTopology: true, Handler: onTarget("resource.connections")},
	{Form: `TARGET has connections again`, Means: "after they were all taken", NeedsTopology: true, Handler: heals(injectors.Uncrowded)},
	{Form: `TARGET is starved of file descriptors`, Means: "the database can open nothing any more, neither files nor connections", NeedsTopology: true, Handler: onTarget("resource.files")},
	{Form: `TARGET has file descriptors again`, Means: "after it was starved of them", NeedsTopology: true, Handler: heals(injectors.Unlimited)},
}

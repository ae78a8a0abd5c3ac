package steps

import (
	"context"
	"time"

	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/scenarios"
)

// cachedWithin bounds the wait for resolvers to ask again: more than twice the longest TTL that a drill has a use for.
const cachedWithin = 150 * time.Second

// endpointForms are about the way from the application to the primary, whatever it is made of.
var endpointForms = []Form{
	{
		Form: `"NAME" has just been cached in every datacenter`, Means: "waits until each caching resolver has asked for it again: what changes now is seen as late as can be", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, name string) error {
			return d.AwaitCached(ctx, name, cachedWithin)
		},
	},
	{
		Form: `"NAME" leads to the [primary|leader] within DURATION`, Means: "a new connection through that proxy or virtual address, from every datacenter, counted from the promotion; waits for it", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, name string, within time.Duration) error {
			return follows(ctx, d, name, record.ProbeConnection, within)
		},
	},
	{
		Form: `NUMBER server(s) [hold|holds] the virtual address within DURATION`, Means: "whichever they are; counted from this step, looks until it is so", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, n int, within time.Duration) error {
			count := float64(n)
			return d.Observe(ctx, text(ctx), scenarios.Bound{Min: &count, Max: &count, Unit: "servers"}, within, scenarios.AddressHolders())
		},
	},
	{
		Form: `the connections kept open lead to the [primary|leader] within DURATION`, Means: "those of the application, from every datacenter, counted from the promotion; waits for it", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, within time.Duration) error {
			return follows(ctx, d, "", record.ProbeSession, within)
		},
	},
}

func follows(ctx context.Context, d *scenarios.Drill, name, kind string, within time.Duration) error {
	if err := expect(ctx, d, "endpoint", params{"name": name, "kind": kind, "within_ms": ms(within)}); err != nil {
		return err
	}
	return d.AwaitEndpoint(ctx, name, kind, "", within)
}

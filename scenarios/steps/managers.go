package steps

import (
	"context"
	"fmt"
	"time"

	"github.com/firedrill/firedrill/scenarios"
)

// blockedWithin bounds the wait for Orchestrator to say that it does not fail over: longer than it takes to notice.
const blockedWithin = 30 * time.Second

var managerForms = []Form{
	{
		Form: `node "NAME" has the promotion rule "NAME"`, Means: "prefer, neutral, prefer_not or must_not; MySQL, before the steady state",
		Handler: func(_ context.Context, d *scenarios.Drill, node, rule string) error {
			return d.PromotionRule(node, rule)
		},
	},
	{
		Form: `node "NAME" replicates from node "NAME"`, Means: "another place than the topology gives it; MySQL, before the steady state",
		Handler: func(_ context.Context, d *scenarios.Drill, node, source string) error {
			return d.ReplicatesFrom(node, source)
		},
	},
	{
		Form: `the operator forces a failover`, Means: "although nothing is wrong", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill) error {
			return d.Operate(ctx, text(ctx), "force-failover")
		},
	},
	{
		Form: `the operator acknowledges the recovery`, Means: "every one of them: a later failure is then no longer flapping", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill) error { return d.Operate(ctx, text(ctx), "acknowledge") },
	},
	{
		Form: `the operator begins downtime of TARGET`, Means: "automation leaves it alone for an hour", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target string) error {
			targets, err := d.Names(ctx, target)
			if err != nil {
				return err
			}
			for _, name := range targets {
				if err := d.Operate(ctx, text(ctx), "downtime", name); err != nil {
					return err
				}
			}
			return nil
		},
	},
	{
		Form: `the Orchestrator leader is in datacenter "NAME" within DURATION`, Means: "counted from this step; waits for it", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, dc string, within time.Duration) error {
			return d.Observe(ctx, text(ctx), scenarios.Is(dc), within, scenarios.LeaderDatacenter())
		},
	},
	{
		Form: `the failover is blocked as flapping`, Means: "by an earlier one; waits up to 30 seconds for Orchestrator to say so", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill) error {
			return d.Observe(ctx, text(ctx), scenarios.Is(scenarios.Flapping), blockedWithin, scenarios.FailoverBlocked())
		},
	},
	{
		Form: `TARGET [replicate|replicates] from TARGET within DURATION`, Means: "each of the first from that one; counted from this step, waits for it", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target, source string, within time.Duration) error {
			names, err := d.Names(ctx, source)
			if err != nil {
				return err
			}
			if len(names) != 1 {
				return fmt.Errorf("%s is %d nodes: a server replicates from one", source, len(names))
			}
			return d.Observe(ctx, text(ctx), scenarios.Is(names[0]), within, scenarios.Upstream(target))
		},
	},
}

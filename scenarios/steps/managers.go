package steps

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness/mysql"
	"github.com/firedrill/firedrill/scenarios"
)

// blockedWithin bounds the wait for Orchestrator to say that it does not fail over: longer than it takes to notice.
const blockedWithin = 30 * time.Second

// operates is a form of what an operator does to each node of a target.
func operates(verb string) any {
	return func(ctx context.Context, d *scenarios.Drill, target string) error {
		targets, err := d.Names(ctx, target)
		if err != nil {
			return err
		}
		for _, name := range targets {
			if err := d.Operate(ctx, text(ctx), verb, name); err != nil {
				return err
			}
		}
		return nil
	}
}

// refuses has an operator ask for what the failover manager must refuse.
func refuses(ctx context.Context, d *scenarios.Drill, verb string, args ...string) error {
	return d.Observe(ctx, text(ctx), scenarios.Bound{Has: "refuse"}, 0, scenarios.Refusal(text(ctx), verb, args...))
}

// endsWithin bounds the wait for Orchestrator to write its verdict on a recovery.
const endsWithin = 30 * time.Second

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
		Form: `the operator forces a failover of TARGET`, Means: "that server is replaced; it is named by its host and port; MySQL", NeedsTopology: true,
		Handler: operates(mysql.ForceFailover),
	},
	{
		Form: `the operator forces a failover of the alias "NAME"`, Means: "of whichever cluster Orchestrator takes the alias for; MySQL", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, alias string) error {
			return d.Operate(ctx, text(ctx), mysql.ForceAlias, alias)
		},
	},
	{
		Form: `the operator has TARGET lead the Orchestrators`, Means: "under raft: the others step back in an election; no fault: no promise counts from it", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target string) error {
			names, err := d.Names(ctx, target)
			if err != nil {
				return err
			}
			return d.Instruct(ctx, text(ctx), mysql.Lead, names...)
		},
	},
	{
		Form: `the operator relocates TARGET below TARGET`, Means: "they replicate from that one from now on; no fault: no promise counts from it; MySQL", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, targets, below string) error {
			return d.Relocate(ctx, text(ctx), targets, below)
		},
	},
	{
		Form: `the operator requests a switchover to TARGET, which fails`, Means: "the failover manager is asked, and says no", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target string) error {
			names, err := d.Names(ctx, target)
			if err != nil {
				return err
			}
			return refuses(ctx, d, mysql.Switchover, strings.Join(names, ","))
		},
	},
	{
		Form: `the operator requests a switchover, which fails`, Means: "to whom the failover manager would choose; it is asked, and says no", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill) error { return refuses(ctx, d, mysql.Switchover) },
	},
	{
		Form: `Orchestrator counts the recovery as a [success|failure]`, Means: "the one that ended last; waits up to 30 seconds for the end of one", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill) error {
			words := text(ctx)
			return d.Observe(ctx, words, scenarios.Is(words[strings.LastIndex(words, " ")+1:]), endsWithin, scenarios.Verdict())
		},
	},
	{
		Form: `TARGET is not detached from its source`, Means: "it has the source that it had, whether or not it replicates; MySQL", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target string) error {
			return d.Observe(ctx, text(ctx), scenarios.Is(scenarios.Attached), 0, scenarios.Attachment(target))
		},
	},
	{
		Form: `a finding of the report names "NAME"`, Means: "words of what was found, or of what mends it", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, words string) error {
			return expect(ctx, d, "diagnosed", params{"names": words})
		},
	},
	{
		Form: `no finding of the report names "NAME"`, Means: "neither as what was found nor as what mends it", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, words string) error {
			return expect(ctx, d, "diagnosed", params{"names": words, "none": true})
		},
	},
	{
		Form: `TARGET is detached from its source within DURATION`, Means: "by Orchestrator: it only names its source any more; MySQL", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target string, within time.Duration) error {
			return d.Observe(ctx, text(ctx), scenarios.Is(scenarios.Detached), within, scenarios.Attachment(target))
		},
	},
	{
		Form: `the operator acknowledges the recovery`, Means: "every one of them: a later failure is then no longer flapping", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill) error { return d.Operate(ctx, text(ctx), "acknowledge") },
	},
	{
		Form: `the operator begins downtime of TARGET`, Means: "automation leaves it alone for an hour", NeedsTopology: true,
		Handler: operates("downtime"),
	},
	{
		Form: `the operator ends downtime of TARGET`, Means: "automation minds it again", NeedsTopology: true,
		Handler: operates("end-downtime"),
	},
	{
		Form: `the operator recovers TARGET`, Means: "Orchestrator: has its failure recovered now, whatever filters, downtime and blocks say", NeedsTopology: true,
		Handler: operates("recover"),
	},
	{
		Form: `the operator disables global recoveries`, Means: "Orchestrator: it goes on looking, and recovers nothing by itself", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill) error { return d.Operate(ctx, text(ctx), "disable") },
	},
	{
		Form: `the operator enables global recoveries`, Means: "Orchestrator: automation works again", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill) error { return d.Operate(ctx, text(ctx), "enable") },
	},
	{
		Form: `the operator has TARGET replicate from TARGET`, Means: "MySQL: on the server itself, as a failed primary is brought back", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target, source string) error {
			replicas, sources, err := d.SelectPair(ctx, target, source)
			if err != nil {
				return err
			}
			if len(replicas) != 1 || len(sources) != 1 {
				return fmt.Errorf("%s is %d nodes and %s is %d: one replicates from one", target, len(replicas), source, len(sources))
			}
			return d.Operate(ctx, text(ctx), "replicate", replicas[0].Name, sources[0].Name)
		},
	},
	{
		Form: `the Orchestrator leader is in datacenter "NAME" within DURATION`, Means: "counted from this step; waits for it", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, dc string, within time.Duration) error {
			return d.Observe(ctx, text(ctx), scenarios.Is(dc), within, scenarios.LeaderDatacenter())
		},
	},
	{
		Form: `the proxy leads to the Orchestrator leader within DURATION`, Means: "asked from every datacenter; counted from this step, looks until it does", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, within time.Duration) error {
			return d.Observe(ctx, text(ctx), scenarios.Is(scenarios.TheLeader), within, scenarios.ManagerBehindProxy())
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

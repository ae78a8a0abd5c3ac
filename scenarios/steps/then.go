package steps

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/scenarios"
)

type params map[string]any

func ms(d time.Duration) int64 { return d.Milliseconds() }

// expect notes the promise in the user's own words.
func expect(ctx context.Context, d *scenarios.Drill, verifier string, p params) error {
	if p == nil {
		p = params{}
	}
	return d.Expect(text(ctx), verifier, p)
}

// then is a form that only notes a promise.
func then(verifier string, p params) any {
	return func(ctx context.Context, d *scenarios.Drill) error { return expect(ctx, d, verifier, p) }
}

var promotionForms = []Form{
	{
		Form: `a new [primary|leader] is promoted within DURATION`, Means: "counted from the fault; waits for it", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, within time.Duration) error {
			return promoted(ctx, d, params{"within_ms": ms(within)}, within)
		},
	},
	{
		Form: `TARGET is promoted within DURATION`, Means: "that node, or one of those, is the new primary; waits for it", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target string, within time.Duration) error {
			names, err := d.Names(ctx, target)
			if err != nil {
				return err
			}
			return promoted(ctx, d, params{"within_ms": ms(within), "to": names}, within)
		},
	},
	{
		Form: `the promoted node is in datacenter "NAME"`, Means: "where the role went", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, dc string) error {
			return expect(ctx, d, "promotion", params{"datacenter": dc})
		},
	},
	{
		Form: `the promoted node is one of "NAME"`, Means: "a list of nodes, with commas", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, names string) error {
			return expect(ctx, d, "promotion", params{"to": list(names)})
		},
	},
	{
		Form: `the promoted node is not [node|nodes] "NAME"`, Means: "who must not get the role", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, names string) error {
			return expect(ctx, d, "promotion", params{"not": list(names)})
		},
	},
	{
		Form: `the promoted node is the old [primary|leader]`, Means: "the role came back to where it was", NeedsTopology: true,
		Handler: then("promotion", params{"old": true}),
	},
	{
		Form: `no failover happens for DURATION`, Means: "counted from this step; holds the fault for so long", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, dur time.Duration) error {
			if err := expect(ctx, d, "failovers", params{"count": 0, "for_ms": ms(dur)}); err != nil {
				return err
			}
			return d.Hold(ctx, dur+time.Second, "no failover may happen")
		},
	},
	{
		Form: `exactly NUMBER failover(s) [happens|happen]`, Means: "in the whole drill", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, count int) error {
			return expect(ctx, d, "failovers", params{"count": count})
		},
	},
	{
		Form: `at most NUMBER failover(s) [happens|happen]`, Means: "in the whole drill, where chance has a say", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, most int) error {
			return expect(ctx, d, "failovers", params{"max": most})
		},
	},
	{
		Form: `Orchestrator reports "NAME"`, Means: "that very analysis code, its own word; waits up to 30 seconds for it", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, code string) error {
			if err := expect(ctx, d, "manager", params{"reports": code}); err != nil {
				return err
			}
			return d.AwaitAnalysis(ctx, code, 30*time.Second)
		},
	},
	{
		Form: `Orchestrator does not report "NAME"`, Means: "that very analysis code, in the whole drill", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, code string) error {
			return expect(ctx, d, "manager", params{"silent": code})
		},
	},
	{
		Form: `the hook "NAME" ran once`, Means: "exactly one run", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, name string) error { return hook(ctx, d, name, 1) },
	},
	{
		Form: `the hook "NAME" ran NUMBER time(s)`, Means: "exactly so many runs", NeedsTopology: true,
		Handler: hook,
	},
	{
		Form: `the hook "NAME" did not run`, Means: "not in the whole drill", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, name string) error { return hook(ctx, d, name, 0) },
	},
	{
		Form: `the hooks ran in the order "NAME"`, Means: "a list, with commas: each for the first time after the one before it; waits for the last", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, names string) error {
			order := list(names)
			if err := expect(ctx, d, "hook_order", params{"names": order}); err != nil {
				return err
			}
			return d.AwaitHook(ctx, order[len(order)-1], 1, hookWithin)
		},
	},
	{
		Form: `the callbacks on TARGET were "NAME", in this order`, Means: "action and role of each, with commas, since the first fault; an action alone is one whatever the role; one that was killed is not among them", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target, calls string) error {
			nodes, err := d.Names(ctx, target)
			if err != nil {
				return err
			}
			if len(nodes) != 1 {
				return fmt.Errorf("the callbacks on %s: name one node, not %s", target, strings.Join(nodes, ", "))
			}
			return expect(ctx, d, "callbacks", params{"node": nodes[0], "calls": list(calls)})
		},
	},
	{
		Form: `the hook "NAME" was given "NAME" as "NAME"`, Means: "an argument by its placeholder, or a variable of its environment, in every run", NeedsTopology: true,
		Handler: given,
	},
	{
		Form: `the hook "NAME" was given "NAME" as TARGET`, Means: "the name of that node", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, name, key, target string) error {
			nodes, err := d.Names(ctx, target)
			if err != nil {
				return err
			}
			return given(ctx, d, name, key, strings.Join(nodes, ","))
		},
	},
	{
		Form: `the hook "NAME" was given no "NAME"`, Means: "the variable is empty, in every run", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, name, key string) error {
			return given(ctx, d, name, key, "")
		},
	},
}

func promoted(ctx context.Context, d *scenarios.Drill, p params, within time.Duration) error {
	if err := expect(ctx, d, "promotion", p); err != nil {
		return err
	}
	return d.AwaitPromotion(ctx, within)
}

// hookWithin is how long a hook may take after the step that promises it: the shipped one retries for 30 seconds.
const hookWithin = 35 * time.Second

func hook(ctx context.Context, d *scenarios.Drill, name string, times int) error {
	if err := expect(ctx, d, "hook", params{"name": name, "count": times}); err != nil {
		return err
	}
	return d.AwaitHook(ctx, name, times, hookWithin)
}

func given(ctx context.Context, d *scenarios.Drill, name, key, value string) error {
	if err := expect(ctx, d, "hook_given", params{"name": name, "key": key, "value": value}); err != nil {
		return err
	}
	return d.AwaitHook(ctx, name, 1, hookWithin)
}

func list(names string) []string {
	var out []string
	for _, n := range strings.Split(names, ",") {
		out = append(out, strings.TrimSpace(n))
	}
	return out
}

var promiseForms = []Form{
	{
		Form: `the recovery time is at most DURATION`, Means: "RTO of the datacenter that fared worst", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, dur time.Duration) error {
			return expect(ctx, d, "rto", params{"max_ms": ms(dur)})
		},
	},
	{
		Form: `the recovery time is at most DURATION for the application in datacenter "NAME"`, Means: "RTO of that datacenter", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, dur time.Duration, dc string) error {
			return expect(ctx, d, "rto", params{"max_ms": ms(dur), "vantage": dc})
		},
	},
	{
		Form: `the recovery time is at most DURATION through "NAME"`, Means: "RTO of the writers that go through that endpoint, in the datacenter that fared worst", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, dur time.Duration, endpoint string) error {
			return expect(ctx, d, "rto", params{"max_ms": ms(dur), "through": endpoint})
		},
	},
	{
		Form: `writes are interrupted for at most DURATION`, Means: "longest time without an acknowledged write seen by any application", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, dur time.Duration) error {
			return expect(ctx, d, "interruption", params{"max_ms": ms(dur)})
		},
	},
	{
		Form: `"NAME" resolves to the [primary|leader] within DURATION`, Means: "for every resolver and datacenter, counted from the promotion; waits for it", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, name string, within time.Duration) error {
			return follows(ctx, d, name, record.ProbeDNS, within)
		},
	},
	{
		Form: `"NAME" resolves to the [primary|leader] within DURATION for the application in datacenter "NAME"`, Means: "for the resolver of that datacenter, counted from the promotion; waits for it", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, name string, within time.Duration, dc string) error {
			if err := expect(ctx, d, "endpoint", params{"name": name, "kind": record.ProbeDNS, "within_ms": ms(within), "vantage": dc}); err != nil {
				return err
			}
			return d.AwaitEndpoint(ctx, name, record.ProbeDNS, dc, within)
		},
	},
	{
		Form: `the proxy sends writes to the [primary|leader] within DURATION`, Means: "from every datacenter, counted from the promotion; waits for it", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, within time.Duration) error {
			return follows(ctx, d, "", record.ProbeConnection, within)
		},
	},
	{
		Form: `at no time could two nodes acknowledge writes`, Means: "no split brain, by samples and by acknowledged writes", NeedsTopology: true,
		Handler: then("split_brain", params{"max_ms": 0}),
	},
	{
		Form: `two nodes could acknowledge writes for at most DURATION`, Means: "a bounded overlap", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, dur time.Duration) error {
			return expect(ctx, d, "split_brain", params{"max_ms": ms(dur)})
		},
	},
	{
		Form: `the old [primary|leader] stops accepting writes within DURATION`, Means: "counted from the fault; waits for it", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, within time.Duration) error {
			if err := expect(ctx, d, "fencing", params{"within_ms": ms(within)}); err != nil {
				return err
			}
			return d.AwaitFencing(ctx, within)
		},
	},
	{
		Form: `the drill fails because "NAME"`, Means: "a drill of a known-bad set-up: it passes when the expectation before it that contains these words fails", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, words string) error {
			return expect(ctx, d, "fails_because", params{"text": words})
		},
	},
}

var dataForms = []Form{
	{
		Form: `no acknowledged write is lost`, Means: "every acknowledged row is on the surviving primary", NeedsTopology: true,
		Handler: then("ledger", params{"max_lost": 0}),
	},
	{
		Form: `at most NUMBER acknowledged write(s) [is|are] lost`, Means: "a data loss that was accepted, in rows", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, n int) error {
			return expect(ctx, d, "ledger", params{"max_lost": n})
		},
	},
	{
		Form: `at most NUMBER acknowledged write(s) of the application in datacenter "NAME" [is|are] lost`, Means: "of those that it wrote, whoever acknowledged them", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, n int, dc string) error {
			return expect(ctx, d, "ledger", params{"max_lost": n, "vantage": dc})
		},
	},
	{
		Form: `acknowledged writes of the application in datacenter "NAME" are lost`, Means: "a drill that is known to lose some of what it wrote", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, dc string) error {
			return expect(ctx, d, "ledger", params{"lost": true, "vantage": dc})
		},
	},
	{
		Form: `the data loss window is at most DURATION`, Means: "age, at the fault, of the oldest lost write", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, dur time.Duration) error {
			return expect(ctx, d, "ledger", params{"max_window_ms": ms(dur)})
		},
	},
	{
		Form: `acknowledged writes are lost`, Means: "a drill of a topology that is known to lose them", NeedsTopology: true,
		Handler: then("ledger", params{"lost": true}),
	},
	{
		Form: `no node has errant transactions`, Means: "nobody has what the surviving primary has not", NeedsTopology: true,
		Handler: then("errant", nil),
	},
}

var replicationForms = []Form{
	{
		Form: `NUMBER replica(s) [replicate|replicates] from the [primary|leader] within DURATION`, Means: "counted from this step; waits for it", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, n int, within time.Duration) error {
			if err := expect(ctx, d, "replication", params{"replicas": n, "within_ms": ms(within)}); err != nil {
				return err
			}
			return d.AwaitReplicas(ctx, n, within)
		},
	},
	{
		Form: `the old [primary|leader] rejoins as a replica within DURATION`, Means: "counted from the heal; waits for it", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, within time.Duration) error {
			if err := expect(ctx, d, "rejoin", params{"within_ms": ms(within)}); err != nil {
				return err
			}
			return d.AwaitRejoin(ctx, within)
		},
	},
}

package steps

import (
	"context"
	"strconv"
	"strings"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/injectors"
	"github.com/firedrill/firedrill/scenarios"
)

// on is a form that does something to a process on a target.
func on(fault string) any {
	return func(ctx context.Context, d *scenarios.Drill, process, target string) error {
		return d.Inject(ctx, text(ctx), fault, target, params{"process": process})
	}
}

var faultForms = []Form{
	{Form: `"NAME" on TARGET is killed`, Means: "SIGKILL; the host lives on", NeedsTopology: true, Handler: on("process.kill")},
	{Form: `"NAME" on TARGET is stopped`, Means: "a clean stop", NeedsTopology: true, Handler: on("process.stop")},
	{Form: `"NAME" on TARGET is frozen`, Means: "SIGSTOP, with all its children", NeedsTopology: true, Handler: on("process.freeze")},
	{
		Form: `the host of TARGET is lost`, Means: "power loss: no packet leaves it any more, connections are left hanging", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target string) error {
			return d.Inject(ctx, text(ctx), "host.lost", target, nil)
		},
	},
	{
		Form: `datacenter "NAME" is isolated`, Means: "from all else, both ways", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, dc string) error {
			return d.Inject(ctx, text(ctx), "datacenter.isolation", `datacenter "`+dc+`"`, params{"datacenter": dc})
		},
	},
	{
		Form: `datacenter "NAME" is isolated by the provider's firewall`, Means: "the same, by the rules of its machines' provider", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, dc string) error {
			return d.Inject(ctx, text(ctx), "datacenter.firewalled", `datacenter "`+dc+`"`, params{"datacenter": dc})
		},
	},
	{
		Form: `TARGET is partitioned from TARGET`, Means: "both ways, in silence; the second may be every other node", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target, peers string) error {
			return d.Cut(ctx, text(ctx), target, peers, injectors.PartitionParams{Direction: injectors.BothWays})
		},
	},
	{Form: `TARGET cannot reach TARGET`, Means: "one way: what the first sends does not arrive", NeedsTopology: true, Handler: oneWay(agent.Drop)},
	{Form: `TARGET cannot reach TARGET and is refused`, Means: "one way, with a reset in place of silence", NeedsTopology: true, Handler: oneWay(agent.Refuse)},
	{Form: `TARGET cannot reach TARGET on port NUMBER`, Means: "one way, that port only", NeedsTopology: true, Handler: oneWayPort(agent.Drop)},
	{Form: `TARGET cannot reach TARGET on port NUMBER and is refused`, Means: "one way, that port only, with a reset", NeedsTopology: true, Handler: oneWayPort(agent.Refuse)},
}

func oneWay(action string) any {
	return func(ctx context.Context, d *scenarios.Drill, target, peers string) error {
		return d.Cut(ctx, text(ctx), target, peers, injectors.PartitionParams{Direction: injectors.OneWay, Action: action})
	}
}

func oneWayPort(action string) any {
	return func(ctx context.Context, d *scenarios.Drill, target, peers string, port int) error {
		if port < 1 || port > 65535 {
			return errPort(port)
		}
		return d.Cut(ctx, text(ctx), target, peers, injectors.PartitionParams{
			Direction: injectors.OneWay, Action: action, Ports: []uint16{uint16(port)},
		})
	}
}

type errPort int

func (e errPort) Error() string { return strconv.Itoa(int(e)) + " is not a port" }

// heals is a form that undoes earlier faults on a target.
func heals(match func(targets ...string) injectors.Match) any {
	return func(ctx context.Context, d *scenarios.Drill, target string) error {
		targets, err := d.Names(ctx, target)
		if err != nil {
			return err
		}
		return d.Heal(ctx, match(targets...))
	}
}

// healsProcess is a form that undoes what was done to a process.
func healsProcess(match func(process string, targets ...string) injectors.Match) any {
	return func(ctx context.Context, d *scenarios.Drill, process, target string) error {
		targets, err := d.Names(ctx, target)
		if err != nil {
			return err
		}
		return d.Heal(ctx, match(process, targets...))
	}
}

var healForms = []Form{
	{Form: `"NAME" on TARGET is started`, Means: "again, after it was killed or stopped", NeedsTopology: true, Handler: healsProcess(injectors.Started)},
	{Form: `"NAME" on TARGET is resumed`, Means: "after it was frozen", NeedsTopology: true, Handler: healsProcess(injectors.Resumed)},
	{Form: `the host of TARGET returns`, Means: "with its data; its processes start again", NeedsTopology: true, Handler: heals(injectors.Returned)},
	{
		Form: `all faults are healed`, Means: "the last one first", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill) error { return d.HealAll(ctx) },
	},
	{
		Form: `the partition is healed`, Means: "every partition that is in force", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill) error { return d.Heal(ctx, injectors.Reunited()) },
	},
	{
		Form: `the isolation is healed`, Means: "every isolated datacenter", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill) error { return d.Heal(ctx, injectors.Rejoined()) },
	},
}

var operatorForms = []Form{
	{
		Form: `the operator requests a switchover`, Means: "a planned change of the primary; the failover manager chooses", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill) error { return d.Operate(ctx, text(ctx), "switchover") },
	},
	{
		Form: `the operator requests a switchover to TARGET`, Means: "a planned change of the primary to that node", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target string) error {
			targets, err := d.Names(ctx, target)
			if err != nil {
				return err
			}
			return d.Operate(ctx, text(ctx), "switchover", strings.Join(targets, ","))
		},
	},
}

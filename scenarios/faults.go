package scenarios

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/injectors"
)

// Names resolves a target to the names of its nodes.
func (d *Drill) Names(ctx context.Context, target string) ([]string, error) {
	nodes, err := d.Select(ctx, target)
	return names(nodes), err
}

func names(nodes []*harness.Node) []string {
	var out []string
	for _, n := range nodes {
		out = append(out, n.Name)
	}
	return out
}

// plan is a fault that is yet to be injected: its targets are found at that moment, by role.
type plan func(ctx context.Context) (injectors.Spec, error)

// Inject injects a fault on a target, resolved now. It returns once the effect was observed, or the time for that
// ran out; the verdict knows the difference. Some faults know their targets by themselves: target is then empty.
func (d *Drill) Inject(ctx context.Context, text, fault, target string, params any) error {
	return d.strike(ctx, func(ctx context.Context) (injectors.Spec, error) {
		spec := injectors.Spec{Name: fault, Params: params, Text: text}
		if target == "" {
			return spec, nil
		}
		var err error
		spec.Targets, err = d.Names(ctx, target)
		return spec, err
	})
}

// Cut separates two targets: in both directions, or only what the first sends to the second. peers may be
// "every other node".
func (d *Drill) Cut(ctx context.Context, text, target, peers string, params injectors.PartitionParams) error {
	return d.strike(ctx, func(ctx context.Context) (injectors.Spec, error) {
		from, to, err := d.SelectPair(ctx, target, peers)
		params := params
		params.Peers = names(to)
		return injectors.Spec{Name: "net.partition", Params: params, Targets: names(from), Text: text}, err
	})
}

// strike injects now, unless the faults of a step are being gathered.
func (d *Drill) strike(ctx context.Context, p plan) error {
	if g := gathering(ctx); g != nil {
		g.plans = append(g.plans, p)
		return nil
	}
	spec, err := p(ctx)
	if err != nil {
		return err
	}
	return d.inject(ctx, spec)
}

func (d *Drill) inject(ctx context.Context, specs ...injectors.Spec) error {
	for _, s := range specs {
		d.run.progress(d.manifest.DrillID, d.now(), "fault: "+s.Text)
	}
	injections, err := d.injections.InjectAll(ctx, specs)
	if errors.Is(err, harness.ErrUnavailable) {
		d.SkipBecause(err.Error())
		return nil
	}
	if err != nil {
		return fmt.Errorf("inject %s: %w", specs[0].Name, err)
	}
	first := injections[0].Effect().Began
	for _, i := range injections {
		first = min(first, i.Effect().Began)
	}
	d.struck(first)
	return nil
}

// blow is a group of deeds with no promise between them (When A, And B, Then C). A promise of a promotion that comes after it
// counts from its first deed, as the verifier counts (see struck in package verifiers).
type blow struct {
	began    time.Duration
	primary  string // who had the role then
	promises int    // made before it
}

// struck notes when a fault struck, or an operator acted.
func (d *Drill) struck(at time.Duration) {
	if d.firstFault == 0 {
		d.firstFault = at
	}
	if n := len(d.manifest.Expectations); d.blow.primary == "" || n > d.blow.promises {
		d.blow = blow{began: at, primary: d.tracker.primaryBefore(at, d.oldPrimary()), promises: n}
	}
}

// healed notes when something was healed last.
func (d *Drill) healed() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lastHeal = d.now()
}

func (d *Drill) healedAt() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lastHeal
}

// Heal undoes the faults that match.
func (d *Drill) Heal(ctx context.Context, m injectors.Match) error {
	err := d.injections.Heal(ctx, m)
	d.healed()
	return err
}

// HealAll undoes every fault that is in force.
func (d *Drill) HealAll(ctx context.Context) error {
	d.endSchedules()
	err := d.injections.HealAll(ctx)
	d.healed()
	return err
}

// Operate does what a person would do: a switchover, a forced failover, an acknowledgement.
func (d *Drill) Operate(ctx context.Context, text, verb string, args ...string) error {
	if err := d.operate(ctx, text, verb, args...); err != nil {
		return fmt.Errorf("operate: %w", err)
	}
	return nil
}

// operate notes what was asked, of whom, how long it took and, if it failed, why.
func (d *Drill) operate(ctx context.Context, text, verb string, args ...string) error {
	began := d.now()
	err := d.topology.Operate(ctx, verb, args...)
	attrs := map[string]string{"verb": verb, "args": strings.Join(args, " "), "took_ms": fmt.Sprint(record.MS(d.now() - began))}
	if err != nil {
		attrs["error"] = err.Error()
	}
	d.rec.Event(record.Event{T: began, Kind: record.KindOperator, Msg: text, Attrs: attrs})
	d.struck(began)
	return err
}

package scenarios

import (
	"context"
	"errors"
	"fmt"

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

// Inject injects a fault on a target, resolved now. It returns once the effect was observed, or the time for that
// ran out; the verdict knows the difference.
func (d *Drill) Inject(ctx context.Context, text, fault, target string, params any) error {
	targets, err := d.Names(ctx, target)
	if err != nil {
		return err
	}
	return d.inject(ctx, injectors.Spec{Name: fault, Params: params, Targets: targets, Text: text})
}

// Cut separates two targets: in both directions, or only what the first sends to the second. peers may be
// "every other node".
func (d *Drill) Cut(ctx context.Context, text, target, peers string, params injectors.PartitionParams) error {
	from, to, err := d.SelectPair(ctx, target, peers)
	if err != nil {
		return err
	}
	params.Peers = names(to)
	return d.inject(ctx, injectors.Spec{Name: "net.partition", Params: params, Targets: names(from), Text: text})
}

func (d *Drill) inject(ctx context.Context, spec injectors.Spec) error {
	d.run.progress(d.manifest.DrillID, d.now(), "fault: "+spec.Text)
	i, err := d.injections.Inject(ctx, spec)
	if errors.Is(err, harness.ErrUnavailable) {
		d.SkipBecause(err.Error())
		return nil
	}
	if err != nil {
		return fmt.Errorf("inject %s: %w", spec.Name, err)
	}
	if effect := i.Effect(); d.firstFault == 0 {
		d.firstFault = effect.Began
	}
	return nil
}

// Heal undoes the faults that match.
func (d *Drill) Heal(ctx context.Context, m injectors.Match) error {
	err := d.injections.Heal(ctx, m)
	d.lastHeal = d.now()
	return err
}

// HealAll undoes every fault that is in force.
func (d *Drill) HealAll(ctx context.Context) error {
	err := d.injections.HealAll(ctx)
	d.lastHeal = d.now()
	return err
}

// Operate does what a person would do: a switchover, a forced failover, an acknowledgement.
func (d *Drill) Operate(ctx context.Context, text, verb string, args ...string) error {
	began := d.now()
	err := d.topology.Operate(ctx, verb, args...)
	d.rec.Event(record.Event{T: began, Kind: record.KindOperator, Msg: text, Attrs: map[string]string{
		"verb": verb, "took_ms": fmt.Sprint(record.MS(d.now() - began)),
	}})
	if d.firstFault == 0 {
		d.firstFault = began
	}
	if err != nil {
		return fmt.Errorf("operate: %w", err)
	}
	return nil
}

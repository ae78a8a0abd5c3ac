package injectors

import (
	"context"

	"github.com/firedrill/firedrill/harness/agent"
)

// onTargets is a fault that is one and the same deed on each of its targets. Faults embed it.
type onTargets struct {
	params any // as they are recorded
	deed   agent.Deed
}

func (f onTargets) Resolve(_ []Node, targets []string) (any, []string, error) {
	return f.params, targets, needTargets(targets)
}

func (f onTargets) Check(ctx context.Context, env Env) error { return able(ctx, env.Targets, f.deed) }

func (f onTargets) Inject(ctx context.Context, env Env) (Effect, error) {
	return env.do(ctx, env.Targets, env.Fault, f.deed)
}

func (f onTargets) Observe(ctx context.Context, env Env) (string, error) {
	return env.seen(ctx, env.Targets, env.Fault)
}

func (f onTargets) Heal(ctx context.Context, env Env) (Effect, error) {
	return env.healed(ctx, env.Targets, env.Fault)
}

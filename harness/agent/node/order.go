package node

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
)

// kind is how one kind of deed is done. A handler pushes the way back before it does anything.
type kind struct {
	do  func(ctx context.Context, fault string, spec json.RawMessage) (agent.Stamp, error)
	can func(spec json.RawMessage) (reason string, err error)
}

// kinds are all deeds that there are. A new one is a file of its own and one line here.
func (a *Agent) kinds() map[string]kind {
	return map[string]kind{
		agent.KillSpec{}.Kind():         deedOf(a.kill, nil),
		agent.FreezeSpec{}.Kind():       deedOf(a.freeze, nil),
		agent.NetworkSpec{}.Kind():      deedOf(a.network, mayCut),
		agent.ReplaceSpec{}.Kind():      deedOf(a.replace, replaceable),
		agent.DNSAPISpec{}.Kind():       deedOf(a.dnsAPI, dnsAPIThere),
		agent.DNSServerSpec{}.Kind():    deedOf(a.dnsServer, dnsServerThere),
		agent.CrashLoopSpec{}.Kind():    deedOf(a.crashLoop, nil),
		agent.RestartSpec{}.Kind():      deedOf(a.restart, nil),
		agent.RebootSpec{}.Kind():       deedOf(a.reboot, mayReboot),
		agent.PauseSpec{}.Kind():        deedOf(a.pause, nil),
		agent.WipeSpec{}.Kind():         deedOf(a.wipe, a.mayWipe),
		agent.SQLSpec{}.Kind():          deedOf(a.sql, canSQL),
		agent.TornRelayLogSpec{}.Kind(): deedOf(a.tornRelayLog, canTear),

		agent.LatencySpec{}.Kind():     deedOf(a.delay, mayDelay),
		agent.LossSpec{}.Kind():        deedOf(a.lose, mayLose),
		agent.BandwidthSpec{}.Kind():   deedOf(a.limit, mayLimit),
		agent.FlapSpec{}.Kind():        deedOf(a.flap, mayFlap),
		agent.BlackHoleSpec{}.Kind():   deedOf(a.swallow, maySwallow),
		agent.CPUSpec{}.Kind():         deedOf(a.starve, nil),
		agent.MemorySpec{}.Kind():      deedOf(a.famine, mayTakeMemory),
		agent.ConnectionsSpec{}.Kind(): deedOf(a.crowd, nil),
		agent.FilesSpec{}.Kind():       deedOf(a.shortage, nil),
		agent.FillSpec{}.Kind():        deedOf(a.fill, a.mayFill),
		agent.DiskSpec{}.Kind():        deedOf(a.disk, a.mayBreakDisk),
		agent.ClockSpec{}.Kind():       deedOf(a.turnClock, a.mayTurnClock),
	}
}

// deedOf adapts typed handlers. can looks whether the deed could be done here; nil means that it always can.
func deedOf[S agent.Deed](do func(ctx context.Context, fault string, spec S) (agent.Stamp, error), can func(S) (reason string, err error)) kind {
	return kind{
		do: func(ctx context.Context, fault string, raw json.RawMessage) (agent.Stamp, error) {
			spec, err := strictly[S](raw)
			if err != nil {
				return agent.Stamp{}, err
			}
			return do(ctx, fault, spec)
		},
		can: func(raw json.RawMessage) (string, error) {
			spec, err := strictly[S](raw)
			if err != nil || can == nil {
				return "", err
			}
			return can(spec)
		},
	}
}

// strictly decodes a spec: what this agent does not know it must not leave undone in silence.
func strictly[S agent.Deed](raw json.RawMessage) (S, error) {
	var spec S
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&spec); err != nil {
		return spec, fmt.Errorf("decode %s: %w", spec.Kind(), err)
	}
	return spec, nil
}

func (a *Agent) kindOf(name string) (kind, error) {
	k, ok := a.kinds()[name]
	if !ok {
		return kind{}, fmt.Errorf("unknown deed %q: controller and agent are of different versions", name)
	}
	return k, nil
}

func (a *Agent) can(_ context.Context, _ *session, o agent.Order) (agent.Answer, error) {
	k, err := a.kindOf(o.Kind)
	if err != nil {
		return agent.Answer{}, err
	}
	reason, err := k.can(o.Spec)
	return agent.Answer{Reason: reason}, err
}

// do does a deed. The fault's longest time runs from before the deed, so that one that fails half way ends too.
func (a *Agent) do(ctx context.Context, _ *session, o agent.Order) (agent.Stamp, error) {
	k, err := a.kindOf(o.Kind)
	if err != nil {
		return agent.Stamp{}, err
	}
	if o.Fault == "" {
		return agent.Stamp{}, fmt.Errorf("%s: no fault is named, so that nobody could heal it", o.Kind)
	}
	defer a.deeds.begin(o.Fault)()
	began := agent.Monotonic()
	if o.AtMost > 0 {
		a.deeds.expire(o.Fault, func(ctx context.Context, down func() int64) { a.expire(ctx, o, began, down) })
	}
	stamp, err := k.do(ctx, o.Fault, o.Spec)
	a.deeds.took(o.Fault, stamp)
	return stamp, err
}

// expire heals a fault on the node's own clock and reports the exact bounds of the time that it was in force.
func (a *Agent) expire(ctx context.Context, o agent.Order, began int64, down func() int64) {
	if wait.Hold(ctx, o.AtMost-time.Duration(agent.Monotonic()-began)) != nil {
		return // healed in time
	}
	effective := down()
	healed, err := a.deeds.heal(o.Fault)
	if err != nil {
		a.event(record.KindError, fmt.Sprintf("fault %s outlived its longest time of %s: %v", o.Fault, o.AtMost, err), nil)
		return
	}
	a.event(record.KindExpired, fmt.Sprintf("fault %s was healed by the node itself after %s", o.Fault, o.AtMost), map[string]string{
		"fault": o.Fault, "down_ns": strconv.FormatInt(effective, 10), "up_ns": strconv.FormatInt(healed.Began, 10),
	})
}

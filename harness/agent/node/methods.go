package node

import (
	"context"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/workload"
)

type empty struct{}

type name struct {
	Name string `json:"name"`
}

func (a *Agent) methods() map[string]method {
	return map[string]method{
		agent.MethodHello:     typed(a.hello),
		agent.MethodClock:     typed(a.clock),
		agent.MethodPut:       typed(a.put),
		agent.MethodRead:      typed(a.read),
		agent.MethodExec:      typed(a.exec),
		agent.MethodDefine:    typed(a.define),
		agent.MethodStart:     typed(a.start),
		agent.MethodStop:      typed(a.stop),
		agent.MethodProcesses: typed(a.processes),
		agent.MethodCan:       typed(a.can),
		agent.MethodDo:        typed(a.do),
		agent.MethodInspect:   typed(a.inspect),
		agent.MethodHeal:      typed(a.heal),
		agent.MethodFaults:    typed(a.faults),
		agent.MethodSweep:     typed(a.sweep),
		agent.MethodHTTP:      typed(a.http),
		agent.MethodQuery:     typed(a.query),
		agent.MethodObserve:   typed(a.observe),
		agent.MethodLoad:      typed(a.load),
		agent.MethodProbe:     typed(a.probe),
		agent.MethodTail:      typed(a.tail),
		agent.MethodExchange:  typed(a.exchange),
		agent.MethodLookup:    typed(a.lookup),
		agent.MethodQuiet:     typed(a.stopActivity),
	}
}

func (a *Agent) hello(_ context.Context, s *session, in agent.Introduction) (agent.Hello, error) {
	s.owner.Store(in.Owner)
	host, _ := os.Hostname()
	var uts unix.Utsname
	_ = unix.Uname(&uts)
	return agent.Hello{
		Version: a.opts.Version, Hostname: host, Kernel: unix.ByteSliceToString(uts.Release[:]),
		BootID: agent.BootID(), Clock: agent.Monotonic(),
	}, nil
}

func (a *Agent) clock(context.Context, *session, empty) (agent.Hello, error) {
	return agent.Hello{Clock: agent.Monotonic()}, nil
}

func (a *Agent) define(_ context.Context, _ *session, p agent.Process) (empty, error) {
	return empty{}, a.procs.define(p)
}

func (a *Agent) start(_ context.Context, _ *session, n name) (empty, error) {
	return empty{}, a.procs.start(n.Name)
}

func (a *Agent) stop(ctx context.Context, _ *session, n name) (empty, error) {
	return empty{}, a.procs.stop(ctx, n.Name)
}

func (a *Agent) processes(context.Context, *session, empty) ([]agent.ProcessState, error) {
	return a.procs.states(), nil
}

func (a *Agent) inspect(_ context.Context, _ *session, n name) (agent.Stamp, error) {
	return a.deeds.inspect(n.Name)
}

func (a *Agent) heal(_ context.Context, _ *session, n name) (agent.Stamp, error) {
	return a.deeds.heal(n.Name)
}

func (a *Agent) faults(context.Context, *session, empty) ([]agent.FaultState, error) {
	return a.deeds.states(), nil
}

func (a *Agent) load(_ context.Context, _ *session, l agent.Load) (empty, error) {
	if _, err := workload.Open(l.Database, l.Resolver); err != nil {
		return empty{}, err
	}
	a.run(agent.ActivityLoad, l.Node+" "+l.Endpoint, func(ctx context.Context) {
		_ = workload.Run(ctx, l, func(o record.Op) { a.report(agent.NotifyOp, o) })
	})
	return empty{}, nil
}

func (a *Agent) probe(_ context.Context, _ *session, e agent.Endpoint) (empty, error) {
	if e.Kind != record.ProbeDNS {
		if _, err := workload.Open(e.Database, ""); err != nil {
			return empty{}, err
		}
	}
	a.run(agent.ActivityProbe, e.Kind+" "+e.Name, func(ctx context.Context) {
		_ = workload.Watch(ctx, e, workload.LookupFunc(a.opts.Lookup), func(p record.Probe) { a.report(agent.NotifyProbe, p) })
	})
	return empty{}, nil
}

func (a *Agent) observe(_ context.Context, _ *session, o agent.Observe) (empty, error) {
	sampler, err := newSampler(o)
	if err != nil {
		return empty{}, err
	}
	a.run(agent.ActivityObserve, o.Node, func(ctx context.Context) {
		sampleLoop(ctx, o, sampler, func(s record.Sample) { a.report(agent.NotifySample, s) })
	})
	return empty{}, nil
}

// stopActivity ends an activity and returns after its last report was sent.
func (a *Agent) stopActivity(ctx context.Context, s *session, n name) (empty, error) {
	a.quiet(n.Name)
	s.flush(ctx)
	return empty{}, nil
}

// activity is something that runs until it is told to be quiet.
type activity struct {
	kind   string
	cancel context.CancelFunc
	done   chan struct{}
}

// run starts an activity, in place of one of the same kind and name.
func (a *Agent) run(kind, name string, f func(ctx context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	act := &activity{kind: kind, cancel: cancel, done: make(chan struct{})}
	key := kind + " " + name
	a.mu.Lock()
	old := a.tasks[key]
	a.tasks[key] = act
	a.mu.Unlock()
	if old != nil {
		old.end()
	}
	go func() {
		defer close(act.done)
		f(ctx)
	}()
}

// quietWithin bounds the end of an activity: its writes in flight have deadlines far below it.
const quietWithin = 10 * time.Second

func (t *activity) end() {
	t.cancel()
	select {
	case <-t.done:
	case <-time.After(quietWithin):
	}
}

func (a *Agent) quiet(kind string) {
	a.mu.Lock()
	var ending []*activity
	for key, t := range a.tasks {
		if kind == agent.ActivityAll || t.kind == kind {
			ending = append(ending, t)
			delete(a.tasks, key)
		}
	}
	a.mu.Unlock()
	for _, t := range ending {
		t.cancel()
	}
	for _, t := range ending {
		t.end()
	}
}

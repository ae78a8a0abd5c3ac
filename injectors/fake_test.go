package injectors

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
)

// fakeAgent keeps a node's processes and what is in force, as the real one does, and fails or stalls when told to.
type fakeAgent struct {
	name   string
	offset int64         // of its clock
	clock  *atomic.Int64 // ticks at every stamp, shared by all nodes

	mu       sync.Mutex
	running  map[string]bool
	inner    []string // processes that another one manages
	inForce  map[string][]string
	networks []agent.NetworkSpec
	calls    []string
	packets  int                       // what Inspect finds stopped, once something is in force
	knocks   int                       // exchanges it was asked for
	passes   func() bool               // whether a knock gets through to a closed port; nil: none does
	cannot   string                    // the reason why it can do nothing
	rows     map[string]agent.Rows     // answers to queries, by a part of the statement
	before   func(method string) error // called at the beginning of each deed
	within   func(ctx context.Context) // called in the middle of each deed
}

func (f *fakeAgent) Time(node int64) time.Duration { return time.Duration(node - f.offset) }

func (f *fakeAgent) stamp() int64 { return f.clock.Add(int64(time.Millisecond)) + f.offset }

// deed is the frame of all deeds: what was begun stays in force whatever its end.
func (f *fakeAgent) deed(ctx context.Context, method, fault string, do func() (string, error)) (agent.Stamp, error) {
	if f.before != nil {
		if err := f.before(method); err != nil {
			return agent.Stamp{}, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	f.mu.Lock()
	f.calls = append(f.calls, method+" "+fault)
	f.mu.Unlock()
	s := agent.Stamp{Began: f.stamp()}
	if f.within != nil && method != "inspect" { // a look may be interrupted
		f.within(ctx)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if method != "heal" && method != "inspect" {
		f.inForce[fault] = append(f.inForce[fault], method)
	}
	proof, err := do()
	s.Effective, s.Proof = f.stamp(), proof
	return s, err
}

// Do does what the promises of all faults are about: processes end, rules are in force but prove nothing by
// themselves; every other deed is done and seen at once.
func (f *fakeAgent) Do(ctx context.Context, fault string, d agent.Deed, _ time.Duration) (agent.Stamp, error) {
	switch d := d.(type) {
	case agent.KillSpec:
		return f.kill(ctx, fault, d)
	case agent.NetworkSpec:
		return f.deed(ctx, "network", fault, func() (string, error) {
			f.networks = append(f.networks, d)
			return "", nil
		})
	}
	return f.deed(ctx, d.Kind(), fault, func() (string, error) { return d.Kind() + " seen", nil })
}

func (f *fakeAgent) Can(context.Context, agent.Deed) (string, error) { return f.cannot, nil }

func (f *fakeAgent) Query(_ context.Context, q agent.Query) (agent.Rows, error) {
	for part, rows := range f.rows {
		if strings.Contains(q.SQL, part) {
			return rows, nil
		}
	}
	return agent.Rows{}, fmt.Errorf("%s: no answer to %s", f.name, q.SQL)
}

// Exchange is a knock: it makes a packet for the rules to stop.
func (f *fakeAgent) Exchange(context.Context, agent.Exchanges) ([]agent.Exchange, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.knocks++
	if f.passes != nil && f.passes() {
		return []agent.Exchange{{Outcome: agent.Refused}}, nil
	}
	return []agent.Exchange{{Outcome: agent.Silence}}, nil
}

func (f *fakeAgent) kill(ctx context.Context, fault string, k agent.KillSpec) (agent.Stamp, error) {
	return f.deed(ctx, "kill", fault, func() (string, error) {
		var gone []string
		for p, runs := range f.running {
			if runs && (len(k.Processes) == 0 || slices.Contains(k.Processes, p)) {
				f.running[p] = false
				gone = append(gone, p+" gone")
			}
		}
		for _, p := range k.Processes {
			if slices.Contains(f.inner, p) {
				gone = append(gone, p+" gone")
			}
		}
		if len(gone) == 0 && len(k.Processes) > 0 {
			return "", fmt.Errorf("%s: kill %s: it does not run", f.name, k.Processes)
		}
		return strings.Join(gone, "; "), nil
	})
}

func (f *fakeAgent) Inspect(ctx context.Context, fault string) (agent.Stamp, error) {
	return f.deed(ctx, "inspect", fault, func() (string, error) {
		if f.packets == 0 || len(f.inForce[fault]) == 0 {
			return "", nil
		}
		return fmt.Sprintf("%d packets stopped on input", f.packets), nil
	})
}

func (f *fakeAgent) Heal(ctx context.Context, fault string) (agent.Stamp, error) {
	return f.deed(ctx, "heal", fault, func() (string, error) {
		if slices.Contains(f.inForce[fault], "kill") {
			for p := range f.running {
				f.running[p] = true
			}
		}
		delete(f.inForce, fault)
		return "healed", nil
	})
}

func (f *fakeAgent) Processes(context.Context) ([]agent.ProcessState, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []agent.ProcessState
	for p, runs := range f.running {
		pid := 0
		if runs {
			pid = 7
		}
		out = append(out, agent.ProcessState{Name: p, PID: pid})
	}
	return out, nil
}

// did lists the deeds that the node was asked for, looks left out.
func (f *fakeAgent) did() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.calls), func(c string) bool { return strings.HasPrefix(c, "inspect") })
}

// world is a topology of fakes over a real recorder.
type world struct {
	t      *testing.T
	dir    string
	rec    *record.Recorder
	agents map[string]*fakeAgent
	nodes  []Node
	clock  atomic.Int64
	set    *Set
}

// newWorld has m1 and m2 in dc1, m3 and m4 in dc2, whose clocks differ by seconds.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), agents: map[string]*fakeAgent{}}
	var err error
	w.rec, err = record.Create(w.dir)
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.rec.Close() })
	for i, dc := range []string{"dc1", "dc1", "dc2", "dc2"} {
		name := fmt.Sprintf("m%d", i+1)
		a := &fakeAgent{
			name: name, offset: int64(i) * int64(7*time.Second), clock: &w.clock, packets: 3,
			running: map[string]bool{"mysqld": true}, inForce: map[string][]string{},
		}
		w.agents[name] = a
		w.nodes = append(w.nodes, Node{
			Name: name, Datacenter: dc, Address: fmt.Sprintf("198.18.0.%d", 11+i), Agent: a,
			Admin: agent.Database{Driver: "mysql", User: "root"}, Application: agent.Database{Driver: "mysql", User: "app", Name: "firedrill"},
		})
	}
	w.set = NewSet(Options{
		Nodes: w.nodes, Recorder: w.rec, Now: func() time.Duration { return time.Duration(w.clock.Add(int64(time.Millisecond))) },
		Budgets: Budgets{Proof: 50 * time.Millisecond},
	})
	return w
}

// steps reads faults.jsonl as another process would.
func (w *world) steps() []record.FaultStep {
	w.t.Helper()
	require.NoError(w.t, w.rec.WriteManifest(record.Manifest{}))
	run, err := record.Load(w.dir)
	require.NoError(w.t, err)
	return run.Faults
}

func states(steps []record.FaultStep) []record.FaultState {
	var out []record.FaultState
	for _, s := range steps {
		out = append(out, s.State)
	}
	return out
}

// inForce is everything that is broken anywhere.
func (w *world) inForce() []string {
	var out []string
	for name, a := range w.agents {
		a.mu.Lock()
		for fault := range a.inForce {
			out = append(out, name+" "+fault)
		}
		for p, runs := range a.running {
			if !runs {
				out = append(out, name+" "+p+" is down")
			}
		}
		a.mu.Unlock()
	}
	slices.Sort(out)
	return out
}

func (w *world) inject(spec Spec) *Injection {
	w.t.Helper()
	i, err := w.set.Inject(w.t.Context(), spec)
	require.NoError(w.t, err)
	return i
}

package verifiers

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/record"
)

const (
	ms   = time.Millisecond
	tick = 10 * ms
)

// history builds a drill by hand: m1 (dc1) is the primary, m2 (dc1) and m3 (dc2) are replicas, an application writes
// from both datacenters, and the fault strikes at 5 s.
type history struct {
	record.Run
	id int64
}

func newHistory() *history {
	h := &history{}
	h.Manifest = record.Manifest{
		Primary: "m1",
		Nodes: []record.Node{
			{Name: "m1", Component: "mysql", Datacenter: "dc1"}, {Name: "m2", Component: "mysql", Datacenter: "dc1"},
			{Name: "m3", Component: "mysql", Datacenter: "dc2"}, {Name: "app1", Component: "application", Datacenter: "dc1"},
			{Name: "app2", Component: "application", Datacenter: "dc2"},
		},
		Workload:  record.Workload{Endpoint: "db.shop.test", Tick: tick, Deadline: 200 * ms, Vantages: []string{"dc1", "dc2"}},
		Ended:     15 * time.Second,
		Completed: true,
	}
	return h
}

// answer is what becomes of a write that begins at t: who acknowledges it and after how long. No server: it gets no
// answer by its deadline.
type answer func(t time.Duration) (server string, after time.Duration)

// serving answers from one server, and from nobody in the spans.
func serving(server string, but ...span) answer {
	return func(t time.Duration) (string, time.Duration) {
		for _, s := range but {
			if t >= s.From && t < s.To {
				return "", 0
			}
		}
		return server, 2 * ms
	}
}

// writes lets an application write in an open loop.
func (h *history) writes(vantage string, from, to time.Duration, a answer) *history {
	for t := from; t < to; t += tick {
		server, after := a(t)
		op := record.Op{ID: h.id, Vantage: vantage, Node: "app" + vantage[2:], Due: t, Start: t, End: t + 200*ms, Outcome: record.Indeterminate}
		if server != "" && after <= 200*ms {
			op.End, op.Outcome, op.Server = t+after, record.Acked, server
		}
		h.id++
		h.Ops = append(h.Ops, op)
	}
	return h
}

// state is what a node says of itself at t.
type state func(t time.Duration) record.Sample

func primary(time.Duration) record.Sample {
	return record.Sample{Alive: true, Role: record.RolePrimary, Writable: true}
}

func replicaOf(source string) state {
	return func(time.Duration) record.Sample {
		return record.Sample{Alive: true, Role: record.RoleReplica, Source: source, Replicating: true}
	}
}

func dead(time.Duration) record.Sample { return record.Sample{Err: "connection refused"} }

// samples looks at a node every 100 ms.
func (h *history) samples(node string, from, to time.Duration, s state) *history {
	for t := from; t < to; t += 100 * ms {
		x := s(t)
		x.Node, x.Asked, x.T = node, t, t+ms
		h.Samples = append(h.Samples, x)
	}
	return h
}

// unsample forgets what was seen of a node.
func (h *history) unsample(node string, in span) *history {
	h.Samples = slices.DeleteFunc(h.Samples, func(s record.Sample) bool {
		return s.Node == node && s.T >= in.From && s.T < in.To
	})
	return h
}

// probes looks at the endpoint every 100 ms.
func (h *history) probes(vantage string, from, to time.Duration, answer string) *history {
	for t := from; t < to; t += 100 * ms {
		h.Probes = append(h.Probes, record.Probe{Asked: t, T: t + ms, Vantage: vantage, Endpoint: "db.shop.test",
			Kind: record.ProbeDNS, Via: "ns-" + vantage, Answer: answer, TTL: 1})
	}
	return h
}

// fault strikes and is healed; a heal at 0 never comes.
func (h *history) fault(name, target string, at, heal time.Duration) *history {
	step := record.FaultStep{ID: name + "@" + target, Name: name, Targets: []string{target}}
	add := func(state record.FaultState, t time.Duration, proof string) {
		s := step
		s.State, s.T, s.Began, s.Effective, s.Proof = state, t, t-2*ms, t, proof
		h.Faults = append(h.Faults, s)
	}
	add(record.FaultInjecting, at-3*ms, "")
	add(record.FaultActive, at, "seen")
	if heal > 0 {
		add(record.FaultHealed, heal, "gone")
	}
	return h
}

func (h *history) event(t time.Duration, kind, node, msg string, attrs ...string) *history {
	e := record.Event{T: t, Kind: kind, Node: node, Msg: msg, Attrs: map[string]string{}}
	for i := 0; i+1 < len(attrs); i += 2 {
		e.Attrs[attrs[i]] = attrs[i+1]
	}
	h.Events = append(h.Events, e)
	return h
}

func (h *history) expect(text, verifier, params string, at time.Duration) *history {
	h.Manifest.Expectations = append(h.Manifest.Expectations,
		record.Expectation{Text: text, Verifier: verifier, Params: json.RawMessage(params), At: at})
	return h
}

// final reads the rows of the surviving primary: every acknowledged write, but for the lost ones.
func (h *history) final(primary string, lost func(record.Op) bool) *history {
	h.Rows = nil
	for _, op := range h.Ops {
		if op.Outcome == record.Acked && (lost == nil || !lost(op)) {
			h.Rows = append(h.Rows, record.Row{ID: op.ID, Attempt: op.Attempt, Server: op.Server})
		}
	}
	h.Manifest.Final = &record.Final{Primary: primary, ReadAt: h.Manifest.Ended, WaitedFor: "replay", Complete: true, RowCount: len(h.Rows)}
	for _, n := range []string{"m1", "m2", "m3"} {
		s := record.NodeState{Node: n, Reachable: true, Role: record.RoleReplica, Source: primary, Replicating: true}
		if n == primary {
			s = record.NodeState{Node: n, Reachable: true, Role: record.RolePrimary, Writable: true}
		}
		h.Manifest.Final.Nodes = append(h.Manifest.Final.Nodes, s)
	}
	return h
}

// truncated is a drill whose program was killed at t: nothing later is on record.
func (h *history) truncated(t time.Duration) *history {
	h.Ops = slices.DeleteFunc(h.Ops, func(o record.Op) bool { return o.End > t })
	h.Samples = slices.DeleteFunc(h.Samples, func(s record.Sample) bool { return s.T > t })
	h.Probes = slices.DeleteFunc(h.Probes, func(p record.Probe) bool { return p.T > t })
	h.Events = slices.DeleteFunc(h.Events, func(e record.Event) bool { return e.T > t })
	h.Faults = slices.DeleteFunc(h.Faults, func(f record.FaultStep) bool { return f.T > t })
	h.Rows, h.Manifest.Final, h.Manifest.Completed = nil, nil, false
	h.Truncated = []string{record.OpsFile}
	return h
}

const (
	struckAt = 5 * time.Second
	promoted = 6500 * ms
	flipped  = 6800 * ms
	recover2 = 7 * time.Second
	healedAt = 9 * time.Second
	rejoined = 10 * time.Second
	end      = 15 * time.Second
)

// bare is the failover without the application's writes, which a test adds in its own way.
func bare() *history {
	h := newHistory().fault("process.kill", "m1", struckAt, healedAt)
	h.event(0, record.KindPhase, "", "baseline").event(end, record.KindPhase, "", "drain")
	h.event(5800*ms, record.KindDetected, "m1", "DeadMaster").event(6*time.Second, record.KindPromotionStarted, "m2", "")
	h.event(promoted+40*ms, record.KindPromoted, "m2", "recovery 1").event(6600*ms, record.KindHook, "", "", "name", "post-failover", "exit", "0")
	h.samples("m1", 0, struckAt, primary).samples("m1", struckAt, rejoined, dead).samples("m1", rejoined, end, replicaOf("m2"))
	h.samples("m2", 0, promoted, replicaOf("m1")).samples("m2", promoted, end, primary)
	h.samples("m3", 0, 6600*ms, replicaOf("m1")).samples("m3", 6600*ms, end, replicaOf("m2"))
	for _, v := range []string{"dc1", "dc2"} {
		h.probes(v, 0, flipped, "m1").probes(v, flipped, end, "m2")
	}
	return h
}

// failover is a clean one: m1 is killed at 5 s, m2 is promoted at 6.5 s, writes are back at 7 s, m1 is healed at 9 s
// and replicates again from 10 s on.
func failover() *history {
	h := bare()
	for _, v := range []string{"dc1", "dc2"} {
		h.writes(v, 0, struckAt, serving("m1"))
		h.writes(v, struckAt, end, serving("m2", span{struckAt, recover2}))
	}
	return h.final("m2", nil)
}

// run is the record in order of time.
func (h *history) run() *record.Run { h.Sort(); return &h.Run }

// verifyWith runs one verifier as a step would.
func verifyWith(t *testing.T, h *history, name, params string) Result {
	t.Helper()
	return verifyAt(t, h, name, params, struckAt+100*ms)
}

func verifyAt(t *testing.T, h *history, name, params string, at time.Duration) Result {
	t.Helper()
	v, err := New(record.Expectation{Verifier: name, Params: json.RawMessage(params), At: at})
	require.NoError(t, err)
	r := v.Verify(h.run())
	require.NotEmpty(t, r.Want)
	if r.Status != record.Passed {
		require.NotEmpty(t, r.Got+r.Note, "a verdict that is no pass says why")
	}
	return r
}

// scenario is a row of a verifier's table: a history, an expectation, a verdict.
type scenario struct {
	name   string
	given  *history
	params string
	want   record.Verdict
	says   string // in Got or Note
}

func check(t *testing.T, verifier string, all []scenario) {
	t.Helper()
	for _, s := range all {
		t.Run(s.name, func(t *testing.T) {
			r := verifyWith(t, s.given, verifier, s.params)
			require.Equal(t, s.want, r.Status, "got %q, note %q", r.Got, r.Note)
			require.Contains(t, r.Got+" | "+r.Note, s.says)
		})
	}
}

package scenarios_test

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
	"github.com/firedrill/firedrill/scenarios"
	"github.com/firedrill/firedrill/verifiers"
)

// benchDir is where `make bench` keeps its figures; without it nothing is measured.
func benchDir(t *testing.T) string {
	dir := os.Getenv("FIREDRILL_BENCH")
	if dir == "" {
		t.Skip("figures are `make bench`'s: FIREDRILL_BENCH is not set")
	}
	return dir
}

type standUp struct {
	Topology string  `json:"topology"`
	Nodes    int     `json:"nodes"`
	ReadyS   float64 `json:"ready_s"` // from the start of up until the application's writes are acknowledged everywhere
	DownS    float64 `json:"down_s"`
	MemoryMB float64 `json:"memory_mb"` // of its processes when it stood, without what is only a cache of files
	HostMB   float64 `json:"host_mb"`   // that the host had less to give away then, with the engine's part and all else
	Load     string  `json:"load"`      // of the host before it: what else it had to do
}

// available is the memory that this host has to give away, in MB; not a number where the engine is elsewhere.
func available() float64 {
	data, err := os.ReadFile("/proc/meminfo")
	if err != nil || !strings.Contains(cmp.Or(os.Getenv("DOCKER_HOST"), "unix://"), "unix://") {
		return math.NaN()
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "MemAvailable:"); ok {
			kb, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
			return kb / 1024
		}
	}
	return math.NaN()
}

// memory is what the processes of a topology hold, in MB, as each node tells it: their own pages and shared memory.
func memory(t *testing.T, d *scenarios.Drill) float64 {
	t.Helper()
	var kb float64
	for _, n := range d.Nodes() {
		// A process may be gone by the time that it is looked at, which is no failure.
		out, err := n.Agent.Exec(t.Context(), agent.Command{Argv: []string{"sh", "-c", `cat /proc/[0-9]*/status 2>/dev/null || true`}})
		require.NoError(t, err)
		for line := range strings.Lines(out.Stdout) {
			key, rest, _ := strings.Cut(line, ":")
			if key == "RssAnon" || key == "RssShmem" {
				one, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
				require.NoError(t, err, line)
				kb += one
			}
		}
	}
	return kb / 1024
}

// loadBefore is how busy this host has been in the last minute, as `uptime` says it.
func loadBefore() string {
	data, _ := os.ReadFile("/proc/loadavg") // empty: not known here
	load, _, _ := strings.Cut(string(data), " ")
	return load
}

// TestBenchStandUp measures how long a topology takes to stand, steady and written to, and to be gone.
func TestBenchStandUp(t *testing.T) {
	dir := benchDir(t)
	var figures []standUp
	for _, b := range scenarios.Kinds() {
		for i := range 3 {
			t.Run(fmt.Sprintf("%s-%d", b.Name, i+1), func(t *testing.T) { figures = append(figures, benchStandUp(t, b.Name, 100)) })
		}
	}
	require.NoError(t, record.WriteJSON(filepath.Join(dir, "standup.json"), figures))
}

// sizes are of raft in three datacenters, with 4, 8, 16 and 24 servers.
var sizes = []string{"mysql-raft", "mysql-raft-8", "mysql-raft-16", "mysql-raft-24"}

// scaleRate is what the application writes in each datacenter: the replicas of one machine apply each row of three of
// them 24 times.
const scaleRate = 5

// TestBenchScale measures the same of topologies that grow.
func TestBenchScale(t *testing.T) {
	dir := benchDir(t)
	var figures []standUp
	for _, topology := range sizes {
		t.Run(topology, func(t *testing.T) { figures = append(figures, benchStandUp(t, topology, scaleRate)) })
	}
	require.NoError(t, record.WriteJSON(filepath.Join(dir, "scale.json"), figures))
}

func benchStandUp(t *testing.T, topology string, rate int) standUp {
	t.Helper()
	run := scenarios.NewTestRun(t)
	d, err := run.Drill(scenarios.Scenario{ID: "standup", Name: t.Name(), Topology: topology})
	require.NoError(t, err)
	require.NoError(t, d.Load(rate, ""))
	load, before := loadBefore(), available()
	err = d.Begun(t.Context())
	after := available()
	held := 0.0
	if err == nil && d.Stands() {
		held = memory(t, d)
	}
	_, finishErr := d.Finish(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, finishErr)
	if d.NotDrilled() != "" {
		t.Skip(d.NotDrilled())
	}
	f := phaseTimes(t, d.Dir())
	f.Topology, f.Nodes, f.Load, f.MemoryMB = topology, len(d.Nodes()), load, held
	if taken := before - after; !math.IsNaN(taken) { // which JSON does not have
		f.HostMB = taken
	}
	t.Logf("%s, %d nodes: ready after %.1f s, gone after %.1f s, %.0f MB, %.0f MB of the host; load before %s",
		f.Topology, f.Nodes, f.ReadyS, f.DownS, f.MemoryMB, f.HostMB, f.Load)
	return f
}

func phaseTimes(t *testing.T, dir string) standUp {
	t.Helper()
	run, err := record.Load(dir)
	require.NoError(t, err)
	at := map[string]time.Duration{}
	for _, e := range run.Events {
		if e.Kind == record.KindPhase {
			at[e.Msg] = e.T
		}
	}
	ready := at["baseline"]
	for _, vantage := range run.Manifest.Workload.Vantages {
		for _, o := range run.Ops {
			if o.Vantage == vantage && o.Outcome == record.Acked {
				ready = max(ready, o.End)
				break
			}
		}
	}
	return standUp{ReadyS: (ready - at["up"]).Seconds(), DownS: (at["gone"] - at["down"]).Seconds()}
}

// outage is one known outage and what was measured of it.
type outage struct {
	Kind       string  `json:"kind"`
	KnownMS    float64 `json:"known_ms"`    // between the agent's own stamps of the cut and of its end
	MeasuredMS float64 `json:"measured_ms"` // the report's RTO, of the vantage that fared worst
	ErrorMS    float64 `json:"error_ms"`    // measured minus known
	StatedMS   float64 `json:"stated_ms"`   // the error that the report states
	Note       string  `json:"note,omitempty"`
}

// TestBenchRTOError measures the error of the recovery time against known outages, with no failover manager at work.
func TestBenchRTOError(t *testing.T) {
	dir := benchDir(t)
	run := scenarios.NewTestRun(t)
	d, err := run.Drill(scenarios.Scenario{ID: "rto-error", Name: t.Name(), Topology: "mysql-3"})
	require.NoError(t, err)
	defer func() { _, _ = d.Finish(context.WithoutCancel(t.Context()), nil) }()
	require.NoError(t, d.Load(100, ""))
	require.NoError(t, d.Begun(t.Context()))
	if d.NotDrilled() != "" {
		t.Skip(d.NotDrilled())
	}
	for _, o := range harness.ByComponent(d.Nodes(), harness.Orchestrator) {
		require.NoError(t, o.Agent.Stop(t.Context(), "orchestrator"))
	}
	var cuts []cut
	for _, kind := range []string{"dropped", "refused", "frozen"} {
		for _, length := range []time.Duration{time.Second, 3 * time.Second} {
			for range 10 {
				cuts = append(cuts, hold(t, d, kind, length, len(cuts)))
			}
		}
	}
	_, err = d.Finish(t.Context(), nil)
	require.NoError(t, err)
	recorded, err := record.Load(d.Dir())
	require.NoError(t, err)
	var figures []outage
	for _, c := range cuts {
		figures = append(figures, c.measure(t, recorded))
	}
	require.NoError(t, record.WriteJSON(filepath.Join(dir, "rto.json"), figures))
	summarize(t, figures)
}

type cut struct {
	kind     string
	target   string
	down, up time.Duration // when it took effect, when it was lifted
	began    time.Duration
}

// settleBetween separates outages, so that none meets the wake of the one before.
const settleBetween = 1700 * time.Millisecond

// hold makes one outage of a known length on the primary's node, timed by that node's agent.
func hold(t *testing.T, d *scenarios.Drill, kind string, length time.Duration, n int) cut {
	t.Helper()
	ctx := t.Context()
	primary, err := d.Select(ctx, `node "m1"`) // nobody is left to move the role
	require.NoError(t, err)
	m := primary[0]
	// The phase against the writers' tick differs from one outage to the next.
	require.NoError(t, wait.Hold(ctx, settleBetween+time.Duration(n*7%10)*time.Millisecond))
	fault := "bench" + strconv.Itoa(n)
	var down, up agent.Stamp
	if kind == "frozen" {
		down, err = m.Agent.Do(ctx, fault, agent.FreezeSpec{Processes: []string{"mysqld"}}, 0)
	} else {
		spec := agent.NetworkSpec{Action: map[string]string{"dropped": agent.Drop, "refused": agent.Refuse}[kind]}
		for _, a := range harness.ByComponent(d.Nodes(), harness.Application) {
			spec.Peers = append(spec.Peers, a.Address)
		}
		down, err = m.Agent.Do(ctx, fault, spec, 0)
	}
	require.NoError(t, err)
	require.NoError(t, wait.Hold(ctx, length-time.Duration(agent.Monotonic()-down.Effective)))
	up, err = m.Agent.Heal(ctx, fault)
	require.NoError(t, err)
	return cut{
		kind: fmt.Sprintf("%s %s", kind, length), target: m.Name,
		began: m.Agent.Time(down.Began), down: m.Agent.Time(down.Effective), up: m.Agent.Time(up.Began),
	}
}

// measure has the verifiers judge the stretch of the record around one outage, as they would judge a drill.
func (c cut) measure(t *testing.T, run *record.Run) outage {
	t.Helper()
	from, to := c.down-time.Second, c.up+time.Second
	one := &record.Run{Manifest: run.Manifest}
	one.Manifest.Ended, one.Manifest.Expectations = to, nil
	for _, o := range run.Ops {
		if o.Start >= from && o.Start <= to {
			one.Ops = append(one.Ops, o)
		}
	}
	one.Events = []record.Event{{T: from, Kind: record.KindPhase, Msg: "baseline"}, {T: to, Kind: record.KindPhase, Msg: "drain"}}
	targets := []string{c.target}
	one.Faults = []record.FaultStep{
		{T: c.began, ID: "f1", Name: "bench", Targets: targets, State: record.FaultInjecting},
		{T: c.down, ID: "f1", Name: "bench", Targets: targets, State: record.FaultActive, Began: c.began, Effective: c.down, Proof: "timed"},
	}
	figure := outage{Kind: c.kind, KnownMS: record.MS(c.up - c.down)}
	j := verifiers.Judge(one)
	if j.RTO == nil || j.RTO.ValueMS == nil {
		figure.Note = "not told"
		if j.RTO != nil {
			figure.Note = j.RTO.Note
		}
		figure.MeasuredMS, figure.ErrorMS = -1, 9999 // JSON has no NaN
		return figure
	}
	figure.MeasuredMS, figure.StatedMS, figure.Note = *j.RTO.ValueMS, j.RTO.ErrorMS, j.RTO.Note
	figure.ErrorMS = figure.MeasuredMS - figure.KnownMS
	return figure
}

// within is what the recovery time may be off by, in 9 of 10 outages.
var within = map[string]float64{"dropped": 20, "refused": 20, "frozen": 50}

func summarize(t *testing.T, figures []outage) {
	t.Helper()
	byKind := map[string][]outage{}
	for _, f := range figures {
		byKind[f.Kind] = append(byKind[f.Kind], f)
		t.Logf("%-12s known %8.1f ms  measured %8.1f ms  error %+6.1f ms  stated +/- %.1f ms %s", f.Kind, f.KnownMS, f.MeasuredMS, f.ErrorMS, f.StatedMS, f.Note)
	}
	var kinds []string
	for k := range byKind {
		kinds = append(kinds, k)
	}
	sort.Strings(kinds)
	for _, k := range kinds {
		var errs []float64
		good := 0
		var name string
		_, _ = fmt.Sscan(k, &name)
		for _, f := range byKind[k] {
			errs = append(errs, f.ErrorMS)
			if math.Abs(f.ErrorMS) <= within[name] {
				good++
			}
		}
		sort.Float64s(errs)
		t.Logf("%-12s error from %+.1f to %+.1f ms, median %+.1f ms; %d of %d within %.0f ms", k, errs[0], errs[len(errs)-1], errs[len(errs)/2], good, len(errs), within[name])
	}
}

package scenarios_test

import (
	"math/rand/v2"
	"os"
	"sort"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/injectors"
	"github.com/firedrill/firedrill/reports"
	"github.com/firedrill/firedrill/scenarios"
)

// roundsVariable says how many faults TestRounds injects and heals; `make drill-all` asks for a thousand.
const roundsVariable = "FIREDRILL_ROUNDS"

const roundsByDefault = 25

// stroke is a fault that a live topology bears for a moment.
type stroke struct {
	name, target string
	params       any
}

// needy are strokes that need a server that answers, or is written to, so that they are injected alone.
var needy = []stroke{
	{"resource.connections", `node "m3"`, nil},
	{"replication.stopped", `node "m2"`, nil},
	{"database.lock", `node "m3"`, nil},
	{"disk.slow", `node "m2"`, injectors.DiskSlowParams{WriteMS: 5, SyncMS: 20}},
	{"clock.jump", `node "m3"`, injectors.ClockJumpParams{ByMS: 60_000}},
	{"dns.server", ``, injectors.DNSParams{DelayMS: 50}},
}

// strokes are those that can be in force two at a time, on the same node too.
var strokes = []stroke{
	{"process.freeze", `node "m2"`, injectors.FreezeParams{Process: "mysqld"}},
	{"process.freeze", `the Orchestrator leader`, injectors.FreezeParams{Process: "orchestrator"}},
	{"net.partition", `node "m2"`, injectors.PartitionParams{Peers: []string{"m1", "m3"}}},
	{"net.partition", `node "m3"`, injectors.PartitionParams{Peers: []string{"m1"}, Ports: []uint16{3306}, Direction: injectors.OneWay, Action: "refuse"}},
	{"datacenter.isolation", `datacenter "dc2"`, injectors.IsolationParams{Datacenter: "dc2"}},
	{"net.latency", `node "m2"`, injectors.LatencyParams{LatencyMS: 30, JitterMS: 10}},
	{"net.loss", `node "m3"`, injectors.LossParams{Percent: 40}},
	{"net.bandwidth", `node "m2"`, injectors.BandwidthParams{KilobitsPerSecond: 100}},
	{"net.mtu", `node "m3"`, injectors.MTUParams{LargerThan: 200}},
	{"net.ring", `nodes "m1, m2, m3, o1"`, nil},
	{"dns.blocked", `the application`, nil},
	{"dns.api", ``, injectors.APIParams{Mode: "500"}},
	{"hook", ``, injectors.HookParams{Name: "orchestrator-post-failover", Mode: "fails"}},
	{"host.paused", `node "m3"`, nil},
	{"resource.cpu", `node "m2"`, injectors.CPUParams{Share: 20}},
}

// TestRounds injects and heals faults on a live, written-to topology, picked by a seed, up to two in force at a time,
// and finds every node as it was at the end.
func TestRounds(t *testing.T) {
	if testing.Short() {
		t.Skip("a topology is needed: not under -short")
	}
	rounds := roundsByDefault
	if s := os.Getenv(roundsVariable); s != "" {
		var err error
		rounds, err = strconv.Atoi(s)
		require.NoError(t, err, roundsVariable)
	}
	run := scenarios.NewTestRun(t)
	d, err := run.Drill(scenarios.Scenario{ID: "rounds", Name: t.Name(), Topology: "mysql-3"})
	require.NoError(t, err)
	finished := false
	defer func() {
		if !finished {
			_, _ = d.Finish(t.Context(), nil)
		}
	}()
	require.NoError(t, d.Fit(harness.FitVolume, harness.FitMemory, harness.FitShim))
	require.NoError(t, d.Load(50, ""))
	require.NoError(t, d.Begun(t.Context()))
	if d.NotDrilled() != "" {
		t.Skip(d.NotDrilled())
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("%d rounds, seed %d", rounds, seed)
	pick := rand.New(rand.NewPCG(seed, 0))
	began := time.Now()
	for range rounds {
		for _, s := range together(pick) {
			require.NoError(t, d.Inject(t.Context(), s.name+" on "+s.target, s.name, s.target, s.params))
			require.Empty(t, d.NotDrilled())
		}
		require.NoError(t, d.HealAll(t.Context()))
	}
	took := time.Since(began)
	_, err = d.Finish(t.Context(), nil)
	finished = true
	require.NoError(t, err)
	recorded, err := record.Load(d.Dir())
	require.NoError(t, err)
	require.Empty(t, recorded.Manifest.Residue, "the nodes are as they were")
	lives := map[string][]record.FaultStep{}
	for _, s := range recorded.Faults {
		lives[s.ID] = append(lives[s.ID], s)
	}
	unproven := map[string]int{}
	for id, steps := range lives {
		last := steps[len(steps)-1]
		require.Equal(t, record.FaultHealed, last.State, "%s %s", id, last.Name)
		require.NotEmpty(t, last.Proof, "%s %s", id, last.Name)
		if steps[1].Proof == "" {
			unproven[last.Name]++
		}
	}
	require.Empty(t, unproven, "every fault left a proof of its effect")
	t.Logf("%d faults injected and healed in %s, nothing left behind; %s", len(lives), took.Round(time.Second), brackets(lives))
}

// together picks what is in force at a time: one stroke, two, or a needy one.
func together(pick *rand.Rand) []stroke {
	if pick.IntN(4) == 0 {
		return []stroke{needy[pick.IntN(len(needy))]}
	}
	var out []stroke
	for _, i := range pick.Perm(len(strokes))[:1+pick.IntN(2)] {
		out = append(out, strokes[i])
	}
	return out
}

// brackets says how exactly the deeds were timed.
func brackets(lives map[string][]record.FaultStep) string {
	var all []time.Duration
	for _, steps := range lives {
		all = append(all, steps[1].Effective-steps[1].Began)
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	return "bracket of the injection: median " + all[len(all)/2].Round(time.Microsecond).String() + ", at most " + all[len(all)-1].Round(time.Microsecond).String()
}

// What nobody heals is found by the sweep: here a rule that no fault of the drill accounts for.
func TestResidueIsFound(t *testing.T) {
	if testing.Short() {
		t.Skip("a topology is needed: not under -short")
	}
	run := scenarios.NewTestRun(t)
	d, err := run.Drill(scenarios.Scenario{ID: "residue", Name: t.Name(), Topology: "mysql-3"})
	require.NoError(t, err)
	require.NoError(t, d.Begun(t.Context()))
	if d.NotDrilled() != "" {
		_, _ = d.Finish(t.Context(), nil)
		t.Skip(d.NotDrilled())
	}
	nodes, err := d.Select(t.Context(), `node "m2"`)
	require.NoError(t, err)
	_, err = nodes[0].Agent.Do(t.Context(), "stray", agent.NetworkSpec{Peers: []string{"192.0.2.1"}}, 0)
	require.NoError(t, err)
	_, err = d.Finish(t.Context(), nil)
	require.NoError(t, err)
	recorded, err := record.Load(d.Dir())
	require.NoError(t, err)
	require.Equal(t, []string{
		"m2: faults in force: stray: network (not before the drill)",
		"m2: network rules: table firedrill_stray (family 1) (not before the drill)",
	}, recorded.Manifest.Residue)
	report, err := run.Finish()
	require.NoError(t, err)
	require.Equal(t, reports.ExitResidue, reports.ExitCode(report))
}

package scenarios

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
)

func TestWhatOnlyMySQLKnowsIsRefusedElsewhere(t *testing.T) {
	d := &Drill{run: &Run{Config: Config{Catalogue: Kinds()}}, settings: harness.Settings{}}
	assert.ErrorContains(t, d.PromotionRule("m2", "prefer"), "name the topology first")
	require.NoError(t, d.Topology("patroni-3"))
	assert.EqualError(t, d.PromotionRule("p2", "prefer"), "set p2/promotion_rule: topologies of patroni do not have this; those of mysql do")
	require.NoError(t, d.Topology("mysql-3"))
	assert.EqualError(t, d.PromotionRule("m2", "must"), `promotion rule "must": there are: prefer, neutral, prefer_not, must_not`)
	require.NoError(t, d.PromotionRule("m2", "prefer"))
	require.NoError(t, d.ReplicatesFrom("m3", "m2"))
	assert.Equal(t, harness.Settings{"m2": {"promotion_rule": "prefer"}, "m3": {"source": "m2"}}, d.settings)
}

func TestABlockedFailoverIsRemembered(t *testing.T) {
	d := &Drill{tracker: &tracker{blocked: []string{"recovery of m2 (DeadMaster) is blocked by recovery 1: anti-flapping"}}}
	got, err := FailoverBlocked()(t.Context(), d)
	require.NoError(t, err)
	assert.Equal(t, finding{Flapping, d.tracker.blocked[0]}, got)
	got, err = FailoverBlocked()(t.Context(), &Drill{tracker: &tracker{}})
	require.NoError(t, err)
	assert.Equal(t, "not blocked", got.value)
}

func TestWhatTheManagerMadeOfARecovery(t *testing.T) {
	d := recording(t, &operated{})
	look := func() string {
		got, err := Verdict()(t.Context(), d)
		require.NoError(t, err)
		return got.value
	}
	assert.Equal(t, "none", look())
	for successful, want := range map[string]string{"true": CalledSuccess, "false": CalledFailure} {
		d.tracker.Event(record.Event{Kind: record.KindManager, Attrs: map[string]string{"successful": successful}})
		assert.Equal(t, want, look())
	}
}

// operated is a topology of which something is asked.
type operated struct {
	harness.Topology
	asked []string
	err   error
}

func (o *operated) Operate(_ context.Context, verb string, args ...string) error {
	o.asked = append(o.asked, verb+" "+strings.Join(args, " "))
	return o.err
}

// recording is a drill on a topology, with three databases, whose record is kept.
func recording(t *testing.T, topology harness.Topology) *Drill {
	t.Helper()
	rec, err := record.Create(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, rec.Close()) })
	d := &Drill{run: &Run{}, rec: rec, tracker: newTracker(rec), topology: topology, epoch: agent.Monotonic()}
	for _, name := range []string{"m1", "m2", "m3"} {
		d.nodes = append(d.nodes, &harness.Node{Name: name})
	}
	return d
}

func TestAnOperatorWhoIsRefused(t *testing.T) {
	topology := &operated{err: errors.New("no candidate")}
	d := recording(t, topology)
	got, err := Refusal("the step", "switchover", "m2")(t.Context(), d)
	require.NoError(t, err)
	assert.Contains(t, got.value, "no candidate")
	assert.NotZero(t, d.firstFault, "what was asked may have done half of it")
	topology.err = nil
	got, err = Refusal("the step", "switchover", "m2")(t.Context(), d)
	require.NoError(t, err)
	assert.Equal(t, done, got.value)
	assert.Equal(t, []string{"switchover m2", "switchover m2"}, topology.asked)
}

func TestARelocationIsNoFault(t *testing.T) {
	topology := &operated{}
	d := recording(t, topology)
	require.NoError(t, d.Relocate(t.Context(), "", `nodes "m2, m3"`, `node "m1"`))
	assert.Equal(t, []string{"relocate m1 m2 m3"}, topology.asked)
	assert.Zero(t, d.firstFault)
	assert.ErrorContains(t, d.Relocate(t.Context(), "", `node "m3"`, `nodes "m1, m2"`), "a server replicates from one")
}

func TestADetachedReplicaNamesItsSourceOnly(t *testing.T) {
	d := recording(t, &operated{})
	look := func(source string, alive bool) string {
		d.tracker.Sample(record.Sample{Node: "m2", T: d.now(), Alive: alive, Source: source})
		got, err := Attachment(`node "m2"`)(t.Context(), d)
		require.NoError(t, err)
		return got.value
	}
	assert.Equal(t, Detached, look("//m1", true))
	assert.Equal(t, Attached, look("m1", true))
	assert.Equal(t, unknown, look("//m1", false), "it may have said so before it died")
}

package mysql

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/record"
)

// scripted is an Orchestrator whose state a test sets.
type scripted struct {
	Orchestrator
	follows    bool
	err        error
	analyses   []Analysis
	recoveries []Recovery
	steps      map[string][]Step
	blocked    []Blocked
	clusters   []Cluster
}

func (s *scripted) Leads(context.Context) (bool, error)               { return !s.follows && s.err == nil, s.err }
func (s *scripted) Analyses(context.Context) ([]Analysis, error)      { return s.analyses, s.err }
func (s *scripted) Recoveries(context.Context) ([]Recovery, error)    { return s.recoveries, s.err }
func (s *scripted) Blocked(context.Context) ([]Blocked, error)        { return s.blocked, s.err }
func (s *scripted) Clusters(context.Context) ([]Cluster, error)       { return s.clusters, s.err }
func (s *scripted) Steps(_ context.Context, u string) ([]Step, error) { return s.steps[u], s.err }

type events []record.Event

func (e *events) Op(record.Op)          {}
func (e *events) Sample(record.Sample)  {}
func (e *events) Probe(record.Probe)    {}
func (e *events) Event(ev record.Event) { *e = append(*e, ev) }

// take returns kind, node and message of what was reported since the last call.
func (e *events) take() []string {
	var out []string
	for _, ev := range *e {
		out = append(out, ev.Kind+" "+ev.Node+": "+ev.Msg)
	}
	*e = nil
	return out
}

func watched(s *scripted) (*watcher, *events) {
	sink := &events{}
	t := &Topology{managers: []*managerNode{{Node: &harness.Node{Name: "o1"}, api: s}}}
	return &watcher{t: t, sink: sink, now: func() time.Duration { return time.Second }, problems: map[string]bool{}, blocked: map[string]bool{}, aliases: map[string]string{}}, sink
}

func on(node, analysis string) Analysis {
	return Analysis{AnalyzedInstanceKey: Instance{node, 3306}, Analysis: analysis}
}

func TestWatchTellsAFailover(t *testing.T) {
	s := &scripted{steps: map[string][]Step{}, recoveries: []Recovery{{ID: 1, UID: "old", AnalysisEntry: on("m9", "DeadMaster")}}}
	w, sink := watched(s)
	w.look(t.Context())
	assert.Equal(t, []string{"manager o1: o1 leads"}, sink.take(), "a recovery of before the watch is old news")

	s.analyses = []Analysis{on("m1", "UnreachableMaster"), on("m2", "NoProblem")}
	w.look(t.Context())
	w.look(t.Context())
	assert.Equal(t, []string{"detected m1: UnreachableMaster"}, sink.take(), "once")

	s.analyses = []Analysis{on("m1", "DeadMaster")}
	began := Recovery{ID: 2, UID: "new", AnalysisEntry: on("m1", "DeadMaster")}
	s.recoveries = append([]Recovery{began}, s.recoveries...)
	s.steps["new"] = []Step{{ID: 5, Message: "Running 1 PreFailoverProcesses hooks"}}
	w.look(t.Context())
	assert.Equal(t, []string{"detected m1: DeadMaster", "manager m1: UnreachableMaster is over", "promotion_started m1: recovery of m1 began (DeadMaster)"}, sink.take())

	s.recoveries[0].SuccessorKey = &Instance{"m2", 3306}
	s.recoveries[0].IsSuccessful = true
	s.recoveries[0].RecoveryEndTimestamp = Timestamp{time.Now()}
	w.look(t.Context())
	assert.Equal(t, []string{"manager m1: m2 was chosen to succeed m1"}, sink.take(), "chosen is not writable")

	s.steps["new"] = append(s.steps["new"], Step{ID: 6, Message: "- RecoverDeadMaster: " + madeWritable})
	w.look(t.Context())
	w.look(t.Context())
	assert.Equal(t, []string{"manager m1: RecoverDeadMaster: " + madeWritable, "promoted m2: Orchestrator made m2 writable"}, sink.take())
}

func TestWatchTellsAFailureAndABlock(t *testing.T) {
	s := &scripted{steps: map[string][]Step{}}
	w, sink := watched(s)
	w.look(t.Context())
	sink.take()
	s.recoveries = []Recovery{{ID: 1, UID: "u", AnalysisEntry: on("m1", "DeadMaster"), RecoveryEndTimestamp: Timestamp{time.Now()}, AllErrors: []string{"no candidate"}}}
	s.blocked = []Blocked{{FailedInstanceKey: Instance{"m2", 3306}, Analysis: "DeadMaster", BlockingRecoveryID: 1}}
	for range 2 * blockedEvery {
		w.look(t.Context())
	}
	assert.Equal(t, []string{
		"promotion_started m1: recovery of m1 began (DeadMaster)",
		"manager m1: recovery of m1 was not successful",
		"manager m2: recovery of m2 (DeadMaster) is blocked by recovery 1: anti-flapping",
	}, sink.take())
}

func TestARecoveryThatGoesOnBlocksOnlyItself(t *testing.T) {
	s := &scripted{steps: map[string][]Step{}}
	w, sink := watched(s)
	w.look(t.Context())
	began := time.Now()
	s.recoveries = []Recovery{{ID: 1, UID: "u", AnalysisEntry: on("m1", "DeadMaster")}}
	s.blocked = []Blocked{{FailedInstanceKey: Instance{"m1", 3306}, Analysis: "DeadMaster", BlockingRecoveryID: 1, LastBlockedTimestamp: Timestamp{began}}}
	look := func() []string {
		sink.take()
		for range blockedEvery {
			w.look(t.Context())
		}
		return sink.take()
	}
	assert.Equal(t, []string{"promotion_started m1: recovery of m1 began (DeadMaster)"}, look())
	s.recoveries[0].RecoveryEndTimestamp = Timestamp{began.Add(time.Second)}
	assert.Equal(t, []string{"manager m1: recovery of m1 was not successful"}, look())
	s.blocked[0].LastBlockedTimestamp = Timestamp{began.Add(5 * time.Second)}
	assert.Equal(t, []string{"manager m1: recovery of m1 (DeadMaster) is blocked by recovery 1: anti-flapping"}, look())
}

func TestARecoveryWhoseOrchestratorDiedBlocksTheNext(t *testing.T) {
	recovery := Recovery{ID: 1, UID: "u", AnalysisEntry: on("m1", "DeadMaster")}
	blocked := []Blocked{{FailedInstanceKey: Instance{"m1", 3306}, Analysis: "DeadMaster", BlockingRecoveryID: 1}}
	one, two := &scripted{}, &scripted{follows: true}
	w, sink := watched(one)
	w.t.managers = append(w.t.managers, &managerNode{Node: &harness.Node{Name: "o2"}, api: two})
	look := func() []string {
		for range blockedEvery {
			w.look(t.Context())
		}
		return sink.take()
	}
	look()
	one.recoveries, one.blocked = []Recovery{recovery}, blocked
	assert.Equal(t, []string{"promotion_started m1: recovery of m1 began (DeadMaster)"}, look())
	one.err, two.follows = errors.New("connection refused"), false
	two.recoveries, two.blocked = []Recovery{recovery}, blocked
	assert.Contains(t, look(), "manager m1: recovery of m1 (DeadMaster) is blocked by recovery 1: anti-flapping")
}

func TestWatchTellsSilence(t *testing.T) {
	s := &scripted{}
	w, sink := watched(s)
	w.look(t.Context())
	sink.take()
	s.err = errors.New("connection refused")
	w.look(t.Context())
	w.look(t.Context())
	s.err = nil
	w.look(t.Context())
	assert.Equal(t, []string{"manager : connection refused", "manager o1: Orchestrator answers again"}, sink.take())
}

func TestAnIntermediatePrimaryIsNoPromotion(t *testing.T) {
	s := &scripted{}
	w, sink := watched(s)
	w.look(t.Context())
	sink.take()
	s.recoveries = []Recovery{{ID: 1, UID: "u", AnalysisEntry: on("m2", "DeadIntermediateMaster")}}
	w.look(t.Context())
	assert.Equal(t, []string{"manager m2: recovery of m2 began (DeadIntermediateMaster)"}, sink.take())
}

func TestWatchFollowsANewLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one := &scripted{analyses: []Analysis{on("m1", "UnreachableMaster")}}
		two := &scripted{follows: true}
		w, sink := watched(one)
		w.t.managers = append(w.t.managers, &managerNode{Node: &harness.Node{Name: "o2"}, api: two})
		look := func() []record.Event {
			w.look(t.Context())
			synctest.Wait() // an answer that was not waited for may still be on its way
			return *sink
		}
		assert.Equal(t, "o1", look()[1].Attrs["said_by"])
		assert.Equal(t, []string{"manager o1: o1 leads", "detected m1: UnreachableMaster"}, sink.take())
		one.err, two.follows = errors.New("connection refused"), false
		two.analyses = []Analysis{on("m1", "DeadMaster")}
		assert.Equal(t, "o2", look()[1].Attrs["said_by"])
		assert.Equal(t, []string{"manager o2: o2 leads", "detected m1: DeadMaster", "manager m1: UnreachableMaster is over"}, sink.take())
		two.follows = true
		assert.NotContains(t, look()[0].Attrs, "said_by", "nobody said it")
		assert.Equal(t, []string{"manager : no Orchestrator leads: o1: connection refused"}, sink.take())
	})
}

// hung is an Orchestrator that never answers.
type hung struct{ Orchestrator }

func (hung) Leads(ctx context.Context) (bool, error) { <-ctx.Done(); return false, ctx.Err() }

func TestAHungOrchestratorDoesNotHoldTheWatchUp(t *testing.T) {
	w, _ := watched(&scripted{})
	w.t.managers = append(w.t.managers, &managerNode{Node: &harness.Node{Name: "o2"}, api: hung{}})
	began := time.Now()
	m, err := w.t.leader(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "o1", m.Name)
	assert.Less(t, time.Since(began), managerTimeout)
}

func TestTheEndOfARecoveryOfCoPrimariesIsItsPromotion(t *testing.T) {
	s := &scripted{steps: map[string][]Step{}}
	w, sink := watched(s)
	w.look(t.Context())
	sink.take()
	s.recoveries = []Recovery{{ID: 1, UID: "u", AnalysisEntry: on("m1", "DeadCoMaster"), SuccessorKey: &Instance{"m2", 3306}}}
	s.steps["u"] = []Step{{ID: 1, Message: "- RecoverDeadMaster: " + makesWritable}}
	w.look(t.Context())
	assert.Contains(t, sink.take(), "promoted m2: Orchestrator made m2 writable")
}

func TestWatchTellsWhatAnAliasMeans(t *testing.T) {
	s := &scripted{clusters: []Cluster{{ClusterName: "m1:3306", ClusterAlias: "shop"}, {ClusterName: "m9:3306", ClusterAlias: "other"}}}
	w, sink := watched(s)
	look := func() []string {
		sink.take()
		for range blockedEvery {
			w.look(t.Context())
		}
		return sink.take()
	}
	assert.Equal(t, []string{"manager o1: o1 leads"}, append(sink.take(), look()...), "what it meant from the beginning is no news")
	s.clusters[0].ClusterName = "m3:3306"
	assert.Equal(t, []string{"manager : the alias shop now means the cluster of m3"}, look())
	assert.Empty(t, look(), "once")
}

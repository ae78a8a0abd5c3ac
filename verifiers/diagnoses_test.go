package verifiers

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/record"
)

// diagnosed are the findings of one diagnosis.
func diagnosed(find diagnosis, h *history) []record.Finding {
	run := h.run()
	return find(run, primaries(run))
}

// judged says whether the whole judgement has the finding, too.
func judged(t *testing.T, h *history, f record.Finding) {
	t.Helper()
	assert.Contains(t, Judge(h.run()).Findings, f)
}

// keeping is a failover that lost writes, of which a node that was passed over has some.
func keeping(node string, most int) *history {
	h := losing()
	n := slices.IndexFunc(h.Manifest.Final.Nodes, func(n record.NodeState) bool { return n.Node == node })
	for _, op := range h.Ops {
		if op.Outcome == record.Acked && op.End >= struckAt-300*ms && op.End < struckAt && len(h.Manifest.Final.Nodes[n].Beyond) < most {
			h.Manifest.Final.Nodes[n].Beyond = append(h.Manifest.Final.Nodes[n].Beyond, op.ID)
		}
	}
	return h
}

func TestWhatAPassedOverReplicaKept(t *testing.T) {
	h := keeping("m3", 57)
	h.Manifest.Environment = map[string]string{"m3/promotion_rule": "must_not"}
	found := diagnosed(leftBehind, h)
	require.Len(t, found, 1)
	assert.Equal(t, record.SeverityCritical, found[0].Severity)
	assert.Equal(t, "57 of the 60 lost writes are on m3, which had the promotion rule must_not: m2 was promoted without them", found[0].Summary)
	assert.Contains(t, found[0].Remedy, "prefer_not in place of must_not for m3")
	judged(t, h, found[0])

	mute := keeping("m3", 57)
	mute.Manifest.Settings = map[string]string{"m3/log_replica_updates": "OFF"}
	assert.Contains(t, diagnosed(leftBehind, mute)[0].Summary, "which does not log what it replicates")

	stayed := keeping("m3", 57)
	stayed.Manifest.Final.Nodes[2].Source = "m1"
	assert.Contains(t, diagnosed(leftBehind, stayed)[0].Summary, "57 of the 60 lost writes are on m3, which stayed with m1")
	away := keeping("m3", 1)
	away.Manifest.Final.Nodes[2].Replicating = false
	assert.Contains(t, diagnosed(leftBehind, away)[0].Summary, "1 of the 60 lost writes are on m3, which was not promoted")

	assert.Empty(t, diagnosed(leftBehind, keeping("m1", 60)), "that the deposed primary has them is no news")
	assert.Empty(t, diagnosed(leftBehind, losing()), "nobody has them")
	none := failover()
	none.Manifest.Environment = map[string]string{"m3/promotion_rule": "must_not"}
	none.Manifest.Final.Nodes[2].Beyond = []int64{1, 2, 3}
	assert.Empty(t, diagnosed(leftBehind, none), "nothing that was acknowledged is lost")
	unread := keeping("m3", 57)
	unread.Manifest.Final.Complete = false
	assert.Empty(t, diagnosed(leftBehind, unread), "nobody knows what is lost")
}

// delayed is a run in which a node applied late before a time.
func delayed(h *history, node string, until time.Duration) *history {
	for i := range h.Samples {
		if s := &h.Samples[i]; s.Node == node && s.T < until {
			s.DelayS = 3600
		}
	}
	return h
}

func TestWhatADelayedReplicaThrewAway(t *testing.T) {
	h := delayed(losing(), "m2", promoted)
	found := diagnosed(thrownAway, h)
	require.Len(t, found, 1)
	assert.Equal(t, record.SeverityCritical, found[0].Severity)
	assert.Contains(t, found[0].Summary, "m2 was promoted although it applied everything 1h0m0s late")
	assert.Contains(t, found[0].Summary, "60 writes of m1 are lost")
	assert.Contains(t, found[0].Remedy, "must_not for m2")
	assert.Contains(t, found[0].Remedy, "FailMasterPromotionIfSQLThreadNotUpToDate")
	judged(t, h, found[0])
	assert.Empty(t, diagnosed(thrownAway, losing()), "it was not delayed")
	assert.Empty(t, diagnosed(thrownAway, delayed(losing(), "m3", promoted)), "another was delayed")
	assert.Empty(t, diagnosed(thrownAway, delayed(failover(), "m2", promoted)), "nothing was lost")
	assert.Empty(t, diagnosed(thrownAway, delayed(losing(), "m2", struckAt-time.Second)), "it was delayed before, and no longer when it was promoted")
}

const hookFailed = "Execution of PostMasterFailoverProcesses hook 2 of 2 failed in 0.1s: exit status 1"

// audited is a failover with what Orchestrator wrote of it.
func audited(h *history, step, successful string, attrs ...string) *history {
	h.event(6*time.Second, record.KindPromotionStarted, "m1", "recovery of m1 began (DeadMaster)", "recovery", "1")
	if step != "" {
		h.event(6700*ms, record.KindManager, "m1", step, "recovery", "1")
	}
	return h.event(6800*ms, record.KindManager, "m1", "the end", append([]string{"recovery", "1", "successful", successful}, attrs...)...)
}

func TestARelayLogThatWasThrownAway(t *testing.T) {
	const behind = "RecoverDeadMaster: promoted replica sql thread up-to-date: false"
	h := audited(losing(), behind, "true", "successor", "m2")
	found := diagnosed(unapplied, h)
	require.Len(t, found, 1)
	assert.Equal(t, record.SeverityCritical, found[0].Severity)
	assert.Equal(t, "m2 was promoted although it had not applied what it had received, which was thrown away: "+
		"60 acknowledged writes of m1 are lost, and the recovery counts as a success", found[0].Summary)
	assert.Contains(t, found[0].Remedy, "orchestrator-apply-relay-logs")
	judged(t, h, found[0])
	assert.Empty(t, diagnosed(unapplied, audited(losing(), strings.Replace(behind, "false", "true", 1), "true", "successor", "m2")), "it had applied all")
	assert.Empty(t, diagnosed(unapplied, audited(failover(), behind, "true", "successor", "m2")), "nothing was lost")
	assert.Empty(t, diagnosed(unapplied, audited(losing(), behind, "false")), "nobody was promoted by it")
	assert.Empty(t, diagnosed(unapplied, audited(delayed(losing(), "m2", promoted), behind, "true", "successor", "m2")), "it was late on purpose")
}

func TestAFailedHookOfASuccess(t *testing.T) {
	unled := func() *history {
		h := failover()
		h.Probes = slices.DeleteFunc(h.Probes, func(p record.Probe) bool { return p.Answer == "m2" })
		h.probes("dc1", flipped, end, "m1").probes("dc2", flipped, end, "m1")
		return h.event(6600*ms, record.KindHook, "o1", "", "name", "flip", "exit", "1")
	}
	h := audited(unled(), hookFailed, "true", "successor", "m2")
	found := diagnosed(failedHooks, h)
	require.Len(t, found, 1)
	assert.Equal(t, "recovery 1 counts as successful although a hook of PostMasterFailoverProcesses failed (flip, exit code 1): "+
		"db.shop.test still led to m1 at the end, not to m2", found[0].Summary)
	assert.Contains(t, found[0].Remedy, "PostMasterFailoverProcesses")
	judged(t, h, found[0])
	assert.Empty(t, diagnosed(failedHooks, audited(failover(), "", "true", "successor", "m2")), "no hook failed")
	assert.Empty(t, diagnosed(failedHooks, audited(unled(), hookFailed, "false")), "it does not count as a success")
	led := diagnosed(failedHooks, audited(failover(), hookFailed, "true", "successor", "m2"))
	require.Len(t, led, 1)
	assert.NotContains(t, led[0].Summary, "still led")
}

func readOnly(time.Duration) record.Sample { return record.Sample{Alive: true} }

// taken is a switchover to m2 that was asked for at 5 s; m1 is in a state from then on.
func taken(after state, errMsg string) *history {
	h := newHistory()
	h.event(0, record.KindPhase, "", "baseline").event(end, record.KindPhase, "", "drain")
	attrs := []string{"verb", "switchover", "args", "m2"}
	if errMsg != "" {
		attrs = append(attrs, "error", errMsg)
	}
	h.event(struckAt, record.KindOperator, "", "the operator requests a switchover", attrs...)
	h.samples("m1", 0, struckAt+ms, primary).samples("m1", struckAt+100*ms, end, after)
	h.samples("m2", 0, end, replicaOf("m1")).samples("m3", 0, end, replicaOf("m1"))
	return h
}

func TestASwitchoverThatLeavesEverythingReadOnly(t *testing.T) {
	h := taken(readOnly, "timeout")
	found := diagnosed(leftReadOnly, h)
	require.Len(t, found, 1)
	assert.Contains(t, found[0].Summary, "the switchover to m2 failed and left no server writable for 9.899 s")
	assert.Contains(t, found[0].Summary, "m1 had been made read-only")
	assert.Contains(t, found[0].Remedy, "SET GLOBAL read_only = OFF on m1")
	judged(t, h, found[0])
	assert.Empty(t, diagnosed(leftReadOnly, taken(primary, "timeout")), "the primary was never closed")
	assert.Empty(t, diagnosed(leftReadOnly, taken(readOnly, "")), "it did not fail")
	brief := taken(func(at time.Duration) record.Sample {
		if at < struckAt+500*ms {
			return readOnly(at)
		}
		return primary(at)
	}, "timeout")
	assert.Empty(t, diagnosed(leftReadOnly, brief), "it was made writable again at once")
}

// abandoned is a recovery that moved m2 under m3 and promoted nobody.
func abandoned() *history {
	h := newHistory().fault("process.kill", "m1", struckAt, healedAt)
	h.event(0, record.KindPhase, "", "baseline").event(end, record.KindPhase, "", "drain")
	h.samples("m1", 0, struckAt, primary).samples("m1", struckAt, end, dead)
	h.samples("m2", 0, 6500*ms, replicaOf("m1")).samples("m2", 6500*ms, end, replicaOf("m3"))
	return h.samples("m3", 0, end, replicaOf("m1"))
}

func TestAPromotionThatWasCancelledHalfWay(t *testing.T) {
	step := "RecoverDeadMaster: failed promotion; PreventCrossDataCenterMasterFailover: will not promote server in dc2"
	h := audited(abandoned(), step, "false")
	found := diagnosed(cancelled, h)
	require.Len(t, found, 1)
	assert.Contains(t, found[0].Summary, "the promotion of m3 was cancelled after m2 had been moved under it ("+step+")")
	assert.Contains(t, found[0].Remedy, "a replica in each datacenter that may be promoted")
	judged(t, h, found[0])
	lost := diagnosed(cancelled, audited(abandoned(), step+" when failed server in ", "false"))
	require.Len(t, lost, 1)
	assert.Contains(t, lost[0].Summary, "the query for its place was cut off as it died")
	assert.Contains(t, lost[0].Remedy, "DataCenterPattern")
	assert.Empty(t, diagnosed(cancelled, audited(failover(), step, "true", "successor", "m2")), "somebody was promoted")
	assert.Empty(t, diagnosed(cancelled, audited(abandoned(), step, "true", "successor", "m3")), "it counts as a success")
	still := abandoned()
	still.Samples = slices.DeleteFunc(still.Samples, func(s record.Sample) bool { return s.Node == "m2" })
	still.samples("m2", 0, end, replicaOf("m1"))
	assert.Empty(t, diagnosed(cancelled, audited(still, step, "false")), "nobody was moved")
	unsaid := diagnosed(cancelled, audited(abandoned(), "", "false"))
	require.Len(t, unsaid, 1)
	assert.Contains(t, unsaid[0].Remedy, "steps of recovery 1")
}

func TestAFailoverOfTheWrongCluster(t *testing.T) {
	forced := func(from, to string) *history {
		h := failover()
		h.event(12*time.Second, record.KindManager, "", "", "alias", "shop", "clusters", "m1")
		h.event(13*time.Second, record.KindOperator, "", "the operator forces a failover of the alias", "verb", "force-alias", "args", "shop")
		return h.event(14*time.Second, record.KindPromoted, to, "", "from", from)
	}
	h := forced("m1", "m3")
	found := diagnosed(wrongCluster, h)
	require.Len(t, found, 1)
	assert.Equal(t, "the operator forced a failover of the alias shop, and it replaced m1 by m3, not the primary m2: it meant the cluster of m1", found[0].Summary)
	assert.Contains(t, found[0].Remedy, "host:port")
	judged(t, h, found[0])
	assert.Empty(t, diagnosed(wrongCluster, forced("m2", "m3")), "it was the primary that was replaced")
	assert.Empty(t, diagnosed(wrongCluster, failover()), "nobody asked")
}

// awake is a failover after which m1 comes up as the writable primary that it was.
func awake() *history {
	h := bare().unsample("m1", span{rejoined, forever}).samples("m1", rejoined, end, primary)
	h.Manifest.Kind = "mysql"
	return h
}

func TestAnOldPrimaryThatTakesWritesAgain(t *testing.T) {
	remedies := func(h *history) string {
		var out []string
		for _, f := range primaries(h.run()).Findings {
			if strings.Contains(f.Summary, "came up as a writable primary") {
				out = append(out, f.Remedy)
			}
		}
		return strings.Join(out, "; ")
	}
	restarted := awake().event(9500*ms, record.KindProcess, "m1", "mysqld started", "process", "mysqld", "state", "started")
	assert.Contains(t, remedies(restarted), "super_read_only=ON in my.cnf of m1")
	thawed := remedies(awake())
	assert.Contains(t, thawed, "fence")
	assert.NotContains(t, thawed, "my.cnf", "it never started: the file is not read")
	assert.Empty(t, remedies(bare()), "it came back as a replica")
	other := awake().event(9500*ms, record.KindProcess, "m1", "started", "state", "started")
	other.Manifest.Kind = "patroni"
	assert.NotContains(t, remedies(other), "my.cnf")
}

func TestDiagnosed(t *testing.T) {
	kept := func() *history {
		h := keeping("m3", 57)
		h.Manifest.Environment = map[string]string{"m3/promotion_rule": "must_not"}
		return h
	}
	cut := failover().truncated(10 * time.Second)
	check(t, "diagnosed", []scenario{
		{"in the remedy", kept(), `{"names":"Prefer_not in place"}`, record.Passed, "57 of the 60"},
		{"in the summary", kept(), `{"names":"lost writes are on m3"}`, record.Passed, "57 of the 60"},
		{"nothing found", failover(), `{"names":"prefer_not"}`, record.Failed, "no such finding"},
		{"found and not wanted", kept(), `{"names":"prefer_not","none":true}`, record.Failed, "57 of the 60"},
		{"nothing found and none wanted", failover(), `{"names":"prefer_not","none":true}`, record.Passed, "no such finding"},
		{"a stray primary", awake(), `{"names":"fence the old primary"}`, record.Passed, "came up as a writable primary"},
		{"cut off", cut, `{"names":"prefer_not"}`, record.Inconclusive, "not whole"},
		{"cut off and none wanted", cut, `{"names":"prefer_not","none":true}`, record.Inconclusive, "not whole"},
	})
	require.Error(t, Check("diagnosed", []byte(`{"names":" "}`)))
}

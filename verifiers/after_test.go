package verifiers

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/firedrill/firedrill/harness/record"
)

// The verifiers of what comes after the failover: fencing, rejoin, replication, errant transactions; and of what the
// managers and hooks say.

func TestFencing(t *testing.T) {
	early := restarted() // a write that waited for it, acknowledged just before a sample shows it
	early.Ops = append(early.Ops, record.Op{ID: 1 << 50, Vantage: "dc1", Server: "m1", Outcome: record.Acked, Start: 6800 * ms, Due: 6800 * ms, End: 6995 * ms})
	thawed := both(8*time.Second, 8200*ms, primary)
	check(t, "fencing", []scenario{
		{"dead at once", failover(), `{"within_ms":1000}`, record.Passed, "m1"},
		{"goes on acknowledging", isolated(), `{"within_ms":1000}`, record.Failed, "last acknowledged a write 2.99"},
		{"in time all the same", isolated(), `{"within_ms":3500}`, record.Passed, ""},
		{"writable again after a thaw", thawed, `{"within_ms":3000}`, record.Failed, "last seen writable 3.101 s"},
		{"back in place is another reign", restarted(), `{"within_ms":1000}`, record.Passed, ""},
		{"back in place before it was seen to be", early, `{"within_ms":1000}`, record.Passed, ""},
		{"not sampled", both(6*time.Second, 9*time.Second, replicaOf("m2")).unsample("m1", span{6500 * ms, 9 * time.Second}), `{"within_ms":1000}`, record.Inconclusive, "m1 from"},
		{"cut off", failover().truncated(8 * time.Second), `{"within_ms":1000}`, record.Inconclusive, "cut off"},
		{"cut off, and too late already", isolated().truncated(8 * time.Second), `{"within_ms":1000}`, record.Failed, ""},
		{"no samples", newHistory().fault("x", "m1", struckAt, 0), `{"within_ms":1000}`, record.Inconclusive, ""},
	})
}

func TestRejoin(t *testing.T) {
	never := failover().unsample("m1", span{rejoined, end}).samples("m1", rejoined, end, dead)
	wrong := failover().unsample("m1", span{rejoined, end}).samples("m1", rejoined, end, replicaOf("m3"))
	gone := failover()
	gone.Manifest.Final.Nodes[0].Replicating = false
	check(t, "rejoin", []scenario{
		{"in time", failover(), `{"within_ms":2000}`, record.Passed, "after 1.001 s"},
		{"too late", failover(), `{"within_ms":500}`, record.Failed, ""},
		{"never", never, `{"within_ms":5000}`, record.Failed, "never"},
		{"from the wrong source", wrong, `{"within_ms":5000}`, record.Failed, "never"},
		{"gone at the end", gone, `{"within_ms":5000}`, record.Failed, "at the end"},
		{"still the primary", restarted(), `{"within_ms":5000}`, record.Failed, "is the primary"},
		{"cut off before", failover().truncated(9500 * ms), `{"within_ms":5000}`, record.Inconclusive, ""},
		{"cut off afterwards", failover().truncated(12 * time.Second), `{"within_ms":5000}`, record.Inconclusive, "not read"},
	})
}

func TestReplication(t *testing.T) {
	gone := failover()
	gone.Manifest.Final.Nodes[2].Source = "m1"
	check(t, "replication", []scenario{
		{"both", failover(), `{"replicas":2,"within_ms":4000}`, record.Passed, "2 replicas after 3.50"},
		{"too late", failover(), `{"replicas":2,"within_ms":1000}`, record.Failed, ""},
		{"too few", failover(), `{"replicas":3,"within_ms":4000}`, record.Failed, "2 replicas at most"},
		{"one at once", failover(), `{"replicas":1,"within_ms":1000}`, record.Passed, ""},
		{"not at the end", gone, `{"replicas":2}`, record.Failed, "1 replica of m2"},
		{"cut off before", failover().truncated(9 * time.Second), `{"replicas":2,"within_ms":4000}`, record.Inconclusive, "end before"},
		{"cut off afterwards", failover().truncated(12 * time.Second), `{"replicas":2,"within_ms":4000}`, record.Inconclusive, "not read"},
	})
	late := verifyAt(t, failover(), "replication", `{"replicas":2,"within_ms":1000}`, 9500*ms)
	assert.Equal(t, record.Passed, late.Status, "the bound counts from the step where that comes later")
}

func TestErrant(t *testing.T) {
	errant, unreachable, missing, cut := failover(), failover(), failover(), failover()
	errant.Manifest.Final.Nodes[0].Errant = "uuid:1-3"
	unreachable.Manifest.Final.Nodes[0].Reachable = false
	missing.Manifest.Final.Nodes = missing.Manifest.Final.Nodes[1:]
	cut.Manifest.Interrupted = true
	untold := failover()
	untold.Manifest.Final.Nodes[1].ErrantUntold = "only rows can be compared"
	told := failover()
	told.Manifest.Final.Nodes[1].ErrantUntold = "only rows can be compared"
	told.Manifest.Final.Nodes[0].Errant = "rows of the application, 2 in all"
	check(t, "errant", []scenario{
		{"where nobody could tell", untold, `{}`, record.Inconclusive, "only rows can be compared"},
		{"some, and where nobody could tell", told, `{}`, record.Failed, "2 in all"},
		{"none", failover(), ``, record.Passed, "none"},
		{"some", errant, `{}`, record.Failed, "m1 (uuid:1-3)"},
		{"a node not reached", unreachable, `{}`, record.Inconclusive, "m1"},
		{"a node not asked", missing, `{}`, record.Inconclusive, "m1"},
		{"interrupted", cut, `{}`, record.Inconclusive, "interrupted"},
		{"cut off", failover().truncated(9 * time.Second), `{}`, record.Inconclusive, "not read"},
	})
}

func TestManager(t *testing.T) {
	check(t, "manager", []scenario{
		{"reported", failover(), `{"reports":"DeadMaster"}`, record.Passed, "after 802 ms"},
		{"something else", failover(), `{"reports":"UnreachableMaster"}`, record.Failed, "DeadMaster"},
		{"nothing", restarted(), `{"reports":"DeadMaster"}`, record.Failed, "nothing"},
		{"before the fault", restarted().event(ms, record.KindDetected, "m1", "DeadMaster"), `{"reports":"DeadMaster"}`, record.Failed, "nothing"},
		{"cut off", failover().truncated(5500 * ms), `{"reports":"DeadMaster"}`, record.Inconclusive, "cut off"},
		{"a code that only begins with it", restarted().event(6*time.Second, record.KindDetected, "m1", "DeadMasterAndReplicas"), `{"reports":"DeadMaster"}`, record.Failed, "DeadMasterAndReplicas"},
		{"a code that only ends with it", restarted().event(6*time.Second, record.KindDetected, "m1", "UnreachableDeadMaster"), `{"reports":"DeadMaster"}`, record.Failed, "UnreachableDeadMaster"},
		{"silent", restarted(), `{"silent":"DeadMaster"}`, record.Passed, "nothing"},
		{"silent but for a longer code", restarted().event(6*time.Second, record.KindDetected, "m1", "DeadMasterAndReplicas"), `{"silent":"DeadMaster"}`, record.Passed, "DeadMasterAndReplicas"},
		{"not silent", failover(), `{"silent":"DeadMaster"}`, record.Failed, "after 802 ms"},
		{"an aside is no failure", aside(), `{"reports":"failsafe mode"}`, record.Failed, "nothing"},
		{"an aside counts where all does", aside(), `{"reports":"failsafe mode","all":true}`, record.Passed, "after 1.002 s"},
		{"an aside breaks the silence of all", aside(), `{"silent":"failsafe mode","all":true}`, record.Failed, "after 1.002 s"},
		{"silent as far as it goes", restarted().truncated(5500 * ms), `{"silent":"DeadMaster"}`, record.Inconclusive, "cut off"},
	})
}

// aside is a manager that says something of itself, a second after the fault.
func aside() *history {
	return restarted().event(struckAt+time.Second, record.KindManager, "m1", "failsafe mode is active")
}

func TestReportedWantsWholeWords(t *testing.T) {
	for report, want := range map[string]bool{
		"DeadMaster": true, "DeadMasterAndReplicas": false, "DeadMasterAndReplicas, DeadMaster": true, "leader key lost": true, "": false,
	} {
		words := "DeadMaster"
		if report == "leader key lost" {
			words = "key"
		}
		assert.Equal(t, want, Reported(report, words), report)
	}
	assert.False(t, Reported("anything", ""))
}

func TestHook(t *testing.T) {
	failing := failover().event(7*time.Second, record.KindHook, "", "", "name", "post-failover", "exit", "1")
	check(t, "hook", []scenario{
		{"once", failover(), `{"name":"post-failover","count":1}`, record.Passed, ""},
		{"at least once", failing, `{"name":"post-failover"}`, record.Passed, "exit codes 1"},
		{"more than once", failing, `{"name":"post-failover","count":1}`, record.Failed, "2 times"},
		{"-1 is at least once", failing, `{"name":"post-failover","count":-1}`, record.Passed, ""},
		{"not at all", failover(), `{"name":"other","count":0}`, record.Passed, ""},
		{"never ran", failover(), `{"name":"other"}`, record.Failed, "0 times"},
		{"ran though it must not", failover(), `{"name":"post-failover","count":0}`, record.Failed, ""},
		{"cut off", failover().truncated(6 * time.Second), `{"name":"post-failover","count":1}`, record.Inconclusive, "cut off"},
		{"cut off: it may still run", failover().truncated(6 * time.Second), `{"name":"post-failover","count":0}`, record.Inconclusive, ""},
	})
}

func TestHookOrder(t *testing.T) {
	order := func(names ...string) *history {
		h := failover()
		for i, name := range names {
			h.event(time.Duration(i)*ms+8*time.Second, record.KindHook, "", "", "name", name)
		}
		return h
	}
	check(t, "hook_order", []scenario{
		{"in order", order("a", "x", "b", "a", "c"), `{"names":["a","b","c"]}`, record.Passed, "a, b, c"},
		{"out of order", order("a", "c", "b"), `{"names":["a","b","c"]}`, record.Failed, "a, c, b"},
		{"one is missing", order("a", "c"), `{"names":["a","b","c"]}`, record.Failed, "a, c"},
		{"none ran", failover(), `{"names":["a","b"]}`, record.Failed, "none"},
		{"cut off", order("a").truncated(9 * time.Second), `{"names":["a","b"]}`, record.Inconclusive, "cut off"},
		{"cut off, and wrong already", order("b").truncated(9 * time.Second), `{"names":["a","b"]}`, record.Failed, "b"},
	})
	assert.ErrorContains(t, Check("hook_order", []byte(`{"names":["a"]}`)), "takes two")
	assert.ErrorContains(t, Check("hook_order", []byte(`{"names":["a","a"]}`)), "each once")
}

func TestHookGiven(t *testing.T) {
	told := func(values ...string) *history {
		h := failover()
		for _, v := range values {
			h.event(8*time.Second, record.KindHook, "", "", "name", "a", "successorHost", v, "ORC_LOST_REPLICAS", "")
		}
		return h
	}
	check(t, "hook_given", []scenario{
		{"right", told("m2", "m2"), `{"name":"a","key":"successorHost","value":"m2"}`, record.Passed, `"m2"`},
		{"wrong", told("m3"), `{"name":"a","key":"successorHost","value":"m2"}`, record.Failed, `"m3"`},
		{"wrong once", told("m2", "m3"), `{"name":"a","key":"successorHost","value":"m2"}`, record.Failed, `"m2" and "m3"`},
		{"nothing, as promised", told("m2"), `{"name":"a","key":"ORC_LOST_REPLICAS","value":""}`, record.Passed, ""},
		{"of something else", told("m2"), `{"name":"a","key":"failedHost","value":"m1"}`, record.Failed, "not told"},
		{"it did not run", failover(), `{"name":"a","key":"successorHost","value":"m2"}`, record.Failed, "did not run"},
		{"cut off", failover().truncated(9 * time.Second), `{"name":"a","key":"successorHost","value":"m2"}`, record.Inconclusive, "cut off"},
	})
	assert.Error(t, Check("hook_given", []byte(`{"name":"a"}`)))
}

func TestInterruption(t *testing.T) {
	open := blip(serving("m1", span{14 * time.Second, forever}))
	before := blip(serving("m1", span{2 * time.Second, 4 * time.Second}))
	stalled := blip(serving("m1", span{struckAt, 6 * time.Second})).event(5900*ms, record.KindStall, "app1", "", "ms", "800")
	stalled.event(5900*ms, record.KindStall, "app2", "", "ms", "800")
	check(t, "interruption", []scenario{
		{"felt", failover(), `{"min_ms":2000}`, record.Passed, "2.010 s"},
		{"a fault that did nothing is not felt", blip(serving("m1")), `{"min_ms":500}`, record.Failed, ""},
		{"not long enough", failover(), `{"min_ms":2500}`, record.Failed, "2.010 s"},
		{"it was the prober that stalled", stalled, `{"min_ms":900}`, record.Failed, ""},
		{"felt, whatever came after", failover().truncated(10 * time.Second), `{"min_ms":2000}`, record.Passed, ""},
		{"cut off before it was felt", failover().truncated(10 * time.Second), `{"min_ms":2500}`, record.Inconclusive, "cut off"},
		{"short enough", failover(), `{"max_ms":2100}`, record.Passed, "2.010 s"},
		{"too long", failover(), `{"max_ms":1900}`, record.Failed, ""},
		{"before the fault", before, `{"max_ms":1000}`, record.Failed, "from 1.99"},
		{"open at the end", open, `{"max_ms":900}`, record.Failed, "at least"},
		{"the prober stalled", stalled, `{"max_ms":900}`, record.Inconclusive, "stalled"},
		{"too long even without the stall", stalled, `{"max_ms":100}`, record.Failed, ""},
		{"one application never wrote", bare().writes("dc1", 0, end, serving("m1")), `{"max_ms":900}`, record.Inconclusive, "dc2 made no writes"},
		{"cut off", failover().truncated(10 * time.Second), `{"max_ms":2100}`, record.Inconclusive, "cut off"},
	})
}

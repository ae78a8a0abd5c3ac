package verifiers

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/firedrill/firedrill/harness/record"
)

// restarted is a primary that is killed and comes back in place.
func restarted() *history {
	h := newHistory().fault("process.kill", "m1", struckAt, 6*time.Second)
	h.event(0, record.KindPhase, "", "baseline").event(end, record.KindPhase, "", "drain")
	h.samples("m1", 0, struckAt, primary).samples("m1", struckAt, 7*time.Second, dead).samples("m1", 7*time.Second, end, primary)
	h.samples("m2", 0, end, replicaOf("m1")).samples("m3", 0, end, replicaOf("m1"))
	for _, v := range []string{"dc1", "dc2"} {
		h.writes(v, 0, end, serving("m1", span{struckAt, 7 * time.Second}))
		h.probes(v, 0, end, "m1")
	}
	return h.final("m1", nil)
}

// stray is a failover after which the old primary is started again, writable, at 9 s.
func stray() *history {
	return failover().unsample("m1", span{rejoined - time.Second, end}).samples("m1", rejoined-time.Second, end, primary)
}

func TestPromotion(t *testing.T) {
	slow := blip(serving("m1"))
	slow.unsample("m1", span{6 * time.Second, 6100 * ms}).samples("m1", 6*time.Second, 6100*ms, dead)
	check(t, "promotion", []scenario{
		{"in time", failover(), `{"within_ms":2000}`, record.Passed, "m2 (dc1) after 1.501 s"},
		{"too late", failover(), `{"within_ms":1000}`, record.Failed, "m2"},
		{"one of", failover(), `{"to":["m2","m3"],"not":["m4"],"datacenter":"dc1"}`, record.Passed, ""},
		{"not one of", failover(), `{"to":["m3"]}`, record.Failed, "not one of m3"},
		{"forbidden", failover(), `{"not":["m2"]}`, record.Failed, "must not be m2"},
		{"wrong datacenter", failover(), `{"datacenter":"dc2"}`, record.Failed, "not in dc2"},
		{"nobody", blip(serving("m1")), `{"within_ms":2000}`, record.Failed, "nobody"},
		{"cut off before", failover().truncated(6 * time.Second), `{"within_ms":2000}`, record.Inconclusive, "missed"},
		{"cut off afterwards", failover().truncated(8 * time.Second), `{"within_ms":2000}`, record.Passed, ""},
		{"not sampled", blip(serving("m1")).unsample("m2", span{5 * time.Second, end}), `{"within_ms":3000}`, record.Inconclusive, "m2 from"},
		{"announced and never seen", blip(serving("m1")).event(6*time.Second, record.KindPromoted, "m2", ""), `{}`, record.Inconclusive, ""},
		{"no samples", newHistory().fault("x", "m1", struckAt, 0), `{}`, record.Inconclusive, "sampled"},
		{"no fault", newHistory().samples("m1", 0, end, primary), `{}`, record.Inconclusive, "no fault"},
		{"in place is nobody new", restarted(), `{"within_ms":9000}`, record.Failed, "nobody"},
		{"in place is the old one", restarted(), `{"old":true}`, record.Passed, "came back in place"},
		{"one missed answer is no return", slow, `{"old":true}`, record.Failed, "nobody"},
		{"a new one is not the old one", failover(), `{"old":true}`, record.Failed, "not the old primary"},
	})
}

func TestPromotionOfTheSecondFault(t *testing.T) {
	h := failover().fault("process.kill", "m2", 11*time.Second, 14*time.Second)
	h.expect("first", "promotion", `{"to":["m2"]}`, struckAt+ms).expect("second", "promotion", `{"to":["m3"],"within_ms":2000}`, 11*time.Second+ms)
	h.unsample("m2", span{11 * time.Second, end}).samples("m2", 11*time.Second, end, dead)
	j := Judge(h.run())
	assert.Equal(t, record.Passed, j.Expectations[0].Verdict)
	assert.Equal(t, record.Failed, j.Expectations[1].Verdict, "the first promotion is no answer to the second fault")
	h.unsample("m3", span{12 * time.Second, end}).samples("m3", 12*time.Second, end, primary)
	j = Judge(h.run())
	assert.Equal(t, record.Passed, j.Expectations[0].Verdict)
	assert.Equal(t, record.Passed, j.Expectations[1].Verdict)
	assert.Equal(t, &record.Promotion{From: "m1", To: "m3", Failovers: 2, AtMS: 1001}, j.Promotion)
}

func TestFailovers(t *testing.T) {
	twice := failover().unsample("m3", span{12 * time.Second, end}).samples("m3", 12*time.Second, end, primary)
	thawed := failover().unsample("m1", span{struckAt, end}).samples("m1", struckAt, rejoined, dead).samples("m1", rejoined, end, primary)
	lost := blip(serving("m1")) // the agent inside a lost host goes on saying that all is well
	lost.Faults = nil
	lost.fault("host.lost", "m1", struckAt, 12*time.Second)
	check(t, "failovers", []scenario{
		{"one", failover(), `{"count":1}`, record.Passed, "m1 to m2"},
		{"one too many", failover(), `{"count":0}`, record.Failed, "m1 to m2"},
		{"one too few", failover(), `{"count":2}`, record.Failed, "1 failover"},
		{"two", twice, `{"count":2}`, record.Passed, "m2 to m3"},
		{"not more than one", failover(), `{"max":1}`, record.Passed, "m1 to m2"},
		{"fewer than at most", blip(serving("m1")), `{"max":1}`, record.Passed, "0 failovers"},
		{"more than at most", twice, `{"max":1}`, record.Failed, "2 failovers"},
		{"at most, and cut off", failover().truncated(10 * time.Second), `{"max":1}`, record.Inconclusive, "cut off"},
		{"at most, with a hole in the samples", failover().unsample("m3", span{8 * time.Second, 10 * time.Second}), `{"max":1}`, record.Inconclusive, "m3 from"},
		{"a restart in place is none", restarted(), `{"count":0}`, record.Passed, ""},
		{"a stray is none", stray(), `{"count":1}`, record.Passed, ""},
		{"a thawed one is none", thawed, `{"count":1}`, record.Passed, ""},
		{"a lost host that returns is none", lost, `{"count":0}`, record.Passed, ""},
		{"none for a while", blip(serving("m1")), `{"count":0,"for_ms":8000}`, record.Passed, ""},
		{"one in the while", failover(), `{"count":0,"for_ms":8000}`, record.Failed, ""},
		{"one after the while", failover(), `{"count":0,"for_ms":1000}`, record.Passed, ""},
		{"samples end too early", blip(serving("m1")), `{"count":0,"for_ms":12000}`, record.Inconclusive, "missed"},
		{"a hole in the samples", blip(serving("m1")).unsample("m2", span{7 * time.Second, 9 * time.Second}), `{"count":0}`, record.Inconclusive, "m2 from"},
		{"cut off", blip(serving("m1")).truncated(10 * time.Second), `{"count":0}`, record.Inconclusive, "cut off"},
		{"cut off, and one too many already", failover().truncated(10 * time.Second), `{"count":0}`, record.Failed, ""},
		{"announced and never seen", blip(serving("m1")).event(6*time.Second, record.KindPromoted, "m2", ""), `{"count":0}`, record.Inconclusive, "announced"},
		{"no samples", newHistory(), `{"count":0}`, record.Inconclusive, "sampled"},
	})
	assert.NotEmpty(t, primaries(stray().run()).Findings)
}

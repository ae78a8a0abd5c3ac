package verifiers

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/firedrill/firedrill/harness/record"
)

func blocked(time.Duration) record.Sample {
	s := primary(0)
	s.Blocked = true
	return s
}

// both is a failover after which m1 says for a while what it is told to.
func both(from, to time.Duration, s state) *history {
	return failover().unsample("m1", span{from, to}).samples("m1", from, to, s)
}

func TestSplitBrain(t *testing.T) {
	frozenNode := failover().unsample("m1", span{struckAt, rejoined}) // asked before the failover, answered after it
	frozenNode.Samples = append(frozenNode.Samples, record.Sample{Asked: struckAt, T: 9 * time.Second, Node: "m1", Alive: true, Role: record.RolePrimary, Writable: true})
	frozenNode.samples("m1", 9100*ms, rejoined, dead)
	lateAcks := failover()
	for i := range lateAcks.Ops { // thawed for 20 ms, between two samples
		if op := &lateAcks.Ops[i]; op.Start >= 9*time.Second && op.Start < 9*time.Second+20*ms {
			op.Server = "m1"
		}
	}
	answeredLate := failover() // written to m1 before the successor acknowledged anything, answered afterwards
	for i := range answeredLate.Ops {
		if op := &answeredLate.Ops[i]; op.Start == 6900*ms {
			op.End, op.Outcome, op.Server = 7050*ms, record.Acked, "m1"
		}
	}
	lost := both(struckAt, rejoined, primary)
	lost.Faults = nil
	lost.fault("host.lost", "m1", struckAt, rejoined)
	check(t, "split_brain", []scenario{
		{"clean", failover(), `{"max_ms":0}`, record.Passed, "0 ms"},
		{"two primaries", both(7*time.Second, 9*time.Second, primary), `{"max_ms":0}`, record.Failed, "1.899 s"},
		{"two primaries for no longer than allowed", both(7*time.Second, 9*time.Second, primary), `{"max_ms":2000}`, record.Passed, ""},
		{"two primaries for longer than allowed", both(7*time.Second, 9*time.Second, primary), `{"max_ms":1000}`, record.Failed, ""},
		{"one is blocked", both(7*time.Second, 9*time.Second, blocked), `{"max_ms":0}`, record.Passed, ""},
		{"seen once", both(7*time.Second, 7100*ms, primary), `{"max_ms":0}`, record.Passed, ""},
		{"frozen", frozenNode, `{"max_ms":0}`, record.Passed, ""},
		{"its host is lost", lost, `{"max_ms":0}`, record.Passed, ""},
		{"late acknowledgements", lateAcks, `{"max_ms":0}`, record.Failed, "4 writes acknowledged by a deposed primary"},
		{"a late answer to an early write", answeredLate, `{"max_ms":0}`, record.Passed, ""},
		{"an isolated primary goes on", isolated(), `{"max_ms":0}`, record.Failed, "99 writes"},
		{"a live node not sampled", failover().unsample("m2", span{8 * time.Second, 10 * time.Second}), `{"max_ms":0}`, record.Inconclusive, "m2 from"},
		{"a node never sampled", failover().unsample("m3", span{0, end}), `{"max_ms":0}`, record.Inconclusive, "m3 from"},
		{"a dead node not sampled", failover().unsample("m1", span{6 * time.Second, 9 * time.Second}), `{"max_ms":0}`, record.Passed, ""},
		{"cut off", failover().truncated(10 * time.Second), `{"max_ms":0}`, record.Inconclusive, "cut off"},
		{"cut off, and certain already", both(7*time.Second, 9*time.Second, primary).truncated(10 * time.Second), `{"max_ms":0}`, record.Failed, ""},
		{"no samples", newHistory(), `{}`, record.Inconclusive, "sampled"},
	})
	said := Judge(both(7*time.Second, 9*time.Second, blocked).run())
	assert.Equal(t, 0.0, *said.SplitBrainMS)
	assert.Contains(t, severities(said), record.SeverityInfo, "read_only=OFF twice is a note")
	assert.Contains(t, severities(Judge(lateAcks.run())), record.SeverityCritical)
	assert.Nil(t, Judge(failover().truncated(10*time.Second).run()).SplitBrainMS)
}

func severities(j record.Judgement) (out []string) {
	for _, f := range j.Findings {
		out = append(out, f.Severity)
	}
	return out
}

func TestSplitBrainWithinTheClocks(t *testing.T) {
	h := both(7*time.Second, 7300*ms, primary) // 199 ms of overlap
	h.Manifest.Clocks = map[string]record.Clock{"m1": {Error: 150 * ms}, "m2": {Error: 150 * ms}}
	assert.Equal(t, record.Passed, verifyWith(t, h, "split_brain", `{"max_ms":0}`).Status, "not more than the clocks may be off")
}

package verifiers

import (
	"math"
	"math/rand"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/record"
)

// frozen answers as a server does that is stopped and continued: writes in flight hang and are answered at the thaw,
// when their deadline has not passed.
func frozen(server string, in span) answer {
	return func(t time.Duration) (string, time.Duration) {
		if t+2*ms >= in.From && t < in.To {
			return server, in.To - t + 2*ms
		}
		return server, 2 * ms
	}
}

// blip is a drill in which m1 is hit for a while and nobody is promoted.
func blip(a answer) *history {
	h := newHistory().fault("process.freeze", "m1", struckAt, struckAt+time.Second)
	h.event(0, record.KindPhase, "", "baseline").event(end, record.KindPhase, "", "drain")
	h.samples("m1", 0, end, primary).samples("m2", 0, end, replicaOf("m1")).samples("m3", 0, end, replicaOf("m1"))
	h.writes("dc1", 0, end, a).writes("dc2", 3*ms, end, a)
	return h.final("m1", nil)
}

func TestRTO(t *testing.T) {
	open := bare()
	stalled := failover().event(recover2+5*ms, record.KindStall, "app2", "", "ms", "400")
	for _, v := range []string{"dc1", "dc2"} {
		open.writes(v, 0, end, serving("m1", span{struckAt, forever}))
	}
	split := bare() // dc2 is back later
	split.writes("dc1", 0, end, serving("m2", span{struckAt, recover2}))
	split.writes("dc2", 0, end, serving("m2", span{struckAt, recover2 + time.Second}))
	flapping := bare()
	flapping.writes("dc1", 0, end, serving("m2", span{struckAt, 6 * time.Second}, span{6100 * ms, 8 * time.Second}))
	flapping.writes("dc2", 0, end, serving("m2"))
	silent := bare().writes("dc1", 0, end, serving("m1"))
	check(t, "rto", []scenario{
		{"in time", failover(), `{"max_ms":2100}`, record.Passed, "2.002 s"},
		{"too late", failover(), `{"max_ms":1900}`, record.Failed, "2.002 s"},
		{"record cut off after the recovery", failover().truncated(10 * time.Second), `{"max_ms":2100}`, record.Inconclusive, "cut off"},
		{"record cut off in the outage", failover().truncated(6 * time.Second), `{"max_ms":2100}`, record.Inconclusive, "at least"},
		{"cut off, and too long already", failover().truncated(10 * time.Second), `{"max_ms":1000}`, record.Failed, "2.002 s"},
		{"still open at the end", open, `{"max_ms":20000}`, record.Failed, "at least 9.99"},
		{"worst vantage", split, `{"max_ms":2500}`, record.Failed, "in dc2"},
		{"the vantage that is asked for", split, `{"max_ms":2500,"vantage":"dc1"}`, record.Passed, "in dc1"},
		{"no such vantage", split, `{"max_ms":2500,"vantage":"dc9"}`, record.Inconclusive, ""},
		{"a short recovery does not count", flapping, `{"max_ms":2500}`, record.Failed, "interrupted again 1 time"},
		{"never interrupted", blip(serving("m1")), `{"max_ms":1}`, record.Passed, "never interrupted"},
		{"a vantage that never wrote", silent, `{"max_ms":9000}`, record.Inconclusive, "made no writes"},
		{"no writes at all", bare(), `{"max_ms":9000}`, record.Inconclusive, "made no writes"},
		{"the prober stalled at the edge", stalled, `{"max_ms":9000}`, record.Inconclusive, "stalled for 400 ms"},
		{"no fault", newHistory().writes("dc1", 0, end, serving("m1")), `{"max_ms":9000}`, record.Inconclusive, "no fault"},
	})
}

func TestRTOOfKnownOutages(t *testing.T) {
	out := span{struckAt, struckAt + time.Second}
	for name, c := range map[string]struct {
		a      answer
		within float64
	}{
		"frozen for 1 s":    {frozen("m1", out), 50},
		"path cut for 1 s":  {serving("m1", out), 20},
		"a lone ack inside": {serving("m1", span{out.From, out.From + 500*ms}, span{out.From + 510*ms, out.To}), 20},
	} {
		t.Run(name, func(t *testing.T) {
			j := Judge(blip(c.a).run())
			require.NotNil(t, j.RTO.ValueMS, j.RTO.Note)
			assert.InDelta(t, 1000, *j.RTO.ValueMS, c.within)
			assert.Less(t, j.RTO.ErrorMS, 20.0)
			assert.False(t, j.RTO.AtLeast)
		})
	}
}

func TestOutageThreshold(t *testing.T) {
	short := span{struckAt, struckAt + 80*ms}
	assert.Nil(t, Judge(blip(serving("m1", short)).run()).RTO.ValueMS, "80 ms of failed writes is no outage")
	hiccup := blip(frozen("m1", span{struckAt, struckAt + 150*ms}))
	j := Judge(hiccup.run())
	assert.Nil(t, j.RTO.ValueMS, "every write was answered by its deadline")
	assert.Equal(t, neverInterrupted, j.RTO.Note)
	assert.InDelta(t, 150, j.RTO.LongestGapMS, 20)
	scattered := blip(func(t time.Duration) (string, time.Duration) {
		if t > struckAt && t/tick%2 == 0 {
			return "", 0
		}
		return "m1", 2 * ms
	})
	assert.Nil(t, Judge(scattered.run()).RTO.ValueMS, "writes that fail amid successes are no outage")
}

func TestRTOPhases(t *testing.T) {
	j := Judge(failover().run())
	var names []string
	for i, p := range j.RTO.Phases {
		names = append(names, p.Name)
		assert.GreaterOrEqual(t, p.MS, 0.0)
		if i > 0 {
			assert.GreaterOrEqual(t, p.MS, j.RTO.Phases[i-1].MS, p.Name)
		}
	}
	assert.Equal(t, []string{"first_failed_write", "detected", "promotion_started", "promoted", "endpoint_flipped", "first_write"}, names)
	assert.Len(t, j.RTOs, 2)
}

// A controller says when it changed the record: what is left until the name is seen to lead elsewhere are caches.
func TestAChangedRecordIsAPhaseOfItsOwn(t *testing.T) {
	j := Judge(failover().event(6500*ms, record.KindFlipped, "m2", "").run())
	var names []string
	for _, p := range j.RTO.Phases {
		names = append(names, p.Name)
	}
	assert.Equal(t, []string{"first_failed_write", "detected", "promotion_started", "promoted", "record_changed", "endpoint_flipped", "first_write"}, names)
}

func TestRTOBelongsToItsFault(t *testing.T) {
	h := newHistory().fault("replication.stop", "m3", 2*time.Second, 9*time.Second).fault("process.freeze", "m1", struckAt, 8*time.Second)
	for _, v := range []string{"dc1", "dc2"} {
		h.writes(v, 0, end, serving("m1", span{struckAt, 6 * time.Second}))
	}
	j := Judge(h.run())
	require.NotNil(t, j.RTO.ValueMS)
	assert.InDelta(t, 1000, *j.RTO.ValueMS, 20, "not from the fault that interrupted nothing")
	assert.Contains(t, j.RTO.Note, "process.freeze")
	// A second fault in the middle of an outage does not restart the clock.
	h = newHistory().fault("process.kill", "m1", struckAt, 9*time.Second).fault("process.kill", "m2", struckAt+500*ms, 9*time.Second)
	for _, v := range []string{"dc1", "dc2"} {
		h.writes(v, 0, end, serving("m3", span{struckAt, 7 * time.Second}))
	}
	j = Judge(h.run())
	assert.InDelta(t, 2000, *j.RTO.ValueMS, 20)
	// An outage at the heal counts from the heal.
	h = newHistory().fault("network.isolate", "m3", struckAt, 9*time.Second)
	for _, v := range []string{"dc1", "dc2"} {
		h.writes(v, 0, end, serving("m1", span{9 * time.Second, 9500 * ms}))
	}
	j = Judge(h.run())
	assert.InDelta(t, 500, *j.RTO.ValueMS, 20)
	assert.Contains(t, j.RTO.Note, "the heal of")
}

func TestStalls(t *testing.T) {
	late := failover()
	for i := range late.Ops { // the application of dc1 did not run from 6.8 to 7.3 s
		if op := &late.Ops[i]; op.Vantage == "dc1" && op.Due >= 6800*ms && op.Due < 7300*ms {
			op.Start, op.End = 7300*ms, 7302*ms
			op.Outcome, op.Server = record.Acked, "m2"
		}
	}
	j := Judge(late.run())
	assert.Nil(t, j.RTO.ValueMS)
	assert.Contains(t, j.RTO.Note, "began")
	assert.Equal(t, record.Inconclusive, j.Verdict)
	hole := failover()
	hole.Ops = slices.DeleteFunc(hole.Ops, func(op record.Op) bool { return op.Start >= 6800*ms && op.Start < 7300*ms })
	assert.Nil(t, Judge(hole.run()).RTO.ValueMS, "nobody wrote when the service came back")
	elsewhere := failover().event(12*time.Second, record.KindStall, "", "", "ms", "400")
	assert.NotNil(t, Judge(elsewhere.run()).RTO.ValueMS, "a stall away from the edges spoils nothing")
	database := failover().event(recover2, record.KindStall, "m1", "", "ms", "400")
	assert.NotNil(t, Judge(database.run()).RTO.ValueMS, "the agent of a database node measures no recovery time")
}

// TestRTOWithinItsError plants outages of random place, length and kind in open-loop histories with jitter.
func TestRTOWithinItsError(t *testing.T) {
	for seed := range int64(80) {
		r := rand.New(rand.NewSource(seed))
		between := func(from, to time.Duration) time.Duration { return from + time.Duration(r.Int63n(int64(to-from))) }
		from := between(2*time.Second, 3*time.Second)
		out := span{from, from + between(250*ms, 2*time.Second)}
		bracket, freeze := between(0, 20*ms), r.Intn(2) == 0
		h := newHistory()
		h.Faults = []record.FaultStep{{ID: "f", Name: "f", State: record.FaultActive, T: out.From + bracket, Effective: out.From + between(0, bracket+1), Proof: "seen"}}
		h.Faults[0].Began = h.Faults[0].Effective - bracket
		h.Manifest.Workload.Vantages = []string{"dc1"}
		for due := between(0, tick); due < 6*time.Second; due += tick {
			op := record.Op{ID: h.id, Vantage: "dc1", Node: "app1", Due: due, Start: due + between(0, 3*ms), Outcome: record.Acked}
			h.id++
			op.End = op.Start + between(ms, 5*ms)
			if op.End >= out.From && op.Start < out.To {
				op.End = out.To + between(ms, 5*ms)
				if !freeze || op.End-op.Start > 200*ms {
					op.End, op.Outcome = op.Start+200*ms, record.Indeterminate
				}
			}
			h.Ops = append(h.Ops, op)
		}
		j := Judge(h.run())
		require.NotNil(t, j.RTO, "seed %d", seed)
		require.NotNil(t, j.RTO.ValueMS, "seed %d: %s", seed, j.RTO.Note)
		off := math.Abs(*j.RTO.ValueMS - record.MS(out.length()))
		require.LessOrEqual(t, off, j.RTO.ErrorMS, "seed %d: %v for %v", seed, *j.RTO.ValueMS, out.length())
		require.Less(t, j.RTO.ErrorMS, 60.0, "seed %d", seed)
	}
}

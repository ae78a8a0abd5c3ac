package verifiers

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/record"
)

func TestJudgeFillsEveryMeasure(t *testing.T) {
	h := failover().expect("the recovery time is at most 3 seconds", "rto", `{"max_ms":3000}`, 5100*ms)
	j := Judge(h.run())
	require.Empty(t, j.Reasons)
	assert.Equal(t, record.Passed, j.Verdict)
	assert.InDelta(t, 2002, *j.RTO.ValueMS, 1)
	assert.Equal(t, 3000.0, *j.RTO.TargetMS)
	assert.Equal(t, "m2", j.Promotion.To)
	assert.Equal(t, 1, j.Promotion.Failovers)
	assert.Equal(t, 0, j.RPO.Lost)
	assert.NotNil(t, j.Endpoint)
	assert.Equal(t, 0.0, *j.SplitBrainMS)
	require.Len(t, j.Faults, 1)
	assert.Equal(t, 5000.0, *j.Faults[0].InjectedMS)
	assert.Equal(t, "gone", j.Faults[0].HealProof)
	assert.Empty(t, j.Findings)
}

func TestJudgeReasons(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(h *history)
		says  string
	}{
		"nothing promised":   {func(h *history) { h.Manifest.Expectations = nil }, "no expectation was judged"},
		"unknown verifier":   {func(h *history) { h.Manifest.Expectations[0].Verifier = "wishes" }, "no expectation was judged"},
		"no proof":           {func(h *history) { h.Faults[1].Proof = "" }, "no proof of its effect"},
		"never active":       {func(h *history) { h.Faults[1].State = record.FaultDoubtful; h.Faults[1].Err = "boom" }, "never took effect: process.kill (boom)"},
		"never healed":       {func(h *history) { h.Faults = h.Faults[:2] }, "never healed"},
		"heal without proof": {func(h *history) { h.Faults[2].Proof = "" }, "heal left no proof"},
		"error of ours":      {func(h *history) { h.Manifest.Errors = []string{"disk full"} }, "disk full"},
		"error event":        {func(h *history) { h.event(ms, record.KindError, "", "agent gone") }, "agent gone"},
		"fault expired":      {func(h *history) { h.event(ms, record.KindExpired, "", "f1 healed by itself") }, "f1 healed by itself"},
		"not completed":      {func(h *history) { h.Manifest.Completed = false }, "phases"},
		"interrupted":        {func(h *history) { h.Manifest.Interrupted = true }, "interrupted"},
		"cut off":            {func(h *history) { h.Truncated = []string{record.EventsFile} }, "events.jsonl was cut off"},
	} {
		t.Run(name, func(t *testing.T) {
			h := failover().expect("m2", "promotion", `{"to":["m2"]}`, 5100*ms)
			c.spoil(h)
			j := Judge(h.run())
			assert.Equal(t, record.Inconclusive, j.Verdict)
			assert.Contains(t, strings.Join(j.Reasons, "\n"), c.says)
			h.expect("m3", "promotion", `{"to":["m3"]}`, 5100*ms)
			if name != "never active" {
				assert.Equal(t, record.Failed, Judge(h.run()).Verdict, "failed beats inconclusive")
			}
		})
	}
}

func TestJudgeOneShot(t *testing.T) {
	h := failover().expect("m2", "promotion", `{"to":["m2"]}`, 5100*ms)
	h.Faults = h.Faults[:2]
	for i := range h.Faults {
		h.Faults[i].OneShot = true
	}
	assert.Equal(t, record.Passed, Judge(h.run()).Verdict, "nothing is left to heal")
}

func TestJudgeNotDrilled(t *testing.T) {
	h := newHistory()
	h.Manifest.NotDrilled = "no orchestrator here"
	j := Judge(h.run())
	assert.Equal(t, record.NotDrilled, j.Verdict)
	assert.Equal(t, []string{"no orchestrator here"}, j.Reasons)
	data, err := json.Marshal(j)
	require.NoError(t, err)
	assert.NotContains(t, string(data), `:null`)
}

type crashing struct{}

func (crashing) Verify(*record.Run) Result { panic("index out of range") }

type mute struct{}

func (mute) Verify(*record.Run) Result { return Result{} }

func TestACrashIsInconclusive(t *testing.T) {
	r, fine := verify(crashing{}, &record.Run{})
	assert.Equal(t, record.Inconclusive, r.Status)
	assert.Contains(t, r.Note, "index out of range")
	assert.False(t, fine)
	r, fine = verify(mute{}, &record.Run{})
	assert.Equal(t, record.Inconclusive, r.Status)
	assert.False(t, fine)
}

func TestJudgeOfNothing(t *testing.T) {
	j := Judge(&record.Run{})
	assert.Equal(t, record.Inconclusive, j.Verdict)
	assert.Nil(t, j.RTO)
	assert.Nil(t, j.RPO)
	for _, s := range Builtin() { // no verifier passes, or crashes, on an empty record
		params := map[string]string{"failovers": `{"count":0}`, "rto": `{"max_ms":1}`, "interruption": `{"max_ms":1}`,
			"ledger": `{"max_lost":0}`, "endpoint": `{"within_ms":1}`, "fencing": `{"within_ms":1}`, "rejoin": `{"within_ms":1}`,
			"replication": `{"replicas":1}`, "manager": `{"reports":"x"}`, "observed": `{"look":"l1","is":"x"}`, "hook": `{"name":"x","count":0}`, "diagnosed": `{"names":"x","none":true}`,
			"hook_order": `{"names":["x","y"]}`, "hook_given": `{"name":"x","key":"y","value":""}`, "callbacks": `{"node":"x","calls":["y"]}`, "fails_because": `{"text":"x"}`}[s.Name]
		v, err := New(record.Expectation{Verifier: s.Name, Params: json.RawMessage(params)})
		require.NoError(t, err, s.Name)
		for _, run := range []*record.Run{{}, {Manifest: record.Manifest{Final: &record.Final{}}}} {
			r, fine := verify(v, run)
			assert.True(t, fine, s.Name)
			assert.Equal(t, record.Inconclusive, r.Status, s.Name)
		}
	}
}

func TestFailsBecause(t *testing.T) {
	lost, because := "no acknowledged write is lost", `{"text":"Acknowledged Write"}`
	known := func(h *history) record.Judgement {
		h.expect("m2 is promoted", "promotion", `{"to":["m2"]}`, 5100*ms).expect(lost, "ledger", `{"max_lost":0}`, 5100*ms)
		return Judge(h.expect(`the drill fails because "acknowledged write"`, "fails_because", because, 5100*ms).run())
	}
	j := known(losing())
	assert.Equal(t, record.Passed, j.Verdict, j.Reasons)
	assert.Equal(t, record.Failed, j.Expectations[1].Verdict)
	assert.Equal(t, "expected to fail", j.Expectations[1].Note)
	assert.Equal(t, record.Passed, j.Expectations[2].Verdict)

	j = known(failover())
	assert.Equal(t, record.Failed, j.Verdict, "the known-bad set-up did not fail")
	assert.Equal(t, record.Failed, j.Expectations[2].Verdict)

	unread := losing()
	unread.Manifest.Final = nil
	j = known(unread)
	assert.Equal(t, record.Inconclusive, j.Verdict)

	other := failover().expect("m3 is promoted", "promotion", `{"to":["m3"]}`, 5100*ms)
	assert.Equal(t, record.Failed, known(other).Verdict, "another failure is not excused")

	several := losing().expect(lost, "ledger", `{"max_lost":0}`, 5100*ms)
	j = known(several)
	assert.Equal(t, record.Inconclusive, j.Expectations[3].Verdict)
	assert.Contains(t, j.Expectations[3].Note, "several")
	none := Judge(losing().expect("x", "fails_because", because, 0).expect(lost, "ledger", `{"max_lost":0}`, 0).run())
	assert.Equal(t, record.Inconclusive, none.Expectations[0].Verdict, "only what precedes counts")
	assert.Contains(t, none.Expectations[0].Note, "no expectation before")
}

func TestCheck(t *testing.T) {
	for name, params := range map[string]string{
		"promotion": `{"to":["m2","m3"],"not":["m4"],"datacenter":"dc1","old":true,"within_ms":30000}`, "failovers": `{"count":0,"for_ms":20000}`,
		"rto": `{"max_ms":5000,"vantage":"dc2"}`, "interruption": `{"max_ms":1000}`, "ledger": `{"max_lost":5,"vantage":"dc2"}`,
		"endpoint": `{"name":"db.shop.test","kind":"dns","within_ms":5000}`, "split_brain": `{"max_ms":0}`, "fencing": `{"within_ms":10000}`,
		"rejoin": `{"within_ms":60000}`, "replication": `{"replicas":2,"within_ms":30000}`, "errant": `{}`,
		"manager": `{"reports":"DeadMaster"}`, "hook": `{"name":"x","count":1}`, "fails_because": `{"text":"x"}`,
	} {
		assert.NoError(t, Check(name, json.RawMessage(params)), name)
	}
	for name, params := range map[string]string{
		"promotion": `{"with_ms":1}`, "failovers": `{}`, "rto": `{"max_ms":"5s"}`, "interruption": `{}`, "ledger": `{}`, "wishes": `{}`,
		"endpoint": `{"kind":"vip","within_ms":1}`, "split_brain": `{"max_ms":-1}`, "fencing": ``, "rejoin": `{}`,
		"replication": `{"replicas":0}`, "errant": `{} {}`, "manager": `{}`, "hook": `{}`, "fails_because": `{"text":" "}`,
	} {
		assert.Error(t, Check(name, json.RawMessage(params)), name)
	}
}

func TestRegistryDocumentsItself(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range Builtin() {
		assert.False(t, seen[s.Name], s.Name)
		seen[s.Name] = true
		assert.NotEmpty(t, s.Summary)
		for _, p := range s.Params {
			assert.NotEmpty(t, p.Doc, s.Name+"."+p.Name)
		}
	}
}

func TestJudgeLeavesTheRunAlone(t *testing.T) {
	h := failover().expect("", "rto", `{"max_ms":3000}`, 0)
	for i, k := 0, len(h.Ops)-1; i < k; i, k = i+1, k-1 {
		h.Ops[i], h.Ops[k] = h.Ops[k], h.Ops[i]
	}
	before := h.Ops[0]
	start := time.Now()
	j := Judge(&h.Run)
	assert.Equal(t, before, h.Ops[0])
	assert.InDelta(t, 2002, *j.RTO.ValueMS, 1, "out of order is put in order")
	assert.Less(t, time.Since(start), time.Second)
}

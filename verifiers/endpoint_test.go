package verifiers

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/record"
)

// resolving is a failover with the answers that dc2's resolver gives from the flip on.
func resolving(answers func(h *history)) *history {
	h := failover()
	kept := h.Probes[:0]
	for _, p := range h.Probes {
		if p.Vantage == "dc1" || p.T < flipped {
			kept = append(kept, p)
		}
	}
	h.Probes = kept
	answers(h)
	return h
}

func TestEndpoint(t *testing.T) {
	never := resolving(func(h *history) { h.probes("dc2", flipped, end, "m1") })
	late := resolving(func(h *history) {
		h.probes("dc2", flipped, 12*time.Second, "m1").probes("dc2", 12*time.Second, end, "m2")
	})
	back := resolving(func(h *history) {
		h.probes("dc2", flipped, 12*time.Second, "m2").probes("dc2", 12*time.Second, end, "m1")
	})
	hole := resolving(func(h *history) { h.probes("dc2", 12*time.Second, end, "m2") })
	blind := resolving(func(h *history) {})
	stays := failover()
	for _, p := range never.Probes {
		p.Kind = record.ProbeSession
		stays.Probes = append(stays.Probes, p)
	}
	check(t, "endpoint", []scenario{
		{"in time", failover(), `{"name":"db.shop.test","kind":"dns","within_ms":1000}`, record.Passed, "300 ms"},
		{"too late", failover(), `{"name":"db.shop.test","kind":"dns","within_ms":100}`, record.Failed, "after 300 ms"},
		{"one resolver never", never, `{"within_ms":5000}`, record.Failed, "via ns-dc2 from dc2 never led to m2, last led to m1"},
		{"the other resolver", never, `{"within_ms":5000,"vantage":"dc1"}`, record.Passed, ""},
		{"that resolver", never, `{"within_ms":5000,"vantage":"dc2"}`, record.Failed, "never led to m2"},
		{"one resolver late", late, `{"within_ms":5000}`, record.Failed, "followed after 5.5"},
		{"back to the old one", back, `{"within_ms":5000}`, record.Failed, "led to m1 again"},
		{"a hole over the bound", hole, `{"within_ms":2000}`, record.Inconclusive, "not looked at"},
		{"not looked at until the bound", blind, `{"within_ms":2000}`, record.Inconclusive, "not looked at"},
		{"cut off", failover().truncated(6700 * ms), `{"within_ms":2000}`, record.Inconclusive, ""},
		{"cut off afterwards: it may have led back", failover().truncated(9 * time.Second), `{"within_ms":1000}`, record.Inconclusive, "cut off"},
		{"another kind", failover(), `{"kind":"connection","within_ms":1000}`, record.Inconclusive, "never looked at"},
		{"a kept connection that stays behind", stays, `{"kind":"session","within_ms":1000}`, record.Failed, "a connection kept open through db.shop.test via ns-dc2 from dc2 never led to m2"},
		{"though new ones follow", stays, `{"kind":"dns","within_ms":1000}`, record.Passed, ""},
		{"nobody promoted", blip(serving("m1")).probes("dc1", 0, end, "m1"), `{"within_ms":1000}`, record.Inconclusive, "nobody was promoted"},
		{"back in place", restarted(), `{"within_ms":1000}`, record.Passed, ""},
	})
	j := Judge(never.run())
	require.NotNil(t, j.Endpoint)
	assert.Equal(t, "dc2", j.Endpoint.Vantage)
	assert.Nil(t, j.Endpoint.FlipMS)
	assert.Len(t, j.Endpoints, 2)
	j = Judge(failover().run())
	assert.InDelta(t, 1801, *j.Endpoint.FlipMS, 1)
	assert.InDelta(t, 1701, *j.Endpoint.LastOldMS, 1)
	assert.InDelta(t, 103, j.Endpoint.ErrorMS, 2)
}

// A name that we lead after the drilled one is shown beside it, and is never the drill's figure, however slow it is: nobody writes
// through it.
func TestANameThatFollowsIsNotTheDrillsFigure(t *testing.T) {
	h := failover()
	for _, p := range failover().Probes {
		p.Endpoint, p.T, p.Asked = "fdrill-x.drills.test", p.T+2*time.Second, p.Asked+2*time.Second
		h.Probes = append(h.Probes, p)
	}
	h.Manifest.Workload.Endpoint = "" // nobody writes: every endpoint might be the one
	assert.Equal(t, "fdrill-x.drills.test", Judge(h.run()).Endpoint.Name, "the slowest")
	h.Manifest.Endpoints = []record.Endpoint{{Name: "db.shop.test", Kind: record.ProbeDNS}, {Name: "fdrill-x.drills.test", Kind: record.ProbeDNS, Follows: "db.shop.test"}}
	j := Judge(h.run())
	assert.Equal(t, "db.shop.test", j.Endpoint.Name)
	assert.Len(t, j.Endpoints, 4, "both, from both datacenters")
	for name, want := range map[string]record.Verdict{"": record.Passed, "db.shop.test": record.Passed, "fdrill-x.drills.test": record.Failed} {
		h.Manifest.Expectations = nil
		h.expect("a name follows", "endpoint", `{"name":"`+name+`","within_ms":1000}`, 0)
		assert.Equal(t, want, Judge(h.run()).Expectations[0].Verdict, "a promise about %q", name)
	}
}

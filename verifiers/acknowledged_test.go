package verifiers

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/record"
)

func TestWhoAcknowledgedInEachDatacenter(t *testing.T) {
	j := Judge(isolated().run())
	require.Len(t, j.Acknowledged, 4)
	dark, after, first, then := j.Acknowledged[0], j.Acknowledged[1], j.Acknowledged[2], j.Acknowledged[3]

	assert.Equal(t, "dc1 m1", dark.Vantage+" "+dark.Node)
	assert.InDelta(t, 2, dark.FromMS, 0)
	assert.InDelta(t, 7992, dark.ToMS, 0, "beyond the fault")
	assert.Equal(t, 800, dark.Acked)
	assert.Equal(t, 300, *dark.Lost, "what it acknowledged since the fault")
	assert.Equal(t, "dc1 m2", after.Vantage+" "+after.Node)
	assert.Zero(t, *after.Lost)
	assert.Equal(t, "dc2 m1", first.Vantage+" "+first.Node)
	assert.Equal(t, "dc2 m2", then.Vantage+" "+then.Node)
	assert.Less(t, then.FromMS, dark.ToMS, "two nodes at once")
	assert.Empty(t, then.Endpoint, "it had one way only")
}

func TestAStretchOfAcknowledgementsEndsWithAnOutage(t *testing.T) {
	h := bare().writes("dc1", 0, end, serving("m1", span{5 * time.Second, 6500 * ms}, span{8 * time.Second, 8500 * ms})).final("m1", nil)
	got := acknowledged(h.run())
	require.Len(t, got, 2, "a pause of half a second parts nothing")
	assert.InDelta(t, 4992, got[0].ToMS, 0)
	assert.InDelta(t, 6502, got[1].FromMS, 0)

	h.Manifest.Final = nil
	assert.Nil(t, acknowledged(h.run())[0].Lost, "nobody read the rows")
	assert.Len(t, acknowledged(severalWays().run()), 8, "each way has its own")
	assert.Empty(t, acknowledged(&record.Run{}))
}

func TestLedgerOfOneDatacenter(t *testing.T) {
	check(t, "ledger", []scenario{
		{"of all", isolated(), `{"max_lost":299}`, record.Failed, "300 of"},
		{"of the dark one", isolated(), `{"max_lost":299,"vantage":"dc1"}`, record.Failed, "300 of"},
		{"of the other one", isolated(), `{"max_lost":0,"vantage":"dc2"}`, record.Passed, "0 of"},
		{"lost, and they are", isolated(), `{"lost":true,"vantage":"dc1"}`, record.Passed, "300 of"},
		{"lost, and they are not", isolated(), `{"lost":true,"vantage":"dc2"}`, record.Failed, "0 of"},
		{"of a datacenter that wrote nothing", isolated(), `{"max_lost":0,"vantage":"dc9"}`, record.Inconclusive, "no write from dc9"},
	})
	_, err := New(record.Expectation{Verifier: "ledger", Params: []byte(`{"max_window_ms":5,"vantage":"dc1"}`)})
	require.ErrorContains(t, err, "together")
	j := Judge(isolated().expect("x", "ledger", `{"max_lost":0,"vantage":"dc2"}`, struckAt).run())
	assert.Nil(t, j.RPO.TargetLost, "a promise of one datacenter is none of all")
}

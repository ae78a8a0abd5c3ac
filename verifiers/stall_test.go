package verifiers

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/record"
)

// A short stall costs precision, not the figure.
func TestShortStallWidensTheError(t *testing.T) {
	h := failover().event(recover2+5*ms, record.KindStall, "", "", "ms", "120")
	j := Judge(h.run())
	require.NotNil(t, j.RTO.ValueMS)
	assert.Greater(t, j.RTO.ErrorMS, 120.0)
	within := func(bound time.Duration) record.Verdict {
		return RTO{MaxMS: Millis(bound.Milliseconds())}.Verify(h.run()).Status
	}
	value := time.Duration(*j.RTO.ValueMS) * time.Millisecond
	assert.Equal(t, record.Passed, within(value+time.Second))
	assert.Equal(t, record.Inconclusive, within(value+50*ms), "the bound lies within the error")
	assert.Equal(t, record.Failed, within(value-time.Second))
}

// A long stall takes the figure back, and with it the promises that rest on it; the others stand.
func TestLongStallTakesTheFigureBack(t *testing.T) {
	h := failover().event(recover2, record.KindStall, "", "", "ms", "500").expect("m2", "promotion", `{"to":["m2"]}`, 5100*ms)
	j := Judge(h.run())
	assert.Equal(t, record.Passed, j.Verdict)
	assert.Nil(t, j.RTO.ValueMS)
	assert.False(t, j.RTO.Uninterrupted, "unknown, not zero")
	require.Len(t, j.Findings, 2, "one for each vantage")
	assert.Contains(t, j.Findings[0].Summary, "could not be told")

	h.expect("writes are back", "rto", `{"max_ms":60000}`, 5200*ms)
	assert.Equal(t, record.Inconclusive, Judge(h.run()).Verdict, "a promise that rests on the figure")
}

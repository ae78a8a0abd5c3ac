package verifiers

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/firedrill/firedrill/harness/record"
)

// A promise that was missed on a starved host is doubtful, one that was missed by more than that is failed, and one that was
// kept is kept.
func TestAStarvedHost(t *testing.T) {
	const back = 3 * time.Second // from the fault to the first write of failover()
	value := time.Duration(*Judge(failover().run()).RTO.ValueMS) * time.Millisecond
	assert.InDelta(t, back.Seconds(), value.Seconds(), 3, "the test's own history")
	lacking := func(d time.Duration) *record.Run {
		return failover().event(5*time.Second+value, record.KindStarved, "", "", "ms", strconv.FormatInt(d.Milliseconds(), 10)).run()
	}
	rto := func(bound, starved time.Duration) Result {
		return RTO{MaxMS: Millis(bound.Milliseconds())}.Verify(lacking(starved))
	}
	gap := func(bound, starved time.Duration) Result {
		return Interruption{MaxMS: Millis(bound.Milliseconds())}.Verify(lacking(starved))
	}
	for name, verify := range map[string]func(bound, starved time.Duration) Result{"rto": rto, "interruption": gap} {
		assert.Equal(t, record.Failed, verify(value-time.Second, 100*ms).Status, "%s: too long without that, too", name)
		missed := verify(value-300*ms, value*9/10)
		assert.Equal(t, record.Inconclusive, missed.Status, name)
		assert.Contains(t, missed.Note, "too few processors", name)
		assert.Equal(t, record.Passed, verify(value+time.Second, value*9/10).Status, "%s: kept all the same", name)
	}
	assert.Contains(t, Disturbed(lacking(time.Second)), "for 1.000 s of it this machine had too few processors")
}

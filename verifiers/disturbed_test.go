package verifiers

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/firedrill/firedrill/harness/record"
)

func TestDisturbed(t *testing.T) {
	assert.Empty(t, Disturbed(failover().run()), "a database that fails is no disturbance")

	stalled := failover().event(recover2, record.KindStall, "", "", "ms", "500").run()
	assert.Contains(t, Disturbed(stalled), "stalled for 500 ms")
	short := failover().event(recover2, record.KindStall, "", "", "ms", "20").run()
	assert.Empty(t, Disturbed(short), "less than the writers put up with")

	late := failover().run()
	late.Ops[200].Start += 900 * ms
	assert.Contains(t, Disturbed(late), "late")
}

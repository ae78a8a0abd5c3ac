package scenarios

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/record"
)

// A second failover is waited for from the second blow: the first one's promotion is none of it.
func TestASecondPromotionIsWaitedFor(t *testing.T) {
	r, err := NewRun(Config{Provider: nowhere{}, Out: t.TempDir()})
	require.NoError(t, err)
	d, err := r.Drill(Scenario{ID: "twice", Name: "two failovers"})
	require.NoError(t, err)
	d.manifest.Primary = "p1"
	second := func(n int) time.Duration { return time.Duration(n) * time.Second }
	leads := func(node string, at time.Duration) {
		d.tracker.Sample(record.Sample{Node: node, T: at, Alive: true, Role: record.RolePrimary, Writable: true})
	}
	promised := func() {
		require.NoError(t, d.Expect("a new primary is promoted within 10 seconds", "promotion", map[string]any{"within_ms": 10000}))
	}
	seen := func() string {
		s, _ := d.tracker.promotedSince(d.blow.began, d.blow.primary)
		return s.node
	}
	leads("p1", second(1))
	d.struck(second(5))
	d.struck(second(6))
	assert.Equal(t, blow{began: second(5), primary: "p1"}, d.blow, "two deeds with no promise between them are one blow")
	assert.Empty(t, seen())
	leads("p3", second(8))
	d.tracker.Sample(record.Sample{Node: "p1", T: second(9), Alive: true, Role: record.RoleReplica, Source: "p3"})
	assert.Equal(t, "p3", seen())
	promised()

	d.struck(second(20))
	assert.Equal(t, blow{began: second(20), primary: "p3", promises: 1}, d.blow)
	assert.Empty(t, seen(), "p3 was promoted by the first failover")
	leads("p1", second(25))
	assert.Equal(t, "p1", seen())
	assert.Equal(t, second(5), d.firstFault)
}

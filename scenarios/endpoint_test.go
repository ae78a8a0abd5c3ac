package scenarios

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/record"
)

// A name has just been cached when every resolver has asked again: its TTL rose, from whatever it was.
func TestWhenResolversHaveAskedAgain(t *testing.T) {
	rec, err := record.Create(t.TempDir())
	require.NoError(t, err)
	defer rec.Close()
	tracked := newTracker(rec)
	look := func(at time.Duration, vantage, answer string, ttl int) {
		tracked.Probe(record.Probe{T: at, Asked: at, Vantage: vantage, Endpoint: "db.shop.test", Kind: record.ProbeDNS, Via: "r-" + vantage, Answer: answer, TTL: ttl})
	}
	stale := func(now time.Duration) []string {
		names, any := tracked.stale("db.shop.test", now, 2*time.Second)
		assert.True(t, any)
		return names
	}
	_, any := tracked.stale("db.shop.test", 0, time.Second)
	assert.False(t, any, "nobody has looked")

	look(time.Second, "dc1", "m1", 30)
	look(time.Second, "dc2", "", 0) // no answer
	look(2*time.Second, "dc2", "m1", 30)
	assert.Len(t, stale(2*time.Second), 2, "nobody knows how long it has been kept")
	look(31*time.Second, "dc1", "m1", 0) // in its last half second
	look(32*time.Second, "dc1", "m1", 30)
	assert.Equal(t, []string{"dc2 via r-dc2 keeps it for 30 more seconds"}, stale(32*time.Second))
	look(32*time.Second, "dc2", "m1", 1)
	look(33*time.Second, "dc2", "m1", 30)
	assert.Empty(t, stale(33*time.Second))
	assert.Len(t, stale(40*time.Second), 2, "that was long ago")
}

// Two that take writes at once are each seen promoted once: the later one is the promoted node, whoever speaks last.
func TestTwoPrimariesAreSeenOnceEach(t *testing.T) {
	rec, err := record.Create(t.TempDir())
	require.NoError(t, err)
	defer rec.Close()
	tracked := newTracker(rec)
	for at := time.Second; at < 10*time.Second; at += time.Second {
		tracked.Sample(record.Sample{T: at, Node: "m1", Alive: true, Writable: true, Role: record.RolePrimary})
		role, writable := record.RoleReplica, false
		if at >= 5*time.Second {
			role, writable = record.RolePrimary, true
		}
		tracked.Sample(record.Sample{T: at, Node: "m2", Alive: true, Writable: writable, Role: role})
	}
	tracked.Sample(record.Sample{T: 10 * time.Second, Node: "m1", Alive: true, Writable: true, Role: record.RolePrimary})
	s, ok := tracked.promotedSince(2*time.Second, "m1")
	assert.True(t, ok)
	assert.Equal(t, sighting{"m2", 5 * time.Second}, s)
}

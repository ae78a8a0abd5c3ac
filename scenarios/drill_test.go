package scenarios

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/record"
)

// What is given after the topology stands would be ignored in silence: an application that never writes loses nothing.
func TestGivenTooLateIsRefused(t *testing.T) {
	d := &Drill{stands: true, settings: harness.Settings{}}
	for name, err := range map[string]error{
		"topology": d.Topology("mysql-3"),
		"setting":  d.Set("mysql", "back_log", "1"),
		"load":     d.Load(100, ""),
		"retry":    d.Retry(1, time.Second),
		"deadline": d.Deadline(time.Second),
	} {
		assert.ErrorIs(t, err, errStands, name)
	}
	assert.Empty(t, d.load.ways)
}

func TestLoadIsBounded(t *testing.T) {
	d := &Drill{}
	assert.ErrorContains(t, d.Load(0, ""), "from 1 to 1000")
	assert.ErrorContains(t, d.Load(1001, ""), "from 1 to 1000")
	assert.NoError(t, d.Load(100, ""))
	assert.Equal(t, []record.Way{{Tick: 10 * time.Millisecond}}, d.load.ways)
}

func TestEachEndpointHasWritersOfItsOwn(t *testing.T) {
	d := &Drill{}
	require.NoError(t, d.Load(100, "db.shop.test"))
	require.NoError(t, d.Load(5, "proxy.shop.test"))
	require.NoError(t, d.Load(10, "db.shop.test"))
	assert.Equal(t, []record.Way{
		{Endpoint: "db.shop.test", Tick: 100 * time.Millisecond}, {Endpoint: "proxy.shop.test", Tick: 200 * time.Millisecond},
	}, d.load.ways, "the later rate holds")
	d.manifest.Workload = d.workload([]way{{harness.Endpoint{Name: "a"}, 1}, {harness.Endpoint{Name: "b"}, 2}})
	assert.Equal(t, "a", d.manifest.Workload.Endpoint)
	assert.Len(t, d.manifest.Workload.Ways, 2)
	assert.Empty(t, d.workload([]way{{harness.Endpoint{Name: "a"}, 1}}).Ways, "one way is recorded as it always was")
}

func TestWritesFlowWhenTheyDoByEveryWay(t *testing.T) {
	rec, err := record.Create(t.TempDir())
	require.NoError(t, err)
	defer rec.Close()
	tr := newTracker(rec)
	lanes := []laneKey{{"dc1", "db.shop.test"}, {"dc1", "proxy.shop.test"}}
	ack := func(endpoint string, at time.Duration) {
		tr.Op(record.Op{Vantage: "dc1", Endpoint: endpoint, Outcome: record.Acked, Start: at, End: at})
	}
	ack("db.shop.test", time.Second)
	assert.Equal(t, []string{"dc1 through proxy.shop.test"}, tr.writing(lanes, 0, time.Second, recent))
	ack("proxy.shop.test", time.Second)
	assert.Empty(t, tr.writing(lanes, 0, time.Second, recent))
	assert.Len(t, tr.writing(lanes, 0, time.Minute, recent), 2)
}

package verifiers

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/record"
)

// onTimelines is a failover from m1 to m2 that PostgreSQL counts as one from timeline 1 to 2, and a return in place
// on timeline 3.
func onTimelines() *history {
	h := failover()
	h.Manifest.Kind = "patroni"
	h.Manifest.Environment = map[string]string{"leader": "m1", "timeline": "1"}
	h.Manifest.Final.Timeline = 3
	h.Manifest.Final.Forks = []record.Fork{{Timeline: 1, At: "0/5000000"}, {Timeline: 2, At: "0/6000000"}}
	h.Events = append(h.Events,
		record.Event{Kind: record.KindPromoted, Node: "m2", T: struckAt + 500*ms, Attrs: map[string]string{"timeline": "2"}},
		record.Event{Kind: record.KindManager, Node: "m2", T: struckAt + 900*ms, Attrs: map[string]string{"timeline": "3"}})
	return h
}

func TestTheHistoryOfTimelines(t *testing.T) {
	h := onTimelines()
	found := diagnosed(timelines, h)
	require.Len(t, found, 1)
	assert.Equal(t, record.SeverityInfo, found[0].Severity)
	assert.Equal(t, "the history at the end: timeline 1 of m1 up to 0/5000000, then timeline 2 of m2 up to 0/6000000, then timeline 3 of m2", found[0].Summary)
	judged(t, h, found[0])

	same := onTimelines()
	same.Manifest.Final.Timeline, same.Manifest.Final.Forks = 1, nil
	assert.Empty(t, diagnosed(timelines, same), "nothing happened to it")
	unnamed := onTimelines()
	unnamed.Events = nil
	assert.Contains(t, diagnosed(timelines, unnamed)[0].Summary, "then timeline 2 up to 0/6000000, then timeline 3")
	assert.Empty(t, diagnosed(timelines, failover()), "MySQL has none")
}

func TestTwoTimelinesOfOneNumber(t *testing.T) {
	h := onTimelines()
	h.Events = append(h.Events, record.Event{Kind: record.KindPromoted, Node: "m1", T: struckAt + 1500*ms, Attrs: map[string]string{"timeline": "2"}})
	found := diagnosed(timelines, h)
	require.Len(t, found, 2)
	assert.Equal(t, record.SeverityCritical, found[0].Severity)
	assert.Equal(t, "two timelines are called 2: that of m2, and that of m1, which was promoted later and has not what m2 wrote on its own", found[0].Summary)
	assert.Contains(t, found[0].Remedy, "check_timeline: true")
	judged(t, h, found[0])

	again := onTimelines()
	again.Events = append(again.Events, record.Event{Kind: record.KindPromoted, Node: "m2", T: struckAt + 1500*ms, Attrs: map[string]string{"timeline": "2"}})
	assert.Len(t, diagnosed(timelines, again), 1, "said twice of one node")
}

func TestANodeThatCannotFollow(t *testing.T) {
	h := onTimelines()
	h.Manifest.Final.Nodes[0].Errant = "timeline 1 up to 0/5000060; the leader's history leaves timeline 1 at 0/5000000"
	found := diagnosed(timelines, h)
	require.Len(t, found, 2)
	assert.Equal(t, record.SeverityCritical, found[0].Severity)
	assert.Equal(t, "m1 cannot follow m2: it has timeline 1 up to 0/5000060; the leader's history leaves timeline 1 at 0/5000000", found[0].Summary)
	assert.Contains(t, found[0].Remedy, "wal_sender_timeout")
	judged(t, h, found[0])

	h.Manifest.Settings = map[string]string{"patroni/postgresql.use_pg_rewind": "false"}
	assert.Contains(t, diagnosed(timelines, h)[0].Remedy, "use_pg_rewind: true")
	errant := verifyWith(t, h, "errant", `{}`)
	assert.Equal(t, record.Failed, errant.Status)
	assert.NotContains(t, errant.Findings[0].Remedy, "purged")
}

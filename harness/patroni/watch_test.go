package patroni

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/record"
)

func held(by string) keys { return keys{"leader": {Value: by}} }

// told is kind, node and message of events, for comparison.
func told(events []record.Event) (out [][3]string) {
	for _, e := range events {
		out = append(out, [3]string{e.Kind, e.Node, e.Msg})
	}
	return out
}

func TestWatcherTellsAFailover(t *testing.T) {
	w := newWatcher()
	require.Empty(t, w.keysSeen(held("p1"), nil))
	require.Empty(t, w.statusSeen("p1", Status{Role: rolePrimary, State: running, Timeline: 2}))
	require.Empty(t, w.statusSeen("p2", Status{Role: "replica", State: running, Timeline: 2}))
	require.Equal(t, [][3]string{{record.KindDetected, "p1", "leader key lost"}}, told(w.keysSeen(keys{}, nil)))
	require.Empty(t, w.keysSeen(keys{}, nil), "said once")
	require.Equal(t, [][3]string{{record.KindPromotionStarted, "p2", "leader key taken"}}, told(w.keysSeen(held("p2"), nil)))
	require.Empty(t, w.statusSeen("p2", Status{Role: "replica", State: running, Timeline: 2}), "it holds the key and is still in recovery")
	events := w.statusSeen("p2", Status{Role: rolePrimary, State: running, Timeline: 3})
	require.Equal(t, [][3]string{{record.KindManager, "p2", "role primary, was replica (running)"}, {record.KindPromoted, "p2", "runs as primary"}}, told(events))
	require.Equal(t, map[string]string{"timeline": "3", "previous": "p1"}, events[1].Attrs)
	require.Empty(t, w.statusSeen("p2", Status{Role: rolePrimary, State: running, Timeline: 3}))
}

// A switchover passes the key on between two looks.
func TestWatcherTellsAKeyPassedOn(t *testing.T) {
	w := newWatcher()
	w.keysSeen(held("p1"), nil)
	request := held("p1")
	request["failover"] = key{Value: `{"leader":"p1","member":"p3"}`}
	require.Equal(t, [][3]string{{record.KindManager, "", `request of an operator: {"leader":"p1","member":"p3"}`}}, told(w.keysSeen(request, nil)))
	require.Equal(t, [][3]string{
		{record.KindDetected, "p1", "leader key lost"}, {record.KindPromotionStarted, "p3", "leader key taken"},
	}, told(w.keysSeen(held("p3"), nil)))
}

// Loss of the quorum: the same node leads again, on a new timeline. That is no failover.
func TestWatcherTellsALeaderThatReturns(t *testing.T) {
	w := newWatcher()
	w.keysSeen(held("p1"), nil)
	w.statusSeen("p1", Status{Role: rolePrimary, State: running, Timeline: 2})
	lost := errors.New("no answer")
	require.Empty(t, w.keysSeen(nil, lost))
	require.Empty(t, w.keysSeen(nil, lost))
	require.Equal(t, [][3]string{{record.KindManager, "", errNoDCS.Error()}}, told(w.keysSeen(nil, lost)))
	require.Empty(t, w.keysSeen(nil, lost))
	require.Equal(t, [][3]string{
		{record.KindManager, "", "etcd answers again"}, {record.KindDetected, "p1", "leader key lost"},
	}, told(w.keysSeen(keys{}, nil)))
	require.Equal(t, [][3]string{{record.KindManager, "p1", "leader key back with the same node"}}, told(w.keysSeen(held("p1"), nil)))
	require.Equal(t, [][3]string{{record.KindManager, "p1", "timeline 3, was 2, with the same leader"}},
		told(w.statusSeen("p1", Status{Role: rolePrimary, State: running, Timeline: 3})))
}

func TestWatcherTellsFailsafePauseAndStandbys(t *testing.T) {
	w := newWatcher()
	w.keysSeen(held("p1"), nil)
	require.Equal(t, [][3]string{{record.KindManager, "p1", "failsafe mode is active"}}, told(w.statusSeen("p1", Status{FailsafeModeIsActive: true})))
	require.Equal(t, [][3]string{{record.KindManager, "p1", "failsafe mode ended"}}, told(w.statusSeen("p1", Status{})))
	k := held("p1")
	k["config"] = key{Value: `{"pause":true,"ttl":20}`}
	k["sync"] = key{Value: `{"leader":"p1","sync_standby":"p2"}`}
	require.Equal(t, [][3]string{
		{record.KindManager, "", "paused: Patroni fails over to nobody"}, {record.KindManager, "", "synchronous standby: p2, was nobody"},
	}, told(w.keysSeen(k, nil)))
}

package verifiers

import (
	"testing"
	"time"

	"github.com/firedrill/firedrill/harness/record"
)

func TestCallbacks(t *testing.T) {
	called := func() *history {
		h := failover().event(time.Second, record.KindHook, "m1", "x", "name", "x", "cause", "on_start primary", "started", "1.000")
		// Their lines are written when they end: the first to begin is the last to end.
		h.event(8*time.Second, record.KindHook, "m1", "x", "name", "x", "cause", "on_role_change replica", "started", "7.500")
		h.event(8100*ms, record.KindHook, "m1", "x", "name", "x", "cause", "on_stop primary", "started", "5.200")
		return h.event(7*time.Second, record.KindHook, "m2", "x", "name", "x", "cause", "on_role_change primary", "started", "6.500")
	}
	const right = `{"node":"m1","calls":["on_stop primary","on_role_change replica"]}`
	check(t, "callbacks", []scenario{
		{"in order", called(), right, record.Passed, "on_stop primary, on_role_change replica"},
		{"in another order", called(), `{"node":"m1","calls":["on_role_change replica","on_stop primary"]}`, record.Failed, "on_stop primary, on_role_change replica"},
		{"an action, whatever the role", called(), `{"node":"m1","calls":["on_stop","on_role_change replica"]}`, record.Passed, ""},
		{"an action that only begins with it", called(), `{"node":"m1","calls":["on","on_role_change replica"]}`, record.Failed, ""},
		{"one is missing", called(), `{"node":"m1","calls":["on_stop primary"]}`, record.Failed, ""},
		{"of another node", called(), `{"node":"m2","calls":["on_role_change primary"]}`, record.Passed, ""},
		{"none", called(), `{"node":"m3","calls":["on_start replica"]}`, record.Failed, "none"},
		{"a record that is cut off", called().truncated(9 * time.Second), right, record.Inconclusive, "cut off"},
	})
}

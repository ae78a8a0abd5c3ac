package verifiers

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/record"
)

// losing is a failover that lost what was acknowledged in the last 300 ms before the fault.
func losing() *history {
	return failover().final("m2", func(op record.Op) bool { return op.End >= struckAt-300*ms && op.End < struckAt })
}

// isolated is a failover in which the old primary goes on acknowledging writes of its datacenter until 8 s, and loses
// them.
func isolated() *history {
	h := bare()
	h.writes("dc1", 0, 8*time.Second, serving("m1")).writes("dc1", 8*time.Second, end, serving("m2"))
	h.writes("dc2", 0, struckAt, serving("m1")).writes("dc2", struckAt, end, serving("m2", span{struckAt, recover2}))
	h.unsample("m1", span{struckAt, 8 * time.Second}).samples("m1", struckAt, 8*time.Second, primary)
	h.Sort()
	return h.final("m2", func(op record.Op) bool { return op.Server == "m1" && op.End > struckAt })
}

func TestLedger(t *testing.T) {
	unread, unsettled, short, empty := failover(), failover(), failover(), failover()
	unread.Manifest.Final = nil
	unsettled.Manifest.Final.Complete = false
	short.Rows = short.Rows[:100]
	empty.Rows, empty.Manifest.Final.RowCount = nil, 0
	alien := failover()
	alien.Rows = append(alien.Rows, record.Row{ID: 1 << 40})
	interrupted := failover()
	interrupted.Manifest.Interrupted = true
	silent := bare()
	silent.final("m2", nil)
	check(t, "ledger", []scenario{
		{"nothing lost", failover(), `{"max_lost":0}`, record.Passed, "0 of"},
		{"some lost", losing(), `{"max_lost":0}`, record.Failed, "60 of"},
		{"no more than allowed", losing(), `{"max_lost":60}`, record.Passed, ""},
		{"window", losing(), `{"max_window_ms":300}`, record.Passed, "window 298 ms"},
		{"window too long", losing(), `{"max_window_ms":250}`, record.Failed, ""},
		{"lost after the fault", isolated(), `{"max_window_ms":0}`, record.Passed, "acknowledged after"},
		{"lost after the fault is lost", isolated(), `{"max_lost":0}`, record.Failed, ""},
		{"meant to lose", losing(), `{"lost":true}`, record.Passed, ""},
		{"meant to lose and does not", failover(), `{"lost":true}`, record.Failed, ""},
		{"not read", unread, `{"max_lost":0}`, record.Inconclusive, "not read"},
		{"not settled", unsettled, `{"max_lost":0}`, record.Inconclusive, "settled"},
		{"rows missing", short, `{"max_lost":0}`, record.Inconclusive, "on record"},
		{"no rows", empty, `{"max_lost":0}`, record.Inconclusive, "not one row"},
		{"a row of nobody", alien, `{"max_lost":0}`, record.Inconclusive, "no recorded write"},
		{"interrupted", interrupted, `{"max_lost":0}`, record.Inconclusive, "interrupted"},
		{"cut off", failover().truncated(10 * time.Second), `{"max_lost":0}`, record.Inconclusive, ""},
		{"no writes", silent, `{"max_lost":0}`, record.Inconclusive, "no write was acknowledged"},
	})
}

func TestLedgerCounts(t *testing.T) {
	h := newHistory().fault("process.kill", "m1", struckAt, 9*time.Second)
	op := func(id int64, attempt int, o record.Outcome, at time.Duration) {
		h.Ops = append(h.Ops, record.Op{ID: id, Attempt: attempt, Vantage: "dc1", Node: "app1", Due: at, Start: at, End: at + ms, Outcome: o, Server: "m1"})
	}
	op(1, 0, record.Acked, ms)
	op(2, 0, record.Indeterminate, 2*ms) // and there
	op(3, 0, record.Indeterminate, 3*ms) // and not there
	op(4, 0, record.Rejected, 4*ms)
	op(5, 0, record.Rejected, 5*ms) // and there all the same
	op(6, 0, record.Indeterminate, 6*ms)
	op(6, 1, record.Acked, 7*ms) // the retry wrote it twice
	op(7, 0, record.Acked, 8*ms) // lost
	h.Rows = []record.Row{{ID: 1}, {ID: 2}, {ID: 5}, {ID: 6}, {ID: 6, Attempt: 1}}
	h.Manifest.Final = &record.Final{Primary: "m1", Complete: true, RowCount: 5, WaitedFor: "replay"}
	l := readLedger(h.run())
	assert.Equal(t, record.RPO{Attempted: 7, Acked: 3, Lost: 1, Rejected: 2, Unknown: 2, UnknownPresent: 1, Unexpected: 1,
		Duplicates: 1, WindowMS: 4991, WaitedFor: "replay", LostIDs: []string{"dc1/7"}}, l.RPO)
	assert.Len(t, l.findings(), 3)
	j := Judge(h.expect("", "ledger", `{"max_lost":3}`, 0).expect("", "ledger", `{"max_lost":2}`, 0).run())
	require.NotNil(t, j.RPO)
	assert.Equal(t, 2, *j.RPO.TargetLost)
}

func TestDeposed(t *testing.T) {
	assert.Empty(t, deposed(failover().run()))
	h := isolated()
	late := deposed(h.run())
	// m2's first write is acknowledged at 7.002 s, and m1 acknowledges from 7.012 s until 7.992 s.
	assert.Equal(t, 99, len(late))
	j := Judge(h.run())
	assert.Equal(t, 99, j.RPO.Deposed)
}

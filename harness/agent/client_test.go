package agent

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/sourcegraph/jsonrpc2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/record"
)

// elsewhere is an agent on another kernel, whose clock is ahead.
type elsewhere struct {
	ahead time.Duration
	conn  *jsonrpc2.Conn
}

func (e *elsewhere) clock() int64 { return Monotonic() + int64(e.ahead) }

func (e *elsewhere) Handle(ctx context.Context, conn *jsonrpc2.Conn, req *jsonrpc2.Request) {
	_ = conn.Reply(ctx, req.ID, Hello{BootID: "another kernel", Clock: e.clock()})
}

func dialElsewhere(t *testing.T, ahead time.Duration) (*Client, *elsewhere) {
	t.Helper()
	here, there := net.Pipe()
	e := &elsewhere{ahead: ahead}
	e.conn = jsonrpc2.NewConn(t.Context(), jsonrpc2.NewPlainObjectStream(there), jsonrpc2.AsyncHandler(e))
	c, err := Dial(t.Context(), "vm1", here, Introduction{Owner: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close(); _ = e.conn.Close() })
	return c, e
}

// The clock of another kernel is measured, and the error that is stated holds.
func TestClockOfAnotherKernel(t *testing.T) {
	for _, ahead := range []time.Duration{0, 1234 * time.Second, -77 * time.Hour} {
		c, _ := dialElsewhere(t, ahead)
		clock := c.Clock()
		assert.Equal(t, "ping", clock.Method)
		assert.Greater(t, clock.Error, time.Duration(0))
		assert.LessOrEqual(t, (clock.Offset - ahead).Abs(), clock.Error)
	}
}

type kept struct {
	mu      sync.Mutex
	ops     []record.Op
	samples []record.Sample
	probes  []record.Probe
	events  []record.Event
}

func (k *kept) Op(o record.Op) { k.mu.Lock(); defer k.mu.Unlock(); k.ops = append(k.ops, o) }
func (k *kept) Sample(s record.Sample) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.samples = append(k.samples, s)
}
func (k *kept) Probe(p record.Probe) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.probes = append(k.probes, p)
}
func (k *kept) Event(e record.Event) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.events = append(k.events, e)
}

// Whatever the node's clock says, reports arrive in the drill's time.
func TestReportsAreInTheDrillsTime(t *testing.T) {
	c, e := dialElsewhere(t, 5*time.Hour)
	sink := &kept{}
	epoch := Monotonic()
	c.Report(sink, epoch)
	now := time.Duration(e.clock())
	require.NoError(t, e.conn.Notify(t.Context(), NotifyOp, record.Op{ID: 7, Due: now, Start: now, End: now + time.Second}))
	require.NoError(t, e.conn.Notify(t.Context(), NotifySample, record.Sample{Asked: now, T: now}))
	require.NoError(t, e.conn.Notify(t.Context(), NotifyProbe, record.Probe{Asked: now, T: now}))
	require.NoError(t, e.conn.Notify(t.Context(), NotifyEvent, record.Event{T: now, Msg: "x"}))
	require.Eventually(t, func() bool {
		sink.mu.Lock()
		defer sink.mu.Unlock()
		return len(sink.events) == 1
	}, 10*time.Second, time.Millisecond)
	sink.mu.Lock()
	defer sink.mu.Unlock()
	near := func(want, got time.Duration) {
		t.Helper()
		assert.LessOrEqual(t, (want - got).Abs(), 5*time.Second, "far from five hours")
	}
	near(0, sink.ops[0].Start)
	near(time.Second, sink.ops[0].End)
	near(0, sink.samples[0].T)
	near(0, sink.probes[0].T)
	near(0, sink.events[0].T)
	assert.Equal(t, "vm1", sink.events[0].Node, "an event without a node is of the one that reports it")
	near(c.Time(int64(now)), sink.ops[0].Start)
}

func TestGoneAgent(t *testing.T) {
	c, e := dialElsewhere(t, 0)
	_ = e.conn.Close()
	select {
	case <-c.Gone():
	case <-time.After(10 * time.Second):
		t.Fatal("the end of the stream was not noticed")
	}
	_, err := c.Faults(t.Context())
	assert.ErrorContains(t, err, "vm1")
}

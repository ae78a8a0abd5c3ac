package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/sourcegraph/jsonrpc2"
	"golang.org/x/sys/unix"

	"github.com/firedrill/firedrill/harness/record"
)

// Sink takes what agents report. record.Recorder is one.
type Sink interface {
	Op(record.Op)
	Sample(record.Sample)
	Probe(record.Probe)
	Event(record.Event)
}

// Client speaks to the agent of one node. It is safe for concurrent use.
type Client struct {
	name string

	mu    sync.Mutex // of all below: a Resume replaces what a session has
	conn  *jsonrpc2.Conn
	stop  context.CancelFunc
	hello Hello
	clock record.Clock
	sink  Sink
	epoch int64 // controller's monotonic clock at the drill's time zero
	begun []begun
}

// Monotonic is this machine's monotonic clock in nanoseconds, the same for every process and container on it.
func Monotonic() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(err) // CLOCK_MONOTONIC is there on every Linux
	}
	return ts.Nano()
}

// BootID names this boot of this machine's kernel, or is empty where it cannot be told.
func BootID() string {
	data, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(data))
}

// Dial opens a session over a stream to the node's agent and keeps its lease.
func Dial(ctx context.Context, name string, stream io.ReadWriteCloser, intro Introduction) (*Client, error) {
	c := &Client{name: name}
	if err := c.greet(ctx, stream, intro); err != nil {
		return nil, err
	}
	return c, nil
}

// Close ends the session. An owner's session takes its faults with it.
func (c *Client) Close() error {
	conn, stop := c.link()
	stop()
	if err := conn.Close(); err != nil && !errors.Is(err, jsonrpc2.ErrClosed) {
		return fmt.Errorf("close agent session of %s: %w", c.name, err)
	}
	return nil
}

// Gone is closed when the session has ended, by either side.
func (c *Client) Gone() <-chan struct{} {
	conn, _ := c.link()
	return conn.DisconnectNotify()
}

// Hello returns what the agent said of itself.
func (c *Client) Hello() Hello {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hello
}

// Clock says how the node's clock is converted.
func (c *Client) Clock() record.Clock {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.clock
}

// measureClock finds the offset of the node's clock: zero on the same kernel, else by the quickest of several
// exchanges, whose half round trip bounds the error (Cristian's algorithm).
func measureClock(ctx context.Context, conn *jsonrpc2.Conn, hello Hello) (record.Clock, error) {
	if id := BootID(); id != "" && id == hello.BootID {
		return record.Clock{Method: record.SameKernel}, nil
	}
	var clock record.Clock
	best := time.Duration(1<<63 - 1)
	for range 15 {
		var h Hello
		sent := Monotonic()
		if err := conn.Call(ctx, MethodClock, nil, &h); err != nil {
			return clock, err
		}
		back := Monotonic()
		if trip := time.Duration(back - sent); trip < best {
			best = trip
			clock = record.Clock{Method: "ping", Offset: time.Duration(h.Clock - (sent+back)/2), Error: trip / 2}
		}
	}
	return clock, nil
}

func keepLease(ctx context.Context, conn *jsonrpc2.Conn) {
	tick := time.NewTicker(Lease / 5)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			callCtx, cancel := context.WithTimeout(ctx, Lease)
			_ = conn.Call(callCtx, MethodClock, nil, nil) // an error shows in Gone
			cancel()
		}
	}
}

// Report sends what the agent reports to sink from now on, timed from epoch (the controller's Monotonic at the
// drill's time zero).
func (c *Client) Report(sink Sink, epoch int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sink, c.epoch = sink, epoch
}

// Time converts a stamp of the node's clock to the drill's time.
func (c *Client) Time(node int64) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Duration(node-c.epoch) - c.clock.Offset
}

// Call makes any call of the protocol.
func (c *Client) Call(ctx context.Context, method string, params, result any) error {
	conn, _ := c.link()
	if err := conn.Call(ctx, method, params, result); err != nil {
		var remote *jsonrpc2.Error
		if errors.As(err, &remote) {
			return fmt.Errorf("%s: %s", c.name, remote.Message)
		}
		return fmt.Errorf("%s: %s: %w", c.name, method, err)
	}
	return nil
}

func call[R any](ctx context.Context, c *Client, method string, params any) (R, error) {
	var r R
	err := c.Call(ctx, method, params, &r)
	return r, err
}

// Put writes files into the node.
func (c *Client) Put(ctx context.Context, files ...File) error {
	return c.Call(ctx, MethodPut, files, nil)
}

// Read returns a file of the node, or its last 4 MiB.
func (c *Client) Read(ctx context.Context, path string) ([]byte, error) {
	f, err := call[File](ctx, c, MethodRead, Named(path))
	return f.Data, err
}

// Exec runs a command in the node. A code other than 0 is returned, not an error.
func (c *Client) Exec(ctx context.Context, cmd Command) (Output, error) {
	return call[Output](ctx, c, MethodExec, cmd)
}

// Define declares a process, or replaces the declaration of one that does not run.
func (c *Client) Define(ctx context.Context, p Process) error {
	return c.Call(ctx, MethodDefine, p, nil)
}

// Start starts a declared process; starting one that runs is not an error.
func (c *Client) Start(ctx context.Context, name string) error {
	return c.Call(ctx, MethodStart, Named(name), nil)
}

// Stop stops a process cleanly and keeps it down. It is not a fault: nothing restarts it at a heal.
func (c *Client) Stop(ctx context.Context, name string) error {
	return c.Call(ctx, MethodStop, Named(name), nil)
}

// Processes lists what the agent supervises.
func (c *Client) Processes(ctx context.Context) ([]ProcessState, error) {
	return call[[]ProcessState](ctx, c, MethodProcesses, nil)
}

// Do does a deed as a part of a fault. After atMost the agent heals the fault by itself; 0 means never.
func (c *Client) Do(ctx context.Context, fault string, d Deed, atMost time.Duration) (Stamp, error) {
	spec, err := json.Marshal(d)
	if err != nil {
		return Stamp{}, fmt.Errorf("encode %s: %w", d.Kind(), err)
	}
	return call[Stamp](ctx, c, MethodDo, Order{Fault: fault, Kind: d.Kind(), Spec: spec, AtMost: atMost})
}

// Can asks whether the node could do a deed, and changes nothing. The reason is empty when it can; the error says that
// it could not be told.
func (c *Client) Can(ctx context.Context, d Deed) (reason string, err error) {
	spec, err := json.Marshal(d)
	if err != nil {
		return "", fmt.Errorf("encode %s: %w", d.Kind(), err)
	}
	a, err := call[Answer](ctx, c, MethodCan, Order{Kind: d.Kind(), Spec: spec})
	return a.Reason, err
}

// Sweep says how the node stands in everything that a fault can change.
func (c *Client) Sweep(ctx context.Context) (Sweep, error) {
	return call[Sweep](ctx, c, MethodSweep, nil)
}

// Inspect says what a fault in force has done so far; an empty proof means nothing yet.
func (c *Client) Inspect(ctx context.Context, fault string) (Stamp, error) {
	return call[Stamp](ctx, c, MethodInspect, Named(fault))
}

// Heal undoes everything done under a fault; a fault that is not in force is healed already.
func (c *Client) Heal(ctx context.Context, fault string) (Stamp, error) {
	return call[Stamp](ctx, c, MethodHeal, Named(fault))
}

// Faults lists what is in force.
func (c *Client) Faults(ctx context.Context) ([]FaultState, error) {
	return call[[]FaultState](ctx, c, MethodFaults, nil)
}

// Query runs SQL from inside the node.
func (c *Client) Query(ctx context.Context, q Query) (Rows, error) {
	return call[Rows](ctx, c, MethodQuery, q)
}

// Observe starts to sample the local database.
func (c *Client) Observe(ctx context.Context, o Observe) error {
	return c.begin(ctx, ActivityObserve, MethodObserve, o)
}

// Load starts the application.
func (c *Client) Load(ctx context.Context, l Load) error {
	return c.begin(ctx, ActivityLoad, MethodLoad, l)
}

// Probe starts to watch an endpoint.
func (c *Client) Probe(ctx context.Context, e Endpoint) error {
	return c.begin(ctx, ActivityProbe, MethodProbe, e)
}

// Tail starts to follow a log of hooks.
func (c *Client) Tail(ctx context.Context, t Tail) error { return c.begin(ctx, "tail", MethodTail, t) }

// Activities that Quiet stops.
const (
	ActivityLoad    = "load"
	ActivityProbe   = "probe"
	ActivityObserve = "observe"
	ActivityAll     = ""
)

// Quiet stops an activity and returns when its last report is out.
func (c *Client) Quiet(ctx context.Context, activity string) error {
	c.forget(activity)
	return c.Call(ctx, MethodQuiet, Named(activity), nil)
}

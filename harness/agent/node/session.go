package node

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sourcegraph/jsonrpc2"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
)

// session is one controller. Reports go through a queue, so that no writer ever waits for the controller.
type session struct {
	conn    *jsonrpc2.Conn
	calls   calls
	owner   atomic.Bool
	heard   atomic.Int64 // monotonic time of the last request
	reports chan report
}

type report struct {
	method string
	params any
	flush  chan struct{} // closed when everything before it is out
}

// queueLength is some minutes of reports of one node.
const queueLength = 1 << 16

func (a *Agent) serve(ctx context.Context, stream net.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	s := &session{reports: make(chan report, queueLength)}
	s.heard.Store(agent.Monotonic())
	handler := jsonrpc2.HandlerWithError(func(ctx context.Context, _ *jsonrpc2.Conn, req *jsonrpc2.Request) (any, error) {
		s.heard.Store(agent.Monotonic())
		return a.handle(ctx, s, req)
	}).SuppressErrClosed()
	s.conn = jsonrpc2.NewConn(ctx, jsonrpc2.NewPlainObjectStream(stream), &concurrent{handler, &s.calls})
	a.mu.Lock()
	a.sessions[s] = true
	a.mu.Unlock()
	go s.send(ctx)
	go s.watchLease(ctx, a.opts.Lease)
	<-s.conn.DisconnectNotify()
	a.mu.Lock()
	delete(a.sessions, s)
	a.mu.Unlock()
	if s.owner.Load() {
		a.orphaned()
	}
	cancel()
	s.calls.end()
	if s.owner.Load() {
		a.deeds.healAll() // what was still on its way when the first heal looked
	}
}

// calls are the requests of a session that are being worked on.
type calls struct {
	mu      sync.Mutex
	ended   bool
	running sync.WaitGroup
}

// begin says whether a request may still be worked on.
func (c *calls) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.running.Add(1)
	}
	return !c.ended
}

// end lets no further request begin, and returns when the last one is done.
func (c *calls) end() {
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
	c.running.Wait()
}

// concurrent works on each request of a session in its own goroutine. A request that comes out of the stream with the
// controller's last breath is counted before the end of the stream is seen, so that its deed is not done after the heal.
type concurrent struct {
	handler jsonrpc2.Handler
	calls   *calls
}

func (h *concurrent) Handle(ctx context.Context, conn *jsonrpc2.Conn, req *jsonrpc2.Request) {
	if !h.calls.begin() {
		return // nobody is there to hear the answer
	}
	go func() {
		defer h.calls.running.Done()
		h.handler.Handle(ctx, conn, req)
	}()
}

func (s *session) send(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case r := <-s.reports:
			if r.flush != nil {
				close(r.flush)
				continue
			}
			_ = s.conn.Notify(ctx, r.method, r.params) // a session that ends shows in DisconnectNotify
		}
	}
}

func (s *session) watchLease(ctx context.Context, lease time.Duration) {
	tick := time.NewTicker(lease / 10)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if time.Duration(agent.Monotonic()-s.heard.Load()) > lease {
				_ = s.conn.Close()
				return
			}
		}
	}
}

// report queues something for the owners. A full queue means that the controller has not read for minutes: the
// report is dropped, and the lease will end the session.
func (a *Agent) report(method string, params any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for s := range a.sessions {
		if s.owner.Load() {
			select {
			case s.reports <- report{method: method, params: params}:
			default:
			}
		}
	}
}

func (a *Agent) event(kind, msg string, attrs map[string]string) {
	a.report(agent.NotifyEvent, record.Event{T: time.Duration(agent.Monotonic()), Kind: kind, Msg: msg, Attrs: attrs})
}

// flush waits until what was reported so far has been written to the session's stream.
func (s *session) flush(ctx context.Context) {
	done := make(chan struct{})
	select {
	case s.reports <- report{flush: done}:
	case <-ctx.Done():
		return
	}
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// method adapts a typed handler.
type method func(ctx context.Context, s *session, params json.RawMessage) (any, error)

func typed[P, R any](f func(ctx context.Context, s *session, params P) (R, error)) method {
	return func(ctx context.Context, s *session, raw json.RawMessage) (any, error) {
		var params P
		if len(raw) > 0 {
			if err := json.Unmarshal(raw, &params); err != nil {
				return nil, fmt.Errorf("decode parameters: %w", err)
			}
		}
		return f(ctx, s, params)
	}
}

func (a *Agent) handle(ctx context.Context, s *session, req *jsonrpc2.Request) (any, error) {
	m, ok := a.methods()[req.Method]
	if !ok {
		return nil, fmt.Errorf("unknown method %q: controller and agent are of different versions", req.Method)
	}
	var raw json.RawMessage
	if req.Params != nil {
		raw = *req.Params
	}
	return m(ctx, s, raw)
}

package agent

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/sourcegraph/jsonrpc2"
)

// begun is an activity that the agent was asked for, and goes on with until it is told to be quiet.
type begun struct {
	kind, method string
	params       any
}

// begin starts an activity, and keeps it for a Resume.
func (c *Client) begin(ctx context.Context, kind, method string, params any) error {
	if err := c.Call(ctx, method, params, nil); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begun = append(c.begun, begun{kind, method, params})
	return nil
}

// forget drops activities that were ended.
func (c *Client) forget(kind string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begun = slices.DeleteFunc(c.begun, func(b begun) bool { return kind == ActivityAll || b.kind == kind })
}

// Suspend ends the session of a node that is about to be switched off: calls that wait for it fail now, and not at their
// deadlines.
func (c *Client) Suspend() { _ = c.Close() } // whatever its end says: nobody is there any more

// Resume goes on over a new stream, with an agent that has been started anew on the same node: reports go where they went,
// and what it did for us (load, probes, observers, tails) it does again. Its clock is measured anew.
func (c *Client) Resume(ctx context.Context, stream io.ReadWriteCloser, intro Introduction) error {
	if err := c.greet(ctx, stream, intro); err != nil {
		return err
	}
	c.mu.Lock()
	again := slices.Clone(c.begun)
	c.mu.Unlock()
	for _, b := range again {
		if err := c.Call(ctx, b.method, b.params, nil); err != nil {
			return fmt.Errorf("resume %s: %w", b.method, err)
		}
	}
	return nil
}

// greet opens the session and keeps its lease.
func (c *Client) greet(ctx context.Context, stream io.ReadWriteCloser, intro Introduction) error {
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	conn := jsonrpc2.NewConn(life, jsonrpc2.NewPlainObjectStream(stream), notifications{c})
	c.mu.Lock()
	c.conn, c.stop = conn, stop
	c.mu.Unlock()
	var hello Hello
	if err := conn.Call(ctx, MethodHello, intro, &hello); err != nil {
		_ = c.Close()
		return fmt.Errorf("greet agent of %s: %w", c.name, err)
	}
	clock, err := measureClock(ctx, conn, hello)
	if err != nil {
		_ = c.Close()
		return fmt.Errorf("read clock of %s: %w", c.name, err)
	}
	c.mu.Lock()
	c.hello, c.clock = hello, clock
	c.mu.Unlock()
	go keepLease(life, conn)
	return nil
}

// link is the stream's two ends of this moment.
func (c *Client) link() (*jsonrpc2.Conn, context.CancelFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conn, c.stop
}

package node

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/wait"
)

// crowd holds every connection that a database grants.
type crowd struct {
	db   agent.Database
	end  context.CancelFunc
	done chan struct{}

	mu      sync.Mutex
	held    []sqlConn
	refused string // the server's words
	other   string // any other error
}

const (
	crowdWithin = 2 * time.Second       // for one login
	crowdAgain  = 50 * time.Millisecond // after a refusal: what becomes free is taken
)

func (a *Agent) crowd(ctx context.Context, fault string, s agent.ConnectionsSpec) (agent.Stamp, error) {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	c := &crowd{db: s.Database, end: end, done: make(chan struct{})}
	a.deeds.push(fault, deed{name: "connections", undo: c.undo, inspect: func() (string, error) { return c.proof(), nil }})
	stamp := agent.Stamp{Began: agent.Monotonic()}
	go c.run(life)
	err := wait.Until(ctx, "no connection is granted any more", exitWithin, func(context.Context) (bool, string, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.refused == "" && c.other != "" && len(c.held) == 0 {
			return false, "", fmt.Errorf("take connections: %s", c.other)
		}
		return c.refused != "", fmt.Sprintf("%d connections held", len(c.held)), nil
	})
	stamp.Effective, stamp.Proof = agent.Monotonic(), c.proof()
	return stamp, err
}

func (c *crowd) run(ctx context.Context) {
	defer close(c.done)
	for ctx.Err() == nil {
		again, cancel := context.WithTimeout(ctx, crowdWithin)
		conn, err := connect(again, c.db)
		cancel()
		c.mu.Lock()
		switch {
		case err == nil:
			c.held = append(c.held, conn)
		case full(err):
			c.refused = err.Error()
		default:
			c.other = err.Error()
		}
		c.mu.Unlock()
		if err != nil {
			_ = wait.Hold(ctx, crowdAgain)
		}
	}
}

// full says whether a server refuses for want of connections: MySQL's error 1040 (max_connections) and 1203
// (max_user_connections), PostgreSQL's SQLSTATE 53300.
func full(err error) bool {
	words := err.Error()
	return strings.Contains(words, "Error 1040") || strings.Contains(words, "Error 1203") || strings.Contains(words, "53300")
}

func (c *crowd) proof() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refused == "" {
		return ""
	}
	return fmt.Sprintf("%d connections held; the server says: %s", len(c.held), c.refused)
}

func (c *crowd) undo() (string, error) {
	c.end()
	<-c.done
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.held)
	var closing sync.WaitGroup
	for _, conn := range c.held {
		closing.Go(func() { _ = conn.Close() }) // the server may be gone
	}
	closing.Wait()
	c.held = nil
	return fmt.Sprintf("%d connections were given back", n), nil
}

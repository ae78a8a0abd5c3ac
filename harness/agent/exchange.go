package agent

import (
	"context"
	"time"
)

// Exchanges asks for TCP exchanges with an address: how one host reaches another, seen from the one.
type Exchanges struct {
	Address  string        `json:"address"`
	Port     int           `json:"port"`
	Count    int           `json:"count"`
	Parallel int           `json:"parallel"`
	Deadline time.Duration `json:"deadline_ns"`
}

// Outcomes of an exchange.
const (
	Connected = "connected"
	Refused   = "refused" // a reset or an ICMP error: the way there and back is open
	Silence   = "silence" // no answer within the deadline
)

// Exchange is the outcome of one.
type Exchange struct {
	Outcome string        `json:"outcome"`
	Took    time.Duration `json:"took_ns"`
	Err     string        `json:"err,omitempty"`
}

// Question is a lookup that the agent makes from inside its node.
type Question struct {
	Resolver string        `json:"resolver"` // address:port
	Name     string        `json:"name"`
	Deadline time.Duration `json:"deadline_ns"`
}

// Lookup is the answer to a Question.
type Lookup struct {
	Address string        `json:"address,omitempty"`
	TTL     int           `json:"ttl_s,omitempty"`
	Took    time.Duration `json:"took_ns"`
	Err     string        `json:"err,omitempty"`
}

// Exchange makes TCP exchanges from inside the node.
func (c *Client) Exchange(ctx context.Context, e Exchanges) ([]Exchange, error) {
	return call[[]Exchange](ctx, c, MethodExchange, e)
}

// Lookup asks a resolver from inside the node. No answer is no error.
func (c *Client) Lookup(ctx context.Context, q Question) (Lookup, error) {
	return call[Lookup](ctx, c, MethodLookup, q)
}

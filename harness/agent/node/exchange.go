package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/firedrill/firedrill/harness/agent"
)

// exchange opens TCP connections and closes them again. A closed port answers too: with a reset, after one round trip.
func (a *Agent) exchange(ctx context.Context, _ *session, e agent.Exchanges) ([]agent.Exchange, error) {
	if _, err := netip.ParseAddr(e.Address); err != nil {
		return nil, fmt.Errorf("exchange: %w", err)
	}
	address := net.JoinHostPort(e.Address, strconv.Itoa(e.Port))
	out := make([]agent.Exchange, e.Count)
	slots := make(chan struct{}, max(1, e.Parallel))
	var all sync.WaitGroup
	for i := range out {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			out[i] = exchangeOnce(ctx, address, e.Deadline)
		})
	}
	all.Wait()
	return out, nil
}

func exchangeOnce(ctx context.Context, address string, deadline time.Duration) agent.Exchange {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	began := agent.Monotonic()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	out := agent.Exchange{Outcome: agent.Connected, Took: time.Duration(agent.Monotonic() - began)}
	if err == nil {
		_ = conn.Close()
		return out
	}
	out.Outcome, out.Err = agent.Refused, err.Error()
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, syscall.EHOSTUNREACH) { // nobody answers, not even ARP
		out.Outcome = agent.Silence
	}
	return out
}

func (a *Agent) lookup(ctx context.Context, _ *session, q agent.Question) (agent.Lookup, error) {
	if a.opts.Lookup == nil {
		return agent.Lookup{}, errors.New("look up: this agent has no resolver")
	}
	ctx, cancel := context.WithTimeout(ctx, q.Deadline)
	defer cancel()
	began := agent.Monotonic()
	address, ttl, err := a.opts.Lookup(ctx, q.Resolver, q.Name)
	out := agent.Lookup{Address: address, TTL: ttl, Took: time.Duration(agent.Monotonic() - began)}
	if err != nil {
		out.Err = err.Error()
	}
	return out, nil
}

package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
)

// shortestFlap is what a rule takes to come and go, with room.
const shortestFlap = 20 * time.Millisecond

// flapping is a network that comes and goes. Its rules stay, with their counters; what comes and goes is the jump to them.
type flapping struct {
	table *nftables.Table
	stop  context.CancelFunc
	ended chan struct{}

	mu    sync.Mutex
	downs int
}

// flap begins with down, and goes on on this node's own clock: nobody has to be reached for it.
func (a *Agent) flap(_ context.Context, fault string, s agent.FlapSpec) (agent.Stamp, error) {
	rules, err := flapRules(s)
	if err != nil {
		return agent.Stamp{}, err
	}
	ctx, stop := context.WithCancel(context.Background())
	f := &flapping{table: tableOf(fault), stop: stop, ended: make(chan struct{})}
	began := make(chan time.Time, 1)
	go func() {
		defer close(f.ended)
		select {
		case first := <-began:
			if err := f.run(ctx, first, s); err != nil {
				a.event(record.KindError, fmt.Sprintf("fault %s stopped flapping: %v", fault, err), nil)
			}
		case <-ctx.Done():
		}
	}()
	a.deeds.push(fault, deed{name: "flap", undo: f.end, inspect: f.proof})
	stamp, err := putInForce(f.table, rules)
	if err != nil {
		return stamp, err
	}
	f.downs = 1
	began <- time.Now()
	return stamp, nil
}

func mayFlap(agent.FlapSpec) (string, error) { return mayAdministerNetwork() }

func flapRules(s agent.FlapSpec) ([]rule, error) {
	if s.Down < shortestFlap || s.Up < shortestFlap {
		return nil, fmt.Errorf("flap: %s down and %s up: %s is the shortest", s.Down, s.Up, shortestFlap)
	}
	peers, err := addresses(s.Peers)
	if err != nil {
		return nil, fmt.Errorf("flap: %w", err)
	}
	var rules []rule
	for _, peer := range fromPeers(peers, chainCut) {
		rules = append(rules, rule{chainCut, []match{notLoopback(chainInput), peer, counted(&expr.Verdict{Kind: expr.VerdictDrop})}})
	}
	return append(rules, rule{chainInput, []match{jump}}), nil
}

var jump = match{exprs: []expr.Any{&expr.Verdict{Kind: expr.VerdictJump, Chain: chainCut}}}

// run keeps the edges on a grid, so that nodes that began together stay together.
func (f *flapping) run(ctx context.Context, edge time.Time, s agent.FlapSpec) error {
	for down := true; ; {
		edge = edge.Add(map[bool]time.Duration{true: s.Down, false: s.Up}[down])
		if wait.Hold(ctx, time.Until(edge)) != nil {
			return nil // healed
		}
		down = !down
		if err := f.set(down); err != nil {
			return err
		}
	}
}

func (f *flapping) set(down bool) error {
	conn, err := nftables.New()
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	chain := &nftables.Chain{Name: chainInput, Table: f.table}
	if down {
		conn.AddRule(&nftables.Rule{Table: f.table, Chain: chain, Exprs: jump.exprs})
	} else {
		conn.FlushChain(chain)
	}
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("switch network rules: %w", err)
	}
	if down {
		f.mu.Lock()
		f.downs++
		f.mu.Unlock()
	}
	return nil
}

func (f *flapping) end() (string, error) {
	f.stop()
	<-f.ended // it must not make the rules again that are removed here
	seen, seenErr := f.proof()
	proof, err := removeTable(f.table)
	if err == nil && seen != "" && seenErr == nil {
		proof += " (" + seen + ")"
	}
	return proof, errors.Join(err)
}

func (f *flapping) proof() (string, error) {
	rules, err := counters(f.table, chainCut)
	if err != nil {
		return "", err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if stopped := sum(rules); stopped > 0 {
		return fmt.Sprintf("down %d times so far, %d packets stopped", f.downs, stopped), nil
	}
	return "", nil
}

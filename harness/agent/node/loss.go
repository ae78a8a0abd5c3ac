package node

import (
	"context"
	"fmt"
	"math"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/firedrill/firedrill/harness/agent"
)

// outOf is what a share of packets is counted in.
const outOf = 1 << 20

// lose drops a random part of what arrives.
func (a *Agent) lose(_ context.Context, fault string, s agent.LossSpec) (agent.Stamp, error) {
	rules, err := lossRules(s)
	if err != nil {
		return agent.Stamp{}, err
	}
	return a.filter(fault, "loss", rules, packetsLost)
}

func mayLose(agent.LossSpec) (string, error) { return mayAdministerNetwork() }

// lossRules count what they see, throw the dice, and count what they drop.
func lossRules(s agent.LossSpec) ([]rule, error) {
	if !(s.Percent > 0 && s.Percent <= 100) {
		return nil, fmt.Errorf("loss: %g percent (above 0, at most 100)", s.Percent)
	}
	peers, err := addresses(s.Peers)
	if err != nil {
		return nil, fmt.Errorf("loss: %w", err)
	}
	dice := match{exprs: []expr.Any{&expr.Counter{}, &expr.Numgen{Register: 1, Modulus: outOf, Type: unix.NFT_NG_RANDOM}}}
	hit := register1(expr.CmpOpLt, uint32(math.Round(s.Percent/100*outOf)))
	var rules []rule
	for _, peer := range fromPeers(peers, chainInput) {
		rules = append(rules, rule{chainInput, []match{notLoopback(chainInput), peer, dice, hit, counted(&expr.Verdict{Kind: expr.VerdictDrop})}})
	}
	return rules, nil
}

func packetsLost(table *nftables.Table) (string, error) {
	rules, err := counters(table, chainInput)
	if err != nil {
		return "", err
	}
	var seen, dropped uint64
	for _, counts := range rules {
		if len(counts) == 2 {
			seen, dropped = seen+counts[0], dropped+counts[1]
		}
	}
	if dropped == 0 {
		return "", nil
	}
	return fmt.Sprintf("%d of %d arriving packets dropped (%.1f%%)", dropped, seen, 100*float64(dropped)/float64(seen)), nil
}

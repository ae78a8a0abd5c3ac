package node

import (
	"context"
	"fmt"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/firedrill/firedrill/harness/agent"
)

// network puts one nftables table in force for the fault, in one transaction: all of its rules match from one moment
// on. The chains come before connection tracking, so that established connections are cut too.
func (a *Agent) network(_ context.Context, fault string, n agent.NetworkSpec) (agent.Stamp, error) {
	rules, err := networkRules(n)
	if err != nil {
		return agent.Stamp{}, err
	}
	return a.filter(fault, "network", rules, packetsStopped)
}

// networkRules is pure: what is in force is decided here and tested without a kernel.
func networkRules(n agent.NetworkSpec) ([]rule, error) {
	endings, spared, err := verdicts(n.Action)
	if err != nil {
		return nil, err
	}
	peers, err := addresses(n.Peers)
	if err != nil {
		return nil, fmt.Errorf("network fault: %w", err)
	}
	var hooks []string
	switch n.Direction {
	case "", agent.In:
		hooks = []string{chainInput}
	case agent.Out:
		hooks = []string{chainOutput}
	case agent.Both:
		hooks = []string{chainInput, chainOutput}
	default:
		return nil, fmt.Errorf("network fault: direction %q (in, out, both)", n.Direction)
	}
	var rules []rule
	for _, hook := range hooks {
		for _, s := range spared {
			rules = append(rules, rule{hook, []match{notLoopback(hook), s}})
		}
		for _, peer := range fromPeers(peers, hook) {
			for _, port := range ports(n, hook) {
				for _, ending := range endings {
					rules = append(rules, rule{hook, []match{notLoopback(hook), peer, port, ending}})
				}
			}
		}
	}
	return rules, nil
}

// verdicts are the endings of the rules for an action, and what they spare. A refusal is a reset for TCP and an ICMP
// message for the rest, so it takes two rules; and it spares the refusals that arrive, because where both sides
// refuse each other, neither would hear it otherwise.
func verdicts(action string) (endings, spared []match, err error) {
	switch action {
	case "", agent.Drop:
		return []match{counted(&expr.Verdict{Kind: expr.VerdictDrop})}, nil, nil
	case agent.Refuse:
		accept := match{exprs: []expr.Any{&expr.Verdict{Kind: expr.VerdictAccept}}}
		return []match{
				both(protocol(unix.IPPROTO_TCP), counted(&expr.Reject{Type: unix.NFT_REJECT_TCP_RST})),
				counted(&expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: unix.NFT_REJECT_ICMPX_PORT_UNREACH}),
			}, []match{
				both(tcpReset(), accept),
				both(icmp(unix.IPPROTO_ICMP, icmpUnreachable), accept),
				both(icmp(unix.IPPROTO_ICMPV6, icmp6Unreachable), accept),
			}, nil
	}
	return nil, nil, fmt.Errorf("network fault: action %q (drop, refuse)", action)
}

// ports are the conditions on ports; none means all.
func ports(n agent.NetworkSpec, hook string) []match {
	if len(n.Ports) == 0 {
		return []match{{}}
	}
	ours, theirs := uint32(destinationPort), uint32(sourcePort)
	if hook == chainOutput {
		ours, theirs = theirs, ours
	}
	sides := []uint32{ours, theirs}
	switch {
	case n.OwnPorts:
		sides = sides[:1]
	case n.PeerPorts:
		sides = sides[1:]
	}
	var out []match
	for _, offset := range sides {
		out = append(out, onPorts(offset, n.Ports))
	}
	return out
}

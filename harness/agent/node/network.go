package node

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
)

// tablePrefix marks the tables that are ours: nothing else in the node's rule set is ever touched.
const tablePrefix = "firedrill_"

// network puts one nftables table in force for the fault, in one transaction: all of its rules match from one moment
// on. The chains come before connection tracking, so that established connections are cut too.
func (a *Agent) network(_ context.Context, _ *session, n agent.NetworkSpec) (agent.Stamp, error) {
	rules, err := networkRules(n)
	if err != nil {
		return agent.Stamp{}, err
	}
	table := &nftables.Table{Family: nftables.TableFamilyINet, Name: tablePrefix + n.Fault}
	a.deeds.push(n.Fault, deed{
		name:    "network",
		undo:    func() (string, error) { return removeTable(table) },
		inspect: func() (string, error) { return packetsStopped(table) },
	})
	conn, err := nftables.New()
	if err != nil {
		return agent.Stamp{}, fmt.Errorf("open nftables: %w", err)
	}
	conn.AddTable(table)
	for _, r := range rules {
		hook := nftables.ChainHookInput
		if r.out {
			hook = nftables.ChainHookOutput
		}
		chain := conn.AddChain(&nftables.Chain{
			Name: hookName(r.out), Table: table, Type: nftables.ChainTypeFilter, Hooknum: hook, Priority: nftables.ChainPriorityRaw,
		})
		conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: r.exprs})
	}
	stamp := agent.Stamp{Began: agent.Monotonic()}
	if err := conn.Flush(); err != nil {
		return stamp, fmt.Errorf("apply network rules (needs the capability NET_ADMIN): %w", err)
	}
	stamp.Effective = agent.Monotonic()
	if n.For > 0 {
		go a.healAfter(n, stamp)
	}
	return stamp, nil
}

// healAfter ends a known outage on the node's own clock and reports its exact bounds.
func (a *Agent) healAfter(n agent.NetworkSpec, began agent.Stamp) {
	_ = wait.Hold(context.Background(), n.For-time.Duration(agent.Monotonic()-began.Effective))
	healed, err := a.deeds.heal(n.Fault)
	if err != nil {
		a.event(record.KindError, err.Error(), nil)
		return
	}
	a.event(record.KindNote, "known outage ended", map[string]string{
		"fault": n.Fault, "down_ns": strconv.FormatInt(began.Effective, 10), "up_ns": strconv.FormatInt(healed.Began, 10),
	})
}

func hookName(out bool) string {
	if out {
		return "output"
	}
	return "input"
}

type rule struct {
	out   bool
	exprs []expr.Any
}

// networkRules is pure: what is in force is decided here and tested without a kernel.
func networkRules(n agent.NetworkSpec) ([]rule, error) {
	verdicts, err := verdictExprs(n.Action)
	if err != nil {
		return nil, err
	}
	var peers []netip.Addr
	for _, p := range n.Peers {
		addr, err := netip.ParseAddr(p)
		if err != nil {
			return nil, fmt.Errorf("network fault: peer: %w", err)
		}
		peers = append(peers, addr)
	}
	var outs []bool
	switch n.Direction {
	case "", agent.In:
		outs = []bool{false}
	case agent.Out:
		outs = []bool{true}
	case agent.Both:
		outs = []bool{false, true}
	default:
		return nil, fmt.Errorf("network fault: direction %q (in, out, both)", n.Direction)
	}
	var rules []rule
	for _, out := range outs {
		for _, match := range matches(peers, n, out) {
			for _, verdict := range verdicts {
				exprs := append(notLoopback(out), match...)
				rules = append(rules, rule{out: out, exprs: append(exprs, verdict...)})
			}
		}
	}
	return rules, nil
}

// verdictExprs are the endings of the rules for an action. A refusal is a reset for TCP and an ICMP message for the
// rest, so it takes two rules.
func verdictExprs(action string) ([][]expr.Any, error) {
	switch action {
	case "", agent.Drop:
		return [][]expr.Any{{&expr.Counter{}, &expr.Verdict{Kind: expr.VerdictDrop}}}, nil
	case agent.Refuse:
		return [][]expr.Any{
			{
				&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
				&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_TCP}},
				&expr.Counter{}, &expr.Reject{Type: unix.NFT_REJECT_TCP_RST},
			},
			{&expr.Counter{}, &expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: unix.NFT_REJECT_ICMPX_PORT_UNREACH}},
		}, nil
	}
	return nil, fmt.Errorf("network fault: action %q (drop, refuse)", action)
}

// notLoopback spares the node's talk with itself: a lost network is not a lost loopback.
func notLoopback(out bool) []expr.Any {
	key := expr.MetaKeyIIFNAME
	if out {
		key = expr.MetaKeyOIFNAME
	}
	lo := make([]byte, unix.IFNAMSIZ)
	copy(lo, "lo")
	return []expr.Any{
		&expr.Meta{Key: key, Register: 1},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: lo},
	}
}

// matches is every combination of peer and port; no peers and no ports match everything.
func matches(peers []netip.Addr, n agent.NetworkSpec, out bool) [][]expr.Any {
	byPeer := [][]expr.Any{nil}
	if len(peers) > 0 {
		byPeer = nil
		for _, p := range peers {
			byPeer = append(byPeer, peerMatch(p, out))
		}
	}
	if len(n.Ports) == 0 {
		return byPeer
	}
	sides := []uint32{sourcePort, destinationPort}
	if n.OwnPorts && out {
		sides = sides[:1]
	} else if n.OwnPorts {
		sides = sides[1:]
	}
	var all [][]expr.Any
	for _, peer := range byPeer {
		for _, port := range n.Ports {
			for _, proto := range []byte{unix.IPPROTO_TCP, unix.IPPROTO_UDP} {
				for _, offset := range sides {
					all = append(all, append(append([]expr.Any(nil), peer...), portMatch(proto, offset, port)...))
				}
			}
		}
	}
	return all
}

// Offsets in the headers of TCP and UDP.
const (
	sourcePort      = 0
	destinationPort = 2
)

func peerMatch(peer netip.Addr, out bool) []expr.Any {
	family, offset, length := byte(unix.NFPROTO_IPV4), uint32(12), uint32(4) // source address in the header
	if peer.Is6() {
		family, offset, length = unix.NFPROTO_IPV6, 8, 16
	}
	if out {
		offset += length // destination address
	}
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{family}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: length},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: peer.AsSlice()},
	}
}

func portMatch(proto byte, offset uint32, port uint16) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{proto}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: offset, Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.BigEndian.PutUint16(port)},
	}
}

func removeTable(table *nftables.Table) (string, error) {
	conn, err := nftables.New()
	if err != nil {
		return "", fmt.Errorf("open nftables: %w", err)
	}
	conn.DelTable(table)
	if err := conn.Flush(); err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, unix.ENOENT) {
		return "", fmt.Errorf("remove network rules: %w", err)
	}
	tables, err := conn.ListTables()
	if err != nil {
		return "", fmt.Errorf("list tables: %w", err)
	}
	for _, t := range tables {
		if t.Name == table.Name {
			return "", fmt.Errorf("remove network rules: table %s is still there", t.Name)
		}
	}
	return "the rules are gone", nil
}

// packetsStopped reads the counters of the table: the proof that the cut met traffic.
func packetsStopped(table *nftables.Table) (string, error) {
	conn, err := nftables.New()
	if err != nil {
		return "", fmt.Errorf("open nftables: %w", err)
	}
	var proofs []string
	for _, chain := range []string{"input", "output"} {
		rules, err := conn.GetRules(table, &nftables.Chain{Name: chain, Table: table})
		if err != nil {
			continue // there is no such chain in this fault
		}
		var packets uint64
		for _, r := range rules {
			for _, e := range r.Exprs {
				if c, ok := e.(*expr.Counter); ok {
					packets += c.Packets
				}
			}
		}
		if packets > 0 {
			proofs = append(proofs, fmt.Sprintf("%d packets stopped on %s", packets, chain))
		}
	}
	return strings.Join(proofs, ", "), nil
}

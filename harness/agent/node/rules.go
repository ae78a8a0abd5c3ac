package node

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/firedrill/firedrill/harness/agent"
)

// tablePrefix marks the tables that are ours: nothing else in the node's rule set is ever touched.
const tablePrefix = "firedrill_"

// Chains of our tables: those of the kernel's hooks have its names.
const (
	chainInput  = "input"
	chainOutput = "output"
	chainCut    = "cut" // of no hook: in force while another one jumps to it
)

// kernelHooks are where the chains come in.
var kernelHooks = map[string]*nftables.ChainHook{chainInput: nftables.ChainHookInput, chainOutput: nftables.ChainHookOutput}

// rule is one rule of a chain: all of its parts, one after the other.
type rule struct {
	chain string
	parts []match
}

// match is a part of a rule, a condition or an ending. It is data, so that rules are decided without a kernel; the sets
// that it looks into are made when the rule is.
type match struct {
	exprs []expr.Any
	sets  []*members
}

// members are a set without a name, in which a lookup of the same match looks.
type members struct {
	key      nftables.SetDatatype
	elements []nftables.SetElement
	lookup   *expr.Lookup
}

func both(a, b match) match {
	return match{exprs: append(append([]expr.Any(nil), a.exprs...), b.exprs...), sets: append(append([]*members(nil), a.sets...), b.sets...)}
}

// oneOf looks for what is in register 1. One set serves any number of members at the price of one.
func oneOf(key nftables.SetDatatype, keys ...[]byte) match {
	m := &members{key: key, lookup: &expr.Lookup{SourceRegister: 1}}
	for _, k := range keys {
		m.elements = append(m.elements, nftables.SetElement{Key: k})
	}
	return match{exprs: []expr.Any{m.lookup}, sets: []*members{m}}
}

// notLoopback spares the node's talk with itself: a lost network is not a lost loopback.
func notLoopback(chain string) match {
	key := expr.MetaKeyIIFNAME
	if chain == chainOutput {
		key = expr.MetaKeyOIFNAME
	}
	lo := make([]byte, unix.IFNAMSIZ)
	copy(lo, "lo")
	return match{exprs: []expr.Any{
		&expr.Meta{Key: key, Register: 1},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: lo},
	}}
}

func addresses(texts []string) ([]netip.Addr, error) {
	var out []netip.Addr
	for _, t := range texts {
		addr, err := netip.ParseAddr(t)
		if err != nil {
			return nil, fmt.Errorf("peer: %w", err)
		}
		out = append(out, addr)
	}
	return out, nil
}

// fromPeers are the conditions on the other side's address, one a family of addresses; no peers are everybody.
func fromPeers(peers []netip.Addr, chain string) []match {
	if len(peers) == 0 {
		return []match{{}}
	}
	var v4, v6 [][]byte
	for _, p := range peers {
		if p = p.Unmap(); p.Is6() {
			v6 = append(v6, p.AsSlice())
		} else {
			v4 = append(v4, p.AsSlice())
		}
	}
	var out []match
	if len(v4) > 0 {
		out = append(out, both(otherAddress(unix.NFPROTO_IPV4, 12, 4, chain), oneOf(nftables.TypeIPAddr, v4...)))
	}
	if len(v6) > 0 {
		out = append(out, both(otherAddress(unix.NFPROTO_IPV6, 8, 16, chain), oneOf(nftables.TypeIP6Addr, v6...)))
	}
	return out
}

// otherAddress loads the source address of what arrives, the destination of what leaves. source is its offset.
func otherAddress(family byte, source, length uint32, chain string) match {
	if chain == chainOutput {
		source += length
	}
	return match{exprs: []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{family}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: source, Len: length},
	}}
}

// Offsets in the headers of TCP and UDP.
const (
	sourcePort      = 0
	destinationPort = 2
	tcpFlags        = 13
	tcpFlagReset    = 0x04
)

// onPorts is for TCP and UDP.
func onPorts(offset uint32, ports []uint16) match {
	var keys [][]byte
	for _, p := range ports {
		keys = append(keys, binaryutil.BigEndian.PutUint16(p))
	}
	load := match{exprs: []expr.Any{&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1}}}
	port := match{exprs: []expr.Any{&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: offset, Len: 2}}}
	transport := both(load, oneOf(nftables.TypeInetProto, []byte{unix.IPPROTO_TCP}, []byte{unix.IPPROTO_UDP}))
	return both(transport, both(port, oneOf(nftables.TypeInetService, keys...)))
}

func protocol(number byte) match {
	return match{exprs: []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{number}},
	}}
}

func tcpReset() match {
	return both(protocol(unix.IPPROTO_TCP), match{exprs: []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: tcpFlags, Len: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 1, Mask: []byte{tcpFlagReset}, Xor: []byte{0}},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: []byte{0}},
	}})
}

// Types of ICMP that say that something is unreachable.
const (
	icmpUnreachable  = 3
	icmp6Unreachable = 1
)

func icmp(proto, kind byte) match {
	return both(protocol(proto), match{exprs: []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 0, Len: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{kind}},
	}})
}

// register1 compares the number that is in register 1 in the machine's own order.
func register1(op expr.CmpOp, number uint32) match {
	return match{exprs: []expr.Any{
		&expr.Byteorder{SourceRegister: 1, DestRegister: 1, Op: expr.ByteorderHton, Len: 4, Size: 4},
		&expr.Cmp{Op: op, Register: 1, Data: binaryutil.BigEndian.PutUint32(number)},
	}}
}

// counted ends a rule, and counts how often.
func counted(ending expr.Any) match { return match{exprs: []expr.Any{&expr.Counter{}, ending}} }

// tableOf is the table of a fault: one a fault, so that one command removes all of it.
func tableOf(fault string) *nftables.Table {
	return &nftables.Table{Family: nftables.TableFamilyINet, Name: tablePrefix + fault}
}

// filter is a deed that is rules and nothing else.
func (a *Agent) filter(fault, name string, rules []rule, inspect func(*nftables.Table) (string, error)) (agent.Stamp, error) {
	table := tableOf(fault)
	a.deeds.push(fault, deed{
		name:    name,
		undo:    func() (string, error) { return removeTable(table) },
		inspect: func() (string, error) { return inspect(table) },
	})
	return putInForce(table, rules)
}

// putInForce makes the table with its rules in one transaction.
func putInForce(table *nftables.Table, rules []rule) (agent.Stamp, error) {
	conn, err := nftables.New()
	if err != nil {
		return agent.Stamp{}, fmt.Errorf("open nftables: %w", err)
	}
	if err := addRules(conn, table, rules); err != nil {
		return agent.Stamp{}, err
	}
	stamp := agent.Stamp{Began: agent.Monotonic()}
	if err := conn.Flush(); err != nil {
		return stamp, fmt.Errorf("apply network rules (needs the capability NET_ADMIN): %w", err)
	}
	stamp.Effective = agent.Monotonic()
	return stamp, nil
}

// making keeps transactions apart while they are written: the library numbers sets across all of them.
var making sync.Mutex

// spared are addresses that no rule of a fault hits: those of a controller whose stream comes over the network that is
// drilled (SSH). It is set once, when the agent starts.
var spared atomic.Pointer[[]netip.Addr]

// sparing are rules that go before others, in each chain of the kernel that they use.
func sparing(rules []rule) (first []rule) {
	addrs := spared.Load()
	if addrs == nil || len(*addrs) == 0 {
		return nil
	}
	seen := map[string]bool{}
	for _, r := range rules {
		if kernelHooks[r.chain] == nil || seen[r.chain] {
			continue
		}
		seen[r.chain] = true
		for _, peer := range fromPeers(*addrs, r.chain) {
			first = append(first, rule{r.chain, []match{both(peer, match{exprs: []expr.Any{&expr.Verdict{Kind: expr.VerdictAccept}}})}})
		}
	}
	return first
}

// addRules adds the table, the chains and the rules to the transaction.
func addRules(conn *nftables.Conn, table *nftables.Table, rules []rule) error {
	making.Lock()
	defer making.Unlock()
	conn.AddTable(table)
	chains := map[string]*nftables.Chain{}
	for _, r := range append(sparing(rules), rules...) {
		if chains[r.chain] == nil {
			chains[r.chain] = addChain(conn, table, r.chain)
		}
		var exprs []expr.Any
		for _, part := range r.parts {
			for _, m := range part.sets {
				set := &nftables.Set{Table: table, Anonymous: true, Constant: true, KeyType: m.key}
				if err := conn.AddSet(set, m.elements); err != nil {
					return fmt.Errorf("make network rules: %w", err)
				}
				m.lookup.SetName, m.lookup.SetID = set.Name, set.ID
			}
			exprs = append(exprs, part.exprs...)
		}
		conn.AddRule(&nftables.Rule{Table: table, Chain: chains[r.chain], Exprs: exprs})
	}
	return nil
}

func addChain(conn *nftables.Conn, table *nftables.Table, name string) *nftables.Chain {
	chain := &nftables.Chain{Name: name, Table: table}
	if hook := kernelHooks[name]; hook != nil {
		chain.Type, chain.Hooknum, chain.Priority = nftables.ChainTypeFilter, hook, nftables.ChainPriorityRaw
	}
	return conn.AddChain(chain)
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

// counters reads the counters of a chain: of each rule, in their order. A chain that is not there has none.
func counters(table *nftables.Table, chain string) ([][]uint64, error) {
	conn, err := nftables.New()
	if err != nil {
		return nil, fmt.Errorf("open nftables: %w", err)
	}
	rules, err := conn.GetRules(table, &nftables.Chain{Name: chain, Table: table})
	if err != nil {
		return nil, nil
	}
	var out [][]uint64
	for _, r := range rules {
		var counts []uint64
		for _, e := range r.Exprs {
			if c, ok := e.(*expr.Counter); ok {
				counts = append(counts, c.Packets)
			}
		}
		out = append(out, counts)
	}
	return out, nil
}

// packetsStopped reads the counters of the table: the proof that the cut met traffic.
func packetsStopped(table *nftables.Table) (string, error) {
	var proofs []string
	for _, chain := range []string{chainInput, chainOutput} {
		rules, err := counters(table, chain)
		if err != nil {
			return "", err
		}
		if packets := sum(rules); packets > 0 {
			proofs = append(proofs, fmt.Sprintf("%d packets stopped on %s", packets, chain))
		}
	}
	return strings.Join(proofs, ", "), nil
}

func sum(rules [][]uint64) (total uint64) {
	for _, counts := range rules {
		for _, n := range counts {
			total += n
		}
	}
	return total
}

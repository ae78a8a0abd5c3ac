package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sort"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/firedrill/firedrill/harness/agent"
)

// Bounds of a measurement: round trips are made before and after, to a port on which nobody listens.
const (
	trips      = 5
	closedPort = "1"
	tripWithin = time.Second // above the delay itself
)

// delaying is a delay in force, by one of two ways.
type delaying struct {
	spec   agent.LatencySpec
	table  *nftables.Table
	queue  *delayQueue // nil: by netem
	shaped []*shaped   // interfaces with netem
	peer   agent.Peer  // whom we measure with; empty when nobody answered
	before time.Duration

	mu sync.Mutex
}

// delay holds what arrives. The kernel does it where it has netem and the fault is about all traffic; else this process
// does: the packets are queued to it where they arrive (a packet held where it is sent stays on its socket's account,
// which stalls TCP), and pass when it is gone.
func (a *Agent) delay(_ context.Context, fault string, s agent.LatencySpec) (agent.Stamp, error) {
	peers, err := latencyPeers(s)
	if err != nil {
		return agent.Stamp{}, err
	}
	d := &delaying{spec: s, table: tableOf(fault)}
	d.measureBefore()
	a.deeds.push(fault, deed{name: "latency", undo: d.end, inspect: d.proof})
	if s.Everything {
		stamp, err := d.byNetem()
		if err == nil || !notInKernel(err) && !errors.Is(err, unix.EEXIST) { // another fault's is there
			return stamp, err
		}
		for _, x := range d.shaped {
			if err := x.restore(); err != nil {
				return stamp, err
			}
		}
	}
	return d.byQueue(peers)
}

func latencyPeers(s agent.LatencySpec) ([]string, error) {
	switch {
	case s.Delay <= 0:
		return nil, fmt.Errorf("latency: %s is no delay", s.Delay)
	case s.Jitter < 0 || s.Jitter > s.Delay:
		return nil, fmt.Errorf("latency: a jitter of %s about %s: it may not be more than the delay", s.Jitter, s.Delay)
	case len(s.Peers) == 0 && !s.Everything:
		return nil, errors.New("latency: no peer is named")
	}
	var out []string
	for _, p := range s.Peers {
		out = append(out, p.Address)
	}
	if s.Everything {
		out = nil
	}
	return out, nil
}

// mayDelay tries the way that is there on most kernels, and leaves nothing behind.
func mayDelay(agent.LatencySpec) (string, error) {
	if reason, err := mayAdministerNetwork(); reason != "" || err != nil {
		return reason, err
	}
	if _, err := queueExpr(0); err != nil {
		return fmt.Sprintf("latency needs the packet queue of the kernel (NFQUEUE): %v", err), nil
	}
	q, err := openDelayQueue(0, 0)
	if err != nil {
		return fmt.Sprintf("latency needs the packet queue of the kernel (nfnetlink_queue): %v", err), nil
	}
	q.close()
	return "", nil
}

// notInKernel says that the kernel knows no such thing.
func notInKernel(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EOPNOTSUPP)
}

// byNetem delays what leaves, so that round trips take so much longer all the same.
func (d *delaying) byNetem() (agent.Stamp, error) {
	links, err := interfaces()
	if err != nil {
		return agent.Stamp{}, err
	}
	stamp := agent.Stamp{Began: agent.Monotonic()}
	for _, l := range links {
		s := &shaped{link: l, handle: nextHandle()}
		d.shaped = append(d.shaped, s)
		qdisc := netlink.NewNetem(s.root(), netlink.NetemQdiscAttrs{
			Latency: uint32(d.spec.Delay.Microseconds()), Jitter: uint32(d.spec.Jitter.Microseconds()), Limit: longestQueue,
		})
		if err := netlink.QdiscAdd(qdisc); err != nil {
			return stamp, fmt.Errorf("delay what %s sends (netem): %w", l.Attrs().Name, err)
		}
	}
	stamp.Effective = agent.Monotonic()
	return stamp, nil
}

func (d *delaying) byQueue(peers []string) (agent.Stamp, error) {
	from, err := addresses(peers)
	if err != nil {
		return agent.Stamp{}, fmt.Errorf("latency: %w", err)
	}
	queue, err := openDelayQueue(d.spec.Delay, d.spec.Jitter)
	if err != nil {
		return agent.Stamp{}, err
	}
	queue.serve()
	d.mu.Lock()
	d.queue = queue
	d.mu.Unlock()
	ending, err := queueExpr(queue.number)
	if err != nil {
		return agent.Stamp{}, err
	}
	var rules []rule
	for _, peer := range fromPeers(from, chainInput) {
		rules = append(rules, rule{chainInput, []match{notLoopback(chainInput), peer, counted(ending)}})
	}
	return putInForce(d.table, rules)
}

// queueExpr is the ending of a rule that hands packets to a queue, and lets them pass when nobody serves it. Kernels
// without an expression for it have the target of iptables. It is tried, and the trial is gone in the same transaction.
func queueExpr(number uint16) (expr.Any, error) {
	target := xt.Unknown(targetNFQ(number))
	var errs []error
	for _, e := range []expr.Any{&expr.Queue{Num: number, Flag: expr.QueueFlagBypass}, &expr.Target{Name: "NFQUEUE", Rev: 3, Info: &target}} {
		conn, err := nftables.New()
		if err != nil {
			return nil, fmt.Errorf("open nftables: %w", err)
		}
		table := &nftables.Table{Family: nftables.TableFamilyINet, Name: tablePrefix + "trial"}
		if err := addRules(conn, table, []rule{{chainCut, []match{{exprs: []expr.Any{e}}}}}); err != nil {
			return nil, err
		}
		conn.DelTable(table)
		if err := conn.Flush(); err != nil {
			errs = append(errs, err)
			continue
		}
		return e, nil
	}
	return nil, errors.Join(errs...)
}

// targetNFQ is the kernel's struct xt_NFQ_info_v3: number of the queue, how many queues, flags; padded.
func targetNFQ(number uint16) []byte {
	const one, bypass = 1, 1
	return []byte{byte(number), byte(number >> 8), one, 0, bypass, 0, 0, 0}
}

// end undoes both ways; of what is not there nothing is undone.
func (d *delaying) end() (string, error) {
	proof, err := removeTable(d.table) // first: what comes now passes
	if err != nil {
		return "", err
	}
	for _, s := range d.shaped {
		if err := s.restore(); err != nil {
			return "", err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.queue == nil {
		return sentence(proof, "the queueing disciplines are gone"), nil
	}
	d.queue.close()
	return sentence(proof, d.queue.says()), nil
}

func sentence(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), "; ")
}

// proof is what was measured: the round trip, and what was held.
func (d *delaying) proof() (string, error) {
	d.mu.Lock()
	queue := d.queue
	d.mu.Unlock()
	var held string
	if queue != nil {
		held = queue.says()
	}
	if d.peer.Address == "" {
		return held, nil // nobody answers round trips here; what was held for how long is measured too
	}
	n := trips
	if d.spec.Delay > time.Second {
		n = 1
	}
	after, ok := roundTrip(d.peer.Address, n, d.spec.Delay+d.spec.Jitter+tripWithin)
	if !ok || after-d.before < (d.spec.Delay-d.spec.Jitter)*9/10 {
		return "", nil
	}
	proof := fmt.Sprintf("round trip to %s %s, before %s", d.peer.Name, inMS(after), inMS(d.before))
	if held != "" {
		proof += " (" + held + ")"
	}
	return proof, nil
}

func inMS(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

// measureBefore picks the first peer that answers. Those that hang cost a second all together, not each.
func (d *delaying) measureBefore() {
	answers := make([]time.Duration, len(d.spec.Peers))
	var all sync.WaitGroup
	for i, p := range d.spec.Peers {
		all.Go(func() { answers[i], _ = roundTrip(p.Address, 1, tripWithin) })
	}
	all.Wait()
	for i, p := range d.spec.Peers {
		if answers[i] == 0 {
			continue
		}
		if before, ok := roundTrip(p.Address, trips, tripWithin); ok {
			d.peer, d.before = p, before
			return
		}
	}
}

// roundTrip is the median of n connects to a port on which nobody listens: the refusal comes one round trip later.
func roundTrip(address string, n int, within time.Duration) (time.Duration, bool) {
	var took []time.Duration
	for range n {
		began := time.Now()
		conn, err := net.DialTimeout("tcp", net.JoinHostPort(address, closedPort), within)
		if err == nil {
			_ = conn.Close()
		} else if !errors.Is(err, syscall.ECONNREFUSED) {
			return 0, false
		}
		took = append(took, time.Since(began))
	}
	sort.Slice(took, func(i, j int) bool { return took[i] < took[j] })
	return took[len(took)/2], true
}

// interfaces are all that connect the node with others.
func interfaces() ([]netlink.Link, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	var out []netlink.Link
	for _, l := range links {
		if l.Attrs().Flags&net.FlagLoopback == 0 && l.Attrs().Flags&net.FlagUp != 0 && !strings.HasPrefix(l.Attrs().Name, ifbPrefix) {
			out = append(out, l)
		}
	}
	return out, nil
}

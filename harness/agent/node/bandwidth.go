package node

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/firedrill/firedrill/harness/agent"
)

const (
	// ifbPrefix begins the names of our intermediate interfaces, through which what arrives is shaped.
	ifbPrefix = "fdifb"
	// firstHandle begins the handles of our queueing disciplines: nobody else's are touched.
	firstHandle = 0xfd00
	// smallestBurst passes at line rate after a pause: four packets of Ethernet's size. A small one makes the limit
	// felt by short exchanges too.
	smallestBurst = 6000
	// burstMS and queueMS are how much of the rate passes in one burst, and waits in the queue before more is dropped.
	burstMS, queueMS = 10, 200
	// largestPacket is what one may have when it arrives: those of a burst come as one.
	largestPacket = 1 << 16
)

var handles atomic.Uint32

// nextHandle numbers a queueing discipline of ours.
func nextHandle() uint32 {
	return netlink.MakeHandle(uint16(firstHandle+handles.Add(1)%0x100), 0)
}

// shaped is an interface with a queueing discipline of ours for what it sends, and perhaps one for what it receives.
type shaped struct {
	link    netlink.Link
	handle  uint32
	ifb     netlink.Link // nil: what arrives is not shaped
	ingress bool         // is ours
}

func (s *shaped) root() netlink.QdiscAttrs {
	return netlink.QdiscAttrs{LinkIndex: s.link.Attrs().Index, Handle: s.handle, Parent: netlink.HANDLE_ROOT}
}

// limiting is a limit in force.
type limiting struct {
	bits  uint64
	table *nftables.Table // of the policing, where that is the way

	mu     sync.Mutex
	shaped []*shaped
}

// limit shapes what the node sends, and what it receives by way of an intermediate interface; kernels without those
// drop what is too much.
func (a *Agent) limit(_ context.Context, fault string, s agent.BandwidthSpec) (agent.Stamp, error) {
	if err := limitable(s); err != nil {
		return agent.Stamp{}, err
	}
	links, err := interfaces()
	if err != nil {
		return agent.Stamp{}, err
	}
	l := &limiting{bits: s.BitsPerSecond, table: tableOf(fault)}
	a.deeds.push(fault, deed{name: "bandwidth", undo: l.end, inspect: l.proof})
	stamp := agent.Stamp{Began: agent.Monotonic()}
	police := s.Police
	for _, link := range links {
		x := &shaped{link: link, handle: nextHandle()}
		l.mu.Lock()
		l.shaped = append(l.shaped, x)
		l.mu.Unlock()
		if err := netlink.QdiscAdd(tbf(x.root(), s.BitsPerSecond)); err != nil {
			return stamp, fmt.Errorf("limit what %s sends (tbf): %w", link.Attrs().Name, err)
		}
		if police {
			continue
		}
		if err := x.shapeArriving(s.BitsPerSecond); notInKernel(err) {
			x.ifb, police = nil, true
		} else if err != nil {
			return stamp, fmt.Errorf("limit what %s receives (ifb): %w", link.Attrs().Name, err)
		}
	}
	if police {
		if _, err := putInForce(l.table, policeRules(s.BitsPerSecond)); err != nil {
			return stamp, err
		}
	}
	stamp.Effective = agent.Monotonic()
	return stamp, nil
}

func limitable(s agent.BandwidthSpec) error {
	const slowest = 8 * 1000 // below it no packet of Ethernet's size gets through in a second
	if s.BitsPerSecond < slowest {
		return fmt.Errorf("bandwidth: %d bits a second: %d is the least", s.BitsPerSecond, slowest)
	}
	return nil
}

// tbf is a token bucket: a burst passes at once, the rest waits for its turn.
func tbf(attrs netlink.QdiscAttrs, bits uint64) *netlink.Tbf {
	bytes := bits / 8
	burst := max(smallestBurst, bytes*burstMS/1000)
	queue := max(largestPacket, bytes*queueMS/1000)
	return &netlink.Tbf{QdiscAttrs: attrs, Rate: bytes, Limit: uint32(burst + queue), Buffer: netlink.Xmittime(bytes, uint32(burst))}
}

// shapeArriving sends what arrives through an intermediate interface, which shapes it.
func (s *shaped) shapeArriving(bits uint64) error {
	ifb := &netlink.Ifb{LinkAttrs: netlink.LinkAttrs{Name: fmt.Sprintf("%s%d", ifbPrefix, s.handle>>16-firstHandle), TxQLen: -1}}
	s.ifb = ifb
	if err := netlink.LinkAdd(ifb); err != nil {
		return err
	}
	if err := netlink.LinkSetUp(ifb); err != nil {
		return err
	}
	if err := netlink.QdiscAdd(tbf(netlink.QdiscAttrs{LinkIndex: ifb.Index, Handle: s.handle, Parent: netlink.HANDLE_ROOT}, bits)); err != nil {
		return err
	}
	ingress := &netlink.Ingress{QdiscAttrs: netlink.QdiscAttrs{
		LinkIndex: s.link.Attrs().Index, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_INGRESS,
	}}
	if err := netlink.QdiscAdd(ingress); err != nil {
		return err
	}
	s.ingress = true
	return netlink.FilterAdd(&netlink.U32{
		FilterAttrs: netlink.FilterAttrs{LinkIndex: s.link.Attrs().Index, Parent: ingress.Handle, Priority: 1, Protocol: unix.ETH_P_ALL},
		Actions:     []netlink.Action{netlink.NewMirredAction(ifb.Index)},
	})
}

// policeRules drop what arrives above the rate.
func policeRules(bits uint64) []rule {
	over := match{exprs: []expr.Any{&expr.Limit{
		Type: expr.LimitTypePktBytes, Rate: bits / 8, Unit: expr.LimitTimeSecond, Burst: uint32(max(largestPacket, bits/8*burstMS/1000)), Over: true,
	}}}
	seen := match{exprs: []expr.Any{&expr.Counter{}}}
	return []rule{{chainInput, []match{notLoopback(chainInput), seen, over, counted(&expr.Verdict{Kind: expr.VerdictDrop})}}}
}

// mayLimit tries a token bucket on an interface of its own that carries nothing, and removes it; where there are no such
// interfaces it can only be told by the deed itself.
func mayLimit(s agent.BandwidthSpec) (string, error) {
	if reason, err := mayAdministerNetwork(); reason != "" || err != nil {
		return reason, err
	}
	links, err := interfaces()
	if err != nil {
		return "", err
	}
	for _, l := range links {
		own, err := ownDiscipline(l)
		if err != nil || own != "" {
			return own, err
		}
	}
	ifb := &netlink.Ifb{LinkAttrs: netlink.LinkAttrs{Name: ifbPrefix + "trial", TxQLen: -1}}
	if err := netlink.LinkAdd(ifb); err != nil {
		if notInKernel(err) {
			return "", nil
		}
		return fmt.Sprintf("bandwidth needs an intermediate interface: %v", err), nil
	}
	err = netlink.QdiscAdd(tbf(netlink.QdiscAttrs{LinkIndex: ifb.Index, Handle: nextHandle(), Parent: netlink.HANDLE_ROOT}, max(s.BitsPerSecond, 1<<20)))
	if delErr := netlink.LinkDel(ifb); delErr != nil {
		return "", fmt.Errorf("remove the interface of a trial: %w", delErr)
	}
	if err != nil {
		return fmt.Sprintf("bandwidth needs the token bucket filter of the kernel (tbf): %v", err), nil
	}
	return "", nil
}

// ownDiscipline names one that somebody has given to an interface, which we could not put back.
func ownDiscipline(l netlink.Link) (string, error) {
	qdiscs, err := netlink.QdiscList(l)
	if err != nil {
		return "", fmt.Errorf("list the queueing disciplines of %s: %w", l.Attrs().Name, err)
	}
	for _, q := range qdiscs {
		major := q.Attrs().Handle >> 16
		ours := major >= firstHandle && major < firstHandle+0x100
		if q.Type() == "ingress" && !anyIFB() || q.Attrs().Parent == netlink.HANDLE_ROOT && major != 0 && !ours {
			return fmt.Sprintf("%s has a queueing discipline of its own (%s), which a limit would replace", l.Attrs().Name, q.Type()), nil
		}
	}
	return "", nil
}

// anyIFB says that one of our limits is in force, so that an ingress discipline is ours.
func anyIFB() bool {
	links, err := netlink.LinkList()
	if err != nil {
		return false
	}
	for _, l := range links {
		if strings.HasPrefix(l.Attrs().Name, ifbPrefix) {
			return true
		}
	}
	return false
}

// restore removes what is ours, and nothing else; what is not there is removed already.
func (s *shaped) restore() error {
	qdiscs, err := netlink.QdiscList(s.link)
	if err != nil {
		return fmt.Errorf("list the queueing disciplines of %s: %w", s.link.Attrs().Name, err)
	}
	for _, q := range qdiscs {
		if q.Attrs().Parent == netlink.HANDLE_ROOT && q.Attrs().Handle == s.handle || s.ingress && q.Type() == "ingress" {
			if err := netlink.QdiscDel(q); err != nil && !notThere(err) {
				return fmt.Errorf("remove the queueing discipline %s of %s: %w", q.Type(), s.link.Attrs().Name, err)
			}
		}
	}
	s.ingress = false
	if s.ifb != nil {
		if err := netlink.LinkDel(s.ifb); err != nil && !notThere(err) {
			return fmt.Errorf("remove interface %s: %w", s.ifb.Attrs().Name, err)
		}
	}
	return nil
}

// notThere says that what was to be removed is not there.
func notThere(err error) bool {
	var noLink netlink.LinkNotFoundError
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) || errors.As(err, &noLink)
}

func (l *limiting) end() (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := removeTable(l.table); err != nil {
		return "", err
	}
	for _, s := range l.shaped {
		if err := s.restore(); err != nil {
			return "", err
		}
	}
	return "the limits are gone", nil
}

// proof is what went through the token buckets, and how much of it had to wait or was dropped.
func (l *limiting) proof() (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var proofs []string
	for _, s := range l.shaped {
		for _, way := range []struct {
			link netlink.Link
			name string
		}{{s.link, "sent"}, {s.ifb, "received"}} {
			if way.link == nil {
				continue
			}
			seen, err := passed(way.link, s.handle)
			if err != nil {
				return "", err
			}
			if seen != "" {
				proofs = append(proofs, fmt.Sprintf("%s %s on %s", way.name, seen, s.link.Attrs().Name))
			}
		}
	}
	rules, err := counters(l.table, chainInput)
	if err != nil {
		return "", err
	}
	for _, counts := range rules {
		if len(counts) == 2 && counts[0] > 0 {
			proofs = append(proofs, fmt.Sprintf("received %d packets, %d dropped", counts[0], counts[1]))
		}
	}
	if len(proofs) == 0 {
		return "", nil
	}
	return fmt.Sprintf("limited to %s: %s", bitRate(l.bits), strings.Join(proofs, ", ")), nil
}

func bitRate(bits uint64) string {
	if bits%1_000_000 == 0 {
		return fmt.Sprintf("%d Mbit/s", bits/1_000_000)
	}
	return fmt.Sprintf("%d kbit/s", bits/1000)
}

// passed reads the counters of a token bucket; empty when nothing has passed.
func passed(link netlink.Link, handle uint32) (string, error) {
	qdiscs, err := netlink.QdiscList(link)
	if err != nil {
		return "", fmt.Errorf("list the queueing disciplines of %s: %w", link.Attrs().Name, err)
	}
	for _, q := range qdiscs {
		s := q.Attrs().Statistics
		if q.Attrs().Handle == handle && s != nil && s.Basic != nil && s.Queue != nil && s.Basic.Packets > 0 {
			return fmt.Sprintf("%d packets, of which the limit held back %d times, dropped %d", s.Basic.Packets, s.Queue.Overlimits, s.Queue.Drops), nil
		}
	}
	return "", nil
}

package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"unsafe"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/firedrill/firedrill/harness/agent"
)

// swallow drops what is too large. Interfaces hand large packets over whole that a wire would carry in pieces; for the
// size to mean that of the wire, they are told not to for as long as the fault is in force.
func (a *Agent) swallow(_ context.Context, fault string, s agent.BlackHoleSpec) (agent.Stamp, error) {
	rules, err := blackHoleRules(s)
	if err != nil {
		return agent.Stamp{}, err
	}
	links, err := interfaces()
	if err != nil {
		return agent.Stamp{}, err
	}
	var names []string
	largest := 0
	for _, l := range links {
		names, largest = append(names, l.Attrs().Name), max(largest, l.Attrs().MTU)
	}
	w := &wire{}
	a.deeds.push(fault, deed{name: "offloads", undo: w.restore, inspect: func() (string, error) { return "", nil }})
	if err := w.set(names); err != nil {
		return agent.Stamp{}, err
	}
	return a.filter(fault, "black hole", rules, func(table *nftables.Table) (string, error) {
		proof, err := packetsSwallowed(table)
		if proof == "" && err == nil && int(s.LargerThan) < largest { // a larger one would go in pieces
			throwIn(s)
		}
		return proof, err
	})
}

// throwIn sends the peers a packet that is just too large, so that there is one to be seen: to a port on which nobody
// listens (the discard service). Nobody hears whether it arrived, which is what it is for.
func throwIn(s agent.BlackHoleSpec) {
	const headers = 20 + 8 // of IPv4 and UDP; IPv6 has more
	for _, p := range s.Peers {
		if conn, err := net.Dial("udp", net.JoinHostPort(p, "9")); err == nil {
			_, _ = conn.Write(make([]byte, s.LargerThan+1-headers))
			_ = conn.Close()
		}
	}
}

func maySwallow(agent.BlackHoleSpec) (string, error) { return mayAdministerNetwork() }

func blackHoleRules(s agent.BlackHoleSpec) ([]rule, error) {
	const least = 100 // no connection opens below
	if s.LargerThan < least {
		return nil, fmt.Errorf("black hole: %d bytes: %d is the least", s.LargerThan, least)
	}
	peers, err := addresses(s.Peers)
	if err != nil {
		return nil, fmt.Errorf("black hole: %w", err)
	}
	size := match{exprs: []expr.Any{&expr.Meta{Key: expr.MetaKeyLEN, Register: 1}}}
	var rules []rule
	for _, peer := range fromPeers(peers, chainInput) {
		rules = append(rules, rule{chainInput, []match{
			notLoopback(chainInput), peer, size, register1(expr.CmpOpGt, s.LargerThan), counted(&expr.Verdict{Kind: expr.VerdictDrop}),
		}})
	}
	return rules, nil
}

func packetsSwallowed(table *nftables.Table) (string, error) {
	rules, err := counters(table, chainInput)
	if err != nil || sum(rules) == 0 {
		return "", err
	}
	return fmt.Sprintf("%d packets swallowed", sum(rules)), nil
}

// Offloads of interfaces that join packets, with the kernel's commands to ask for them and to set them.
var offloads = []struct {
	name     string
	get, set uint32
}{
	{"tso", unix.ETHTOOL_GTSO, unix.ETHTOOL_STSO},
	{"gso", unix.ETHTOOL_GGSO, unix.ETHTOOL_SGSO},
	{"gro", unix.ETHTOOL_GGRO, unix.ETHTOOL_SGRO},
}

// wire keeps the offloads that were on.
type wire struct {
	mu sync.Mutex
	on []struct {
		link, offload string
		set           uint32
	}
}

// set turns them off.
func (w *wire) set(links []string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, link := range links {
		for _, o := range offloads {
			on, err := ethtool(link, o.get, 0)
			if errors.Is(err, unix.EOPNOTSUPP) || err == nil && on == 0 {
				continue
			}
			if err != nil {
				return fmt.Errorf("read offload %s of %s: %w", o.name, link, err)
			}
			w.on = append(w.on, struct {
				link, offload string
				set           uint32
			}{link, o.name, o.set})
			if _, err := ethtool(link, o.set, 0); err != nil {
				return fmt.Errorf("turn offload %s of %s off: %w", o.name, link, err)
			}
		}
	}
	return nil
}

// restore turns them on again.
func (w *wire) restore() (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var names []string
	for _, o := range w.on {
		if _, err := ethtool(o.link, o.set, 1); err != nil && !errors.Is(err, unix.ENODEV) {
			return "", fmt.Errorf("turn offload %s of %s on again: %w", o.offload, o.link, err)
		}
		names = append(names, o.link+" "+o.offload)
	}
	if len(names) == 0 {
		return "no offload was changed", nil
	}
	return "offloads on again: " + strings.Join(names, ", "), nil
}

// ethtool makes a call of one value to an interface.
func ethtool(link string, command, value uint32) (uint32, error) {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer func() { _ = unix.Close(socket) }()
	type argument struct{ command, value uint32 } // struct ethtool_value
	arg := &argument{command, value}
	var request struct { // struct ifreq
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte
	}
	copy(request.name[:unix.IFNAMSIZ-1], link)
	request.data = unsafe.Pointer(arg)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(socket), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request))); errno != 0 {
		return 0, errno
	}
	return arg.value, nil
}

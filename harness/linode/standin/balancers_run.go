package standin

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Balancer is what a NodeBalancer asks of whatever runs it.
type Balancer struct {
	ID      int
	Address netip.Addr // its public one, of the machines' pool: it listens here
	Private netip.Addr // from where it speaks to its nodes
	Config  string     // for HAProxy; it has the statistics at StatsAddress
}

// PrivateNetwork is what all private addresses are in, those of NodeBalancers in its last /24. The real one is a network for
// each region.
var PrivateNetwork = netip.MustParsePrefix("192.168.128.0/17")

// ErrBalancerConfig says that HAProxy does not take a configuration.
var ErrBalancerConfig = errors.New("HAProxy refuses the configuration")

// Balancers runs NodeBalancers. Machines that can do it are Balancers too; for others
// NodeBalancers are on paper. All calls block until they have had their effect.
type Balancers interface {
	// Balance makes a NodeBalancer be as given, and makes it if it is not there. Connections that stand go on. After an error it
	// is as it was. ErrBalancerConfig is in the error when the configuration is at fault.
	Balance(ctx context.Context, b Balancer) error
	// Unbalance removes one. One that is gone is gone.
	Unbalance(ctx context.Context, id int) error
	// Health is HAProxy's statistics, as CSV.
	Health(ctx context.Context, id int) (string, error)
}

// balanceBudget is how long a NodeBalancer may take to come to be, or to change.
const balanceBudget = time.Minute

// real says that NodeBalancers listen.
func (s *Server) real() (Balancers, bool) {
	b, ok := s.machines.(Balancers)
	return b, ok
}

// balance makes the NodeBalancer be what the state says. A client that goes away does not leave it half done.
func (s *Server) balance(ctx context.Context, b *balancing) error {
	running, ok := s.real()
	if !ok {
		return nil
	}
	for _, p := range b.Ports {
		if p.Config.Protocol == "udp" {
			return invalid("protocol", "This stand-in's NodeBalancers that run have no udp")
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), balanceBudget)
	defer cancel()
	address := netip.MustParseAddr(b.Balancer.IPv4)
	err := running.Balance(ctx, Balancer{ID: b.Balancer.ID, Address: address, Private: balancerPrivate(address), Config: b.haproxy()})
	if errors.Is(err, ErrBalancerConfig) {
		return invalid("configs", "%s", err) // the words are ours
	}
	return err
}

// balancerPrivate is as unique among the NodeBalancers as the public address is.
func balancerPrivate(public netip.Addr) netip.Addr {
	return netip.AddrFrom4([4]byte{192, 168, 255, public.As4()[3]})
}

func (s *Server) unbalance(ctx context.Context, id int) error {
	running, ok := s.real()
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), balanceBudget)
	defer cancel()
	return running.Unbalance(ctx, id)
}

// join gives a machine the addresses beside its public one, which it forgot with its power.
func (s *Server) join(ctx context.Context, all *state, id int) error {
	running, ok := s.machines.(Networks)
	l := all.linodeOf(id)
	if !ok || l == nil {
		return nil
	}
	for _, a := range l.further() {
		if err := running.Join(ctx, id, a); err != nil {
			return err
		}
	}
	return nil
}

// What a node's status can be.
const (
	nodeUnknown = "Unknown"
	nodeUp      = "UP"
	nodeDown    = "DOWN"
)

// seen is what a NodeBalancer says now about its nodes, by their names in HAProxy. On paper it says nothing.
func (s *Server) seen(ctx context.Context, b *balancing) map[string]string {
	running, ok := s.real()
	if !ok {
		return nil
	}
	text, err := running.Health(ctx, b.Balancer.ID)
	if err == nil {
		var out map[string]string
		if out, err = readHealth(text); err == nil {
			return out
		}
	}
	s.log.Error("health", "nodebalancer", b.Balancer.ID, "err", err)
	return nil
}

// withStatus is a copy of a node with what is seen of it: what is published is never changed.
func (n *balancerNode) withStatus(seen map[string]string) *balancerNode {
	out := *n
	out.Status = cmp.Or(seen[n.server()], nodeUnknown)
	return &out
}

// withStatus is a copy of the port's configuration with the count of its nodes.
func (p *balanced) withStatus(seen map[string]string) *balancerConfig {
	out := *p.Config
	out.NodesStatus = balancerNodes{}
	for _, n := range p.Nodes {
		switch seen[n.server()] {
		case nodeUp:
			out.NodesStatus.Up++
		case nodeDown:
			out.NodesStatus.Down++
		}
	}
	return &out
}

// readHealth reads the state of each server out of HAProxy's statistics. One that is not checked, was not checked yet, or takes
// part in nothing is Unknown; one that is drained is up.
func readHealth(text string) (map[string]string, error) {
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "# "))).ReadAll()
	if err != nil || len(rows) == 0 {
		return nil, fmt.Errorf("read HAProxy's statistics: %w", errors.Join(err, errors.New("no table")))
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	name, hasName := column["svname"]
	status, hasStatus := column["status"]
	check, hasCheck := column["check_status"]
	if !hasName || !hasStatus || !hasCheck {
		return nil, errors.New("read HAProxy's statistics: columns are missing")
	}
	out := map[string]string{}
	for _, row := range rows[1:] {
		checked := row[check] != "" && row[check] != "INI" && row[check] != "UNK"
		switch {
		case !checked || strings.HasPrefix(row[status], "MAINT"):
			out[row[name]] = nodeUnknown
		case strings.HasPrefix(row[status], "DOWN"):
			out[row[name]] = nodeDown
		default:
			out[row[name]] = nodeUp
		}
	}
	return out, nil
}

package docker

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"

	dockernet "github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/network"

	"github.com/firedrill/firedrill/harness"
)

// SubnetVariable names the /24 to use in place of one chosen by us.
const SubnetVariable = "FIREDRILL_SUBNET"

// pool is where we look for a free /24: 198.18.0.0/15 is set aside for testing by RFC 2544, so that it collides with
// no office network or VPN.
var pool = netip.MustParsePrefix("198.18.0.0/15")

// attempts at a free subnet: two runs that start together may want the same one.
const subnetAttempts = 10

// network makes the drill's own bridge network.
func (p *Provider) network(ctx context.Context, id harness.Identity) (*testcontainers.DockerNetwork, netip.Prefix, error) {
	n, prefix, err := Network(ctx, p.api, p.opts.Subnet, p.labels(id))
	if err != nil {
		return nil, prefix, fmt.Errorf("create network for drill %s: %w", id.Drill, err)
	}
	return n, prefix, nil
}

// Network makes a bridge network with labels: on the /24 that is wanted, or on a free one.
func Network(ctx context.Context, api *client.Client, want netip.Prefix, labels map[string]string) (*testcontainers.DockerNetwork, netip.Prefix, error) {
	noReaper()
	taken, err := taken(ctx, api)
	if err != nil {
		return nil, netip.Prefix{}, err
	}
	if want.IsValid() {
		if by, clash := overlaps(taken, want); clash {
			return nil, want, fmt.Errorf("subnet %s is taken by %s: set %s to a /24 that is free, or unset it", want, by, SubnetVariable)
		}
		n, err := create(ctx, labels, want)
		return n, want, err
	}
	for range subnetAttempts {
		want := randomSubnet()
		if _, clash := overlaps(taken, want); clash {
			continue
		}
		n, err := create(ctx, labels, want)
		if err != nil && strings.Contains(err.Error(), "overlaps") {
			continue // taken since we looked
		}
		return n, want, err
	}
	return nil, netip.Prefix{}, fmt.Errorf("no free /24 found in %s after %d attempts: set %s to one", pool, subnetAttempts, SubnetVariable)
}

func randomSubnet() netip.Prefix {
	a := pool.Addr().As4()
	n := rand.IntN(512)
	a[1] += byte(n >> 8)
	a[2] = byte(n)
	return netip.PrefixFrom(netip.AddrFrom4(a), 24)
}

func create(ctx context.Context, labels map[string]string, subnet netip.Prefix) (*testcontainers.DockerNetwork, error) {
	return network.New(ctx, network.WithLabels(labels), network.WithIPAM(&dockernet.IPAM{
		Driver: "default", Config: []dockernet.IPAMConfig{{Subnet: subnet, Gateway: subnet.Addr().Next()}},
	}))
}

// taken is what the engine's networks and this machine's interfaces use.
func taken(ctx context.Context, api *client.Client) (map[netip.Prefix]string, error) {
	out := map[netip.Prefix]string{}
	nets, err := api.NetworkList(ctx, client.NetworkListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list networks: %w", err)
	}
	for _, n := range nets.Items {
		for _, c := range n.IPAM.Config {
			if c.Subnet.IsValid() {
				out[c.Subnet] = "the Docker network " + n.Name
			}
		}
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		return out, nil // only a courtesy: the engine itself refuses what it cannot route
	}
	for _, i := range interfaces {
		addrs, _ := i.Addrs()
		for _, a := range addrs {
			if prefix, err := netip.ParsePrefix(a.String()); err == nil && out[prefix.Masked()] == "" {
				out[prefix.Masked()] = "the interface " + i.Name
			}
		}
	}
	return out, nil
}

func overlaps(taken map[netip.Prefix]string, want netip.Prefix) (by string, clash bool) {
	for prefix, who := range taken {
		if prefix.Overlaps(want) {
			return who + " (" + prefix.String() + ")", true
		}
	}
	return "", false
}

// ParseSubnet reads SubnetVariable; empty means that we choose.
func ParseSubnet(s string) (netip.Prefix, error) {
	if s == "" {
		return netip.Prefix{}, nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil || !p.Addr().Is4() || p.Bits() != 24 || p.Masked() != p {
		return netip.Prefix{}, fmt.Errorf("%s=%q is not an IPv4 /24 such as 198.18.7.0/24", SubnetVariable, s)
	}
	return p, nil
}

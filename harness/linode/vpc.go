package linode

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/linode/linodego"

	"github.com/firedrill/firedrill/harness"
)

// hasVPCs is the capability of a region in which VPCs can be made.
const hasVPCs = "VPCs"

// network is the VPC of a drill, with the one subnet that it has. The zero value is none: nodes know each other by their public
// addresses.
type network struct {
	subnet int
	prefix netip.Prefix
}

// vpc makes a VPC for a drill whose machines are all in one region that has them. A VPC does not span regions, and a node has one
// address by which all others know it: a drill over several regions has none. Like a placement group it has no tags, and the
// deadline in its label.
func (p *Provider) vpc(ctx context.Context, id harness.Identity, specs []harness.NodeSpec) (network, error) {
	region := p.Region(specs[0].Datacenter)
	if slices.ContainsFunc(specs, func(s harness.NodeSpec) bool { return p.Region(s.Datacenter) != region }) {
		return network{}, nil
	}
	r, err := p.client.GetRegion(ctx, region)
	if err != nil {
		return network{}, fmt.Errorf("region %s: %w", region, err)
	}
	if !slices.Contains(r.Capabilities, hasVPCs) {
		_, _ = fmt.Fprintf(p.opts.Progress, "linode: region %s has no VPCs: the nodes speak over their public addresses\n", region)
		return network{}, nil
	}
	n := network{prefix: subnetOf(id)}
	label := drillPrefix(id) + "-" + region + mark(p.until)
	_, err = p.create(ctx, id.Run, kindVPC, label, func(ctx context.Context) (int, error) {
		v, err := p.client.CreateVPC(ctx, linodego.VPCCreateOptions{Label: label, Region: region,
			Subnets: []linodego.VPCSubnetCreateOptions{{Label: "nodes", IPv4: n.prefix.String()}}})
		if err != nil {
			return 0, err
		}
		if len(v.Subnets) != 1 {
			return v.ID, errors.New("the API gave it no subnet")
		}
		n.subnet = v.Subnets[0].ID
		return v.ID, nil
	})
	return n, err
}

// subnetOf a drill is a /24 of 10.128.0.0/9. VPCs may have the same addresses; drills have different ones all the same, because
// the stand-in's machines are on one network.
func subnetOf(id harness.Identity) netip.Prefix {
	sum := sha256.Sum256([]byte(drillPrefix(id)))
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 128 | sum[0], sum[1], 0}), 24)
}

// firstInSubnet is the first of a subnet's addresses that a machine can have: the two before it are the API's.
const firstInSubnet = 2

// address is that of the i-th machine, which is none where there is no VPC. It is chosen here, so that it is known before the
// machine is asked for.
func (n network) address(i int) netip.Addr {
	if n.subnet == 0 {
		return netip.Addr{}
	}
	a := n.prefix.Addr().As4()
	a[3] = byte(firstInSubnet + i)
	return netip.AddrFrom4(a)
}

// place is where a machine is put.
type place struct {
	firewall int
	group    int        // placement group; 0: none
	subnet   int        // of a VPC; 0: none
	address  netip.Addr // in the subnet
}

// interfaces are those of a machine in a VPC: the public one has the default route, to the controller and the mirror. None are
// the API's default, which is the public one.
func (w place) interfaces() []linodego.InstanceConfigInterfaceCreateOptions {
	if w.subnet == 0 {
		return nil
	}
	return []linodego.InstanceConfigInterfaceCreateOptions{
		{Purpose: linodego.InterfacePurposePublic, Primary: true},
		{Purpose: linodego.InterfacePurposeVPC, SubnetID: &w.subnet, IPv4: &linodego.VPCIPv4{VPC: w.address.String()}},
	}
}

package linode

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/linode/linodego"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
)

// oneRegion are options of a drill that has a VPC.
func oneRegion(t *testing.T, a Account) Options {
	o := options(t, a)
	o.Regions = []string{"us-east"}
	return o
}

func count(all []resource, kind string) int {
	n := 0
	for _, r := range all {
		if r.kind == kind {
			n++
		}
	}
	return n
}

// The nodes of a drill in one region know each other by their addresses in a VPC, and only those are admitted.
func TestADrillInOneRegionHasAVPC(t *testing.T) {
	a, _ := cloud(t)
	o := oneRegion(t, a)
	o.Binary = "absent"
	p, err := New(t.Context(), o)
	require.NoError(t, err)
	nodes, err := p.Up(t.Context(), drill, specs)
	require.ErrorContains(t, err, atHome)
	c := a.client(nil)
	vpcs, err := c.ListVPCs(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, vpcs, 1)
	assert.Equal(t, "us-east", vpcs[0].Region)
	require.Len(t, vpcs[0].Subnets, 1)
	subnet := netip.MustParsePrefix(vpcs[0].Subnets[0].IPv4)
	assert.Len(t, vpcs[0].Subnets[0].Linodes, 3)

	machines, err := c.ListInstances(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, machines, 3)
	public := map[string]string{}
	for _, m := range machines {
		name := strings.TrimPrefix(m.Label, drillPrefix(drill)+"-")
		public[name] = m.IPv4[0].String()
		ips, err := c.GetInstanceIPAddresses(t.Context(), m.ID)
		require.NoError(t, err)
		n, err := harness.Find(nodes, name)
		require.NoError(t, err)
		require.Len(t, ips.IPv4.VPC, 1)
		assert.Equal(t, n.Address, *ips.IPv4.VPC[0].Address, name)
		assert.True(t, subnet.Contains(netip.MustParseAddr(n.Address)), n.Address)
		assert.NotEqual(t, public[name], n.Address)
	}
	firewalls, err := c.ListFirewalls(t.Context(), nil)
	require.NoError(t, err)
	for _, f := range firewalls {
		assert.Len(t, f.Rules.Inbound, 4)
		assert.ElementsMatch(t, []string{nodes[0].Address + "/32", nodes[1].Address + "/32", nodes[2].Address + "/32"}, *f.Rules.Inbound[1].Addresses.IPv4, "by the addresses by which they come")
	}
	w, ok := nodes[0].Wall.(*wall)
	require.True(t, ok)
	assert.ElementsMatch(t, []string{nodes[0].Address + "/32", nodes[2].Address + "/32"}, *w.shut.Outbound[0].Addresses.IPv4, "those of dc1")

	open, err := Outstanding(o.Ledger)
	require.NoError(t, err)
	assert.Len(t, open, 7)
	require.NoError(t, p.Down(t.Context(), drill), "the VPC after its machines: the API refuses it before")
	assert.Empty(t, account(t, a))
	open, err = Outstanding(o.Ledger)
	require.NoError(t, err)
	assert.Empty(t, open, "the ledger is balanced")
}

// A VPC does not span regions, and not every region has them.
func TestADrillThatHasNoVPC(t *testing.T) {
	for name, regions := range map[string][]string{"two regions": {"us-east", "us-ord"}, "a region that has none": {"br-gru"}} {
		a, _ := cloud(t)
		o := options(t, a)
		o.Regions, o.Binary = regions, "absent"
		p, err := New(t.Context(), o)
		require.NoError(t, err)
		nodes, err := p.Up(t.Context(), drill, specs)
		require.ErrorContains(t, err, atHome)
		assert.Zero(t, count(account(t, a), kindVPC), name)
		require.Len(t, nodes, 3)
		for _, n := range nodes {
			assert.True(t, strings.HasPrefix(n.Address, "192.0.2."), "%s: public addresses: %s", name, n.Address)
		}
		require.NoError(t, p.Down(t.Context(), drill))
	}
	// With more regions than datacenters the first alone counts.
	a, _ := cloud(t)
	p, err := New(t.Context(), options(t, a))
	require.NoError(t, err)
	p.opts.Binary = "absent"
	_, err = p.Up(t.Context(), drill, []harness.NodeSpec{{Name: "p1", Datacenter: "dc1"}, {Name: "p2", Datacenter: "dc1"}})
	require.ErrorContains(t, err, atHome)
	assert.Equal(t, 1, count(account(t, a), kindVPC))
}

// What a killed controller left is found by its label, and goes; what only begins like ours is a stranger's.
func TestAVPCThatIsLeftIsCleaned(t *testing.T) {
	a, _ := cloud(t)
	o := oneRegion(t, a)
	p, err := New(t.Context(), o)
	require.NoError(t, err)
	require.ErrorContains(t, ordered(t, p), atHome)
	c := a.client(nil)
	mine, err := c.CreateVPC(t.Context(), linodego.VPCCreateOptions{Label: "fdrill-mine", Region: "us-east"})
	require.NoError(t, err)
	_, err = New(t.Context(), oneRegion(t, a))
	require.ErrorContains(t, err, "not ours: VPC fdrill-mine")

	removed, err := Clean(t.Context(), a, o.Ledger, "", time.Now())
	require.NoError(t, err)
	assert.Empty(t, removed, "the deadline has not passed")
	removed, err = Clean(t.Context(), a, o.Ledger, "", p.Until().Add(time.Second))
	require.NoError(t, err)
	require.Len(t, removed, 7)
	assert.Equal(t, []string{kindVPC, drill.Run}, []string{removed[6].Kind, removed[6].Run}, "the last: after its machines")
	_, err = c.GetVPC(t.Context(), mine.ID)
	require.NoError(t, err)
	open, err := Outstanding(o.Ledger)
	require.NoError(t, err)
	assert.Empty(t, open)
}

// A token without the right to VPCs has made none, and is told so when one is to be made; nothing stays.
func TestATokenThatMayNotMakeVPCs(t *testing.T) {
	a, _ := cloud(t)
	o := oneRegion(t, a)
	p, err := New(t.Context(), o)
	require.NoError(t, err)
	p.client = a.client(without{"/v4/vpcs", http.StatusUnauthorized})
	require.NoError(t, p.check(t.Context()))
	assert.ErrorContains(t, ordered(t, p), "create VPC "+drillPrefix(drill))
	require.NoError(t, p.Down(t.Context(), drill))
	assert.Empty(t, account(t, a))
	open, err := Outstanding(o.Ledger)
	require.NoError(t, err)
	assert.Empty(t, open)
}

func TestDrillsHaveAddressesOfTheirOwn(t *testing.T) {
	one, other := subnetOf(drill), subnetOf(harness.Identity{Run: drill.Run, Drill: "another"})
	assert.False(t, one.Overlaps(other))
	assert.True(t, netip.MustParsePrefix("10.128.0.0/9").Contains(one.Addr()))
	n := network{1, netip.MustParsePrefix("10.200.7.0/24")}
	assert.Equal(t, []string{"10.200.7.2", "10.200.7.3"}, []string{n.address(0).String(), n.address(1).String()}, "the first two are the API's")
	assert.False(t, network{}.address(0).IsValid())
}

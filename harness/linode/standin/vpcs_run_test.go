package standin_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/linode/linodego"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/wait"
)

// inVPC is an order for a machine with an address in a subnet.
func inVPC(label string, subnet int, address string) linodego.InstanceCreateOptions {
	o := order(label)
	o.Interfaces = []linodego.InstanceConfigInterfaceCreateOptions{{Purpose: linodego.InterfacePurposePublic, Primary: true},
		{Purpose: linodego.InterfacePurposeVPC, SubnetID: &subnet, IPv4: &linodego.VPCIPv4{VPC: address}}}
	return o
}

// A machine that runs has its address in a VPC from its boot on, again after every boot, beside its private one.
func TestAMachineInAVPCIsGivenItsAddress(t *testing.T) {
	_, c, f := balancedCloud(t)
	ctx := t.Context()
	v, err := c.CreateVPC(ctx, linodego.VPCCreateOptions{Label: "one", Region: "us-east", Subnets: []linodego.VPCSubnetCreateOptions{{Label: "a", IPv4: "10.0.0.0/24"}}})
	require.NoError(t, err)
	subnet := v.Subnets[0].ID
	o := inVPC("db-1", subnet, "10.0.0.7")
	o.PrivateIP = true
	made := stands(t, c, o)
	joined := fmt.Sprintf("boot db-1, join %s/17 db-1, join 10.0.0.7/24 db-1", made.IPv4[1])
	assert.Equal(t, "create db-1, "+joined, f.log(), "before it runs")
	require.NoError(t, c.RebootInstance(ctx, made.ID, 0))
	require.NoError(t, wait.Until(ctx, "joined again", 5*time.Second, func(context.Context) (bool, string, error) {
		return strings.HasSuffix(f.log(), "shutdown db-1, "+joined), f.log(), nil
	}))

	_, err = c.CreateInstance(ctx, inVPC("db-2", subnet, "10.0.0.7"))
	assert.ErrorContains(t, err, "The address is in use")
	_, err = c.CreateInstance(ctx, inVPC("db-2", subnet, "10.0.1.7"))
	assert.ErrorContains(t, err, "Must be an address of the subnet")
}

// The API takes VPCs that have the same addresses. Machines that run share a network here, where nobody could tell them apart.
func TestVPCsOfMachinesThatRunAreApart(t *testing.T) {
	_, paper, _ := cloud(t)
	_, c, _ := balancedCloud(t)
	o := linodego.VPCCreateOptions{Label: "one", Region: "us-east", Subnets: []linodego.VPCSubnetCreateOptions{{Label: "a", IPv4: "10.0.0.0/24"}}}
	for _, api := range []*linodego.Client{paper, c} {
		o.Label = "one"
		_, err := api.CreateVPC(t.Context(), o)
		require.NoError(t, err)
		o.Label = "two"
		_, err = api.CreateVPC(t.Context(), o)
		if api == paper {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, "overlaps with a of the VPC one")
		o.Label, o.Subnets = "three", nil
		v, err := api.CreateVPC(t.Context(), o)
		require.NoError(t, err)
		_, err = api.CreateVPCSubnet(t.Context(), linodego.VPCSubnetCreateOptions{Label: "b", IPv4: "10.0.0.128/25"}, v.ID)
		require.ErrorContains(t, err, "overlaps with a of the VPC one")
		_, err = api.CreateVPCSubnet(t.Context(), linodego.VPCSubnetCreateOptions{Label: "b", IPv4: "10.0.1.0/24"}, v.ID)
		require.NoError(t, err)
	}
}

package standin_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linode/linodego"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/linode/standin"
	"github.com/firedrill/firedrill/harness/wait"
)

// fleet keeps what was done to machines, and fails on demand.
type fleet struct {
	standin.Paper
	mu     sync.Mutex
	deeds  []string
	orders map[int]standin.Machine
	rules  map[int]string
	fail   map[string]error
	hold   chan struct{} // a boot waits for it, if it is there
	stay   chan struct{} // a deletion does
	off    func(id int)
}

func newFleet() *fleet {
	return &fleet{orders: map[int]standin.Machine{}, rules: map[int]string{}, fail: map[string]error{}}
}

func (f *fleet) did(what string, id int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deeds = append(f.deeds, fmt.Sprintf("%s %s", what, f.orders[id].Label))
	return f.fail[what]
}

func (f *fleet) Create(_ context.Context, m standin.Machine) error {
	f.mu.Lock()
	f.orders[m.ID] = m
	f.mu.Unlock()
	return f.did("create", m.ID)
}

func (f *fleet) Boot(ctx context.Context, id int) error {
	if f.hold != nil {
		select {
		case <-f.hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return f.did("boot", id)
}
func (f *fleet) Shutdown(_ context.Context, id int) error { return f.did("shutdown", id) }
func (f *fleet) Cut(_ context.Context, id int) error      { return f.did("cut", id) }
func (f *fleet) Delete(_ context.Context, id int) error {
	if f.stay != nil {
		<-f.stay
	}
	return f.did("delete", id)
}
func (f *fleet) Filter(_ context.Context, id int, text string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules[id] = text
	return nil
}

func (f *fleet) Watch(ctx context.Context, off func(int)) {
	f.mu.Lock()
	f.off = off
	f.mu.Unlock()
	<-ctx.Done()
}

func (f *fleet) log() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.deeds, ", ")
}

func (f *fleet) filter(id int) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rules[id]
}

// cloud runs a stand-in over a fleet.
func cloud(t *testing.T) (*standin.Listener, *linodego.Client, *fleet) {
	t.Helper()
	f := newFleet()
	const any = "127.0.0.1:0"
	l, err := standin.Listen(standin.Config{API: any, DNS: any, Control: any, Token: token, Machines: f})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-done)
	})
	c := client(l, token, "v4")
	c.SetPollDelay(20 * time.Millisecond)
	return l, c, f
}

func order(label string) linodego.InstanceCreateOptions {
	return linodego.InstanceCreateOptions{Region: "us-east", Type: "g6-standard-1", Label: label, Image: "linode/debian13",
		AuthorizedKeys: []string{"ssh-ed25519 AAAA"}, Tags: []string{"drill", "drill-run-7"}}
}

// stands makes an instance and waits until it runs.
func stands(t *testing.T, c *linodego.Client, o linodego.InstanceCreateOptions) *linodego.Instance {
	t.Helper()
	made, err := c.CreateInstance(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, linodego.InstanceProvisioning, made.Status)
	made, err = c.WaitForInstanceStatus(t.Context(), made.ID, linodego.InstanceRunning, 5)
	require.NoError(t, err)
	return made
}

func TestTheLifeOfAnInstance(t *testing.T) {
	_, c, f := cloud(t)
	o := order("db-1")
	o.Metadata = &linodego.InstanceMetadataOptions{UserData: base64.StdEncoding.EncodeToString([]byte("#cloud-config\n"))}
	made := stands(t, c, o)
	assert.Equal(t, "192.0.2.2", made.IPv4[0].String())
	assert.True(t, made.HasUserData)
	assert.Equal(t, standin.Machine{ID: made.ID, Label: "db-1", Region: "us-east", Image: "linode/debian13", Address: netip.MustParseAddr("192.0.2.2"),
		Keys: []string{"ssh-ed25519 AAAA"}, UserData: []byte("#cloud-config\n"), MemoryMB: 2048}, f.orders[made.ID])
	second := stands(t, c, order("db-2"))
	assert.Equal(t, "192.0.2.3", second.IPv4[0].String())
	require.NoError(t, c.DeleteInstance(t.Context(), second.ID))

	poller, err := c.NewEventPoller(t.Context(), made.ID, linodego.EntityLinode, linodego.ActionLinodeShutdown)
	require.NoError(t, err)
	require.NoError(t, c.ShutdownInstance(t.Context(), made.ID))
	done, err := poller.WaitForFinished(t.Context(), 5)
	require.NoError(t, err, "the poller filters on entity.id and entity.type")
	assert.Equal(t, linodego.EventFinished, done.Status)
	assert.EqualError(t, c.ShutdownInstance(t.Context(), made.ID), "[400] Linode is already powered off.")
	require.NoError(t, c.BootInstance(t.Context(), made.ID, 0))
	_, err = c.WaitForInstanceStatus(t.Context(), made.ID, linodego.InstanceRunning, 5)
	require.NoError(t, err)
	require.NoError(t, c.RebootInstance(t.Context(), made.ID, 0))
	_, err = c.WaitForInstanceStatus(t.Context(), made.ID, linodego.InstanceRunning, 5)
	require.NoError(t, err)

	updated, err := c.UpdateInstance(t.Context(), made.ID, linodego.InstanceUpdateOptions{Label: "db-9", WatchdogEnabled: linodego.Pointer(false)})
	require.NoError(t, err)
	assert.Equal(t, []any{"db-9", false, []string{"drill", "drill-run-7"}}, []any{updated.Label, updated.WatchdogEnabled, updated.Tags})
	require.NoError(t, c.DeleteInstance(t.Context(), made.ID))
	_, err = c.GetInstance(t.Context(), made.ID)
	assert.True(t, linodego.IsNotFound(err))
	wants(t, f, "create db-1, boot db-1, create db-2, boot db-2, delete db-2, shutdown db-1, boot db-1, shutdown db-1, boot db-1, delete db-1")
}

func wants(t *testing.T, f *fleet, deeds string) {
	t.Helper()
	err := wait.Until(t.Context(), "deeds", 5*time.Second, func(context.Context) (bool, string, error) { return f.log() == deeds, f.log(), nil })
	require.NoError(t, err)
}

// An address is given away again when the machine is gone that had it, and not when its deletion was ordered.
func TestAnAddressStaysWithItsMachine(t *testing.T) {
	_, c, f := cloud(t)
	f.stay = make(chan struct{})
	address := func(label string) (int, string) {
		made, err := c.CreateInstance(t.Context(), linodego.InstanceCreateOptions{Region: "us-east", Type: "g6-nanode-1", Label: label})
		require.NoError(t, err)
		return made.ID, made.IPv4[0].String()
	}
	id, first := address("first")
	require.NoError(t, c.DeleteInstance(t.Context(), id))
	_, second := address("second")
	assert.NotEqual(t, first, second)
	close(f.stay)
	require.NoError(t, wait.Until(t.Context(), "first deleted", 10*time.Second, func(ctx context.Context) (bool, string, error) {
		events, err := c.ListEvents(ctx, linodego.NewListOptions(0, `{"action":"linode_delete","status":"finished"}`))
		return len(events) == 1, "no event", err
	}))
	_, third := address("third")
	assert.Equal(t, first, third)
}

func TestABusyLinode(t *testing.T) {
	l, c, f := cloud(t)
	f.hold = make(chan struct{})
	made, err := c.CreateInstance(t.Context(), order("slow"))
	require.NoError(t, err)
	_, err = c.WaitForInstanceStatus(t.Context(), made.ID, linodego.InstanceBooting, 5)
	require.NoError(t, err)
	status, body := do(t, l, "POST", fmt.Sprintf("/v4/linode/instances/%d/shutdown", made.ID), "{}")
	assert.Equal(t, 400, status)
	assert.Equal(t, map[string]any{"errors": []any{map[string]any{"reason": "Linode busy."}}}, body)
	require.NoError(t, c.DeleteInstance(t.Context(), made.ID), "a deletion waits for nothing")
	close(f.hold)
}

func TestProvisioningGoesWrong(t *testing.T) {
	l, c, f := cloud(t)
	require.Error(t, l.Server.SetProvisioning(standin.Provisioning{Mode: "sideways"}))
	require.NoError(t, l.Server.SetProvisioning(standin.Provisioning{Mode: standin.ProvisioningFails, Skip: 1, Count: 1}))
	stands(t, c, order("one"))
	poller, err := c.NewEventPollerWithoutEntity(linodego.EntityLinode, linodego.ActionLinodeCreate)
	require.NoError(t, err)
	require.NoError(t, poller.PreTask(t.Context()))
	made, err := c.CreateInstance(t.Context(), order("two"))
	require.NoError(t, err, "the API takes the order")
	poller.EntityID = made.ID
	_, err = poller.WaitForFinished(t.Context(), 5)
	assert.ErrorContains(t, err, "failed")
	stands(t, c, order("three"))
	assert.NotContains(t, f.log(), "two", "no machine came to be")

	require.NoError(t, l.Server.SetProvisioning(standin.Provisioning{Mode: standin.ProvisioningRefused}))
	_, err = c.CreateInstance(t.Context(), order("four"))
	assert.EqualError(t, err, "[400] Account Limit reached. Please open a support ticket.")
	require.NoError(t, l.Server.SetProvisioning(standin.Provisioning{DelayMS: 200}))
	began := time.Now()
	stands(t, c, order("five"))
	assert.Greater(t, time.Since(began), 200*time.Millisecond)

	f.fail["create"] = errors.New("no room on the host")
	made, err = c.CreateInstance(t.Context(), order("six"))
	require.NoError(t, err)
	_, err = c.WaitForInstanceStatus(t.Context(), made.ID, linodego.InstanceOffline, 5)
	require.NoError(t, err)
	events, err := c.ListEvents(t.Context(), linodego.NewListOptions(0, fmt.Sprintf(`{"action":"linode_create","entity.id":%d}`, made.ID)))
	require.NoError(t, err)
	require.Len(t, events, 1)
	assert.Equal(t, []any{linodego.EventFailed, "no room on the host"}, []any{events[0].Status, events[0].Message})
}

// Lassie boots what went down by itself, and gives up after five times; what a job shut down stays down.
func TestLassie(t *testing.T) {
	_, c, f := cloud(t)
	made := stands(t, c, order("pet"))
	for range 5 {
		f.off(made.ID)
		_, err := c.WaitForInstanceStatus(t.Context(), made.ID, linodego.InstanceRunning, 5)
		require.NoError(t, err)
	}
	f.off(made.ID)
	_, err := c.WaitForInstanceStatus(t.Context(), made.ID, linodego.InstanceOffline, 5)
	require.NoError(t, err)
	wants(t, f, "create pet"+strings.Repeat(", boot pet", 6))

	wild := order("wild")
	other := stands(t, c, wild)
	_, err = c.UpdateInstance(t.Context(), other.ID, linodego.InstanceUpdateOptions{WatchdogEnabled: linodego.Pointer(false)})
	require.NoError(t, err)
	f.off(other.ID)
	_, err = c.WaitForInstanceStatus(t.Context(), other.ID, linodego.InstanceOffline, 5)
	require.NoError(t, err)
}

func accept(protocol linodego.NetworkProtocol, ports string, addresses ...string) linodego.FirewallRule {
	return linodego.FirewallRule{Action: "ACCEPT", Label: "rule", Protocol: protocol, Ports: ports, Addresses: linodego.NetworkAddresses{IPv4: &addresses}}
}

func TestAFirewallFollowsItsDevices(t *testing.T) {
	_, c, f := cloud(t)
	rules := linodego.FirewallRuleSet{InboundPolicy: "DROP", OutboundPolicy: "ACCEPT", Inbound: []linodego.FirewallRule{accept("TCP", "22", "198.51.100.7/32")}}
	fw, err := c.CreateFirewall(t.Context(), linodego.FirewallCreateOptions{Label: "drill-7-fw", Rules: rules, Tags: []string{"drill"}})
	require.NoError(t, err)
	assert.Equal(t, 1, fw.Rules.Version)
	o := order("guarded")
	o.FirewallID = fw.ID
	made := stands(t, c, o)
	assert.Contains(t, f.filter(made.ID), "ip saddr { 198.51.100.7/32 } tcp dport { 22 } accept")
	assert.Contains(t, f.filter(made.ID), "hook input priority 10; policy drop")
	devices, err := c.ListFirewallDevices(t.Context(), fw.ID, nil)
	require.NoError(t, err)
	require.Len(t, devices, 1)
	assert.Equal(t, []any{made.ID, "guarded"}, []any{devices[0].Entity.ID, devices[0].Entity.Label})

	changed, err := c.UpdateFirewallRules(t.Context(), fw.ID, linodego.FirewallRuleSet{InboundPolicy: "DROP", OutboundPolicy: "DROP"})
	require.NoError(t, err)
	assert.Equal(t, []any{2, 0}, []any{changed.Version, len(changed.Inbound)}, "a PUT replaces all rules")
	assert.NotContains(t, f.filter(made.ID), "198.51.100.7")
	read, err := c.GetFirewallRules(t.Context(), fw.ID)
	require.NoError(t, err)
	assert.Equal(t, changed, read)

	_, err = c.UpdateFirewall(t.Context(), fw.ID, linodego.FirewallUpdateOptions{Status: linodego.FirewallDisabled})
	require.NoError(t, err)
	assert.Empty(t, f.filter(made.ID))
	_, err = c.UpdateFirewall(t.Context(), fw.ID, linodego.FirewallUpdateOptions{Status: linodego.FirewallEnabled})
	require.NoError(t, err)
	assert.NotEmpty(t, f.filter(made.ID))
	require.NoError(t, c.DeleteFirewallDevice(t.Context(), fw.ID, devices[0].ID))
	assert.Empty(t, f.filter(made.ID))
	_, err = c.CreateFirewallDevice(t.Context(), fw.ID, linodego.FirewallDeviceCreateOptions{ID: made.ID, Type: linodego.FirewallDeviceLinode})
	require.NoError(t, err)
	_, err = c.CreateFirewallDevice(t.Context(), fw.ID, linodego.FirewallDeviceCreateOptions{ID: 999999, Type: linodego.FirewallDeviceLinode})
	assert.ErrorContains(t, err, "entity_id is not valid")

	require.NoError(t, c.DeleteInstance(t.Context(), made.ID))
	after, err := c.GetFirewall(t.Context(), fw.ID)
	require.NoError(t, err)
	assert.Empty(t, after.Entities, "a deleted instance leaves its firewall")
	require.NoError(t, c.DeleteFirewall(t.Context(), fw.ID))
}

func TestPrivateNetworksAndPlacement(t *testing.T) {
	_, c, _ := cloud(t)
	v, err := c.CreateVPC(t.Context(), linodego.VPCCreateOptions{Label: "drill-7", Region: "us-east", Subnets: []linodego.VPCSubnetCreateOptions{{Label: "a", IPv4: "10.0.0.0/24"}}})
	require.NoError(t, err)
	_, err = c.CreateVPC(t.Context(), linodego.VPCCreateOptions{Label: "under_score", Region: "us-east"})
	assert.ErrorContains(t, err, "[label] Label must include only ASCII letters, numbers, and dashes")
	_, err = c.CreateVPC(t.Context(), linodego.VPCCreateOptions{Label: "west", Region: "us-west"})
	assert.ErrorContains(t, err, "VPCs is not available in us-west")
	_, err = c.CreateVPCSubnet(t.Context(), linodego.VPCSubnetCreateOptions{Label: "b", IPv4: "10.0.0.128/25"}, v.ID)
	assert.ErrorContains(t, err, "overlaps")
	g, err := c.CreatePlacementGroup(t.Context(), linodego.PlacementGroupCreateOptions{Label: "drill-7", Region: "us-east",
		PlacementGroupType: linodego.PlacementGroupTypeAntiAffinityLocal, PlacementGroupPolicy: linodego.PlacementGroupPolicyStrict})
	require.NoError(t, err)

	o := order("inside")
	o.PlacementGroup = &linodego.InstanceCreatePlacementGroupOptions{ID: g.ID}
	o.Interfaces = []linodego.InstanceConfigInterfaceCreateOptions{{Purpose: linodego.InterfacePurposePublic, Primary: true},
		{Purpose: linodego.InterfacePurposeVPC, SubnetID: &v.Subnets[0].ID}}
	made := stands(t, c, o)
	assert.Equal(t, g.ID, made.PlacementGroup.ID)
	ips, err := c.GetInstanceIPAddresses(t.Context(), made.ID)
	require.NoError(t, err)
	assert.Equal(t, "10.0.0.2", *ips.IPv4.VPC[0].Address)
	subnet, err := c.GetVPCSubnet(t.Context(), v.ID, v.Subnets[0].ID)
	require.NoError(t, err)
	require.Len(t, subnet.Linodes, 1)

	o.Label, o.Region = "elsewhere", "us-ord"
	_, err = c.CreateInstance(t.Context(), o)
	assert.ErrorContains(t, err, "region", "neither spans regions")
	assert.Error(t, c.DeleteVPC(t.Context(), v.ID), "somebody is in it")
	assert.Error(t, c.DeletePlacementGroup(t.Context(), g.ID))
	require.NoError(t, c.DeleteInstance(t.Context(), made.ID))
	require.NoError(t, c.DeleteVPCSubnet(t.Context(), v.ID, v.Subnets[0].ID))
	require.NoError(t, c.DeleteVPC(t.Context(), v.ID))
	require.NoError(t, c.DeletePlacementGroup(t.Context(), g.ID))
}

func TestABalancerAndItsPorts(t *testing.T) {
	l, c, _ := cloud(t)
	b, err := c.CreateNodeBalancer(t.Context(), linodego.NodeBalancerCreateOptions{Label: linodego.Pointer("drill-7-nb"), Region: "us-east", Tags: []string{"drill"}})
	require.NoError(t, err)
	port, err := c.CreateNodeBalancerConfig(t.Context(), b.ID, linodego.NodeBalancerConfigCreateOptions{Port: 5432, Protocol: "tcp", Check: "connection"})
	require.NoError(t, err)
	assert.Equal(t, []any{3, 30, true, 80}, []any{port.CheckAttempts, port.CheckTimeout, port.CheckPassive, port.UDPCheckPort}, "the API's defaults")
	n, err := c.CreateNodeBalancerNode(t.Context(), b.ID, port.ID, linodego.NodeBalancerNodeCreateOptions{Address: "192.168.128.5:5432", Label: "p-1"})
	require.NoError(t, err)
	assert.Equal(t, []any{"Unknown", linodego.ModeAccept, 1}, []any{n.Status, n.Mode, n.Weight})
	n, err = c.UpdateNodeBalancerNode(t.Context(), b.ID, port.ID, n.ID, linodego.NodeBalancerNodeUpdateOptions{Mode: linodego.ModeDrain})
	require.NoError(t, err)
	assert.Equal(t, []any{linodego.ModeDrain, "192.168.128.5:5432"}, []any{n.Mode, n.Address})
	configs := fmt.Sprintf("/v4/nodebalancers/%d/configs", b.ID)
	status, body := do(t, l, "POST", configs, `{"port":8080,"check_port":8008}`)
	assert.Equal(t, 400, status)
	assert.Equal(t, "check_port", body["errors"].([]any)[0].(map[string]any)["field"], "a check goes to the backend's own port")
	status, _ = do(t, l, "POST", configs, `{"port":8080,"check_timeout":10,"check_interval":10}`)
	assert.Equal(t, 400, status)
	require.NoError(t, c.DeleteNodeBalancerNode(t.Context(), b.ID, port.ID, n.ID))
	require.NoError(t, c.DeleteNodeBalancerConfig(t.Context(), b.ID, port.ID))
	require.NoError(t, c.DeleteNodeBalancer(t.Context(), b.ID))
}

func TestTagsFindTheirObjects(t *testing.T) {
	_, c, _ := cloud(t)
	made := stands(t, c, order("tagged"))
	stands(t, c, order("other"))
	found, err := c.ListInstances(t.Context(), linodego.NewListOptions(0, `{"tags":"drill-run-7","label":"tagged"}`))
	require.NoError(t, err)
	require.Len(t, found, 1)
	objects, err := c.ListTaggedObjects(t.Context(), "drill-run-7", nil)
	require.NoError(t, err)
	sorted, err := objects.SortedObjects()
	require.NoError(t, err)
	assert.Len(t, sorted.Instances, 2)
	_, err = c.CreateTag(t.Context(), linodego.TagCreateOptions{Label: "extra", Linodes: []int{made.ID}})
	require.NoError(t, err)
	again, err := c.GetInstance(t.Context(), made.ID)
	require.NoError(t, err)
	assert.Contains(t, again.Tags, "extra")
	require.NoError(t, c.DeleteTag(t.Context(), "extra"))
	tags, err := c.ListTags(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, []linodego.Tag{{Label: "drill"}, {Label: "drill-run-7"}}, tags)
}

func TestWhatIsOffered(t *testing.T) {
	_, c, _ := cloud(t)
	regions, err := c.ListRegions(t.Context(), nil)
	require.NoError(t, err)
	assert.True(t, slices.ContainsFunc(regions, func(r linodego.Region) bool { return !slices.Contains(r.Capabilities, "Metadata") }), "one cannot take user data")
	plan, err := c.GetType(t.Context(), "g6-standard-1")
	require.NoError(t, err)
	assert.InDelta(t, 0.018, plan.Price.Hourly, 1e-6)
	image, err := c.GetImage(t.Context(), "linode/debian13")
	require.NoError(t, err)
	assert.Equal(t, []string{"cloud-init"}, image.Capabilities)
	prices, err := c.ListNodeBalancerTypes(t.Context(), nil)
	require.NoError(t, err)
	assert.InDelta(t, 0.015, prices[0].Price.Hourly, 1e-6)
}

func TestInstancesThatAreRefused(t *testing.T) {
	l, c, _ := cloud(t)
	stands(t, c, order("taken"))
	for _, o := range []struct{ change, reason, field string }{
		{`"region":"mars"`, "region is not valid", "region"},
		{`"type":"g9-huge"`, "A valid plan type by that ID was not found", "type"},
		{`"image":"linode/beos"`, "image is not valid", "image"},
		{`"authorized_keys":[]`, "Must provide valid root_pass, authorized_keys, or authorized_users", ""},
		{`"label":"taken"`, "Label must be unique among your linodes", "label"},
		{`"label":"x"`, "Must be 3-64 characters: letters, digits, dashes, underscores and dots, and begin and end with a letter or digit", "label"},
		{`"region":"us-west","metadata":{"user_data":"eA=="}`, "Metadata is not available in us-west", "metadata.user_data"},
		{`"metadata":{"user_data":"%%"}`, "Must be a valid base64 encoded string", "metadata.user_data"},
		{`"metadata":{"user_data":"` + base64.StdEncoding.EncodeToString(make([]byte, 16385)) + `"}`, "Must be no more than 16384 bytes", "metadata.user_data"},
		{`"firewall_id":12345`, "firewall_id is not valid", "firewall_id"},
		{`"auto_heal":true`, "auto_heal is not a valid field", "auto_heal"},
	} {
		wanted := map[string]any{"region": "us-east", "type": "g6-nanode-1", "label": "fine", "image": "linode/debian13", "authorized_keys": []string{"k"}}
		require.NoError(t, json.Unmarshal([]byte("{"+o.change+"}"), &wanted))
		text, err := json.Marshal(wanted)
		require.NoError(t, err)
		status, body := do(t, l, "POST", "/v4/linode/instances", string(text))
		want := map[string]any{"reason": o.reason}
		if o.field != "" {
			want["field"] = o.field
		}
		assert.Equal(t, 400, status, o.change)
		assert.Equal(t, map[string]any{"errors": []any{want}}, body, o.change)
	}
	all, err := c.ListInstances(t.Context(), nil)
	require.NoError(t, err)
	assert.Len(t, all, 1, "what is refused leaves no trace")
}

// The key sets are those of the API's recorded answers; keys in brackets are newer and left out by the older ones.
func TestTheKeysOfComputeAreTheAPIs(t *testing.T) {
	l, c, _ := cloud(t)
	v, err := c.CreateVPC(t.Context(), linodego.VPCCreateOptions{Label: "keys", Region: "us-east", Subnets: []linodego.VPCSubnetCreateOptions{{Label: "a", IPv4: "10.0.0.0/24"}}})
	require.NoError(t, err)
	g, err := c.CreatePlacementGroup(t.Context(), linodego.PlacementGroupCreateOptions{Label: "keys", Region: "us-east", PlacementGroupType: "anti_affinity:local", PlacementGroupPolicy: "strict"})
	require.NoError(t, err)
	o := order("keys")
	o.PrivateIP, o.PlacementGroup = true, &linodego.InstanceCreatePlacementGroupOptions{ID: g.ID}
	made := stands(t, c, o)
	fw, err := c.CreateFirewall(t.Context(), linodego.FirewallCreateOptions{Label: "keys", Devices: linodego.DevicesCreationOptions{Linodes: []int{made.ID}},
		Rules: linodego.FirewallRuleSet{InboundPolicy: "DROP", OutboundPolicy: "ACCEPT", Inbound: []linodego.FirewallRule{accept("TCP", "22", "0.0.0.0/0")}}})
	require.NoError(t, err)
	b, err := c.CreateNodeBalancer(t.Context(), linodego.NodeBalancerCreateOptions{Region: "us-east", Configs: []*linodego.NodeBalancerConfigCreateOptions{
		{Port: 80, Nodes: []linodego.NodeBalancerNodeCreateOptions{{Address: "192.168.128.5:80", Label: "n-1"}}}}})
	require.NoError(t, err)
	configs, err := c.ListNodeBalancerConfigs(t.Context(), b.ID, nil)
	require.NoError(t, err)
	path := func(format string, ids ...any) string { return fmt.Sprintf("/v4/"+format, ids...) }
	for _, k := range []struct{ path, inside, keys string }{
		{path("linode/instances/%d", made.ID), "", "alerts backups capabilities created disk_encryption group has_user_data host_uuid hypervisor id image interface_generation ipv4 ipv6 label lke_cluster_id locks maintenance_policy placement_group region site_type specs status tags type updated watchdog_enabled"},
		{path("linode/instances/%d", made.ID), "specs", "accelerated_devices disk gpus memory transfer vcpus"},
		{path("linode/instances/%d", made.ID), "alerts", "cpu io network_in network_out transfer_quota"},
		{path("linode/instances/%d", made.ID), "backups", "available enabled last_successful schedule"},
		{path("linode/instances/%d", made.ID), "backups.schedule", "day window"},
		{path("linode/instances/%d", made.ID), "placement_group", "id label migrating_to placement_group_policy placement_group_type"},
		{path("linode/instances/%d/ips", made.ID), "ipv4.private", "address assigned_entity gateway interface_id linode_id prefix public rdns region reserved subnet_mask type vpc_nat_1_1"},
		{path("networking/firewalls/%d", fw.ID), "", "created entities id label rules status tags updated"},
		{path("networking/firewalls/%d", fw.ID), "entities", "id label parent_entity type url"},
		{path("networking/firewalls/%d/rules", fw.ID), "", "fingerprint inbound inbound_policy outbound outbound_policy version"},
		{path("networking/firewalls/%d/rules", fw.ID), "inbound", "action addresses label ports protocol"},
		{path("networking/firewalls/%d/devices", fw.ID), "data", "created entity id updated"},
		{path("networking/firewalls/%d/devices", fw.ID), "data.entity", "id label parent_entity type url"},
		{path("vpcs/%d", v.ID), "", "created description id label region subnets updated"},
		{path("vpcs/%d", v.ID), "subnets", "created databases id ipv4 label linodes nodebalancers updated"},
		{path("placement/groups/%d", g.ID), "", "id is_compliant label members migrations placement_group_policy placement_group_type region"},
		{path("placement/groups/%d", g.ID), "members", "is_compliant linode_id"},
		{path("nodebalancers/%d", b.ID), "", "client_conn_throttle client_udp_sess_throttle created frontend_address_type frontend_vpc_subnet_id hostname id ipv4 ipv6 label lke_cluster locks region tags transfer type updated"},
		{path("nodebalancers/%d", b.ID), "transfer", "in out total"},
		{path("nodebalancers/%d/configs", b.ID), "data", "algorithm check check_attempts check_body check_interval check_passive check_path check_timeout cipher_suite id nodebalancer_id nodes_status port protocol proxy_protocol ssl_cert ssl_commonname ssl_fingerprint ssl_key stickiness udp_check_port udp_session_timeout"},
		{path("nodebalancers/%d/configs", b.ID), "data.nodes_status", "down up"},
		{path("nodebalancers/%d/configs/%d/nodes", b.ID, configs[0].ID), "data", "address config_id id label mode nodebalancer_id status vpc_config_id weight"},
		{path("regions/us-east"), "", "capabilities country id label monitors placement_group_limits resolvers site_type status"},
		{path("regions/us-east"), "placement_group_limits", "maximum_linodes_per_flexible_pg maximum_linodes_per_pg maximum_pgs_per_customer"},
		{path("regions/us-east"), "monitors", "alerts metrics"},
		{path("regions/us-east"), "resolvers", "ipv4 ipv6"},
		{path("account/events"), "data", "action created duration entity id message percent_complete rate read secondary_entity seen status time_remaining username"},
		{path("account/events"), "data.entity", "id label type url"},
	} {
		status, body := do(t, l, "GET", k.path, "")
		require.Equal(t, 200, status, k.path)
		assert.Equal(t, k.keys, keys(within(t, body, k.inside)), "%s %s", k.path, k.inside)
	}
}

// within follows dots into an object; of a list it takes the first.
func within(t *testing.T, object map[string]any, path string) map[string]any {
	t.Helper()
	if path == "" {
		return object
	}
	first, rest, _ := strings.Cut(path, ".")
	inner := object[first]
	if items, ok := inner.([]any); ok {
		require.NotEmpty(t, items, path)
		inner = items[0]
	}
	found, ok := inner.(map[string]any)
	require.True(t, ok, "%s is %v", path, inner)
	return within(t, found, rest)
}

func TestPowerIsCutByTheSwitch(t *testing.T) {
	l, c, f := cloud(t)
	made := stands(t, c, order("struck"))
	call := func(path string) int {
		resp, err := http.Post("http://"+l.ControlAddr()+path, "application/json", strings.NewReader(`{"mode":"refuse"}`))
		require.NoError(t, err)
		resp.Body.Close()
		return resp.StatusCode
	}
	assert.Equal(t, 200, call(fmt.Sprintf("/firedrill/cut/%d", made.ID)))
	assert.Equal(t, 404, call("/firedrill/cut/999"))
	assert.Contains(t, f.log(), "cut struck")
	assert.Equal(t, 200, call("/firedrill/provisioning"))
	_, err := c.CreateInstance(t.Context(), order("refused"))
	assert.ErrorContains(t, err, "Account Limit reached")
}

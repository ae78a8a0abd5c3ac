package linode

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/linode/linodego"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/linode/standin"
	"github.com/firedrill/firedrill/harness/wait"
)

const token = "a-token-that-must-not-be-seen"

// cloud is a stand-in whose machines are on paper.
func cloud(t *testing.T) (Account, *standin.Listener) {
	t.Helper()
	const any = "127.0.0.1:0"
	l, err := standin.Listen(standin.Config{API: any, DNS: any, Token: token})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-done)
	})
	a, err := FindAccount(env(map[string]string{URLVariable: "http://" + l.APIAddr(), TokenVariable: token}))
	require.NoError(t, err)
	return a, l
}

func env(of map[string]string) func(string) string {
	return func(name string) string { return of[name] }
}

// nothing is what is installed where nobody is at home.
func nothing(harness.NodeSpec) (Recipe, error) { return Recipe{}, nil }

func options(t *testing.T, a Account) Options {
	return Options{Account: a, Regions: []string{"us-east", "eu-central"}, Type: "g6-standard-1", Image: "linode/debian13", MaxCost: 5, MaxAge: 2 * time.Hour,
		Ledger: filepath.Join(t.TempDir(), "ledger.jsonl"), Setup: nothing}
}

var (
	drill = harness.Identity{Run: "20261121-200000", Drill: "patroni-leader-loss-the-leaders-host-is-lost"}
	specs = []harness.NodeSpec{{Name: "p1", Component: "patroni", Datacenter: "dc1"}, {Name: "p2", Component: "patroni", Datacenter: "dc2"}, {Name: "app1", Component: "application", Datacenter: "dc1"}}
)

// ordered makes the resources of a drill, and stops where somebody would have to be at home: it has no agent to bring.
func ordered(t *testing.T, p *Provider) error {
	t.Helper()
	p.opts.Binary = filepath.Join(t.TempDir(), "absent")
	_, err := p.Up(t.Context(), drill, specs)
	return err
}

// atHome is the end of what ordered does.
const atHome = "read agent binary"

func account(t *testing.T, a Account) []resource {
	t.Helper()
	all, err := resources(t.Context(), a.client(nil))
	require.NoError(t, err)
	return all
}

func TestWhatIsMadeIsMarkedAndGoes(t *testing.T) {
	a, _ := cloud(t)
	o := options(t, a)
	p, err := New(t.Context(), o)
	require.NoError(t, err)
	assert.ErrorContains(t, ordered(t, p), atHome)
	c := a.client(nil)
	all := account(t, a)
	require.Len(t, all, 6, "three machines, a firewall for each of two datacenters, the placement group of two in us-east")
	for _, r := range all {
		assert.True(t, r.ours, r)
		assert.Equal(t, owned{drill.Run, p.Until().Local()}, owned{r.run, r.until.Local()}, r)
	}
	machines, err := c.ListInstances(t.Context(), linodego.NewListOptions(0, `{"tags":"firedrill-run-20261121-200000"}`))
	require.NoError(t, err)
	regions := map[string]string{}
	for _, m := range machines {
		regions[strings.TrimPrefix(m.Label, drillPrefix(drill)+"-")] = m.Region
		assert.True(t, m.HasUserData)
	}
	assert.Equal(t, map[string]string{"p1": "us-east", "p2": "eu-central", "app1": "us-east"}, regions)
	firewalls, err := c.ListFirewalls(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, firewalls, 2)
	rules := firewalls[0].Rules
	assert.Equal(t, "DROP", rules.InboundPolicy)
	require.Len(t, rules.Inbound, 4)
	assert.Equal(t, "22", rules.Inbound[0].Ports)
	assert.Len(t, *rules.Inbound[0].Addresses.IPv4, 1, "the controller alone")
	assert.Len(t, *rules.Inbound[1].Addresses.IPv4, 3, "the peers")
	assert.Equal(t, 3, len(firewalls[0].Entities)+len(firewalls[1].Entities), "every machine is behind one from its creation")

	open, err := Outstanding(o.Ledger)
	require.NoError(t, err)
	assert.Len(t, open, 6)
	require.NoError(t, p.Down(t.Context(), drill))
	assert.Empty(t, account(t, a))
	open, err = Outstanding(o.Ledger)
	require.NoError(t, err)
	assert.Empty(t, open, "the ledger is balanced")
	text, err := os.ReadFile(o.Ledger)
	require.NoError(t, err)
	assert.NotContains(t, string(text), token)
	require.NoError(t, p.Down(t.Context(), drill), "a second time there is nothing to do")
}

// Provisioning that fails half way leaves nothing.
func TestProvisioningThatFailsHalfWay(t *testing.T) {
	for _, mode := range []string{standin.ProvisioningFails, standin.ProvisioningRefused} {
		a, l := cloud(t)
		o := oneRegion(t, a)
		p, err := New(t.Context(), o)
		require.NoError(t, err)
		require.NoError(t, l.Server.SetProvisioning(standin.Provisioning{Mode: mode, Skip: 1, Count: 1}))
		err = ordered(t, p)
		require.Error(t, err)
		assert.Contains(t, err.Error(), map[string]string{standin.ProvisioningFails: "linode_create failed", standin.ProvisioningRefused: "Account Limit reached"}[mode])
		assert.NotContains(t, err.Error(), token)
		require.NotEmpty(t, account(t, a))
		require.NoError(t, p.Down(t.Context(), drill))
		assert.Empty(t, account(t, a))
		open, err := Outstanding(o.Ledger)
		require.NoError(t, err)
		assert.Empty(t, open)
	}
}

// An API that is busy is asked again; a run that is interrupted while it makes machines leaves none.
func TestABusyAPIAndAnInterruptedRun(t *testing.T) {
	a, l := cloud(t)
	o := options(t, a)
	p, err := New(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, l.Server.SetFault(standin.Fault{Mode: standin.Fault429, Count: 3, Methods: []string{"POST"}}))
	assert.ErrorContains(t, ordered(t, p), atHome)
	require.NoError(t, p.Down(t.Context(), drill))
	assert.Empty(t, account(t, a))

	require.NoError(t, l.Server.SetProvisioning(standin.Provisioning{DelayMS: 60_000}))
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	failed := make(chan error, 1)
	go func() {
		_, err := p.Up(ctx, drill, specs)
		failed <- err
	}()
	require.NoError(t, wait.Until(t.Context(), "a machine is being made", 30*time.Second, func(context.Context) (bool, string, error) {
		return len(account(t, a)) > 2, "none", nil
	}))
	interrupt()
	require.Error(t, <-failed)
	require.NotEmpty(t, account(t, a))
	require.NoError(t, p.Down(t.Context(), drill), "with a context of its own")
	assert.Empty(t, account(t, a))
	open, err := Outstanding(o.Ledger)
	require.NoError(t, err)
	assert.Empty(t, open)
}

// A controller that was killed is cleaned up after from another process, once its deadline has passed or by its name.
func TestCleanFromAnotherProcess(t *testing.T) {
	a, _ := cloud(t)
	o := options(t, a)
	p, err := New(t.Context(), o)
	require.NoError(t, err)
	require.Error(t, ordered(t, p))
	c := a.client(nil)
	stranger, err := c.CreateInstance(t.Context(), linodego.InstanceCreateOptions{Region: "us-east", Type: "g6-nanode-1", Label: "production"})
	require.NoError(t, err)
	alike, err := c.CreateInstance(t.Context(), linodego.InstanceCreateOptions{Region: "us-east", Type: "g6-nanode-1", Label: Prefix + "mine", Tags: []string{"keep"}})
	require.NoError(t, err)

	removed, err := Clean(t.Context(), a, o.Ledger, "", time.Now())
	require.NoError(t, err)
	assert.Empty(t, removed, "the deadline has not passed")
	removed, err = Clean(t.Context(), a, o.Ledger, "20261121-20000", time.Now())
	require.NoError(t, err)
	assert.Empty(t, removed, "the beginning of a run's name is not its name")
	removed, err = Clean(t.Context(), a, o.Ledger, "", p.Until().Add(time.Second))
	require.NoError(t, err)
	assert.Len(t, removed, 6)
	open, err := Outstanding(o.Ledger)
	require.NoError(t, err)
	assert.Empty(t, open)
	for _, id := range []int{stranger.ID, alike.ID} {
		_, err := c.GetInstance(t.Context(), id)
		assert.NoError(t, err, "what is not ours by all its marks is not touched")
	}

	_, err = New(t.Context(), options(t, a))
	assert.ErrorContains(t, err, Prefix+"mine", "an account in which somebody else has our prefix is refused")
	require.NoError(t, c.DeleteInstance(t.Context(), alike.ID))
	p, err = New(t.Context(), o)
	require.NoError(t, err)
	require.Error(t, ordered(t, p))
	removed, err = Clean(t.Context(), a, o.Ledger, drill.Run, time.Now())
	require.NoError(t, err)
	assert.Len(t, removed, 6, "a run that is named does not wait for its deadline")
}

func TestMoney(t *testing.T) {
	a, _ := cloud(t)
	o := options(t, a)
	p, err := New(t.Context(), o)
	require.NoError(t, err)
	e, err := p.Price(t.Context(), specs)
	require.NoError(t, err)
	assert.Equal(t, 3, e.Machines)
	assert.InDelta(t, 0.054, e.Hourly, 1e-6)
	assert.InDelta(t, 0.108, e.Most, 1e-6, "two hours until the deadline")
	o.Regions = []string{"br-gru"}
	dear, err := New(t.Context(), o)
	require.NoError(t, err)
	e, err = dear.Price(t.Context(), specs)
	require.NoError(t, err)
	assert.InDelta(t, 0.054*1.4, e.Hourly, 1e-6, "a region has prices of its own")

	o = options(t, a)
	o.MaxCost = 0.15
	p, err = New(t.Context(), o)
	require.NoError(t, err)
	require.ErrorContains(t, ordered(t, p), atHome)
	require.NoError(t, p.Down(t.Context(), drill))
	assert.ErrorContains(t, ordered(t, p), "raise --max-cost", "0.054 are spent, and 0.108 more would be too much")
	assert.Empty(t, account(t, a), "nothing was made")
	p.until = time.Now()
	assert.ErrorContains(t, ordered(t, p), "deadline")
}

// A dry run lists every call, and makes none.
func TestADryRun(t *testing.T) {
	a, _ := cloud(t)
	o := oneRegion(t, a)
	var said bytes.Buffer
	o.Rehearse = &said
	p, err := New(t.Context(), o)
	require.NoError(t, err)
	nodes, err := p.Up(t.Context(), drill, specs)
	require.NoError(t, err)
	assert.Len(t, nodes, 3)
	assert.Equal(t, 3, strings.Count(said.String(), "POST /v4/linode/instances "))
	assert.Equal(t, 2, strings.Count(said.String(), "POST /v4/networking/firewalls "))
	assert.Equal(t, 1, strings.Count(said.String(), "POST /v4/placement/groups "))
	assert.Equal(t, 1, strings.Count(said.String(), "POST /v4/vpcs "))
	assert.Contains(t, said.String(), `"interfaces":[{"primary":true,"purpose":"public"},{"ipv4":{"vpc":"`+nodes[0].Address+`"},"purpose":"vpc","subnet_id":`)
	assert.Equal(t, 2, strings.Count(said.String(), "PUT /v4/networking/firewalls/"))
	assert.Contains(t, said.String(), `"tags":["firedrill","firedrill-run-20261121-200000"`)
	for _, secret := range []string{"ssh-ed25519", "user_data", token} {
		assert.NotContains(t, said.String(), secret)
	}
	require.NoError(t, p.Down(t.Context(), drill))
	assert.Equal(t, strings.Count(said.String(), "POST "), strings.Count(said.String(), "DELETE "), "what is made is deleted")
	assert.Empty(t, account(t, a))
	assert.NoFileExists(t, o.Ledger)
}

func TestOptionsThatAreRefused(t *testing.T) {
	a, _ := cloud(t)
	for want, change := range map[string]func(*Options){
		"--max-age":  func(o *Options) { o.MaxAge = time.Minute },
		"--max-cost": func(o *Options) { o.MaxCost = 0 },
		"there is no region mars: there are us-east, ": func(o *Options) { o.Regions = []string{"mars"} },
		"has no Metadata":   func(o *Options) { o.Regions = []string{"us-west"} },
		"type g9-huge":      func(o *Options) { o.Type = "g9-huge" },
		"image linode/beos": func(o *Options) { o.Image = "linode/beos" },
		"no regions":        func(o *Options) { o.Regions = nil },
	} {
		o := options(t, a)
		change(&o)
		_, err := New(t.Context(), o)
		assert.ErrorContains(t, err, want)
	}
	p, err := New(t.Context(), options(t, a))
	require.NoError(t, err)
	_, err = p.Up(t.Context(), drill, []harness.NodeSpec{{Name: "p1", Datacenter: "dc1", Fittings: []harness.Fitting{harness.FitShim}}})
	assert.ErrorIs(t, err, harness.ErrUnavailable, "a drill that needs it is not drilled")
	assert.Empty(t, account(t, a))
}

func TestFindingTheAccount(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), mode))
		return path
	}
	for _, c := range []struct{ url, token, file, want string }{
		{"", "", "", "no token"},
		{"localhost:8080", "t", "", "is not an address"},
		{"127.0.0.1:8080", "t", "", "is not an address"},
		{"ftp://x", "t", "", "is not an address"},
		{"http://api.example.org", "t", "", "in the clear"},
		{"https://me:secret@api.example.org", "t", "", "only a scheme"},
		{"", "", file("open", "t\n", 0o644), "others can read it"},
		{"", "", file("much", "a b", 0o600), "nothing else"},
		{"", "", filepath.Join(dir, "absent"), "no such file"},
	} {
		_, err := FindAccount(env(map[string]string{URLVariable: c.url, TokenVariable: c.token, TokenFileVariable: c.file}))
		if assert.ErrorContains(t, err, c.want) {
			assert.NotContains(t, err.Error(), "secret")
		}
	}
	a, err := FindAccount(env(map[string]string{TokenFileVariable: file("good", "from-a-file\n", 0o600)}))
	require.NoError(t, err)
	assert.Equal(t, "from-a-file", a.token)
	assert.True(t, a.Real())
	assert.NotContains(t, fmt.Sprintf("%v %+v %#v", a, a, a), "from-a-file", "an account that is printed keeps its token")
	a, err = FindAccount(env(map[string]string{TokenVariable: "t", URLVariable: "https://api.linode.com.example.org"}))
	require.NoError(t, err)
	assert.False(t, a.Real())
}

func TestMarks(t *testing.T) {
	until := time.Unix(1800000000, 0)
	for _, run := range []string{"20261121-200000", "20261121-200000-1"} {
		id := harness.Identity{Run: run, Drill: "d"}
		assert.LessOrEqual(t, len(drillPrefix(id)), maxLabel)
		o, ours := ownedByTags(drillPrefix(id)+"-p1", tags(id, until))
		assert.True(t, ours)
		assert.Equal(t, owned{run, until}, o)
		o, ours = ownedByLabel(drillPrefix(id) + "-us-east" + mark(until))
		assert.True(t, ours)
		assert.Equal(t, owned{run, until}, o)
	}
	id := harness.Identity{Run: "20261121-200000", Drill: "d"}
	for label, marks := range map[string][]string{
		"production":            tags(id, until),                                // marks without the prefix
		Prefix + "20261121-1-x": tags(id, until),                                // the prefix of another run
		drillPrefix(id) + "-p1": {tagOurs, tagRun + id.Run},                     // no deadline
		drillPrefix(id) + "-p2": tags(id, until)[1:],                            // not said to be ours
		drillPrefix(id) + "-p3": {tagOurs, tagRun + id.Run, tagUntil + "never"}, // no time
	} {
		_, ours := ownedByTags(label, marks)
		assert.False(t, ours, label)
	}
	for _, label := range []string{"production-u1800000000", Prefix + "mine-u1800000000", drillPrefix(id) + "-us-east", Prefix + "20261121-200000-abcdef-us-east-unever"} {
		_, ours := ownedByLabel(label)
		assert.False(t, ours, label)
	}
}

func TestTheLedgerOutlivesACrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "runs", "ledger.jsonl")
	l, err := openLedger(path)
	require.NoError(t, err)
	for _, e := range []Entry{
		{Kind: kindLinode, Label: "a", State: wanted}, {Kind: kindLinode, Label: "a", ID: 1, State: made},
		{Kind: kindLinode, Label: "b", State: wanted}, {Kind: kindLinode, Label: "b", State: refused},
		{Kind: kindLinode, Label: "c", State: wanted},
		{Kind: kindFirewall, Label: "a", State: wanted}, {Kind: kindFirewall, Label: "a", ID: 2, State: made}, {Kind: kindFirewall, Label: "a", State: gone},
	} {
		require.NoError(t, l.note(e))
	}
	_, err = l.file.WriteString(`{"kind":"linode","la`)
	require.NoError(t, err)
	open, err := Outstanding(path)
	require.NoError(t, err)
	require.Len(t, open, 2)
	assert.Equal(t, []any{"a", 1, made, "c", 0, wanted}, []any{open[0].Label, open[0].ID, open[0].State, open[1].Label, open[1].ID, open[1].State})
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestAMachineIsToldItsKey(t *testing.T) {
	host, err := newKey()
	require.NoError(t, err)
	data, err := cloudConfig(host, time.Unix(1795300000, 0))
	require.NoError(t, err)
	text := string(data)
	assert.True(t, strings.HasPrefix(text, "#cloud-config\n"))
	assert.Contains(t, text, "BEGIN OPENSSH PRIVATE KEY")
	assert.Contains(t, text, host.authorized())
	assert.Contains(t, text, "ssh_pwauth: false")
	assert.Regexp(t, `(?s)bootcmd:.*- 127\.0\.0\.1\s+- api\.linode\.com`, text, "at every boot")
	assert.Contains(t, text, "OnCalendar=2026-11-21 22:26:40 UTC", "at the deadline, after a reboot too")
	assert.Less(t, len(data), maxUserData)
}

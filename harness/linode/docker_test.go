package linode_test

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/linode/linodego"
	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/docker"
	"github.com/firedrill/firedrill/harness/docker/dockertest"
	"github.com/firedrill/firedrill/harness/images"
	"github.com/firedrill/firedrill/harness/linode"
	"github.com/firedrill/firedrill/harness/linode/machines"
	"github.com/firedrill/firedrill/harness/linode/standin"
	"github.com/firedrill/firedrill/harness/wait"
)

// setup installs by the images' own recipes.
func setup(s harness.NodeSpec) (linode.Recipe, error) {
	r, err := images.RecipeOf(images.ImageOf(s))
	out := linode.Recipe{Script: r.Script, Env: r.Env}
	for _, f := range r.Files {
		out.Files = append(out.Files, agent.File{Path: f.Path, Mode: uint32(f.Mode), Data: f.Data})
	}
	return out, err
}

// onPath is an account whose machines run; nameServer is where they reach who answers for its domains.
func onPath(t *testing.T, api *client.Client) (opts linode.Options, nameServer string) {
	t.Helper()
	m, err := machines.New(t.Context(), api, images.New(api, t.Output(), images.Options{}), "provider-test")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, m.Close(context.Background())) })
	l, err := standin.Listen(standin.Config{API: "127.0.0.1:0", DNS: "0.0.0.0:0", Token: "t", Machines: m})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-done)
	})
	a, err := linode.FindAccount(func(name string) string {
		return map[string]string{linode.URLVariable: "http://" + l.APIAddr(), linode.TokenVariable: "t"}[name]
	})
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(l.DNS.Addr())
	require.NoError(t, err)
	nameServer = net.JoinHostPort(m.Pool().Masked().Addr().Next().String(), port) // this machine, as they see it
	return linode.Options{Account: a, Regions: []string{"us-east", "us-ord"}, Type: "g6-standard-1", Image: linode.DefaultImage, MaxCost: 1, MaxAge: time.Hour,
		Ledger: filepath.Join(t.TempDir(), "ledger.jsonl"), Setup: setup, Binary: dockertest.Program(t, api)}, nameServer
}

// Two nodes in one region speak over a VPC: by name, from a machine that was off too, and not through a Cloud Firewall that is
// shut. The controller comes in by their public addresses all the time.
func TestNodesInAVPC(t *testing.T) {
	api := dockertest.Engine(t)
	opts, nameServer := onPath(t, api)
	c := linodego.NewClient(nil)
	c.SetBaseURL(opts.Account.URL.String())
	c.SetToken("t")
	_, err := c.CreateDomain(t.Context(), linodego.DomainCreateOptions{Domain: "drills.test", Type: linodego.DomainTypeMaster, SOAEmail: "dba@drills.test", Tags: []string{linode.TagNames}})
	require.NoError(t, err)
	opts.Regions, opts.Domain, opts.NameServer = []string{"us-east"}, "drills.test", nameServer
	p, err := linode.New(t.Context(), opts)
	require.NoError(t, err)
	id := harness.Identity{Run: "20261121-200001", Drill: "nodes-in-a-vpc"}
	t.Cleanup(func() { assert.NoError(t, p.Down(context.Background(), id)) })
	nodes, err := p.Up(t.Context(), id, []harness.NodeSpec{
		{Name: "app1", Component: harness.Application, Datacenter: "dc1"}, {Name: "app2", Component: harness.Application, Datacenter: "dc2"},
	})
	require.NoError(t, err)
	one, two := nodes[0], nodes[1]
	assert.Regexp(t, `^10\.`, one.Address)
	ctx := t.Context()
	says := func(n *harness.Node, words ...string) string {
		out, err := n.Agent.Exec(ctx, agent.Command{Argv: words})
		require.NoError(t, err)
		return strings.TrimSpace(out.Stdout + out.Stderr)
	}
	assert.Contains(t, says(one, "getent", "hosts", "app2"), two.Address)
	assert.Contains(t, says(one, "ip", "route", "get", two.Address), "src "+one.Address, "that is where its peers see it come from")
	// A port that nobody listens on: who gets through is refused.
	knock := func(from, at *harness.Node) string {
		got, err := from.Agent.Exchange(ctx, agent.Exchanges{Address: at.Address, Port: 7, Count: 1, Deadline: time.Second})
		require.NoError(t, err)
		require.Len(t, got, 1)
		return got[0].Outcome
	}
	ends := func(want string) {
		t.Helper()
		assert.Equal(t, []string{want, want}, []string{knock(one, two), knock(two, one)})
	}
	ends(agent.Refused)
	require.NoError(t, two.Wall.Shut(ctx))
	ends(agent.Silence)
	assert.Equal(t, "app2", says(two, "hostname"), "the controller comes through")
	require.NoError(t, two.Wall.Open(ctx))
	ends(agent.Refused)

	// A name in the account's domain is resolved from inside a machine, through its firewall.
	name, err := p.PublicName(ctx, id, two.Address, 60)
	require.NoError(t, err)
	found, err := one.Agent.Lookup(ctx, agent.Question{Resolver: name.Servers[0], Name: name.Full, Deadline: 2 * time.Second})
	require.NoError(t, err)
	assert.Equal(t, []any{two.Address, 120, ""}, []any{found.Address, found.TTL, found.Err})

	_, err = one.Agent.Do(ctx, "cut", agent.NetworkSpec{Peers: []string{two.Address}, Direction: agent.Both}, 0)
	require.NoError(t, err)
	ends(agent.Silence)
	_, err = one.Agent.Heal(ctx, "cut")
	require.NoError(t, err)
	ends(agent.Refused)

	_, err = two.Power.Off(ctx)
	require.NoError(t, err)
	assert.Equal(t, agent.Silence, knock(one, two))
	require.NoError(t, two.Power.On(ctx))
	ends(agent.Refused)

	require.NoError(t, p.Down(ctx, id))
	open, err := linode.Outstanding(opts.Ledger)
	require.NoError(t, err)
	assert.Empty(t, open, "the ledger is balanced")
}

// Two nodes on machines of two regions: real systemd, real SSH, the agent over it, a component installed by its recipe, faults
// that spare the controller's way, and nothing left at the end.
func TestNodesOnMachines(t *testing.T) {
	api := dockertest.Engine(t)
	opts, _ := onPath(t, api)
	p, err := linode.New(t.Context(), opts)
	require.NoError(t, err)
	id := harness.Identity{Run: "20261121-200000", Drill: "nodes-on-machines"}
	t.Cleanup(func() { assert.NoError(t, p.Down(context.Background(), id)) })
	began := time.Now()
	nodes, err := p.Up(t.Context(), id, []harness.NodeSpec{
		{Name: "app1", Component: harness.Application, Datacenter: "dc1"}, {Name: "e1", Component: harness.Etcd, Datacenter: "dc2"},
	})
	require.NoError(t, err)
	t.Logf("two nodes stand after %s", time.Since(began).Round(time.Second))
	app, etcd := nodes[0], nodes[1]
	ctx := t.Context()
	says := func(n *harness.Node, words ...string) string {
		out, err := n.Agent.Exec(ctx, agent.Command{Argv: words})
		require.NoError(t, err)
		return strings.TrimSpace(out.Stdout + out.Stderr)
	}
	assert.Contains(t, says(app, "getent", "hosts", "e1"), etcd.Address)
	assert.Equal(t, "e1", says(etcd, "hostname"))
	assert.Contains(t, says(etcd, "etcd", "--version"), "etcd Version: 3")
	assert.Equal(t, "systemd", says(etcd, "cat", "/proc/1/comm"))
	outside := func() {
		t.Helper()
		for _, name := range harness.Outside {
			assert.Equal(t, harness.Nowhere+" "+name, strings.Join(strings.Fields(says(app, "getent", "hosts", name)), " "), "no hook reaches a real account")
		}
	}
	outside()

	// A component's process, killed and healed.
	require.NoError(t, etcd.Agent.Define(ctx, agent.Process{Name: "etcd", User: "etcd", Argv: []string{"etcd", "--data-dir", "/var/lib/etcd/drill",
		"--listen-client-urls", "http://" + etcd.Address + ":2379", "--advertise-client-urls", "http://" + etcd.Address + ":2379"}}))
	require.NoError(t, etcd.Agent.Start(ctx, "etcd"))
	healthy := func() bool {
		return strings.Contains(says(app, "curl", "-sS", "--max-time", "1", "http://e1:2379/health"), `"health":"true"`)
	}
	require.NoError(t, wait.Until(ctx, "etcd healthy", time.Minute, func(context.Context) (bool, string, error) { return healthy(), "not yet", nil }))
	stamp, err := etcd.Agent.Do(ctx, "kill", agent.KillSpec{Processes: []string{"etcd"}, Signal: "KILL", Hold: true}, 0)
	require.NoError(t, err)
	assert.Contains(t, stamp.Proof, "gone")
	_, err = etcd.Agent.Heal(ctx, "kill")
	require.NoError(t, err)

	// A host that is cut off from everybody still hears its controller: that is how it is healed.
	_, err = etcd.Agent.Do(ctx, "cut", agent.NetworkSpec{Direction: agent.Both}, 0)
	require.NoError(t, err)
	assert.False(t, healthy(), "nobody else reaches it")
	assert.Equal(t, "e1", says(etcd, "hostname"), "the controller does")
	_, err = etcd.Agent.Heal(ctx, "cut")
	require.NoError(t, err)
	require.NoError(t, wait.Until(ctx, "etcd healthy", time.Minute, func(context.Context) (bool, string, error) { return healthy(), "not yet", nil }))

	// A machine that was off forgets nothing of that.
	_, err = app.Power.Off(ctx)
	require.NoError(t, err)
	require.NoError(t, app.Power.On(ctx))
	outside()

	require.NoError(t, p.Down(ctx, id))
	open, err := linode.Outstanding(opts.Ledger)
	require.NoError(t, err)
	assert.Empty(t, open, "the ledger is balanced")
	require.NoError(t, wait.Until(ctx, "machines gone", 30*time.Second, func(ctx context.Context) (bool, string, error) {
		left, err := api.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: make(client.Filters).Add("label", docker.LabelRun+"=provider-test")})
		return len(left.Items) == 0, "containers are left", err
	}))
}

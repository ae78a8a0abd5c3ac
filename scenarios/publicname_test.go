package scenarios

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linode/linodego"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/agent/node"
	"github.com/firedrill/firedrill/harness/dns"
	"github.com/firedrill/firedrill/harness/endpoint"
	"github.com/firedrill/firedrill/harness/linode"
	"github.com/firedrill/firedrill/harness/linode/standin"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
)

// ownName is where the drill's own name leads; empty: its server does not answer.
type ownName struct {
	mu     sync.Mutex
	target string
}

func (o *ownName) leads(target string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.target = target
}

// lookup answers for the drill's own name server, and asks all others.
func (o *ownName) lookup(ctx context.Context, resolver, name string) (string, int, error) {
	if resolver != endpoint.LocalDNS {
		r, err := dns.Lookup(ctx, resolver, name)
		return r.Address, int(r.TTL.Seconds()), err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.target == "" {
		return "", 0, errors.New("nobody is there")
	}
	return o.target, 30, nil
}

// nodeHere runs an agent in this process.
func nodeHere(t *testing.T, name, component string, lookup node.Lookup) *harness.Node {
	t.Helper()
	dir, err := os.MkdirTemp("", "fd") // t.TempDir is too long for a socket
	require.NoError(t, err)
	socket := filepath.Join(dir, "agent.sock")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- node.Run(ctx, node.Options{Version: "test", Socket: socket, LogDir: filepath.Join(dir, "log"), Lookup: lookup})
	}()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-done)
		_ = os.RemoveAll(dir)
	})
	var conn net.Conn
	require.NoError(t, wait.Until(t.Context(), "agent listens", 10*time.Second, func(context.Context) (bool, string, error) {
		var err error
		conn, err = net.Dial("unix", socket)
		return err == nil, "", nil
	}))
	c, err := agent.Dial(t.Context(), name, conn, agent.Introduction{Owner: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return &harness.Node{Name: name, Component: component, Datacenter: "dc1", Address: "192.0.2.1", Agent: c}
}

// named is a topology of which only the endpoints matter.
type namedTopology struct {
	harness.Topology
	endpoints []harness.Endpoint
}

func (n namedTopology) Endpoints() []harness.Endpoint { return n.endpoints }
func (n namedTopology) Resolver(string) string        { return endpoint.LocalDNS }

// tagged is an account with a domain in which drills may have names.
func tagged(t *testing.T) (*standin.Listener, *linodego.Client, func(string) string) {
	t.Helper()
	l, err := standin.Listen(standin.Config{API: "127.0.0.1:0", DNS: "127.0.0.1:0", Token: "t"})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-done)
	})
	c := linodego.NewClient(nil)
	c.SetBaseURL("http://" + l.APIAddr())
	c.SetAPIVersion("v4")
	c.SetToken("t")
	_, err = c.CreateDomain(t.Context(), linodego.DomainCreateOptions{Domain: "drills.test", Type: linodego.DomainTypeMaster, SOAEmail: "dba@drills.test", Tags: []string{linode.TagNames}})
	require.NoError(t, err)
	return l, &c, func(name string) string {
		return map[string]string{linode.URLVariable: "http://" + l.APIAddr(), linode.TokenVariable: "t"}[name]
	}
}

// following is a drill at the end of its settling, on a provider that makes names in drills.test.
func following(t *testing.T, l *standin.Listener, getenv func(string) string, own *ownName, e ...harness.Endpoint) *Drill {
	t.Helper()
	account, err := linode.FindAccount(getenv)
	require.NoError(t, err)
	dir := t.TempDir()
	p, err := linode.New(t.Context(), linode.Options{Account: account, Regions: []string{"us-east"}, Type: linode.DefaultType, Image: linode.DefaultImage, MaxCost: 1,
		MaxAge: time.Hour, Ledger: filepath.Join(dir, "ledger.jsonl"), Domain: "drills.test", NameServer: l.DNS.Addr(),
		Setup: func(harness.NodeSpec) (linode.Recipe, error) { return linode.Recipe{}, nil }})
	require.NoError(t, err)
	run, err := NewRun(Config{Provider: p, Catalogue: Kinds(), Out: dir})
	require.NoError(t, err)
	d, err := run.Drill(Scenario{ID: "a-name", Topology: "mysql-3"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.rec.Close() })
	d.topology = namedTopology{endpoints: e}
	d.nodes = []*harness.Node{
		nodeHere(t, "dns", harness.DNS, own.lookup), nodeHere(t, "app1", harness.Application, own.lookup),
		{Name: "m1", Component: harness.MySQL, Address: "192.0.2.11"}, {Name: "m2", Component: harness.MySQL, Address: "192.0.2.12"},
	}
	id := harness.Identity{Run: run.ID, Drill: d.ID()}
	d.undo.Push("remove what the drill stood up", time.Minute, func(ctx context.Context) error { return p.Down(ctx, id) })
	return d
}

// probed says whether somebody in dc1 saw a name lead to a node.
func probed(t *testing.T, d *Drill, name, node string) {
	t.Helper()
	require.NoError(t, wait.Until(t.Context(), name+" is seen to lead to "+node, 20*time.Second, func(context.Context) (bool, string, error) {
		wrong, any := d.tracker.leadsTo(name, record.ProbeDNS, "dc1", node, 0)
		return any && len(wrong) == 0, strings.Join(wrong, ", "), nil
	}))
}

// A drill's name in a domain of the account follows the drill's own name, is watched beside it with its own TTL, and is gone with
// the drill.
func TestANameOutsideOfTheDrillFollows(t *testing.T) {
	l, c, getenv := tagged(t)
	own := &ownName{target: "192.0.2.11"}
	d := following(t, l, getenv, own, harness.Endpoint{Name: "db.shop.test", Kind: record.ProbeDNS, TTL: 60})
	require.NoError(t, d.publish(t.Context()))
	require.NotNil(t, d.public)
	full := d.public.Full
	assert.True(t, strings.HasPrefix(full, linode.Prefix+d.run.ID+"-") && strings.HasSuffix(full, ".drills.test"), full)
	app := d.nodes[1]
	app.Agent.Report(d.tracker, d.epoch)
	require.NoError(t, d.startProbes(t.Context(), app))
	probed(t, d, full, "m1")
	own.leads("192.0.2.12")
	probed(t, d, full, "m2")
	probed(t, d, "db.shop.test", "m2")
	require.NoError(t, app.Agent.Quiet(t.Context(), agent.ActivityAll))

	require.NoError(t, d.undo.Run(t.Context()))
	own.leads("192.0.2.11") // nobody follows any more
	require.NoError(t, wait.Hold(t.Context(), time.Second))
	records := func() int {
		domains, err := c.ListDomains(t.Context(), nil)
		require.NoError(t, err)
		found, err := c.ListDomainRecords(t.Context(), domains[0].ID, nil)
		require.NoError(t, err)
		return len(found)
	}
	assert.Zero(t, records(), "it is deleted")
	open, err := linode.Outstanding(filepath.Join(d.run.Out, "ledger.jsonl"))
	require.NoError(t, err)
	assert.Empty(t, open)

	require.NoError(t, errors.Join(d.save(), d.rec.Close()))
	run, err := record.Load(d.Dir())
	require.NoError(t, err)
	var notes []string
	for _, e := range run.Events {
		notes = append(notes, e.Msg)
	}
	assert.Contains(t, notes, full+" follows db.shop.test, with a TTL of 120 s")
	assert.Contains(t, strings.Join(notes, "\n"), "the TTL of 60 s that db.shop.test asks for is not kept there")
	assert.Contains(t, notes, full+" was led to 192.0.2.12")
	assert.NotContains(t, strings.Join(notes, "\n"), "is not led on", "it was let go before it was deleted")
	at := slices.IndexFunc(run.Probes, func(p record.Probe) bool { return p.Endpoint == full && p.Answer == "m2" })
	require.GreaterOrEqual(t, at, 0)
	assert.Equal(t, []any{l.DNS.Addr(), 120, "dc1"}, []any{run.Probes[at].Via, run.Probes[at].TTL, run.Probes[at].Vantage})
}

// A topology without a name that moves has none outside of it, and says so; so has every drill when no domain is named.
func TestADrillWithoutANameOutside(t *testing.T) {
	l, _, getenv := tagged(t)
	own := &ownName{target: "192.0.2.11"}
	d := following(t, l, getenv, own, harness.Endpoint{Name: "rw.shop.test", Kind: record.ProbeConnection})
	var said strings.Builder
	d.run.Progress = &said
	require.NoError(t, d.publish(t.Context()))
	assert.Nil(t, d.public)
	assert.Contains(t, said.String(), "no name in drills.test: mysql-3 has no name that moves")
	assert.Equal(t, 1, strings.Count(said.String(), "\n"), "one line")

	d.run.Provider = noNames{}
	d.topology = namedTopology{endpoints: []harness.Endpoint{{Name: "db.shop.test", Kind: record.ProbeDNS, TTL: 30}}}
	require.NoError(t, d.publish(t.Context()))
	assert.Nil(t, d.public)
	require.NoError(t, d.undo.Run(t.Context()))
}

// noNames is a provider that makes none.
type noNames struct{ harness.Provider }

// What cannot be led on is said once, and again after a move.
func TestFailuresOfANameAreSaidOnce(t *testing.T) {
	rec, err := record.Create(t.TempDir())
	require.NoError(t, err)
	defer rec.Close()
	d := &Drill{rec: rec, epoch: agent.Monotonic()}
	moved := d.moved("n")
	failure := errors.New("the API is away")
	for _, err := range []error{failure, failure, nil, failure, errors.New("another")} {
		moved("192.0.2.1", err)
	}
	require.NoError(t, rec.Close())
	text, err := os.ReadFile(filepath.Join(rec.Dir(), "events.jsonl"))
	require.NoError(t, err)
	assert.Equal(t, 4, strings.Count(string(text), "\n"), string(text))
}

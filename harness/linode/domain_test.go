package linode

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/linode/linodego"
	mdns "github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/linode/standin"
	"github.com/firedrill/firedrill/harness/wait"
)

// zone makes a domain in the account, with a record of its owner's.
func zone(t *testing.T, a Account, name string, tags ...string) *linodego.Domain {
	t.Helper()
	c := a.client(nil)
	d, err := c.CreateDomain(t.Context(), linodego.DomainCreateOptions{Domain: name, Type: linodego.DomainTypeMaster, SOAEmail: "dba@" + name, Tags: tags})
	require.NoError(t, err)
	_, err = c.CreateDomainRecord(t.Context(), d.ID, linodego.DomainRecordCreateOptions{Type: linodego.RecordTypeA, Name: "www", Target: "198.51.100.1", TTLSec: 300})
	require.NoError(t, err)
	return d
}

// resolves asks the domain's own name server.
func resolves(t *testing.T, l *standin.Listener, name string) string {
	t.Helper()
	q := new(mdns.Msg)
	q.SetQuestion(mdns.Fqdn(name), mdns.TypeA)
	got, err := mdns.Exchange(q, l.DNS.Addr())
	require.NoError(t, err)
	for _, rr := range got.Answer {
		if a, ok := rr.(*mdns.A); ok {
			return a.A.String()
		}
	}
	return ""
}

func TestADrillHasANameInADomainOfTheAccount(t *testing.T) {
	a, l := cloud(t)
	zone(t, a, "untagged.test")
	d := zone(t, a, "drills.test", TagNames)
	o := options(t, a)
	p, err := New(t.Context(), o)
	require.NoError(t, err)
	ctx := t.Context()
	for _, bad := range []struct {
		domain, role, target string
		ttl                  int
		want                 string
	}{
		{"absent.test", "rw", "192.0.2.7", 30, "the account has no domain absent.test with the tag firedrill-names"},
		{"untagged.test", "rw", "192.0.2.7", 30, "the account has no domain untagged.test with the tag"},
		{"drills.test", "r-w", "192.0.2.7", 30, "small letters and digits"},
		{"drills.test", "rw", "db.example", 30, "is not an IPv4 address"},
		{"drills.test", "rw", "192.0.2.7", 60, "a TTL of 60 s is not kept by the API: ask for one of 30, 120,"},
		{"drills.test", "rw", "192.0.2.7", 0, "a TTL of 0 s"},
	} {
		_, err := p.MakeName(ctx, drill, bad.domain, bad.role, bad.target, bad.ttl)
		assert.ErrorContains(t, err, bad.want)
	}
	assert.Empty(t, account(t, a))

	n, err := p.MakeName(ctx, drill, "drills.test", "rw", "192.0.2.7", 30)
	require.NoError(t, err)
	assert.Equal(t, "192.0.2.7", resolves(t, l, n.Full))
	all := account(t, a)
	require.Len(t, all, 1)
	assert.True(t, all[0].ours)
	assert.Equal(t, owned{drill.Run, p.Until().Local()}, owned{all[0].run, all[0].until.Local()}, "by its name alone")
	open, err := Outstanding(o.Ledger)
	require.NoError(t, err)
	require.Len(t, open, 1)
	assert.Equal(t, []any{kindRecord, all[0].label, all[0].id}, []any{open[0].Kind, open[0].Label, open[0].ID})

	require.NoError(t, n.Point(ctx, "192.0.2.8"))
	assert.Equal(t, "192.0.2.8", resolves(t, l, n.Full))
	require.Error(t, n.Point(ctx, "2001:db8::1"))

	require.NoError(t, p.Down(ctx, drill))
	assert.Empty(t, account(t, a))
	assert.Empty(t, resolves(t, l, n.Full))
	assert.Equal(t, "198.51.100.1", resolves(t, l, "www.drills.test"), "what is not ours stays")
	open, err = Outstanding(o.Ledger)
	require.NoError(t, err)
	assert.Empty(t, open, "the ledger is balanced")
	c := a.client(nil)
	left, err := c.GetDomain(ctx, d.ID)
	require.NoError(t, err)
	assert.Equal(t, []string{TagNames}, left.Tags)
}

// A name follows what hooks do to the drill's own record, though the account refuses for a while.
func TestANameFollowsTheDrillsOwnRecord(t *testing.T) {
	a, l := cloud(t)
	zone(t, a, "drills.test", TagNames)
	p, err := New(t.Context(), options(t, a))
	require.NoError(t, err)
	n, err := p.MakeName(t.Context(), drill, "drills.test", "rw", "192.0.2.7", 30)
	require.NoError(t, err)

	var mu sync.Mutex
	own, moves, failures := "192.0.2.7", []string(nil), 0
	change := func(target string) {
		mu.Lock()
		defer mu.Unlock()
		own = target
	}
	ctx, stop := context.WithCancel(t.Context())
	var following sync.WaitGroup
	following.Go(func() {
		n.Follow(ctx, func(context.Context) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			if own == "" {
				return "", errors.New("the drill's own API is hung")
			}
			return own, nil
		}, func(target string, err error) {
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failures++
				return
			}
			moves = append(moves, target)
		})
	})
	failed := func() bool {
		mu.Lock()
		defer mu.Unlock()
		defer func() { failures = 0 }()
		return failures > 0
	}
	eventually := func(what string, ok func() bool) {
		t.Helper()
		require.NoError(t, wait.Until(t.Context(), what, 20*time.Second, func(context.Context) (bool, string, error) { return ok(), "not yet", nil }))
	}
	change("192.0.2.8")
	eventually("the name follows", func() bool { return resolves(t, l, n.Full) == "192.0.2.8" })
	change("")
	eventually("a failure is told", failed)
	assert.Equal(t, "192.0.2.8", resolves(t, l, n.Full), "unknown is no reason to move")
	require.NoError(t, l.Server.SetFault(standin.Fault{Mode: "500", Methods: []string{http.MethodPut}}))
	change("192.0.2.9")
	eventually("a refusal is told", failed)
	require.NoError(t, l.Server.SetFault(standin.Fault{}))
	eventually("the name follows", func() bool { return resolves(t, l, n.Full) == "192.0.2.9" })
	stop()
	following.Wait()
	assert.Equal(t, []string{"192.0.2.8", "192.0.2.9"}, moves, "each move once")
}

// The domain of a run is looked at before anything is made, and who answers for it must be known.
func TestTheDomainOfARun(t *testing.T) {
	a, _ := cloud(t)
	zone(t, a, "untagged.test")
	zone(t, a, "drills.test", TagNames)
	for _, c := range []struct{ domain, server, want string }{
		{"absent.test", "192.0.2.53", "--domain: the account has no domain absent.test with the tag firedrill-names"},
		{"untagged.test", "192.0.2.53", "--domain: the account has no domain untagged.test with the tag"},
		{"drills.test", "", "is not Linode: say with --name-server who answers for it"},
		{"drills.test", "ns.example", `--name-server "ns.example" is no address`},
		{"", "192.0.2.53", "--name-server goes with --domain"},
	} {
		o := options(t, a)
		o.Domain, o.NameServer = c.domain, c.server
		_, err := New(t.Context(), o)
		require.ErrorContains(t, err, c.want)
		assert.NotContains(t, err.Error(), token)
	}
	for given, want := range map[string]string{"192.0.2.53": "192.0.2.53:53", "192.0.2.53:5353": "192.0.2.53:5353", "2001:db8::1": "[2001:db8::1]:53"} {
		o := options(t, a)
		o.Domain, o.NameServer = "drills.test", given
		p, err := New(t.Context(), o)
		require.NoError(t, err)
		assert.Equal(t, "drills.test", p.Zone())
		n, err := p.PublicName(t.Context(), drill, "192.0.2.7", 60)
		require.NoError(t, err)
		assert.Equal(t, []any{[]string{want}, 120}, []any{n.Servers, n.TTL}, "the next TTL that the API keeps")
		require.NoError(t, p.Down(t.Context(), drill))
		assert.Empty(t, account(t, a))
	}
}

// A controller that was killed leaves a record: another process deletes it, by its name and its deadline. One that has our
// prefix and not our marks is a stranger's, and stays.
func TestANameThatIsLeftIsCleaned(t *testing.T) {
	a, _ := cloud(t)
	d := zone(t, a, "drills.test", TagNames)
	o := options(t, a)
	p, err := New(t.Context(), o)
	require.NoError(t, err)
	_, err = p.MakeName(t.Context(), drill, "drills.test", "rw", "192.0.2.7", 30)
	require.NoError(t, err)
	c := a.client(nil)
	_, err = c.CreateDomainRecord(t.Context(), d.ID, linodego.DomainRecordCreateOptions{Type: linodego.RecordTypeA, Name: "fdrill-mine", Target: "198.51.100.2"})
	require.NoError(t, err)
	_, err = New(t.Context(), options(t, a))
	require.ErrorContains(t, err, "not ours: record fdrill-mine")

	removed, err := Clean(t.Context(), a, o.Ledger, "", time.Now())
	require.NoError(t, err)
	assert.Empty(t, removed, "the deadline has not passed")
	removed, err = Clean(t.Context(), a, o.Ledger, "", p.Until().Add(time.Second))
	require.NoError(t, err)
	require.Len(t, removed, 1)
	assert.Equal(t, []string{kindRecord, drill.Run}, []string{removed[0].Kind, removed[0].Run})
	all := account(t, a)
	require.Len(t, all, 1)
	assert.Equal(t, "fdrill-mine", all[0].label)
	open, err := Outstanding(o.Ledger)
	require.NoError(t, err)
	assert.Empty(t, open)
}

// What costs money goes also when the domains cannot be looked at; and a token that may not read them is no error.
func TestDomainsDoNotStandInTheWayOfADeletion(t *testing.T) {
	for status, want := range map[int]bool{http.StatusInternalServerError: false, http.StatusUnauthorized: true} {
		a, _ := cloud(t)
		o := options(t, a)
		p, err := New(t.Context(), o)
		require.NoError(t, err)
		assert.ErrorContains(t, ordered(t, p), atHome)
		p.client = a.client(without{"/v4/domains", status})
		err = p.Down(t.Context(), drill)
		assert.Equal(t, want, err == nil, "%v", err)
		assert.Empty(t, account(t, a))
		open, err := Outstanding(o.Ledger)
		require.NoError(t, err)
		assert.Empty(t, open, "what was deleted is in the books")
	}
}

// without is an API that fails for one collection alone.
type without struct {
	path   string
	status int
}

func (n without) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path != n.path {
		return http.DefaultTransport.RoundTrip(r)
	}
	out := answer(r, []byte(`{"errors":[{"reason":"no"}]}`))
	out.StatusCode, out.Status = n.status, http.StatusText(n.status)
	return out, nil
}

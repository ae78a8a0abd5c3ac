package dns

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// upstream is a server in memory.
type upstream struct {
	mu      sync.Mutex // guards what a test changes
	address string
	ttl     uint32
	err     error
	rcode   int
	asked   atomic.Int32
	hold    chan struct{}
}

func (u *upstream) exchange(_ context.Context, q *dns.Msg) (*dns.Msg, error) {
	u.asked.Add(1)
	if u.hold != nil {
		<-u.hold
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.err != nil {
		return nil, u.err
	}
	m := new(dns.Msg).SetReply(q)
	m.Rcode = u.rcode
	if u.rcode == dns.RcodeSuccess {
		m.Answer = appendRR(nil, q.Question[0].Name, Record{Type: dns.TypeA, TTL: u.ttl, Data: u.address})
	}
	return m, nil
}

// now has the server answer otherwise.
func (u *upstream) now(address string, rcode int, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.address, u.rcode, u.err = address, rcode, err
}

// resolving serves a resolver over an upstream, on a clock of its own.
func resolving(t *testing.T, u *upstream, cache Cache) (ask func() (Result, error), clock *atomic.Int64) {
	t.Helper()
	r, err := ListenResolver("127.0.0.1:0", "nowhere:53", cache, nil)
	require.NoError(t, err)
	clock = new(atomic.Int64)
	r.exchange = u.exchange
	r.now = func() time.Time { return time.Unix(1000, clock.Load()) }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-ended)
	})
	return func() (Result, error) { return Lookup(t.Context(), r.Addr(), "DB.shop.test") }, clock
}

func TestAnAnswerIsKeptForItsTTLAndNoLonger(t *testing.T) {
	u := &upstream{address: "10.0.0.1", ttl: 30}
	ask, clock := resolving(t, u, Cache{})
	first, err := ask()
	require.NoError(t, err)
	assert.Equal(t, Result{Address: "10.0.0.1", All: []string{"10.0.0.1"}, TTL: 30 * time.Second}, first)
	u.now("10.0.0.2", dns.RcodeSuccess, nil)
	clock.Store(int64(29 * time.Second))
	late, err := ask()
	require.NoError(t, err)
	assert.Equal(t, "10.0.0.1", late.Address, "the record has changed, and the resolver does not know")
	assert.Equal(t, time.Second, late.TTL, "the rest of its time")
	clock.Store(int64(30 * time.Second))
	after, err := ask()
	require.NoError(t, err)
	assert.Equal(t, "10.0.0.2", after.Address)
	assert.Equal(t, int32(2), u.asked.Load())
}

func TestAResolverMayKeepAnswersForLessOrMoreThanTheyAsk(t *testing.T) {
	for _, c := range []struct {
		cache Cache
		keeps time.Duration
	}{{Cache{Max: 5 * time.Second}, 5 * time.Second}, {Cache{Min: time.Minute}, time.Minute}} {
		u := &upstream{address: "10.0.0.1", ttl: 30}
		ask, clock := resolving(t, u, c.cache)
		_, err := ask()
		require.NoError(t, err)
		u.now("10.0.0.2", dns.RcodeSuccess, nil)
		clock.Store(int64(c.keeps - time.Millisecond))
		r, err := ask()
		require.NoError(t, err)
		assert.Equal(t, "10.0.0.1", r.Address, "%+v", c.cache)
		clock.Store(int64(c.keeps))
		r, err = ask()
		require.NoError(t, err)
		assert.Equal(t, "10.0.0.2", r.Address, "%+v", c.cache)
	}
	_, err := ListenResolver("127.0.0.1:0", "x:53", Cache{Min: 9 * time.Second, Max: time.Second}, nil)
	require.ErrorContains(t, err, "the least is more than the most")
}

func TestAFailureIsNotKept(t *testing.T) {
	u := &upstream{address: "10.0.0.1", ttl: 30, err: errors.New("unreachable")}
	ask, _ := resolving(t, u, Cache{})
	_, err := ask()
	var answer *AnswerError
	require.ErrorAs(t, err, &answer)
	assert.Equal(t, "SERVFAIL", answer.Rcode)
	u.now("10.0.0.1", dns.RcodeServerFailure, nil)
	_, err = ask()
	require.Error(t, err)
	u.now("10.0.0.1", dns.RcodeSuccess, nil)
	r, err := ask()
	require.NoError(t, err)
	assert.Equal(t, "10.0.0.1", r.Address)
}

func TestManyWhoAskAtOnceAreOneQuestion(t *testing.T) {
	u := &upstream{address: "10.0.0.1", ttl: 30, hold: make(chan struct{})}
	ask, _ := resolving(t, u, Cache{})
	answers := make(chan error, 20)
	for range cap(answers) {
		go func() {
			_, err := ask()
			answers <- err
		}()
	}
	require.Eventually(t, func() bool { return u.asked.Load() > 0 }, time.Second, time.Millisecond)
	close(u.hold)
	for range cap(answers) {
		require.NoError(t, <-answers)
	}
	assert.Equal(t, int32(1), u.asked.Load())
}

func TestALocalNameIsAnsweredWithoutAsking(t *testing.T) {
	r, err := ListenResolver("127.0.0.1:0", "nowhere:53", Cache{}, Local{"proxy.shop.test": netip.MustParseAddr("10.0.0.7")})
	require.NoError(t, err)
	u := &upstream{address: "10.0.0.1", ttl: 30}
	r.exchange = u.exchange
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-ended)
	})
	for name, want := range map[string]string{"Proxy.shop.test": "10.0.0.7", "db.shop.test": "10.0.0.1", "far.proxy.shop.test": "10.0.0.1"} {
		got, err := Lookup(t.Context(), r.Addr(), name)
		require.NoError(t, err)
		assert.Equal(t, want, got.Address, name)
	}
	assert.Equal(t, int32(2), u.asked.Load(), "the local name is asked of nobody")
	_, err = ListenResolver("127.0.0.1:0", "nowhere:53", Cache{}, Local{"proxy.shop.test": netip.MustParseAddr("::1")})
	require.ErrorContains(t, err, "no IPv4 address")
}

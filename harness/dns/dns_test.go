package dns_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	mdns "github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/dns"
)

// zone is shop.test with fixed records by name.
type zone map[string][]dns.Record

func (z zone) Lookup(name string, qtype uint16) dns.Answer {
	if name != "shop.test" && !strings.HasSuffix(name, ".shop.test") {
		return dns.Answer{}
	}
	answer := dns.Answer{Served: true, Apex: "shop.test",
		SOA: dns.Record{Type: mdns.TypeSOA, TTL: 30, Data: "ns1.shop.test. admin.shop.test. 7 3600 600 86400 30"}}
	records, exists := z[name]
	answer.Exists = exists
	for _, r := range records {
		if r.Type == qtype || r.Type == mdns.TypeCNAME {
			answer.Records = append(answer.Records, r)
		}
	}
	return answer
}

func fixture() zone {
	z := zone{
		"shop.test": {{Type: mdns.TypeNS, TTL: 300, Data: "ns1.shop.test."},
			{Type: mdns.TypeSOA, TTL: 30, Data: "ns1.shop.test. admin.shop.test. 7 3600 600 86400 30"}},
		"db.shop.test":    {{Type: mdns.TypeA, TTL: 30, Data: "10.0.0.1"}},
		"alias.shop.test": {{Type: mdns.TypeCNAME, TTL: 120, Data: "db.shop.test."}},
		"loop.shop.test":  {{Type: mdns.TypeCNAME, TTL: 120, Data: "loop.shop.test."}},
	}
	for i := range 60 {
		z["many.shop.test"] = append(z["many.shop.test"], dns.Record{Type: mdns.TypeA, TTL: 30, Data: fmt.Sprintf("10.1.0.%d", i)})
	}
	return z
}

// serve starts a server and gives back how to reach it and what was asked of it.
func serve(t *testing.T) (*dns.Server, func() []dns.Query) {
	t.Helper()
	var mu sync.Mutex
	var asked []dns.Query
	server, err := dns.Listen("127.0.0.1:0", fixture(), func(q dns.Query) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, q)
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			assert.NoError(t, err)
		case <-time.After(5 * time.Second):
			t.Error("the server did not end with its context")
		}
	})
	return server, func() []dns.Query {
		mu.Lock()
		defer mu.Unlock()
		return append([]dns.Query(nil), asked...)
	}
}

func ask(t *testing.T, server *dns.Server, network, name string, qtype uint16) *mdns.Msg {
	t.Helper()
	client := mdns.Client{Net: network, Timeout: 2 * time.Second}
	reply, _, err := client.Exchange(new(mdns.Msg).SetQuestion(name, qtype), server.Addr())
	require.NoError(t, err)
	return reply
}

func TestAnswers(t *testing.T) {
	server, _ := serve(t)
	for _, network := range []string{"udp", "tcp"} {
		for _, c := range []struct {
			name   string
			qtype  uint16
			rcode  int
			answer string
		}{
			{"db.shop.test.", mdns.TypeA, mdns.RcodeSuccess, "db.shop.test.\t30\tIN\tA\t10.0.0.1"},
			{"dB.Shop.test.", mdns.TypeA, mdns.RcodeSuccess, "dB.Shop.test.\t30\tIN\tA\t10.0.0.1"},
			{"db.shop.test.", mdns.TypeAAAA, mdns.RcodeSuccess, ""},
			{"none.shop.test.", mdns.TypeA, mdns.RcodeNameError, ""},
			{"shop.test.", mdns.TypeNS, mdns.RcodeSuccess, "shop.test.\t300\tIN\tNS\tns1.shop.test."},
			{"shop.test.", mdns.TypeSOA, mdns.RcodeSuccess, "shop.test.\t30\tIN\tSOA\tns1.shop.test. admin.shop.test. 7 3600 600 86400 30"},
			{"shop.test.", mdns.TypeA, mdns.RcodeSuccess, ""},
		} {
			reply := ask(t, server, network, c.name, c.qtype)
			assert.Equal(t, c.rcode, reply.Rcode, c.name)
			assert.True(t, reply.Authoritative, c.name)
			if c.answer != "" {
				require.Len(t, reply.Answer, 1, c.name)
				assert.Equal(t, c.answer, reply.Answer[0].String())
				continue
			}
			assert.Empty(t, reply.Answer, c.name)
			require.Len(t, reply.Ns, 1, c.name)
			assert.IsType(t, &mdns.SOA{}, reply.Ns[0], c.name)
		}
	}
}

func TestRefusesWhatItDoesNotServe(t *testing.T) {
	server, _ := serve(t)
	reply := ask(t, server, "udp", "example.org.", mdns.TypeA)
	assert.Equal(t, mdns.RcodeRefused, reply.Rcode)
	assert.False(t, reply.Authoritative)
}

func TestAliasesAreFollowedInsideTheZone(t *testing.T) {
	server, _ := serve(t)
	result, err := dns.Lookup(t.Context(), server.Addr(), "alias.shop.test")
	require.NoError(t, err)
	assert.Equal(t, dns.Result{Address: "10.0.0.1", All: []string{"10.0.0.1"}, TTL: 30 * time.Second}, result)
	assert.NotEmpty(t, ask(t, server, "udp", "loop.shop.test.", mdns.TypeA).Answer, "a loop must end")
}

func TestALongAnswerComesOverTCP(t *testing.T) {
	server, _ := serve(t)
	assert.True(t, ask(t, server, "udp", "many.shop.test.", mdns.TypeA).Truncated)
	result, err := dns.Lookup(t.Context(), server.Addr(), "many.shop.test")
	require.NoError(t, err)
	assert.Len(t, result.All, 60)
}

func TestLookupSaysWhyThereIsNoAddress(t *testing.T) {
	server, asked := serve(t)
	for name, rcode := range map[string]string{"none.shop.test": "NXDOMAIN", "shop.test": "NOERROR", "example.org": "REFUSED"} {
		_, err := dns.Lookup(t.Context(), server.Addr(), name)
		var answer *dns.AnswerError
		require.True(t, errors.As(err, &answer), "%v", err)
		assert.Equal(t, rcode, answer.Rcode)
	}
	_, err := dns.Lookup(t.Context(), server.Addr(), "none.shop.test")
	assert.EqualError(t, err, "ask "+server.Addr()+" for none.shop.test: no such name (NXDOMAIN)")
	last := asked()[len(asked())-1]
	assert.Equal(t, []string{"none.shop.test", "A", "NXDOMAIN"}, []string{last.Name, last.Type, last.Answer})
}

func TestFaults(t *testing.T) {
	server, _ := serve(t)
	server.SetFault(dns.Fault{Address: "192.0.2.9"})
	result, err := dns.Lookup(t.Context(), server.Addr(), "db.shop.test")
	require.NoError(t, err)
	assert.Equal(t, "192.0.2.9", result.Address)

	server.SetFault(dns.Fault{Rcode: mdns.RcodeServerFailure})
	_, err = dns.Lookup(t.Context(), server.Addr(), "db.shop.test")
	assert.ErrorContains(t, err, "could not answer (SERVFAIL)")

	server.SetFault(dns.Fault{Delay: 100 * time.Millisecond})
	asked := time.Now()
	_, err = dns.Lookup(t.Context(), server.Addr(), "db.shop.test")
	require.NoError(t, err)
	assert.GreaterOrEqual(t, time.Since(asked), 100*time.Millisecond)

	server.SetFault(dns.Fault{Drop: true})
	ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel()
	_, err = dns.Lookup(ctx, server.Addr(), "db.shop.test")
	assert.ErrorContains(t, err, "timeout")

	server.SetFault(dns.Fault{})
	_, err = dns.Lookup(t.Context(), server.Addr(), "db.shop.test")
	assert.NoError(t, err)
}

func TestServeEndsWithAnIdleConnectionAndADelayedAnswer(t *testing.T) {
	server, _ := serve(t) // its cleanup checks the end
	client := mdns.Client{Net: "tcp"}
	conn, err := client.Dial(server.Addr())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	_, _, err = client.ExchangeWithConn(new(mdns.Msg).SetQuestion("db.shop.test.", mdns.TypeA), conn)
	require.NoError(t, err)
	server.SetFault(dns.Fault{Delay: time.Hour})
	require.NoError(t, conn.WriteMsg(new(mdns.Msg).SetQuestion("db.shop.test.", mdns.TypeA)))
}

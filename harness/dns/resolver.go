package dns

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Cache says how long a Resolver keeps answers, as resolvers in production can be told to.
type Cache struct {
	Min time.Duration // nothing is kept for less, whatever its TTL says
	Max time.Duration // nothing is kept for longer; 0 means that the TTL alone counts
}

// Resolver is a caching one: it asks a server once and keeps the answer for as long as its TTL says, so that a record
// that changes is seen late, as applications see it in production. What it hands out of its memory has the rest of the
// TTL. A question that the server does not answer is answered with SERVFAIL, and nothing of that is kept: an answer
// that has expired is not used again. Make one with ListenResolver.
type Resolver struct {
	sockets
	cache    Cache
	local    Local
	exchange func(ctx context.Context, question *dns.Msg) (*dns.Msg, error)
	now      func() time.Time

	mu   sync.Mutex
	kept map[dns.Question]*kept
}

// kept is an answer in memory, or one that is being asked for.
type kept struct {
	ready   chan struct{} // closed when the rest is known
	reply   *dns.Msg      // nil: there was none
	at      time.Time
	expires time.Time
}

// Local are names that a resolver answers by itself, with an IPv4 address each: what is near differs from one datacenter
// to the next (local-data in unbound). Names are in lower case, without the trailing dot.
type Local map[string]netip.Addr

// ListenResolver binds addr for UDP and TCP. upstream ("10.0.0.2:53") is the server that knows all answers but the local
// ones. Serve must follow.
func ListenResolver(addr, upstream string, cache Cache, local Local) (*Resolver, error) {
	for name, address := range local {
		if !address.Is4() {
			return nil, fmt.Errorf("answer %s locally with %s: it is no IPv4 address", name, address)
		}
	}
	if cache.Max > 0 && cache.Max < cache.Min {
		return nil, fmt.Errorf("keep answers from %s to %s: the least is more than the most", cache.Min, cache.Max)
	}
	both, err := bind(addr)
	if err != nil {
		return nil, err
	}
	return &Resolver{sockets: both, cache: cache, local: local, exchange: asking(upstream), now: time.Now, kept: map[dns.Question]*kept{}}, nil
}

// localTTL is what a local answer may be kept for by those who ask, in seconds.
const localTTL = 30

// reply answers a question for a local name; nil when it is none.
func (l Local) reply(question *dns.Msg) *dns.Msg {
	q := question.Question[0]
	address, ok := l[canonical(q.Name)]
	if !ok {
		return nil
	}
	reply := new(dns.Msg).SetReply(question)
	if q.Qtype == dns.TypeA {
		reply.Answer = appendRR(nil, q.Name, Record{Type: dns.TypeA, TTL: localTTL, Data: address.String()})
	}
	return reply
}

// asking makes questions of a server, over TCP only when the answer was cut short.
func asking(upstream string) func(context.Context, *dns.Msg) (*dns.Msg, error) {
	return func(ctx context.Context, question *dns.Msg) (*dns.Msg, error) {
		client := dns.Client{Net: "udp", Timeout: defaultTimeout}
		reply, _, err := client.ExchangeContext(ctx, question, upstream)
		if err == nil && reply.Truncated {
			client.Net = "tcp"
			reply, _, err = client.ExchangeContext(ctx, question, upstream)
		}
		return reply, err
	}
}

// Serve answers until ctx ends, and then returns nil with both sockets closed. Any other end is an error.
func (r *Resolver) Serve(ctx context.Context) error { return r.serve(ctx, r) }

// ServeDNS answers one question. It is the dns.Handler of both sockets.
func (r *Resolver) ServeDNS(w dns.ResponseWriter, req *dns.Msg) {
	reply := new(dns.Msg).SetRcode(req, dns.RcodeServerFailure)
	if len(req.Question) == 1 {
		q := req.Question[0]
		q.Name = dns.CanonicalName(q.Name)
		if k := r.find(q); k.reply != nil {
			reply = k.answer(req, r.now())
		}
	}
	reply.RecursionAvailable = true
	send(w, req, reply)
}

// find returns what is in memory, or asks. Many who ask at once for what has just expired wait for one question.
func (r *Resolver) find(q dns.Question) *kept {
	r.mu.Lock()
	k := r.kept[q]
	if k != nil {
		select {
		case <-k.ready:
			if !r.now().Before(k.expires) {
				k = nil
			}
		default: // on its way
		}
	}
	if k != nil {
		r.mu.Unlock()
		<-k.ready // asking has a time-out
		return k
	}
	k = &kept{ready: make(chan struct{})}
	r.kept[q] = k
	r.mu.Unlock()
	r.ask(q, k)
	return k
}

// ask fills an entry. An error is kept for nobody but those who wait already.
func (r *Resolver) ask(q dns.Question, k *kept) {
	defer close(k.ready)
	ctx, cancel := context.WithTimeout(context.Background(), defaultTimeout)
	defer cancel()
	question := new(dns.Msg).SetQuestion(q.Name, q.Qtype)
	question.Question[0].Qclass = q.Qclass
	reply, err := r.local.reply(question), error(nil)
	if reply == nil {
		reply, err = r.exchange(ctx, question)
	}
	k.at = r.now()
	k.expires = k.at
	if err != nil {
		return
	}
	k.reply = reply
	if reply.Rcode == dns.RcodeSuccess || reply.Rcode == dns.RcodeNameError {
		k.expires = k.at.Add(r.keep(reply))
	}
}

// keep is how long an answer may be kept: for its shortest TTL; a negative one for what the zone says about that (RFC
// 2308).
func (r *Resolver) keep(reply *dns.Msg) time.Duration {
	seconds, any := uint32(0), false
	shorten := func(s uint32) {
		if !any || s < seconds {
			seconds, any = s, true
		}
	}
	for _, rr := range reply.Answer {
		shorten(rr.Header().Ttl)
	}
	if len(reply.Answer) == 0 {
		for _, rr := range reply.Ns {
			if soa, ok := rr.(*dns.SOA); ok {
				shorten(min(soa.Hdr.Ttl, soa.Minttl))
			}
		}
	}
	ttl := max(time.Duration(seconds)*time.Second, r.cache.Min)
	if r.cache.Max > 0 {
		ttl = min(ttl, r.cache.Max)
	}
	return ttl
}

// answer is the reply to a question out of memory, each record with the rest of its time, in whole seconds.
func (k *kept) answer(req *dns.Msg, now time.Time) *dns.Msg {
	reply := k.reply.Copy()
	reply.Id, reply.Question, reply.RecursionDesired = req.Id, req.Question, req.RecursionDesired
	reply.Authoritative, reply.Extra = false, nil
	rest := uint32(max(0, k.expires.Sub(now)).Seconds() + 0.5)
	for _, records := range [][]dns.RR{reply.Answer, reply.Ns} {
		for _, rr := range records {
			rr.Header().Ttl = min(rr.Header().Ttl, rest)
		}
	}
	for _, rr := range reply.Answer { // as it was asked: clients that mix the case against spoofing compare it
		if dns.CanonicalName(rr.Header().Name) == dns.CanonicalName(req.Question[0].Name) {
			rr.Header().Name = req.Question[0].Name
		}
	}
	return reply
}

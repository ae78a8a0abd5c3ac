package dns

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/miekg/dns"
)

// Result is the address that a resolver gave for a name.
type Result struct {
	Address string        // the first A record's IPv4 address
	All     []string      // all of them, in the order of the answer
	TTL     time.Duration // how long the answer may be kept: the shortest of its records
}

// AnswerError says that a resolver did answer, but gave no address.
type AnswerError struct {
	Server, Name string
	Rcode        string // "NXDOMAIN", "SERVFAIL"; "NOERROR" when the name exists without an address
}

func (e *AnswerError) Error() string {
	words := map[string]string{
		"NOERROR":  "the name exists and has no address",
		"NXDOMAIN": "no such name",
		"SERVFAIL": "the server could not answer",
		"REFUSED":  "the server refuses, it does not serve this name",
	}[e.Rcode]
	if words == "" {
		words = "the server answered with an error"
	}
	return fmt.Sprintf("ask %s for %s: %s (%s)", e.Server, e.Name, words, e.Rcode)
}

// defaultTimeout bounds a Lookup whose context has no deadline.
const defaultTimeout = 2 * time.Second

// Lookup asks one resolver (address, with or without a port; 53 by default) for the IPv4 address of name, once and
// over UDP, over TCP only when the answer was cut short. Nothing is cached or retried: a probe wants to see each loss.
// It ends with ctx's deadline, or after 2 s when ctx has none. An answer without an address is an *AnswerError.
func Lookup(ctx context.Context, server, name string) (Result, error) {
	if _, _, err := net.SplitHostPort(server); err != nil {
		server = net.JoinHostPort(server, "53")
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, defaultTimeout)
		defer cancel()
	}
	deadline, _ := ctx.Deadline()
	question := new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeA)
	// Without a time-out of its own the client would cut every question at 2 s, whatever ctx says.
	client := dns.Client{Net: "udp", Timeout: max(time.Until(deadline), time.Millisecond)}
	reply, _, err := client.ExchangeContext(ctx, question, server)
	if err == nil && reply.Truncated {
		client.Net = "tcp"
		reply, _, err = client.ExchangeContext(ctx, question, server)
	}
	if err != nil {
		return Result{}, fmt.Errorf("ask %s for %s: %w", server, name, err)
	}
	result := Result{}
	for _, rr := range reply.Answer {
		ttl := time.Duration(rr.Header().Ttl) * time.Second
		if result.TTL == 0 || ttl < result.TTL {
			result.TTL = ttl
		}
		if a, ok := rr.(*dns.A); ok {
			result.All = append(result.All, a.A.String())
		}
	}
	if reply.Rcode != dns.RcodeSuccess || len(result.All) == 0 {
		return Result{}, &AnswerError{Server: server, Name: name, Rcode: dns.RcodeToString[reply.Rcode]}
	}
	result.Address = result.All[0]
	return result, nil
}

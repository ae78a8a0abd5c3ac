// Package dns is the drill's authoritative name server and the question a probe asks of it.
//
// The server answers from a Zone and knows nothing of where the records come from. It serves UDP and TCP on one
// address and refuses what lies outside its zones, since the resolvers of the containers forward everything to it.
package dns

import (
	"context"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"github.com/firedrill/firedrill/harness/wait"
)

// Record is one record as a zone serves it.
type Record struct {
	Type uint16 // a dns.TypeX of github.com/miekg/dns
	TTL  uint32 // seconds
	Data string // presentation format: "10.0.0.1", "10 mail.shop.test."
}

// Answer is what a zone knows of one question.
type Answer struct {
	Served  bool     // the name lies in one of the zones; false is answered with REFUSED
	Exists  bool     // the name has a record of any type, or names under it; false is answered with NXDOMAIN
	Records []Record // of the type asked for, or the CNAME in its place; empty when there is none
	Apex    string   // name of the zone, without the trailing dot
	SOA     Record   // of the zone, for the authority section of a negative answer
}

// Zone is a store of records. Lookup is called concurrently, with a lower-case name without the trailing dot.
type Zone interface {
	Lookup(name string, qtype uint16) Answer
}

// Query is one question that was answered, as the query log gets it.
type Query struct {
	At     time.Time
	Client string // address and port
	Name   string // lower case, without the trailing dot
	Type   string // "A"
	Answer string // what was sent: "10.0.0.1", "NXDOMAIN", "no data", "dropped"
}

// Fault is how the server misbehaves; the zero value is health. It applies to every question within the zones.
type Fault struct {
	Name    string        `json:"name,omitempty"`     // only questions for this name, without the trailing dot; empty: all
	Drop    bool          `json:"drop,omitempty"`     // answer nothing: the client runs into its time-out
	Delay   time.Duration `json:"delay_ns,omitempty"` // before each answer
	Rcode   int           `json:"rcode,omitempty"`    // answer this and nothing else when not 0, such as dns.RcodeServerFailure
	Address string        `json:"address,omitempty"`  // IPv4 address told for every A record, whatever the zone says
}

// inForce is a fault with the count of the questions that have met it.
type inForce struct {
	Fault
	hits atomic.Int64
}

// touches says whether the fault is of questions for a name.
func (f *inForce) touches(name string) bool {
	return f.Fault != Fault{} && (f.Name == "" || canonical(f.Name) == name)
}

// Server is a name server bound to its address. Make one with Listen.
type Server struct {
	sockets
	zone    Zone
	onQuery func(Query)
	fault   atomic.Pointer[inForce]
	ctx     context.Context // ends with Serve, so that a delayed answer does not outlive the server
}

// Listen binds addr ("10.0.0.2:53"; port 0 picks one) for UDP and TCP. onQuery, when not nil, is called
// concurrently with each question after its answer was made. Serve must follow.
func Listen(addr string, zone Zone, onQuery func(Query)) (*Server, error) {
	both, err := bind(addr)
	if err != nil {
		return nil, err
	}
	s := &Server{sockets: both, zone: zone, onQuery: onQuery, ctx: context.Background()}
	s.SetFault(Fault{})
	return s, nil
}

// SetFault makes the server misbehave from the next question on; Fault{} heals it.
func (s *Server) SetFault(f Fault) { s.fault.Store(&inForce{Fault: f}) }

// Fault is how the server misbehaves now, and how many questions have met that.
func (s *Server) Fault() (f Fault, hits int64) {
	now := s.fault.Load()
	return now.Fault, now.hits.Load()
}

// Serve answers until ctx ends, and then returns nil with both sockets closed. Any other end is an error.
func (s *Server) Serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.ctx = ctx
	return s.serve(ctx, s)
}

// ServeDNS answers one question. It is the dns.Handler of both sockets.
func (s *Server) ServeDNS(w dns.ResponseWriter, req *dns.Msg) {
	set, fault := s.fault.Load(), Fault{}
	if len(req.Question) == 1 && set.touches(canonical(req.Question[0].Name)) {
		fault = set.Fault
	}
	reply, served := s.reply(req, fault)
	if served && fault != (Fault{}) {
		set.hits.Add(1)
		if wait.Hold(s.ctx, fault.Delay) != nil {
			return
		}
		if fault.Drop {
			reply = nil
		}
	}
	if s.onQuery != nil {
		s.onQuery(describe(req, reply, w.RemoteAddr()))
	}
	if reply != nil {
		send(w, req, reply)
	}
}

// reply makes the answer. served is false for names outside the zones, which no fault touches.
func (s *Server) reply(req *dns.Msg, fault Fault) (m *dns.Msg, served bool) {
	m = new(dns.Msg).SetReply(req)
	if len(req.Question) != 1 || req.Question[0].Qclass != dns.ClassINET {
		m.Rcode = dns.RcodeRefused
		return m, false
	}
	q := req.Question[0]
	name := canonical(q.Name)
	answer := s.zone.Lookup(name, q.Qtype)
	if !answer.Served {
		m.Rcode = dns.RcodeRefused
		return m, false
	}
	m.Authoritative = true
	if fault.Rcode != 0 {
		m.Rcode = fault.Rcode
		return m, true
	}
	// The owner is the name as it was asked: resolvers that mix the case against spoofing compare it.
	s.follow(m, q.Name, q.Qtype, answer, fault.Address)
	if len(m.Answer) == 0 {
		if !answer.Exists {
			m.Rcode = dns.RcodeNameError
		}
		m.Ns = appendRR(m.Ns, answer.Apex, answer.SOA)
	}
	return m, true
}

// maxChain bounds the aliases followed inside the zones, so that a loop of two CNAMEs ends.
const maxChain = 8

// follow appends the answer's records, and those of the aliases' targets as far as they lie in the zones.
func (s *Server) follow(m *dns.Msg, owner string, qtype uint16, answer Answer, lie string) {
	for range maxChain {
		alias := ""
		for _, r := range answer.Records {
			if lie != "" && r.Type == dns.TypeA {
				r.Data = lie
			}
			m.Answer = appendRR(m.Answer, owner, r)
			if r.Type == dns.TypeCNAME && qtype != dns.TypeCNAME {
				alias = r.Data
			}
		}
		if alias == "" {
			return
		}
		owner = dns.Fqdn(alias)
		answer = s.zone.Lookup(canonical(alias), qtype)
	}
}

// appendRR appends the record under its owner. A record that does not parse is left out: the store refuses those.
func appendRR(to []dns.RR, owner string, r Record) []dns.RR {
	text := dns.Fqdn(owner) + " " + strconv.FormatUint(uint64(r.TTL), 10) + " IN " + dns.TypeToString[r.Type] + " " + r.Data
	rr, err := dns.NewRR(text)
	if err != nil || rr == nil {
		return to
	}
	return append(to, rr)
}

func canonical(name string) string { return strings.TrimSuffix(strings.ToLower(name), ".") }

// describe puts a question and its answer into words for the log. A nil reply was dropped.
func describe(req, reply *dns.Msg, client net.Addr) Query {
	q := Query{At: time.Now(), Client: client.String(), Answer: "dropped"}
	if len(req.Question) > 0 {
		q.Name, q.Type = canonical(req.Question[0].Name), dns.TypeToString[req.Question[0].Qtype]
	}
	if reply == nil {
		return q
	}
	var data []string
	for _, rr := range reply.Answer {
		data = append(data, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	switch {
	case reply.Rcode != dns.RcodeSuccess:
		q.Answer = dns.RcodeToString[reply.Rcode]
	case len(data) == 0:
		q.Answer = "no data"
	default:
		q.Answer = strings.Join(data, ", ")
	}
	return q
}

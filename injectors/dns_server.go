package injectors

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/endpoint"
)

// DNSParams are the parameters of dns.server.
type DNSParams struct {
	DelayMS int64  `json:"delay_ms,omitempty"`
	Silent  bool   `json:"silent,omitempty"`
	Answer  string `json:"answer,omitempty"`
	Name    string `json:"name,omitempty"`
	Is      string `json:"is,omitempty"`
	Address string `json:"address,omitempty"`
}

var dnsServerDoc = Doc{
	Summary: "the DNS server is slow, does not answer, answers with an error, or lies about a name",
	Targets: "the DNS servers; when none is named, all of them",
	Params: []Param{
		{Name: "delay_ms", Meaning: "milliseconds before each answer"},
		{Name: "silent", Meaning: "true: nothing is answered, so that clients run into their timeouts"},
		{Name: "answer", Meaning: "every question is answered with this: " + strings.Join(rcodes(), ", ")},
		{Name: "is", Meaning: "node, or address, that the server says a name to be"},
		{Name: "name", Meaning: "name that is touched, which must exist; with \"is\" it must be given", Default: "every name that is served"},
		{Name: "address", Meaning: "address of the node in \"is\"", Filled: true},
	},
	Proof: "a question that the node itself asks meets the fault, and the number of questions that have met it",
	Heal:  "questions are answered as before",
	Limits: "one of delay_ms, silent, answer and \"is\". Names outside the server's zones are not touched. The server keeps its fault in memory: " +
		"when its process is restarted it is healthy. A server that no packet reaches is net.partition",
}

type dnsServer struct {
	onTargets
	DNSParams
}

func rcodes() []string { return slices.Sorted(maps.Keys(agent.Rcodes)) }

func newDNSServer(p DNSParams) (Fault, error) {
	ways := 0
	for _, given := range []bool{p.DelayMS != 0, p.Silent, p.Answer != "", p.Is != ""} {
		if given {
			ways++
		}
	}
	switch {
	case ways != 1:
		return nil, errors.New("give one of delay_ms, silent, answer and \"is\"")
	case p.DelayMS < 0:
		return nil, errors.New("delay_ms: it cannot be in the past")
	case p.Answer != "" && agent.Rcodes[p.Answer] == 0:
		return nil, fmt.Errorf("answer: %q (%s)", p.Answer, strings.Join(rcodes(), ", "))
	case p.Is != "" && p.Name == "":
		return nil, errors.New("name: a lie is about a name")
	}
	return dnsServer{onTargets{p, agent.DNSServerSpec{
		Control: endpoint.LocalControl, Server: endpoint.LocalDNS, Name: p.Name,
		Silent: p.Silent, DelayMS: p.DelayMS, Rcode: p.Answer, Address: p.Address,
	}}, p}, nil
}

// Resolve looks up the address that the server is to tell.
func (f dnsServer) Resolve(nodes []Node, targets []string) (any, []string, error) {
	p := f.DNSParams
	if p.Is != "" {
		p.Address = p.Is
		if !isAddress(p.Is) {
			n, err := find(nodes, p.Is)
			if err != nil {
				return nil, nil, err
			}
			p.Address = n.Address
		}
		if a, err := netip.ParseAddr(p.Address); err != nil || !a.Is4() {
			return nil, nil, fmt.Errorf("is: %q is no IPv4 address", p.Address)
		}
	}
	targets, err := endpointNodes(nodes, targets)
	return p, targets, err
}

// DNSWorks matches what `the DNS server works again` heals.
func DNSWorks() Match { return Match{Faults: []string{"dns.server"}} }

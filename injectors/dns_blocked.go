package injectors

import "github.com/firedrill/firedrill/harness/agent"

// DNSBlockedParams are the parameters of dns.blocked: there are none.
type DNSBlockedParams struct{}

const dnsPort = 53

var dnsBlockedDoc = Doc{
	Summary: "no answer of any DNS server arrives at the targets: names cannot be looked up, connections go on",
	Targets: "the nodes that look names up",
	Params:  []Param{},
	Proof:   "answers stopped",
	Heal:    "the rules are removed",
	Limits: "plain DNS, over UDP and TCP (port 53). A resolver on the loopback is left alone, the container engine's own at 127.0.0.11 among them, and answers from its memory; " +
		"so is DNS over TLS or HTTPS. The questions still arrive at the servers. Needs NET_ADMIN on the targets",
}

func newDNSBlocked(p DNSBlockedParams) (Fault, error) {
	return onTargets{p, agent.NetworkSpec{Ports: []uint16{dnsPort}, PeerPorts: true, Direction: agent.In, Action: agent.Drop}}, nil
}

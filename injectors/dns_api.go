package injectors

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/endpoint"
)

// Ways in which the DNS API can go wrong, beside the HTTP statuses.
const (
	APISilent   = "silent"
	APIUnserved = "unserved"
)

// APIParams are the parameters of dns.api.
type APIParams struct {
	Mode       string `json:"mode"`
	RetryAfter int    `json:"retry_after_s,omitempty"`
}

var dnsAPIDoc = Doc{
	Summary: "the API by which hooks change DNS answers with an error, does not answer, or accepts changes that are never served",
	Targets: "the nodes that run the drill's DNS API; when none is named, all of them",
	Params: []Param{
		{Name: "mode", Meaning: "an HTTP status from 400 to 599; silent: requests are taken and never answered; unserved: changes are accepted, and what was served before goes on being served", Required: true},
		{Name: "retry_after_s", Meaning: "with 429, the seconds that Retry-After asks for; 0 leaves it out", Default: "0"},
	},
	Proof: "a request that the node itself makes meets the fault; for unserved, that it is switched on. Both count the requests (for unserved, the changes) that have met it",
	Heal:  "the API answers as before; what it accepted and did not serve is served",
	Limits: "the API is the drill's stand-in for the Linode API, which keeps its fault in memory: when its process is restarted it is healthy. " +
		"An API that no packet reaches is net.partition",
}

type dnsAPI struct {
	onTargets
}

func newDNSAPI(p APIParams) (Fault, error) {
	status, err := strconv.Atoi(p.Mode)
	isStatus := err == nil && status >= 400 && status <= 599
	switch {
	case !isStatus && p.Mode != APISilent && p.Mode != APIUnserved:
		return nil, fmt.Errorf("mode: %q (a status from 400 to 599, %s, %s)", p.Mode, APISilent, APIUnserved)
	case p.RetryAfter < 0:
		return nil, errors.New("retry_after_s: it cannot be in the past")
	case p.RetryAfter > 0 && p.Mode != "429":
		return nil, errors.New("retry_after_s: only 429 asks to retry")
	}
	mode := p.Mode
	switch mode {
	case APISilent:
		mode = agent.APIHang
	case APIUnserved:
		mode = agent.APIUnserved
	}
	return dnsAPI{onTargets{p, agent.DNSAPISpec{
		Control: endpoint.LocalControl, API: endpoint.LocalAPI, Token: endpoint.Token, Mode: mode, RetryAfter: p.RetryAfter,
	}}}, nil
}

func (f dnsAPI) Resolve(nodes []Node, targets []string) (any, []string, error) {
	targets, err := endpointNodes(nodes, targets)
	return f.params, targets, err
}

// endpointNodes are the targets, or the nodes of the endpoint when none is named.
func endpointNodes(nodes []Node, targets []string) ([]string, error) {
	if len(targets) == 0 {
		targets = ofComponents(nodes, harness.DNS)
	}
	if len(targets) == 0 {
		return nil, errors.New("this topology has no DNS server of its own")
	}
	return targets, nil
}

// APIWorks matches what `the DNS API works again` heals.
func APIWorks() Match { return Match{Faults: []string{"dns.api"}} }

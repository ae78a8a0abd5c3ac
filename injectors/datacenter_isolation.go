package injectors

import (
	"context"
	"errors"
	"fmt"

	"github.com/firedrill/firedrill/harness/agent"
)

// IsolationParams are the parameters of datacenter.isolation.
type IsolationParams struct {
	Datacenter string            `json:"datacenter"`
	Outside    []string          `json:"outside,omitempty"`
	Addresses  map[string]string `json:"addresses,omitempty"`
}

var datacenterIsolationDoc = Doc{
	Summary: "a datacenter is cut from all else, both ways, in silence; inside it everything goes on",
	Targets: "none is named: they are the nodes of the datacenter",
	Params: []Param{
		{Name: "datacenter", Meaning: "name of the datacenter", Required: true},
		{Name: "outside", Meaning: "names of the nodes that are not in it", Filled: true},
		{Name: "addresses", Meaning: "address of each node by its name", Filled: true},
	},
	Proof:  "packets stopped by the rules of at least one of the nodes",
	Heal:   "the rules are removed on all nodes",
	Limits: "only the topology's own nodes are cut off, applications and resolvers included. Needs NET_ADMIN on the nodes",
}

type datacenterIsolation struct {
	netPartition
	params IsolationParams
}

// newDatacenterIsolation is a partition whose sides are the inside and the outside. Before it is resolved there is
// no outside yet.
func newDatacenterIsolation(p IsolationParams) (Fault, error) {
	if p.Datacenter == "" {
		return nil, errors.New("datacenter: none is named")
	}
	cut := PartitionParams{Peers: p.Outside, Direction: BothWays, Action: agent.Drop, Addresses: p.Addresses}
	return datacenterIsolation{netPartition{cut}, p}, nil
}

// Resolve makes the nodes of the datacenter the targets, whatever targets were named.
func (f datacenterIsolation) Resolve(nodes []Node, _ []string) (any, []string, error) {
	p := IsolationParams{Datacenter: f.params.Datacenter, Addresses: map[string]string{}}
	var inside []string
	for _, n := range nodes {
		p.Addresses[n.Name] = n.Address
		if n.Datacenter == p.Datacenter {
			inside = append(inside, n.Name)
		} else {
			p.Outside = append(p.Outside, n.Name)
		}
	}
	switch {
	case len(inside) == 0:
		return nil, nil, fmt.Errorf("there is no node in datacenter %q", p.Datacenter)
	case len(p.Outside) == 0:
		return nil, nil, fmt.Errorf("datacenter %q is all there is: nothing to isolate it from", p.Datacenter)
	}
	return p, inside, nil
}

// Inject refuses to report an isolation from nobody as done.
func (f datacenterIsolation) Inject(ctx context.Context, env Env) (Effect, error) {
	if len(f.Peers) == 0 {
		return Effect{}, errors.New("the outside was not resolved")
	}
	return f.netPartition.Inject(ctx, env)
}

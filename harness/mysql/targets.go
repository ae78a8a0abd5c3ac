package mysql

import (
	"context"
	"errors"
	"slices"

	"github.com/firedrill/firedrill/harness"
)

// Select implements harness.Topology.
func (t *Topology) Select(ctx context.Context, target string) ([]*harness.Node, bool, error) {
	switch target {
	case "the Orchestrator leader", "the Orchestrator":
		m, err := t.leader(ctx)
		if err != nil {
			return nil, true, err
		}
		return []*harness.Node{m.Node}, true, nil
	case "every Orchestrator":
		var out []*harness.Node
		for _, m := range t.managers {
			out = append(out, m.Node)
		}
		return out, true, nil
	case "the backend":
		if t.backend == nil {
			return nil, true, errors.New("this topology has none: its Orchestrators keep their state themselves")
		}
		return []*harness.Node{t.backend.Node}, true, nil
	case "the intermediate primary":
		n, err := t.intermediate(ctx)
		return []*harness.Node{n}, true, err
	case "the DNS server":
		return []*harness.Node{t.dns}, true, nil
	}
	return nil, false, nil
}

// intermediate finds the server that others replicate from and that is not the primary. It need not run: its replicas
// name it until they are moved.
func (t *Topology) intermediate(ctx context.Context) (*harness.Node, error) {
	primary, err := t.Primary(ctx)
	if err != nil {
		return nil, err
	}
	var sources []string
	for _, v := range t.views(ctx) {
		if v.err == nil && v.node != primary.Name { // a co-primary is the primary's source, and no intermediate one
			sources = append(sources, v.source)
		}
	}
	for _, m := range t.databases {
		if m.Name != primary.Name && slices.Contains(sources, m.Name) {
			return m.Node, nil
		}
	}
	return nil, errors.New("every replica replicates from " + primary.Name)
}

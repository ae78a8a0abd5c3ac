package scenarios

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/firedrill/firedrill/harness"
)

var (
	oneNode   = regexp.MustCompile(`^nodes? "([^"]+)"$`)
	oneCentre = regexp.MustCompile(`^datacenter "([^"]+)"$`)
)

// Targets are the words that name nodes, for the documentation.
var Targets = []string{
	"the primary", "the leader", "the old primary", "the old leader", "the promoted node", "a replica", "every replica",
	`node "NAME"`, `nodes "NAME"`, `datacenter "NAME"`, "the primary's datacenter", "the leader's datacenter",
	"the intermediate primary", "the Orchestrator leader", "every Orchestrator", "the backend", "the etcd leader", "every etcd member", "a minority of etcd",
	"a majority of etcd", "the synchronous standby", "a minority of the group", "a majority of the group", "the proxy", "the DNS server", "the application", "every other node",
}

// Select resolves the words of a step to nodes, at this moment.
func (d *Drill) Select(ctx context.Context, words string) ([]*harness.Node, error) {
	nodes, err := d.selectNodes(ctx, strings.TrimSpace(words))
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", words, err)
	}
	if len(nodes) == 0 {
		return nil, fmt.Errorf("find %s: the topology has none", words)
	}
	return nodes, nil
}

func (d *Drill) selectNodes(ctx context.Context, words string) ([]*harness.Node, error) {
	if m := oneNode.FindStringSubmatch(words); m != nil {
		return d.byNames(strings.Split(m[1], ","))
	}
	if m := oneCentre.FindStringSubmatch(words); m != nil {
		return d.inDatacenter(m[1])
	}
	switch words {
	case "the primary", "the leader":
		n, err := d.topology.Primary(ctx)
		return []*harness.Node{n}, err
	case "the old primary", "the old leader":
		return d.byNames([]string{d.oldPrimary()})
	case "the promoted node":
		s, ok := d.tracker.promotedSince(d.firstFault, d.oldPrimary())
		if !ok {
			return nil, fmt.Errorf("nobody has been promoted")
		}
		return d.byNames([]string{s.node})
	case "a replica", "every replica":
		return d.replicas(ctx, words == "a replica")
	case "the primary's datacenter", "the leader's datacenter":
		n, err := d.topology.Primary(ctx)
		if err != nil {
			return nil, err
		}
		return d.inDatacenter(n.Datacenter)
	case "the application":
		return harness.ByComponent(d.nodes, harness.Application), nil
	case "the proxy":
		return append(harness.ByComponent(d.nodes, harness.HAProxy), harness.ByComponent(d.nodes, harness.Router)...), nil
	case "the DNS server":
		return harness.ByComponent(d.nodes, harness.DNS), nil
	}
	nodes, ok, err := d.topology.Select(ctx, words)
	if err == nil && !ok {
		err = fmt.Errorf("no such target on %s; there are: %s", d.manifest.Topology, strings.Join(Targets, ", "))
	}
	return nodes, err
}

// SelectPair resolves two targets, of which the second may be "every other node".
func (d *Drill) SelectPair(ctx context.Context, a, b string) (from, to []*harness.Node, err error) {
	if from, err = d.Select(ctx, a); err != nil {
		return nil, nil, err
	}
	if strings.TrimSpace(b) != "every other node" {
		to, err = d.Select(ctx, b)
		return from, to, err
	}
	inFrom := map[string]bool{}
	for _, n := range from {
		inFrom[n.Name] = true
	}
	for _, n := range d.nodes {
		if !inFrom[n.Name] {
			to = append(to, n)
		}
	}
	return from, to, nil
}

func (d *Drill) byNames(names []string) ([]*harness.Node, error) {
	var out []*harness.Node
	for _, name := range names {
		n, err := harness.Find(d.nodes, strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

func (d *Drill) inDatacenter(name string) ([]*harness.Node, error) {
	var out []*harness.Node
	for _, n := range d.nodes {
		if n.Datacenter == name {
			out = append(out, n)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("there is no datacenter %q", name)
	}
	return out, nil
}

// replicas are the databases that are not the primary. One of them is picked by the run's seed, so that a drill can
// be repeated.
func (d *Drill) replicas(ctx context.Context, one bool) ([]*harness.Node, error) {
	primary, err := d.topology.Primary(ctx)
	if err != nil {
		return nil, err
	}
	var out []*harness.Node
	for _, n := range d.topology.Databases() {
		if n.Name != primary.Name {
			out = append(out, n)
		}
	}
	if one && len(out) > 0 {
		return out[d.rand.IntN(len(out)):][:1], nil
	}
	return out, nil
}

// oldPrimary held the role when the first fault struck, or holds it now when none has.
func (d *Drill) oldPrimary() string { return d.manifest.Primary }

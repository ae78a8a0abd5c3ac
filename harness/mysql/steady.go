package mysql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/firedrill/firedrill/harness"
)

// Steady implements harness.Topology: one server is writable, all others replicate from it, Orchestrator sees them all
// and no problem, and the name leads to the primary from every datacenter. The reasons are stable: they change only
// when something does.
func (t *Topology) Steady(ctx context.Context) ([]string, error) {
	views := t.views(ctx)
	reasons := replicationReasons(views)
	seen, err := t.managerReasons(ctx, views)
	if err != nil {
		return nil, err
	}
	reasons = append(reasons, seen...)
	reasons = append(reasons, t.ackReasons(ctx, writers(views))...)
	names, err := t.nameReasons(ctx, writers(views))
	if err != nil {
		return nil, err
	}
	reasons = append(reasons, names...)
	reasons = append(reasons, t.proxyReasons(ctx, writers(views))...)
	return append(reasons, t.vipReasons(ctx, writers(views))...), nil
}

// writers are the servers that take writes.
func writers(views []view) []string {
	var out []string
	for _, v := range views {
		if v.err == nil && v.writable {
			out = append(out, v.node)
		}
	}
	return out
}

// replicationReasons judges what the servers say of themselves.
func replicationReasons(views []view) []string {
	var reasons []string
	w := writers(views)
	switch {
	case len(w) == 0:
		reasons = append(reasons, "no server is writable")
	case len(w) > 1:
		reasons = append(reasons, strings.Join(w, " and ")+" are both writable")
	}
	byName := map[string]view{}
	for _, v := range views {
		byName[v.node] = v
	}
	for _, v := range views {
		if slices.Contains(w, v.node) {
			switch {
			case v.source != "" && !v.coPrimary && !v.detached():
				reasons = append(reasons, fmt.Sprintf("%s is writable and replicates from %s", v.node, v.source))
			case v.coPrimary && v.trouble() != "":
				reasons = append(reasons, v.trouble())
			}
			continue
		}
		if trouble := v.trouble(); trouble != "" {
			reasons = append(reasons, trouble)
			continue
		}
		if root := rootOf(byName, v); len(w) == 1 && root != w[0] {
			reasons = append(reasons, fmt.Sprintf("%s replicates from %s, not from the primary %s", v.node, root, w[0]))
		}
	}
	return reasons
}

// rootOf follows sources up to one that takes writes or replicates from nobody. In a ring of co-primaries the writable
// one is the root.
func rootOf(views map[string]view, v view) string {
	seen := map[string]bool{}
	for v.source != "" && !v.writable && !seen[v.node] {
		seen[v.node] = true
		next, ok := views[v.source]
		if !ok {
			return v.source
		}
		v = next
	}
	return v.node
}

// managerReasons asks Orchestrator, or the controller.
func (t *Topology) managerReasons(ctx context.Context, views []view) ([]string, error) {
	if t.regions != nil {
		return t.regionReasons(ctx, writers(views)), nil
	}
	m, err := t.leader(ctx)
	if err != nil {
		return []string{err.Error()}, nil
	}
	reasons := t.quorumReasons(ctx)
	for _, m := range t.managers {
		if time.Now().Before(m.ripe) {
			reasons = append(reasons, fmt.Sprintf("%s has just started and recovers nothing yet", m.Name))
		}
	}
	instances, err := m.api.Instances(ctx)
	if err != nil {
		return []string{err.Error()}, nil
	}
	analyses, err := m.api.Analyses(ctx)
	if err != nil {
		return []string{err.Error()}, nil
	}
	reasons = append(reasons, t.instanceReasons(instances, writers(views))...)
	return append(reasons, analysisReasons(analyses)...), nil
}

// structureWarning ends the codes of Orchestrator's warnings on how a topology is built.
const structureWarning = "StructureWarning"

// byDesign are the warnings on what a scenario's own settings made so: time does not mend them, and nothing is wrong.
var byDesign = []string{
	"StatementAndMixedLoggingReplicas", "StatementAndRowLoggingReplicas", "MixedAndRowLoggingReplicas",
	"MultipleMajorVersionsLoggingReplicas", "DifferentGTIDModes", "NoLoggingReplicas", "NoFailoverSupport",
}

// analysisReasons are what Orchestrator has to say against the topology, but for how it was asked to be.
func analysisReasons(analyses []Analysis) []string {
	var reasons []string
	for _, a := range analyses {
		for _, code := range a.Codes() {
			if !slices.Contains(byDesign, strings.TrimSuffix(code, structureWarning)) {
				reasons = append(reasons, fmt.Sprintf("Orchestrator reports %s on %s", code, a.AnalyzedInstanceKey.Hostname))
			}
		}
	}
	return reasons
}

// quorumReasons asks each of several Orchestrators: one that does not answer, or that sees no leader, could not take
// over.
func (t *Topology) quorumReasons(ctx context.Context) []string {
	if len(t.managers) == 1 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, managerTimeout)
	defer cancel()
	reasons := make([]string, len(t.managers))
	var all sync.WaitGroup
	for i, m := range t.managers {
		all.Go(func() {
			status, err := m.api.Status(ctx)
			switch {
			case err != nil:
				reasons[i] = m.Name + ": " + err.Error()
			case !status.Healthy:
				reasons[i] = m.Name + " is not healthy"
			case t.raft && status.RaftLeader == "":
				reasons[i] = m.Name + " sees no raft leader"
			}
		})
	}
	all.Wait()
	return slices.DeleteFunc(reasons, func(s string) bool { return s == "" })
}

// instanceReasons compares what Orchestrator knows with the layout.
func (t *Topology) instanceReasons(instances []InstanceState, writers []string) []string {
	var reasons []string
	cluster := ""
	for _, m := range t.databases {
		i := slices.IndexFunc(instances, func(s InstanceState) bool { return s.Key.Hostname == m.Name })
		switch {
		case i < 0:
			reasons = append(reasons, "Orchestrator does not know "+m.Name)
			continue
		case !instances[i].IsLastCheckValid:
			reasons = append(reasons, "Orchestrator cannot read "+m.Name)
			continue
		}
		if cluster == "" {
			cluster = instances[i].ClusterName
		} else if instances[i].ClusterName != cluster {
			reasons = append(reasons, fmt.Sprintf("Orchestrator takes %s for a part of another cluster, %s", m.Name, instances[i].ClusterName))
		}
		if rule := t.rule(m); rule != neutral && instances[i].PromotionRule != rule {
			reasons = append(reasons, fmt.Sprintf("Orchestrator does not know yet that %s has the promotion rule %s", m.Name, rule))
		}
		writable := slices.Contains(writers, m.Name)
		if instances[i].primary() != writable && len(writers) == 1 {
			reasons = append(reasons, fmt.Sprintf("Orchestrator does not see yet that %s is %s", m.Name, map[bool]string{true: "the primary", false: "a replica"}[writable]))
		}
	}
	return reasons
}

// nameReasons asks for the name from every datacenter that has an application.
func (t *Topology) nameReasons(ctx context.Context, writers []string) ([]string, error) {
	if len(writers) != 1 {
		return nil, nil // there is no right answer
	}
	domain := t.domain()
	want := t.front(t.member(writers[0]))
	apps := harness.ByComponent(t.nodes, harness.Application)
	reasons := make([]string, len(apps))
	var group errgroup.Group
	for i, app := range apps {
		group.Go(func() error {
			answer, err := resolve(ctx, app, t.Resolver(app.Datacenter), domain)
			switch {
			case err != nil:
				reasons[i] = fmt.Sprintf("%s does not resolve in %s: %s", domain, app.Datacenter, err)
			case answer != want.Address:
				reasons[i] = fmt.Sprintf("%s leads to %s in %s, not to %s", domain, t.named(answer), app.Datacenter, want.Name)
			}
			return nil
		})
	}
	_ = group.Wait() // what failed is a reason
	return slices.DeleteFunc(reasons, func(s string) bool { return s == "" }), nil
}

// named is the node of an address.
func (t *Topology) named(address string) string {
	for _, n := range t.nodes {
		if n.Address == address {
			return n.Name
		}
	}
	return address
}

// errNoLeader says that no Orchestrator acts.
var errNoLeader = errors.New("no Orchestrator leads")

// leader finds the Orchestrator that acts. It is named as soon as it says so: another one that is frozen must not hold
// the watch up.
func (t *Topology) leader(ctx context.Context) (*managerNode, error) {
	ctx, cancel := context.WithTimeout(ctx, managerTimeout)
	defer cancel()
	type answer struct {
		i     int
		leads bool
		err   error
	}
	answers := make(chan answer, len(t.managers))
	for i, m := range t.managers {
		go func() {
			leads, err := m.api.Leads(ctx)
			answers <- answer{i, leads, err}
		}()
	}
	errs := make([]error, len(t.managers))
	for range t.managers {
		a := <-answers // each comes within managerTimeout
		if a.err == nil && a.leads {
			return t.managers[a.i], nil
		}
		if a.err != nil {
			errs[a.i] = fmt.Errorf("%s: %w", t.managers[a.i].Name, a.err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("%w: %s", errNoLeader, strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return nil, errNoLeader
}

// managerTimeout bounds a question to an Orchestrator that may be cut off or frozen.
const managerTimeout = 2 * time.Second

// Primary implements harness.Topology. Orchestrator's word counts, and the servers' own decides where it names several
// (after a split it sees two clusters) or none (it does not answer, or has not looked yet).
func (t *Topology) Primary(ctx context.Context) (*harness.Node, error) {
	if t.regions != nil {
		return t.activePrimary(ctx)
	}
	views := t.views(ctx)
	var instances []InstanceState
	m, err := t.leader(ctx)
	if err == nil {
		instances, err = m.api.Instances(ctx)
	}
	node, why := choosePrimary(instances, writers(views))
	switch {
	case node == "" && err != nil:
		return nil, fmt.Errorf("find the primary: %s: %w", why, err)
	case node == "":
		return nil, fmt.Errorf("find the primary: %s", why)
	}
	found := t.member(node)
	if found == nil {
		return nil, fmt.Errorf("find the primary: Orchestrator names %s, which is not of this topology", node)
	}
	return found.Node, nil
}

// choosePrimary weighs what Orchestrator sees against who takes writes.
func choosePrimary(instances []InstanceState, writers []string) (node, why string) {
	var roots, live []string
	for _, s := range instances {
		if !s.primary() {
			continue
		}
		roots = append(roots, s.Key.Hostname)
		if !s.IsDowntimed { // a failed primary is downtimed for a year
			live = append(live, s.Key.Hostname)
		}
	}
	for _, candidates := range [][]string{live, roots} {
		both := slices.DeleteFunc(slices.Clone(candidates), func(n string) bool { return !slices.Contains(writers, n) })
		switch {
		case len(both) == 1:
			return both[0], ""
		case len(both) == 0 && len(candidates) == 1:
			return candidates[0], "" // nobody else can be meant, even if it is down
		}
	}
	if len(writers) == 1 {
		return writers[0], ""
	}
	return "", fmt.Sprintf("Orchestrator sees the primaries [%s], writable are [%s]", strings.Join(roots, ", "), strings.Join(writers, ", "))
}

package patroni

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/haproxy"
)

// Steady says what is not as it should be: etcd whole, one writable leader that holds the key, every replica
// streaming on its timeline, the proxy and the name leading to it.
func (t *Topology) Steady(ctx context.Context) ([]string, error) {
	var reasons []string
	members, errs := t.members(ctx)
	reasons = append(reasons, unsteadyEtcd(t.etcd, members, errs)...)
	k, err := t.keys(ctx)
	if err != nil {
		return append(reasons, errNoDCS.Error()), ctx.Err()
	}
	statuses, errs := t.statuses(ctx)
	leader, more := unsteadyPatroni(t.databases, k["leader"].Value, statuses, errs)
	reasons = append(reasons, more...)
	if leader == nil {
		return reasons, ctx.Err()
	}
	reasons = append(reasons, unsteadySync(k)...)
	for _, p := range t.proxies {
		up, err := serversUp(ctx, p)
		switch {
		case err != nil:
			reasons = append(reasons, fmt.Sprintf("proxy %s does not answer: %s", p.Name, err))
		case len(up) != 1 || up[0] != leader.Name:
			reasons = append(reasons, fmt.Sprintf("proxy %s sends writes to %s, the leader is %s", p.Name, list(up), leader.Name))
		}
	}
	reasons = append(reasons, t.unsteadyAddress(ctx, leader)...)
	return append(reasons, t.unsteadyName(ctx, leader)...), ctx.Err()
}

// Patience is how long what is missing may stand still before it is taken as final: a deposed leader is stopped while
// pg_rewind reads its data, and then starts, and on a busy host says nothing new for 14 s.
func (t *Topology) Patience() time.Duration { return 20 * time.Second }

func unsteadyEtcd(nodes []*harness.Node, members []memberStatus, errs []error) (reasons []string) {
	for i, n := range nodes {
		switch {
		case errs[i] != nil:
			reasons = append(reasons, fmt.Sprintf("etcd %s does not answer: %s", n.Name, errs[i]))
		case !members[i].hasLeader():
			reasons = append(reasons, fmt.Sprintf("etcd %s sees no leader", n.Name))
		case len(members[i].Errors) > 0:
			reasons = append(reasons, fmt.Sprintf("etcd %s reports %s", n.Name, strings.Join(members[i].Errors, ", ")))
		}
	}
	return reasons
}

// unsteadyPatroni judges what the nodes say of themselves; the leader is nil where there is none.
func unsteadyPatroni(nodes []*harness.Node, holder string, statuses []Status, errs []error) (leader *harness.Node, reasons []string) {
	var writable []string
	timeline := 0
	for i, n := range nodes {
		if statuses[i].Writable() {
			writable = append(writable, n.Name)
		}
		if n.Name == holder {
			leader, timeline = n, statuses[i].Timeline
		}
	}
	if leader == nil {
		reasons = append(reasons, "there is no leader")
	}
	if len(writable) != 1 || writable[0] != holder {
		reasons = append(reasons, fmt.Sprintf("writable: %s; holder of the leader key: %s", list(writable), list(nonEmpty(holder))))
	}
	for i, n := range nodes {
		s := statuses[i]
		switch {
		case errs[i] != nil:
			reasons = append(reasons, fmt.Sprintf("%s: Patroni does not answer: %s", n.Name, errs[i]))
		case n == leader:
			reasons = append(reasons, unsteadyLeader(n, s)...)
		case s.ReplicationState != streaming:
			reasons = append(reasons, fmt.Sprintf("%s does not stream (%s, %s, replication state %q)", n.Name, s.Role, s.State, s.ReplicationState))
		case s.Timeline != timeline && leader != nil:
			reasons = append(reasons, fmt.Sprintf("%s is on timeline %d, the leader on %d", n.Name, s.Timeline, timeline))
		}
		if s.PendingRestart {
			reasons = append(reasons, n.Name+" has settings that wait for a restart of PostgreSQL")
		}
	}
	return leader, reasons
}

func unsteadyLeader(n *harness.Node, s Status) (reasons []string) {
	if s.Pause {
		reasons = append(reasons, "the cluster is paused: Patroni fails over to nobody")
	}
	if s.FailsafeModeIsActive {
		reasons = append(reasons, "failsafe mode is active on "+n.Name)
	}
	return reasons
}

// unsteadySync says that a promise of no loss is not kept yet: Patroni commits without a standby until it has chosen
// one, and after an election until the new leader has.
func unsteadySync(k keys) []string {
	var dynamic struct {
		Mode any `json:"synchronous_mode"`
	}
	if json.Unmarshal([]byte(k["config"].Value), &dynamic) != nil {
		return nil
	}
	switch mode := strings.ToLower(fmt.Sprint(dynamic.Mode)); mode {
	case "<nil>", "false", "off", "no", "0":
		return nil
	}
	sync := synchrony(k)
	if sync.Standby == "" || sync.Leader != k["leader"].Value {
		return []string{"synchronous mode is on, and no replica is synchronous yet"}
	}
	return nil
}

// synchronyKey is who has, beside the leader, all that was acknowledged.
type synchronyKey struct {
	Leader  string `json:"leader"`
	Standby string `json:"sync_standby"` // names, with commas
}

// synchrony reads it: no key yet is no standby yet.
func synchrony(k keys) (out synchronyKey) {
	_ = json.Unmarshal([]byte(k["sync"].Value), &out)
	return out
}

// unsteadyName looks at the record that callbacks change and the name server answers with.
func (t *Topology) unsteadyName(ctx context.Context, leader *harness.Node) []string {
	if t.endpoint == nil {
		return []string{"the name server has not been started"}
	}
	if !t.config.flipsName() {
		return nil
	}
	target, err := t.endpoint.Target(ctx, PrimaryName)
	switch {
	case err != nil:
		return []string{fmt.Sprintf("%s cannot be read: %s", PrimaryName, err)}
	case target != leader.Address:
		return []string{fmt.Sprintf("%s leads to %s, the leader is %s (%s)", PrimaryName, t.nodeName(target), leader.Name, leader.Address)}
	}
	return t.unsteadyResolvers(ctx, leader)
}

// unsteadyResolvers asks each resolver, in its own node, for the names that it gives an answer of its own or keeps one
// for.
func (t *Topology) unsteadyResolvers(ctx context.Context, leader *harness.Node) (reasons []string) {
	wrong, _ := all(ctx, t.resolvers, func(ctx context.Context, n *harness.Node) ([]string, error) {
		var out []string
		r := t.resolver(n)
		want := maps.Clone(r.Local)
		want[PrimaryName] = leader.Address
		for _, name := range sortedKeys(want) {
			found, err := n.Agent.Lookup(ctx, agent.Question{Resolver: r.Address(), Name: name, Deadline: lookWithin})
			switch {
			case err != nil:
				out = append(out, fmt.Sprintf("resolver %s cannot be asked: %s", n.Name, err))
			case found.Address != want[name]:
				out = append(out, fmt.Sprintf("%s leads to %s in %s, and should lead to %s", name, orNobody(t.nodeName(found.Address)), n.Datacenter, t.nodeName(want[name])))
			}
		}
		return out, nil
	})
	return slices.Concat(wrong...)
}

// nodeName names an address where it is a node's.
func (t *Topology) nodeName(address string) string {
	for _, n := range t.nodes {
		if n.Address == address {
			return n.Name
		}
	}
	return address
}

// serversUp lists the servers that a proxy sends to.
func serversUp(ctx context.Context, proxy *harness.Node) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	return haproxy.Up(ctx, proxy, proxySection)
}

func list(names []string) string {
	if len(names) == 0 {
		return "nobody"
	}
	return strings.Join(names, ", ")
}

func nonEmpty(name string) []string {
	if name == "" {
		return nil
	}
	return []string{name}
}

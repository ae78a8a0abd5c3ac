package patroni

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/firedrill/firedrill/harness"
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
	return append(reasons, t.unsteadyName(ctx, leader)...), ctx.Err()
}

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
	var sync struct {
		Leader  string `json:"leader"`
		Standby string `json:"sync_standby"`
	}
	_ = json.Unmarshal([]byte(k["sync"].Value), &sync) // no key yet is no standby yet
	if sync.Standby == "" || sync.Leader != k["leader"].Value {
		return []string{"synchronous mode is on, and no replica is synchronous yet"}
	}
	return nil
}

// unsteadyName looks at the record that callbacks change and the name server answers with.
func (t *Topology) unsteadyName(ctx context.Context, leader *harness.Node) []string {
	if t.endpoint == nil {
		return []string{"the name server has not been started"}
	}
	target, err := t.endpoint.Target(ctx, PrimaryName)
	switch {
	case err != nil:
		return []string{fmt.Sprintf("%s cannot be read: %s", PrimaryName, err)}
	case target != leader.Address:
		return []string{fmt.Sprintf("%s leads to %s, the leader is %s (%s)", PrimaryName, t.nodeName(target), leader.Name, leader.Address)}
	}
	return nil
}

// nodeName names an address where it is a database's.
func (t *Topology) nodeName(address string) string {
	if name, ok := t.Servers()[address]; ok {
		return name
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

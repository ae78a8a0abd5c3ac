package patroni

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/firedrill/firedrill/harness"
)

// Primary is the node that holds the leader key; where no etcd member answers, the one node that says it is the
// running primary.
func (t *Topology) Primary(ctx context.Context) (*harness.Node, error) {
	if k, err := t.keys(ctx); err == nil {
		if holder := k["leader"].Value; holder != "" {
			return harness.Find(t.databases, holder)
		}
		return nil, errors.New("find the leader: nobody holds the leader key")
	}
	var found []*harness.Node
	statuses, _ := t.statuses(ctx)
	for i, s := range statuses {
		if s.Writable() {
			found = append(found, t.databases[i])
		}
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("find the leader: %w, and %d nodes say that they are the primary", errNoDCS, len(found))
	}
	return found[0], nil
}

// Select resolves what only this kind has. A minority and a majority are taken from the end of the list of members,
// the same in every run.
func (t *Topology) Select(ctx context.Context, target string) ([]*harness.Node, bool, error) {
	n := len(t.etcd)
	switch target {
	case "the etcd leader":
		leader, err := t.etcdLeader(ctx)
		return leader, true, err
	case "every etcd member":
		return t.etcd, true, nil
	case "a minority of etcd":
		if n < 3 {
			return nil, true, fmt.Errorf("take a minority of etcd: %d members have none", n)
		}
		return t.etcd[n-(n-1)/2:], true, nil
	case "a majority of etcd":
		return t.etcd[n-(n/2+1):], true, nil
	case "the proxy":
		if len(t.proxies) == 0 {
			return nil, true, errors.New("find the proxy: this topology has none")
		}
		return t.proxies, true, nil
	case "the DNS server":
		return t.names, true, nil
	}
	return nil, false, nil
}

// etcdLeader is the member that leads in the latest term: one that is cut off leads on for a second in its old one.
func (t *Topology) etcdLeader(ctx context.Context) ([]*harness.Node, error) {
	members, errs := t.members(ctx)
	leader, term := -1, int64(-1)
	for i, m := range members {
		if errs[i] == nil && m.leads() && m.Term > term {
			leader, term = i, m.Term
		}
	}
	if leader < 0 {
		return nil, fmt.Errorf("find the etcd leader: no member says that it leads: %w", errors.Join(errs...))
	}
	return t.etcd[leader : leader+1], nil
}

// operateWithin bounds Patroni's own wait for a switchover: it answers after 2 * loop_wait at the latest.
const operateWithin = 60 * time.Second

// Operate does what an operator would: "switchover" with or without a candidate, "failover" with one, or to the most
// advanced replica.
func (t *Topology) Operate(ctx context.Context, verb string, args ...string) error {
	candidate := ""
	if len(args) > 0 {
		candidate = args[0]
		if _, err := harness.Find(t.databases, candidate); err != nil {
			return fmt.Errorf("request %s: %w", verb, err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, operateWithin)
	defer cancel()
	switch verb {
	case "switchover":
		leader, err := t.Primary(ctx)
		if err != nil {
			return fmt.Errorf("request switchover: %w", err)
		}
		return refused(verb)(restOf(leader).Switchover(ctx, leader.Name, candidate))
	case "failover", "force-failover":
		asked, best, err := t.mostAdvanced(ctx)
		if err != nil {
			return fmt.Errorf("request failover: %w", err)
		}
		if candidate == "" {
			candidate = best
		}
		return refused(verb)(restOf(asked).Failover(ctx, candidate))
	}
	return fmt.Errorf("operate: %q is not something that Patroni does (switchover, failover)", verb)
}

// refused puts Patroni's no into words.
func refused(verb string) func(answer string, err error) error {
	return func(_ string, err error) error {
		var no *AnswerError
		if errors.As(err, &no) {
			return fmt.Errorf("%s refused by Patroni: %s (%d)", verb, no.Text, no.Code)
		}
		if err != nil {
			return fmt.Errorf("request %s: %w", verb, err)
		}
		return nil
	}
}

// mostAdvanced names the replica that has replayed most, and a node whose Patroni answers.
func (t *Topology) mostAdvanced(ctx context.Context) (answers *harness.Node, best string, err error) {
	statuses, errs := t.statuses(ctx)
	most := int64(-1)
	for i, s := range statuses {
		if errs[i] != nil {
			continue
		}
		answers = t.databases[i]
		if s.State == running && s.Role != rolePrimary && s.XLog.ReplayedLocation > most {
			most, best = s.XLog.ReplayedLocation, t.databases[i].Name
		}
	}
	if best == "" {
		return nil, "", fmt.Errorf("no replica runs: %w", errors.Join(errs...))
	}
	return answers, best, nil
}

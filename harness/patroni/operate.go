package patroni

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
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
	case "the synchronous standby":
		standbys, err := t.synchronous(ctx)
		return standbys, true, err
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

// synchronous are the standbys that have what is acknowledged, by the key that decides who may lead; one as a rule.
func (t *Topology) synchronous(ctx context.Context) ([]*harness.Node, error) {
	k, err := t.keys(ctx)
	if err != nil {
		return nil, err
	}
	var out []*harness.Node
	for _, n := range t.databases {
		if slices.Contains(strings.Split(synchrony(k).Standby, ","), n.Name) {
			out = append(out, n)
		}
	}
	return out, nil
}

// operateWithin bounds Patroni's own wait for a switchover: it answers after 2 * loop_wait at the latest.
const operateWithin = 60 * time.Second

// What an operator can do of Patroni's own, by verb; every kind has switchover and failover.
const (
	Schedule     = "schedule"     // a switchover: in how many seconds, and to whom, if it matters
	Restart      = "restart"      // PostgreSQL on a node
	Reinitialize = "reinitialize" // nodes: their data are copied anew
	Pause        = "pause"
	Resume       = "resume"
	Follow       = "follow" // the main cluster, of the standby cluster
	Set          = "set"    // a dynamic setting: its dotted key and its value as YAML
)

// operations are what Operate knows.
var operations = map[string]func(*Topology, context.Context, []string) error{
	"switchover": (*Topology).switchover, "failover": (*Topology).failover, "force-failover": (*Topology).failover,
	Schedule: (*Topology).schedule, Restart: (*Topology).restart, Reinitialize: (*Topology).reinitialize,
	Pause:  func(t *Topology, ctx context.Context, _ []string) error { return t.pause(ctx, true) },
	Resume: func(t *Topology, ctx context.Context, _ []string) error { return t.pause(ctx, false) },
	Follow: (*Topology).follow, Set: (*Topology).set, ReplaceMember: (*Topology).replaceMembers, LeadEtcd: (*Topology).leadEtcd,
}

// Operate does what an operator would: "switchover" with or without a candidate, "failover" with one, or to the most
// advanced replica, and the verbs above.
func (t *Topology) Operate(ctx context.Context, verb string, args ...string) error {
	do, ok := operations[verb]
	if !ok {
		return fmt.Errorf("operate: %q is not something that Patroni does (%s)", verb, strings.Join(sortedKeys(operations), ", "))
	}
	ctx, cancel := context.WithTimeout(ctx, operateWithin)
	defer cancel()
	return refused(verb, do(t, ctx, args))
}

// refused puts Patroni's no into words.
func refused(verb string, err error) error {
	var no *AnswerError
	switch {
	case errors.As(err, &no):
		return fmt.Errorf("%s refused by Patroni: %s (%d)", verb, no.Text, no.Code)
	case err != nil:
		return fmt.Errorf("request %s: %w", verb, err)
	}
	return nil
}

// candidate is the first argument, if there is one. Whether it can lead is for Patroni to say.
func candidate(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

func (t *Topology) switchover(ctx context.Context, args []string) error {
	leader, err := t.Primary(ctx)
	if err != nil {
		return err
	}
	_, err = restOf(leader).Switchover(ctx, leader.Name, candidate(args), "")
	return err
}

func (t *Topology) failover(ctx context.Context, args []string) error {
	asked, best, err := t.mostAdvanced(ctx)
	if err != nil {
		return err
	}
	_, err = restOf(asked).Failover(ctx, cmp.Or(candidate(args), best))
	return err
}

// schedule asks for a switchover at a time of the leader's own clock, which is the one that Patroni compares with.
func (t *Topology) schedule(ctx context.Context, args []string) error {
	in, err := strconv.ParseFloat(args[0], 64)
	if err != nil {
		return fmt.Errorf("schedule in %q seconds: %w", args[0], err)
	}
	leader, err := t.Primary(ctx)
	if err != nil {
		return err
	}
	at, err := leader.Agent.Query(ctx, agent.Query{Database: t.Admin(leader), SQL: fmt.Sprintf(
		`SELECT to_char(now() AT TIME ZONE 'UTC' + interval '%f seconds', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"') AS at`, in)})
	if err != nil {
		return err
	}
	_, err = restOf(leader).Switchover(ctx, leader.Name, candidate(args[1:]), at.Get(0, "at"))
	return err
}

func (t *Topology) restart(ctx context.Context, args []string) error {
	return t.eachNamed(ctx, args, (*Client).Restart)
}

func (t *Topology) reinitialize(ctx context.Context, args []string) error {
	return t.eachNamed(ctx, args, (*Client).Reinitialize)
}

// eachNamed asks the Patroni of each of some nodes for the same thing, one after the other.
func (t *Topology) eachNamed(ctx context.Context, names []string, ask func(*Client, context.Context) error) error {
	for _, name := range names {
		n, err := harness.Find(t.databases, name)
		if err != nil {
			return err
		}
		if err := ask(restOf(n), ctx); err != nil {
			return err
		}
	}
	return nil
}

func (t *Topology) pause(ctx context.Context, paused bool) error {
	return t.change(ctx, map[string]any{"pause": paused})
}

// set changes one dynamic setting.
func (t *Topology) set(ctx context.Context, args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("set %s: give a key and a value", strings.Join(args, " "))
	}
	value, err := scalar(args[1])
	if err != nil {
		return err
	}
	changes := map[string]any{}
	setPath(changes, args[0], value)
	return t.change(ctx, changes)
}

// change patches the dynamic configuration through a node that answers, and returns when the nodes that answer have
// read etcd since.
func (t *Topology) change(ctx context.Context, changes map[string]any) error {
	before, errs := t.statuses(ctx)
	asked := slices.IndexFunc(errs, func(err error) bool { return err == nil })
	if asked < 0 {
		return fmt.Errorf("no Patroni answers: %w", errors.Join(errs...))
	}
	if err := restOf(t.databases[asked]).PatchConfig(ctx, changes); err != nil {
		return err
	}
	for i, err := range errs {
		if err != nil {
			before[i].DCSLastSeen = never
		}
	}
	return t.awaitRead(ctx, before)
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

package scenarios

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/mysql"
	"github.com/firedrill/firedrill/harness/record"
)

// PromotionRule says how much Orchestrator likes a server as the next primary: prefer, neutral, prefer_not, must_not.
func (d *Drill) PromotionRule(node, rule string) error {
	if !slices.Contains(mysql.PromotionRules, rule) {
		return fmt.Errorf("promotion rule %q: there are: %s", rule, strings.Join(mysql.PromotionRules, ", "))
	}
	return d.setServer(node, mysql.PromotionRule, rule)
}

// ReplicatesFrom puts a server behind another one than the topology does.
func (d *Drill) ReplicatesFrom(node, source string) error {
	return d.setServer(node, mysql.Source, source)
}

// setServer sets what is not in the configuration of a server but is said to others of it. Only the kind MySQL knows
// such settings.
func (d *Drill) setServer(node, key, value string) error {
	if d.blueprint.Name == "" {
		return fmt.Errorf("set %s/%s: name the topology first", node, key)
	}
	if d.manifest.Kind != (mysql.Kind{}).Name() {
		return fmt.Errorf("set %s/%s: topologies of %s do not have this; those of %s do", node, key, d.manifest.Kind, mysql.Kind{}.Name())
	}
	return d.Set(node, key, value)
}

// LeaderDatacenter looks in which datacenter the Orchestrator is that leads; that none does is an answer.
func LeaderDatacenter() Look {
	return func(ctx context.Context, d *Drill) (finding, error) {
		nodes, err := d.Select(ctx, "the Orchestrator leader")
		if err != nil {
			return finding{"none", err.Error()}, ctx.Err()
		}
		return finding{nodes[0].Datacenter, nodes[0].Name + " leads, in " + nodes[0].Datacenter}, nil
	}
}

// TheLeader is what ManagerBehindProxy finds when all applications are led to the one that leads.
const TheLeader = "the leader"

// managerWithin bounds a question to a manager through a proxy.
const managerWithin = 2 * time.Second

// ManagerBehindProxy looks which Orchestrator answers behind the proxy, asked from every application's node: the one
// that leads, or others.
func ManagerBehindProxy() Look {
	return func(ctx context.Context, d *Drill) (finding, error) {
		behind, ok := d.topology.(interface {
			BehindProxy(ctx context.Context, from *harness.Node) (string, error)
		})
		if !ok {
			return finding{}, fmt.Errorf("%s has no Orchestrator", d.manifest.Topology)
		}
		leader := ""
		if nodes, err := d.Select(ctx, "the Orchestrator leader"); err == nil {
			leader = nodes[0].Name
		}
		var found, words []string
		for _, app := range d.applications() {
			asked, cancel := context.WithTimeout(ctx, managerWithin)
			name, err := behind.BehindProxy(asked, app)
			cancel()
			word := name
			switch {
			case err != nil:
				name, word = nothing, err.Error()
			case name == leader:
				name = TheLeader
			}
			words = append(words, app.Datacenter+" is led to "+word)
			if !slices.Contains(found, name) {
				found = append(found, name)
			}
		}
		words = append(words, "the leader is "+orNothing(leader))
		return finding{strings.Join(found, " and "), strings.Join(words, "; ")}, ctx.Err()
	}
}

// Flapping is what FailoverBlocked finds when the manager did not begin a failover because of an earlier one.
const Flapping = "blocked"

// FailoverBlocked looks whether the manager has said that it does not fail over because it has just done so.
func FailoverBlocked() Look {
	return func(_ context.Context, d *Drill) (finding, error) {
		if all := d.tracker.blockedFailovers(); len(all) > 0 {
			return finding{Flapping, strings.Join(all, "; ")}, nil
		}
		return finding{"not blocked", "no failover was blocked"}, nil
	}
}

// Upstream looks from whom all databases of a target replicate.
func Upstream(target string) Look {
	return onEach(target, func(_ context.Context, d *Drill, n *harness.Node) (string, string, error) {
		s := d.tracker.sample(n.Name)
		source := s.Source
		if !s.Alive || !s.Replicating || d.now()-s.T > freshSample {
			source = "nobody"
		}
		return source, n.Name + " replicates from " + source, nil
	})
}

// What Verdict finds.
const (
	CalledSuccess = "success"
	CalledFailure = "failure"
)

// Verdict looks what the manager made of the recovery that ended last.
func Verdict() Look {
	return func(_ context.Context, d *Drill) (finding, error) {
		switch word := d.tracker.verdict(); word {
		case "":
			return finding{"none", "no recovery has ended"}, nil
		default:
			return finding{word, "Orchestrator counts the last recovery as a " + word}, nil
		}
	}
}

// Attached and Detached are what Attachment finds.
const (
	Attached = "attached"
	Detached = "detached"
)

// Attachment looks whether Orchestrator has taken the databases of a target away from their sources, of which they
// then keep the name only.
func Attachment(target string) Look {
	return onEach(target, func(_ context.Context, d *Drill, n *harness.Node) (string, string, error) {
		s := d.tracker.sample(n.Name)
		word := unknown
		switch {
		case !s.Alive || d.now()-s.T > freshSample:
		case strings.HasPrefix(s.Source, mysql.Detached):
			word = Detached
		default:
			word = Attached
		}
		return word, fmt.Sprintf("%s is %s, source %s", n.Name, word, orNothing(s.Source)), nil
	})
}

// Relocate has the manager put databases below another one. It changes the shape, and is no fault: no promise counts
// from it.
func (d *Drill) Relocate(ctx context.Context, text, targets, below string) error {
	from, err := d.Names(ctx, targets)
	if err != nil {
		return err
	}
	to, err := d.Names(ctx, below)
	if err != nil {
		return err
	}
	if len(to) != 1 {
		return fmt.Errorf("%s is %d nodes: a server replicates from one", below, len(to))
	}
	return d.Instruct(ctx, text, mysql.Relocate, append(to, from...)...)
}

// Instruct has the failover manager do something that is no fault: no promise counts from it.
func (d *Drill) Instruct(ctx context.Context, text, verb string, args ...string) error {
	began := d.now()
	err := d.topology.Operate(ctx, verb, args...)
	d.rec.Event(record.Event{T: began, Kind: record.KindNote, Msg: text, Attrs: map[string]string{"took_ms": fmt.Sprint(record.MS(d.now() - began))}})
	return err
}

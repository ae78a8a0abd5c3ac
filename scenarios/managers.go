package scenarios

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/firedrill/firedrill/harness/mysql"
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
	return func(ctx context.Context, d *Drill) (finding, error) {
		nodes, err := d.Select(ctx, target)
		if err != nil {
			return finding{}, err
		}
		var from, words []string
		for _, n := range nodes {
			s := d.tracker.sample(n.Name)
			source := s.Source
			if !s.Alive || !s.Replicating || d.now()-s.T > freshSample {
				source = "nobody"
			}
			words = append(words, n.Name+" replicates from "+source)
			if !slices.Contains(from, source) {
				from = append(from, source)
			}
		}
		return finding{strings.Join(from, " and "), strings.Join(words, ", ")}, nil
	}
}

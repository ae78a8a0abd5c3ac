package mysql

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/keepalived"
)

// Settings of one server, under its name, that are no variables of MySQL's, beside keepalived.Priority. All others under a
// server's name are.
const (
	// Source is the server that it replicates from at the start.
	Source = "source"
	// PromotionRule is what Orchestrator is told of it: one of PromotionRules.
	PromotionRule = "promotion_rule"
	// sourceDelay is by how many seconds it applies late, an option of CHANGE REPLICATION SOURCE.
	sourceDelay = "source_delay"
)

// PromotionRules say how much Orchestrator likes a server as the next primary. (It knows the word must, too, and
// refuses it.)
var PromotionRules = []string{"prefer", neutral, "prefer_not", "must_not"}

// neutral is the rule of a server of which nothing was said.
const neutral = "neutral"

// checkSettings refuses what nobody would read. A server's own name stands for that server alone. Unknown keys of a
// component are refused later, by the component.
func (t *Topology) checkSettings() error {
	known := []string{harness.Orchestrator, harness.DNS}
	if t.regions != nil {
		known = []string{harness.Web, harness.DNSFailover, harness.DNS}
		if err := t.checkRegionSettings(); err != nil {
			return err
		}
	}
	if len(t.proxies) > 0 {
		known = append(known, harness.HAProxy)
	}
	if t.vip {
		known = append(known, keepalived.Process)
	}
	if len(t.resolvers) > 0 {
		known = append(known, harness.Resolver)
	}
	if t.raft {
		known = append(known, fence)
	}
	if t.backend != nil {
		known = append(known, harness.Backend)
	}
	for _, m := range t.databases {
		known = append(known, m.vendor.settings, m.Name)
	}
	slices.Sort(known)
	known = slices.Compact(known)
	for _, component := range slices.Sorted(maps.Keys(t.settings)) {
		if !slices.Contains(known, component) {
			return fmt.Errorf("settings of component %q have no reader here; there are: %s", component, strings.Join(known, ", "))
		}
	}
	for _, m := range t.databases {
		delay, ok := t.settings[m.Name][sourceDelay]
		if _, err := strconv.ParseUint(delay, 10, 31); ok && err != nil {
			return fmt.Errorf("set %s/%s: %q is not a number of whole seconds", m.Name, sourceDelay, delay)
		}
		if ok && m.source == "" {
			return fmt.Errorf("set %s/%s: it is the primary, and replicates from nobody", m.Name, sourceDelay)
		}
		if rule := t.rule(m); !slices.Contains(PromotionRules, rule) {
			return fmt.Errorf("set %s/%s: %q is none of %s", m.Name, PromotionRule, rule, strings.Join(PromotionRules, ", "))
		}
	}
	if err := t.checkNameSettings(); err != nil {
		return err
	}
	if err := t.checkVIPSettings(); err != nil {
		return err
	}
	if err := t.checkFence(); err != nil {
		return err
	}
	return t.checkSources()
}

// checkSources follows every server's sources, which must lead to the primary of the start. The only ring is one of
// that primary and one of its replicas.
func (t *Topology) checkSources() error {
	primary := t.primaryAtStart()
	for _, m := range t.databases {
		at := m
		for range t.databases {
			if at == primary {
				break
			}
			next := t.member(at.source)
			if next == nil {
				return fmt.Errorf("set %s/%s: there is no database %q to replicate from", at.Name, Source, at.source)
			}
			at = next
		}
		if at != primary {
			return fmt.Errorf("set %s/%s: its sources do not lead to the primary %s", m.Name, Source, primary.Name)
		}
	}
	if primary.source != "" && !t.CoPrimary(primary.Node) {
		return fmt.Errorf("set %s/%s: it is the primary, and can replicate from one of its own replicas only", primary.Name, Source)
	}
	return nil
}

// CoPrimary says whether a database is in a ring of two with its source: it then replicates while it is the primary, too.
func (t *Topology) CoPrimary(n *harness.Node) bool {
	m := t.member(n.Name)
	if m == nil {
		return false
	}
	source := t.member(m.source)
	return source != nil && source != m && source.source == m.Name
}

// byPosition says whether replicas count bytes of their source's binary log: a MySQL whose GTIDs are turned off.
func (t *Topology) byPosition() bool {
	for key, value := range t.settings[harness.MySQL] {
		if normal(key) == "gtid_mode" {
			return strings.EqualFold(value, "OFF")
		}
	}
	return false
}

// delay by which a replica applies what it gets, in seconds.
func (t *Topology) delay(m *member) int {
	n, _ := strconv.Atoi(t.settings[m.Name][sourceDelay]) // checkSettings has read it
	return n
}

// rule is what Orchestrator is told of a server.
func (t *Topology) rule(m *member) string {
	if r := t.settings[m.Name][PromotionRule]; r != "" {
		return r
	}
	return neutral
}

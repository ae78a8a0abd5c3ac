package patroni

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/endpoint"
	"github.com/firedrill/firedrill/harness/keepalived"
)

// Sections of patroni.yml that every node has for itself; all other keys of the component patroni are dynamic
// configuration, which lives in etcd and holds for all nodes.
var localSections = []string{"restapi", "ctl", "etcd3", "log", "tags", "watchdog"}

// merged is the layout's settings with the scenario's over them.
func merged(layers ...harness.Settings) harness.Settings {
	out := harness.Settings{}
	for _, layer := range layers {
		for component, kv := range layer {
			for k, v := range kv {
				out.Set(component, k, v)
			}
		}
	}
	return out
}

// checkSettings refuses a component that this kind does not have: a setting that goes nowhere is a drill of something
// else. A node's own name stands for that node alone (p2, tags.nofailover).
func checkSettings(s harness.Settings, nodes []*harness.Node) error {
	known := []string{"patroni", "postgresql", "etcd", "haproxy", keepalived.Process, callbackComponent}
	for _, n := range nodes {
		if n.Component == harness.Patroni {
			known = append(known, n.Name)
		}
	}
	if len(harness.ByComponent(nodes, harness.Resolver)) > 0 {
		known = append(known, harness.Resolver)
	}
	var unknown []string
	for component := range s.Keys() {
		if !slices.Contains(known, component) {
			unknown = append(unknown, component)
		}
	}
	if len(unknown) > 0 {
		sort.Strings(unknown)
		return fmt.Errorf("settings of %s: there is no such component; there are: %s", strings.Join(unknown, ", "), strings.Join(known, ", "))
	}
	return endpoint.CheckResolver(s[harness.Resolver])
}

// scalar reads a setting's text as YAML would: 20 is a number, true a truth value, {a: 1} a map.
func scalar(text string) (any, error) {
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		return nil, fmt.Errorf("read value %q: %w", text, err)
	}
	return v, nil
}

// setPath sets a dotted key (postgresql.use_pg_rewind) in nested maps.
func setPath(m map[string]any, key string, value any) {
	parts := strings.Split(key, ".")
	for _, part := range parts[:len(parts)-1] {
		next, ok := m[part].(map[string]any)
		if !ok {
			next = map[string]any{}
			m[part] = next
		}
		m = next
	}
	m[parts[len(parts)-1]] = value
}

// apply sets those keys of a component that keep wants.
func apply(m map[string]any, kv map[string]string, keep func(key string) bool) error {
	for _, key := range sortedKeys(kv) {
		if !keep(key) {
			continue
		}
		value, err := scalar(kv[key])
		if err != nil {
			return fmt.Errorf("setting %s: %w", key, err)
		}
		setPath(m, key, value)
	}
	return nil
}

func isLocal(key string) bool {
	section, _, _ := strings.Cut(key, ".")
	return slices.Contains(localSections, section)
}

func isDynamic(key string) bool { return !isLocal(key) }

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

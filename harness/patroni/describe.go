package patroni

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/endpoint"
	"github.com/firedrill/firedrill/harness/haproxy"
	"github.com/firedrill/firedrill/harness/keepalived"
)

// Describe returns the versions and what is really in effect.
func (t *Topology) Describe(ctx context.Context) map[string]string {
	out := map[string]string{}
	statuses, errs := t.statuses(ctx)
	answers := -1
	for i, s := range statuses {
		if errs[i] != nil {
			continue
		}
		answers = i
		if s.Writable() {
			out["leader"], out["timeline"] = t.databases[i].Name, strconv.Itoa(s.Timeline)
		}
	}
	if answers >= 0 {
		s := statuses[answers]
		out["patroni"] = s.Patroni.Version
		out["postgresql"] = fmt.Sprintf("%d.%d", s.ServerVersion/10000, s.ServerVersion%10000)
		t.describeDynamic(ctx, t.databases[answers], out)
	}
	members, errs := t.members(ctx)
	for i, m := range members {
		if errs[i] == nil {
			out["etcd"] = m.Version
		}
	}
	for key, value := range t.config.settings[harness.Resolver] {
		out[harness.Resolver+"/"+key] = value
	}
	if len(t.proxies) > 0 {
		out["haproxy"] = haproxy.Version(ctx, t.proxies[0])
	}
	return out
}

// describeDynamic tells the times in effect, and those that were asked for where they differ.
func (t *Topology) describeDynamic(ctx context.Context, n *harness.Node, out map[string]string) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	sent, err := restOf(n).DynamicConfig(ctx)
	if err != nil {
		out["dynamic_configuration"] = "unknown: " + err.Error()
		return
	}
	maps.Copy(out, inEffect(sent))
	if ttl, err := t.leaderTTL(ctx); err == nil && ttl != effective(sent).TTL {
		out["ttl"] = fmt.Sprintf("%d (by the leader key's lease in etcd; %s was asked for)", ttl, text(sent["ttl"]))
	}
}

// inEffect is the dynamic configuration that decides a failover: times as the nodes run them, the rest as sent or as
// Patroni has it by default.
func inEffect(sent map[string]any) map[string]string {
	out := map[string]string{
		"synchronous_mode": "false", "synchronous_mode_strict": "false", "failsafe_mode": "false",
		"maximum_lag_on_failover": "1048576", "primary_start_timeout": "300",
	}
	for key := range out {
		if asked, ok := sent[key]; ok {
			out[key] = text(asked)
		}
	}
	in := effective(sent)
	for key, value := range map[string]int{"ttl": in.TTL, "loop_wait": in.LoopWait, "retry_timeout": in.RetryTimeout} {
		out[key] = strconv.Itoa(value)
		if asked, ok := sent[key]; ok && integer(asked, value) != value {
			out[key] += fmt.Sprintf(" (%s was asked for)", text(asked))
		}
	}
	return out
}

// text writes a value of the dynamic configuration as one would type it: JSON's numbers are floats in Go.
func text(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return strings.Trim(string(data), `"`)
}

// Logs are the files of a node that explain a drill.
func (t *Topology) Logs(n *harness.Node) []string {
	switch n.Component {
	case harness.Patroni:
		logs := []string{logDir + "/patroni.log", postgresLog, hookLog, flipLog}
		if t.vip {
			logs = append(logs, logDir+"/"+keepalived.Process+".log")
		}
		return logs
	case harness.Etcd, harness.HAProxy, harness.DNS, harness.Resolver:
		process := map[string]string{
			harness.Etcd: ProcessEtcd, harness.HAProxy: ProcessHAProxy, harness.DNS: endpoint.ProcessName, harness.Resolver: endpoint.ResolverProcess,
		}[n.Component]
		return []string{logDir + "/" + process + ".log"}
	}
	return nil
}

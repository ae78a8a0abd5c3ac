// Package haproxy runs the proxy that sends connections to the server that a health check names: the writable database,
// or the failover manager that leads. Both kinds use it.
package haproxy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
)

// Process is what drills call the proxy.
const Process = "haproxy"

const (
	configFile = "/etc/haproxy/haproxy.cfg"
	statsPort  = 8404
	// left out is the value of a keyword that a scenario wants away: HAProxy has no word for not shutting sessions down.
	leftOut = "none"
)

// Server is one that connections may be sent to.
type Server struct {
	Name, Address   string
	Port, CheckPort int
}

// Proxy is one listener, whose servers are up when they answer an HTTP request with 200.
type Proxy struct {
	Section  string // its name in the configuration and in the statistics
	Port     int
	CheckURI string
	Servers  []Server
	// Check are keywords of default-server: how often and how long a check must fail or succeed. Settings override them.
	Check map[string]string
	// HTTP has it send requests and not connections, and answer 503 itself when no server is up.
	HTTP bool
}

// checkKeywords are those settings that belong to default-server; uri is the path of the check; any other key is a line
// of the proxy's section (timeout check, balance, retries).
var checkKeywords = []string{
	"inter", "fastinter", "downinter", "rise", "fall", "on-marked-down", "on-marked-up", "slowstart", "maxconn",
	"observe", "error-limit", "on-error",
}

// Config is haproxy.cfg with the scenario's settings, of which the value none leaves a key out. max-spread-checks makes
// the first check of every server a matter of milliseconds; the later ones keep their interval. HAProxy starts with
// every server up and takes the first failed check for all of them: nobody waits for rise.
func (p Proxy) Config(settings map[string]string) string {
	server, lines := maps.Clone(p.Check), map[string]string{
		"mode": "tcp", "timeout connect": "5s", "timeout client": "30m", "timeout server": "30m", "timeout check": "2s",
	}
	if server == nil {
		server = map[string]string{}
	}
	if p.HTTP {
		lines["mode"] = "http"
		// A client that has gone away is not waited for: its request would be done for nobody.
		lines["option abortonclose"] = ""
		lines["timeout client"], lines["timeout server"] = "5s", "5s"
	}
	uri := p.CheckURI
	for k, v := range settings {
		switch {
		case k == "uri":
			uri = v
		case slices.Contains(checkKeywords, k):
			server[k] = v
		default:
			lines[k] = v
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "global\n    log stdout format raw daemon\n    max-spread-checks 50ms\n    maxconn 4000\n\n")
	fmt.Fprintf(&b, "defaults\n    log global\n    option dontlognull\n\n")
	fmt.Fprintf(&b, "listen %s\n    bind :%d\n", p.Section, p.Port)
	for _, k := range kept(lines) {
		b.WriteString(strings.TrimRight("    "+k+" "+lines[k], " ") + "\n")
	}
	fmt.Fprintf(&b, "    option httpchk\n    http-check send meth GET uri %s\n    http-check expect status 200\n", uri)
	fmt.Fprintf(&b, "    option log-health-checks\n    default-server")
	for _, k := range kept(server) {
		fmt.Fprintf(&b, " %s %s", k, server[k])
	}
	b.WriteByte('\n')
	for _, s := range p.Servers {
		fmt.Fprintf(&b, "    server %s %s:%d check port %d\n", s.Name, s.Address, s.Port, s.CheckPort)
	}
	fmt.Fprintf(&b, "\nfrontend stats\n    bind 127.0.0.1:%d\n    mode http\n    timeout client 5s\n    stats enable\n    stats uri /\n", statsPort)
	return b.String()
}

// kept are the keys that are not left out, in order.
func kept(values map[string]string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(values)), func(k string) bool { return values[k] == leftOut })
}

// Start runs the proxy on a node with a configuration.
func Start(ctx context.Context, n *harness.Node, config string) error {
	if err := n.Agent.Put(ctx, agent.File{Path: configFile, Data: []byte(config)}); err != nil {
		return fmt.Errorf("configure HAProxy: %w", err)
	}
	err := n.Agent.Define(ctx, agent.Process{Name: Process, Argv: []string{"haproxy", "-db", "-f", configFile}, User: "haproxy"})
	if err == nil {
		err = n.Agent.Start(ctx, Process)
	}
	if err != nil {
		return fmt.Errorf("start HAProxy: %w", err)
	}
	return nil
}

// Version is the one that runs on a node, or why it is not known.
func Version(ctx context.Context, n *harness.Node) string {
	out, err := n.Agent.Exec(ctx, agent.Command{Argv: []string{"haproxy", "-v"}})
	if err != nil {
		return "unknown: " + err.Error()
	}
	_, rest, _ := strings.Cut(out.Stdout, "version ")
	version, _, _ := strings.Cut(rest, " ")
	return version
}

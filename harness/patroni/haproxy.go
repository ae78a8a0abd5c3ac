package patroni

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firedrill/firedrill/harness"
)

// checkDefaults are the NodeBalancer's: every 5 s, 2 s for an answer, down after 3 failures, up after 2 successes.
// HAProxy itself starts with every server up and takes the first failed check for three: no waiting for rise.
var checkDefaults = map[string]string{
	"inter": "5s", "rise": "2", "fall": "3", "on-marked-down": "shutdown-sessions",
}

// checkKeywords are those keys of the component haproxy that belong to default-server; uri is the path of the check;
// any other key is a line of the proxy's section (timeout check, balance, retries).
var checkKeywords = []string{
	"inter", "fastinter", "downinter", "rise", "fall", "on-marked-down", "on-marked-up", "slowstart", "maxconn",
	"observe", "error-limit", "on-error",
}

// haproxy is haproxy.cfg. max-spread-checks makes the first check of every server a matter of milliseconds; the later
// ones keep their interval.
func (c config) haproxy() string {
	server := map[string]string{}
	for k, v := range checkDefaults {
		server[k] = v
	}
	lines := map[string]string{
		"mode": "tcp", "timeout connect": "5s", "timeout client": "30m", "timeout server": "30m", "timeout check": "2s",
	}
	uri := "/primary"
	for k, v := range c.settings["haproxy"] {
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
	fmt.Fprintf(&b, "listen primary\n    bind :%d\n", proxyPort)
	for _, k := range sortedKeys(lines) {
		fmt.Fprintf(&b, "    %s %s\n", k, lines[k])
	}
	fmt.Fprintf(&b, "    option httpchk\n    http-check send meth GET uri %s\n    http-check expect status 200\n", uri)
	fmt.Fprintf(&b, "    option log-health-checks\n    default-server")
	for _, k := range sortedKeys(server) {
		fmt.Fprintf(&b, " %s %s", k, server[k])
	}
	b.WriteByte('\n')
	for _, n := range harness.ByComponent(c.nodes, harness.Patroni) {
		fmt.Fprintf(&b, "    server %s %s:%d check port %d\n", n.Name, n.Address, postgresPort, restPort)
	}
	fmt.Fprintf(&b, "\nfrontend stats\n    bind 127.0.0.1:%d\n    mode http\n    timeout client 5s\n    stats enable\n    stats uri /\n", statsPort)
	return b.String()
}

package patroni

import (
	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/haproxy"
)

// proxySection is the listener that leads to the leader.
const proxySection = "primary"

// haproxy is haproxy.cfg.
func (c config) haproxy() string { return c.proxy().Config(c.settings["haproxy"]) }

// proxy leads to the leader. Its checks are the NodeBalancer's: every 5 s, 2 s for an answer, down after 3 failures, up
// after 2 successes.
func (c config) proxy() haproxy.Proxy {
	p := haproxy.Proxy{
		Section: proxySection, Port: proxyPort, CheckURI: "/primary",
		Check: map[string]string{"inter": "5s", "rise": "2", "fall": "3", "on-marked-down": "shutdown-sessions"},
	}
	for _, n := range harness.ByComponent(c.nodes, harness.Patroni) {
		p.Servers = append(p.Servers, haproxy.Server{Name: n.Name, Address: n.Address, Port: postgresPort, CheckPort: restPort})
	}
	return p
}

// Proxies are those that stand before the databases, by their node.
func (t *Topology) Proxies() map[string]haproxy.Proxy {
	out := map[string]haproxy.Proxy{}
	for _, n := range t.proxies {
		out[n.Name] = t.config.proxy()
	}
	return out
}

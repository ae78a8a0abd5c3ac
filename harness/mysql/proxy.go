package mysql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/haproxy"
	"github.com/firedrill/firedrill/harness/images"
)

// A proxy finds the primary, or the Orchestrator that leads, by a health check.
const (
	checkProcess = "mysql-check" // tells whether the server beside it takes writes
	checkPort    = 9200
	apiPort      = 3000
	section      = "leading"
)

// proxyNode is a HAProxy.
type proxyNode struct {
	*harness.Node
	fronts string // component of the servers behind it
}

// domain is the proxy's name for applications.
func (p proxyNode) domain() string {
	switch p.fronts {
	case harness.Orchestrator:
		return "orchestrator." + zone
	case harness.Web:
		return p.Datacenter + "." + zone
	}
	return "proxy." + zone
}

// fronted says whether some proxy stands in front of a component.
func (t *Topology) fronted(component string) bool {
	return slices.ContainsFunc(t.proxies, func(p proxyNode) bool { return p.fronts == component })
}

// proxy says what is behind a proxy and how it is checked: every second, two failures take a server out and one success
// brings it in. Sessions of a server that is taken out are shut down, since its clients would go on talking to it.
func (t *Topology) proxy(p proxyNode) haproxy.Proxy {
	if p.fronts == harness.Web {
		return t.ingress(p)
	}
	out := haproxy.Proxy{
		Section: section, Port: port, CheckURI: "/primary",
		Check: map[string]string{"inter": "1s", "rise": "1", "fall": "2", "on-marked-down": "shutdown-sessions"},
	}
	if p.fronts == harness.Orchestrator {
		out.Port, out.CheckURI = apiPort, "/api/leader-check"
		for _, m := range t.managers {
			out.Servers = append(out.Servers, haproxy.Server{Name: m.Name, Address: m.Address, Port: apiPort, CheckPort: apiPort})
		}
		return out
	}
	for _, m := range t.databases {
		out.Servers = append(out.Servers, haproxy.Server{Name: m.Name, Address: m.Address, Port: port, CheckPort: checkPort})
	}
	return out
}

// Proxies are those that stand before something, by their node.
func (t *Topology) Proxies() map[string]haproxy.Proxy {
	out := map[string]haproxy.Proxy{}
	for _, p := range t.proxies {
		out[p.Name] = t.proxy(p)
	}
	return out
}

// startCheck runs the health check beside a server that a proxy sends to.
func (t *Topology) startCheck(ctx context.Context, m *member) error {
	if !t.fronted(harness.MySQL) {
		return nil
	}
	err := m.Agent.Define(ctx, agent.Process{
		Name: checkProcess, Argv: []string{"/firedrill/firedrill", "mysql-check", "--listen", fmt.Sprintf(":%d", checkPort), "--socket", images.MySQLSocket},
		Env: []string{"MYSQL_PWD=" + images.DrillPassword}, User: "mysql",
	})
	if err == nil {
		err = m.Agent.Start(ctx, checkProcess)
	}
	if err != nil {
		return fmt.Errorf("start health check: %w", err)
	}
	return nil
}

// startProxy starts HAProxy once everything behind it answers, so that its first checks find what will stay.
func (t *Topology) startProxy(ctx context.Context, s *starting, p proxyNode) error {
	proxy := t.proxy(p)
	for _, server := range proxy.Servers {
		if err := s.wait(ctx, server.Name); err != nil {
			return err
		}
	}
	config := proxy.Config(t.settings[harness.HAProxy])
	t.keep(p.Name, "haproxy.cfg", config)
	if err := haproxy.Start(ctx, p.Node, config); err != nil {
		return err
	}
	s.done(p.Name)
	return nil
}

// proxyReasons asks every proxy where it leads: to the one primary, or to the Orchestrator that leads.
func (t *Topology) proxyReasons(ctx context.Context, writers []string) []string {
	var reasons []string
	for _, p := range t.proxies {
		want, ok := t.behindProxy(ctx, p, writers)
		if !ok {
			continue
		}
		up, err := haproxy.Up(ctx, p.Node, t.proxy(p).Section)
		switch {
		case err != nil:
			reasons = append(reasons, fmt.Sprintf("the proxy %s does not answer: %s", p.Name, err))
		case len(up) != 1 || up[0] != want:
			reasons = append(reasons, fmt.Sprintf("the proxy %s leads to [%s], not to %s", p.Name, strings.Join(up, ", "), want))
		}
	}
	return reasons
}

// behindProxy is where a proxy should lead; ok is false where there is no right answer, or another reason says so: the
// ingress of the region that takes no writes may or may not have its web tier up, by how deep the health check looks.
func (t *Topology) behindProxy(ctx context.Context, p proxyNode, writers []string) (node string, ok bool) {
	if p.fronts == harness.Orchestrator {
		m, err := t.leader(ctx)
		if err != nil {
			return "", false
		}
		return m.Name, true
	}
	if len(writers) != 1 {
		return "", false
	}
	if p.fronts == harness.Web {
		return t.regions.web(p.Datacenter).Name, t.member(writers[0]).Datacenter == p.Datacenter
	}
	return writers[0], true
}

// BehindProxy asks the proxy in front of the Orchestrators, from inside a node, which of them answers.
func (t *Topology) BehindProxy(ctx context.Context, from *harness.Node) (string, error) {
	for _, p := range t.proxies {
		if p.fronts == harness.Orchestrator {
			api := newClient(from.Agent.Transport(), fmt.Sprintf("http://%s:%d", p.Address, apiPort), t.identity())
			status, err := api.Status(ctx)
			return status.Hostname, err
		}
	}
	return "", errors.New("no proxy stands in front of an Orchestrator")
}

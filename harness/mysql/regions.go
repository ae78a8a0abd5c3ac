package mysql

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/dialect"
	"github.com/firedrill/firedrill/harness/endpoint"
	"github.com/firedrill/firedrill/harness/failover"
	"github.com/firedrill/firedrill/harness/haproxy"
	"github.com/firedrill/firedrill/harness/images"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
	"github.com/firedrill/firedrill/harness/web"
	"github.com/firedrill/firedrill/harness/workload"
)

// What stands in regions beside the databases: in each a web tier behind an ingress, and elsewhere the controller that
// moves the name from one ingress to the other. There is no Orchestrator.
const (
	site = "www." + zone // in place of the database's name

	webProcess = "web"
	webPort    = 8000
	sitePort   = 8080 // HAProxy does not run as root, and on a VM may not have 80
	webSection = "web"

	controllerProcess = "dns-failover"
	controllerPort    = 8002
	controllerConfig  = "/etc/firedrill/dns-failover.json"
	controllerLog     = "/var/log/firedrill/decisions.log"
)

// Settings of the web tier and of the controller.
const (
	webCheck = "check" // web: connect or write

	setInterval    = "interval"     // seconds between two checks
	setTimeout     = "timeout"      // seconds, of one
	setThreshold   = "threshold"    // failed checks in a row
	setPromote     = "promote"      // controller, or operator: then only the name is moved
	setApplyWithin = "apply_within" // seconds that a replica has for applying what it received
	setFence       = "fence"        // on: whatever is writable and not active is made read-only
	setWitness     = "witness"      // on: the other region must have lost sight of the active one, too
	setFailBack    = "fail_back"    // operator, or automatic
)

// controllerWords are the settings that are words, and the first is the default. All others are seconds or counts.
var (
	controllerWords = map[string][]string{
		setPromote: {"controller", "operator"}, setFence: {"on", "off"}, setWitness: {"off", "on"}, setFailBack: {"operator", "automatic"},
	}
	controllerNumbers = map[string]int{setInterval: 5, setTimeout: 2, setThreshold: 3, setApplyWithin: 30}
)

// regions are what a layout over regions has in place of Orchestrators.
type regions struct {
	controller *harness.Node
	webs       []*harness.Node
}

// web is the web tier of a datacenter.
func (r *regions) web(datacenter string) *harness.Node {
	i := slices.IndexFunc(r.webs, func(n *harness.Node) bool { return n.Datacenter == datacenter })
	return r.webs[i] // the layout has one wherever it has an ingress
}

// domain is the name that applications connect to.
func (t *Topology) domain() string {
	if t.regions != nil {
		return site
	}
	return name
}

// front is the node that the name leads to when a server is the primary: its region's ingress, or the server itself.
func (t *Topology) front(m *member) *harness.Node {
	if t.regions == nil {
		return m.Node
	}
	for _, p := range t.proxies {
		if p.Datacenter == m.Datacenter {
			return p.Node
		}
	}
	return m.Node
}

// Behind names the database behind each region's ingress, by the ingress's address.
func (t *Topology) Behind() map[string]string {
	out := map[string]string{}
	if t.regions != nil {
		for _, m := range t.databases {
			out[t.front(m).Address] = m.Name
		}
	}
	return out
}

// ingress is what stands in front of a region's web tier.
func (t *Topology) ingress(p proxyNode) haproxy.Proxy {
	w := t.regions.web(p.Datacenter)
	return haproxy.Proxy{
		Section: webSection, Port: sitePort, CheckURI: web.PathHealth, HTTP: true,
		Check:   map[string]string{"inter": "1s", "rise": "1", "fall": "2"},
		Servers: []haproxy.Server{{Name: w.Name, Address: w.Address, Port: webPort, CheckPort: webPort}},
	}
}

// checkRegionSettings refuses what neither the web tier nor the controller has.
func (t *Topology) checkRegionSettings() error {
	for key, value := range t.settings[harness.Web] {
		if key != webCheck || !slices.Contains(web.Checks, value) {
			return fmt.Errorf("set %s/%s: there is %s, which is one of %s", harness.Web, key, webCheck, strings.Join(web.Checks, ", "))
		}
	}
	for key, value := range t.settings[harness.DNSFailover] {
		_, number := controllerNumbers[key]
		words := controllerWords[key]
		n, err := strconv.Atoi(value)
		switch {
		case number && (err != nil || n < 0 || n < 1 && key != setApplyWithin):
			return fmt.Errorf("set %s/%s: %q is not a whole number, from 1", harness.DNSFailover, key, value)
		case !number && words == nil:
			return fmt.Errorf("set %s/%s: there is no such setting", harness.DNSFailover, key)
		case !number && !slices.Contains(words, value):
			return fmt.Errorf("set %s/%s: %q is none of %s", harness.DNSFailover, key, value, strings.Join(words, ", "))
		}
	}
	return nil
}

func (t *Topology) controllerWord(key string) string {
	if v := t.settings[harness.DNSFailover][key]; v != "" {
		return v
	}
	return controllerWords[key][0]
}

func (t *Topology) controllerNumber(key string) int {
	if n, err := strconv.Atoi(t.settings[harness.DNSFailover][key]); err == nil {
		return n
	}
	return controllerNumbers[key]
}

// webArgv is the command of a region's web tier. Its peer is the other region's health check.
func (t *Topology) webArgv(n *harness.Node) []string {
	check := web.CheckWrite
	if own := t.settings[harness.Web][webCheck]; own != "" {
		check = own
	}
	argv := []string{"/firedrill/firedrill", "web", "--listen", fmt.Sprintf(":%d", webPort), "--check", check}
	for _, m := range t.databases {
		if m.Datacenter == n.Datacenter {
			argv = append(argv, "--host", m.Address, "--port", strconv.Itoa(port), "--database", database)
		} else {
			argv = append(argv, "--peer", t.healthURL(m))
		}
	}
	return argv
}

// healthURL is the health check of a database's region, through its ingress.
func (t *Topology) healthURL(m *member) string {
	return fmt.Sprintf("http://%s%s", net.JoinHostPort(t.front(m).Address, strconv.Itoa(sitePort)), web.PathHealth)
}

// startWeb runs a region's web tier once its database answers.
func (t *Topology) startWeb(ctx context.Context, s *starting, n *harness.Node) error {
	for _, m := range t.databases {
		if m.Datacenter != n.Datacenter {
			continue
		}
		if err := s.wait(ctx, m.Name); err != nil {
			return err
		}
	}
	err := n.Agent.Define(ctx, agent.Process{Name: webProcess, Argv: t.webArgv(n), Env: []string{"MYSQL_PWD=" + images.DrillPassword}})
	if err == nil {
		err = n.Agent.Start(ctx, webProcess)
	}
	if err != nil {
		return fmt.Errorf("start web tier: %w", err)
	}
	s.done(n.Name)
	return nil
}

// controllerJSON is the controller's configuration, in which there is no password.
func (t *Topology) controllerJSON(api string) (string, error) {
	seconds := func(key string) time.Duration { return time.Duration(t.controllerNumber(key)) * time.Second }
	cfg := failover.Config{
		Listen: fmt.Sprintf(":%d", controllerPort), Log: controllerLog, Name: site, API: api,
		Interval: seconds(setInterval), Timeout: seconds(setTimeout), Threshold: t.controllerNumber(setThreshold),
		Promote: t.controllerWord(setPromote) == "controller", ApplyWithin: seconds(setApplyWithin),
		Witness: t.controllerWord(setWitness) == "on", FailBack: t.controllerWord(setFailBack) == "automatic",
	}
	cfg.Fence = cfg.Promote && t.controllerWord(setFence) == "on" // who does not promote has no log-in to fence with either
	for _, m := range t.databases {
		w := t.regions.web(m.Datacenter)
		cfg.Regions = append(cfg.Regions, failover.Region{
			Name: m.Datacenter, Node: m.Name, Address: t.front(m).Address, Check: t.healthURL(m),
			Peer:        fmt.Sprintf("http://%s:%d%s", w.Address, webPort, web.PathPeer),
			Database:    agent.Database{Driver: dialect.MySQL, Host: m.Address, Port: port, User: "orchestrator"},
			Replication: agent.Database{Port: port, User: "repl"},
		})
	}
	data, err := json.MarshalIndent(cfg, "", "  ")
	if err != nil {
		return "", fmt.Errorf("render the configuration of the controller: %w", err)
	}
	return string(data) + "\n", nil
}

// startController runs the controller once both regions are there: it would take one that is not yet up for lost.
func (t *Topology) startController(ctx context.Context, s *starting) error {
	n := t.regions.controller
	for _, p := range t.proxies {
		if err := s.wait(ctx, p.Name); err != nil {
			return err
		}
	}
	if err := s.wait(ctx, t.dns.Name); err != nil {
		return err
	}
	conf, err := t.controllerJSON(t.endpoint.API())
	if err != nil {
		return err
	}
	t.keep(n.Name, "dns-failover.json", conf)
	if err := n.Agent.Put(ctx, agent.File{Path: controllerConfig, Data: []byte(conf)}, agent.File{Path: controllerLog}); err != nil {
		return fmt.Errorf("configure the controller: %w", err)
	}
	err = n.Agent.Define(ctx, agent.Process{
		Name: controllerProcess, Argv: []string{"/firedrill/firedrill", "dns-failover", "--config", controllerConfig},
		Env: []string{"MYSQL_PWD=" + images.DrillPassword, "LINODE_TOKEN=" + endpoint.Token},
	})
	if err == nil {
		err = n.Agent.Start(ctx, controllerProcess)
	}
	if err == nil {
		err = n.Agent.Tail(ctx, agent.Tail{Node: n.Name, Path: controllerLog})
	}
	if err != nil {
		return fmt.Errorf("start the controller: %w", err)
	}
	return wait.Until(ctx, "the controller answers", managerBudget, func(ctx context.Context) (bool, string, error) {
		_, err := t.controllerStatus(ctx)
		return err == nil, fmt.Sprint(err), nil
	})
}

// orderTimeout bounds an order to the controller: a switchover waits for what its own steps wait for.
const orderTimeout = 90 * time.Second

// askController sends the controller a request, from inside its node.
func (t *Topology) askController(ctx context.Context, method, path string, timeout time.Duration) (failover.Status, error) {
	var status failover.Status
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, fmt.Sprintf("http://127.0.0.1:%d%s", controllerPort, path), nil)
	if err != nil {
		return status, fmt.Errorf("make request: %w", err)
	}
	resp, err := t.regions.controller.Agent.Transport().RoundTrip(req)
	if err != nil {
		return status, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil {
		err = json.Unmarshal(body, &status)
	}
	if err == nil && status.Error != "" {
		err = errors.New(status.Error)
	}
	return status, err
}

func (t *Topology) controllerStatus(ctx context.Context) (failover.Status, error) {
	status, err := t.askController(ctx, http.MethodGet, failover.PathStatus, managerTimeout)
	if err != nil {
		return status, fmt.Errorf("ask the controller: %w", err)
	}
	return status, nil
}

// activePrimary is the primary of a topology over regions: the one database that takes writes, and of two the one in the
// region that the controller has made active.
func (t *Topology) activePrimary(ctx context.Context) (*harness.Node, error) {
	w := writers(t.views(ctx))
	if len(w) == 1 {
		return t.member(w[0]).Node, nil
	}
	status, err := t.controllerStatus(ctx)
	if err != nil {
		return nil, fmt.Errorf("find the primary: writable are [%s]: %w", strings.Join(w, ", "), err)
	}
	return t.member(status.Node).Node, nil
}

// regionReasons asks the controller whether it takes the region of the primary for the active one.
func (t *Topology) regionReasons(ctx context.Context, writers []string) []string {
	status, err := t.controllerStatus(ctx)
	switch {
	case err != nil:
		return []string{err.Error()}
	case len(writers) == 1 && status.Node != writers[0]:
		return []string{fmt.Sprintf("the controller has the region of %s active, not that of the primary %s", status.Node, writers[0])}
	}
	return nil
}

// operateRegions is what an operator does without Orchestrator: has a server replicate, and orders the controller.
func (t *Topology) operateRegions(ctx context.Context, verb string, args []string) error {
	switch verb {
	case Replicate:
		return t.bringBack(ctx, nil, args)
	case Switchover:
		return t.switchRegion(ctx, args)
	}
	return fmt.Errorf("operate %s: no such operation here; there are: %s, %s", verb, Replicate, Switchover)
}

// switchRegion orders the controller to make a database's region the active one; without a name, the other region.
func (t *Topology) switchRegion(ctx context.Context, args []string) error {
	status, err := t.controllerStatus(ctx)
	if err != nil {
		return fmt.Errorf("switch over: %w", err)
	}
	to := ""
	for _, m := range t.databases {
		if len(args) == 0 || args[0] == "" {
			if m.Datacenter != status.Active {
				to = m.Datacenter
			}
		} else if m.Name == args[0] {
			to = m.Datacenter
		}
	}
	if to == "" {
		return fmt.Errorf("switch over to %s: it is no database of this topology", strings.Join(args, " "))
	}
	_, err = t.askController(ctx, http.MethodPost, failover.PathSwitch+"?to="+url.QueryEscape(to), orderTimeout)
	if err != nil {
		return fmt.Errorf("switch over to %s: %w", to, err)
	}
	return nil
}

// describeRegions tells the settings in effect.
func (t *Topology) describeRegions() map[string]string {
	check := web.CheckWrite
	if own := t.settings[harness.Web][webCheck]; own != "" {
		check = own
	}
	out := map[string]string{harness.Web + "/" + webCheck: check}
	for key := range controllerWords {
		out[harness.DNSFailover+"/"+key] = t.controllerWord(key)
	}
	for key := range controllerNumbers {
		out[harness.DNSFailover+"/"+key] = strconv.Itoa(t.controllerNumber(key))
	}
	return out
}

// siteEndpoint is the name, behind which is a web tier.
func (t *Topology) siteEndpoint() harness.Endpoint {
	return harness.Endpoint{Name: site, Kind: record.ProbeDNS, Port: sitePort, TTL: t.ttl(), Driver: workload.HTTP}
}

package mysql

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/dialect"
	"github.com/firedrill/firedrill/harness/endpoint"
	"github.com/firedrill/firedrill/harness/haproxy"
	"github.com/firedrill/firedrill/harness/images"
	"github.com/firedrill/firedrill/harness/keepalived"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
)

// Budgets of Start, each for one thing that it waits for. They are far above what was measured: a busy machine is no
// reason to give a topology up.
const (
	socketBudget    = 60 * time.Second
	replicaBudget   = 30 * time.Second
	managerBudget   = 30 * time.Second
	discoveryBudget = 30 * time.Second
)

// holdsBack is how long Orchestrator recovers nothing after its start: three times InstancePollSeconds.
func (t *Topology) holdsBack() time.Duration {
	poll := pollSeconds
	for key, value := range t.settings[harness.Orchestrator] {
		if own, err := strconv.Atoi(value); err == nil && strings.EqualFold(key, "InstancePollSeconds") {
			poll = own
		}
	}
	return 3 * time.Duration(poll) * time.Second
}

// starting is what the parts of Start wait for in each other.
type starting struct {
	up map[string]chan struct{} // by node: it answers
}

func (s *starting) done(node string) { close(s.up[node]) }

func (s *starting) wait(ctx context.Context, node string) error {
	select {
	case <-s.up[node]:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Start implements harness.Topology. Everything starts at once, and each part waits only for what it needs.
func (t *Topology) Start(ctx context.Context) error {
	s := &starting{up: map[string]chan struct{}{}}
	for _, n := range t.nodes {
		s.up[n.Name] = make(chan struct{})
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return t.startEndpoint(ctx, s) })
	if t.backend != nil {
		group.Go(func() error { return t.startBackend(ctx, s) })
	}
	for _, m := range t.managers {
		group.Go(func() error { return t.startManager(ctx, s, m) })
	}
	for _, m := range t.databases {
		group.Go(func() error { return t.startDatabase(ctx, s, m) })
	}
	if t.regions != nil {
		for _, n := range t.regions.webs {
			group.Go(func() error { return t.startWeb(ctx, s, n) })
		}
		group.Go(func() error { return t.startController(ctx, s) })
	}
	for _, n := range t.resolvers {
		group.Go(func() error { return t.startResolver(ctx, s, n) })
	}
	for _, p := range t.proxies {
		group.Go(func() error { return t.startProxy(ctx, s, p) })
	}
	return group.Wait()
}

func (t *Topology) primaryAtStart() *member { return t.databases[0] }

// startDatabase brings one server up to its place: writable, or replicating; then makes it known to Orchestrator.
func (t *Topology) startDatabase(ctx context.Context, s *starting, m *member) error {
	if err := t.runServer(ctx, m, t.variables(m)); err != nil {
		return err
	}
	if err := t.startCheck(ctx, m); err != nil {
		return err
	}
	if err := t.startKeepalived(ctx, m); err != nil {
		return err
	}
	if err := t.startFence(ctx, m); err != nil {
		return err
	}
	if m == t.primaryAtStart() {
		if err := t.waitForAcks(ctx, m); err != nil {
			return err
		}
		if err := t.makeWritable(ctx, m); err != nil {
			return err
		}
		s.done(m.Name)
		if m.source != "" { // its co-primary waits for it in turn
			if err := t.replicate(ctx, s, m); err != nil {
				return err
			}
		}
		return t.discover(ctx, s, m)
	}
	if m.source != "" {
		if err := t.replicate(ctx, s, m); err != nil {
			return err
		}
	}
	s.done(m.Name)
	return t.discover(ctx, s, m)
}

func (t *Topology) makeWritable(ctx context.Context, m *member) error {
	return t.do(ctx, m, m.Open...)
}

// runServer starts the server with a configuration, and returns when it answers.
func (t *Topology) runServer(ctx context.Context, m *member, vars []variable) error {
	conf := myCnf(vars)
	t.keep(m.Name, "my.cnf", conf)
	if err := m.Agent.Put(ctx, agent.File{Path: images.MySQLConfig, Data: []byte(conf)}); err != nil {
		return fmt.Errorf("configure %s: %w", m.Process, err)
	}
	err := m.Agent.Define(ctx, agent.Process{
		Name: m.Process, Argv: []string{m.Process, "--defaults-file=" + images.MySQLConfig}, User: "mysql", Dir: images.MySQLDataDir,
		DataDir: images.MySQLDataDir, Prepare: []string{images.MySQLInit},
	})
	if err == nil {
		err = m.Agent.Start(ctx, m.Process)
	}
	if err != nil {
		return fmt.Errorf("start %s: %w", m.Process, err)
	}
	return t.awaitServer(ctx, m)
}

// startBackend runs the server that the Orchestrators share. They make their tables in it themselves.
func (t *Topology) startBackend(ctx context.Context, s *starting) error {
	if err := t.runServer(ctx, t.backend, t.backendVariables()); err != nil {
		return err
	}
	s.done(t.backend.Name)
	return nil
}

// awaitServer waits until the server answers on its socket, and gives up when the process has ended.
func (t *Topology) awaitServer(ctx context.Context, m *member) error {
	return wait.Until(ctx, m.Process+" of "+m.Name+" answers", socketBudget, func(ctx context.Context) (bool, string, error) {
		_, err := m.Agent.Query(ctx, agent.Query{Database: t.Admin(m.Node), SQL: "SELECT 1", Timeout: time.Second})
		if err == nil {
			return true, "", nil
		}
		states, procErr := m.Agent.Processes(ctx)
		if procErr != nil {
			return false, "", procErr
		}
		for _, p := range states {
			if p.Name == m.Process && p.PID == 0 && p.LastExit != "" {
				return false, "", fmt.Errorf("it ended: %s: %s", p.LastExit, t.complaint(ctx, m))
			}
		}
		return false, err.Error(), nil
	})
}

// complaint is the last error of the server's own log.
func (t *Topology) complaint(ctx context.Context, m *member) string {
	data, err := m.Agent.Read(ctx, logOf(m.Process))
	if err != nil {
		return err.Error()
	}
	var errors []string
	for line := range strings.Lines(string(data)) {
		if strings.Contains(line, "[ERROR]") && !strings.Contains(line, "Aborting") {
			errors = append(errors, line)
		}
	}
	if len(errors) == 0 {
		return lastLines(string(data), 2)
	}
	return lastLines(strings.Join(errors, ""), 2)
}

// do runs statements on a server, as root.
func (t *Topology) do(ctx context.Context, m *member, statements ...string) error {
	for _, sql := range statements {
		if _, err := m.Agent.Query(ctx, agent.Query{Database: t.Admin(m.Node), SQL: sql, Timeout: 10 * time.Second}); err != nil {
			verb, _, _ := strings.Cut(sql, " TO ")
			return fmt.Errorf("run %q: %w", verb, err)
		}
	}
	return nil
}

// changeSource tells a server where to replicate from.
func (t *Topology) changeSource(m *member, source string) string {
	return m.Attach(dialect.Link{
		Host: source, Port: port, User: "repl", Password: images.DrillPassword, Delay: t.delay(m), ByPosition: t.byPosition(),
	})
}

// replicate attaches a replica to its source.
func (t *Topology) replicate(ctx context.Context, s *starting, m *member) error {
	if err := s.wait(ctx, m.source); err != nil {
		return err
	}
	if err := t.do(ctx, m, t.changeSource(m, m.source), "START REPLICA"); err != nil {
		return err
	}
	return wait.Until(ctx, m.Name+" replicates", replicaBudget, func(ctx context.Context) (bool, string, error) {
		v := t.view(ctx, m)
		return v.err == nil && v.replicating, v.trouble(), nil
	})
}

// startManager puts an Orchestrator's files into its node and starts it, as early as can be: it leads only after its
// first second, and recovers nothing in its first three.
func (t *Topology) startManager(ctx context.Context, s *starting, m *managerNode) error {
	if err := t.managerWaits(ctx, s, m); err != nil {
		return err
	}
	conf, err := t.orchestratorJSON(m, false)
	if err != nil {
		return err
	}
	masked, err := t.orchestratorJSON(m, true)
	if err != nil {
		return err
	}
	t.keep(m.Name, "orchestrator.conf.json", masked)
	if err := m.Agent.Put(ctx, managerFiles(conf)...); err != nil {
		return fmt.Errorf("configure Orchestrator: %w", err)
	}
	if len(t.settings[harness.Orchestrator]) > 0 {
		if _, err := t.effective(ctx, m); err != nil {
			return err
		}
	}
	if err := t.launchManager(ctx, m); err != nil {
		return fmt.Errorf("start Orchestrator: %w", err)
	}
	err = wait.Until(ctx, "Orchestrator "+m.Name+" answers", managerBudget, func(ctx context.Context) (bool, string, error) {
		_, err := m.api.Leads(ctx)
		if err != nil {
			return false, err.Error(), nil
		}
		return true, "", nil
	})
	if err != nil {
		return err
	}
	m.ripe = time.Now().Add(t.holdsBack())
	s.done(m.Name)
	if err := s.wait(ctx, t.dns.Name); err != nil {
		return err
	}
	files := hookSecrets(t.endpoint.HookEnv())
	t.keep(m.Name, "hook.env", string(files[0].Data))
	if err := m.Agent.Put(ctx, files...); err != nil {
		return fmt.Errorf("configure hooks: %w", err)
	}
	return nil
}

// managerWaits holds an Orchestrator back that shares its backend: until there is one, and until the first of them has
// made the tables.
func (t *Topology) managerWaits(ctx context.Context, s *starting, m *managerNode) error {
	if t.backend == nil {
		return nil
	}
	if first := t.managers[0]; m != first {
		return s.wait(ctx, first.Name)
	}
	return s.wait(ctx, t.backend.Name)
}

// launchManager starts the process. On an empty SQLite file Orchestrator takes itself for a passive node until the
// entry of a leader that never was has expired, after 5 s: the first start does not wait for that. A restart is as it
// is in production. Under raft the leader is elected, and of several on one backend the first leads.
func (t *Topology) launchManager(ctx context.Context, m *managerNode) error {
	env, err := endpoint.Sandbox(ctx, m.Node, t.dns)
	if err != nil {
		return err
	}
	process := agent.Process{
		Name: manager, Argv: []string{images.OrchestratorBinary, "-config", orchestratorConfig, "-verbose", "http"},
		Dir: images.OrchestratorDir, DataDir: images.OrchestratorDataDir, Env: env,
	}
	again := process
	if !t.raft && m == t.managers[0] {
		process.Argv = slices.Insert(slices.Clone(process.Argv), len(process.Argv)-1, "-grab-election")
	}
	if err := m.Agent.Define(ctx, process); err != nil {
		return err
	}
	if err := m.Agent.Start(ctx, manager); err != nil {
		return err
	}
	if err := m.Agent.Define(ctx, again); err != nil {
		return err
	}
	return m.Agent.Tail(ctx, agent.Tail{Node: m.Name, Path: hookLog, Kind: record.KindHook})
}

// discover makes a server known to the Orchestrators as soon as it is in its place: left alone, Orchestrator finds
// the replicas of a primary only after some seconds. One is enough, they tell each other; under raft it takes a leader.
func (t *Topology) discover(ctx context.Context, s *starting, m *member) error {
	if len(t.managers) == 0 {
		return nil
	}
	for _, o := range t.managers {
		if err := s.wait(ctx, o.Name); err != nil {
			return err
		}
	}
	return wait.Until(ctx, "Orchestrator discovers "+m.Name, discoveryBudget, func(ctx context.Context) (bool, string, error) {
		o := t.managers[0]
		if len(t.managers) > 1 {
			var err error
			if o, err = t.leader(ctx); err != nil {
				return false, err.Error(), nil
			}
		}
		return t.known(ctx, o, m)
	})
}

// known has an Orchestrator learn of a server. One that is read-only takes nobody's word: it finds the servers of its
// own seeds, and it is waited for until it did.
func (t *Topology) known(ctx context.Context, o *managerNode, m *member) (done bool, missing string, err error) {
	if !t.readOnlyManagers() {
		if err := o.api.Discover(ctx, m.instance()); err != nil {
			return false, err.Error(), nil
		}
		return true, "", nil
	}
	instances, err := o.api.Instances(ctx)
	if err != nil {
		return false, err.Error(), nil
	}
	for _, s := range instances {
		if s.Key == m.instance() {
			return true, "", nil
		}
	}
	return false, "it does not know it yet", nil
}

func (m *member) instance() Instance { return Instance{Hostname: m.Name, Port: port} }

func logOf(process string) string { return "/var/log/firedrill/" + process + ".log" }

// Logs implements harness.Topology.
func (t *Topology) Logs(n *harness.Node) []string {
	if v, ok := vendorOf(n.Component); ok {
		out := []string{logOf(v.Process)}
		if t.vip {
			out = append(out, logOf(keepalived.Process))
		}
		if t.settings[fence][fenceAfter] != "" {
			out = append(out, logOf(fence))
		}
		return out
	}
	switch n.Component {
	case harness.Orchestrator:
		return []string{logOf(manager), hookLog, flipLog}
	case harness.DNS:
		return []string{logOf(endpoint.ProcessName)}
	case harness.Resolver:
		return []string{logOf(endpoint.ResolverProcess)}
	case harness.Web:
		return []string{logOf(webProcess)}
	case harness.DNSFailover:
		return []string{logOf(controllerProcess), controllerLog}
	case harness.HAProxy:
		return []string{logOf(haproxy.Process)}
	}
	return nil
}

package groupreplication

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/endpoint"
	"github.com/firedrill/firedrill/harness/images"
	"github.com/firedrill/firedrill/harness/wait"
)

// Budgets of Start, each for one thing that it waits for. They are far above what was measured: a busy machine is no
// reason to give a topology up.
const (
	socketBudget = 60 * time.Second
	joinBudget   = 90 * time.Second
)

// statementTimeout is for statements of the start: START GROUP_REPLICATION returns when the member is in the group.
const statementTimeout = 60 * time.Second

// Start implements harness.Topology. The first server makes the group, the others join it together, and the Routers
// come up meanwhile.
func (t *Topology) Start(ctx context.Context) error {
	names, runs := errgroup.WithContext(ctx)
	for datacenter, n := range t.names {
		names.Go(func() error { return t.startName(runs, datacenter, n) })
	}
	for _, m := range t.members {
		names.Go(func() error { return t.startServer(runs, m) })
	}
	if err := names.Wait(); err != nil {
		return err
	}
	if err := t.bootstrap(ctx); err != nil {
		return fmt.Errorf("make the group on %s: %w", t.members[0].Name, err)
	}
	group, joining := errgroup.WithContext(ctx)
	for _, m := range t.members[1:] {
		group.Go(func() error { return t.join(joining, m) })
	}
	for i, n := range t.routers {
		group.Go(func() error { return t.startRouter(joining, i, n) })
	}
	return group.Wait()
}

// startName runs a datacenter's DNS server, on which the name leads to the Router of the same datacenter.
func (t *Topology) startName(ctx context.Context, datacenter string, n *harness.Node) error {
	for _, r := range t.routers {
		if r.Datacenter == datacenter {
			_, err := endpoint.Start(ctx, n, zone, []endpoint.Record{{Name: name, Address: r.Address}})
			return err
		}
	}
	return fmt.Errorf("start endpoint in %s: there is no Router", datacenter)
}

// startServer runs mysqld outside of the group: its configuration has it join at each start, which this one must not.
func (t *Topology) startServer(ctx context.Context, m *member) error {
	conf := myCnf(t.variables(m))
	t.keep(m.Name, "my.cnf", conf)
	if err := m.Agent.Put(ctx, agent.File{Path: images.MySQLConfig, Data: []byte(conf)}); err != nil {
		return fmt.Errorf("configure mysqld: %w", err)
	}
	process := agent.Process{
		Name: mysqld, Argv: []string{"mysqld", "--defaults-file=" + images.MySQLConfig}, User: "mysql", Dir: images.MySQLDataDir,
		DataDir: images.MySQLDataDir, Prepare: []string{images.MySQLInit},
	}
	again := process
	process.Argv = append(slices.Clone(process.Argv), "--group-replication-start-on-boot=OFF")
	err := m.Agent.Define(ctx, process)
	if err == nil {
		err = m.Agent.Start(ctx, mysqld)
	}
	if err == nil {
		err = m.Agent.Define(ctx, again)
	}
	if err != nil {
		return fmt.Errorf("start mysqld: %w", err)
	}
	if err := t.awaitServer(ctx, m); err != nil {
		return err
	}
	// What it lacks, a member fetches from another one, as this user.
	return t.do(ctx, m, fmt.Sprintf("CHANGE REPLICATION SOURCE TO SOURCE_USER='repl', SOURCE_PASSWORD='%s' "+
		"FOR CHANNEL 'group_replication_recovery'", images.DrillPassword))
}

// awaitServer waits until the server answers on its socket, and gives up when the process has ended.
func (t *Topology) awaitServer(ctx context.Context, m *member) error {
	return wait.Until(ctx, "mysqld of "+m.Name+" answers", socketBudget, func(ctx context.Context) (bool, string, error) {
		_, err := m.Agent.Query(ctx, agent.Query{Database: t.Admin(m.Node), SQL: "SELECT 1", Timeout: time.Second})
		if err == nil {
			return true, "", nil
		}
		return false, err.Error(), died(ctx, m.Node, mysqld)
	})
}

// died returns an error, with the end of its log, when a process that should run does not.
func died(ctx context.Context, n *harness.Node, process string) error {
	states, err := n.Agent.Processes(ctx)
	if err != nil {
		return err
	}
	for _, p := range states {
		if p.Name == process && p.PID == 0 && p.LastExit != "" {
			return fmt.Errorf("%s on %s ended: %s: %s", process, n.Name, p.LastExit, complaint(ctx, n, process))
		}
	}
	return nil
}

// complaint is the last that a process said of errors in its log, else the last that it said at all.
func complaint(ctx context.Context, n *harness.Node, process string) string {
	data, err := n.Agent.Read(ctx, logOf(process))
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(data)), "\n")
	errors := slices.DeleteFunc(slices.Clone(all), func(line string) bool {
		return !strings.Contains(strings.ToUpper(line), "ERROR") || strings.Contains(line, "Aborting")
	})
	if len(errors) == 0 {
		errors = all
	}
	return strings.Join(errors[max(0, len(errors)-2):], " | ")
}

// do runs statements on a server, as root.
func (t *Topology) do(ctx context.Context, m *member, statements ...string) error {
	for _, sql := range statements {
		if _, err := m.Agent.Query(ctx, agent.Query{Database: t.Admin(m.Node), SQL: sql, Timeout: statementTimeout}); err != nil {
			verb, _, _ := strings.Cut(sql, "SOURCE_PASSWORD")
			verb, _, _ = strings.Cut(verb, " BY ")
			return fmt.Errorf("run %q: %w", verb, err)
		}
	}
	return nil
}

// bootstrap has the first server make the group, and writes Router's metadata while it is alone: what the others lack
// is then a handful of transactions.
func (t *Topology) bootstrap(ctx context.Context) error {
	first := t.members[0]
	err := t.do(ctx, first, "SET GLOBAL group_replication_bootstrap_group = ON", "START GROUP_REPLICATION", "SET GLOBAL group_replication_bootstrap_group = OFF")
	if err != nil {
		return err
	}
	err = t.await(ctx, first, func(v view) (bool, string) { return v.primary() == first.Name && v.writable, v.words() })
	if err != nil {
		return err
	}
	uuids := make([]string, len(t.members))
	for i, m := range t.members {
		rows, err := m.Agent.Query(ctx, agent.Query{Database: t.Admin(m.Node), SQL: "SELECT @@server_uuid AS uuid"})
		if err != nil {
			return err
		}
		uuids[i] = rows.Get(0, "uuid")
	}
	return t.do(ctx, first, t.metadata(uuids)...)
}

// join takes a server into the group.
func (t *Topology) join(ctx context.Context, m *member) error {
	if err := t.do(ctx, m, "START GROUP_REPLICATION"); err != nil {
		return fmt.Errorf("join the group: %w; %s", err, complaint(ctx, m.Node, mysqld))
	}
	return t.await(ctx, m, func(v view) (bool, string) { return v.own() == online, v.words() })
}

// await waits until a server's own view of the group is as it should be.
func (t *Topology) await(ctx context.Context, m *member, done func(view) (bool, string)) error {
	return wait.Until(ctx, m.Name+" is in the group", joinBudget, func(ctx context.Context) (bool, string, error) {
		v := t.view(ctx, m)
		if v.err != nil {
			return false, v.err.Error(), died(ctx, m.Node, mysqld)
		}
		ok, seen := done(v)
		return ok, seen, nil
	})
}

// startRouter starts a Router. It serves as soon as it has found the primary.
func (t *Topology) startRouter(ctx context.Context, i int, n *harness.Node) error {
	conf := t.routerConfig(routerID(i))
	t.keep(n.Name, "mysqlrouter.conf", conf)
	state, err := t.routerStateFile()
	if err != nil {
		return err
	}
	err = n.Agent.Put(ctx,
		agent.File{Path: routerConf, Owner: routerUser, Data: []byte(conf)},
		agent.File{Path: routerState, Mode: 0o600, Owner: routerUser, Data: state},
	)
	if err != nil {
		return fmt.Errorf("configure Router: %w", err)
	}
	err = n.Agent.Define(ctx, agent.Process{Name: router, Argv: []string{"mysqlrouter", "-c", routerConf}, User: routerUser, Dir: images.RouterHome})
	if err == nil {
		err = n.Agent.Start(ctx, router)
	}
	if err != nil {
		return fmt.Errorf("start Router: %w", err)
	}
	return wait.Until(ctx, "Router "+n.Name+" leads to the primary", joinBudget, func(ctx context.Context) (bool, string, error) {
		behind, err := t.behind(ctx, n, n.Address)
		if err != nil {
			return false, err.Error(), died(ctx, n, router)
		}
		return behind == t.members[0].Name, "it leads to " + behind, nil
	})
}

const routerUser = "mysqlrouter"

// behind is the server that a Router leads to, seen from a node.
func (t *Topology) behind(ctx context.Context, from *harness.Node, address string) (string, error) {
	db := t.Application()
	db.Host, db.Port = address, writePort
	rows, err := from.Agent.Query(ctx, agent.Query{Database: db, SQL: "SELECT @@server_id AS id", Timeout: viewTimeout})
	if err != nil {
		return "", err
	}
	return t.Servers()[rows.Get(0, "id")], nil
}

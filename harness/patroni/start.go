package patroni

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/endpoint"
	"github.com/firedrill/firedrill/harness/haproxy"
	"github.com/firedrill/firedrill/harness/images"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
	"github.com/firedrill/firedrill/harness/workload"
)

// joinWithin bounds each wait of a start. One that goes well takes 3 s; on a machine with ten times more to do than it
// has processors, a minute has been seen. A process that has died ends the wait at once.
const joinWithin = 2 * time.Minute

// Start brings everything up. The first Patroni node goes ahead and the others follow once it leads: left to
// themselves, whoever is quickest leads, and a drill that names a node or a datacenter would mean another thing each
// time. It costs nothing, because the nodes share the processors that their Python needs to start.
func (t *Topology) Start(ctx context.Context) error {
	steps := []struct {
		name string
		do   func(context.Context) error
	}{
		{"etcd and endpoint", parallel(t.startEndpoint, t.startEtcd, t.installPatroni)},
		{"first leader and resolvers", parallel(t.startLeader, t.startResolvers, t.startApplications)},
		{"replicas, proxy and database", parallel(t.startReplicas, t.startProxies, t.startKeepalived, t.prepareDatabase)},
		{"dynamic configuration", t.configure},
	}
	for _, s := range steps {
		if err := s.do(ctx); err != nil {
			return fmt.Errorf("start %s: %w", s.name, err)
		}
	}
	return nil
}

// parallel runs them all at once.
func parallel(do ...func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		group, ctx := errgroup.WithContext(ctx)
		for _, f := range do {
			group.Go(func() error { return f(ctx) })
		}
		return group.Wait()
	}
}

// each does something on several nodes at once.
func each(ctx context.Context, nodes []*harness.Node, do func(context.Context, *harness.Node) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, n := range nodes {
		group.Go(func() error {
			if err := do(ctx, n); err != nil {
				return fmt.Errorf("node %s: %w", n.Name, err)
			}
			return nil
		})
	}
	return group.Wait()
}

func run(ctx context.Context, n *harness.Node, p agent.Process) error {
	if err := n.Agent.Define(ctx, p); err != nil {
		return err
	}
	return n.Agent.Start(ctx, p.Name)
}

// startEndpoint lets the name begin at the first leader: its callback then finds nothing to change.
func (t *Topology) startEndpoint(ctx context.Context) error {
	records := []endpoint.Record{{Name: PrimaryName, Address: t.databases[0].Address}}
	if len(t.proxies) > 0 {
		records = append(records, endpoint.Record{Name: ProxyName, Address: t.proxies[0].Address})
	}
	if t.vip {
		address, err := t.holders().Address()
		if err != nil {
			return err
		}
		records = append(records, endpoint.Record{Name: VIPName, Address: address})
	}
	var err error
	t.endpoint, err = endpoint.Start(ctx, t.names[0], zone, records)
	return err
}

func (t *Topology) startResolvers(ctx context.Context) error {
	return each(ctx, t.resolvers, func(ctx context.Context, n *harness.Node) error {
		return t.resolver(n).Start(ctx, PrimaryName)
	})
}

func (t *Topology) startEtcd(ctx context.Context) error {
	err := each(ctx, t.etcd, func(ctx context.Context, n *harness.Node) error {
		return run(ctx, n, agent.Process{Name: ProcessEtcd, Argv: t.config.etcdArgv(n), User: "etcd", DataDir: images.EtcdDataDir})
	})
	if err != nil {
		return err
	}
	return each(ctx, t.etcd, func(ctx context.Context, n *harness.Node) error {
		return wait.Until(ctx, "etcd cluster version agreed", joinWithin, func(ctx context.Context) (bool, string, error) {
			if err := died(ctx, n, ProcessEtcd); err != nil {
				return false, "", err
			}
			return etcdOf(n).ready(ctx)
		})
	})
}

// installPatroni gives each node its configuration, and its copy of the cluster that was made with the image. Where each
// node was installed by itself (a virtual machine) those are clusters of their own: only the first node has its copy then,
// and the others clone themselves from it, as Patroni's do.
func (t *Topology) installPatroni(ctx context.Context) error {
	fast, err := t.config.fast()
	if err != nil {
		return err
	}
	var mu sync.Mutex
	made := map[string]string{} // node, identifier of its cluster
	err = each(ctx, t.databases, func(ctx context.Context, n *harness.Node) error {
		if err := t.putConfiguration(ctx, n, fast); err != nil {
			return err
		}
		id, err := templateID(ctx, n)
		mu.Lock()
		defer mu.Unlock()
		made[n.Name] = id
		return err
	})
	if err != nil {
		return err
	}
	first := t.databases[0]
	return each(ctx, t.databases, func(ctx context.Context, n *harness.Node) error {
		if made[n.Name] != made[first.Name] {
			return nil
		}
		out, err := n.Agent.Exec(ctx, agent.Command{Argv: []string{images.PatroniSeed, dynamicJSON}, User: "postgres"})
		if err == nil && out.Code != 0 {
			err = fmt.Errorf("%s: exit code %d: %s", images.PatroniSeed, out.Code, words(out.Stderr))
		}
		return err
	})
}

func (t *Topology) putConfiguration(ctx context.Context, n *harness.Node, fast map[string]any) error {
	yml, err := t.config.patroni(n)
	if err != nil {
		return err
	}
	dynamic, err := json.Marshal(t.config.standbyCluster(n, fast))
	if err != nil {
		return fmt.Errorf("encode dynamic configuration: %w", err)
	}
	return n.Agent.Put(ctx,
		agent.File{Path: patroniYML, Mode: 0o600, Owner: "postgres", Data: yml},
		agent.File{Path: dynamicJSON, Data: dynamic},
	)
}

// templateID is the system identifier of the cluster that was made where the node was installed.
func templateID(ctx context.Context, n *harness.Node) (string, error) {
	out, err := n.Agent.Exec(ctx, agent.Command{
		Argv: []string{images.PostgresBinDir + "/pg_controldata", images.PostgresTemplateDir}, User: "postgres", Env: []string{"LC_ALL=C"},
	})
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(out.Stdout) {
		if id, ok := strings.CutPrefix(line, "Database system identifier:"); ok {
			return strings.TrimSpace(id), nil
		}
	}
	return "", fmt.Errorf("read %s: %s", images.PostgresTemplateDir, words(out.Stdout+out.Stderr))
}

// startPatroni starts a node's Patroni, which starts PostgreSQL. Nobody restarts it when it dies.
func (t *Topology) startPatroni(ctx context.Context, n *harness.Node) error {
	if err := n.Agent.Put(ctx, t.callbackFiles(n)...); err != nil {
		return err
	}
	if err := n.Agent.Tail(ctx, agent.Tail{Node: n.Name, Path: hookLog, Kind: record.KindHook}); err != nil {
		return err
	}
	env, err := endpoint.Sandbox(ctx, n, t.names[0])
	if err != nil {
		return err
	}
	return run(ctx, n, agent.Process{
		Name: ProcessPatroni, Argv: []string{"patroni", patroniYML}, User: "postgres", Dir: postgresHome,
		// Callbacks inherit it: a run that needs no configuration file logs to the same place.
		Env:     append(env, "FIREDRILL_HOOK_LOG="+hookLog),
		DataDir: images.PostgresDataDir,
		Inner:   map[string]string{ProcessPostgres: images.PostgresDataDir + "/postmaster.pid"},
	})
}

func (t *Topology) startLeader(ctx context.Context) error {
	n := t.databases[0]
	if err := t.startPatroni(ctx, n); err != nil {
		return fmt.Errorf("node %s: %w", n.Name, err)
	}
	return t.awaitStatus(ctx, n, "leader key taken", func(_ context.Context, s Status) bool { return s.Role == rolePrimary })
}

// startReplicas returns when each streams, by its own word.
func (t *Topology) startReplicas(ctx context.Context) error {
	return each(ctx, t.databases[1:], func(ctx context.Context, n *harness.Node) error {
		if err := t.startPatroni(ctx, n); err != nil {
			return err
		}
		nudged := false
		return t.awaitStatus(ctx, n, "replica streams", func(ctx context.Context, s Status) bool {
			if s.State == running && s.ReplicationState != streaming && !nudged {
				nudged = t.nudge(ctx, n)
			}
			return s.ReplicationState == streaming
		})
	})
}

// nudge makes a replica try again once it can succeed. It asks for its slot before the leader has made it, and then
// pauses for 5 s (wal_retrieve_retry_interval), from which a reload wakes it.
func (t *Topology) nudge(ctx context.Context, n *harness.Node) bool {
	leader := t.databases[0]
	slots, err := leader.Agent.Query(ctx, agent.Query{Database: t.Admin(leader),
		SQL: fmt.Sprintf("SELECT slot_name FROM pg_replication_slots WHERE slot_name = '%s'", n.Name)})
	if err != nil || len(slots.Rows) == 0 {
		return false
	}
	_, err = n.Agent.Query(ctx, agent.Query{Database: t.Admin(n), SQL: "SELECT pg_reload_conf()"})
	return err == nil
}

// awaitStatus polls a node's Patroni; one that has ended is beyond hope.
func (t *Topology) awaitStatus(ctx context.Context, n *harness.Node, what string, done func(context.Context, Status) bool) error {
	return wait.Until(ctx, what, joinWithin, func(ctx context.Context) (bool, string, error) {
		s, err := restOf(n).Status(ctx)
		if err != nil {
			return false, err.Error(), died(ctx, n, ProcessPatroni)
		}
		return done(ctx, s), fmt.Sprintf("role %s, state %s, replication %q", s.Role, s.State, s.ReplicationState), nil
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
			return fmt.Errorf("%s on %s ended (%s); its log ends: %s", process, n.Name, p.LastExit, lastLines(ctx, n, process))
		}
	}
	return nil
}

func lastLines(ctx context.Context, n *harness.Node, process string) string {
	data, err := n.Agent.Read(ctx, logDir+"/"+process+".log")
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], " | ")
}

// startProxies starts HAProxy once there is a leader, so that its first checks find what will stay.
func (t *Topology) startProxies(ctx context.Context) error {
	return each(ctx, t.proxies, func(ctx context.Context, n *harness.Node) error {
		return haproxy.Start(ctx, n, t.config.haproxy())
	})
}

// prepareDatabase makes the application's table, and its password anew: every write opens a connection, and the
// 4096 rounds of a normal SCRAM exchange would cost more processor time than the write.
func (t *Topology) prepareDatabase(ctx context.Context) error {
	n := t.databases[0]
	if err := t.awaitStatus(ctx, n, "leader writable", func(_ context.Context, s Status) bool { return s.Writable() }); err != nil {
		return err
	}
	admin := t.Admin(n)
	admin.Name = database
	sql := fmt.Sprintf(`SET scram_iterations = 1;
ALTER ROLE %[1]s PASSWORD '%[2]s';
CREATE TABLE IF NOT EXISTS %[3]s (id bigint, attempt int, server text, at timestamptz DEFAULT now(), PRIMARY KEY (id, attempt));
ALTER TABLE %[3]s OWNER TO %[1]s`, appUser, images.DrillPassword, workload.Table)
	if _, err := n.Agent.Query(ctx, agent.Query{Database: admin, SQL: sql}); err != nil {
		return fmt.Errorf("prepare database: %w", err)
	}
	return nil
}

package injectors

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/docker"
	"github.com/firedrill/firedrill/harness/docker/dockertest"
	"github.com/firedrill/firedrill/harness/images"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
)

// rootLogins reach MySQL as in a topology.
type rootLogins []*harness.Node

func (l rootLogins) Databases() []*harness.Node { return l }
func (rootLogins) Admin(*harness.Node) agent.Database {
	return agent.Database{Driver: driverMySQL, Host: images.MySQLSocket, User: "root"}
}
func (rootLogins) Application() agent.Database {
	return agent.Database{Driver: driverMySQL, User: "app", Name: "firedrill"}
}

// lone is one MySQL server, with a visitor's session to its node beside the owner's.
type lone struct {
	*testing.T
	node    *harness.Node
	visitor *agent.Client
	set     *Set
}

func newLone(t *testing.T) *lone {
	t.Helper()
	engine := dockertest.Engine(t)
	id := dockertest.Identity("database")
	nodes := dockertest.Up(t, dockertest.Provider(t, engine), id, harness.NodeSpec{
		Name: "d1", Component: harness.MySQL, Datacenter: "dc1", DataDir: images.MySQLDataDir,
	})
	visitors, err := docker.Attach(t.Context(), engine, id.Run, id.Drill)
	require.NoError(t, err)
	t.Cleanup(func() { _ = visitors["database/d1"].Close() })
	rec, err := record.Create(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { _ = rec.Close() })
	epoch := agent.Monotonic()
	nodes[0].Agent.Report(nil, epoch)
	l := &lone{T: t, node: nodes[0], visitor: visitors["database/d1"], set: NewSet(Options{
		Nodes: Nodes(nodes, rootLogins(nodes)), Recorder: rec, Budgets: Budgets{Proof: 3 * time.Second},
		Now: func() time.Duration { return time.Duration(agent.Monotonic() - epoch) },
	})}
	require.NoError(t, l.node.Agent.Define(t.Context(), agent.Process{
		Name: "mysqld", Argv: []string{"mysqld", "--defaults-file=" + images.MySQLConfig}, User: "mysql", Dir: images.MySQLDataDir,
	}))
	l.restart()
	return l
}

func (l *lone) restart() {
	l.Helper()
	require.NoError(l, l.node.Agent.Stop(l.Context(), "mysqld"))
	require.NoError(l, l.node.Agent.Start(l.Context(), "mysqld"))
	l.until("mysqld answers", func() bool { _, err := l.ask("SELECT 1"); return err == nil })
}

func (l *lone) ask(sql string) (string, error) {
	db := rootLogins{}.Admin(nil)
	db.Name = rootLogins{}.Application().Name
	rows, err := l.visitor.Query(l.Context(), agent.Query{Database: db, SQL: sql, Timeout: time.Second})
	if err != nil || len(rows.Columns) == 0 {
		return "", err
	}
	return rows.Get(0, rows.Columns[0]), nil
}

func (l *lone) until(what string, done func() bool) {
	l.Helper()
	require.NoError(l, wait.Until(l.Context(), what, 60*time.Second, func(context.Context) (bool, string, error) { return done(), "", nil }))
}

func (l *lone) held() []string {
	l.Helper()
	s, err := l.visitor.Sweep(l.Context())
	require.NoError(l, err)
	return s["held connections"]
}

const writes = "INSERT INTO " + agent.LedgerTable + " (id, server) VALUES (UUID_SHORT() & 0x7FFFFFFFFFFFFFFF, 1)"

func TestDatabaseFaultsSeenFromOutside(t *testing.T) {
	l := newLone(t)
	_, err := l.set.Inject(t.Context(), Spec{Name: "replication.stopped", Targets: []string{"d1"}})
	require.ErrorIs(t, err, harness.ErrUnavailable)
	require.ErrorContains(t, err, "on d1: it replicates from nobody")

	for _, name := range []string{"database.lock", "database.transaction"} {
		_, err := l.ask(writes)
		require.NoError(t, err)
		i, err := l.set.Inject(t.Context(), Spec{Name: name, Targets: []string{"d1"}})
		require.NoError(t, err)
		require.Equal(t, []string{"fault " + i.ID() + " holds 1"}, l.held())
		_, err = l.ask(writes)
		require.Error(t, err, "%s: writes hang", name)
		_, err = l.ask("SELECT COUNT(*) FROM " + agent.LedgerTable)
		require.NoError(t, err, "%s: reads go on", name)
		require.NoError(t, i.Heal(t.Context()))
		_, err = l.ask(writes)
		require.NoError(t, err)
		require.Empty(t, l.held())
	}

	i, err := l.set.Inject(t.Context(), Spec{Name: "database.lock", Targets: []string{"d1"}})
	require.NoError(t, err)
	l.restart()
	require.NoError(t, i.Heal(t.Context()), "a server that was restarted has no lock left")
	require.Contains(t, i.HealEffect().Proof, "lost already")
	require.Empty(t, l.held())

	i, err = l.set.Inject(t.Context(), Spec{Name: "database.read_only", Targets: []string{"d1"}})
	require.NoError(t, err)
	require.NotEmpty(t, i.Effect().Proof)
	_, err = l.ask("SET GLOBAL read_only = OFF")
	require.NoError(t, err)
	l.restart()
	_, err = l.ask("SET GLOBAL super_read_only = ON") // not by us
	require.NoError(t, err)
	require.NoError(t, i.Heal(t.Context()))
	require.Contains(t, i.HealEffect().Proof, "it stays as it is")
	_, err = l.ask("SET GLOBAL read_only = OFF")
	require.NoError(t, err)
}

// The node undoes what was done to its database when nobody is left to ask for it.
func TestDatabaseHealsWhenTheControllerIsGone(t *testing.T) {
	l := newLone(t)
	for _, name := range []string{"database.read_only", "database.lock"} {
		_, err := l.set.Inject(t.Context(), Spec{Name: name, Targets: []string{"d1"}})
		require.NoError(t, err)
	}
	got, err := l.ask("SELECT @@global.super_read_only")
	require.NoError(t, err)
	require.Equal(t, "1", got)
	require.NoError(t, l.node.Agent.Close())
	l.until("the node has healed itself", func() bool {
		left, err := l.visitor.Faults(t.Context())
		return err == nil && len(left) == 0
	})
	_, err = l.ask(writes)
	require.NoError(t, err)
	require.Empty(t, l.held())
}

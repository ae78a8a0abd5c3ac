package injectors

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
)

func onPostgres(w *world) {
	for i := range w.nodes {
		w.nodes[i].Admin = agent.Database{Driver: driverPostgres, User: "postgres", Name: "postgres"}
		w.nodes[i].Application.Driver = driverPostgres
	}
}

func TestFaultThatADatabaseCannotHaveIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		params any
		why    string
	}{
		"replication.broken":         {nil, "m1 runs postgres: a physical replica has no rows of its own"},
		"replication.torn_relay_log": {nil, "m1 runs postgres: it has no relay log"},
		"replication.stopped":        {nil, "Patroni resumes a paused replay"},
		"replication.delayed":        {DelayedParams{Seconds: 5}, "Patroni takes recovery_min_apply_delay back"},
		"database.errant":            {nil, "a standby cannot be written to"},
		"database.lock":              {LockParams{Scope: LockGlobal}, "it has no lock over all tables"},
		"semisync.no_acker":          {nil, "do not wait for semi-synchronous replication"},
	} {
		w := newWorld(t)
		onPostgres(w)
		_, err := w.set.Prepare(t.Context(), Spec{Name: name, Params: c.params, Targets: []string{"m1"}})
		require.ErrorIs(t, err, harness.ErrUnavailable, name)
		require.ErrorContains(t, err, c.why)
	}
}

// What MariaDB does not understand must not be in a statement for it, and the other way round.
func TestFaultsSpeakTheVendorsDialect(t *testing.T) {
	foreign := map[string][]string{
		driverMySQL:   {"MASTER", "Slave_", "gtid_binlog_state", "Master_"},
		driverMariaDB: {"super_read_only", "REPLICATION SOURCE", "GTID_SUBTRACT", "Source_", "Replica_", "gtid_executed"},
	}
	w := newWorld(t)
	for name, params := range map[string]any{
		"replication.stopped": nil, "replication.broken": nil, "replication.delayed": DelayedParams{Seconds: 5}, "database.errant": nil,
		"database.lock": nil, "database.transaction": nil, "database.read_only": nil,
	} {
		raw, err := json.Marshal(params)
		require.NoError(t, err)
		f, err := Builtin().Make(name, raw)
		require.NoError(t, err)
		for driver, words := range foreign {
			n := w.nodes[0]
			n.Admin.Driver = driver
			deed, err := f.(onDatabases).deed(n)
			require.NoError(t, err)
			said, err := json.Marshal(deed)
			require.NoError(t, err)
			for _, word := range words {
				require.NotContains(t, string(said), word, "%s in %s", name, driver)
			}
		}
	}
}

func TestFaultsThatMariaDBCannotHaveAreRefused(t *testing.T) {
	for name, why := range map[string]string{
		"replication.torn_relay_log": "m1 runs mariadb: with GTIDs it throws its relay logs away",
		"semisync.no_acker":          "m1 runs mariadb: its semi-synchronous replication is set up in other words",
	} {
		w := newWorld(t)
		w.nodes[0].Admin.Driver = driverMariaDB
		_, err := w.set.Prepare(t.Context(), Spec{Name: name, Targets: []string{"m1"}})
		require.ErrorIs(t, err, harness.ErrUnavailable, name)
		require.ErrorContains(t, err, why)
	}
}

func TestFaultOfADatabaseNeedsOne(t *testing.T) {
	w := newWorld(t)
	w.nodes[0].Admin = agent.Database{}
	_, err := w.set.Prepare(t.Context(), Spec{Name: "database.lock", Targets: []string{"m1"}})
	require.ErrorContains(t, err, "m1 runs no database")
	require.NotErrorIs(t, err, harness.ErrUnavailable)
}

func TestFaultOfADatabaseIsNotDrilledWhereTheNodeCannot(t *testing.T) {
	w := newWorld(t)
	w.agents["m2"].cannot = replicatesFromNobody
	_, err := w.set.Prepare(t.Context(), Spec{Name: "replication.stopped", Targets: []string{"m1", "m2"}})
	require.ErrorIs(t, err, harness.ErrUnavailable)
	require.ErrorContains(t, err, "on m2: it replicates from nobody")
}

func TestFaultsSpeakTheDatabasesLanguage(t *testing.T) {
	w := newWorld(t)
	f, err := Builtin().Make("database.lock", nil)
	require.NoError(t, err)
	deed, err := f.(onDatabases).deed(w.nodes[0])
	require.NoError(t, err)
	spec := deed.(agent.SQLSpec)
	require.Contains(t, spec.Apply[0].SQL, "LOCK TABLES ledger READ")
	require.Equal(t, "firedrill", spec.Database.Name, "the application's own database, as administrator")
	require.Equal(t, "root", spec.Database.User)
	onPostgres(w)
	deed, err = f.(onDatabases).deed(w.nodes[0])
	require.NoError(t, err)
	require.Contains(t, deed.(agent.SQLSpec).Apply[0].SQL, "LOCK TABLE ledger IN EXCLUSIVE MODE")
}

func TestParametersOfDatabaseFaults(t *testing.T) {
	for name, bad := range map[string]string{
		"replication.delayed": `{"seconds": 0}`, "replication.stopped": `{"thread": "sql"}`, "database.lock": `{"scope": "row"}`,
	} {
		_, err := Builtin().Make(name, json.RawMessage(bad))
		require.Error(t, err, name)
	}
}

package mysql

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/dialect"
)

func TestServersOfMariaDBAreSetUpInItsWords(t *testing.T) {
	settings := harness.Settings{harness.MariaDB: {"gtid-strict-mode": "ON"}}
	topology, err := laidOut(t, "mariadb-3", settings)
	require.NoError(t, err)
	m := topology.member("m2")
	cnf := myCnf(topology.variables(m))
	for _, line := range []string{"log_slave_updates = ON", "slave_net_timeout = 4", "read_only = ON", "gtid_strict_mode = ON"} {
		assert.Contains(t, cnf, "\n"+line+"\n")
	}
	for _, unknown := range []string{"gtid_mode", "super_read_only", "mysqlx", "replica_net_timeout", "temptable_max_ram"} {
		assert.NotContains(t, cnf, unknown, "the server would not start")
	}
	assert.Equal(t, "mariadbd", m.Process)
	assert.Equal(t, dialect.MariaDB, topology.Admin(m.Node).Driver)
	assert.Equal(t, dialect.MySQL, topology.Application().Driver, "the application need not know")
	assert.Equal(t, []string{"/var/log/firedrill/mariadbd.log"}, topology.Logs(m.Node))
	assert.Equal(t, false, decoded(t, topology, false)["UseSuperReadOnly"], "it has none")
}

func TestSettingsOfAnotherVendorHaveNoReader(t *testing.T) {
	_, err := laidOut(t, "mariadb-3", harness.Settings{harness.MySQL: {"gtid_mode": "OFF"}})
	assert.EqualError(t, err, `lay mariadb-3 out: settings of component "mysql" have no reader here; there are: dns, m1, m2, m3, mariadb, orchestrator`)
}

func TestEveryDatabaseOfALayoutHasAVendor(t *testing.T) {
	for _, l := range layouts {
		topology, err := laidOut(t, l.name, nil)
		require.NoError(t, err)
		for _, m := range topology.databases {
			assert.NotEmpty(t, m.Process, "%s of %s", m.Name, l.name)
			assert.NotEmpty(t, m.vendor.settings)
		}
		assert.Empty(t, topology.Admin(topology.dns).Driver, "no database runs there")
	}
}

func TestTheMixOfVersionsIsInTheComponents(t *testing.T) {
	topology, err := laidOut(t, "mariadb-mix", nil)
	require.NoError(t, err)
	versions := map[string]string{}
	for _, m := range topology.databases {
		versions[m.Name] = m.Component
	}
	assert.Equal(t, map[string]string{"m1": "mariadb-10.11", "m2": "mariadb", "m3": "mariadb-10.11"}, versions)
	plain, err := laidOut(t, "mysql-3", nil)
	require.NoError(t, err)
	assert.Equal(t, harness.MySQL, plain.member("m1").Component, "the layout that it was made from is as it was")
}

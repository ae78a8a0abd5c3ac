package node

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/dialect"
	"github.com/firedrill/firedrill/harness/record"
)

// saying is a connection to a server that answers by the beginning of the question.
type saying map[string]agent.Rows

func (s saying) Query(_ context.Context, sql string) (agent.Rows, error) {
	for begin, rows := range s {
		if strings.HasPrefix(sql, begin) {
			return rows, nil
		}
	}
	return agent.Rows{}, nil
}

func (saying) Close() error { return nil }

func oneRow(pairs ...string) agent.Rows {
	var out agent.Rows
	var row []*string
	for i := 0; i < len(pairs); i += 2 {
		out.Columns, row = append(out.Columns, pairs[i]), append(row, &pairs[i+1])
	}
	out.Rows = append(out.Rows, row)
	return out
}

func TestRoleOfAServerThatReplicates(t *testing.T) {
	for name, c := range map[string]struct {
		readOnly, source string
		ring             bool
		want             string
	}{
		"a replica":                             {"1", "m1", false, record.RoleReplica},
		"a replica that somebody made writable": {"0", "m1", false, record.RoleReplica},
		"the writable one of two co-primaries":  {"0", "m1", true, record.RolePrimary},
		"the read-only one":                     {"1", "m1", true, record.RoleReplica},
		"promoted, its source only named":       {"0", "//m1", false, record.RolePrimary},
		"lost, its source only named":           {"1", "//m1", false, record.RoleReplica},
	} {
		t.Run(name, func(t *testing.T) {
			for driver, columns := range map[string][3]string{
				dialect.MySQL:   {"Source_Host", "Replica_IO_Running", "Replica_SQL_Running"},
				dialect.MariaDB: {"Master_Host", "Slave_IO_Running", "Slave_SQL_Running"},
			} {
				server := saying{
					"SELECT":       oneRow("read_only", c.readOnly, "super_read_only", c.readOnly, "gtid", ""),
					"SHOW REPLICA": oneRow(columns[0], c.source, columns[1], "Yes", columns[2], "Yes"),
				}
				s, err := samplers[driver](t.Context(), server, agent.Observe{CoPrimary: c.ring})
				require.NoError(t, err)
				assert.Equal(t, c.want, s.Role, driver)
				assert.Equal(t, c.source, s.Source, driver)
				assert.True(t, s.Replicating, driver)
			}
		})
	}
}

func TestADelayOnPurposeIsSampled(t *testing.T) {
	for delay, want := range map[string]int64{"3600": 3600, "0": 0, "": 0} {
		server := saying{
			"SELECT":       oneRow("read_only", "1", "super_read_only", "1", "gtid", ""),
			"SHOW REPLICA": oneRow("Source_Host", "m1", "SQL_Delay", delay),
		}
		s, err := samplers[dialect.MySQL](t.Context(), server, agent.Observe{})
		require.NoError(t, err)
		assert.Equal(t, want, s.DelayS)
	}
}

// What the columns of one vendor mean in the other's dialect is nothing: a reader of the wrong one would see a replica
// that never replicates.
func TestSamplesReadTheirOwnVendorsColumns(t *testing.T) {
	mariadb := saying{
		"SELECT": oneRow("read_only", "1", "super_read_only", "0", "gtid", "0-1-7"),
		"SHOW REPLICA": oneRow("Master_Host", "10.0.0.1", "Slave_IO_Running", "Yes", "Slave_SQL_Running", "No",
			"Seconds_Behind_Master", "3"),
	}
	s, err := samplers[dialect.MariaDB](t.Context(), mariadb, agent.Observe{Nodes: map[string]string{"10.0.0.1": "m1"}})
	require.NoError(t, err)
	assert.Equal(t, record.Sample{Role: record.RoleReplica, Source: "m1", Position: "0-1-7", LagMS: 3000}, s)
	s, err = samplers[dialect.MySQL](t.Context(), mariadb, agent.Observe{})
	require.NoError(t, err)
	assert.Empty(t, s.Source)
}

// A primary whose commits hang could not acknowledge, in either vendor's names.
func TestABlockedPrimary(t *testing.T) {
	named := func(pairs ...string) agent.Rows {
		out := agent.Rows{Columns: []string{"Variable_name", "Value"}}
		for i := 0; i < len(pairs); i += 2 {
			out.Rows = append(out.Rows, []*string{&pairs[i], &pairs[i+1]})
		}
		return out
	}
	for clients, blocked := range map[string]bool{"0": true, "1": false} {
		for driver, server := range map[string]saying{
			dialect.MySQL: {
				"SHOW GLOBAL VARIABLES": named("rpl_semi_sync_source_enabled", "ON", "rpl_semi_sync_source_wait_for_replica_count", "1"),
				"SHOW GLOBAL STATUS":    named("Rpl_semi_sync_source_status", "ON", "Rpl_semi_sync_source_clients", clients),
			},
			dialect.MariaDB: {
				"SHOW GLOBAL VARIABLES": named("rpl_semi_sync_master_enabled", "ON"),
				"SHOW GLOBAL STATUS":    named("Rpl_semi_sync_master_status", "ON", "Rpl_semi_sync_master_clients", clients),
			},
		} {
			server["SELECT"] = oneRow("read_only", "0", "super_read_only", "0", "gtid", "")
			s, err := samplers[driver](t.Context(), server, agent.Observe{})
			require.NoError(t, err)
			assert.Equal(t, record.RolePrimary, s.Role, driver)
			assert.Equal(t, blocked, s.Blocked, "%s with %s clients", driver, clients)
		}
	}
}

package node

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/agent"
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
			server := saying{
				"SELECT":       oneRow("read_only", c.readOnly, "super_read_only", c.readOnly, "gtid", ""),
				"SHOW REPLICA": oneRow("Source_Host", c.source, "Replica_IO_Running", "Yes", "Replica_SQL_Running", "Yes"),
			}
			s, err := sampleMySQL(t.Context(), server, agent.Observe{CoPrimary: c.ring})
			require.NoError(t, err)
			assert.Equal(t, c.want, s.Role)
			assert.Equal(t, c.source, s.Source)
		})
	}
}

func TestADelayOnPurposeIsSampled(t *testing.T) {
	for delay, want := range map[string]int64{"3600": 3600, "0": 0, "": 0} {
		server := saying{
			"SELECT":       oneRow("read_only", "1", "super_read_only", "1", "gtid", ""),
			"SHOW REPLICA": oneRow("Source_Host", "m1", "SQL_Delay", delay),
		}
		s, err := sampleMySQL(t.Context(), server, agent.Observe{})
		require.NoError(t, err)
		assert.Equal(t, want, s.DelayS)
	}
}

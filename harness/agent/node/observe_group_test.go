package node

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/dialect"
	"github.com/firedrill/firedrill/harness/record"
)

// group is the answer to mysqlMembers: host, state, role, self for each member.
func group(members ...[4]string) agent.Rows {
	out := agent.Rows{Columns: []string{"host", "state", "role", "self"}}
	for _, m := range members {
		out.Rows = append(out.Rows, []*string{&m[0], &m[1], &m[2], &m[3]})
	}
	return out
}

func TestSampleOfAMember(t *testing.T) {
	for name, c := range map[string]struct {
		readOnly string
		members  agent.Rows
		want     record.Sample
	}{
		"the primary": {"0", group([4]string{"g1", "ONLINE", "PRIMARY", "1"}, [4]string{"g2", "ONLINE", "SECONDARY", "0"}, [4]string{"g3", "ONLINE", "SECONDARY", "0"}),
			record.Sample{Role: record.RolePrimary, Writable: true}},
		"a primary that has lost one of three": {"0", group([4]string{"g1", "ONLINE", "PRIMARY", "1"}, [4]string{"g2", "UNREACHABLE", "SECONDARY", "0"}, [4]string{"g3", "ONLINE", "SECONDARY", "0"}),
			record.Sample{Role: record.RolePrimary, Writable: true}},
		"a primary that has lost two of three": {"0", group([4]string{"g1", "ONLINE", "PRIMARY", "1"}, [4]string{"g2", "UNREACHABLE", "SECONDARY", "0"}, [4]string{"g3", "UNREACHABLE", "SECONDARY", "0"}),
			record.Sample{Role: record.RolePrimary, Writable: true, Blocked: true}},
		"a primary that has lost one of two": {"0", group([4]string{"g1", "ONLINE", "PRIMARY", "1"}, [4]string{"g2", "UNREACHABLE", "SECONDARY", "0"}),
			record.Sample{Role: record.RolePrimary, Writable: true, Blocked: true}},
		"a secondary": {"1", group([4]string{"g1", "ONLINE", "PRIMARY", "0"}, [4]string{"g2", "ONLINE", "SECONDARY", "1"}),
			record.Sample{Role: record.RoleReplica, Source: "g1", Replicating: true}},
		"a secondary whose primary is silent": {"1", group([4]string{"g1", "UNREACHABLE", "PRIMARY", "0"}, [4]string{"g2", "ONLINE", "SECONDARY", "1"}, [4]string{"g3", "ONLINE", "SECONDARY", "0"}),
			record.Sample{Role: record.RoleReplica}},
		"one that recovers": {"1", group([4]string{"g1", "ONLINE", "PRIMARY", "0"}, [4]string{"g2", "RECOVERING", "SECONDARY", "1"}),
			record.Sample{Role: record.RoleReplica, Source: "g1"}},
		"one that was expelled": {"1", group([4]string{"g1", "ERROR", "", "1"}), record.Sample{Role: record.RoleReplica}},
		"one that never joined": {"1", group([4]string{"", "OFFLINE", "", "0"}), record.Sample{Role: record.RoleReplica}},
		"one that somebody made writable outside of the group": {"0", group([4]string{"", "OFFLINE", "", "0"}),
			record.Sample{Role: record.RolePrimary, Writable: true}},
	} {
		t.Run(name, func(t *testing.T) {
			server := saying{
				"SELECT @@":          oneRow("read_only", c.readOnly, "super_read_only", c.readOnly, "gtid", "x:1"),
				"SELECT MEMBER_HOST": c.members,
			}
			s, err := samplers[dialect.MySQL](t.Context(), server, agent.Observe{InGroup: true})
			require.NoError(t, err)
			c.want.Position, c.want.LagMS = "x:1", -1
			assert.Equal(t, c.want, s)
		})
	}
}

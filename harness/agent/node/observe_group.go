package node

import (
	"context"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
)

// mysqlMembers is the group as this member sees it; outside of a group it is one row with the state OFFLINE.
const mysqlMembers = "SELECT MEMBER_HOST AS host, MEMBER_STATE AS state, MEMBER_ROLE AS role, MEMBER_ID = @@server_uuid AS self " +
	"FROM performance_schema.replication_group_members"

// sampleMember reads a member of a replication group. A primary that has lost sight of the majority stays writable in
// its own words, and commits nothing: that is what Blocked is for.
func sampleMember(ctx context.Context, db sqlConn, self agent.Rows) (record.Sample, error) {
	members, err := db.Query(ctx, mysqlMembers)
	if err != nil {
		return record.Sample{}, err
	}
	s := record.Sample{
		Position: self.Get(0, "gtid"), LagMS: -1,
		Writable: self.Get(0, "read_only") == "0" && self.Get(0, "super_read_only") == "0",
		Role:     record.RoleReplica,
	}
	state, unreachable, primary := "", 0, ""
	for i := range members.Rows {
		m := func(column string) string { return members.Get(i, column) }
		switch {
		case m("self") == "1":
			state = m("state")
		case m("state") == "UNREACHABLE":
			unreachable++
		case m("role") == "PRIMARY" && m("state") == "ONLINE":
			primary = m("host")
		}
		if m("self") == "1" && m("role") == "PRIMARY" {
			s.Role = record.RolePrimary
		}
	}
	quorum := unreachable*2 < len(members.Rows)
	switch {
	case state == "" || state == "OFFLINE" || state == "ERROR": // out of the group: what it takes, it takes alone
		if s.Writable {
			s.Role = record.RolePrimary
		}
	case s.Role == record.RolePrimary:
		s.Blocked = s.Writable && !quorum
	default:
		s.Source, s.Replicating = primary, state == "ONLINE" && primary != "" && quorum
	}
	return s, nil
}

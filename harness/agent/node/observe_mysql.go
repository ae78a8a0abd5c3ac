package node

import (
	"context"
	"strconv"
	"strings"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/dialect"
	"github.com/firedrill/firedrill/harness/record"
)

// detached begins the name of a source that Orchestrator took the server away from.
const detached = "//"

// sampleIn reads servers that speak a dialect of MySQL's.
func sampleIn(driver string) sampler {
	d, _ := dialect.Of(driver)
	return func(ctx context.Context, db sqlConn, o agent.Observe) (record.Sample, error) {
		return sampleMySQL(ctx, d, db, o)
	}
}

func sampleMySQL(ctx context.Context, d dialect.Dialect, db sqlConn, o agent.Observe) (record.Sample, error) {
	self, err := db.Query(ctx, d.Self)
	if err != nil {
		return record.Sample{}, err
	}
	if o.InGroup {
		return sampleMember(ctx, db, self)
	}
	replica, err := db.Query(ctx, d.Replica)
	if err != nil {
		return record.Sample{}, err
	}
	s := record.Sample{
		Position: self.Get(0, "gtid"),
		Writable: self.Get(0, "read_only") == "0" && self.Get(0, "super_read_only") == "0",
		Role:     record.RolePrimary,
	}
	if len(replica.Rows) > 0 {
		s.Role = record.RoleReplica
		s.Source = nodeName(o.Nodes, replica.Get(0, d.Status.Source))
		s.Replicating = replica.Get(0, d.Status.Receiver) == "Yes" && replica.Get(0, d.Status.Applier) == "Yes"
		s.LagMS = -1
		if lag, err := strconv.ParseInt(replica.Get(0, d.Status.Lag), 10, 64); err == nil {
			s.LagMS = lag * 1000
		}
		s.DelayS, _ = strconv.ParseInt(replica.Get(0, "SQL_Delay"), 10, 64) // none is zero
	}
	if s.Writable && (o.CoPrimary || strings.HasPrefix(s.Source, detached)) {
		s.Role = record.RolePrimary
	}
	if s.Writable {
		s.Blocked, err = semiSyncBlocked(ctx, d.SemiSync, db)
	}
	return s, err
}

// semiSyncBlocked says whether a commit would wait for an acknowledgement that nobody can give. The variables may be
// there only with a plugin, so they are asked for by pattern.
func semiSyncBlocked(ctx context.Context, names dialect.SemiSync, db sqlConn) (bool, error) {
	vars, err := db.Query(ctx, "SHOW GLOBAL VARIABLES LIKE '"+names.Variables+"'")
	if err != nil || len(vars.Rows) == 0 {
		return false, err
	}
	v := pairs(vars)
	if v[names.Enabled] != "ON" {
		return false, nil
	}
	status, err := db.Query(ctx, "SHOW GLOBAL STATUS LIKE '"+names.States+"'")
	if err != nil {
		return false, err
	}
	st := pairs(status)
	clients, _ := strconv.Atoi(st[names.Clients])
	needed := 1
	if names.Count != "" {
		needed, _ = strconv.Atoi(v[names.Count])
	}
	return st[names.Active] == "ON" && clients < needed, nil
}

func pairs(rows agent.Rows) map[string]string {
	out := map[string]string{}
	for i := range rows.Rows {
		out[rows.Get(i, "Variable_name")] = rows.Get(i, "Value")
	}
	return out
}

// nodeName names an address or a host; one that is not of the topology stays as it is.
func nodeName(names map[string]string, host string) string {
	if name, ok := names[host]; ok {
		return name
	}
	return host
}

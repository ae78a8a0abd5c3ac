package injectors

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
)

// Databases by driver, as faults speak to them.
const (
	driverMySQL    = "mysql"
	driverPostgres = "postgres"
)

// onDatabases is a fault that is one deed on each of its targets, in the words of the database that runs there.
// Faults embed it.
type onDatabases struct {
	params any // as they are recorded
	// deeds makes the deed, by driver. The database that it is given is the administrator's log-in, in the
	// application's own database.
	deeds map[string]func(db agent.Database) agent.Deed
	// without says why a database has no such fault, by driver.
	without map[string]string
}

func (f onDatabases) Resolve(nodes []Node, targets []string) (any, []string, error) {
	for _, name := range targets {
		n, err := find(nodes, name)
		if err != nil {
			return nil, nil, err
		}
		if _, err := f.deed(n); err != nil {
			return nil, nil, err
		}
	}
	return f.params, targets, needTargets(targets)
}

// deed is what is done on a node. The error wraps harness.ErrUnavailable where its database has no such fault.
func (f onDatabases) deed(n Node) (agent.Deed, error) {
	if n.Admin.Driver == "" {
		return nil, fmt.Errorf("%s runs no database", n.Name)
	}
	speak, ok := f.deeds[n.Admin.Driver]
	if !ok {
		why := f.without[n.Admin.Driver]
		if why == "" {
			why = "this fault knows " + strings.Join(slices.Sorted(maps.Keys(f.deeds)), ", ") + " only"
		}
		return nil, fmt.Errorf("%s runs %s: %s: %w", n.Name, n.Admin.Driver, why, harness.ErrUnavailable)
	}
	db := n.Admin
	db.Name = n.Application.Name
	return speak(db), nil
}

func (f onDatabases) Check(ctx context.Context, env Env) error {
	for _, n := range env.Targets {
		d, err := f.deed(n)
		if err != nil {
			return err
		}
		if err := able(ctx, []Node{n}, d); err != nil {
			return err
		}
	}
	return nil
}

func (f onDatabases) Inject(ctx context.Context, env Env) (Effect, error) {
	return env.everywhere(ctx, env.Targets, func(ctx context.Context, n Node) (agent.Stamp, error) {
		d, err := f.deed(n)
		if err != nil {
			return agent.Stamp{}, err
		}
		return n.Agent.Do(ctx, env.Fault, d, env.atMost)
	})
}

func (f onDatabases) Observe(ctx context.Context, env Env) (string, error) {
	return env.seen(ctx, env.Targets, env.Fault)
}

func (f onDatabases) Heal(ctx context.Context, env Env) (Effect, error) {
	return env.healed(ctx, env.Targets, env.Fault)
}

// spoken is a deed of SQL that needs no more of the node than its database.
func spoken(s agent.SQLSpec) func(agent.Database) agent.Deed {
	return func(db agent.Database) agent.Deed {
		own := s // each node's is asked for at the same time as the others'
		own.Database = db
		return own
	}
}

// ofReplica asks MySQL's replica status for a column.
func ofReplica(column string) agent.SQLAsk {
	return agent.SQLAsk{SQL: "SHOW REPLICA STATUS", Column: column}
}

// is is a question whose answer must be that.
func is(q agent.SQLAsk, answer string) agent.SQLAsk {
	q.Is = answer
	return q
}

// not turns a question round.
func not(q agent.SQLAsk) agent.SQLAsk {
	q.Not = !q.Not
	return q
}

// saying gives a question its words.
func saying(q agent.SQLAsk, words string) agent.SQLAsk {
	q.Says = words
	return q
}

func ptr(q agent.SQLAsk) *agent.SQLAsk { return &q }

const replicatesFromNobody = "it replicates from nobody"

var (
	isReplica  = saying(ofReplica("Source_Host"), "") // MySQL
	isStandby  = agent.SQLAsk{SQL: "SELECT pg_is_in_recovery()"}
	applierRan = is(ofReplica("Replica_SQL_Running"), "Yes")
)

// Statements with which a MySQL replica that is closed to all takes a write of ours, and is closed again as it was.
// Whoever made it writable meanwhile wins: super_read_only would take read_only with it. The variable lives as long as
// the connection, so that the state is the one at that moment.
var (
	opened = []string{"SET @firedrill_super = @@global.super_read_only", "SET GLOBAL super_read_only = OFF"}
	closed = agent.SQLStep{SQL: []string{"SET GLOBAL super_read_only = IF(@@global.read_only, @firedrill_super, 0)"}, Always: true}
)

package injectors

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/dialect"
)

// Databases by driver, as faults speak to them.
const (
	driverMySQL    = dialect.MySQL
	driverMariaDB  = dialect.MariaDB
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

// inMySQL makes the deeds of all vendors of MySQL, each in its dialect.
func inMySQL(say func(speech) agent.SQLSpec) map[string]func(agent.Database) agent.Deed {
	out := map[string]func(agent.Database) agent.Deed{}
	for _, driver := range dialect.Drivers() {
		d, _ := dialect.Of(driver)
		out[driver] = spoken(say(speech{d}))
	}
	return out
}

// speech is what faults ask and tell a server of MySQL's kind, in its dialect.
type speech struct{ dialect.Dialect }

// ofReplica asks the replica status for a column.
func (s speech) ofReplica(column string) agent.SQLAsk {
	return agent.SQLAsk{SQL: s.Replica, Column: column}
}

func (s speech) isReplica() agent.SQLAsk { return s.ofReplica(s.Status.Source) }

// replicates asks the same for a fault that needs it.
func (s speech) replicates() agent.SQLAsk { return saying(s.isReplica(), replicatesFromNobody) }

func (s speech) applierRan() agent.SQLAsk { return is(s.ofReplica(s.Status.Applier), "Yes") }

// onClosed are statements on a server that is closed to writes.
func (s speech) onClosed(sql ...string) []string { return slices.Concat(s.Unseal, sql) }

// closed has it as it was. The way back to how it was lives as long as the connection, so that the state is the one at
// that moment.
func (s speech) closed() agent.SQLStep { return agent.SQLStep{SQL: s.Seal, Always: true} }

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

var isStandby = agent.SQLAsk{SQL: "SELECT pg_is_in_recovery()"}

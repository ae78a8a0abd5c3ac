package injectors

import (
	"context"
	"fmt"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
)

// ConnectionsParams are the parameters of resource.connections: there are none.
type ConnectionsParams struct{}

var resourceConnectionsDoc = Doc{
	Summary: "a database has no connection left: an application that leaks them holds all that it is granted, and takes what becomes free",
	Targets: "nodes with a database",
	Params:  []Param{},
	Proof:   "how many connections are held, and the words with which the server refuses the next",
	Heal:    "all connections are given back",
	Limits: "they are the application's, from inside the node. The slots that a server keeps for administrators stay free (one in MySQL, " +
		"superuser_reserved_connections in PostgreSQL), so that who manages the database can still log in, as far as they reach. " +
		"Connections that clients have open already go on",
}

type resourceConnections struct{ ConnectionsParams }

func newResourceConnections(p ConnectionsParams) (Fault, error) { return resourceConnections{p}, nil }

func (f resourceConnections) Resolve(_ []Node, targets []string) (any, []string, error) {
	return f.ConnectionsParams, targets, needTargets(targets)
}

func (resourceConnections) Check(_ context.Context, env Env) error {
	for _, n := range env.Targets {
		if n.Application.Driver == "" {
			return fmt.Errorf("on %s: no application logs in there: %w", n.Name, harness.ErrUnavailable)
		}
	}
	return nil
}

func (resourceConnections) Inject(ctx context.Context, env Env) (Effect, error) {
	return env.everywhere(ctx, env.Targets, func(ctx context.Context, n Node) (agent.Stamp, error) {
		db := n.Application
		db.Host = n.Address
		return n.Agent.Do(ctx, env.Fault, agent.ConnectionsSpec{Database: db}, env.atMost)
	})
}

func (resourceConnections) Observe(ctx context.Context, env Env) (string, error) {
	return env.seen(ctx, env.Targets, env.Fault)
}

func (resourceConnections) Heal(ctx context.Context, env Env) (Effect, error) {
	return env.healed(ctx, env.Targets, env.Fault)
}

// Uncrowded matches what `TARGET has connections again` heals.
func Uncrowded(targets ...string) Match {
	return Match{Faults: []string{"resource.connections"}, Targets: targets}
}

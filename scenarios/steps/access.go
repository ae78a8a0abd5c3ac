package steps

import (
	"context"
	"time"

	"github.com/firedrill/firedrill/harness/mysql"
	"github.com/firedrill/firedrill/scenarios"
)

// accessWithin is how long a look at Orchestrator's API is repeated: it may be busy, and never changes its mind.
const accessWithin = 5 * time.Second

// accessForms are who may do what at Orchestrator's API.
var accessForms = []Form{
	{Form: `an anonymous client can read from Orchestrator`, Means: "its HTTP API, from the application's hosts", NeedsTopology: true, Handler: anonymous(mysql.ToRead, mysql.Allowed)},
	{Form: `an anonymous client cannot read from Orchestrator`, Means: "its HTTP API refuses", NeedsTopology: true, Handler: anonymous(mysql.ToRead, mysql.Refused)},
	{Form: `an anonymous client can write to Orchestrator`, Means: "change what it does, by its HTTP API", NeedsTopology: true, Handler: anonymous(mysql.ToWrite, mysql.Allowed)},
	{Form: `an anonymous client cannot write to Orchestrator`, Means: "its HTTP API refuses", NeedsTopology: true, Handler: anonymous(mysql.ToWrite, mysql.Refused)},
	{Form: `an anonymous load balancer can check Orchestrator`, Means: "leader-check, by which it finds the one that leads", NeedsTopology: true, Handler: anonymous(mysql.ToCheck, mysql.Allowed)},
	{Form: `an anonymous load balancer cannot check Orchestrator`, Means: "leader-check is refused, so no Orchestrator seems to lead", NeedsTopology: true, Handler: anonymous(mysql.ToCheck, mysql.Refused)},
	{Form: `a client as "NAME" can read from Orchestrator`, Means: "NAME is user:password, or a header as X-Forwarded-User: dba", NeedsTopology: true, Handler: as(mysql.ToRead, mysql.Allowed)},
	{Form: `a client as "NAME" cannot read from Orchestrator`, Means: "its HTTP API refuses", NeedsTopology: true, Handler: as(mysql.ToRead, mysql.Refused)},
	{Form: `a client as "NAME" can write to Orchestrator`, Means: "change what it does, by its HTTP API", NeedsTopology: true, Handler: as(mysql.ToWrite, mysql.Allowed)},
	{Form: `a client as "NAME" cannot write to Orchestrator`, Means: "its HTTP API refuses", NeedsTopology: true, Handler: as(mysql.ToWrite, mysql.Refused)},
}

func anonymous(wish, answer string) any {
	return func(ctx context.Context, d *scenarios.Drill) error {
		return d.Observe(ctx, text(ctx), scenarios.Is(answer), accessWithin, scenarios.Access(mysql.Identity{}, wish))
	}
}

func as(wish, answer string) any {
	return func(ctx context.Context, d *scenarios.Drill, name string) error {
		who, err := mysql.ParseIdentity(name)
		if err != nil {
			return err
		}
		return d.Observe(ctx, text(ctx), scenarios.Is(answer), accessWithin, scenarios.Access(who, wish))
	}
}

package steps

import (
	"context"
	"time"

	"github.com/firedrill/firedrill/scenarios"
)

// queryForms are for what no other form has words for: SQL, on the nodes themselves, as the administrator.
var queryForms = []Form{
	{
		Form: `the operator runs "NAME" on TARGET`, Means: "SQL, as the database's administrator; no fault: no promise counts from it", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, sql, target string) error {
			return d.RunSQL(ctx, text(ctx), target, sql)
		},
	},
	{
		Form: `the query "NAME" on TARGET gives "NAME" within DURATION`, Means: "SQL, as the database's administrator; the first column of all rows, with commas; the same on all nodes; looks until it does", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, sql, target, want string, within time.Duration) error {
			return d.Observe(ctx, text(ctx), scenarios.Is(want), within, scenarios.Answer(target, sql))
		},
	},
	{
		Form: `the query "NAME" on TARGET gives nothing within DURATION`, Means: "no row; looks until it does", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, sql, target string, within time.Duration) error {
			return d.Observe(ctx, text(ctx), scenarios.Is(scenarios.NoRow), within, scenarios.Answer(target, sql))
		},
	},
}

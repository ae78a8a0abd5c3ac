package steps

import (
	"context"
	"time"

	"github.com/firedrill/firedrill/injectors"
	"github.com/firedrill/firedrill/scenarios"
)

// onDatabase is a form that injects a fault on the databases of a target.
func onDatabase(fault string, p params) any {
	return func(ctx context.Context, d *scenarios.Drill, target string) error {
		return d.Inject(ctx, text(ctx), fault, target, p)
	}
}

func synchronous(mode string) any {
	return func(_ context.Context, d *scenarios.Drill) error { return d.Synchronous(mode) }
}

var databaseForms = []Form{
	{
		Form: `semi-synchronous replication waits for NUMBER replica(s)`, Means: "MySQL: a commit waits until so many have it, and never goes on without",
		Handler: func(_ context.Context, d *scenarios.Drill, replicas int) error { return d.SemiSync(replicas) },
	},
	{Form: `synchronous replication is on`, Means: "Patroni: a commit waits for a standby while there is one", Handler: synchronous("on")},
	{Form: `synchronous replication is strict`, Means: "Patroni: a commit waits for a standby even when there is none", Handler: synchronous("strict")},
	{Form: `synchronous replication is off`, Means: "Patroni: a commit waits for nobody", Handler: synchronous("off")},
	{
		Form: `replication to TARGET is delayed by DURATION`, Means: "MySQL; before the steady state: how the node is set up; after it: a fault",
		Handler: func(ctx context.Context, d *scenarios.Drill, target string, by time.Duration) error {
			return d.Delay(ctx, text(ctx), target, by)
		},
	},
	{
		Form: `replication on TARGET is delayed by DURATION`, Means: "it applies everything late; whole seconds; MySQL", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target string, by time.Duration) error {
			return d.Delay(ctx, text(ctx), target, by)
		},
	},
	{Form: `replication on TARGET is stopped`, Means: "receiver and applier; MySQL", NeedsTopology: true, Handler: onDatabase("replication.stopped", nil)},
	{Form: `the receiver of TARGET is stopped`, Means: "MySQL: the IO thread", NeedsTopology: true, Handler: onDatabase("replication.stopped", params{"thread": injectors.Receiver})},
	{Form: `the applier of TARGET is stopped`, Means: "MySQL: the SQL thread", NeedsTopology: true, Handler: onDatabase("replication.stopped", params{"thread": injectors.Applier})},
	{Form: `replication on TARGET is broken`, Means: "by a row that is there already (error 1062); MySQL", NeedsTopology: true, Handler: onDatabase("replication.broken", nil)},
	{Form: `the relay log of TARGET is torn`, Means: "what it had received and not applied is zeros; MySQL", NeedsTopology: true, Handler: onDatabase("replication.torn_relay_log", nil)},
	{Form: `a lock on TARGET blocks writes`, Means: "of the application's table, as that of a backup; reads go on", NeedsTopology: true, Handler: onDatabase("database.lock", nil)},
	{Form: `a global lock on TARGET blocks writes`, Means: "MySQL: FLUSH TABLES WITH READ LOCK", NeedsTopology: true, Handler: onDatabase("database.lock", params{"scope": injectors.LockGlobal})},
	{Form: `a long transaction on TARGET holds its locks`, Means: "which writers wait for", NeedsTopology: true, Handler: onDatabase("database.transaction", nil)},
	{Form: `an errant transaction is written on TARGET`, Means: "one that no other server has; it cannot be undone; MySQL", NeedsTopology: true, Handler: onDatabase("database.errant", nil)},
	{Form: `TARGET is set read-only by hand`, Means: "and the failover manager is not told", NeedsTopology: true, Handler: onDatabase("database.read_only", nil)},
	{
		Form: `no replica acknowledges semi-synchronous replication`, Means: "commits hang; needs `semi-synchronous replication waits for NUMBER replica(s)`", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill) error {
			return d.Inject(ctx, text(ctx), "semisync.no_acker", "every replica", nil)
		},
	},

	{Form: `replication on TARGET is started`, Means: "after it was stopped", NeedsTopology: true, Handler: heals(injectors.ReplicationStarted)},
	{Form: `replication on TARGET is repaired`, Means: "after it broke, or its relay log was torn", NeedsTopology: true, Handler: heals(injectors.ReplicationRepaired)},
	{Form: `replication on TARGET is no longer delayed`, Means: "after a delay that was a fault", NeedsTopology: true, Handler: heals(injectors.ReplicationUndelayed)},
	{Form: `the lock on TARGET is released`, Means: "and its connection closed", NeedsTopology: true, Handler: heals(injectors.Unlocked)},
	{Form: `the long transaction on TARGET is rolled back`, Means: "and its connection closed", NeedsTopology: true, Handler: heals(injectors.RolledBack)},
	{Form: `TARGET is set writable by hand`, Means: "if it is still the primary", NeedsTopology: true, Handler: heals(injectors.Writable)},
	{
		Form: `the replicas acknowledge again`, Means: "semi-synchronous replication", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill) error { return d.Heal(ctx, injectors.Acknowledged()) },
	},
}

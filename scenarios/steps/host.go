package steps

import (
	"context"
	"time"

	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/injectors"
	"github.com/firedrill/firedrill/scenarios"
)

// hostForms are what befalls processes and whole hosts beyond a plain kill, stop and freeze.
var hostForms = []Form{
	{Form: `"NAME" on TARGET crash-loops`, Means: "killed a short time after each start, until it is started for good", NeedsTopology: true, Handler: on("process.crashloop")},
	{
		Form: `"NAME" on TARGET is killed and restarts after DURATION`, Means: "a slow restart, by the node's own clock", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, process, target string, after time.Duration) error {
			return d.Inject(ctx, text(ctx), "process.restart", target, injectors.RestartParams{Process: process, AfterMS: record.MS(after)})
		},
	},
	{Form: `TARGET is paused`, Means: "the whole host is frozen; its kernel still accepts", NeedsTopology: true, Handler: onTarget("host.paused")},
	{Form: `TARGET [resumes|resume]`, Means: "after it was paused", NeedsTopology: true, Handler: heals(injectors.Unpaused)},
	{Form: `the host of TARGET is rebooted`, Means: "a power cut; it is back after 5 seconds, by its own clock", NeedsTopology: true, Handler: onTarget("host.rebooted")},
	{
		Form: `the host of TARGET is rebooted and is back after DURATION`, Means: "a power cut; it is back by its own clock", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target string, after time.Duration) error {
			return d.Inject(ctx, text(ctx), "host.rebooted", target, injectors.RebootParams{AfterMS: record.MS(after)})
		},
	},
	{
		Form: `the host of TARGET returns with an empty disk`, Means: "a lost host, as a replaced machine: its data is gone for good", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target string) error {
			if err := d.Inject(ctx, text(ctx), "host.wiped", target, nil); err != nil {
				return err
			}
			return heals(injectors.Returned).(func(context.Context, *scenarios.Drill, string) error)(ctx, d, target)
		},
	},
}

// onTarget is a form that does something to a target as a whole.
func onTarget(fault string) any {
	return func(ctx context.Context, d *scenarios.Drill, target string) error {
		return d.Inject(ctx, text(ctx), fault, target, nil)
	}
}

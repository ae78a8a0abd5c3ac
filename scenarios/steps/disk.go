package steps

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/injectors"
	"github.com/firedrill/firedrill/scenarios"
)

var (
	needsVolume = []harness.Fitting{harness.FitVolume}
	needsShim   = []harness.Fitting{harness.FitShim}
)

// breaks is a form that injects a fault on a target, with parameters that do not change.
func breaks(fault string, p any) any {
	return func(ctx context.Context, d *scenarios.Drill, target string) error {
		return d.Inject(ctx, text(ctx), fault, target, p)
	}
}

var diskForms = []Form{
	{Form: `the disk of TARGET is full`, Means: "the data volume, to the last byte", NeedsTopology: true, Fittings: needsVolume, Handler: breaks("disk.full", nil)},
	{Form: `the disk of TARGET is read-only`, Means: "as after an error of the file system: changes fail, reads go on", NeedsTopology: true, Fittings: needsShim, Handler: breaks("disk.readonly", nil)},
	{Form: `the disk of TARGET is slow`, Means: "50 ms longer for each write, 200 ms for each sync", NeedsTopology: true, Fittings: needsShim, Handler: breaks("disk.slow", nil)},
	{
		Form: `the disk of TARGET takes DURATION to sync`, Means: "so much longer for each sync; writes are as quick as ever", NeedsTopology: true, Fittings: needsShim,
		Handler: func(ctx context.Context, d *scenarios.Drill, target string, sync time.Duration) error {
			return d.Inject(ctx, text(ctx), "disk.slow", target, injectors.DiskSlowParams{SyncMS: inMS(sync)})
		},
	},
	{Form: `the disk of TARGET fails`, Means: "I/O errors on writes and syncs", NeedsTopology: true, Fittings: needsShim, Handler: breaks("disk.error", nil)},
	{Form: `the disk of TARGET fails to sync`, Means: "I/O errors on syncs only", NeedsTopology: true, Fittings: needsShim, Handler: breaks("disk.error", injectors.DiskErrorParams{SyncOnly: true})},
	{Form: `the disk of TARGET has room again`, Means: "after it was full", NeedsTopology: true, Handler: heals(injectors.Emptied)},
	{Form: `the disk of TARGET works again`, Means: "after it was read-only, slow or failing; what had ended under it is started again", NeedsTopology: true, Handler: heals(injectors.Mended)},
}

var clockForms = []Form{
	{Form: `the clock of TARGET jumps by DURATION`, Means: "forward", NeedsTopology: true, Fittings: needsShim, Handler: jumps(1)},
	{Form: `the clock of TARGET jumps back by DURATION`, Means: "into the past", NeedsTopology: true, Fittings: needsShim, Handler: jumps(-1)},
	{Form: `the clock of TARGET runs PERCENT fast`, Means: "right at first, and ever more ahead", NeedsTopology: true, Fittings: needsShim, Handler: drifts(1)},
	{Form: `the clock of TARGET runs PERCENT slow`, Means: "right at first, and ever more behind", NeedsTopology: true, Fittings: needsShim, Handler: drifts(-1)},
	{Form: `the clock of TARGET is right again`, Means: "after it jumped or drifted", NeedsTopology: true, Handler: heals(injectors.ClockRight)},
}

func jumps(sign float64) any {
	return func(ctx context.Context, d *scenarios.Drill, target string, by time.Duration) error {
		return d.Inject(ctx, text(ctx), "clock.jump", target, injectors.ClockJumpParams{ByMS: sign * inMS(by)})
	}
}

func drifts(sign float64) any {
	return func(ctx context.Context, d *scenarios.Drill, target, percent string) error {
		p, err := strconv.ParseFloat(strings.TrimSuffix(percent, "%"), 64)
		if err != nil {
			return err
		}
		return d.Inject(ctx, text(ctx), "clock.drift", target, injectors.ClockDriftParams{Percent: sign * p})
	}
}

func inMS(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

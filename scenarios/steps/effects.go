package steps

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/scenarios"
)

// effectForms are what can be seen of a fault from outside. Each looks at the moment of the step.
var effectForms = []Form{
	{Form: `TARGET reaches TARGET on port NUMBER`, Means: "a TCP connection opens", NeedsTopology: true, Handler: reach("connected")},
	{Form: `TARGET does not reach TARGET on port NUMBER`, Means: "a TCP connection meets silence", NeedsTopology: true, Handler: reach("silence")},
	{Form: `TARGET is refused by TARGET on port NUMBER`, Means: "a TCP connection is reset", NeedsTopology: true, Handler: reach("refused")},
	{
		Form: `a round trip from TARGET to TARGET takes at least DURATION`, Means: "the median of 15 TCP exchanges", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, from, to string, dur time.Duration) error {
			return d.Observe(ctx, text(ctx), scenarios.AtLeast(record.MS(dur), "ms"), 0, scenarios.RoundTrip(from, to))
		},
	},
	{
		Form: `a round trip from TARGET to TARGET takes at most DURATION`, Means: "the median of 15 TCP exchanges; looks for 5 seconds", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, from, to string, dur time.Duration) error {
			return d.Observe(ctx, text(ctx), scenarios.AtMost(record.MS(dur), "ms"), again, scenarios.RoundTrip(from, to))
		},
	},
	{
		Form: `at least PERCENT of the round trips from TARGET to TARGET are lost`, Means: "of 200 TCP exchanges", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, share, from, to string) error {
			return d.Observe(ctx, text(ctx), scenarios.AtLeast(percent(share), "%"), 0, scenarios.Loss(from, to))
		},
	},
	{
		Form: `at most PERCENT of the round trips from TARGET to TARGET are lost`, Means: "of 200 TCP exchanges; looks for 5 seconds", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, share, from, to string) error {
			return d.Observe(ctx, text(ctx), scenarios.AtMost(percent(share), "%"), again, scenarios.Loss(from, to))
		},
	},
	{
		Form: `reading NUMBER kilobyte(s) from TARGET takes at least DURATION`, Means: "by the application, from the database there", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, size int, target string, dur time.Duration) error {
			return d.Observe(ctx, text(ctx), scenarios.AtLeast(record.MS(dur), "ms"), 0, scenarios.Reading(target, size))
		},
	},
	{
		Form: `reading NUMBER kilobyte(s) from TARGET takes at most DURATION`, Means: "by the application, from the database there; looks for 5 seconds", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, size int, target string, dur time.Duration) error {
			return d.Observe(ctx, text(ctx), scenarios.AtMost(record.MS(dur), "ms"), again, scenarios.Reading(target, size))
		},
	},
	{
		Form: `a login to TARGET fails`, Means: "for every application, at the database there", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target string) error {
			return d.Observe(ctx, text(ctx), scenarios.AtLeast(100, "% refused"), again, scenarios.Refusals(target))
		},
	},
	{
		Form: `a login to TARGET fails with "NAME"`, Means: "an application is told these words by the database there", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target, words string) error {
			return d.Observe(ctx, text(ctx), scenarios.Bound{Has: words}, again, scenarios.Login(target))
		},
	},
	{
		Form: `a login to TARGET succeeds within DURATION`, Means: "for every application; looks until it does", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target string, within time.Duration) error {
			return d.Observe(ctx, text(ctx), scenarios.Is("ok"), within, scenarios.Login(target))
		},
	},
	{
		Form: `TARGET tells a time at least DURATION ahead`, Means: "the database's clock against the application's", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target string, dur time.Duration) error {
			return d.Observe(ctx, text(ctx), scenarios.AtLeast(record.MS(dur), "ms ahead"), again, scenarios.Clock(target))
		},
	},
	{
		Form: `TARGET tells a time at least DURATION behind`, Means: "the database's clock against the application's", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target string, dur time.Duration) error {
			return d.Observe(ctx, text(ctx), scenarios.AtMost(-record.MS(dur), "ms ahead"), again, scenarios.Clock(target))
		},
	},
	{
		Form: `TARGET tells the right time`, Means: "within a second of the application's; looks for 5 seconds", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target string) error {
			low, high := -1000.0, 1000.0
			return d.Observe(ctx, text(ctx), scenarios.Bound{Min: &low, Max: &high, Unit: "ms ahead"}, again, scenarios.Clock(target))
		},
	},
	{
		Form: `"NAME" resolves to TARGET within DURATION in every datacenter`, Means: "whoever that is; looks until it does", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, name, target string, within time.Duration) error {
			nodes, err := d.Names(ctx, target)
			if err != nil {
				return err
			}
			return d.Observe(ctx, text(ctx), scenarios.Is(nodes[0]), within, scenarios.Resolves(name))
		},
	},
	{
		Form: `"NAME" does not resolve`, Means: "in no datacenter", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, name string) error {
			return d.Observe(ctx, text(ctx), scenarios.Is("nothing"), 0, scenarios.Resolves(name))
		},
	},
	{
		Form: `looking "NAME" up takes at least DURATION`, Means: "in the datacenter where it takes longest", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, name string, dur time.Duration) error {
			return d.Observe(ctx, text(ctx), scenarios.AtLeast(record.MS(dur), "ms"), 0, scenarios.LookingUp(name))
		},
	},
	{
		Form: `"NAME" on TARGET runs within DURATION`, Means: "the process; looks until it does", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, process, target string, within time.Duration) error {
			return d.Observe(ctx, text(ctx), scenarios.Is("runs"), within, scenarios.Runs(process, target))
		},
	},
	{
		Form: `"NAME" on TARGET does not run`, Means: "the process", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, process, target string) error {
			return d.Observe(ctx, text(ctx), scenarios.Is("does not run"), again, scenarios.Runs(process, target))
		},
	},
	{
		Form: `"NAME" on TARGET restarts at least NUMBER time(s) within DURATION`, Means: "counted from this step", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, process, target string, times int, within time.Duration) error {
			return d.Observe(ctx, text(ctx), scenarios.AtLeast(float64(times), "restarts"), within, scenarios.Restarts(process, target))
		},
	},
	{
		Form: `TARGET stops replicating within DURATION`, Means: "by what it says of itself; looks until it does", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target string, within time.Duration) error {
			return d.Observe(ctx, text(ctx), scenarios.Is("does not replicate"), within, scenarios.Replicating(target))
		},
	},
	{
		Form: `TARGET [replicate|replicates] within DURATION`, Means: "from whomever; looks until it does", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target string, within time.Duration) error {
			return d.Observe(ctx, text(ctx), scenarios.Is("replicates"), within, scenarios.Replicating(target))
		},
	},
	{
		Form: `TARGET lags by at least DURATION within DURATION`, Means: "behind its source; looks until it does", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target string, lag, within time.Duration) error {
			return d.Observe(ctx, text(ctx), scenarios.AtLeast(record.MS(lag), "ms behind"), within, scenarios.Lag(target))
		},
	},
	{
		Form: `TARGET lags by at most DURATION within DURATION`, Means: "behind its source; looks until it does", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target string, lag, within time.Duration) error {
			low, high := 0.0, record.MS(lag)
			return d.Observe(ctx, text(ctx), scenarios.Bound{Min: &low, Max: &high, Unit: "ms behind"}, within, scenarios.Lag(target))
		},
	},
	{
		Form: `writes are interrupted for at least DURATION`, Means: "for some application; holds the faults for so long", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, dur time.Duration) error {
			if err := expect(ctx, d, "interruption", params{"min_ms": ms(dur)}); err != nil {
				return err
			}
			return d.AwaitInterruption(ctx, dur)
		},
	},
	{
		Form: `the hook "NAME" failed NUMBER time(s)`, Means: "so many runs ended with another exit code than 0; waits for them", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, name string, times int) error {
			if err := expect(ctx, d, "hook", params{"name": name, "count": times, "failed": true}); err != nil {
				return err
			}
			return d.AwaitFailedHook(ctx, name, times, hookWithin)
		},
	},
}

// again is how long a look is repeated that the noise of a busy machine can spoil.
const again = 5 * time.Second

func reach(want string) any {
	return func(ctx context.Context, d *scenarios.Drill, from, to string, port int) error {
		if port < 1 || port > 65535 {
			return errPort(port)
		}
		return d.Observe(ctx, text(ctx), scenarios.Is(want), again, scenarios.Reach(from, to, port))
	}
}

// percent reads "20%": the form has made sure of its shape.
func percent(s string) float64 {
	v, _ := strconv.ParseFloat(strings.TrimSuffix(s, "%"), 64)
	return v
}

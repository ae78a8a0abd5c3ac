package steps

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/firedrill/firedrill/injectors"
	"github.com/firedrill/firedrill/scenarios"
)

// breaksHook is a form that makes a hook go wrong wherever it is installed.
func breaksHook(mode string) any {
	return func(ctx context.Context, d *scenarios.Drill, name string) error {
		return d.Inject(ctx, text(ctx), "hook", "", injectors.HookParams{Name: name, Mode: mode})
	}
}

// breaksDNS is a form that makes the DNS server go wrong.
func breaksDNS(ctx context.Context, d *scenarios.Drill, p injectors.DNSParams) error {
	return d.Inject(ctx, text(ctx), "dns.server", "", p)
}

func breaksAPI(ctx context.Context, d *scenarios.Drill, p injectors.APIParams) error {
	return d.Inject(ctx, text(ctx), "dns.api", "", p)
}

// healsAll is a form that undoes every fault of a kind.
func healsAll(m injectors.Match) any {
	return func(ctx context.Context, d *scenarios.Drill) error { return d.Heal(ctx, m) }
}

// recoveryBegins bounds the wait for the middle of a recovery: a fault that no manager noticed by then it never will.
const recoveryBegins = 30 * time.Second

var machineryForms = []Form{
	{Form: `the hook "NAME" fails`, Means: "exits 1 having done nothing, on every node that runs it", NeedsTopology: true, Handler: breaksHook(injectors.HookFails)},
	{Form: `the hook "NAME" does nothing`, Means: "exits 0 having done nothing, on every node that runs it", NeedsTopology: true, Handler: breaksHook(injectors.HookIdle)},
	{
		Form: `the hook "NAME" hangs for DURATION`, Means: "and does its work then", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, name string, dur time.Duration) error {
			return d.Inject(ctx, text(ctx), "hook", "", injectors.HookParams{Name: name, Mode: injectors.HookHangs, ForMS: ms(dur)})
		},
	},
	{
		Form: `the hook "NAME" works again`, Means: "the script is back in its place; a wait of one that hangs is over", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, name string) error {
			return d.Heal(ctx, injectors.HookWorks(name))
		},
	},
	{
		Form: `the DNS API answers NUMBER`, Means: "an HTTP status from 400 to 599, to every request", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, status int) error {
			return breaksAPI(ctx, d, injectors.APIParams{Mode: strconv.Itoa(status)})
		},
	},
	{
		Form: `the DNS API answers NUMBER and asks to retry after DURATION`, Means: "429 with Retry-After, in whole seconds", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, status int, after time.Duration) error {
			seconds := after.Seconds()
			if seconds != math.Trunc(seconds) || seconds < 1 {
				return fmt.Errorf("retry after %s: Retry-After has whole seconds", after)
			}
			return breaksAPI(ctx, d, injectors.APIParams{Mode: strconv.Itoa(status), RetryAfter: int(seconds)})
		},
	},
	{
		Form: `the DNS API is unreachable`, Means: "requests run into their timeout", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill) error {
			return breaksAPI(ctx, d, injectors.APIParams{Mode: injectors.APISilent})
		},
	},
	{
		Form: `the DNS API accepts changes and does not serve them`, Means: "it answers 200, and the name stays where it was", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill) error {
			return breaksAPI(ctx, d, injectors.APIParams{Mode: injectors.APIUnserved})
		},
	},
	{Form: `the DNS API works again`, Means: "and serves what it had accepted", NeedsTopology: true, Handler: healsAll(injectors.APIWorks())},
	{
		Form: `the DNS server answers after DURATION`, Means: "every answer is late", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, delay time.Duration) error {
			return breaksDNS(ctx, d, injectors.DNSParams{DelayMS: ms(delay)})
		},
	},
	{
		Form: `the DNS server does not answer`, Means: "questions run into their timeout", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill) error {
			return breaksDNS(ctx, d, injectors.DNSParams{Silent: true})
		},
	},
	{
		Form: `the DNS server answers "NAME"`, Means: "NXDOMAIN, SERVFAIL or REFUSED to every question", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, answer string) error {
			return breaksDNS(ctx, d, injectors.DNSParams{Answer: answer})
		},
	},
	{
		Form: `the DNS server lies: "NAME" is TARGET`, Means: "it tells the address of that node for the name", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, name, target string) error {
			nodes, err := d.Names(ctx, target)
			if err != nil {
				return err
			}
			return breaksDNS(ctx, d, injectors.DNSParams{Name: name, Is: nodes[0]})
		},
	},
	{Form: `the DNS server works again`, Means: "after it was made slow, silent, wrong or lying", NeedsTopology: true, Handler: healsAll(injectors.DNSWorks())},
	{
		Form: `a recovery has begun`, Means: "waits up to 30 seconds until the failover manager has begun to replace the primary: what follows strikes in the middle of it", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill) error { return d.AwaitRecovery(ctx, recoveryBegins) },
	},
}

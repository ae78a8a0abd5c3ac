package linode

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/firedrill/firedrill/harness"
)

// Estimate is what a drill's machines cost, in US dollars.
type Estimate struct {
	Machines int
	Hourly   float64 // of all machines together
	Least    float64 // they are billed for an hour once they were there
	Most     float64 // they stay until the deadline
}

func (e Estimate) String() string {
	return fmt.Sprintf("%d machines, $%.4f an hour: $%.2f if the drill takes less than an hour, $%.2f at the deadline", e.Machines, e.Hourly, e.Least, e.Most)
}

// Price asks the API for the price of the machines of a topology, from now until the deadline. Firewalls, placement groups
// and VPCs cost nothing.
func (p *Provider) Price(ctx context.Context, specs []harness.NodeSpec) (Estimate, error) {
	plan, err := p.client.GetType(ctx, p.opts.Type)
	if err != nil {
		return Estimate{}, fmt.Errorf("ask for the price of %s: %w", p.opts.Type, err)
	}
	if plan.Price == nil {
		return Estimate{}, fmt.Errorf("the API has no price for %s", p.opts.Type)
	}
	e := Estimate{Machines: len(specs)}
	for _, s := range specs {
		hourly := float64(plan.Price.Hourly)
		for _, r := range plan.RegionPrices {
			if r.ID == p.Region(s.Datacenter) {
				hourly = float64(r.Hourly)
			}
		}
		e.Hourly += hourly
	}
	e.Least = e.Hourly
	e.Most = e.Hourly * math.Max(1, math.Ceil(time.Until(p.until).Hours()))
	return e, nil
}

// afford refuses a drill that could cost more than is left of the limit, and keeps what it costs at least.
func (p *Provider) afford(ctx context.Context, specs []harness.NodeSpec) error {
	e, err := p.Price(ctx, specs)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.spent+e.Most > p.opts.MaxCost {
		return fmt.Errorf("the drill may cost $%.2f (%s), $%.2f are spent, and the limit is $%.2f: raise --max-cost, or lower --max-age", e.Most, e, p.spent, p.opts.MaxCost)
	}
	p.spent += e.Least
	_, _ = fmt.Fprintf(p.opts.Progress, "linode: %s\n", e)
	return nil
}

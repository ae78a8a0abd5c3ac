package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/linode"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/reports"
	"github.com/firedrill/firedrill/scenarios"
	"github.com/firedrill/firedrill/scenarios/gherkin"
)

// Providers of nodes.
const (
	onDocker = "docker"
	onLinode = "linode"
)

// linodeFlags are those of `run` that only --provider linode has.
type linodeFlags struct {
	options linode.Options
	pay     bool
}

// linodeFlagNames are refused with another provider: somebody believes that they say something.
var linodeFlagNames = []string{"regions", "type", "image", "admit", "domain", "name-server", "max-cost", "max-age", "i-pay"}

func (f *linodeFlags) add(flags *pflag.FlagSet) {
	o := &f.options
	flags.StringSliceVar(&o.Regions, "regions", nil, "linode: regions, in the order of the topology's datacenters, such as us-east,us-ord,eu-west")
	flags.StringVar(&o.Type, "type", linode.DefaultType, "linode: plan of every machine")
	flags.StringVar(&o.Image, "image", linode.DefaultImage, "linode: image of every machine, a Debian 13 with cloud-init")
	flags.StringVar(&o.Admit, "admit", "", "linode: address or network of this controller, as the machines see it (default: found out)")
	flags.StringVar(&o.Domain, "domain", "", "linode: domain of the account, with the tag "+linode.TagNames+", in which each drill has a name that follows its own")
	flags.StringVar(&o.NameServer, "name-server", "", "linode: address of who answers for the domain (default: Linode's name servers)")
	flags.Float64Var(&o.MaxCost, "max-cost", linode.DefaultMaxCost, "linode: US dollars that all drills together may cost at worst")
	flags.DurationVar(&o.MaxAge, "max-age", linode.DefaultMaxAge, "linode: after this time nothing more is made, and what is left may be cleaned")
	flags.BoolVar(&f.pay, "i-pay", false, "linode: you know that the real API makes machines that cost money")
}

// providerCheck refuses a provider that there is not, and flags that are not its own.
func providerCheck(cmd *cobra.Command, f runFlags) error {
	switch f.provider {
	case onDocker:
		for _, name := range linodeFlagNames {
			if cmd.Flags().Changed(name) {
				return fmt.Errorf("--%s goes with --provider linode", name)
			}
		}
	case onLinode:
		if f.keep {
			return errors.New("--keep: machines that are kept cost money; look at them while the drill runs, or drill on containers")
		}
		if len(f.linode.options.Regions) == 0 {
			return errors.New("--provider linode: name the regions, such as --regions us-east,us-ord")
		}
	default:
		return fmt.Errorf("--provider %q: there are docker and linode", f.provider)
	}
	return nil
}

// configure finds the place where the drills are held.
func configure(ctx context.Context, e *env, f runFlags, cfg scenarios.Config) (scenarios.Config, error) {
	if f.provider == onDocker {
		return scenarios.OnDocker(ctx, cfg, e.self)
	}
	o := f.linode.options
	var err error
	if o.Account, err = linode.FindAccount(e.getenv); err != nil {
		return cfg, err
	}
	if o.Account.Real() && !f.linode.pay && !f.dryRun {
		return cfg, fmt.Errorf("%s makes machines that cost money: look at --dry-run first, and say --i-pay", o.Account)
	}
	if f.dryRun {
		o.Rehearse = e.stdout
	}
	return scenarios.OnLinode(ctx, cfg, e.self, o)
}

// rehearse writes every call that the drills of a selection would make, with the price of each.
func rehearse(ctx context.Context, e *env, f runFlags, sel gherkin.Selection) error {
	cfg, err := configure(ctx, e, f, scenarios.Config{Out: f.out, Progress: e.stderr})
	if err != nil {
		return err
	}
	run := time.Now().UTC().Format(scenarios.RunIDLayout)
	for _, d := range sel.Drills {
		b, err := cfg.Catalogue.Find(d.Topology)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(e.stdout, "# %s (%s)\n", d.ID, d.Topology)
		id := harness.Identity{Run: run, Drill: d.ID}
		nodes, err := cfg.Provider.Up(ctx, id, b.Specs)
		if errors.Is(err, harness.ErrUnavailable) {
			_, _ = fmt.Fprintf(e.stdout, "# not drilled: %s\n", err)
			continue
		}
		if err == nil {
			err = remark(ctx, e, cfg, id, b, nodes)
		}
		if err := errors.Join(err, cfg.Provider.Down(ctx, id)); err != nil {
			return err
		}
	}
	return nil
}

// remark says where a NodeBalancer would not do what a machine of the topology does, and makes the drill's name in the domain.
func remark(ctx context.Context, e *env, cfg scenarios.Config, id harness.Identity, b harness.Blueprint, nodes []*harness.Node) error {
	p, ok := cfg.Provider.(*linode.Provider)
	if !ok {
		return nil
	}
	topology, err := b.Build(nodes, harness.Settings{})
	if err != nil {
		return fmt.Errorf("build %s: %w", b.Name, err)
	}
	found := scenarios.Balanceable(topology, nodes, p.Region)
	if p.Zone() != "" {
		name, err := scenarios.NameOf(b.Name, topology.Endpoints())
		if err != nil {
			found = append(found, record.Finding{Summary: fmt.Sprintf("no name in %s: %s", p.Zone(), err)})
		} else {
			// Where it leads is known when the topology stands.
			if _, err := p.PublicName(ctx, id, topology.Databases()[0].Address, name.TTL); err != nil {
				return err
			}
			found = append(found, linode.Preflight(linode.Wish{Records: []linode.RecordWish{{Name: name.Name, TTL: name.TTL}}})...)
		}
	}
	for _, f := range found {
		_, _ = fmt.Fprintf(e.stdout, "# %s\n", f.Summary)
	}
	return nil
}

// unsettled are the lines of the ledger that a run has left open: residue that costs.
func unsettled(f runFlags, run string) []string {
	if f.provider != onLinode {
		return nil
	}
	open, err := linode.Outstanding(scenarios.LedgerFile(f.out))
	if err != nil {
		return []string{"the ledger of machines cannot be read: " + err.Error()}
	}
	var out []string
	for _, entry := range open {
		if entry.Run == run {
			out = append(out, fmt.Sprintf("%s %s may still be there, and cost: firedrill clean --provider linode --run %s", entry.Kind, entry.Label, run))
		}
	}
	return out
}

// cleanLinode deletes what runs left in an account.
func cleanLinode(ctx context.Context, e *env, out, run string) error {
	account, err := linode.FindAccount(e.getenv)
	if err != nil {
		return err
	}
	removed, err := linode.Clean(ctx, account, scenarios.LedgerFile(out), run, time.Now())
	for _, r := range removed {
		_, _ = fmt.Fprintf(e.stderr, "removed %s %s of run %s\n", r.Kind, r.Label, r.Run)
	}
	if err != nil {
		return exit{reports.ExitResidue, err}
	}
	if len(removed) == 0 {
		_, _ = fmt.Fprintln(e.stderr, "nothing to remove: of runs whose deadline has not passed, name one with --run")
	}
	return nil
}

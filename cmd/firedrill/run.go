package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firedrill/firedrill/features"
	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/reports"
	"github.com/firedrill/firedrill/scenarios"
	"github.com/firedrill/firedrill/scenarios/gherkin"
)

type runFlags struct {
	tags, provider, shard, out, require string
	seed                                int64
	repeat, concurrency, again          int
	dryRun, keep                        bool
	linode                              linodeFlags
}

func runCommand(e *env) *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run [FEATURE...]",
		Short: "Hold drills and write the readiness report",
		Long: "Hold the drills of the given feature files or folders (on disk, or among those that ship; none: all that ship)\n" +
			"and write the readiness report. The last line on standard output is the path of the HTML report.",
		Example: "  firedrill run --tags @smoke\n  firedrill run mysql/primary_loss.feature --repeat 5\n  firedrill run my-drills/ --require mysql\n" +
			"  firedrill run patroni/leader_loss.feature --provider linode --regions us-east,us-ord,eu-west --dry-run",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := providerCheck(cmd, f); err != nil {
				return err
			}
			return hold(cmd.Context(), e, f, args)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.tags, "tags", "", "only scenarios with these tags: @smoke, ~@slow (not), @a,@b (or), @a && @b (and)")
	flags.StringVar(&f.provider, "provider", "docker", "where the nodes run: docker (containers), or linode (virtual machines, which cost money: docs/linode.md)")
	flags.Int64Var(&f.seed, "seed", 0, "seed of every choice that a drill leaves open (default: the clock)")
	flags.IntVar(&f.repeat, "repeat", 1, "hold every drill so many times")
	flags.IntVar(&f.concurrency, "concurrency", 1, "drills at one moment; more than one costs precision on a small machine")
	flags.IntVar(&f.again, "again", 0, "how often to hold a drill again that gave no answer because this machine stalled (never one that failed)")
	flags.StringVar(&f.shard, "shard", "", "I/N: only the I-th of N parts of the drills")
	flags.StringVar(&f.out, "out", scenarios.RunsFolder, "folder of all runs")
	flags.StringVar(&f.require, "require", "", "kinds that must be drilled (mysql, groupreplication, patroni): one that is not makes the run inconclusive")
	flags.BoolVar(&f.dryRun, "dry-run", false, "check and list the drills, at linode also every call and its price; stand nothing up")
	flags.BoolVar(&f.keep, "keep", false, "leave the topologies standing; remove them with `firedrill clean`")
	f.linode.add(flags)
	return cmd
}

func hold(ctx context.Context, e *env, f runFlags, args []string) error {
	sel, err := selection(f, args)
	if err != nil {
		return err
	}
	if f.dryRun && f.provider == onLinode {
		return rehearse(ctx, e, f, sel)
	}
	if f.dryRun {
		for _, d := range sel.Drills {
			_, _ = fmt.Fprintf(e.stdout, "%s\t%s\t%s\t%s\n", d.ID, d.Topology, d.File, d.Name)
		}
		return nil
	}
	if f.seed == 0 {
		f.seed = time.Now().UnixNano()
	}
	cfg, err := configure(ctx, e, f, scenarios.Config{
		Out: f.out, Seed: f.seed, Keep: f.keep, Again: f.again, Progress: e.stderr, Files: features.FS,
	})
	if err != nil {
		return err
	}
	cfg.Environment["command"] = "firedrill " + strings.Join(e.args, " ")
	cfg.Environment["firedrill"] = version() // as linked, which the packages do not know
	run, err := scenarios.NewRun(cfg)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(e.stderr, "run %s: %d drills, seed %d, recorded in %s\n", run.ID, len(sel.Drills)*f.repeat, f.seed, run.Dir)
	if f.provider == onLinode {
		e.costly.Store(&run.ID)
	}
	var holdErr error
	for i := range f.repeat {
		suffix := ""
		if f.repeat > 1 {
			suffix = "-r" + strconv.Itoa(i+1)
		}
		if holdErr = gherkin.Hold(ctx, run, sel, f.concurrency, suffix); holdErr != nil {
			break
		}
	}
	report, err := run.Finish(unsettled(f, run.ID)...)
	if err != nil {
		return exit{reports.ExitInconclusive, err}
	}
	conclude(e, run.Dir, report)
	return outcome(ctx, report, holdErr, f.require)
}

func selection(f runFlags, args []string) (gherkin.Selection, error) {
	var none gherkin.Selection
	if f.repeat < 1 || f.concurrency < 1 || f.again < 0 {
		return none, fmt.Errorf("--repeat and --concurrency are at least 1, and --again is not negative")
	}
	shard, shards, err := parseShard(f.shard)
	if err != nil {
		return none, err
	}
	files, err := gherkin.Load(features.FS, args...)
	if err != nil {
		return none, err
	}
	sel, err := gherkin.Select(files, f.tags, shard, shards)
	if err != nil {
		return none, err
	}
	for _, kind := range kinds(f.require) {
		if !slices.ContainsFunc(scenarios.Kinds(), func(b harness.Blueprint) bool { return b.Kind == kind }) {
			return none, fmt.Errorf("--require %q: there is no such kind of topology", kind)
		}
	}
	return sel, gherkin.Check(sel, scenarios.Kinds())
}

func parseShard(s string) (shard, shards int, err error) {
	if s == "" {
		return 0, 0, nil
	}
	i, n, ok := strings.Cut(s, "/")
	shard, err1 := strconv.Atoi(i)
	shards, err2 := strconv.Atoi(n)
	if !ok || err1 != nil || err2 != nil || shard < 1 || shard > shards {
		return 0, 0, fmt.Errorf("--shard %q: write I/N, such as 1/4", s)
	}
	return shard, shards, nil
}

func kinds(require string) []string {
	return strings.FieldsFunc(require, func(r rune) bool { return r == ',' || r == ' ' })
}

// conclude tells people the answer and scripts where it is.
func conclude(e *env, dir string, r reports.Report) {
	_, _ = fmt.Fprintf(e.stderr, "\n%s: %d drills, score %d\n", r.Verdict, len(r.Drills), r.Score)
	for _, n := range r.NotDrilled {
		_, _ = fmt.Fprintf(e.stderr, "not drilled: %s: %s\n", n.Drill, n.Reason)
	}
	if len(r.Drills) == 0 {
		_, _ = fmt.Fprintln(e.stderr, "nothing was drilled: a run that judged nothing is inconclusive")
	}
	path, err := filepath.Abs(filepath.Join(dir, "report.html"))
	if err != nil {
		path = filepath.Join(dir, "report.html")
	}
	_, _ = fmt.Fprintln(e.stdout, path)
}

// outcome turns a report into the exit code.
func outcome(ctx context.Context, r reports.Report, holdErr error, require string) error {
	code := reports.ExitCode(r)
	switch {
	case code == reports.ExitResidue:
		return exit{code, fmt.Errorf("something could not be healed or removed: see the report, then `firedrill heal --all` and `firedrill clean`")}
	case ctx.Err() != nil:
		return exit{exitInterrupted, nil}
	case holdErr != nil:
		return exit{max(code, reports.ExitInconclusive), holdErr}
	case code != reports.ExitReady:
		return exit{code, nil}
	}
	for _, kind := range kinds(require) {
		for _, n := range r.NotDrilled {
			if b, err := scenarios.Kinds().Find(n.Topology); err == nil && b.Kind == kind {
				return exit{reports.ExitInconclusive, fmt.Errorf("--require %s: %s was not drilled: %s", kind, n.Drill, n.Reason)}
			}
		}
		if !slices.ContainsFunc(r.Drills, func(d reports.DrillResult) bool { return d.Kind == kind }) {
			return exit{reports.ExitInconclusive, fmt.Errorf("--require %s: no drill of that kind was selected", kind)}
		}
	}
	return nil
}

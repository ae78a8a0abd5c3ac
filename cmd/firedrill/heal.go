package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/moby/moby/client"
	"github.com/spf13/cobra"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/docker"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/injectors"
	"github.com/firedrill/firedrill/reports"
	"github.com/firedrill/firedrill/scenarios"
)

func healCommand(e *env) *cobra.Command {
	var all bool
	var out string
	cmd := &cobra.Command{
		Use: "heal [RUN]", Short: "Undo what a killed run left broken", Args: cobra.MaximumNArgs(1),
		Long: "Undo what a killed run left broken, from its faults.jsonl and its labels. RUN is the folder of a run\n" +
			"(default: the latest). Nodes heal by themselves when their controller is gone; this makes sure.",
		RunE: func(cmd *cobra.Command, args []string) error {
			dirs, err := runDirs(out, all, args)
			if err != nil {
				return err
			}
			api, err := docker.Connect(cmd.Context())
			if err != nil {
				return err
			}
			var errs []error
			for _, dir := range dirs {
				errs = append(errs, healRun(cmd.Context(), e, api, dir))
			}
			if err := errors.Join(errs...); err != nil {
				return exit{reports.ExitResidue, err}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "every run in the folder of runs")
	cmd.Flags().StringVar(&out, "out", scenarios.RunsFolder, "folder of all runs")
	return cmd
}

func runDirs(out string, all bool, args []string) ([]string, error) {
	switch {
	case all && len(args) > 0:
		return nil, errors.New("heal: name a run or --all, not both")
	case len(args) == 1:
		return args, nil
	case all:
		drills, err := filepath.Glob(filepath.Join(out, "[0-9]*"))
		return drills, err
	}
	latest, err := filepath.EvalSymlinks(filepath.Join(out, "latest"))
	if err != nil {
		return nil, fmt.Errorf("no latest run in %s: name the folder of a run, or --out", out)
	}
	return []string{latest}, nil
}

func healRun(ctx context.Context, e *env, api *client.Client, dir string) error {
	drills, err := scenarios.DrillDirs(dir)
	if err != nil {
		return err
	}
	if len(drills) == 0 {
		return fmt.Errorf("%s is not the folder of a run", dir)
	}
	var errs []error
	for _, d := range drills {
		if err := healDrill(ctx, e, api, d); err != nil {
			errs = append(errs, fmt.Errorf("heal %s: %w", d, err))
		}
	}
	return errors.Join(errs...)
}

// healDrill heals from the record alone. A drill whose nodes are gone has nothing left to heal.
func healDrill(ctx context.Context, e *env, api *client.Client, dir string) (err error) {
	run, err := record.Load(dir)
	if err != nil {
		return err
	}
	m := run.Manifest
	if m.Provider == onLinode {
		_, _ = fmt.Fprintf(e.stderr, "%s: machines heal by themselves, and cost until they are deleted: firedrill clean --provider linode --run %s\n", m.DrillID, m.RunID)
		return nil
	}
	nodes, err := docker.Attach(ctx, api, m.RunID, m.DrillID)
	defer func() {
		for _, n := range nodes {
			_ = n.Close()
		}
	}()
	if err != nil {
		return err
	}
	if len(nodes) == 0 {
		_, _ = fmt.Fprintf(e.stderr, "%s: its nodes are gone, nothing is left to heal\n", m.DrillID)
		return nil
	}
	rec, err := record.Create(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rec.Close()) }()
	now := func() time.Duration { return time.Since(m.Epoch) }
	dial := func(node string) (injectors.Agent, error) {
		n, ok := nodes[m.DrillID+"/"+node]
		if !ok {
			return nil, fmt.Errorf("node %s: %w", node, os.ErrNotExist)
		}
		n.Report(nil, agent.Monotonic()-int64(now()))
		return n, nil
	}
	if err := injectors.HealRecorded(ctx, nil, run.Faults, dial, rec, now); err != nil {
		return err
	}
	return residue(ctx, e, m.DrillID, nodes)
}

// residue asks every agent what is still in force.
func residue(ctx context.Context, e *env, drill string, nodes map[string]*agent.Client) error {
	var errs []error
	for name, n := range nodes {
		faults, err := n.Faults(ctx)
		if err != nil {
			errs = append(errs, err)
		}
		for _, f := range faults {
			errs = append(errs, fmt.Errorf("%s still has %s in force", name, f.Fault))
		}
	}
	if len(errs) == 0 {
		_, _ = fmt.Fprintf(e.stderr, "%s: %d nodes, nothing is in force\n", drill, len(nodes))
	}
	return errors.Join(errs...)
}

func cleanCommand(e *env) *cobra.Command {
	var all bool
	var provider, run, out string
	cmd := &cobra.Command{
		Use: "clean", Short: "Remove what runs left: containers, networks and volumes, by label only", Args: cobra.NoArgs,
		Long: "Remove the containers, networks and volumes that runs left. Only what carries Firedrill's label is touched, and runs\n" +
			"whose process still lives are spared. --all removes those too, and the agents' volumes; images stay. --run removes\n" +
			"what one run left, and nothing of others.\n\n" +
			"--provider linode deletes in the account of LINODE_TOKEN what has Firedrill's prefix, its tags, and a deadline that has\n" +
			"passed; of the run that --run names it deletes everything, so see first that the run is over.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case provider == onLinode && all:
				return errors.New("clean: --all is for docker: at linode, name the run with --run")
			case provider == onLinode:
				return cleanLinode(cmd.Context(), e, out, run)
			case provider != onDocker:
				return fmt.Errorf("--provider %q: there are docker and linode", provider)
			}
			return cleanDocker(cmd.Context(), e, run, all)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "docker: also runs whose process lives, and the agents' volumes")
	cmd.Flags().StringVar(&provider, "provider", onDocker, "where to look: docker or linode")
	cmd.Flags().StringVar(&run, "run", "", "only what this run left; at linode its deadline need not have passed, so it must be over")
	cmd.Flags().StringVar(&out, "out", scenarios.RunsFolder, "linode: folder of all runs, which has the ledger")
	return cmd
}

func cleanDocker(ctx context.Context, e *env, run string, all bool) error {
	api, err := docker.Connect(ctx)
	if err != nil {
		return err
	}
	removed, err := docker.Clean(ctx, api, run, all)
	for _, r := range removed {
		_, _ = fmt.Fprintf(e.stderr, "removed run %s: %d containers, %d networks, %d volumes\n", r.Run, r.Containers, r.Networks, r.Volumes)
	}
	if len(removed) == 0 && err == nil {
		_, _ = fmt.Fprintln(e.stderr, "nothing to remove")
	}
	if err != nil {
		return exit{reports.ExitResidue, err}
	}
	return nil
}

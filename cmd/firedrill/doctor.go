package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/firedrill/firedrill/harness/docker"
	"github.com/firedrill/firedrill/harness/images"
	"github.com/firedrill/firedrill/reports"
	"github.com/firedrill/firedrill/scenarios"
)

// finding is one line of the doctor's: what was looked at, whether it is well, and what to do about it.
type finding struct {
	What   string `json:"what"`
	OK     bool   `json:"ok"`
	Says   string `json:"says"`
	Drills bool   `json:"drills"` // without it nothing can be drilled
}

func doctorCommand(e *env) *cobra.Command {
	var format string
	var build bool
	cmd := &cobra.Command{
		Use: "doctor", Short: "What can be drilled here, what cannot, and what to do about it", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found := examine(cmd.Context(), e, build)
			if format != "" && format != "text" {
				if err := printJSON(e, format, found); err != nil {
					return err
				}
			}
			well := true
			for _, f := range found {
				well = well && (f.OK || !f.Drills)
				if format == "" || format == "text" {
					mark := map[bool]string{true: "ok     ", false: "missing"}[f.OK]
					_, _ = fmt.Fprintf(e.stdout, "%s  %-14s %s\n", mark, f.What, f.Says)
				}
			}
			if !well {
				return exit{reports.ExitInconclusive, nil}
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", "", "json: for scripts")
	cmd.Flags().BoolVar(&build, "build", false, "also build the images that are missing")
	return cmd
}

func examine(ctx context.Context, e *env, build bool) []finding {
	api, err := docker.Connect(ctx)
	if err != nil {
		return []finding{{What: "engine", Says: err.Error(), Drills: true}}
	}
	p := docker.New(api, docker.Options{})
	env := p.Environment(ctx)
	found := []finding{{What: "engine", OK: true, Says: fmt.Sprintf("%s, %s cpus, %s MB, kernel %s", env["engine"], env["cpus"], env["memory_mb"], env["kernel"]), Drills: true}}
	builder := images.New(api, e.stderr, images.Options{})
	found = append(found, orchestrator(ctx, builder))
	if build {
		_, err := builder.Ensure(ctx)
		if err != nil && !errors.Is(err, images.ErrNoOrchestrator) {
			return append(found, finding{What: "images", Says: err.Error(), Drills: true})
		}
	}
	return append(append(found, imageState(ctx, builder)...), topologies(found)...)
}

func orchestrator(ctx context.Context, b *images.Builder) finding {
	source, err := b.FindOrchestrator(ctx)
	if err != nil {
		return finding{What: "orchestrator", Says: err.Error()}
	}
	return finding{What: "orchestrator", OK: true, Says: source.String()}
}

func imageState(ctx context.Context, b *images.Builder) []finding {
	missing, err := b.Missing(ctx)
	if err != nil {
		return []finding{{What: "images", Says: err.Error(), Drills: true}}
	}
	if len(missing) == 0 {
		return []finding{{What: "images", OK: true, Says: "all there", Drills: true}}
	}
	var out []finding
	for _, o := range b.Obstacles(ctx) {
		if !errors.Is(o, images.ErrNoOrchestrator) {
			out = append(out, finding{What: "images", Says: o.Error(), Drills: true})
		}
	}
	if len(out) == 0 {
		out = append(out, finding{What: "images", OK: true, Says: fmt.Sprintf("%d to build at the first run: %v", len(missing), missing), Drills: true})
	}
	return out
}

// topologies says of each what stands in its way.
func topologies(found []finding) []finding {
	haveOrchestrator := false
	for _, f := range found {
		haveOrchestrator = haveOrchestrator || f.What == "orchestrator" && f.OK
	}
	var out []finding
	for _, b := range scenarios.Kinds() {
		f := finding{What: b.Name, OK: true, Says: b.Summary}
		for _, c := range b.Components() {
			if c == "orchestrator" && !haveOrchestrator {
				f.OK, f.Says = false, "needs Orchestrator"
			}
		}
		out = append(out, f)
	}
	return out
}

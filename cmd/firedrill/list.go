package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firedrill/firedrill/features"
	"github.com/firedrill/firedrill/injectors"
	"github.com/firedrill/firedrill/scenarios"
	"github.com/firedrill/firedrill/scenarios/gherkin"
	"github.com/firedrill/firedrill/scenarios/steps"
	"github.com/firedrill/firedrill/verifiers"
)

// listing is one thing that can be listed: data for scripts, and a line or more for people.
type listing struct {
	data func() (any, error)
	text func(w io.Writer) error
}

func listings() map[string]listing {
	return map[string]listing{
		"drills":     {drillData, drillText},
		"topologies": {topologyData, topologyText},
		"faults":     {func() (any, error) { return injectors.Builtin().List(), nil }, faultText},
		"steps":      {stepData, stepText},
		"verifiers":  {func() (any, error) { return verifiers.Builtin(), nil }, verifierText},
	}
}

func listCommand(e *env) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use: "list drills|topologies|faults|steps|verifiers", Short: "List what there is",
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"drills", "topologies", "faults", "steps", "verifiers"},
		RunE: func(_ *cobra.Command, args []string) error {
			l := listings()[args[0]]
			if format == "" || format == "text" {
				return l.text(e.stdout)
			}
			data, err := l.data()
			if err != nil {
				return err
			}
			return printJSON(e, format, data)
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", "", "json: for scripts")
	return cmd
}

func printJSON(e *env, format string, data any) error {
	if format != "json" {
		return fmt.Errorf("-o %q: there is json", format)
	}
	out := json.NewEncoder(e.stdout)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(data)
}

func shipped() ([]gherkin.Drill, error) {
	files, err := gherkin.Load(features.FS)
	if err != nil {
		return nil, err
	}
	sel, err := gherkin.Select(files, "", 0, 0)
	return sel.Drills, err
}

type drillEntry struct {
	ID       string   `json:"id"`
	Feature  string   `json:"feature"`
	Scenario string   `json:"scenario"`
	File     string   `json:"file"`
	Topology string   `json:"topology"`
	Tags     []string `json:"tags"`
}

func drillData() (any, error) {
	drills, err := shipped()
	var out []drillEntry
	for _, d := range drills {
		out = append(out, drillEntry{d.ID, d.Feature, d.Name, d.File, d.Topology, d.Tags})
	}
	return out, err
}

func drillText(w io.Writer) error {
	drills, err := shipped()
	file := ""
	for _, d := range drills {
		if d.File != file {
			file = d.File
			_, _ = fmt.Fprintf(w, "%s\n", file)
		}
		_, _ = fmt.Fprintf(w, "  %-70s %-12s %s\n", d.Name, d.Topology, strings.Join(d.Tags, " "))
	}
	return err
}

type topologyEntry struct {
	Name    string   `json:"name"`
	Kind    string   `json:"kind"`
	Summary string   `json:"summary"`
	Nodes   []string `json:"nodes"`
}

func topologyData() (any, error) {
	var out []topologyEntry
	for _, b := range scenarios.Kinds() {
		t := topologyEntry{Name: b.Name, Kind: b.Kind, Summary: b.Summary}
		for _, s := range b.Specs {
			t.Nodes = append(t.Nodes, s.Name+" ("+s.Component+", "+s.Datacenter+")")
		}
		out = append(out, t)
	}
	return out, nil
}

func topologyText(w io.Writer) error {
	data, err := topologyData()
	for _, t := range data.([]topologyEntry) {
		_, _ = fmt.Fprintf(w, "%s (%s): %s\n  %s\n", t.Name, t.Kind, t.Summary, strings.Join(t.Nodes, ", "))
	}
	return err
}

func faultText(w io.Writer) error {
	for _, f := range injectors.Builtin().List() {
		_, _ = fmt.Fprintf(w, "%s: %s\n  targets: %s\n", f.Name, f.Summary, f.Targets)
		for _, p := range f.Params {
			if !p.Filled {
				_, _ = fmt.Fprintf(w, "  %s: %s%s\n", p.Name, p.Meaning, defaultOf(p))
			}
		}
		_, _ = fmt.Fprintf(w, "  proof: %s\n  heal: %s\n  limits: %s\n", f.Proof, f.Heal, f.Limits)
		for _, need := range f.Fittings {
			_, _ = fmt.Fprintf(w, "  needs: %s\n", need.Means())
		}
	}
	return nil
}

func defaultOf(p injectors.Param) string {
	if p.Required {
		return " (required)"
	}
	return " (default: " + p.Default + ")"
}

type stepEntry struct {
	Form  string `json:"form"`
	Means string `json:"means"`
}

func stepData() (any, error) {
	var out []stepEntry
	for _, f := range steps.All() {
		out = append(out, stepEntry{f.Form, f.Means})
	}
	return out, nil
}

func stepText(w io.Writer) error {
	_, _ = fmt.Fprintf(w, "Given, When, Then, And and But are interchangeable before a form. [a|b] is a choice, (s) may be left out.\n"+
		"DURATION is 30 seconds, 500 milliseconds or 2 minutes. TARGET is one of:\n  %s\n\n", strings.Join(scenarios.Targets, ", "))
	for _, f := range steps.All() {
		_, _ = fmt.Fprintf(w, "%s\n    %s\n", f.Form, f.Means)
	}
	return nil
}

func verifierText(w io.Writer) error {
	for _, v := range verifiers.Builtin() {
		_, _ = fmt.Fprintf(w, "%s: %s\n", v.Name, v.Summary)
		for _, p := range v.Params {
			_, _ = fmt.Fprintf(w, "  %s (%s): %s\n", p.Name, p.Type, p.Doc)
		}
	}
	return nil
}

package scenarios

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/docker"
	"github.com/firedrill/firedrill/harness/groupreplication"
	"github.com/firedrill/firedrill/harness/images"
	"github.com/firedrill/firedrill/harness/linode"
	"github.com/firedrill/firedrill/harness/mysql"
	"github.com/firedrill/firedrill/harness/patroni"
	"github.com/firedrill/firedrill/injectors"
)

// Kinds is every kind of topology that ships. A new one is one line here.
func Kinds() harness.Catalogue {
	return harness.NewCatalogue(mysql.Kind{}, groupreplication.Kind{}, patroni.Kind{})
}

// OnDocker completes a configuration with the Docker engine of this machine, everything that ships, and the budgets
// of the environment. self is this program's file, if it can serve as the agent; else the agent is built.
func OnDocker(ctx context.Context, cfg Config, self string) (Config, error) {
	api, err := docker.Connect(ctx)
	if err != nil {
		return cfg, err
	}
	subnet, err := docker.ParseSubnet(os.Getenv(docker.SubnetVariable))
	if err != nil {
		return cfg, err
	}
	arch, err := docker.Architecture(ctx, api)
	if err != nil {
		return cfg, err
	}
	binary, err := docker.FindAgent(ctx, self, arch)
	if err != nil {
		return cfg, err
	}
	if cfg, err = completed(cfg); err != nil {
		return cfg, err
	}
	cfg.Provider = docker.New(api, docker.Options{
		Images: images.New(api, cfg.Progress, images.Options{}), Binary: binary, Subnet: subnet, Progress: cfg.Progress,
	})
	cfg.Environment = environment(cfg.Provider.Environment(ctx))
	return cfg, nil
}

// completed fills in what does not depend on where the nodes run.
func completed(cfg Config) (Config, error) {
	if cfg.Budgets == (Budgets{}) {
		var err error
		if cfg.Budgets, err = DefaultBudgets(); err != nil {
			return cfg, err
		}
	}
	if cfg.Progress == nil {
		cfg.Progress = io.Discard
	}
	cfg.Catalogue, cfg.Faults = Kinds(), injectors.Builtin()
	return cfg, nil
}

// OnLinode completes a configuration with an account at Linode, as OnDocker does with an engine. What the options leave
// open is filled in: the ledger beside the runs, the agent, and the images' recipes as what is installed on machines.
func OnLinode(ctx context.Context, cfg Config, self string, o linode.Options) (Config, error) {
	cfg, err := completed(cfg)
	if err != nil {
		return cfg, err
	}
	cfg.Budgets = cfg.Budgets.onMachines()
	if o.Binary, err = docker.FindAgent(ctx, self, machineArchitecture); err != nil {
		return cfg, err
	}
	if o.Ledger == "" {
		o.Ledger = LedgerFile(cfg.Out)
	}
	o.Setup, o.Progress = byRecipe, cfg.Progress
	if cfg.Provider, err = linode.New(ctx, o); err != nil {
		return cfg, err
	}
	cfg.Environment = environment(cfg.Provider.Environment(ctx))
	return cfg, nil
}

// machineArchitecture is that of all plans at Linode.
const machineArchitecture = "amd64"

// LedgerFile has what runs ordered and deleted at Linode. It is beside the runs and not in them: what a killed run left is
// found there by the next process.
func LedgerFile(out string) string {
	if out == "" {
		out = RunsFolder
	}
	return filepath.Join(out, "linode-ledger.jsonl")
}

// byRecipe installs a machine by the recipe of the image that a container would run.
func byRecipe(s harness.NodeSpec) (linode.Recipe, error) {
	image := images.ImageOf(s)
	if image == images.MySQLVIP || image == images.PatroniVIP {
		return linode.Recipe{}, fmt.Errorf("a virtual address: a network of Linode's gives an address to one machine only: %w", harness.ErrUnavailable)
	}
	r, err := images.RecipeOf(image)
	out := linode.Recipe{Script: r.Script, Env: r.Env}
	for _, f := range r.Files {
		out.Files = append(out.Files, agent.File{Path: f.Path, Mode: uint32(f.Mode), Data: f.Data})
	}
	return out, err
}

// environment adds what this program knows of itself to what the provider says of where the nodes run.
func environment(env map[string]string) map[string]string {
	env["firedrill"], env["go"] = version(), runtime.Version()
	if host, err := os.Hostname(); err == nil {
		env["controller"] = host
	}
	return env
}

// version of this program, from the build.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			v = fmt.Sprintf("%s (%s)", v, s.Value[:12])
		}
	}
	return v
}

package scenarios

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/docker"
	"github.com/firedrill/firedrill/harness/groupreplication"
	"github.com/firedrill/firedrill/harness/images"
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
	if cfg.Budgets == (Budgets{}) {
		if cfg.Budgets, err = DefaultBudgets(); err != nil {
			return cfg, err
		}
	}
	if cfg.Progress == nil {
		cfg.Progress = io.Discard
	}
	cfg.Provider = docker.New(api, docker.Options{
		Images: images.New(api, cfg.Progress, images.Options{}), Binary: binary, Subnet: subnet, Progress: cfg.Progress,
	})
	cfg.Catalogue, cfg.Faults = Kinds(), injectors.Builtin()
	cfg.Environment = environment(cfg.Provider.Environment(ctx))
	return cfg, nil
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

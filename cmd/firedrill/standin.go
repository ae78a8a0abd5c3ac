package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/firedrill/firedrill/harness/docker"
	"github.com/firedrill/firedrill/harness/images"
	"github.com/firedrill/firedrill/harness/linode/machines"
	"github.com/firedrill/firedrill/harness/linode/standin"
)

// standinCommand serves the stand-in for the Linode API: in the endpoint node of a drill, and for users' own tests
// of what they do with the API.
func standinCommand(e *env) *cobra.Command {
	var cfg standin.Config
	var kind string
	cmd := &cobra.Command{
		Use: "linode-standin", Args: cobra.NoArgs,
		Short: "Serve a stand-in for the Linode API, and the DNS behind its records",
		Long: "Serve a stand-in for the Linode API, and the DNS behind its records, for tests without an account: domains,\n" +
			"instances, firewalls, VPCs, placement groups, NodeBalancers, tags, events. The bearer token that it accepts is read\n" +
			"from LINODE_TOKEN. Instances are on paper, or (--machines docker) containers with systemd, sshd and cloud-init on the\n" +
			"Docker engine of this machine, and NodeBalancers HAProxy, which end with the stand-in. See docs/linode.md.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg.Token = e.getenv("LINODE_TOKEN")
			if cfg.Token == "" {
				return errors.New("LINODE_TOKEN is not set: set it to the token that the stand-in should accept")
			}
			switch kind {
			case "paper":
				return standin.Run(cmd.Context(), cfg)
			case "docker":
				return onMachines(cmd.Context(), e, cfg)
			}
			return fmt.Errorf("--machines %q: there are paper and docker", kind)
		},
	}
	cmd.Flags().StringVar(&kind, "machines", "paper", "what an instance is: paper (nothing runs), or docker (a container that is a system)")
	cmd.Flags().StringVar(&cfg.API, "api", "127.0.0.1:8080", "address of the API")
	cmd.Flags().StringVar(&cfg.DNS, "dns", "127.0.0.1:8053", "address of the DNS server, UDP and TCP")
	cmd.Flags().StringVar(&cfg.Control, "control", "", "address of the fault switch (default: none)")
	cmd.Flags().StringVar(&cfg.StateFile, "state", "", "file that keeps all objects (default: memory only)")
	return cmd
}

// onMachines serves instances that run, and removes them at the end.
func onMachines(ctx context.Context, e *env, cfg standin.Config) (err error) {
	if cfg.StateFile != "" {
		return errors.New("--state is not for --machines docker: the machines end with the stand-in")
	}
	api, err := docker.Connect(ctx)
	if err != nil {
		return err
	}
	m, err := machines.New(ctx, api, images.New(api, e.stderr, images.Options{}), fmt.Sprintf("linode-standin-%d", os.Getpid()))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close(context.WithoutCancel(ctx))) }()
	cfg.Machines = m
	return standin.Run(ctx, cfg)
}

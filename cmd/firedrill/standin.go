package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/firedrill/firedrill/harness/linode/standin"
)

// standinCommand serves the stand-in for the Linode API: in the endpoint node of a drill, and for users' own tests
// of their hooks.
func standinCommand(e *env) *cobra.Command {
	var cfg standin.Config
	cmd := &cobra.Command{
		Use: "linode-standin", Args: cobra.NoArgs,
		Short: "Serve a stand-in for the Linode API's domain records, and the DNS behind them",
		Long: "Serve a stand-in for the Linode API's domain records, and the DNS behind them, for testing a failover hook\n" +
			"without an account. The bearer token that it accepts is read from LINODE_TOKEN.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg.Token = e.getenv("LINODE_TOKEN")
			if cfg.Token == "" {
				return errors.New("LINODE_TOKEN is not set: set it to the token that the stand-in should accept")
			}
			return standin.Run(cmd.Context(), cfg)
		},
	}
	cmd.Flags().StringVar(&cfg.API, "api", "127.0.0.1:8080", "address of the API")
	cmd.Flags().StringVar(&cfg.DNS, "dns", "127.0.0.1:8053", "address of the DNS server, UDP and TCP")
	cmd.Flags().StringVar(&cfg.Control, "control", "", "address of the fault switch (default: none)")
	cmd.Flags().StringVar(&cfg.StateFile, "state", "", "file that keeps the records (default: memory only)")
	return cmd
}

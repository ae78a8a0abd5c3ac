package main

import (
	"github.com/spf13/cobra"

	"github.com/firedrill/firedrill/harness/failover"
)

// dnsFailoverCommand is the controller of a topology over two regions; nobody types it.
func dnsFailoverCommand(e *env) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use: "dns-failover", Short: "Move a name to the other region when the one that it leads to is lost", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, token, err := failover.Read(path, e.getenv)
			if err != nil {
				return err
			}
			return failover.Run(cmd.Context(), cfg, token)
		},
	}
	cmd.Flags().StringVar(&path, "config", "/etc/firedrill/dns-failover.json", "file of its configuration")
	return cmd
}

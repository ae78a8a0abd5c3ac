package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/agent/node"
	"github.com/firedrill/firedrill/harness/dns"
)

// agentCommand is what runs inside every node; nobody types it.
func agentCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "agent", Short: "The process inside every node", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return node.Run(cmd.Context(), node.Options{Version: version(), Lookup: lookup})
		},
	}
	cmd.AddCommand(&cobra.Command{
		Use: "connect", Short: "Bridge standard input and output to the agent", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return node.Connect(cmd.Context(), agent.Socket, e.stdin, e.stdout)
		},
	})
	return cmd
}

// lookup is how endpoint probes ask a resolver.
func lookup(ctx context.Context, resolver, name string) (string, int, error) {
	r, err := dns.Lookup(ctx, resolver, name)
	return r.Address, int(r.TTL.Seconds()), err
}

package main

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/agent/node"
	"github.com/firedrill/firedrill/harness/dns"
)

// agentCommand is what runs inside every node; nobody types it.
func agentCommand(e *env) *cobra.Command {
	var spare []string
	var state string
	cmd := &cobra.Command{
		Use: "agent", Short: "The process inside every node", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts := node.Options{Version: version(), Lookup: lookup, State: state}
			for _, s := range spare {
				a, err := netip.ParseAddr(s)
				if err != nil {
					return fmt.Errorf("--spare: %w", err)
				}
				opts.Spare = append(opts.Spare, a)
			}
			return node.Run(cmd.Context(), opts)
		},
	}
	cmd.Flags().StringSliceVar(&spare, "spare", nil, "addresses of a controller that no packet rule of a fault hits")
	cmd.Flags().StringVar(&state, "state", "", "file that keeps the processes over a reboot of the machine")
	cmd.AddCommand(&cobra.Command{
		Use: "connect", Short: "Bridge standard input and output to the agent", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return node.Connect(cmd.Context(), agent.Socket, e.stdin, e.stdout)
		},
	})
	cmd.AddCommand(&cobra.Command{
		Use: "hog LEAVE VICTIM", Short: "Take the node's memory, but for LEAVE bytes; all of it until process VICTIM is killed (0: none)", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			leave, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil {
				return err
			}
			victim, err := strconv.Atoi(args[1])
			if err != nil {
				return err
			}
			return node.Hog(cmd.Context(), leave, victim)
		},
	}, &cobra.Command{
		Use: "limit-files PID SOFT", Short: "Limit the open files of a process of the same user; negative: look", Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			pid, err := strconv.Atoi(args[0])
			if err != nil {
				return err
			}
			soft, err := strconv.ParseInt(args[1], 10, 64)
			if err != nil {
				return err
			}
			return node.LimitFiles(e.stdout, pid, soft)
		},
	})
	return cmd
}

// lookup is how endpoint probes ask a resolver.
func lookup(ctx context.Context, resolver, name string) (string, int, error) {
	r, err := dns.Lookup(ctx, resolver, name)
	return r.Address, int(r.TTL.Seconds()), err
}

package main

import (
	"github.com/spf13/cobra"

	"github.com/firedrill/firedrill/harness/dns"
)

// resolverCommand is a datacenter's caching resolver, in a node of a drill; nobody types it.
func resolverCommand() *cobra.Command {
	var listen, upstream string
	var cache dns.Cache
	cmd := &cobra.Command{
		Use: "resolver", Short: "Answer DNS questions from memory, for as long as the answers may be kept", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := dns.ListenResolver(listen, upstream, cache)
			if err != nil {
				return err
			}
			return r.Serve(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:53", "address, UDP and TCP")
	cmd.Flags().StringVar(&upstream, "upstream", "", "address of the server that knows the answers")
	cmd.Flags().DurationVar(&cache.Min, "min-ttl", 0, "keep nothing for less")
	cmd.Flags().DurationVar(&cache.Max, "max-ttl", 0, "keep nothing for longer (default: as long as it may be)")
	return cmd
}

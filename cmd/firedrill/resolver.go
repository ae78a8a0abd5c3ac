package main

import (
	"fmt"
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/firedrill/firedrill/harness/dns"
)

// resolverCommand is a datacenter's caching resolver, in a node of a drill; nobody types it.
func resolverCommand() *cobra.Command {
	var listen, upstream string
	var cache dns.Cache
	var local map[string]string
	cmd := &cobra.Command{
		Use: "resolver", Short: "Answer DNS questions from memory, for as long as the answers may be kept", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			names := dns.Local{}
			for name, address := range local {
				a, err := netip.ParseAddr(address)
				if err != nil {
					return fmt.Errorf("answer %s locally: %w", name, err)
				}
				names[name] = a
			}
			r, err := dns.ListenResolver(listen, upstream, cache, names)
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
	cmd.Flags().StringToStringVar(&local, "local", nil, "name=address: answered without asking; may be repeated")
	return cmd
}

package main

import (
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/firedrill/firedrill/harness/appconfig"
)

// appConfigCommand is the way to an application's host of a drill by which its configuration is changed; nobody types it.
func appConfigCommand() *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use: "app-config COMMAND...", Short: "Run a command with each address that is sent", Hidden: true, Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			server := &http.Server{Addr: listen, Handler: appconfig.Handler(args), ReadHeaderTimeout: 5 * time.Second}
			return server.ListenAndServe()
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8090", "address")
	return cmd
}

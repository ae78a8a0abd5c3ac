package main

import (
	"github.com/spf13/cobra"

	"github.com/firedrill/firedrill/harness/dialect"
	"github.com/firedrill/firedrill/harness/web"
)

// webCommand is the application tier of a drilled region; nobody types it.
func webCommand(e *env) *cobra.Command {
	var cfg web.Config
	cmd := &cobra.Command{
		Use: "web", Short: "Write to a region's database for those who ask over HTTP", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg.Database.Driver, cfg.Database.Password = dialect.MySQL, e.getenv("MYSQL_PWD")
			return web.Run(cmd.Context(), cfg)
		},
	}
	cmd.Flags().StringVar(&cfg.Listen, "listen", ":8000", "address of the answers")
	cmd.Flags().StringVar(&cfg.Database.Host, "host", "127.0.0.1", "of the database")
	cmd.Flags().IntVar(&cfg.Database.Port, "port", 3306, "of the database")
	cmd.Flags().StringVar(&cfg.Database.User, "user", "app", "whom to write as")
	cmd.Flags().StringVar(&cfg.Database.Name, "database", "firedrill", "where the table is")
	cmd.Flags().StringVar(&cfg.Check, "check", web.CheckWrite, "what the health check has to be able to do: connect or write")
	cmd.Flags().StringVar(&cfg.Peer, "peer", "", "URL of the other region's health check")
	return cmd
}

package main

import (
	"github.com/spf13/cobra"

	"github.com/firedrill/firedrill/harness/mysqlcheck"
)

// mysqlCheckCommand is the health check on the database nodes of a drill that has a proxy; nobody types it.
func mysqlCheckCommand(e *env) *cobra.Command {
	var cfg mysqlcheck.Config
	cmd := &cobra.Command{
		Use: "mysql-check", Short: "Tell a proxy whether the MySQL server here takes writes", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg.Password = e.getenv("MYSQL_PWD")
			return mysqlcheck.Run(cmd.Context(), cfg)
		},
	}
	cmd.Flags().StringVar(&cfg.Listen, "listen", ":9200", "address of the answers")
	cmd.Flags().StringVar(&cfg.Socket, "socket", "/run/mysqld/mysqld.sock", "socket of the server")
	cmd.Flags().StringVar(&cfg.User, "user", "app", "whom to ask as")
	return cmd
}

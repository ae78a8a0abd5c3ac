// Package mysqlcheck tells a proxy over HTTP whether the MySQL server beside it takes writes: the health check without
// which a proxy in front of MySQL cannot tell a primary from a replica. It runs on every database node.
package mysqlcheck

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Config says which server is asked, and where the answers are given.
type Config struct {
	Listen   string // host:port
	Socket   string // of the server
	User     string // may be one that can do nothing: no privilege is needed to read a variable
	Password string
}

// patience is how long the server is waited for: one that hangs takes no writes. It must be shorter than the proxy's
// own time-out, so that the proxy hears why.
const patience = 900 * time.Millisecond

// State is what the server says of itself.
type State struct {
	ReadOnly bool
	Err      error // it did not answer
}

// Look asks the server.
type Look func(ctx context.Context) State

// Run answers until ctx ends, and then returns nil.
func Run(ctx context.Context, cfg Config) error {
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen for health checks: %w", err)
	}
	look, err := over(cfg)
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: Handler(look), ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { srv.Close() })
	defer stop()
	if err := srv.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve health checks on %s: %w", cfg.Listen, err)
	}
	return nil
}

// over looks through a connection of its own each time: a server that has no connection left for a check has none for
// an application either.
func over(cfg Config) (Look, error) {
	dsn := mysql.NewConfig()
	dsn.User, dsn.Passwd, dsn.Net, dsn.Addr = cfg.User, cfg.Password, "unix", cfg.Socket
	dsn.Logger = log.New(io.Discard, "", 0)
	connector, err := mysql.NewConnector(dsn)
	if err != nil {
		return nil, fmt.Errorf("configure health check: %w", err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxIdleConns(-1)
	return func(ctx context.Context) State {
		var s State
		s.Err = db.QueryRowContext(ctx, "SELECT @@global.read_only").Scan(&s.ReadOnly)
		return s
	}, nil
}

// Handler answers /primary with 200 while the server takes writes, /replica with 200 while it is up and takes none, and
// both with 503 otherwise. The body says why.
func Handler(look Look) http.Handler {
	mux := http.NewServeMux()
	for path, wanted := range map[string]func(State) bool{
		"/primary": func(s State) bool { return !s.ReadOnly },
		"/replica": func(s State) bool { return s.ReadOnly },
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithTimeout(r.Context(), patience)
			defer cancel()
			s := look(ctx)
			if s.Err != nil || !wanted(s) {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			_, _ = fmt.Fprintln(w, s) // a proxy that went away is no concern of ours
		})
	}
	return mux
}

func (s State) String() string {
	switch {
	case s.Err != nil:
		return "no answer: " + s.Err.Error()
	case s.ReadOnly:
		return "read-only"
	}
	return "writable"
}

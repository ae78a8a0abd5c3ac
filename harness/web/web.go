// Package web is the application tier of a drilled region: it takes the application's writes over HTTP, has its region's
// database do them, and tells a load balancer whether it could. It runs on a node of its own, as `firedrill web`.
package web

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/workload"
)

// Depths of the health check: what has to work for 200.
const (
	// CheckConnect opens a connection, as the recipes have it. A replica passes, which takes no writes.
	CheckConnect = "connect"
	// CheckWrite writes a row and takes it back.
	CheckWrite = "write"
)

// Checks are the depths that there are.
var Checks = []string{CheckConnect, CheckWrite}

// Paths beside those of the application.
const (
	PathHealth = "/healthz"
	// PathPeer is 200 while the other region's ingress is healthy as seen from here: a second vantage for whoever decides
	// that a region is lost.
	PathPeer = "/peer"
)

// Config of a web tier.
type Config struct {
	Listen   string // host:port
	Database agent.Database
	Check    string // how deep PathHealth looks
	Peer     string // URL of the other region's health check; empty for none
}

// Patience bounds what is asked of the database, and of the other region: within it there is an answer.
const Patience = 1500 * time.Millisecond

// Run serves until ctx ends, and then returns nil.
func Run(ctx context.Context, cfg Config) error {
	s, err := newServer(cfg)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen for requests: %w", err)
	}
	srv := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { srv.Close() })
	defer stop()
	if err := srv.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve requests on %s: %w", cfg.Listen, err)
	}
	return nil
}

type server struct {
	database workload.Driver
	check    func(ctx context.Context) error
	peer     string
	client   http.Client
}

func newServer(cfg Config) (*server, error) {
	driver, err := workload.Open(cfg.Database, "")
	if err != nil {
		return nil, err
	}
	s := &server{database: driver, peer: cfg.Peer, client: http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	switch cfg.Check {
	case CheckConnect:
		s.check = s.connects
	case CheckWrite:
		if s.check, err = writes(cfg.Database); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("check %q: there are %v", cfg.Check, Checks)
	}
	return s, nil
}

func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+workload.PathRows, patiently(s.write))
	mux.HandleFunc("GET "+workload.PathWho, patiently(s.who))
	mux.HandleFunc("GET "+PathHealth, patiently(s.health))
	mux.HandleFunc("GET "+PathPeer, patiently(s.lookAtPeer))
	return mux
}

// patiently bounds what a request may take, and writes its answer.
func patiently(f func(ctx context.Context, r *http.Request) (int, workload.Answer)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), Patience)
		defer cancel()
		status, answer := f(ctx, r)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(answer) // who went away is no concern of ours
	}
}

// write does the application's write. What the database refused was surely not done: 503. What was merely not answered
// may have been: 500.
func (s *server) write(ctx context.Context, r *http.Request) (int, workload.Answer) {
	id, err := strconv.ParseInt(r.FormValue("id"), 10, 64)
	attempt, attemptErr := strconv.Atoi(r.FormValue("attempt"))
	if err := errors.Join(err, attemptErr); err != nil {
		return http.StatusBadRequest, workload.Answer{Error: err.Error()}
	}
	switch result := s.database.Write(ctx, id, attempt); result.Outcome {
	case record.Acked:
		return http.StatusOK, workload.Answer{Server: result.Server}
	case record.Rejected:
		return unavailable(result.Err)
	default:
		return http.StatusInternalServerError, workload.Answer{Error: result.Err.Error()}
	}
}

func unavailable(err error) (int, workload.Answer) {
	return http.StatusServiceUnavailable, workload.Answer{Error: err.Error()}
}

func (s *server) who(ctx context.Context, _ *http.Request) (int, workload.Answer) {
	session, err := s.database.Connect(ctx)
	if err != nil {
		return unavailable(err)
	}
	defer session.Close()
	name, writable, err := session.Who(ctx)
	if err != nil {
		return unavailable(err)
	}
	return http.StatusOK, workload.Answer{Server: name, Writable: writable}
}

func (s *server) health(ctx context.Context, _ *http.Request) (int, workload.Answer) {
	if err := s.check(ctx); err != nil {
		return unavailable(err)
	}
	return http.StatusOK, workload.Answer{}
}

func (s *server) connects(ctx context.Context) error {
	session, err := s.database.Connect(ctx)
	if err == nil {
		session.Close()
	}
	return err
}

// writes returns a check that inserts a row and rolls it back: what it finds wrong, a write would (read-only, a lock, no
// connection left), and nothing of it reaches the binary log. It has an id of its own each time: two checks at once must
// not wait for each other.
func writes(db agent.Database) (func(ctx context.Context) error, error) {
	connector, err := mysql.NewConnector(workload.MySQLConfig(db))
	if err != nil {
		return nil, fmt.Errorf("configure health check: %w", err)
	}
	pool := sql.OpenDB(connector)
	pool.SetMaxIdleConns(-1) // a connection of its own each time, as the application has
	return func(ctx context.Context) error {
		tx, err := pool.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }() // never more than this: a lost connection rolls back, too
		_, err = tx.ExecContext(ctx, "INSERT INTO "+workload.Table+" (id, attempt, server) VALUES (?, 0, 0)", -time.Now().UnixNano())
		return err
	}, nil
}

func (s *server) lookAtPeer(ctx context.Context, _ *http.Request) (int, workload.Answer) {
	if s.peer == "" {
		return unavailable(errors.New("no other region is known here"))
	}
	if err := Healthy(ctx, &s.client, s.peer); err != nil {
		return unavailable(err)
	}
	return http.StatusOK, workload.Answer{}
}

// Unhealthy is a health check that was answered, and not with 200.
type Unhealthy struct {
	Status int
	Why    string
}

func (e Unhealthy) Error() string { return fmt.Sprintf("status %d %s", e.Status, e.Why) }

// Healthy asks a health check. The error is an Unhealthy when somebody answered, and any other one when nobody did.
func Healthy(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		var answer workload.Answer
		_ = json.NewDecoder(resp.Body).Decode(&answer) // a proxy's own page says nothing more
		return Unhealthy{resp.StatusCode, answer.Error}
	}
	return nil
}

package failover

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/dialect"
	"github.com/firedrill/firedrill/harness/workload"
)

// server is a MySQL server with GTIDs.
type server struct {
	words       dialect.Dialect
	pool        *sql.DB
	replication agent.Database
}

func connect(db, replication agent.Database) (*server, error) {
	cfg := workload.MySQLConfig(db)
	cfg.Timeout = fenceTimeout
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("configure %s: %w", db.Host, err)
	}
	words, _ := dialect.Of(dialect.MySQL)
	s := &server{words: words, pool: sql.OpenDB(connector), replication: replication}
	s.pool.SetMaxIdleConns(-1) // a connection of an hour ago may lead nowhere
	return s, nil
}

// do runs statements, each in time.
func (s *server) do(ctx context.Context, statements ...string) error {
	for _, one := range statements {
		err := func() error {
			ctx, cancel := context.WithTimeout(ctx, stepTimeout)
			defer cancel()
			_, err := s.pool.ExecContext(ctx, one)
			return err
		}()
		if err != nil {
			verb, _, _ := strings.Cut(one, " TO ") // what follows may be a password
			return fmt.Errorf("%s: %w", verb, err)
		}
	}
	return nil
}

func (s *server) readOnly(ctx context.Context) (readOnly bool, has string, err error) {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	err = s.pool.QueryRowContext(ctx, "SELECT @@global.read_only, @@global.gtid_executed").Scan(&readOnly, &has)
	return readOnly, has, err
}

// Fence implements database. What it has is asked for once nothing more can be added.
func (s *server) Fence(ctx context.Context) (has string, done bool, err error) {
	before, has, err := s.readOnly(ctx)
	if err != nil || before {
		return has, false, err
	}
	if err := s.do(ctx, "SET GLOBAL super_read_only = ON"); err != nil {
		return "", false, err
	}
	_, has, err = s.readOnly(ctx)
	return has, true, err
}

// Promote implements database.
func (s *server) Promote(ctx context.Context, within time.Duration) (left string, done bool, err error) {
	readOnly, _, err := s.readOnly(ctx)
	if err != nil || !readOnly {
		return "", false, err
	}
	replica, err := s.replica(ctx)
	if err != nil {
		return "", false, err
	}
	if replica != nil {
		if err := s.do(ctx, "STOP REPLICA"+dialect.Receiver); err != nil {
			return "", false, err
		}
		if replica, err = s.replica(ctx); err != nil {
			return "", false, err
		}
		received := replica["Retrieved_Gtid_Set"]
		if err := s.Await(ctx, received, within); err != nil {
			left = s.lacking(ctx, received)
		}
	}
	statements := append([]string{"STOP REPLICA", "RESET REPLICA ALL"}, s.words.Open...)
	return left, true, s.do(ctx, statements...)
}

// replica is how it replicates, by column; nil when it does not.
func (s *server) replica(ctx context.Context) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	rows, err := s.pool.QueryContext(ctx, s.words.Replica)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil || !rows.Next() {
		return nil, errors.Join(err, rows.Err())
	}
	values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	if err := rows.Scan(into...); err != nil {
		return nil, err
	}
	out := map[string]string{}
	for i, c := range columns {
		out[c] = values[i].String
	}
	return out, nil
}

// Await implements database.
func (s *server) Await(ctx context.Context, has string, within time.Duration) error {
	if has == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, within+stepTimeout)
	defer cancel()
	var late int
	// The function takes 0 for without end.
	err := s.pool.QueryRowContext(ctx, "SELECT WAIT_FOR_EXECUTED_GTID_SET(?, ?)", has, max(0.05, within.Seconds())).Scan(&late)
	if err == nil && late != 0 {
		err = fmt.Errorf("after %s it still lacks %s", within, s.lacking(ctx, has))
	}
	return err
}

// lacking is what it has not of a set; unknown when it does not say.
func (s *server) lacking(ctx context.Context, has string) string {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	rest := "what it had received, which cannot be told"
	_ = s.pool.QueryRowContext(ctx, "SELECT GTID_SUBTRACT(?, @@global.gtid_executed)", has).Scan(&rest) // else unknown, as it says
	return strings.ReplaceAll(rest, "\n", "")
}

// Open implements database.
func (s *server) Open(ctx context.Context) error { return s.do(ctx, s.words.Open...) }

// Follow implements database.
func (s *server) Follow(ctx context.Context, source string) error {
	return s.do(ctx, s.words.Attach(dialect.Link{
		Host: source, Port: s.replication.Port, User: s.replication.User, Password: s.replication.Password,
	}), "START REPLICA")
}

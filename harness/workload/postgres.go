package workload

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
)

// postgresSelf is who answers, in SQL: what the server's configuration calls it, or its address. Through a virtual address
// the latter is the virtual one, whoever holds it.
const postgresSelf = "coalesce(nullif(current_setting('" + PostgresNode + "', true), ''), host(inet_server_addr()))"

// PostgresNode is the parameter in which a server's configuration has the name of its node.
const PostgresNode = "firedrill.node"

type postgresDriver struct{ config *pgconn.Config }

func openPostgres(db agent.Database, dial dialFunc) (Driver, error) {
	cfg, err := PostgresConfig(db)
	if err != nil {
		return nil, err
	}
	cfg.DialFunc = pgconn.DialFunc(dial)
	// The dialer resolves: pgconn's own lookup would go to the node's resolver.
	cfg.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	return postgresDriver{cfg}, nil
}

// PostgresConfig makes the driver's configuration for a database. A host that begins with a slash is the folder of
// the unix socket.
func PostgresConfig(db agent.Database) (*pgconn.Config, error) {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(db.User, db.Password), Path: "/" + db.Name}
	q := url.Values{"sslmode": {"disable"}, "application_name": {"firedrill"}}
	q.Set("host", db.Host)
	if db.Port != 0 {
		q.Set("port", strconv.Itoa(db.Port))
	}
	u.RawQuery = q.Encode()
	cfg, err := pgconn.ParseConfig(u.String())
	if err != nil {
		return nil, fmt.Errorf("configure postgres: %w", err)
	}
	return cfg, nil
}

func (d postgresDriver) Write(ctx context.Context, id int64, attempt int) Result {
	conn, err := pgconn.ConnectConfig(ctx, d.config)
	if err != nil {
		return Result{Outcome: record.Rejected, Err: err}
	}
	defer farewell(conn)
	// The simple protocol: one round trip. The arguments are numbers of ours, so there is nothing to quote.
	sql := fmt.Sprintf("INSERT INTO %s (id, attempt, server) VALUES (%d, %d, %s) RETURNING server", Table, id, attempt, postgresSelf)
	results, err := conn.Exec(ctx, sql).ReadAll()
	if err != nil {
		return Result{Outcome: postgresOutcome(err), Err: err}
	}
	return Result{Outcome: record.Acked, Server: string(results[0].Rows[0][0])}
}

// postgresRefusals are classes of SQLSTATE with which the server says that the transaction was not done: invalid
// state (25, read only), authorization (28, 42), resources (53), data and integrity (22, 23), rolled back (40).
// Class 57 (shutdown) is not among them: a commit that waits for a standby may be done already.
var postgresRefusals = map[string]bool{"22": true, "23": true, "25": true, "28": true, "3D": true, "40": true, "42": true, "53": true}

func postgresOutcome(err error) record.Outcome {
	var answer *pgconn.PgError
	if errors.As(err, &answer) && len(answer.Code) == 5 && postgresRefusals[answer.Code[:2]] {
		return record.Rejected
	}
	return record.Indeterminate
}

type postgresSession struct{ conn *pgconn.PgConn }

func (d postgresDriver) Connect(ctx context.Context) (Session, error) {
	conn, err := pgconn.ConnectConfig(ctx, d.config)
	if err != nil {
		return nil, err
	}
	return postgresSession{conn}, nil
}

func (s postgresSession) Close() { farewell(s.conn) }

func (s postgresSession) Who(ctx context.Context) (string, bool, error) {
	results, err := s.conn.Exec(ctx, "SELECT "+postgresSelf+", pg_is_in_recovery()").ReadAll()
	if err != nil {
		return "", false, err
	}
	row := results[0].Rows[0]
	return string(row[0]), string(row[1]) == "f", nil
}

func farewell(conn *pgconn.PgConn) {
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	_ = conn.Close(ctx)
}

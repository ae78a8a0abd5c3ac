package node

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/dialect"
	"github.com/firedrill/firedrill/harness/workload"
)

const queryTimeout = 5 * time.Second

func (a *Agent) query(ctx context.Context, _ *session, q agent.Query) (agent.Rows, error) {
	if q.Timeout == 0 {
		q.Timeout = queryTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, q.Timeout)
	defer cancel()
	db, err := connect(ctx, q.Database)
	if err != nil {
		return agent.Rows{}, err
	}
	defer db.Close()
	began := time.Now()
	rows, err := db.Query(ctx, q.SQL)
	rows.Asked = began.Add(time.Since(began) / 2)
	return rows, err
}

// sqlConn is one connection to a local database, for the agent's own questions.
type sqlConn interface {
	Query(ctx context.Context, sql string) (agent.Rows, error)
	Close() error
}

func connect(ctx context.Context, db agent.Database) (sqlConn, error) {
	switch db.Driver {
	case dialect.MySQL, dialect.MariaDB:
		connector, err := mysql.NewConnector(workload.MySQLConfig(db))
		if err != nil {
			return nil, fmt.Errorf("configure mysql: %w", err)
		}
		conn, err := connector.Connect(ctx)
		return mysqlConn{conn}, err
	case "postgres":
		cfg, err := workload.PostgresConfig(db)
		if err != nil {
			return nil, err
		}
		conn, err := pgconn.ConnectConfig(ctx, cfg)
		return postgresConn{conn}, err
	}
	return nil, fmt.Errorf("unknown driver %q", db.Driver)
}

type mysqlConn struct{ driver.Conn }

func (c mysqlConn) Query(ctx context.Context, sql string) (agent.Rows, error) {
	rows, err := c.Conn.(driver.QueryerContext).QueryContext(ctx, sql, nil)
	if err != nil {
		return agent.Rows{}, err
	}
	defer rows.Close()
	out := agent.Rows{Columns: rows.Columns()}
	values := make([]driver.Value, len(out.Columns))
	for {
		err := rows.Next(values)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return agent.Rows{}, err
		}
		row := make([]*string, len(values))
		for i, v := range values {
			row[i] = cell(v)
		}
		out.Rows = append(out.Rows, row)
	}
}

func cell(v driver.Value) *string {
	var s string
	switch v := v.(type) {
	case nil:
		return nil
	case []byte:
		s = string(v)
	default:
		s = fmt.Sprint(v)
	}
	return &s
}

type postgresConn struct{ *pgconn.PgConn }

func (c postgresConn) Query(ctx context.Context, sql string) (agent.Rows, error) {
	results, err := c.PgConn.Exec(ctx, sql).ReadAll()
	if err != nil || len(results) == 0 {
		return agent.Rows{}, err
	}
	last := results[len(results)-1]
	var out agent.Rows
	for _, f := range last.FieldDescriptions {
		out.Columns = append(out.Columns, f.Name)
	}
	for _, r := range last.Rows {
		row := make([]*string, len(r))
		for i, v := range r {
			if v != nil {
				s := string(v)
				row[i] = &s
			}
		}
		out.Rows = append(out.Rows, row)
	}
	return out, nil
}

func (c postgresConn) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return c.PgConn.Close(ctx)
}

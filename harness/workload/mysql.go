package workload

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log"
	"strconv"

	"github.com/go-sql-driver/mysql"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
)

type mysqlDriver struct{ connector driver.Connector }

func openMySQL(db agent.Database, dial dialFunc) (Driver, error) {
	cfg := MySQLConfig(db)
	cfg.DialFunc = dial
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("configure mysql: %w", err)
	}
	return mysqlDriver{connector}, nil
}

// MySQLConfig makes the driver's configuration for a database. A host that begins with a slash is a socket.
func MySQLConfig(db agent.Database) *mysql.Config {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.DBName = db.User, db.Password, db.Name
	cfg.Net, cfg.Addr = "tcp", fmt.Sprintf("%s:%d", db.Host, db.Port)
	if len(db.Host) > 0 && db.Host[0] == '/' {
		cfg.Net, cfg.Addr = "unix", db.Host
	}
	cfg.InterpolateParams = true // one round trip: no prepare
	cfg.Logger = log.New(io.Discard, "", 0)
	return cfg
}

// insertMySQL makes the OK packet itself carry the name of the server: LAST_INSERT_ID(expr) sets the value that the
// server returns as insert id (MySQL manual, "Information Functions"), so the acknowledgement and its author arrive
// together, without a second query and also through a proxy.
const insertMySQL = "INSERT INTO " + Table + " (id, attempt, server) VALUES (?, ?, LAST_INSERT_ID(@@server_id))"

func (d mysqlDriver) Write(ctx context.Context, id int64, attempt int) Result {
	conn, err := d.connector.Connect(ctx)
	if err != nil {
		return Result{Outcome: record.Rejected, Err: err}
	}
	defer conn.Close()
	res, err := conn.(driver.ExecerContext).ExecContext(ctx, insertMySQL, []driver.NamedValue{
		{Ordinal: 1, Value: id}, {Ordinal: 2, Value: int64(attempt)},
	})
	if err != nil {
		return Result{Outcome: mysqlOutcome(err), Err: err}
	}
	server, _ := res.LastInsertId() // go-sql-driver never fails here
	return Result{Outcome: record.Acked, Server: strconv.FormatInt(server, 10)}
}

// mysqlRefusals are errors with which the server says that it did not do the write. Anything else that arrives after
// the statement was sent leaves it open (a shutdown during commit may have committed).
var mysqlRefusals = map[uint16]bool{
	1040: true,                                     // too many connections
	1044: true, 1045: true, 1142: true, 1227: true, // access denied
	1049: true, 1054: true, 1064: true, 1146: true, // no such database, column, table; syntax
	1062: true,             // duplicate key
	1114: true,             // table full
	1205: true, 1213: true, // lock wait time-out, deadlock
	1290: true, 1792: true, 1836: true, 3032: true, // read only, super read only, offline
}

func mysqlOutcome(err error) record.Outcome {
	var answer *mysql.MySQLError
	if errors.As(err, &answer) && mysqlRefusals[answer.Number] {
		return record.Rejected
	}
	return record.Indeterminate
}

type mysqlSession struct{ driver.Conn }

func (d mysqlDriver) Connect(ctx context.Context) (Session, error) {
	conn, err := d.connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return mysqlSession{conn}, nil
}

func (s mysqlSession) Close() { _ = s.Conn.Close() }

func (s mysqlSession) Who(ctx context.Context) (string, bool, error) {
	rows, err := s.Conn.(driver.QueryerContext).QueryContext(ctx, "SELECT @@server_id, @@global.read_only", nil)
	if err != nil {
		return "", false, err
	}
	defer rows.Close()
	dest := make([]driver.Value, 2)
	if err := rows.Next(dest); err != nil {
		return "", false, err
	}
	return fmt.Sprint(text(dest[0])), text(dest[1]) == "0", nil
}

func text(v driver.Value) string {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	return fmt.Sprint(v)
}

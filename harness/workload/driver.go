// Package workload is the application: open-loop writers, the table they write, and what they know of each write.
// It runs inside the agent of an application node. A database has one driver file.
package workload

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
)

// Table is where the application writes. Its rows are compared with the acknowledged writes after the drill.
// (id, attempt) is the key: a retry is another row, so that a write done twice shows.
const Table = agent.LedgerTable

// Result is what the application knows of one write. Outcome is Rejected only when the write was surely not done:
// no connection was made, or the database itself said no before it did anything.
type Result struct {
	Outcome record.Outcome
	Server  string // what the database calls itself: server id (MySQL) or address (PostgreSQL)
	Err     error
}

// Driver writes to one kind of database, or through a web tier in front of one. Each call opens a connection of its own and closes it: a write never
// inherits the fate of an earlier one (no dead pooled connection, no retransmission back-off), which is what keeps
// the recovery time exact; see facts on RTO precision in docs/concepts.md.
type Driver interface {
	// Write inserts the row (id, attempt). ctx carries the write's total deadline.
	Write(ctx context.Context, id int64, attempt int) Result
	// Connect opens a connection to be kept, until ctx or its own end.
	Connect(ctx context.Context) (Session, error)
}

// Session is a connection that is kept open. It is used by one at a time, and after any error only closed.
type Session interface {
	// Who returns what the database behind the endpoint calls itself, and whether it takes writes.
	Who(ctx context.Context) (server string, writable bool, err error)
	Close()
}

// Open returns the driver for a database. resolver is the address of the DNS server that the application uses, or
// empty for the node's own resolution.
func Open(db agent.Database, resolver string) (Driver, error) {
	dial := dialer(resolver)
	switch db.Driver {
	case "mysql":
		return openMySQL(db, dial)
	case "postgres":
		return openPostgres(db, dial)
	case HTTP:
		return openHTTP(db, dial), nil
	}
	return nil, fmt.Errorf("open database: unknown driver %q (mysql, postgres, http)", db.Driver)
}

type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// dialer resolves afresh on every dial, straight at the datacenter's resolver: no cache of ours hides a flip.
func dialer(resolver string) dialFunc {
	d := &net.Dialer{}
	if resolver != "" {
		d.Resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, resolver)
		}}
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if network == "tcp" {
			network = "tcp4" // one lookup a write, not two
		}
		return d.DialContext(ctx, network, addr)
	}
}

// closeWithin bounds the farewell of a connection whose answer we already have.
const closeWithin = 50 * time.Millisecond

package workload

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
)

// Only what the database surely refused is rejected: everything else that was sent may have been done.
func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		err  error
		want record.Outcome
	}{
		{&mysql.MySQLError{Number: 1290}, record.Rejected},
		{&mysql.MySQLError{Number: 1040}, record.Rejected},
		{&mysql.MySQLError{Number: 1053}, record.Indeterminate}, // shutdown in progress
		{mysql.ErrInvalidConn, record.Indeterminate},
		{context.DeadlineExceeded, record.Indeterminate},
	} {
		assert.Equal(t, c.want, mysqlOutcome(c.err), c.err)
	}
	for _, c := range []struct {
		err  error
		want record.Outcome
	}{
		{&pgconn.PgError{Code: "25006"}, record.Rejected},      // read only
		{&pgconn.PgError{Code: "53300"}, record.Rejected},      // too many connections
		{&pgconn.PgError{Code: "57P01"}, record.Indeterminate}, // terminated while it waited for a standby
		{io.ErrUnexpectedEOF, record.Indeterminate},
	} {
		assert.Equal(t, c.want, postgresOutcome(c.err), c.err)
	}
}

// A path that refuses or swallows connections: no write was sent, so none was done, and none outlives its deadline.
func TestWriteWithoutAServer(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts, as a kernel does for a frozen server, and never speaks
	require.NoError(t, err)
	defer silent.Close()
	refusing, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	gone := refusing.Addr().(*net.TCPAddr).Port
	require.NoError(t, refusing.Close())
	for _, driver := range []string{"mysql", "postgres"} {
		for name, port := range map[string]int{"frozen": silent.Addr().(*net.TCPAddr).Port, "refused": gone} {
			d, err := Open(agent.Database{Driver: driver, Host: "127.0.0.1", Port: port, User: "u", Name: "n"}, "")
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			began := time.Now()
			r := d.Write(ctx, 1, 0)
			cancel()
			assert.Equal(t, record.Rejected, r.Outcome, "%s %s: %v", driver, name, r.Err)
			assert.Error(t, r.Err)
			assert.Less(t, time.Since(began), 5*time.Second, "%s %s", driver, name)
		}
	}
	_, err = Open(agent.Database{Driver: "oracle"}, "")
	assert.ErrorContains(t, err, `unknown driver "oracle"`)
}

// slow is a database that hangs.
type slow struct{}

func (s *slow) Write(ctx context.Context, id int64, attempt int) Result {
	if id%2 == 0 {
		return Result{Outcome: record.Acked, Server: "1"}
	}
	<-ctx.Done()
	return Result{Outcome: record.Indeterminate, Err: errors.New("hung")}
}

func (s *slow) Connect(context.Context) (Session, error) { return nil, errors.New("nobody asks") }

// The loop stays open: writes that hang do not delay those that are due after them, and retries take no slot.
func TestOpenLoop(t *testing.T) {
	var mu sync.Mutex
	var ops []record.Op
	load := agent.Load{
		Vantage: "dc1", Node: "app1", FirstID: 100, Tick: 10 * time.Millisecond, Deadline: 300 * time.Millisecond,
		Retries: 2, Backoff: 10 * time.Millisecond, Servers: map[string]string{"1": "m1"},
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	run(ctx, load, &slow{}, func(o record.Op) {
		mu.Lock()
		defer mu.Unlock()
		ops = append(ops, o)
	})
	first, attempts := 0, map[int64]int{}
	for _, o := range ops {
		attempts[o.ID]++
		if o.Attempt == 0 {
			first++
		}
		if o.Outcome == record.Acked {
			assert.Equal(t, "m1", o.Server)
		}
	}
	assert.Greater(t, first, 80, "a write is due every tick, whatever became of the others")
	assert.Equal(t, 3, attempts[101], "a write that fails is tried again, so often and no more")
	assert.Equal(t, 1, attempts[100])
}

func TestProxyThatLeadsToAReplicaIsWrong(t *testing.T) {
	server, err := afresh(&proxied{leads: "1"})(t.Context())
	assert.Equal(t, "1", server)
	assert.ErrorContains(t, err, "led to 1, which is read-only")
}

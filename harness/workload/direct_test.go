package workload

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/record"
)

// server is a database in memory.
type server struct {
	name     string
	writable atomic.Bool
	silent   bool
	asked    atomic.Int32
}

func (s *server) Write(context.Context, int64, int) Result {
	if !s.writable.Load() {
		return Result{Outcome: record.Rejected, Err: errors.New("read-only")}
	}
	return Result{Outcome: record.Acked, Server: s.name}
}

func (s *server) Connect(ctx context.Context) (Session, error) {
	s.asked.Add(1)
	if s.silent {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return s, nil
}

func (s *server) Who(context.Context) (string, bool, error) { return s.name, s.writable.Load(), nil }
func (s *server) Close()                                    {}

func TestADirectApplicationKeepsToWhoTakesWritesAndLooksForTheNext(t *testing.T) {
	a, b, c := &server{name: "a"}, &server{name: "b"}, &server{name: "c", silent: true}
	a.writable.Store(true)
	d := &direct{hosts: []string{"a", "b", "c"}, drivers: []Driver{a, b, c}}
	write := func() Result {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		return d.Write(ctx, 1, 0)
	}
	require.Equal(t, "a", write().Server, "the silent one holds up nobody")
	require.Eventually(t, func() bool { return b.asked.Load() == 1 }, time.Second, time.Millisecond)
	require.Equal(t, "a", write().Server)
	assert.Equal(t, int32(1), b.asked.Load(), "while it takes writes nobody else is asked")

	a.writable.Store(false)
	assert.Equal(t, record.Rejected, write().Outcome, "it was the one that took the last write")
	none := write()
	assert.Equal(t, record.Rejected, none.Outcome)
	assert.ErrorContains(t, none.Err, "no database takes writes")
	assert.ErrorContains(t, none.Err, "led to b, which is read-only")

	b.writable.Store(true)
	assert.Equal(t, "b", write().Server)
	a.writable.Store(true)
	assert.Equal(t, "b", write().Server, "it keeps to the one that it has")
}

package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/agent"
)

// fakeServer answers statements by their beginning, and forgets its sessions when it is restarted.
type fakeServer struct {
	answers map[string]string
	fails   map[string]error
	did     []string
	open    int
}

type fakeConn struct{ s *fakeServer }

func (c fakeConn) Query(_ context.Context, sql string) (agent.Rows, error) {
	c.s.did = append(c.s.did, sql)
	for part, err := range c.s.fails {
		if strings.HasPrefix(sql, part) {
			return agent.Rows{}, err
		}
	}
	answer, ok := c.s.answers[sql]
	if !ok {
		return agent.Rows{}, nil
	}
	return agent.Rows{Columns: []string{"answer"}, Rows: [][]*string{{&answer}}}, nil
}

func (c fakeConn) Close() error { c.s.open--; return nil }

func fakeStatements(s *fakeServer, spec agent.SQLSpec) *statements {
	return &statements{spec: spec, fault: "f1", all: &held{}, open: func(context.Context, agent.Database) (sqlConn, error) {
		s.open++
		return fakeConn{s}, nil
	}}
}

func TestWhatIsSo(t *testing.T) {
	for _, c := range []struct {
		ask    agent.SQLAsk
		answer string
		want   bool
	}{
		{agent.SQLAsk{}, "", false}, {agent.SQLAsk{}, "0", false}, {agent.SQLAsk{}, "f", false}, {agent.SQLAsk{}, "m1", true},
		{agent.SQLAsk{Not: true}, "", true}, {agent.SQLAsk{Is: "No"}, "No", true}, {agent.SQLAsk{Is: "No"}, "Yes", false},
		{agent.SQLAsk{Is: "No", Not: true}, "Connecting", true}, {agent.SQLAsk{Is: "0"}, "0", true},
	} {
		require.Equal(t, c.want, isSo(c.ask, c.answer), "%+v %q", c.ask, c.answer)
	}
}

func TestStatementsTidyUpAfterAFailure(t *testing.T) {
	s := &fakeServer{fails: map[string]error{"INSERT": errors.New("table is full")}}
	w := fakeStatements(s, agent.SQLSpec{})
	_, err := w.run(t.Context(), fakeConn{s}, []agent.SQLStep{
		{SQL: []string{"OPEN", "INSERT", "never"}}, {SQL: []string{"never"}}, {SQL: []string{"CLOSE"}, Always: true},
	})
	require.ErrorContains(t, err, "table is full")
	require.Equal(t, []string{"OPEN", "INSERT", "CLOSE"}, s.did)
}

func TestUndoSaysWhatIsNotThereAnyMore(t *testing.T) {
	s := &fakeServer{answers: map[string]string{"delay": "30", "status": "m1"}}
	w := fakeStatements(s, agent.SQLSpec{
		Remember: map[string]agent.SQLAsk{"before": {SQL: "delay"}},
		Undo: []agent.SQLStep{{
			If: []agent.SQLAsk{{SQL: "status"}}, Else: "it is no replica any more",
			SQL: []string{"SET {before}"}, Until: &agent.SQLAsk{SQL: "delay", Is: "{before}"}, Says: "the delay is {answer} s",
		}},
	})
	require.NoError(t, w.remember(t.Context(), fakeConn{s}))
	said, err := w.undo()
	require.NoError(t, err)
	require.Equal(t, "the delay is 30 s", said)
	require.Contains(t, s.did, "SET 30")

	delete(s.answers, "status")
	s.did = nil
	said, err = w.undo()
	require.NoError(t, err)
	require.Equal(t, "it is no replica any more", said)
	require.Equal(t, []string{"status"}, s.did)
}

func TestHeldConnectionIsGivenUpOnce(t *testing.T) {
	s := &fakeServer{}
	w := fakeStatements(s, agent.SQLSpec{Release: []string{"ROLLBACK"}})
	conn, err := w.connect(t.Context())
	require.NoError(t, err)
	w.hold(conn)
	lines, err := w.all.lines()
	require.NoError(t, err)
	require.Equal(t, []string{"fault f1 holds 1"}, lines)
	said, err := w.undo()
	require.NoError(t, err)
	require.Equal(t, "its connection is closed, and its locks with it", said)
	_, err = w.undo()
	require.NoError(t, err)
	require.Equal(t, 1, len(slices.DeleteFunc(s.did, func(sql string) bool { return sql != "ROLLBACK" })))
	require.Zero(t, s.open)
	lines, err = w.all.lines()
	require.NoError(t, err)
	require.Empty(t, lines)
}

func TestHeldConnectionThatTheServerLost(t *testing.T) {
	s := &fakeServer{fails: map[string]error{"ROLLBACK": errors.New("broken pipe")}}
	w := fakeStatements(s, agent.SQLSpec{Release: []string{"ROLLBACK"}})
	conn, err := w.connect(t.Context())
	require.NoError(t, err)
	w.hold(conn)
	said, err := w.undo()
	require.NoError(t, err, "what we wanted has happened")
	require.Contains(t, said, "lost already")
	require.Zero(t, s.open)
}

func TestZeroTearsTheEndOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "relay.000002")
	require.NoError(t, os.WriteFile(path, []byte("appliedunapplied"), 0o600))
	said, err := zero(path, 7)
	require.NoError(t, err)
	require.Equal(t, "9 bytes of relay.000002 are zeros", said)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "applied"+strings.Repeat("\x00", 9), string(data))
	_, err = zero(path, 16)
	require.ErrorContains(t, err, "all of its 16 bytes are applied")
}

package node_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/agent/node"
	"github.com/firedrill/firedrill/harness/dns"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
)

// home is an agent that runs in this process, without a container: what needs no capability is tested here.
type home struct {
	t      *testing.T
	socket string
	end    func() // of this life of the node, without a good-bye to its controllers
}

func newHome(t *testing.T, lease time.Duration) *home {
	t.Helper()
	return reborn(t, lease, "")
}

// reborn is a home that remembers its processes in a file, from one life to the next.
func reborn(t *testing.T, lease time.Duration, state string) *home {
	t.Helper()
	dir, err := os.MkdirTemp("", "fd") // t.TempDir is too long for a socket
	require.NoError(t, err)
	h := &home{t: t, socket: filepath.Join(dir, "agent.sock")}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- node.Run(ctx, node.Options{Version: "test", Socket: h.socket, LogDir: filepath.Join(dir, "log"), Lease: lease, Lookup: lookup, State: state})
	}()
	h.end = sync.OnceFunc(func() {
		cancel()
		assert.NoError(t, <-done)
		_ = os.RemoveAll(dir)
	})
	t.Cleanup(h.end)
	return h
}

// lookup is the agent's DNS client, as the command wires it in.
func lookup(ctx context.Context, resolver, name string) (string, int, error) {
	r, err := dns.Lookup(ctx, resolver, name)
	return r.Address, int(r.TTL.Seconds()), err
}

func (h *home) stream() (conn net.Conn) {
	h.t.Helper()
	require.NoError(h.t, wait.Until(h.t.Context(), "agent listens", 10*time.Second, func(context.Context) (bool, string, error) {
		c, err := net.Dial("unix", h.socket)
		conn = c
		return err == nil, fmt.Sprint(err), nil
	}))
	return conn
}

func (h *home) dial(owner bool) *agent.Client {
	h.t.Helper()
	conn := h.stream()
	c, err := agent.Dial(h.t.Context(), "n1", conn, agent.Introduction{Owner: owner})
	require.NoError(h.t, err)
	h.t.Cleanup(func() { _ = c.Close() })
	return c
}

func (h *home) until(what string, done func() bool) {
	h.t.Helper()
	require.NoError(h.t, wait.Until(h.t.Context(), what, 20*time.Second, func(context.Context) (bool, string, error) { return done(), "", nil }))
}

func state(t *testing.T, c *agent.Client, name string) agent.ProcessState {
	t.Helper()
	states, err := c.Processes(t.Context())
	require.NoError(t, err)
	for _, s := range states {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no process %s", name)
	return agent.ProcessState{}
}

func TestFilesAndCommands(t *testing.T) {
	c := newHome(t, 0).dial(true)
	path := filepath.Join(t.TempDir(), "a", "b")
	require.NoError(t, c.Put(t.Context(), agent.File{Path: path, Mode: 0o600, Data: []byte("hello\n")}))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	data, err := c.Read(t.Context(), path)
	require.NoError(t, err)
	assert.Equal(t, "hello\n", string(data))

	out, err := c.Exec(t.Context(), agent.Command{Argv: []string{"sh", "-c", "cat; echo no >&2; exit 3"}, Stdin: "in"})
	require.NoError(t, err, "a code is not an error")
	assert.Equal(t, agent.Output{Code: 3, Stdout: "in", Stderr: "no\n"}, out)
	_, err = c.Exec(t.Context(), agent.Command{Argv: []string{"sleep", "60"}, Timeout: 50 * time.Millisecond})
	assert.ErrorContains(t, err, "deadline exceeded")
	_, err = c.Exec(t.Context(), agent.Command{Argv: []string{"no-such-program"}})
	assert.ErrorContains(t, err, "no-such-program")
}

func TestSupervision(t *testing.T) {
	c := newHome(t, 0).dial(true)
	ctx := t.Context()
	h := &home{t: t}
	require.NoError(t, c.Define(ctx, agent.Process{Name: "loop", Argv: []string{"sleep", "0.05"}, Restart: time.Millisecond}))
	require.NoError(t, c.Start(ctx, "loop"))
	h.until("restarts by policy", func() bool { return state(t, c, "loop").Restarts >= 2 })
	require.NoError(t, c.Stop(ctx, "loop"))
	restarts := state(t, c, "loop").Restarts
	require.NoError(t, wait.Hold(ctx, 150*time.Millisecond))
	assert.Equal(t, restarts, state(t, c, "loop").Restarts, "what is stopped stays down")

	assert.ErrorContains(t, c.Start(ctx, "nothing"), "no such process")
	assert.ErrorContains(t, c.Define(ctx, agent.Process{Name: "x"}), "command")
	require.NoError(t, c.Define(ctx, agent.Process{Name: "bad", Argv: []string{"/no/such/program"}}))
	assert.Error(t, c.Start(ctx, "bad"))
	_, err := c.Do(ctx, "f", agent.KillSpec{Processes: []string{"mysqld"}, Signal: "KILL"}, 0)
	assert.ErrorContains(t, err, `no process "mysqld" on this node (there are: loop, bad)`)
}

// A tree is frozen as a whole, and thawed as a whole.
func TestFreeze(t *testing.T) {
	c := newHome(t, 0).dial(true)
	ctx := t.Context()
	require.NoError(t, c.Define(ctx, agent.Process{Name: "parent", Argv: []string{"sh", "-c", "sleep 1000 & sleep 1000 & wait"}}))
	require.NoError(t, c.Start(ctx, "parent"))
	var stamp agent.Stamp
	(&home{t: t}).until("three processes", func() bool {
		out, err := c.Exec(ctx, agent.Command{Argv: []string{"ps", "-o", "pid=", "--ppid", fmt.Sprint(state(t, c, "parent").PID)}})
		return err == nil && len(strings.Fields(out.Stdout)) == 2
	})
	stamp, err := c.Do(ctx, "f", agent.FreezeSpec{Processes: []string{"parent"}}, 0)
	require.NoError(t, err)
	assert.Contains(t, stamp.Proof, "3 of 3 processes in state T")
	assert.LessOrEqual(t, stamp.Began, stamp.Effective)
	assert.True(t, state(t, c, "parent").Frozen)
	healed, err := c.Heal(ctx, "f")
	require.NoError(t, err)
	assert.Contains(t, healed.Proof, "3 processes run again")
	again, err := c.Heal(ctx, "f")
	require.NoError(t, err, "a heal can be repeated")
	assert.Contains(t, again.Proof, "nothing of it was in force")
}

// Only the end of the owner's session heals; a visitor comes and goes.
func TestOrphanedNodeHeals(t *testing.T) {
	h := newHome(t, 0)
	owner, visitor := h.dial(true), h.dial(false)
	ctx := t.Context()
	require.NoError(t, owner.Define(ctx, agent.Process{Name: "db", Argv: []string{"sleep", "1000"}}))
	require.NoError(t, owner.Start(ctx, "db"))
	_, err := owner.Do(ctx, "f", agent.KillSpec{Processes: []string{"db"}, Signal: "KILL", Hold: true}, 0)
	require.NoError(t, err)
	require.NoError(t, h.dial(false).Close())
	require.NoError(t, wait.Hold(ctx, 100*time.Millisecond))
	assert.True(t, state(t, visitor, "db").Held)
	require.NoError(t, owner.Close())
	h.until("db runs again", func() bool { return state(t, visitor, "db").PID != 0 })
	faults, err := visitor.Faults(ctx)
	require.NoError(t, err)
	assert.Empty(t, faults)
}

// A controller that hangs without closing its stream loses its lease.
func TestLease(t *testing.T) {
	h := newHome(t, 300*time.Millisecond)
	conn, err := net.Dial("unix", h.socket)
	for err != nil {
		require.NoError(t, wait.Hold(t.Context(), 10*time.Millisecond))
		conn, err = net.Dial("unix", h.socket)
	}
	defer conn.Close()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
	began := time.Now()
	_, err = conn.Read(make([]byte, 1)) // we say nothing
	require.Error(t, err)
	assert.Less(t, time.Since(began), 15*time.Second, "the agent ends the session")
}

type events struct{ seen chan record.Event }

func (events) Op(record.Op)           {}
func (events) Sample(record.Sample)   {}
func (events) Probe(record.Probe)     {}
func (e events) Event(r record.Event) { e.seen <- r }

// What hooks write is reported line by line, half lines when they are whole.
func TestTail(t *testing.T) {
	c := newHome(t, 0).dial(true)
	sink := events{make(chan record.Event, 10)}
	c.Report(sink, agent.Monotonic())
	path := filepath.Join(t.TempDir(), "hooks.log")
	require.NoError(t, c.Tail(t.Context(), agent.Tail{Node: "o1", Path: path, Kind: record.KindHook}))
	file, err := os.Create(path)
	require.NoError(t, err)
	defer file.Close()
	_, err = file.WriteString(`{"name":"flip","exit":0,"started":1795258840.125}` + "\n" + `{"name":"fl`)
	require.NoError(t, err)
	first := <-sink.seen
	assert.Equal(t, "flip exited with 0", first.Msg)
	assert.Equal(t, "1795258840.125", first.Attrs["started"])
	assert.Equal(t, "o1", first.Node)
	_, err = file.WriteString(`op","exit":7}` + "\n")
	require.NoError(t, err)
	assert.Equal(t, "flop exited with 7", (<-sink.seen).Msg)
}

// A machine that was switched off comes back with the processes that ran, and its controller's session goes on where it
// was: what the agent did for it, it does again.
func TestAnAgentsSecondLife(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state", "processes.json")
	log := filepath.Join(t.TempDir(), "hooks.log")
	require.NoError(t, os.WriteFile(log, nil, 0o600))
	h := reborn(t, 0, file)
	c := h.dial(true)
	sink := events{make(chan record.Event, 100)}
	c.Report(sink, agent.Monotonic())
	for _, name := range []string{"stays", "stopped", "declared"} {
		require.NoError(t, c.Define(t.Context(), agent.Process{Name: name, Argv: []string{"sleep", "600"}}))
	}
	require.NoError(t, c.Start(t.Context(), "stays"))
	require.NoError(t, c.Start(t.Context(), "stopped"))
	require.NoError(t, c.Stop(t.Context(), "stopped"))
	require.NoError(t, c.Tail(t.Context(), agent.Tail{Node: "n1", Path: log}))
	// A fault holds it down: it is to run all the same when the host is back.
	_, err := c.Do(t.Context(), "f1", agent.KillSpec{Signal: "KILL", Hold: true}, 0)
	require.NoError(t, err)
	h.end()
	c.Suspend()
	_, err = c.Processes(t.Context())
	require.Error(t, err, "nobody is there")

	again := reborn(t, 0, file)
	require.NoError(t, c.Resume(t.Context(), again.stream(), agent.Introduction{Owner: true}))
	again.until("it runs again", func() bool { return state(t, c, "stays").PID != 0 })
	assert.Zero(t, state(t, c, "stopped").PID)
	assert.Zero(t, state(t, c, "declared").PID)
	_, err = c.Heal(t.Context(), "f1")
	require.NoError(t, err, "what is not in force is healed")
	require.NoError(t, os.WriteFile(log, []byte(`{"kind":"promoted","node":"m2"}`+"\n"), 0o600))
	again.until("the log is followed again", func() bool { return (<-sink.seen).Kind == record.KindPromoted })
	require.NoError(t, c.Start(t.Context(), "stopped"))
	assert.NotZero(t, state(t, c, "stopped").PID)
}

// A log that is written in the record's own form is not read as a hook's.
func TestTailOfEvents(t *testing.T) {
	c := newHome(t, 0).dial(true)
	sink := events{make(chan record.Event, 10)}
	c.Report(sink, agent.Monotonic())
	path := filepath.Join(t.TempDir(), "decisions.log")
	line := `{"t_ns":0,"kind":"promoted","node":"m2","msg":"m2 is writable","attrs":{"region":"eu-west"}}`
	require.NoError(t, os.WriteFile(path, []byte(line+"\nno event\n"), 0o600))
	require.NoError(t, c.Tail(t.Context(), agent.Tail{Node: "ctl", Path: path}))
	first := <-sink.seen
	assert.Equal(t, record.KindPromoted, first.Kind)
	assert.Equal(t, "m2", first.Node)
	assert.Equal(t, "eu-west", first.Attrs["region"])
	assert.NotZero(t, first.T)
	assert.Equal(t, record.KindNote, (<-sink.seen).Kind)
}

// HTTP goes out from the node, as the controller's client made it.
func TestTransport(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Was", r.Method+" "+r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusTeapot)
		_, _ = fmt.Fprint(w, "short and stout")
	}))
	defer server.Close()
	c := newHome(t, 0).dial(true)
	client := &http.Client{Transport: c.Transport()}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server.URL+"/x", strings.NewReader("body"))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer t")
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	assert.Equal(t, http.StatusTeapot, resp.StatusCode)
	assert.Equal(t, "PUT Bearer t", resp.Header.Get("X-Was"))
	_, err = client.Get("http://127.0.0.1:1/")
	assert.ErrorContains(t, err, "refused")
}

// The way back of a slow restart and of a crash loop is the agent's own, also when its controller dies.
func TestCrashLoopAndSlowRestartEndWithTheirOwner(t *testing.T) {
	h := newHome(t, 0)
	owner, visitor := h.dial(true), h.dial(false)
	ctx := t.Context()
	for _, name := range []string{"a", "b"} {
		require.NoError(t, owner.Define(ctx, agent.Process{Name: name, Argv: []string{"sleep", "1000"}}))
		require.NoError(t, owner.Start(ctx, name))
	}
	_, err := owner.Do(ctx, "f1", agent.CrashLoopSpec{Process: "a", After: time.Millisecond, Every: time.Millisecond}, 0)
	require.NoError(t, err)
	_, err = owner.Do(ctx, "f2", agent.RestartSpec{Process: "b", After: time.Hour}, 0)
	require.NoError(t, err)
	h.until("killed several times", func() bool { return state(t, visitor, "a").Restarts >= 3 })
	assert.Zero(t, state(t, visitor, "b").PID)
	require.NoError(t, owner.Close())
	h.until("both run", func() bool {
		a, b := state(t, visitor, "a"), state(t, visitor, "b")
		return a.PID != 0 && b.PID != 0 && !a.Held && !b.Held
	})
	faults, err := visitor.Faults(ctx)
	require.NoError(t, err)
	assert.Empty(t, faults)
}

// A disk is emptied only when nothing runs on it; nothing but the data directory is touched.
func TestWipe(t *testing.T) {
	c := newHome(t, 0).dial(true)
	ctx := t.Context()
	data := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(data, "a", "b"), 0o755))
	beside := filepath.Join(filepath.Dir(data), "beside")
	require.NoError(t, os.WriteFile(beside, nil, 0o600))
	require.NoError(t, os.Symlink(beside, filepath.Join(data, "link")))
	reason, err := c.Can(ctx, agent.WipeSpec{})
	require.NoError(t, err)
	assert.Contains(t, reason, "no process of this node keeps data")

	require.NoError(t, c.Define(ctx, agent.Process{Name: "db", Argv: []string{"sleep", "1000"}, DataDir: data}))
	require.NoError(t, c.Start(ctx, "db"))
	_, err = c.Do(ctx, "w", agent.WipeSpec{}, 0)
	assert.ErrorContains(t, err, "db is not held down")
	_, err = c.Do(ctx, "f", agent.KillSpec{Signal: "KILL", Hold: true}, 0)
	require.NoError(t, err)
	stamp, err := c.Do(ctx, "w", agent.WipeSpec{}, 0)
	require.NoError(t, err)
	assert.Contains(t, stamp.Proof, "is empty (2 entries removed)")
	assert.DirExists(t, data)
	assert.FileExists(t, beside)
	left, err := os.ReadDir(data)
	require.NoError(t, err)
	assert.Empty(t, left)
	faults, err := c.Faults(ctx)
	require.NoError(t, err)
	assert.Len(t, faults, 1, "there is nothing to undo of it")
	_, err = c.Heal(ctx, "f")
	require.NoError(t, err)

	require.NoError(t, c.Define(ctx, agent.Process{Name: "typo", Argv: []string{"true"}, DataDir: "/var"}))
	_, err = c.Can(ctx, agent.WipeSpec{})
	assert.ErrorContains(t, err, "is not the path of a data directory")
}

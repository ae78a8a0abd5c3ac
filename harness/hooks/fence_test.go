package hooks_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/hooks"
	"github.com/firedrill/firedrill/harness/wait"
)

// fakeMySQL is a client that keeps super_read_only in a file, shows two connections, and notes what it is told.
const fakeMySQL = `#!/bin/sh
case "$*" in
*'SELECT @@global.super_read_only'*) cat "$FAKE/closed" ;;
*'SET GLOBAL super_read_only = ON'*) echo 1 > "$FAKE/closed" ;;
*'SHOW PROCESSLIST'*) printf '7\tapp\thost\tshop\tSleep\t1\t\tNULL\n8\trepl\thost\tNULL\tBinlog Dump GTID\t9\t\tNULL\n' ;;
*) cat >> "$FAKE/told" ;;
esac
`

// The fence closes a server that takes writes when no Orchestrator sees a majority any more, and not while one does.
func TestTheFenceClosesWhenNoOrchestratorHasAQuorum(t *testing.T) {
	b := newBench(t)
	require.NoError(t, os.WriteFile(filepath.Join(b.dir, "mysql"), []byte(fakeMySQL), 0o755))
	closed := filepath.Join(b.dir, "closed")
	require.NoError(t, os.WriteFile(closed, []byte("0\n"), 0o644))
	var majority atomic.Bool
	majority.Store(true)
	var asked atomic.Int32
	one := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Path != "/api/raft-health" || !majority.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer one.Close()

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(b.dir, hooks.MySQLQuorumFence), "--after", "2", strings.TrimPrefix(one.URL, "http://"), "127.0.0.1:1")
	cmd.Env = append(os.Environ(), "PATH="+b.dir+":"+os.Getenv("PATH"), "FAKE="+b.dir)
	require.NoError(t, cmd.Start())
	read := func(file string) string {
		data, _ := os.ReadFile(filepath.Join(b.dir, file))
		return string(data)
	}

	require.NoError(t, wait.Until(ctx, "asked five times", 60*time.Second, func(context.Context) (bool, string, error) { return asked.Load() >= 5, "", nil }))
	assert.Equal(t, "0\n", read("closed"), "one Orchestrator with a majority is enough, though the other is down")
	majority.Store(false)
	require.NoError(t, wait.Until(ctx, "closed", 60*time.Second, func(context.Context) (bool, string, error) {
		return read("closed") == "1\n" && read("told") != "", read("closed") + read("told"), nil
	}))
	assert.Equal(t, "KILL 7;\n", read("told"), "replication is left alone")
	cancel()
	_ = cmd.Wait()

	out, err := exec.CommandContext(t.Context(), filepath.Join(b.dir, hooks.MySQLQuorumFence), "--after", "soon", "o1:3000").CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	assert.Equal(t, 2, exit.ExitCode())
	assert.Contains(t, string(out), "usage:")
}

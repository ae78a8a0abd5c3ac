package node_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/agent"
)

// An empty data directory is prepared before the start, one with data in it is left alone, and a preparation that
// fails keeps the process from starting.
func TestEmptyDataDirectoryIsPrepared(t *testing.T) {
	h := newHome(t, 0)
	c := h.dial(true)
	dir := t.TempDir()
	data, count := filepath.Join(dir, "it's data"), filepath.Join(dir, "count")
	require.NoError(t, os.Mkdir(data, 0o755))
	p := agent.Process{
		Name: "db", DataDir: data, Argv: []string{"cat", filepath.Join(data, "table")},
		Prepare: []string{"sh", "-c", `echo "$1" >"$2/table"; echo once >>"$3"`, "sh", "the rows", data, count},
	}
	run := func() string {
		require.NoError(t, c.Define(t.Context(), p))
		require.NoError(t, c.Start(t.Context(), "db"))
		h.until("process ended", func() bool { return state(t, c, "db").PID == 0 })
		return state(t, c, "db").LastExit
	}
	require.Equal(t, "exited with code 0", run())
	require.Equal(t, "exited with code 0", run(), "there is data now")
	prepared, err := os.ReadFile(count)
	require.NoError(t, err)
	require.Equal(t, "once\n", string(prepared))

	require.NoError(t, os.Remove(filepath.Join(data, "table"))) // the disk is wiped
	require.Equal(t, "exited with code 0", run())
	require.NoError(t, os.Remove(filepath.Join(data, "table")))
	p.Prepare = []string{"sh", "-c", "exit 7"}
	require.Equal(t, "exit status 7", run())
}

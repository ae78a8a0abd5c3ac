package linode

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
)

// What is sent is the whole agent.
func TestTheAgentIsPackedWhole(t *testing.T) {
	data := bytes.Repeat([]byte("an agent "), 100_000)
	packed, err := packed(data)
	require.NoError(t, err)
	r, err := gzip.NewReader(bytes.NewReader(packed))
	require.NoError(t, err)
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(data, got))
}

// An agent that starts before the machine has the address at which its processes listen would start them in vain.
func TestAnAgentWaitsForTheNodesAddress(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"hostname": "#!/bin/sh\n[ $# -gt 0 ] && [ $1 = -I ] && cat " + dir + "/addresses\nexit 0\n",
		"sleep":    "#!/bin/sh\ncat " + dir + "/next > " + dir + "/addresses\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755))
	}
	wait, _, found := strings.Cut(namesScript("p1", "10.200.7.2"), "grep -qxFf")
	require.True(t, found)
	for next, want := range map[string]bool{"192.0.2.2 10.200.7.2 ": true, "192.0.2.2 10.200.7.20 110.200.7.2 ": false} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "addresses"), []byte("192.0.2.2 \n"), 0o644))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "next"), []byte(next+"\n"), 0o644))
		c := exec.CommandContext(t.Context(), "sh", "-c", wait)
		c.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
		said, err := c.CombinedOutput()
		assert.Equal(t, want, err == nil, "%s: %s", next, said)
		if !want {
			assert.Contains(t, string(said), "no interface has the address 10.200.7.2")
		}
	}
}

func TestNodesKnowEachOther(t *testing.T) {
	text := hostsFile([]*machine{{Node: &harness.Node{Name: "p1", Address: "192.0.2.2"}}, {Node: &harness.Node{Name: "p2", Address: "192.0.2.3"}}})
	assert.Equal(t, "192.0.2.2 p1\n192.0.2.3 p2\n", text)
}

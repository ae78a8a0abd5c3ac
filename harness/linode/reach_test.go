package linode

import (
	"bytes"
	"compress/gzip"
	"io"
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

func TestNodesKnowEachOther(t *testing.T) {
	text := hostsFile([]*machine{{Node: &harness.Node{Name: "p1", Address: "192.0.2.2"}}, {Node: &harness.Node{Name: "p2", Address: "192.0.2.3"}}})
	assert.Equal(t, "192.0.2.2 p1\n192.0.2.3 p2\n", text)
}

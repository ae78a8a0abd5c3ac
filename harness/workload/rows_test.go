package workload

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
)

func TestParseRow(t *testing.T) {
	text := func(s string) *string { return &s }
	page := agent.Rows{Columns: []string{"id", "attempt", "server"}, Rows: [][]*string{{text("7"), text("1"), text("2")}, {text("8"), text("0"), text("9")}, {nil, nil, nil}}}
	row, err := parseRow(page, 0, map[string]string{"2": "m2"})
	require.NoError(t, err)
	assert.Equal(t, record.Row{ID: 7, Attempt: 1, Server: "m2"}, row)
	row, err = parseRow(page, 1, map[string]string{"2": "m2"})
	require.NoError(t, err)
	assert.Equal(t, "9", row.Server, "a server that is not of the topology keeps its number")
	_, err = parseRow(page, 2, nil)
	assert.Error(t, err)
}

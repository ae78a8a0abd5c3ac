package mysql

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/record"
)

func TestEachWayOfReplicatingHasItsOwnHistory(t *testing.T) {
	topology, err := laidOut(t, "mysql-3", nil)
	require.NoError(t, err)
	assert.Equal(t, gtidSets{}, topology.history)
	topology, err = laidOut(t, "mariadb-mix", nil)
	require.NoError(t, err)
	assert.Equal(t, gtidDomains{}, topology.history)
	topology, err = laidOut(t, "mysql-3", harness.Settings{harness.MySQL: {"GTID-Mode": "off"}})
	require.NoError(t, err)
	assert.Equal(t, coordinates{}, topology.history)
}

// An errant transaction of MariaDB is found although later ones have come after it, and a replica that is only behind
// has none.
func TestErrantTransactionsOfMariaDB(t *testing.T) {
	primary := view{node: "m1", executed: "0-1-400"}
	for name, c := range map[string]struct{ executed, errant, lacks string }{
		"the same":                 {"0-1-400", "", ""},
		"behind":                   {"0-1-380", "", "0-1-400 (after 380)"},
		"its own, hidden":          {"0-2-101,0-1-400", "0-2-101", ""},
		"its own, and behind":      {"0-2-101,0-1-100", "0-2-101", "0-1-400 (after 100)"},
		"an old primary that lost": {"0-1-412", "0-1-412 (after 400)", ""},
		"empty":                    {"", "", "0-1-400"},
	} {
		server := view{node: "m2", executed: c.executed}
		errant, untold, err := gtidDomains{}.errant(t.Context(), nil, server, primary)
		require.NoError(t, err, name)
		assert.Equal(t, c.errant, errant, name)
		assert.Empty(t, untold, name)
		lacks, err := gtidDomains{}.lacks(t.Context(), nil, server, primary, nil)
		require.NoError(t, err, name)
		assert.Equal(t, c.lacks, lacks, name)
	}
	_, _, err := gtidDomains{}.errant(t.Context(), nil, view{executed: "3E11FA47-71CA-11E1-9E33-C80AA9429562:1-5"}, primary)
	assert.Error(t, err, "what is no GTID of MariaDB's proves nothing")
}

// Without GTIDs a replica is compared with its own source, whoever that is.
func TestReplicasByFileAndPosition(t *testing.T) {
	all := map[string]view{
		"m1": {node: "m1", logEnd: "binlog.000001:900"},
		"m2": {node: "m2", source: "m1", applied: "binlog.000001:900", logEnd: "binlog.000001:777"},
		"m3": {node: "m3", source: "m2", applied: "binlog.000001:700"},
		"m4": {node: "m4", source: "m3", applied: "binlog.000001:1"},
		"m5": {node: "m5", source: "m9"},
	}
	lacks := func(node string) (string, error) {
		return coordinates{}.lacks(t.Context(), nil, all[node], all["m1"], all)
	}
	got, err := lacks("m2")
	require.NoError(t, err)
	assert.Empty(t, got)
	got, err = lacks("m3")
	require.NoError(t, err)
	assert.Equal(t, "what is from binlog.000001:700 to binlog.000001:777 on m2", got)
	_, err = lacks("m4")
	assert.ErrorContains(t, err, "m3, which writes no binary log")
	_, err = lacks("m5")
	assert.ErrorContains(t, err, "m9, which does not answer")
}

func TestRowsOfOneServerThatAnotherHasNot(t *testing.T) {
	primary := []record.Row{{ID: 1, Server: "m1"}, {ID: 2, Server: "m1"}, {ID: 2, Attempt: 1, Server: "m1"}}
	assert.Empty(t, rowsBeyond(primary[:2], primary))
	assert.Equal(t, "rows of the application, 1 in all: 2 of m2", rowsBeyond([]record.Row{{ID: 2, Attempt: 2, Server: "m2"}}, primary))
	var many []record.Row
	for id := range 9 {
		many = append(many, record.Row{ID: int64(id), Server: "m1"})
	}
	assert.Equal(t, "rows of the application, 9 in all: 0 of m1, 1 of m1, 2 of m1, 3 of m1, 4 of m1, ...", rowsBeyond(many, nil))
}

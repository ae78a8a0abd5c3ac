package mysql

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/record"
)

func TestRowsThatThePrimaryHasNot(t *testing.T) {
	rows := []record.Row{{ID: 1}, {ID: 2}, {ID: 3}, {ID: 3, Attempt: 1}, {ID: 4}, {ID: 5}}
	known := map[int64]bool{1: true, 4: true}
	assert.Equal(t, []int64{2, 3, 5}, others(rows, known, 10))
	assert.Equal(t, []int64{2, 3}, others(rows, known, 2))
	assert.Empty(t, others(rows[:1], known, 10))
}

func TestWhatIsToldOfSingleServersIsDescribed(t *testing.T) {
	settings := harness.Settings{}
	settings.Set("m2", PromotionRule, "must_not")
	settings.Set("m3", sourceDelay, "3600")
	assert.Equal(t, map[string]string{"m2/promotion_rule": "must_not", "m3/source_delay": "3600"}, onPaper(t, settings).describeServers())
	assert.Empty(t, onPaper(t, nil).describeServers())
}

func TestRelocateNamesWhatItCannot(t *testing.T) {
	topology := onPaper(t, nil)
	assert.EqualError(t, topology.relocate(t.Context(), nil, []string{"m1"}), "relocate m1: name a server and those to put below it")
	assert.EqualError(t, topology.forceFailover(t.Context(), nil, []string{"o1"}), "force a failover: o1 is no database of this topology")
	assert.EqualError(t, topology.relocate(t.Context(), nil, []string{"m1", "o1"}), "relocate o1: it is no database of this topology")
}

func TestWhoIsFedByThePrimary(t *testing.T) {
	views := map[string]view{}
	for _, v := range []view{
		{node: "m1"}, {node: "m2", source: "m1"}, {node: "m3", source: "m2", replicating: true},
		{node: "m4", source: "m1", replicating: true}, {node: "m5", source: "m4", replicating: true},
		{node: "m7", source: "m1", replicating: true, delayed: true}, {node: "m8", source: "m7", replicating: true},
		{node: "m6", source: "//m1", replicating: true},
	} {
		views[v.node] = v
	}
	for node, want := range map[string]bool{"m1": false, "m2": false, "m3": false, "m4": true, "m5": true, "m6": false, "m7": false, "m8": false} {
		assert.Equal(t, want, fed(views, views[node], "m1"), node)
	}
}

package groupreplication

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/record"
)

// as makes a view: who sees whom as what. A state that ends in "*" is the primary's.
func as(node, id string, writable bool, members map[string]string) view {
	v := view{node: node, id: "1:" + id, writable: writable, members: map[string]seen{}}
	for name, state := range members {
		role := "SECONDARY"
		if state[len(state)-1] == '*' {
			state, role = state[:len(state)-1], primaryRole
		}
		v.members[name] = seen{state, role}
	}
	return v
}

func kinds(events []record.Event) (out []string) {
	for _, e := range events {
		if e.Kind != record.KindManager {
			out = append(out, e.Kind+" "+e.Node)
		}
	}
	return out
}

func told(w *watcher, views ...view) (out []record.Event) {
	for _, v := range views {
		out = append(out, w.saw(v)...)
	}
	return out
}

func whole() []view {
	all := map[string]string{"g1": "ONLINE*", "g2": "ONLINE", "g3": "ONLINE"}
	return []view{as("g1", "3", true, all), as("g2", "3", false, all), as("g3", "3", false, all)}
}

func TestWatchOfALostPrimary(t *testing.T) {
	w := newWatcher()
	require.Empty(t, told(w, whole()...), "a group that is whole says nothing")
	require.Empty(t, told(w, whole()...))

	dead := view{node: "g1", err: errors.New("connection refused")}
	require.Empty(t, kinds(told(w, dead)), "that it does not answer us is not the group's word")

	suspect := map[string]string{"g1": "UNREACHABLE*", "g2": "ONLINE", "g3": "ONLINE"}
	assert.Equal(t, []string{record.KindDetected + " g1"}, kinds(told(w, as("g2", "3", false, suspect))))
	for range 3 { // the one suspects it already, the other does not yet
		assert.Empty(t, told(w, whole()[2], as("g2", "3", false, suspect)), "detected once")
	}
	assert.Empty(t, kinds(told(w, as("g3", "3", false, suspect))))

	rest := map[string]string{"g2": "ONLINE*", "g3": "ONLINE"}
	assert.Equal(t, []string{record.KindPromotionStarted + " g2"}, kinds(told(w, as("g3", "4", false, rest), as("g2", "4", false, rest))))
	assert.Equal(t, []string{record.KindPromoted + " g2"}, kinds(told(w, as("g2", "4", true, rest))))
	assert.Empty(t, kinds(told(w, as("g2", "4", true, rest), as("g3", "4", false, rest), dead)))
}

func TestWatchOfAPrimaryThatLeaves(t *testing.T) {
	w := newWatcher()
	told(w, whole()...)
	rest := map[string]string{"g2": "ONLINE*", "g3": "ONLINE"}
	assert.Equal(t, []string{record.KindDetected + " g1", record.KindPromotionStarted + " g2"}, kinds(told(w, as("g3", "4", false, rest))))
}

// A primary in a minority goes on saying that it is the primary: the majority's word counts.
func TestWatchOfAPrimaryInAMinority(t *testing.T) {
	w := newWatcher()
	told(w, whole()...)
	alone := as("g1", "3", true, map[string]string{"g1": "ONLINE*", "g2": "UNREACHABLE", "g3": "UNREACHABLE"})
	rest := map[string]string{"g2": "ONLINE*", "g3": "ONLINE"}
	got := kinds(told(w, alone, as("g2", "4", true, rest), alone, as("g3", "4", false, rest), alone))
	assert.Equal(t, []string{record.KindDetected + " g1", record.KindPromotionStarted + " g2", record.KindPromoted + " g2"}, got)
}

func TestWatchOfALostMajority(t *testing.T) {
	w := newWatcher()
	told(w, whole()...)
	dead := func(n string) view { return view{node: n, err: errors.New("no answer")} }
	alone := as("g1", "3", true, map[string]string{"g1": "ONLINE*", "g2": "UNREACHABLE", "g3": "UNREACHABLE"})
	events := told(w, dead("g2"), dead("g3"), alone)
	require.Empty(t, kinds(events))
	assert.Contains(t, events[len(events)-1].Msg, "no member sees a majority")
	forced := as("g1", "4", true, map[string]string{"g1": "ONLINE*"})
	events = told(w, forced)
	assert.Empty(t, kinds(events), "the primary is who it was")
}

func TestPrimary(t *testing.T) {
	alone := as("g1", "3", true, map[string]string{"g1": "ONLINE*", "g2": "UNREACHABLE", "g3": "UNREACHABLE"})
	rest := map[string]string{"g2": "ONLINE*", "g3": "ONLINE"}
	for name, c := range map[string]struct {
		views []view
		want  string
	}{
		"all agree":              {whole(), "g1"},
		"the majority's":         {[]view{alone, as("g2", "4", true, rest), as("g3", "4", false, rest)}, "g2"},
		"nobody has a majority":  {[]view{alone, {node: "g2", err: errors.New("no answer")}, {node: "g3", err: errors.New("no answer")}}, "g1"},
		"the later of two views": {[]view{whole()[2], as("g2", "4", true, rest)}, "g2"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := choosePrimary(c.views)
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
	_, err := choosePrimary([]view{as("g1", "0", false, nil)})
	assert.Error(t, err)
}

func TestReasonsOfAGroup(t *testing.T) {
	primary, reasons := groupReasons(whole())
	assert.Equal(t, "g1", primary)
	assert.Empty(t, reasons)

	rest := map[string]string{"g2": "ONLINE*", "g3": "ONLINE"}
	primary, reasons = groupReasons([]view{as("g1", "3", true, map[string]string{"g1": "ONLINE*", "g2": "UNREACHABLE", "g3": "UNREACHABLE"}),
		as("g2", "4", true, rest), as("g3", "4", false, rest)})
	assert.Equal(t, "g2", primary)
	assert.Contains(t, reasons, "g1 does not see the majority of the group")
	assert.Contains(t, reasons, "g1 is writable and not the primary")
	assert.Contains(t, reasons, "g2 sees g2 ONLINE primary, g3 ONLINE")
}

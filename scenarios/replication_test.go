package scenarios

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
)

func TestDelayBeforeTheTopologyStandsIsASetting(t *testing.T) {
	d := &Drill{settings: harness.Settings{}}
	d.manifest.Kind = "mysql"
	require.NoError(t, d.Delay(t.Context(), "", `nodes "m2, m3"`, 30*time.Second))
	assert.Equal(t, harness.Settings{"m2": {"source_delay": "30"}, "m3": {"source_delay": "30"}}, d.settings)
	assert.ErrorContains(t, d.Delay(t.Context(), "", "every replica", time.Minute), "by their names", "roles are not there yet")
	assert.ErrorContains(t, d.Delay(t.Context(), "", `node "m2"`, 1500*time.Millisecond), "whole seconds")
	assert.ErrorContains(t, d.Delay(t.Context(), "", `node "m2"`, 0), "whole seconds")
	d.manifest.Kind = "patroni"
	assert.ErrorContains(t, d.Delay(t.Context(), "", `node "p2"`, time.Minute), "only nodes of MySQL")
}

func TestSemiSyncIsASetting(t *testing.T) {
	d := &Drill{settings: harness.Settings{}}
	require.NoError(t, d.SemiSync(2))
	assert.Equal(t, "2", d.settings[harness.MySQL]["rpl_semi_sync_source_wait_for_replica_count"])
	assert.ErrorContains(t, d.SemiSync(0), "it takes 1 at least")
	d.stands = true
	assert.ErrorIs(t, d.SemiSync(1), errStands)
}

func TestSynchronousIsASetting(t *testing.T) {
	d := &Drill{settings: harness.Settings{}}
	d.manifest.Kind = "patroni"
	require.NoError(t, d.Synchronous("strict"))
	assert.Equal(t, harness.Settings{"patroni": {"synchronous_mode": "true", "synchronous_mode_strict": "true"}}, d.settings)
	assert.ErrorContains(t, d.Synchronous("quorum"), "there are on, off and strict")
	d.manifest.Kind = "mysql"
	assert.ErrorContains(t, d.Synchronous("on"), "name a topology of patroni first")
}

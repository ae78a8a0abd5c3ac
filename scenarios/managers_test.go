package scenarios

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
)

func TestWhatOnlyMySQLKnowsIsRefusedElsewhere(t *testing.T) {
	d := &Drill{run: &Run{Config: Config{Catalogue: Kinds()}}, settings: harness.Settings{}}
	assert.ErrorContains(t, d.PromotionRule("m2", "prefer"), "name the topology first")
	require.NoError(t, d.Topology("patroni-3"))
	assert.EqualError(t, d.PromotionRule("p2", "prefer"), "set p2/promotion_rule: topologies of patroni do not have this; those of mysql do")
	require.NoError(t, d.Topology("mysql-3"))
	assert.EqualError(t, d.PromotionRule("m2", "must"), `promotion rule "must": there are: prefer, neutral, prefer_not, must_not`)
	require.NoError(t, d.PromotionRule("m2", "prefer"))
	require.NoError(t, d.ReplicatesFrom("m3", "m2"))
	assert.Equal(t, harness.Settings{"m2": {"promotion_rule": "prefer"}, "m3": {"source": "m2"}}, d.settings)
}

func TestABlockedFailoverIsRemembered(t *testing.T) {
	d := &Drill{tracker: &tracker{blocked: []string{"recovery of m2 (DeadMaster) is blocked by recovery 1: anti-flapping"}}}
	got, err := FailoverBlocked()(t.Context(), d)
	require.NoError(t, err)
	assert.Equal(t, finding{Flapping, d.tracker.blocked[0]}, got)
	got, err = FailoverBlocked()(t.Context(), &Drill{tracker: &tracker{}})
	require.NoError(t, err)
	assert.Equal(t, "not blocked", got.value)
}

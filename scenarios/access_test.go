package scenarios

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/mysql"
	"github.com/firedrill/firedrill/harness/record"
)

// obeying is a topology that does as it is told, or says why not.
type obeying struct {
	harness.Topology
	refuses error
	told    []string
}

func (o *obeying) Operate(_ context.Context, verb string, args ...string) error {
	o.told = append([]string{verb}, args...)
	return o.refuses
}

func TestARefusalIsAFinding(t *testing.T) {
	rec, err := record.Create(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { _ = rec.Close() })
	no := &obeying{refuses: errors.New("Orchestrator refuses graceful-master-takeover-auto/m1/3306/m3/3306: m3 is no direct replica")}
	got, err := Refusal("a refusal", "switchover", "m3")(t.Context(), &Drill{topology: no, rec: rec, tracker: newTracker(rec)})
	require.NoError(t, err)
	assert.Equal(t, []string{"switchover", "m3"}, no.told)
	assert.True(t, Bound{Has: "Orchestrator refuses"}.kept(got.value), got.value)

	got, err = Refusal("a refusal", "switchover", "m2")(t.Context(), &Drill{topology: &obeying{}, rec: rec, tracker: newTracker(rec)})
	require.NoError(t, err)
	assert.False(t, Bound{Has: "Orchestrator refuses"}.kept(got.value), "it did as it was told: "+got.words)

	// What went wrong before Orchestrator was asked is no refusal of its.
	lost := &obeying{refuses: errors.New("operate switchover: no Orchestrator leads")}
	got, err = Refusal("a refusal", "switchover", "m3")(t.Context(), &Drill{topology: lost, rec: rec, tracker: newTracker(rec)})
	require.NoError(t, err)
	assert.False(t, Bound{Has: "Orchestrator refuses"}.kept(got.value), got.value)
}

func TestWithoutAnOrchestratorThereIsNoAccessToLookAt(t *testing.T) {
	got, err := Access(mysql.Identity{}, mysql.ToRead)(t.Context(), &Drill{})
	require.NoError(t, err)
	assert.Empty(t, got.words, "Observe makes of it that there was nothing to look at")
}

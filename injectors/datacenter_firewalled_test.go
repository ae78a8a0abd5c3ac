package injectors

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/record"
)

// fakeWall enforces what it has taken after a few knocks, as a provider does.
type fakeWall struct {
	mu     sync.Mutex
	shut   bool
	lag    int // knocks that it still lets through
	orders []string
	fail   error
	before func()
}

func (f *fakeWall) Shut(context.Context) error { return f.order("shut", true) }
func (f *fakeWall) Open(context.Context) error { return f.order("open", false) }

func (f *fakeWall) order(what string, shut bool) error {
	if f.before != nil {
		f.before()
	}
	f.orders = append(f.orders, what)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail == nil {
		f.shut = shut
	}
	return f.fail
}

func (f *fakeWall) passes() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.shut && f.lag > 0 {
		f.lag--
		return true
	}
	return !f.shut
}

func walled(t *testing.T) (*world, *fakeWall) {
	t.Helper()
	w, wall := newWorld(t), &fakeWall{}
	for i := range w.nodes {
		w.nodes[i].Wall = harness.Wall(wall)
	}
	for _, a := range w.agents {
		a.passes = wall.passes
	}
	return w, wall
}

var firewalledSpec = Spec{Name: "datacenter.firewalled", Params: FirewalledParams{Datacenter: "dc1"}, Text: "When it breaks"}

// The fault is in force when nobody gets through, and not when the provider has taken the order; the intent is on disk before it.
func TestAFirewallIsInForceWhenNobodyGetsThrough(t *testing.T) {
	w, wall := walled(t)
	wall.lag = 5
	wall.before = func() {
		if len(wall.orders) == 0 {
			require.Equal(t, []record.FaultState{record.FaultInjecting}, states(w.steps()))
		}
	}
	i := w.inject(firewalledSpec)
	require.Zero(t, wall.lag)
	require.Contains(t, i.Effect().Proof, "4 knocks at what answered before")
	require.Less(t, i.Effect().Began, i.Effect().Effective)
	require.Equal(t, []string{"m1", "m2"}, i.Step().Targets)
	require.NoError(t, i.Heal(t.Context()))
	require.NoError(t, i.Heal(t.Context()))
	require.Equal(t, []string{"shut", "open"}, wall.orders)
	require.Equal(t, record.FaultHealed, i.State())
}

// An order that fails leaves a doubt, which a heal ends; one from a process without the account says what to do.
func TestAFirewallThatFails(t *testing.T) {
	w, wall := walled(t)
	wall.fail = errors.New("Linode busy.")
	i, err := w.set.Inject(t.Context(), firewalledSpec)
	require.ErrorContains(t, err, "Linode busy.")
	require.Equal(t, record.FaultDoubtful, i.State())
	dial := func(name string) (Agent, error) { return w.agents[name], nil }
	err = HealRecorded(t.Context(), nil, w.steps(), dial, w.rec, func() time.Duration { return time.Hour })
	require.ErrorContains(t, err, "firedrill clean")
	wall.fail = nil
	require.NoError(t, i.Heal(t.Context()))
	require.True(t, slices.Contains(wall.orders, "open"))
}

// In containers there is no such firewall: the drill is not held, by name.
func TestThereIsNoFirewallAroundContainers(t *testing.T) {
	w := newWorld(t)
	_, err := w.set.Prepare(t.Context(), firewalledSpec)
	require.ErrorIs(t, err, harness.ErrUnavailable)
}

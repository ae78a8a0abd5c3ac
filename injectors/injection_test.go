package injectors

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/record"
)

// noop is a fault that does nothing but what its functions say.
type noop struct {
	inject, heal func(ctx context.Context) (Effect, error)
	observe      func() (string, error)
	observeHeal  func() (string, error)
}

func (f noop) Inject(ctx context.Context, _ Env) (Effect, error) { return f.inject(ctx) }
func (f noop) Heal(ctx context.Context, _ Env) (Effect, error)   { return f.heal(ctx) }
func (f noop) Observe(context.Context, Env) (string, error)      { return f.observe() }
func (f noop) ObserveHeal(context.Context, Env) (string, error)  { return f.observeHeal() }

func nothing(context.Context) (Effect, error) { return Effect{Proof: "seen"}, nil }

// memory is a recorder that keeps steps, and fails when told to.
type memory struct {
	mu    sync.Mutex
	steps []record.FaultStep
	fail  func() error
}

func (m *memory) Fault(s record.FaultStep) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.steps = append(m.steps, s)
	if m.fail != nil {
		return m.fail()
	}
	return nil
}

func life(f Fault, rec Recorder) *Injection {
	began := time.Now()
	return newInjection(f, Env{Fault: "f1"}, record.FaultStep{ID: "f1", Name: "noop", Targets: []string{"m1"}, State: record.FaultNew},
		rec, func() time.Duration { return time.Since(began) }, Budgets{})
}

// TestRandomLives walks 10,000 random steps with 10% errors of the fault and some of the disk, and checks every step
// on record against a table of its own.
func TestRandomLives(t *testing.T) {
	allowed := map[record.FaultState][]record.FaultState{
		record.FaultNew:       {record.FaultInjecting},
		record.FaultInjecting: {record.FaultActive, record.FaultDoubtful},
		record.FaultActive:    {record.FaultHealing, record.FaultDoubtful},
		record.FaultDoubtful:  {record.FaultHealing},
		record.FaultHealing:   {record.FaultHealed, record.FaultDoubtful},
		record.FaultHealed:    {record.FaultDoubtful}, // only when the disk refused to keep that it is healed
	}
	const seed = 42
	dice := rand.New(rand.NewPCG(seed, seed))
	maybe := func(percent int, err error) error {
		if dice.IntN(100) < percent {
			return err
		}
		return nil
	}
	lives, reached := 0, map[record.FaultState]int{}
	for transitions := 0; transitions < 10_000; lives++ {
		act := func(context.Context) (Effect, error) {
			if dice.IntN(50) == 0 {
				panic("a fault that crashes")
			}
			return Effect{Proof: "seen", OneShot: dice.IntN(10) == 0}, maybe(10, errors.New("fault says no"))
		}
		rec := &memory{fail: func() error { return maybe(2, errors.New("disk full")) }}
		i := life(noop{inject: act, heal: act}, rec)
		for range 2 + dice.IntN(12) {
			before, lines := i.State(), len(rec.steps)
			var err error
			if dice.IntN(3) == 0 {
				err = i.Inject(t.Context())
			} else {
				err = i.Heal(t.Context())
			}
			after := i.State()
			var illegal *IllegalError
			switch {
			case errors.As(err, &illegal):
				require.Equal(t, before, after)
				require.Len(t, rec.steps, lines, "an illegal request does nothing")
			case err != nil:
				require.Equal(t, record.FaultDoubtful, after, "after any error: %v", err)
			default:
				require.Contains(t, []record.FaultState{record.FaultActive, record.FaultHealed}, after)
			}
			reached[after]++
			transitions++
		}
		last := record.FaultNew
		for _, s := range rec.steps {
			require.Contains(t, allowed[last], s.State, "seed %d, life %d: from %s", seed, lives, last)
			last = s.State
		}
		require.True(t, slices.IsSortedFunc(rec.steps, func(a, b record.FaultStep) int { return int(a.T - b.T) }))
	}
	for s, n := range reached {
		require.Greater(t, n, 100, s)
	}
	t.Logf("%d lives, states reached: %v", lives, reached)
}

func TestProofIsAwaitedButDoesNotDateTheEffect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &memory{}
		began := time.Now()
		i := life(noop{
			inject: func(context.Context) (Effect, error) {
				return Effect{Began: 5 * time.Millisecond, Effective: 7 * time.Millisecond}, nil
			},
			observe: func() (string, error) {
				if time.Since(began) < 3*time.Second {
					return "", errors.New("the agent is busy") // a look that fails is only a look
				}
				return "3 packets stopped", nil
			},
		}, rec)
		require.NoError(t, i.Inject(t.Context()))
		active := rec.steps[1]
		require.Equal(t, record.FaultStep{
			T: 7 * time.Millisecond, ID: "f1", Name: "noop", Params: active.Params, Targets: []string{"m1"}, State: record.FaultActive,
			Began: 5 * time.Millisecond, Effective: 7 * time.Millisecond, Proof: "3 packets stopped",
		}, active)
		require.Equal(t, "3 packets stopped", i.Effect().Proof)
		require.InDelta(t, 3, time.Since(began).Seconds(), 0.3)
	})
}

func TestNoProofWithinItsBoundIsNoError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &memory{}
		blind := func() (string, error) { return "", nil }
		unseen := func(context.Context) (Effect, error) { return Effect{Effective: 1}, nil }
		i := life(noop{inject: unseen, heal: unseen, observe: blind, observeHeal: blind}, rec)
		began := time.Now()
		require.NoError(t, i.Inject(t.Context()))
		require.InDelta(t, 10, time.Since(began).Seconds(), 0.5)
		require.NoError(t, i.Heal(t.Context()))
		require.InDelta(t, 20, time.Since(began).Seconds(), 1)
		require.Empty(t, rec.steps[1].Proof)
		require.Empty(t, rec.steps[3].Proof)
	})
}

func TestCancelWhileTheProofIsAwaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		i := life(noop{
			inject:  func(context.Context) (Effect, error) { return Effect{Effective: 1}, nil },
			observe: func() (string, error) { return "", nil },
		}, &memory{})
		require.ErrorIs(t, i.Inject(ctx), context.DeadlineExceeded)
		require.Equal(t, record.FaultActive, i.State(), "the deed itself was done")
	})
}

// A heal that is asked for while the injection is under way waits for it: else it would undo nothing.
func TestHealWaitsForTheInjectionThatItUndoes(t *testing.T) {
	began, proceed := make(chan struct{}), make(chan struct{})
	var order []string
	i := life(noop{
		inject: func(context.Context) (Effect, error) {
			close(began)
			<-proceed
			order = append(order, "inject")
			return Effect{Proof: "seen"}, nil
		},
		heal: func(context.Context) (Effect, error) {
			order = append(order, "heal")
			return Effect{Proof: "seen"}, nil
		},
	}, &memory{})
	var both sync.WaitGroup
	both.Go(func() { _ = i.Inject(t.Context()) })
	<-began
	both.Go(func() { _ = i.Heal(t.Context()) })
	close(proceed)
	both.Wait()
	require.Equal(t, []string{"inject", "heal"}, order)
	require.Equal(t, record.FaultHealed, i.State())
}

func TestHealGoesOnWhenNothingCanBeRecorded(t *testing.T) {
	rec := &memory{}
	healed := 0
	i := life(noop{inject: nothing, heal: func(context.Context) (Effect, error) {
		healed++
		return Effect{Proof: "seen"}, nil
	}}, rec)
	require.NoError(t, i.Inject(t.Context()))
	rec.fail = func() error { return errors.New("disk full") }
	require.ErrorContains(t, i.Heal(t.Context()), "disk full")
	require.Equal(t, 1, healed)
	require.Equal(t, record.FaultDoubtful, i.State())
	rec.fail = nil
	require.NoError(t, i.Heal(t.Context()))
}

func TestNothingIsInjectedWithoutAnIntentOnDisk(t *testing.T) {
	rec := &memory{fail: func() error { return errors.New("disk full") }}
	i := life(noop{inject: func(context.Context) (Effect, error) {
		return Effect{}, errors.New("must not be called")
	}}, rec)
	err := i.Inject(t.Context())
	require.ErrorContains(t, err, "disk full")
	require.NotContains(t, err.Error(), "must not")
	require.Equal(t, record.FaultDoubtful, i.State())
}

func TestHealIsBoundedByItsOwnBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := life(noop{inject: nothing, heal: func(ctx context.Context) (Effect, error) {
			<-ctx.Done()
			return Effect{}, ctx.Err()
		}}, &memory{})
		require.NoError(t, i.Inject(t.Context()))
		began := time.Now()
		require.ErrorIs(t, i.Heal(t.Context()), context.DeadlineExceeded)
		require.InDelta(t, 60, time.Since(began).Seconds(), 0.1)
	})
}

func TestOneShotHasNothingToHeal(t *testing.T) {
	rec := &memory{}
	i := life(noop{
		inject: func(context.Context) (Effect, error) { return Effect{Proof: "switched", OneShot: true}, nil },
		heal:   func(context.Context) (Effect, error) { return Effect{Proof: "nothing is left to heal"}, nil },
	}, rec)
	require.NoError(t, i.Inject(t.Context()))
	require.False(t, i.Open())
	require.True(t, rec.steps[1].OneShot)
	require.Empty(t, Unhealed(rec.steps))
	require.NoError(t, i.Heal(t.Context()), "who asks all the same gets an answer")
	require.True(t, rec.steps[3].OneShot, "its heal must not be taken for one that changed something")
	require.Equal(t, "nothing is left to heal", i.HealEffect().Proof)
}

func TestUnhealed(t *testing.T) {
	step := func(id string, s record.FaultState, oneShot bool) record.FaultStep {
		return record.FaultStep{ID: id, State: s, OneShot: oneShot}
	}
	var ids []string
	for _, s := range Unhealed([]record.FaultStep{
		step("f1", record.FaultInjecting, false), // killed between intent and deed: it may have begun
		step("f2", record.FaultInjecting, false), step("f2", record.FaultActive, false),
		step("f3", record.FaultInjecting, false), step("f3", record.FaultActive, true),
		step("f4", record.FaultActive, false), step("f4", record.FaultHealed, false), step("f4", record.FaultHealing, false),
		step("f5", record.FaultActive, true), step("f5", record.FaultDoubtful, false),
		step("f6", record.FaultHealing, false),
	}) {
		ids = append(ids, s.ID)
	}
	require.Equal(t, []string{"f1", "f2", "f5", "f6"}, ids)
}

func ExampleIllegalError() {
	fmt.Println(&IllegalError{"inject", "f1 (process.kill on m1)", record.FaultHealed})
	// Output: inject f1 (process.kill on m1): it is healed
}

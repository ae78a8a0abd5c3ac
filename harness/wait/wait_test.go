package wait_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/wait"
)

func TestUntilSaysWhatItLastSaw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		err := wait.Until(t.Context(), "new primary promoted", 30*time.Second, func(context.Context) (bool, string, error) {
			return false, "no leader key", nil
		})
		var timeout *wait.TimeoutError
		require.ErrorAs(t, err, &timeout)
		require.ErrorContains(t, err, "new primary promoted: not within 30s; last seen: no leader key")
		require.Equal(t, 30*time.Second, time.Since(began))
	})
}

func TestUntilLooksAtOnceAndGivesUpWithoutHope(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		require.NoError(t, wait.Until(t.Context(), "x", time.Second, func(context.Context) (bool, string, error) { return true, "", nil }))
		gone := errors.New("node is gone")
		require.ErrorIs(t, wait.Until(t.Context(), "x", time.Second, func(context.Context) (bool, string, error) { return false, "", gone }), gone)
		require.Zero(t, time.Since(began))
	})
}

func TestUntilEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		interrupted := errors.New("interrupted")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(interrupted) })
		err := wait.Until(ctx, "x", time.Minute, func(context.Context) (bool, string, error) { return false, "nothing yet", nil })
		require.ErrorIs(t, err, interrupted)
	})
}

// An open loop stays open: a tick that came late is caught up, none is lost.
func TestEveryKeepsItsGrid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 995*time.Millisecond)
		defer cancel()
		began := time.Now()
		var due []time.Duration
		wait.Every(ctx, 10*time.Millisecond, func(d time.Time) {
			due = append(due, d.Sub(began))
			if len(due) == 5 {
				_ = wait.Hold(ctx, 95*time.Millisecond)
			}
		})
		require.Len(t, due, 100)
		for i, d := range due {
			require.Equal(t, time.Duration(i)*10*time.Millisecond, d)
		}
	})
}

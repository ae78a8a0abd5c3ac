package undo_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/undo"
)

func TestRunUndoesEverythingLastFirst(t *testing.T) {
	var s undo.Stack
	var order []string
	push := func(name string, err error) {
		s.Push(name, time.Second, func(ctx context.Context) error {
			order = append(order, name)
			require.NoError(t, ctx.Err(), "a cancelled context must not reach an undo")
			return err
		})
	}
	push("first", nil)
	push("second", errors.New("no"))
	s.Push("third", time.Second, func(context.Context) error { panic("oh") })
	push("fourth", nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := s.Run(ctx)
	require.Equal(t, []string{"fourth", "second", "first"}, order)
	require.ErrorContains(t, err, "second: no")
	require.ErrorContains(t, err, "third: panic: oh")
	require.NoError(t, s.Run(ctx), "nothing is undone twice")
	require.Len(t, order, 3)
}

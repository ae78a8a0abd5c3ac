package images

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLockIsHeldByOne(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	unlock, err := lock(t.Context(), func() { t.Error("waited for a free lock") })
	require.NoError(t, err)

	// The second one is told to wait, and gives up with its context.
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	_, err = lock(ctx, func() { cancel(gone) })
	require.ErrorIs(t, err, gone)

	// Another gets it as soon as it is free.
	second, err := lock(t.Context(), unlock)
	require.NoError(t, err)
	second()
}

package images

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"
)

// newEngine returns a client, or skips the test and says why.
func newEngine(t *testing.T) *client.Client {
	t.Helper()
	if testing.Short() {
		t.Skip("builds images; not with -short")
	}
	cli, err := client.New(client.FromEnv)
	if err != nil {
		t.Skipf("no container engine: %v", err)
	}
	t.Cleanup(func() { cli.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := cli.Ping(ctx, client.PingOptions{}); err != nil {
		t.Skipf("no container engine answers: %v", err)
	}
	return cli
}

func newBuilder(t *testing.T, cli *client.Client) *Builder {
	t.Helper()
	b := New(cli, t.Output(), Options{})
	for _, obstacle := range b.Obstacles(t.Context()) {
		if !errors.Is(obstacle, ErrNoOrchestrator) {
			t.Skipf("images cannot be built here: %v", obstacle)
		}
	}
	return b
}

func TestEnsureBuildsOnce(t *testing.T) {
	b := newBuilder(t, newEngine(t))
	start := time.Now()
	refs, err := b.Ensure(t.Context())
	if !errors.Is(err, ErrNoOrchestrator) {
		require.NoError(t, err)
		require.Contains(t, refs, Orchestrator)
	}
	t.Logf("all images in %s: %v", since(start), refs)
	for _, name := range []string{Base, MySQL, Patroni, Etcd, HAProxy, Tools} {
		require.Contains(t, refs, name)
	}

	start = time.Now()
	again, err := b.Ensure(t.Context())
	if !errors.Is(err, ErrNoOrchestrator) {
		require.NoError(t, err)
	}
	t.Logf("nothing to do in %s", since(start))
	require.Equal(t, refs, again)
}

package images

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/wait"
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

// otherMirror makes every tag a new one: the same archive under another spelling of its address.
func otherMirror(t *testing.T, b *Builder) {
	t.Helper()
	mirror, err := findMirror(b.etcApt)
	if err != nil {
		t.Skipf("no debootstrap without a mirror: %v", err)
	}
	line := "deb [signed-by=" + mirror.Keyring + "] " + mirror.URI + "/. " + Suite + " main\n"
	b.etcApt = fstest.MapFS{"sources.list": {Data: []byte(line)}}
}

func TestInterruptedDebootstrapLeavesNothing(t *testing.T) {
	b := newBuilder(t, newEngine(t))
	otherMirror(t, b)
	if err := b.debootstrapObstacle(); err != nil {
		t.Skip(err)
	}
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := b.debootstrapImage(ctx)
		ended <- err
	}()
	// By then it runs programs inside the new system, and has mounted /proc there.
	err := wait.Until(t.Context(), "debootstrap at work inside", 3*time.Minute, func(context.Context) (bool, string, error) {
		found, err := filepath.Glob(filepath.Join(tmp, rootfsPattern+"*", "var/lib/dpkg/info/*.list"))
		return len(found) > 5, fmt.Sprintf("%d packages", len(found)), err
	})
	require.NoError(t, err)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	left, err := os.ReadDir(tmp)
	require.NoError(t, err)
	require.Empty(t, left)
	require.Empty(t, mountsBelow(tmp))
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, name := range commands {
		if line, err := os.ReadFile(name); err == nil {
			require.NotContains(t, string(line), tmp, "a process goes on")
		}
	}
}

func TestInterruptedBuildLeavesNoContainer(t *testing.T) {
	cli := newEngine(t)
	b := newBuilder(t, cli)
	refs, err := b.Ensure(t.Context(), Base)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	marker := fmt.Sprintf("sleep 61 # %d", time.Now().UnixNano())
	s := &step{component: component{name: "test-interrupted"}, ref: "firedrill/test-interrupted:1",
		context: buildContext{{name: "Dockerfile", mode: 0o644, data: []byte("FROM " + refs[Base] + "\nRUN " + marker + "\n")}}}
	ended := make(chan error, 1)
	go func() { ended <- b.build(ctx, s) }()

	running := func(ctx context.Context) (int, error) {
		list, err := cli.ContainerList(ctx, client.ContainerListOptions{All: true})
		n := 0
		for _, c := range list.Items {
			if strings.Contains(c.Command, marker) {
				n++
			}
		}
		return n, err
	}
	err = wait.Until(t.Context(), "build container", time.Minute, func(ctx context.Context) (bool, string, error) {
		n, err := running(ctx)
		return n == 1, fmt.Sprint(n), err
	})
	require.NoError(t, err)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	err = wait.Until(t.Context(), "build container removed", 30*time.Second, func(ctx context.Context) (bool, string, error) {
		n, err := running(ctx)
		return n == 0, fmt.Sprint(n), err
	})
	require.NoError(t, err)
	has, err := b.has(t.Context(), s.ref)
	require.NoError(t, err)
	require.False(t, has)
}

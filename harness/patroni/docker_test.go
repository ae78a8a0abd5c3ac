package patroni_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/docker"
	"github.com/firedrill/firedrill/harness/images"
	"github.com/firedrill/firedrill/harness/patroni"
	"github.com/firedrill/firedrill/harness/wait"
)

// stand brings a topology up, times it, and removes it when the test ends.
func stand(t *testing.T, name string, settings harness.Settings) (harness.Topology, []*harness.Node) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a Docker engine: not under -short")
	}
	api, err := docker.Connect(t.Context())
	if err != nil {
		t.Skip(err)
	}
	binary, err := docker.FindAgent(t.Context(), "", "amd64")
	require.NoError(t, err)
	p := docker.New(api, docker.Options{Images: images.New(api, os.Stderr, images.Options{}), Binary: binary})
	blueprint, err := harness.NewCatalogue(patroni.Kind{}).Find(name)
	require.NoError(t, err)
	id := harness.Identity{Run: "test-" + filepath.Base(t.TempDir()) + time.Now().Format("150405"), Drill: "patroni"}
	t.Cleanup(func() { require.NoError(t, p.Down(context.Background(), id)) })
	began := time.Now()
	nodes, err := p.Up(t.Context(), id, blueprint.Specs)
	require.NoError(t, err)
	up := time.Since(began)
	topology, err := blueprint.Build(nodes, settings)
	require.NoError(t, err)
	t.Cleanup(func() { keepLogs(t, topology, nodes) })
	require.NoError(t, topology.Start(t.Context()))
	started := time.Since(began)
	steady(t, topology, 30*time.Second)
	t.Logf("up %s, started %s, steady %s", up.Round(time.Millisecond), started.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	return topology, nodes
}

// keepLogs shows what a failed test leaves behind.
func keepLogs(t *testing.T, topology harness.Topology, nodes []*harness.Node) {
	if !t.Failed() {
		return
	}
	for _, n := range nodes {
		for _, path := range topology.Logs(n) {
			data, err := n.Agent.Read(context.Background(), path)
			t.Logf("%s %s (%v):\n%s", n.Name, path, err, data[max(0, len(data)-3000):])
		}
	}
}

func steady(t *testing.T, topology harness.Topology, within time.Duration) {
	t.Helper()
	require.NoError(t, wait.Until(t.Context(), "steady state", within, func(ctx context.Context) (bool, string, error) {
		reasons, err := topology.Steady(ctx)
		if len(reasons) > 0 {
			return false, reasons[0], err
		}
		return true, "", err
	}))
}

func TestStands(t *testing.T) {
	topology, _ := stand(t, "patroni-3", nil)
	t.Log(topology.Describe(t.Context()))
	primary, err := topology.Primary(t.Context())
	require.NoError(t, err)
	require.Equal(t, "p1", primary.Name)
}

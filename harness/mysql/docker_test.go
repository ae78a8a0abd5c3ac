package mysql_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/docker"
	"github.com/firedrill/firedrill/harness/images"
	"github.com/firedrill/firedrill/harness/mysql"
	"github.com/firedrill/firedrill/harness/wait"
)

// stand is a topology on real containers, and how long it took.
type stand struct {
	*testing.T
	topology harness.Topology
	nodes    []*harness.Node
	began    time.Time
}

// standUp starts a topology and waits until it is steady. It skips where it cannot: the reason is said.
func standUp(t *testing.T, name string, settings harness.Settings) *stand {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a Docker engine: not under -short")
	}
	api, err := docker.Connect(t.Context())
	if err != nil {
		t.Skip(err)
	}
	builder := images.New(api, os.Stderr, images.Options{})
	blueprint, err := harness.NewCatalogue(mysql.Kind{}).Find(name)
	require.NoError(t, err)
	if _, err := builder.Ensure(t.Context(), images.MySQL, images.Orchestrator, images.Tools); errors.Is(err, images.ErrNoOrchestrator) {
		t.Skip(err)
	} else {
		require.NoError(t, err)
	}
	binary, err := docker.FindAgent(t.Context(), "", "amd64")
	require.NoError(t, err)
	p := docker.New(api, docker.Options{Images: builder, Binary: binary})
	id := harness.Identity{Run: "test-" + time.Now().Format("150405.000"), Drill: strings.ToLower(t.Name())}
	t.Cleanup(func() { require.NoError(t, p.Down(context.Background(), id)) })

	s := &stand{T: t, began: time.Now()}
	s.nodes, err = p.Up(t.Context(), id, blueprint.Specs)
	require.NoError(t, err)
	t.Logf("containers after %s", s.since())
	s.topology, err = blueprint.Build(s.nodes, settings)
	require.NoError(t, err)
	t.Cleanup(s.logs)
	require.NoError(t, s.topology.Start(t.Context()))
	t.Logf("started after %s", s.since())
	return s
}

// logs says what the nodes said, when the test failed.
func (s *stand) logs() {
	if !s.Failed() {
		return
	}
	for _, n := range s.nodes {
		for _, path := range s.topology.Logs(n) {
			data, _ := n.Agent.Read(context.Background(), path)
			lines := strings.Split(strings.TrimSpace(string(data)), "\n")
			s.Logf("%s %s:\n%s", n.Name, path, strings.Join(lines[max(0, len(lines)-40):], "\n"))
		}
	}
}

func (s *stand) since() time.Duration { return time.Since(s.began).Round(time.Millisecond) }

func (s *stand) settle() {
	s.Helper()
	last := ""
	require.NoError(s, wait.Until(s.Context(), "steady state", 40*time.Second, func(ctx context.Context) (bool, string, error) {
		reasons, err := s.topology.Steady(ctx)
		if seen := strings.Join(reasons, "; "); seen != last {
			last = seen
			s.Logf("%s: not steady: %s", s.since(), seen)
		}
		return len(reasons) == 0, last, err
	}))
	s.Logf("steady after %s", s.since())
}

func TestMySQL3IsSteadyInTime(t *testing.T) {
	s := standUp(t, "mysql-3", nil)
	s.settle()
	primary, err := s.topology.Primary(t.Context())
	require.NoError(t, err)
	require.Equal(t, "m1", primary.Name)
}

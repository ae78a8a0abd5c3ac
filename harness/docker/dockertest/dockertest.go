// Package dockertest stands nodes up for tests on real containers. What it makes is gone when the test ends.
package dockertest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/docker"
	"github.com/firedrill/firedrill/harness/images"
)

// Engine returns the Docker engine of this machine. Under -short, or where none answers, the test is skipped with the
// reason; harness.RequireVariable turns the latter into a failure.
func Engine(t *testing.T) *client.Client {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a Docker engine: not under -short")
	}
	api, err := docker.Connect(t.Context())
	if err != nil && harness.Required("docker") {
		t.Fatalf("%s asks for it: %v", harness.RequireVariable, err)
	}
	if err != nil {
		t.Skip(err)
	}
	return api
}

// Program is the path of a firedrill binary that can serve as the agent.
func Program(t *testing.T, api *client.Client) string {
	t.Helper()
	arch, err := docker.Architecture(t.Context(), api)
	require.NoError(t, err)
	path, err := docker.FindAgent(t.Context(), "", arch)
	require.NoError(t, err)
	return path
}

// Provider is the Docker provider, with the images that ship.
func Provider(t *testing.T, api *client.Client) *docker.Provider {
	t.Helper()
	return docker.New(api, docker.Options{Images: images.New(api, t.Output(), images.Options{}), Binary: Program(t, api)})
}

// Identity names a drill of this test alone.
func Identity(drill string) harness.Identity {
	return harness.Identity{Run: fmt.Sprintf("test-%d", time.Now().UnixNano()), Drill: drill}
}

// Up stands nodes up and removes them when the test ends.
func Up(t *testing.T, p *docker.Provider, id harness.Identity, specs ...harness.NodeSpec) []*harness.Node {
	t.Helper()
	t.Cleanup(func() { require.NoError(t, p.Down(context.WithoutCancel(t.Context()), id)) })
	nodes, err := p.Up(t.Context(), id, specs)
	require.NoError(t, err)
	return nodes
}

package docker_test

import (
	"context"
	"net/netip"
	"testing"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/docker"
	"github.com/firedrill/firedrill/harness/docker/dockertest"
)

// left makes a network that a run whose process is dead has left.
func left(t *testing.T, api *client.Client, run string) {
	t.Helper()
	n, _, err := docker.Network(t.Context(), api, netip.Prefix{}, map[string]string{docker.LabelRun: run, docker.LabelOwner: "another boot:1:1"})
	require.NoError(t, err)
	t.Cleanup(func() {
		_, _ = api.NetworkRemove(context.WithoutCancel(t.Context()), n.ID, client.NetworkRemoveOptions{})
	})
}

// What is left of a run that is named goes, and nothing of others.
func TestCleanOfOneRun(t *testing.T) {
	api := dockertest.Engine(t)
	one, other := dockertest.Identity("").Run+"-one", dockertest.Identity("").Run+"-other"
	left(t, api, one)
	left(t, api, other)
	networks := func(run string) int {
		list, err := api.NetworkList(t.Context(), client.NetworkListOptions{Filters: make(client.Filters).Add("label", docker.LabelRun+"="+run)})
		require.NoError(t, err)
		return len(list.Items)
	}
	removed, err := docker.Clean(t.Context(), api, one, false)
	require.NoError(t, err)
	require.Len(t, removed, 1)
	require.Equal(t, 1, removed[0].Networks)
	require.Equal(t, 0, networks(one))
	require.Equal(t, 1, networks(other))
	removed, err = docker.Clean(t.Context(), api, one, false)
	require.NoError(t, err)
	require.Empty(t, removed, "it is gone")
}

package endpoint_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/docker/dockertest"
	"github.com/firedrill/firedrill/harness/endpoint"
	"github.com/firedrill/firedrill/harness/wait"
)

// nosyHook looks for an account wherever a user may have left one, and goes to the real API whatever it was told.
const nosyHook = `#!/bin/sh
env
cat ~/.config/linode-cli ~/.config/linode "$LINODE_TOKEN_FILE" "$LINODE_CONFIG"
curl -sk --max-time 5 -H "Authorization: Bearer $LINODE_CLI_TOKEN" https://api.linode.com/v4/profile
echo "curl ended with $?"
`

// trap is a server at the place of the real API. It notes who comes.
const trap = `use IO::Socket::INET; $s = IO::Socket::INET->new(LocalPort => 443, Listen => 9, ReuseAddr => 1) or die $!;
while ($c = $s->accept) { open(F, ">>", "/tmp/caught"); print F $c->peerhost, "\n"; close F; close $c }`

// A planted hook finds neither the user's account nor the real API; and the same hook does without the sandbox, or this
// test could not fail.
func TestAHookIsInASandbox(t *testing.T) {
	provider := dockertest.Provider(t, dockertest.Engine(t))
	const secret = "the-token-of-the-user"
	home := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(home, ".config"), 0o755))
	for _, file := range []string{"linode-cli", "linode"} {
		require.NoError(t, os.WriteFile(filepath.Join(home, ".config", file), []byte("token = "+secret+"\n"), 0o600))
	}
	t.Setenv("HOME", home)
	t.Setenv("LINODE_TOKEN", secret)
	t.Setenv("LINODE_CLI_TOKEN", secret)
	t.Setenv("LINODE_TOKEN_FILE", filepath.Join(home, ".config", "linode"))
	t.Setenv("LINODE_CONFIG", filepath.Join(home, ".config", "linode"))
	nodes := dockertest.Up(t, provider, dockertest.Identity("sandbox"),
		harness.NodeSpec{Name: "manager", Component: harness.Application}, harness.NodeSpec{Name: "dns", Component: harness.DNS},
		harness.NodeSpec{Name: "linode", Component: harness.Application})
	manager, dns, linode := nodes[0], nodes[1], nodes[2]
	ctx := t.Context()

	// The world outside, as the node would see it: a name server that knows the API, and the API.
	_, err := endpoint.Start(ctx, dns, "linode.com", []endpoint.Record{{Name: "api.linode.com", Address: linode.Address}})
	require.NoError(t, err)
	require.NoError(t, linode.Agent.Define(ctx, agent.Process{Name: "trap", Argv: []string{"perl", "-e", trap}}))
	require.NoError(t, linode.Agent.Start(ctx, "trap"))
	sh := func(n *harness.Node, script string) string {
		out, err := n.Agent.Exec(ctx, agent.Command{Argv: []string{"sh", "-c", script}})
		require.NoError(t, err)
		return out.Stdout + out.Stderr
	}
	caught := func() string { return strings.TrimSpace(sh(linode, "sort -u /tmp/caught 2>/dev/null")) }
	sh(manager, "echo nameserver "+dns.Address+" > /etc/resolv.conf; mkdir -p /root/.config; echo 'token = "+secret+"' > /root/.config/linode-cli")
	require.NoError(t, manager.Agent.Put(ctx, agent.File{Path: "/hook", Mode: 0o755, Data: []byte(nosyHook)}))

	run := func(name string, env []string) string {
		require.NoError(t, manager.Agent.Define(ctx, agent.Process{Name: name, Argv: []string{"sh", "-c", "/hook > /tmp/said 2>&1; mv /tmp/said /tmp/" + name}, Env: env}))
		require.NoError(t, manager.Agent.Start(ctx, name))
		require.NoError(t, wait.Until(ctx, "the hook ends", 30*time.Second, func(context.Context) (bool, string, error) {
			return sh(manager, "ls /tmp/"+name+" 2>/dev/null") != "", "it runs", nil
		}))
		return sh(manager, "cat /tmp/"+name)
	}
	env, err := endpoint.Sandbox(ctx, manager, dns)
	require.NoError(t, err)
	said := run("sandboxed", env)
	assert.NotContains(t, said, secret)
	assert.NotContains(t, said, "LINODE_TOKEN=")
	assert.NotContains(t, said, home)
	assert.Contains(t, said, "LINODE_CLI_API_HOST="+dns.Address+":8080")
	const refused = "curl ended with 7"
	assert.Contains(t, said, refused)
	assert.Empty(t, caught(), "nobody came to the API")

	// What the sandbox keeps away, each in its turn.
	assert.Contains(t, run("at-home", nil), "token = "+secret, "the home of an image")
	assert.Empty(t, caught())
	sh(manager, "grep -v api.linode.com /etc/hosts > /tmp/hosts; cat /tmp/hosts > /etc/hosts")
	assert.NotContains(t, run("outside", env), refused)
	assert.Equal(t, manager.Address, caught(), "without the entry it is at the API")
}

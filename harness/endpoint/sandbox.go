package endpoint

import (
	"context"
	"fmt"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
)

// sandboxHome is the home of hooks: a folder in which there was nothing. Everybody may write there, whoever runs them.
const sandboxHome = "/var/lib/firedrill/hook-home"

// Sandbox prepares a node for processes that run hooks, and returns what they are to find in their environment. Nothing of the
// controller's own environment is in it: the agent hands none of it on. The home is empty, so that no tool finds the
// configuration that an image has in its user's home; and the tools that have variables of their own for the API are led to
// the drill's. dns is the node that has it; nil where a drill has none.
//
// LINODE_URL and the token's file are not here but in the hooks' own configuration, which a drill may change.
func Sandbox(ctx context.Context, n, dns *harness.Node) ([]string, error) {
	out, err := n.Agent.Exec(ctx, agent.Command{Argv: []string{"install", "-d", "-m", "1777", sandboxHome}})
	if err == nil && out.Code != 0 {
		err = fmt.Errorf("%s", out.Stderr)
	}
	if err != nil {
		return nil, fmt.Errorf("make the home of hooks on %s: %w", n.Name, err)
	}
	env := []string{"HOME=" + sandboxHome, "XDG_CONFIG_HOME=" + sandboxHome + "/.config"}
	if dns == nil {
		return env, nil
	}
	return append(env, "LINODE_CLI_TOKEN="+Token, "LINODE_CLI_API_SCHEME=http", "LINODE_CLI_API_VERSION=v4",
		fmt.Sprintf("LINODE_CLI_API_HOST=%s:%d", dns.Address, apiPort)), nil
}

package patroni

import (
	"fmt"
	"path"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/endpoint"
	"github.com/firedrill/firedrill/harness/hooks"
)

// Where the callback and its configuration lie in a node.
const (
	hookDir     = hooks.Dir
	hookEnvPath = "/etc/firedrill/hook.env"
	tokenFile   = "/etc/firedrill/linode.token"
	hookLog     = logDir + "/hooks.jsonl"
	flipLog     = logDir + "/dns-flip.log"
)

// callbacks are those of patroni.yml. on_stop flips nothing, but Patroni kills a callback that still runs when the
// next one comes: a flip that hangs must not come through after its node lost the role.
func callbacks() map[string]any {
	script := path.Join(hookDir, hooks.PatroniOnRoleChange)
	return map[string]any{"on_role_change": script, "on_start": script, "on_stop": script}
}

// callbackFiles are the scripts as shipped, with what they need to know on this node. The logs are there beforehand
// because Patroni does not run as root.
func callbackFiles(n *harness.Node, api string) []agent.File {
	var out []agent.File
	for name, f := range hooks.Files() {
		out = append(out, agent.File{Path: path.Join(hookDir, name), Mode: uint32(f.Mode), Data: f.Content})
	}
	return append(out,
		agent.File{Path: hookEnvPath, Data: []byte(hookEnv(n, api))},
		agent.File{Path: tokenFile, Mode: 0o600, Owner: "postgres", Data: []byte(endpoint.Token + "\n")},
		agent.File{Path: hookLog, Owner: "postgres"},
		agent.File{Path: flipLog, Owner: "postgres"},
	)
}

func hookEnv(n *harness.Node, api string) string {
	return fmt.Sprintf("LINODE_URL=%s\nLINODE_TOKEN_FILE=%s\nDNS_FLIP_NAME=%s\nDNS_FLIP_TARGET=%s\nDNS_FLIP_LOG=%s\n",
		api, tokenFile, PrimaryName, n.Address, flipLog)
}

// hookTarget is where the callbacks find the Linode API.
func (t *Topology) hookTarget() string {
	if t.endpoint == nil {
		return ""
	}
	return t.endpoint.HookEnv()["LINODE_URL"]
}

package patroni

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

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

// Settings of the callback, under this component: which shipped script it is, and what its configuration says beside what
// it needs in every drill (names in capitals; the value none leaves one empty).
const (
	callbackComponent = "callback"
	callbackScript    = "script"
)

// actions are what Patroni calls a callback for. on_stop flips nothing, but Patroni kills a callback that still runs when
// the next one comes: a flip that hangs must not come through after its node lost the role.
var actions = []string{"on_role_change", "on_start", "on_stop"}

// userCallbackDir has the callbacks of the user's own, and userCallbackFiles the files behind them.
const (
	userCallbackDir   = "/usr/local/lib/firedrill-callbacks"
	userCallbackFiles = userCallbackDir + "/files"
)

func (c config) script() string {
	if s := c.settings[callbackComponent][callbackScript]; s != "" {
		return s
	}
	return hooks.PatroniOnRoleChange
}

// flipsName says whether the callback is the one that flips the name. Else the name is nobody's.
func (c config) flipsName() bool {
	return c.script() == hooks.PatroniOnRoleChange && len(c.settings.Files()) == 0
}

// userCallbacks are the user's own, by action. Where there are any, they are all there are.
func (c config) userCallbacks() map[string]harness.File {
	out := map[string]harness.File{}
	for as, f := range c.settings.Files() {
		_, action, _ := strings.Cut(as, ":")
		out[action] = f
	}
	return out
}

func (c config) checkCallback() error {
	if s := c.script(); s != hooks.PatroniOnRoleChange && s != hooks.PatroniEnvRewrite {
		return fmt.Errorf("set %s/%s: %q is no callback that ships; there are: %s, %s", callbackComponent, callbackScript, s, hooks.PatroniOnRoleChange, hooks.PatroniEnvRewrite)
	}
	for key := range c.settings[callbackComponent] {
		if key != callbackScript && !variable.MatchString(key) {
			return fmt.Errorf("set %s/%s: there is %s, and the variables of its configuration in capitals", callbackComponent, key, callbackScript)
		}
	}
	for as := range c.settings.Files() {
		component, action, _ := strings.Cut(as, ":")
		if component != "patroni" || !slices.Contains(allActions, action) {
			return fmt.Errorf("the file as %q: there are: patroni:%s", as, strings.Join(allActions, ", patroni:"))
		}
	}
	return nil
}

var (
	variable   = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)
	allActions = append([]string{"on_reload", "on_restart"}, actions...)
)

// callbacks are those of patroni.yml.
func (c config) callbacks() map[string]any {
	out := map[string]any{}
	if own := c.userCallbacks(); len(own) > 0 {
		for action, f := range own {
			out[action] = path.Join(userCallbackDir, f.Name)
		}
		return out
	}
	for _, action := range actions {
		out[action] = path.Join(hookDir, c.script())
	}
	return out
}

// loggedCallback runs a callback of the user's as Patroni would, and writes the line that hooks write.
const loggedCallback = `#!/usr/bin/env bash
source ` + hookDir + `/hook-common.bash
load_config
hook_cause="${1:-} ${2:-}"
` + userCallbackFiles + `/"${0##*/}" "$@"
exit $?
`

// callbackFiles are the scripts as shipped, with what they need to know on this node, and the user's own. The logs are
// there beforehand because Patroni does not run as root.
func (t *Topology) callbackFiles(n *harness.Node) []agent.File {
	var out []agent.File
	for name, f := range hooks.Files() {
		out = append(out, agent.File{Path: path.Join(hookDir, name), Mode: uint32(f.Mode), Data: f.Content})
	}
	for _, f := range t.config.userCallbacks() {
		out = append(out,
			agent.File{Path: path.Join(userCallbackFiles, f.Name), Mode: 0o755, Data: f.Content},
			agent.File{Path: path.Join(userCallbackDir, f.Name), Mode: 0o755, Data: []byte(loggedCallback)},
		)
	}
	if t.hasEnv() {
		out = append(out, t.envFilesOfDatabase()...)
	}
	return append(out,
		agent.File{Path: hookEnvPath, Data: []byte(t.hookEnv(n))},
		agent.File{Path: tokenFile, Mode: 0o600, Owner: "postgres", Data: []byte(endpoint.Token + "\n")},
		agent.File{Path: hookLog, Owner: "postgres"},
		agent.File{Path: flipLog, Owner: "postgres"},
	)
}

// hookEnv is the callback's configuration on a node.
func (t *Topology) hookEnv(n *harness.Node) string {
	values := map[string]string{
		"LINODE_URL": t.hookTarget(), "LINODE_TOKEN_FILE": tokenFile, "DNS_FLIP_NAME": PrimaryName, "DNS_FLIP_TARGET": n.Address, "DNS_FLIP_LOG": flipLog,
	}
	if t.hasEnv() {
		maps.Copy(values, t.envOfHook())
	}
	for key, value := range t.config.settings[callbackComponent] {
		if key == callbackScript {
			continue
		}
		if value == "none" {
			value = ""
		}
		values[key] = value
	}
	var b strings.Builder
	for _, key := range sortedKeys(values) {
		fmt.Fprintf(&b, "%s=%s\n", key, values[key])
	}
	return b.String()
}

// hookTarget is where the callbacks find the Linode API.
func (t *Topology) hookTarget() string {
	if t.endpoint == nil {
		return ""
	}
	return t.endpoint.HookEnv()["LINODE_URL"]
}

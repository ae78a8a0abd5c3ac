package injectors

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/hooks"
)

func TestHookParameters(t *testing.T) {
	for text, want := range map[string]string{
		`{"name":"flip","mode":"fails"}`:                                 `there is no hook "flip"; there are: linode-dns-flip, orchestrator-apply-relay-logs, orchestrator-post-failover, patroni-env-rewrite, patroni-on-role-change`,
		`{"name":"linode-dns-flip","mode":"dies"}`:                       `mode: "dies" (fails, hangs, idle)`,
		`{"name":"linode-dns-flip","mode":"hangs"}`:                      `for_ms: a hook that hangs needs a time`,
		`{"name":"linode-dns-flip","mode":"fails","for_ms":1}`:           `for_ms: a hook that fails hangs for no time`,
		`{"name":"patroni-on-role-change","mode":"hangs","for_ms":1000}`: ``,
		`{"name":"orchestrator-post-failover","mode":"idle"}`:            ``,
		`{"name":"hook-common.bash","mode":"idle"}`:                      `there is no hook "hook-common.bash"`,
	} {
		_, err := Builtin().Make("hook", json.RawMessage(text))
		if want == "" {
			assert.NoError(t, err, text)
			continue
		}
		assert.ErrorContains(t, err, want, text)
	}
}

func TestHookFindsWhoRunsIt(t *testing.T) {
	nodes := []Node{{Name: "o1", Component: harness.Orchestrator}, {Name: "p1", Component: harness.Patroni}, {Name: "m1", Component: harness.MySQL}}
	for name, want := range map[string][]string{
		hooks.OrchestratorPostFailover: {"o1"}, hooks.OrchestratorApplyLogs: {"o1"}, hooks.PatroniOnRoleChange: {"p1"}, hooks.PatroniEnvRewrite: {"p1"}, hooks.LinodeDNSFlip: {"o1", "p1"},
	} {
		f, err := newHook(HookParams{Name: name, Mode: HookFails})
		require.NoError(t, err)
		_, targets, err := f.(Resolver).Resolve(nodes, nil)
		require.NoError(t, err)
		assert.Equal(t, want, targets)
		_, _, err = f.(Resolver).Resolve(nodes[2:], nil)
		assert.ErrorContains(t, err, "nobody here runs the hook")
	}
	var scripts []string
	for name, f := range hooks.Files() {
		if f.Mode.Perm()&0o111 != 0 && name != hooks.MySQLQuorumFence { // which stands alone
			scripts = append(scripts, name)
		}
	}
	assert.ElementsMatch(t, scripts, hookNames(), "a new hook: who runs it?")
}

// The scripts in a hook's place are run as a failover manager runs the hook: with its log, and with the hook itself
// beside them.
func TestHookScripts(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "hooks.log")
	for name, f := range hooks.Files() {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), f.Content, f.Mode))
	}
	file := filepath.Join(dir, hooks.OrchestratorPostFailover)
	require.NoError(t, os.Rename(file, agent.OriginalOf(file)))
	run := func(p HookParams, env ...string) (hooks.Run, string, time.Duration) {
		t.Helper()
		p.Name = hooks.OrchestratorPostFailover
		require.NoError(t, os.WriteFile(file, []byte(p.script(file)), 0o755))
		require.NoError(t, os.WriteFile(log, nil, 0o644))
		cmd := exec.CommandContext(t.Context(), file, "--name", "db.shop.test")
		cmd.Env = append(os.Environ(), append(env, "FIREDRILL_HOOK_LOG="+log, "ORC_FAILURE_TYPE=DeadMaster")...)
		began := time.Now()
		out, _ := cmd.CombinedOutput()
		took := time.Since(began)
		text, err := os.ReadFile(log)
		require.NoError(t, err)
		require.Equal(t, 1, bytes.Count(text, []byte("\n")), "one line a run: %s", out)
		var line hooks.Run
		require.NoError(t, json.Unmarshal(text, &line), string(text))
		assert.Equal(t, hooks.OrchestratorPostFailover, line.Name)
		return line, string(out), took
	}
	line, out, _ := run(HookParams{Mode: HookFails})
	assert.Equal(t, []any{1, "refused", "DeadMaster"}, []any{line.Exit, line.Action, line.Cause}, out)
	line, out, _ = run(HookParams{Mode: HookIdle})
	assert.Equal(t, []any{0, "none", "DeadMaster"}, []any{line.Exit, line.Action, line.Cause}, out)

	const refused = 8 // the hook itself: Orchestrator names no successor
	line, out, took := run(HookParams{Mode: HookHangs, ForMS: 550})
	assert.Equal(t, []any{refused, "refused"}, []any{line.Exit, line.Action}, out)
	assert.GreaterOrEqual(t, took, 600*time.Millisecond, "looks are every tenth of a second")

	// A heal in the middle of the wait: the hook is back, and runs at once.
	healed := time.AfterFunc(300*time.Millisecond, func() { _ = os.Rename(agent.OriginalOf(file), file) })
	defer healed.Stop()
	line, out, took = run(HookParams{Mode: HookHangs, ForMS: 60_000})
	assert.Equal(t, []any{refused, "refused"}, []any{line.Exit, line.Action}, out)
	assert.Less(t, took, 30*time.Second)
}

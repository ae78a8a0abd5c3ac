package injectors

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/hooks"
)

// Ways in which a hook can go wrong.
const (
	HookFails = "fails" // says no, having done nothing
	HookHangs = "hangs" // does its work late
	HookIdle  = "idle"  // says yes, having done nothing
)

// HookParams are the parameters of hook.
type HookParams struct {
	Name  string `json:"name"`
	Mode  string `json:"mode"`
	ForMS int64  `json:"for_ms,omitempty"`
}

var hookDoc = Doc{
	Summary: "a failover hook goes wrong: it fails, it hangs and then does its work late, or it exits 0 having done nothing",
	Targets: "nodes that have the hook; when none is named, all nodes of the failover manager that runs it",
	Params: []Param{
		{Name: "name", Meaning: "file name of a shipped hook: " + strings.Join(hookNames(), ", "), Required: true},
		{Name: "mode", Meaning: "fails: exits 1; hangs: waits before it does its work; idle: exits 0 having done nothing", Required: true},
		{Name: "for_ms", Meaning: "how long it hangs, in milliseconds; a heal ends the wait"},
	},
	Proof: "the drill's script is in the hook's place; that it ran, and its exit code, are in the log of hooks when the failover manager calls it",
	Heal:  "the hook is back in its place, the same file in every respect",
	Limits: "only the hooks that Firedrill installs. A run that is under way at the injection goes on as it began. Patroni calls its " +
		"callback on every start and stop too, and each of these calls goes wrong",
}

// hookNames are the scripts that a failover manager runs.
func hookNames() []string { return slices.Sorted(maps.Keys(hookComponents)) }

// hookComponents are whose nodes have a hook: both managers' have all of them, and each runs its own.
var hookComponents = map[string][]string{
	hooks.OrchestratorPostFailover: {harness.Orchestrator},
	hooks.OrchestratorApplyLogs:    {harness.Orchestrator},
	hooks.PatroniOnRoleChange:      {harness.Patroni},
	hooks.PatroniEnvRewrite:        {harness.Patroni},
	hooks.LinodeDNSFlip:            {harness.Orchestrator, harness.Patroni},
}

type hook struct {
	onTargets
	HookParams
}

func newHook(p HookParams) (Fault, error) {
	switch {
	case !slices.Contains(hookNames(), p.Name):
		return nil, fmt.Errorf("name: there is no hook %q; there are: %s", p.Name, strings.Join(hookNames(), ", "))
	case !slices.Contains([]string{HookFails, HookHangs, HookIdle}, p.Mode):
		return nil, fmt.Errorf("mode: %q (%s, %s, %s)", p.Mode, HookFails, HookHangs, HookIdle)
	case p.Mode == HookHangs && p.ForMS <= 0:
		return nil, errors.New("for_ms: a hook that hangs needs a time to hang for")
	case p.Mode != HookHangs && p.ForMS != 0:
		return nil, fmt.Errorf("for_ms: a hook that %s hangs for no time", p.Mode)
	}
	file := path.Join(hooks.Dir, p.Name)
	return hook{onTargets{p, agent.ReplaceSpec{Path: file, Data: []byte(p.script(file))}}, p}, nil
}

// Resolve finds who runs the hook.
func (f hook) Resolve(nodes []Node, targets []string) (any, []string, error) {
	if len(targets) > 0 {
		return f.HookParams, targets, nil
	}
	targets = ofComponents(nodes, hookComponents[f.Name]...)
	if len(targets) == 0 {
		return nil, nil, fmt.Errorf("nobody here runs the hook %q: there is no %s", f.Name, strings.Join(hookComponents[f.Name], " and no "))
	}
	return f.HookParams, targets, nil
}

// ofComponents names the nodes that run one of the components.
func ofComponents(nodes []Node, components ...string) []string {
	var out []string
	for _, n := range nodes {
		if slices.Contains(components, n.Component) {
			out = append(out, n.Name)
		}
	}
	return out
}

// script is what takes the hook's place. It logs its run as the hook would, in the same words and place.
func (p HookParams) script(file string) string {
	head := "#!/usr/bin/env bash\n# Put here by Firedrill in the hook's place; a heal puts the hook back.\n"
	if p.Mode == HookHangs {
		return head + p.late(file)
	}
	end := `refuse 1 "the drill makes this hook fail"`
	if p.Mode == HookIdle {
		end = `nothing_to_do "the drill makes this hook do nothing"`
	}
	return head + `source "${BASH_SOURCE[0]%/*}/hook-common.bash"
load_config
hook_cause=${ORC_FAILURE_TYPE:-$*}
` + end + "\n"
}

// lookEvery is how often a hanging hook looks whether it was healed.
const lookEvery = 100 * time.Millisecond

// late runs the hook itself after a while. It is sourced and not called, because it logs the name that it was called by.
// Looks are counted, so that a fault of the clock changes nothing.
func (p HookParams) late(file string) string {
	looks := (time.Duration(p.ForMS)*time.Millisecond + lookEvery - 1) / lookEvery
	return fmt.Sprintf(`hook=%q
for ((look = 0; look < %d; look++)); do
    [[ -e $hook ]] || break
    sleep %g
done
[[ -e $hook ]] || hook=$0
source "$hook" "$@"
`, agent.OriginalOf(file), looks, lookEvery.Seconds())
}

// HookWorks matches what `the hook "NAME" works again` heals.
func HookWorks(name string) Match {
	return Match{Faults: []string{"hook"}, Params: map[string]string{"name": name}}
}

package injectors

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/docker"
	"github.com/firedrill/firedrill/harness/docker/dockertest"
	"github.com/firedrill/firedrill/harness/hooks"
	"github.com/firedrill/firedrill/harness/images"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
)

// The moments of a fault's life at which its controller dies. The first two faults are in force then, and the third
// enters, or is about to enter, the state.
const (
	beforeIntent = "before the intent is written"
	atInjecting  = "injecting"
	callLeaves   = "as the call of the deed leaves"
	inTheDeed    = "in the middle of the deed"
	betweenParts = "between the parts of the deed"
	atActive     = "active"
	atDoubtful   = "doubtful"
	atHealing    = "healing"
	inTheHeal    = "in the middle of the heal"
	atHealed     = "healed"
)

// victim is what the controller that dies is told, in its environment.
type victim struct {
	Run, Dir, At string
}

const (
	victimVariable = "FIREDRILL_TEST_VICTIM"
	victimDrill    = "killed"
	victimFault    = "f3"
	readyFile      = "ready" // the controller's nodes stand
	goFile         = "go"    // the test has seen them
)

// SIGKILL at every state: the nodes heal by themselves, what is on disk is enough to heal from, and clean removes
// everything that the dead process made, and nothing else.
func TestKilledAtEveryState(t *testing.T) {
	api := dockertest.Engine(t)
	t.Setenv(docker.AgentVariable, dockertest.Program(t, api)) // found once, not by every child
	other := stranger(t, api)
	for _, at := range []string{beforeIntent, atInjecting, callLeaves, inTheDeed, betweenParts, atActive, atDoubtful, atHealing, inTheHeal, atHealed} {
		t.Run(at, func(t *testing.T) {
			v := victim{Run: dockertest.Identity("").Run, Dir: t.TempDir(), At: at}
			died := v.live(t, api)
			died.healsByItself(t)
			died.healsFromDisk(t)
			died.isCleaned(t, api)
		})
	}
	left, err := api.ContainerInspect(t.Context(), other, client.ContainerInspectOptions{})
	require.NoError(t, err)
	assert.True(t, left.Container.State.Running, "a container that is not ours lives on")
}

// death is what is left of a controller.
type death struct {
	victim
	visitors map[string]*agent.Client
	before   map[string]agent.Sweep
	at       time.Time
}

// live runs a controller until it kills itself.
func (v victim) live(t *testing.T, api *client.Client) death {
	t.Helper()
	told, err := json.Marshal(v)
	require.NoError(t, err)
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestVictim$", "-test.v")
	child.Env = append(os.Environ(), victimVariable+"="+string(told))
	var out bytes.Buffer
	child.Stdout, child.Stderr = &out, &out
	require.NoError(t, child.Start())
	t.Cleanup(func() { // whatever the test left
		_ = child.Process.Kill()
		_, _ = docker.Clean(context.WithoutCancel(t.Context()), api, v.Run, false)
	})
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	require.NoError(t, wait.Until(t.Context(), "nodes of the controller", time.Minute, func(context.Context) (bool, string, error) {
		_, err := os.Stat(filepath.Join(v.Dir, readyFile))
		return err == nil, "not ready", nil
	}))
	d := death{victim: v, before: map[string]agent.Sweep{}}
	d.visitors, err = docker.Attach(t.Context(), api, v.Run, victimDrill)
	require.NoError(t, err)
	require.Len(t, d.visitors, 2)
	for name, c := range d.visitors {
		t.Cleanup(func() { _ = c.Close() })
		d.before[name], err = c.Sweep(t.Context())
		require.NoError(t, err)
	}
	require.NoError(t, os.WriteFile(filepath.Join(v.Dir, goFile), nil, 0o644))
	select {
	case err = <-ended:
	case <-time.After(time.Minute):
		require.Fail(t, "the controller did not come to "+v.At, out.String())
	}
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, out.String())
	require.Equal(t, syscall.SIGKILL, exit.Sys().(syscall.WaitStatus).Signal(), out.String())
	d.at = time.Now()
	return d
}

// healsByItself waits until the nodes are as they were before the first fault.
func (d death) healsByItself(t *testing.T) {
	t.Helper()
	require.NoError(t, wait.Until(t.Context(), "nodes as before", 20*time.Second, func(ctx context.Context) (bool, string, error) {
		var wrong []string
		for name, c := range d.visitors {
			now, err := c.Sweep(ctx)
			if err != nil {
				return false, "", err
			}
			if !assert.ObjectsAreEqual(d.before[name], now) {
				wrong = append(wrong, fmt.Sprintf("%s: %v, was %v", name, now, d.before[name]))
			}
		}
		return len(wrong) == 0, strings.Join(wrong, "; "), nil
	}))
	t.Logf("as before %s after the kill", time.Since(d.at).Round(time.Millisecond))
	// A deed that was under way must not come after the heal.
	require.NoError(t, wait.Hold(t.Context(), 300*time.Millisecond))
	for name, c := range d.visitors {
		faults, err := c.Faults(t.Context())
		require.NoError(t, err)
		assert.Empty(t, faults, name)
		now, err := c.Sweep(t.Context())
		require.NoError(t, err)
		assert.Equal(t, d.before[name], now, name)
	}
}

// healsFromDisk heals as `firedrill heal` does, from what the dead process had written.
func (d death) healsFromDisk(t *testing.T) {
	t.Helper()
	steps := readFaults(t, d.Dir)
	last := map[string]record.FaultState{}
	for _, s := range steps {
		last[s.ID] = s.State
	}
	want := map[string]record.FaultState{
		atInjecting: record.FaultInjecting, callLeaves: record.FaultInjecting, inTheDeed: record.FaultInjecting,
		betweenParts: record.FaultInjecting, atActive: record.FaultActive, atDoubtful: record.FaultDoubtful,
		atHealing: record.FaultHealing, inTheHeal: record.FaultHealing, atHealed: record.FaultHealed,
	}[d.At]
	require.Equal(t, want, last[victimFault], "the state in which it died")
	dial := func(node string) (Agent, error) {
		c, ok := d.visitors[victimDrill+"/"+node]
		if !ok {
			return nil, errors.New("no such node")
		}
		return c, nil
	}
	rec, err := record.Create(d.Dir)
	require.NoError(t, err)
	defer rec.Close()
	require.NotEmpty(t, Unhealed(steps), "what is healed by the nodes is not healed on disk")
	require.NoError(t, HealRecorded(t.Context(), nil, steps, dial, rec, func() time.Duration { return time.Hour }))
	require.Empty(t, Unhealed(readFaults(t, d.Dir)))
}

func (d death) isCleaned(t *testing.T, api *client.Client) {
	t.Helper()
	ours := make(client.Filters).Add("label", docker.LabelRun+"="+d.Run)
	list, err := api.ContainerList(t.Context(), client.ContainerListOptions{All: true, Filters: ours})
	require.NoError(t, err)
	require.Len(t, list.Items, 2)
	_, err = docker.Clean(t.Context(), api, d.Run, false)
	require.NoError(t, err)
	list, err = api.ContainerList(t.Context(), client.ContainerListOptions{All: true, Filters: ours})
	require.NoError(t, err)
	require.Empty(t, list.Items)
	nets, err := api.NetworkList(t.Context(), client.NetworkListOptions{Filters: ours})
	require.NoError(t, err)
	require.Empty(t, nets.Items)
}

// stranger is a container that is not ours.
func stranger(t *testing.T, api *client.Client) string {
	t.Helper()
	refs, err := images.New(api, t.Output(), images.Options{}).Ensure(t.Context(), images.Tools)
	require.NoError(t, err)
	c, err := api.ContainerCreate(t.Context(), client.ContainerCreateOptions{Config: &container.Config{
		Image: refs[images.Tools], Entrypoint: []string{"sleep", "600"}, Labels: map[string]string{"somebody": "else"},
	}})
	require.NoError(t, err)
	t.Cleanup(func() {
		_, _ = api.ContainerRemove(context.WithoutCancel(t.Context()), c.ID, client.ContainerRemoveOptions{Force: true})
	})
	_, err = api.ContainerStart(t.Context(), c.ID, client.ContainerStartOptions{})
	require.NoError(t, err)
	return c.ID
}

// TestVictim is the controller that the test above runs and that kills itself.
func TestVictim(t *testing.T) {
	told := os.Getenv(victimVariable)
	if told == "" {
		t.Skip("only as a child of TestKilledAtEveryState")
	}
	var v victim
	require.NoError(t, json.Unmarshal([]byte(told), &v))
	ctx := t.Context()
	nodes, err := dockertest.Provider(t, dockertest.Engine(t)).Up(ctx, harness.Identity{Run: v.Run, Drill: victimDrill}, []harness.NodeSpec{
		{Name: "k1", Component: harness.Application}, {Name: "k2", Component: harness.Application},
	})
	require.NoError(t, err)
	for _, n := range nodes {
		prepare(t, n.Agent)
	}
	require.NoError(t, os.WriteFile(filepath.Join(v.Dir, readyFile), nil, 0o644))
	require.NoError(t, wait.Until(ctx, "leave to go on", time.Minute, func(context.Context) (bool, string, error) {
		_, err := os.Stat(filepath.Join(v.Dir, goFile))
		return err == nil, "none", nil
	}))
	v.drill(t, nodes)
	t.Fatal("it lives on")
}

const hookName = hooks.LinodeDNSFlip

// prepare gives a node a hook, and a process that takes its time to stop.
func prepare(t *testing.T, a *agent.Client) {
	t.Helper()
	hook := hooks.Files()[hookName]
	require.NoError(t, a.Put(t.Context(), agent.File{Path: path.Join(hooks.Dir, hookName), Mode: uint32(hook.Mode.Perm()), Data: hook.Content}))
	require.NoError(t, a.Define(t.Context(), agent.Process{
		Name: "slow", Argv: []string{"bash", "-c", "trap 'sleep 0.8; exit' TERM; while :; do sleep 0.05; done"},
	}))
	require.NoError(t, a.Start(t.Context(), "slow"))
}

// drill injects three faults and heals them, and dies on the way.
func (v victim) drill(t *testing.T, stood []*harness.Node) {
	rec, err := record.Create(v.Dir)
	require.NoError(t, err)
	nodes := Nodes(stood, nil)
	for i := range nodes {
		nodes[i].Agent = mortalAgent{nodes[i].Agent, nodes[i].Name, v.At}
	}
	epoch := agent.Monotonic()
	set := NewSet(Options{
		Nodes: nodes, Recorder: mortalRecorder{rec, v.At}, Budgets: Budgets{Proof: 100 * time.Millisecond},
		Now: func() time.Duration { return time.Duration(agent.Monotonic() - epoch) },
	})
	both := []string{"k1", "k2"}
	third := Spec{Name: "process.stop", Params: StopParams{Process: "slow"}, Targets: both}
	if v.At == betweenParts {
		third = Spec{Name: "host.lost", Targets: both}
	}
	for _, spec := range []Spec{
		{Name: "net.partition", Params: PartitionParams{Peers: both[1:]}, Targets: both[:1]},
		{Name: "hook", Params: HookParams{Name: hookName, Mode: HookFails}, Targets: both},
		third,
	} {
		_, err := set.Inject(t.Context(), spec)
		require.NoError(t, err)
	}
	require.NoError(t, set.HealAll(t.Context()))
}

func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // the signal comes before anything else is done
}

// mortalRecorder dies when the fault's step into a state is on disk.
type mortalRecorder struct {
	*record.Recorder
	at string
}

func (r mortalRecorder) Fault(s record.FaultStep) error {
	if s.ID == victimFault && s.State == record.FaultInjecting && r.at == beforeIntent {
		die()
	}
	err := r.Recorder.Fault(s)
	if s.ID == victimFault && string(s.State) == r.at {
		die()
	}
	return err
}

// mortalAgent dies while a call to it is under way.
type mortalAgent struct {
	Agent
	node, at string
}

func (a mortalAgent) Do(ctx context.Context, fault string, d agent.Deed, atMost time.Duration) (agent.Stamp, error) {
	after := map[string]time.Duration{callLeaves: time.Millisecond, inTheDeed: 300 * time.Millisecond}[a.at]
	if fault == victimFault && after > 0 {
		go func() {
			_ = wait.Hold(context.Background(), after)
			die()
		}()
	}
	if fault == victimFault+"-"+pieceKill && a.at == betweenParts {
		die() // the host is cut off, and its processes live
	}
	if fault == victimFault && a.at == atDoubtful && a.node == "k2" {
		return agent.Stamp{}, errors.New("it cannot be reached")
	}
	return a.Agent.Do(ctx, fault, d, atMost)
}

func (a mortalAgent) Heal(ctx context.Context, fault string) (agent.Stamp, error) {
	stamp, err := a.Agent.Heal(ctx, fault)
	if fault == victimFault && a.at == inTheHeal {
		die() // the other node's heal may be before, in or after its deed
	}
	return stamp, err
}

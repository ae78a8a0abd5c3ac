package docker_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/docker"
	"github.com/firedrill/firedrill/harness/docker/dockertest"
	"github.com/firedrill/firedrill/harness/wait"
)

func up(t *testing.T, drill string, names ...string) []*harness.Node {
	t.Helper()
	var specs []harness.NodeSpec
	for _, n := range names {
		specs = append(specs, harness.NodeSpec{Name: n, Component: harness.Application, Datacenter: "dc1"})
	}
	return dockertest.Up(t, dockertest.Provider(t, dockertest.Engine(t)), dockertest.Identity(drill), specs...)
}

func TestNodesStandAndGo(t *testing.T) {
	began := time.Now()
	nodes := up(t, "stand", "n1", "n2")
	t.Logf("two nodes in %s", time.Since(began))
	out, err := nodes[0].Agent.Exec(t.Context(), agent.Command{Argv: []string{"getent", "hosts", "n2"}})
	require.NoError(t, err)
	require.Contains(t, out.Stdout, nodes[1].Address)
	require.Equal(t, "same kernel", nodes[0].Agent.Clock().Method)
}

func TestKilledProcessStaysDownUntilHealed(t *testing.T) {
	n := up(t, "kill", "n1")[0]
	ctx := t.Context()
	require.NoError(t, n.Agent.Define(ctx, agent.Process{Name: "sleeper", Argv: []string{"sleep", "1000"}, Restart: 10 * time.Millisecond}))
	require.NoError(t, n.Agent.Start(ctx, "sleeper"))
	stamp, err := n.Agent.Do(ctx, "f1", agent.KillSpec{Processes: []string{"sleeper"}, Signal: "KILL", Hold: true}, 0)
	require.NoError(t, err)
	require.Contains(t, stamp.Proof, "gone")
	require.NoError(t, wait.Hold(ctx, 200*time.Millisecond))
	states, err := n.Agent.Processes(ctx)
	require.NoError(t, err)
	require.Zero(t, states[0].PID, "a held process must not be restarted by its policy")
	healed, err := n.Agent.Heal(ctx, "f1")
	require.NoError(t, err)
	require.Contains(t, healed.Proof, "runs")
}

func TestNetworkCutIsSeenFromOutsideAndHeals(t *testing.T) {
	nodes := up(t, "net", "n1", "n2")
	ctx := t.Context()
	require.NoError(t, nodes[0].Agent.Define(ctx, agent.Process{Name: "server", Argv: []string{"/firedrill/firedrill", "agent", "connect"}}))
	ping := func() int {
		out, err := nodes[1].Agent.Exec(ctx, agent.Command{Argv: []string{"bash", "-c", "timeout 1 bash -c '</dev/tcp/" + nodes[0].Address + "/9'; echo $?"}})
		require.NoError(t, err)
		if bytes.HasPrefix([]byte(out.Stdout), []byte("124")) {
			return 124
		}
		return 0
	}
	require.NotEqual(t, 124, ping(), "port 9 refuses at once while the path is whole")
	_, err := nodes[0].Agent.Do(ctx, "f2", agent.NetworkSpec{Peers: []string{nodes[1].Address}}, 0)
	require.NoError(t, err)
	require.Equal(t, 124, ping(), "silence")
	seen, err := nodes[0].Agent.Inspect(ctx, "f2")
	require.NoError(t, err)
	require.Contains(t, seen.Proof, "packets stopped")
	_, err = nodes[0].Agent.Heal(ctx, "f2")
	require.NoError(t, err)
	require.NotEqual(t, 124, ping())
}

// A controller that is killed leaves nothing broken: the agents heal when the stream ends.
func TestAgentHealsWhenItsControllerIsGone(t *testing.T) {
	api := dockertest.Engine(t)
	p := dockertest.Provider(t, api)
	id := dockertest.Identity("orphan")
	t.Cleanup(func() { require.NoError(t, p.Down(context.Background(), id)) })
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=TestHelperController")
	child.Env = append(os.Environ(), "FIREDRILL_TEST_CONTROLLER="+id.Run)
	var out bytes.Buffer
	child.Stdout, child.Stderr = &out, &out
	require.NoError(t, child.Start())
	var visitors map[string]*agent.Client
	require.NoError(t, wait.Until(t.Context(), "fault in force", time.Minute, func(ctx context.Context) (bool, string, error) {
		var err error
		if len(visitors) == 0 {
			visitors, err = docker.Attach(ctx, api, id.Run, id.Drill)
			if err != nil || len(visitors) == 0 {
				return false, out.String(), nil
			}
		}
		faults, err := visitors["orphan/n1"].Faults(ctx)
		return len(faults) == 1, out.String(), err
	}))
	require.NoError(t, child.Process.Kill())
	_ = child.Wait()
	killed := time.Now()
	require.NoError(t, wait.Until(t.Context(), "nodes healed", 5*time.Second, func(ctx context.Context) (bool, string, error) {
		faults, err := visitors["orphan/n1"].Faults(ctx)
		return len(faults) == 0, "still in force", err
	}))
	t.Logf("healed %s after SIGKILL of the controller", time.Since(killed))
	states, err := visitors["orphan/n1"].Processes(t.Context())
	require.NoError(t, err)
	require.NotZero(t, states[0].PID, "the killed process runs again")
}

// TestHelperController is the controller that the test above kills.
func TestHelperController(t *testing.T) {
	run := os.Getenv("FIREDRILL_TEST_CONTROLLER")
	if run == "" {
		t.Skip("only as a child of TestAgentHealsWhenItsControllerIsGone")
	}
	p := dockertest.Provider(t, dockertest.Engine(t))
	ctx := t.Context()
	nodes, err := p.Up(ctx, harness.Identity{Run: run, Drill: "orphan"}, []harness.NodeSpec{{Name: "n1", Component: harness.Application}})
	require.NoError(t, err)
	a := nodes[0].Agent
	require.NoError(t, a.Define(ctx, agent.Process{Name: "sleeper", Argv: []string{"sleep", "1000"}}))
	require.NoError(t, a.Start(ctx, "sleeper"))
	_, err = a.Do(ctx, "f", agent.KillSpec{Processes: []string{"sleeper"}, Signal: "KILL", Hold: true}, 0)
	require.NoError(t, err)
	_, err = a.Do(ctx, "f", agent.NetworkSpec{Direction: agent.Both}, 0)
	require.NoError(t, err)
	_ = wait.Hold(ctx, time.Hour)
}

package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/docker"
	"github.com/firedrill/firedrill/harness/docker/dockertest"
	"github.com/firedrill/firedrill/harness/images"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
)

// longFeature has a fault in force for as long as the tests need to break the run in the middle of it.
const longFeature = `Feature: A run that is broken off
  Scenario: the leader's host is lost
    Given the topology "patroni-3"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When the host of the leader is lost
    And 2 minutes pass
    Then no acknowledged write is lost
`

// broken is a run that has a fault in force.
type broken struct {
	cmd    *exec.Cmd
	out    string // folder of runs
	stderr *bytes.Buffer
	run    string
	drill  string // folder of the drill
}

func start(t *testing.T, api *client.Client) *broken {
	t.Helper()
	b := &broken{out: t.TempDir(), stderr: &bytes.Buffer{}}
	b.cmd = exec.CommandContext(t.Context(), dockertest.Program(t, api), "run", write(t, longFeature), "--out", b.out)
	b.cmd.Stderr = b.stderr
	require.NoError(t, b.cmd.Start())
	t.Cleanup(func() { // whatever the test left
		_ = b.cmd.Process.Kill()
		_, _ = docker.Clean(context.WithoutCancel(t.Context()), api, b.run, false)
	})
	err := wait.Until(t.Context(), "fault in force", 3*time.Minute, func(context.Context) (bool, string, error) {
		latest, err := filepath.EvalSymlinks(filepath.Join(b.out, "latest"))
		if err != nil {
			return false, b.stderr.String(), nil
		}
		b.run = filepath.Base(latest)
		drills, _ := filepath.Glob(filepath.Join(latest, "drills", "*"))
		if len(drills) == 0 {
			return false, "no drill", nil
		}
		b.drill = drills[0]
		data, _ := os.ReadFile(filepath.Join(b.drill, record.FaultsFile))
		return strings.Contains(string(data), `"state":"active"`), b.stderr.String(), nil
	})
	require.NoError(t, err)
	return b
}

func labelled(t *testing.T, api *client.Client, run string) int {
	t.Helper()
	list, err := api.ContainerList(t.Context(), client.ContainerListOptions{All: true, Filters: make(client.Filters).Add("label", docker.LabelRun+"="+run)})
	require.NoError(t, err)
	return len(list.Items)
}

// bystander is a container that is not ours.
func bystander(t *testing.T, api *client.Client) string {
	t.Helper()
	refs, err := images.New(api, os.Stderr, images.Options{}).Ensure(t.Context(), images.Tools)
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

// SIGKILL in the middle of a fault: the nodes heal themselves within 5 seconds, heal finds nothing left, clean removes
// everything of ours, and nothing else.
func TestKilledInTheMiddleOfAFault(t *testing.T) {
	api := dockertest.Engine(t)
	other := bystander(t, api)
	b := start(t, api)
	visitors, err := docker.Attach(t.Context(), api, b.run, "")
	require.NoError(t, err)
	lost := inForce(t, visitors)
	require.NotEmpty(t, lost, "the fault is in force before the kill")

	require.NoError(t, b.cmd.Process.Kill())
	_ = b.cmd.Wait()
	killed := time.Now()
	require.NoError(t, wait.Until(t.Context(), "nodes healed by themselves", 5*time.Second, func(context.Context) (bool, string, error) {
		left := inForce(t, visitors)
		return len(left) == 0, strings.Join(left, ", "), nil
	}))
	t.Logf("healed %s after the kill", time.Since(killed).Round(time.Millisecond))
	for name, v := range visitors {
		if strings.HasSuffix(name, "/p1") {
			states, err := v.Processes(t.Context())
			require.NoError(t, err)
			assert.NotZero(t, states[0].PID, "patroni of the lost host runs again")
		}
		_ = v.Close()
	}

	code, _, stderr := call(t, "heal", filepath.Join(b.out, b.run))
	assert.Zero(t, code, stderr)
	assert.Contains(t, stderr, "nothing is in force")
	recorded, err := record.Load(b.drill)
	require.NoError(t, err)
	assert.Equal(t, record.FaultHealed, recorded.Faults[len(recorded.Faults)-1].State)

	require.NotZero(t, labelled(t, api, b.run))
	code, _, stderr = call(t, "clean", "--run", b.run)
	assert.Zero(t, code, stderr)
	assert.Contains(t, stderr, "removed run "+b.run)
	assert.Zero(t, labelled(t, api, b.run))
	left, err := api.ContainerInspect(t.Context(), other, client.ContainerInspectOptions{})
	require.NoError(t, err)
	assert.True(t, left.Container.State.Running, "a container that is not ours lives on")
}

func inForce(t *testing.T, visitors map[string]*agent.Client) (out []string) {
	t.Helper()
	for name, v := range visitors {
		faults, err := v.Faults(t.Context())
		require.NoError(t, err)
		if len(faults) > 0 {
			out = append(out, name)
		}
	}
	return out
}

// Ctrl-C heals, collects, writes the report of what was done, removes everything, and exits 130.
func TestInterrupted(t *testing.T) {
	api := dockertest.Engine(t)
	b := start(t, api)
	require.NoError(t, b.cmd.Process.Signal(syscall.SIGINT))
	err := b.cmd.Wait()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, b.stderr.String())
	assert.Equal(t, exitInterrupted, exit.ExitCode(), b.stderr.String())
	assert.Zero(t, labelled(t, api, b.run))

	recorded, err := record.Load(b.drill)
	require.NoError(t, err)
	assert.True(t, recorded.Manifest.Interrupted)
	assert.Equal(t, record.FaultHealed, recorded.Faults[len(recorded.Faults)-1].State)
	assert.NotEmpty(t, recorded.Ops)
	logs, err := filepath.Glob(filepath.Join(b.drill, "logs", "*", "*.log"))
	require.NoError(t, err)
	assert.NotEmpty(t, logs, "what the nodes said was collected")
	j, err := record.LoadJudgement(b.drill)
	require.NoError(t, err)
	assert.Equal(t, record.Inconclusive, j.Verdict)
	html, err := os.ReadFile(filepath.Join(b.out, b.run, "report.html"))
	require.NoError(t, err)
	assert.Contains(t, string(html), "the leader&#39;s host is lost")
}

// A subnet that somebody has is named, with who has it.
func TestSubnetTaken(t *testing.T) {
	api := dockertest.Engine(t)
	net, err := api.NetworkInspect(t.Context(), "bridge", client.NetworkInspectOptions{})
	require.NoError(t, err)
	prefix := net.Network.IPAM.Config[0].Subnet.Addr()
	t.Setenv("FIREDRILL_SUBNET", prefix.String()+"/24")
	t.Setenv(docker.AgentVariable, dockertest.Program(t, api))
	code, _, stderr := call(t, "run", write(t, strings.Replace(goodFeature, "    Then", "    And the steady state holds\n    Then", 1)), "--out", t.TempDir())
	assert.Equal(t, 3, code)
	assert.Contains(t, stderr, "is taken by")
	assert.Contains(t, stderr, "set FIREDRILL_SUBNET to a /24 that is free")
}

// Without Orchestrator its drills are not drilled, by name, and a run that drilled nothing is inconclusive.
func TestOrchestratorMissing(t *testing.T) {
	api := dockertest.Engine(t)
	t.Setenv("FIREDRILL_ORCHESTRATOR", filepath.Join(t.TempDir(), "orchestrator"))
	t.Setenv(docker.AgentVariable, dockertest.Program(t, api))
	code, _, stderr := call(t, "run", "--tags", "@smoke && @orchestrator", "--out", t.TempDir())
	assert.Equal(t, 3, code)
	assert.Contains(t, stderr, "not drilled: ")
	assert.Contains(t, stderr, "orchestrator")
	assert.Contains(t, stderr, "nothing was drilled")
}

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

	"github.com/linode/linodego"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/docker/dockertest"
	"github.com/firedrill/firedrill/harness/linode"
	"github.com/firedrill/firedrill/harness/linode/standin"
	"github.com/firedrill/firedrill/harness/wait"
	"github.com/firedrill/firedrill/reports"
	"github.com/firedrill/firedrill/scenarios"
)

const testToken = "a-token-that-nobody-may-see"

// paperAccount is an account whose machines are on paper: enough for everything that is done before one is logged in to.
func paperAccount(t *testing.T) *standin.Listener {
	t.Helper()
	l, err := standin.Listen(standin.Config{API: "127.0.0.1:0", DNS: "127.0.0.1:0", Token: testToken})
	require.NoError(t, err)
	serve(t, l)
	t.Setenv(linode.URLVariable, "http://"+l.APIAddr())
	t.Setenv(linode.TokenVariable, testToken)
	return l
}

// serve runs a stand-in until the test ends.
func serve(t *testing.T, l *standin.Listener) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-done)
	})
}

// accountOf asks the stand-in, past its own cache.
func accountOf(l *standin.Listener) linodego.Client {
	c := linodego.NewClient(nil)
	c.SetBaseURL("http://" + l.APIAddr())
	c.SetToken(testToken)
	c.UseCache(false)
	return c
}

// inAccount counts everything that can cost or be in the way.
func inAccount(t *testing.T, l *standin.Listener) int {
	t.Helper()
	c := accountOf(l)
	machines, err := c.ListInstances(t.Context(), nil)
	require.NoError(t, err)
	firewalls, err := c.ListFirewalls(t.Context(), nil)
	require.NoError(t, err)
	groups, err := c.ListPlacementGroups(t.Context(), nil)
	require.NoError(t, err)
	vpcs, err := c.ListVPCs(t.Context(), nil)
	require.NoError(t, err)
	return len(machines) + len(firewalls) + len(groups) + len(vpcs)
}

func balanced(t *testing.T, out string) {
	t.Helper()
	require.FileExists(t, scenarios.LedgerFile(out))
	open, err := linode.Outstanding(scenarios.LedgerFile(out))
	require.NoError(t, err)
	assert.Empty(t, open, "the ledger is balanced")
}

// A dry run writes every call with its price, and makes none.
func TestRehearsalOfARun(t *testing.T) {
	l := paperAccount(t)
	out := t.TempDir()
	code, stdout, stderr := call(t, "run", write(t, goodFeature), "--provider", "linode", "--regions", "us-east,us-ord", "--dry-run", "--out", out)
	assert.Zero(t, code, stderr)
	assert.Contains(t, stdout, "(mysql-3)")
	assert.Equal(t, strings.Count(stdout, "POST /v4/linode/instances "), strings.Count(stdout, "DELETE /v4/linode/instances/"), "what is made is deleted")
	assert.Contains(t, stderr, "an hour: $")
	assert.NotContains(t, stdout+stderr, testToken)
	assert.Zero(t, inAccount(t, l))
	assert.NoFileExists(t, scenarios.LedgerFile(out))
}

// A dry run says what a NodeBalancer could not do in place of the HAProxy that a topology has on a machine.
func TestADryRunSaysWhyThereIsNoNodeBalancer(t *testing.T) {
	paperAccount(t)
	code, stdout, stderr := call(t, "run", write(t, patroniFeature), "--provider", "linode", "--regions", "us-east,us-ord", "--dry-run", "--out", t.TempDir())
	assert.Zero(t, code, stderr)
	assert.Contains(t, stdout, "# NodeBalancer in place of lb: its check is to ask port 8008/primary and it sends to port 5432")
	assert.Contains(t, stdout, "# NodeBalancer in place of lb: its nodes are in us-east and us-ord")
	code, stdout, stderr = call(t, "run", write(t, goodFeature), "--provider", "linode", "--regions", "us-east,us-ord", "--dry-run", "--out", t.TempDir())
	assert.Zero(t, code, stderr)
	assert.NotContains(t, stdout, "NodeBalancer", "there is no proxy in mysql-3")
}

// A drill's name in a domain of the account is in the list of calls, with what the API makes of its TTL; where a topology has no
// name to follow, a line says so.
func TestADryRunWithADomain(t *testing.T) {
	l := paperAccount(t)
	c := accountOf(l)
	for domain, tags := range map[string][]string{"drills.test": {linode.TagNames}, "shop.test": nil} {
		_, err := c.CreateDomain(t.Context(), linodego.DomainCreateOptions{Domain: domain, Type: linodego.DomainTypeMaster, SOAEmail: "dba@" + domain, Tags: tags})
		require.NoError(t, err)
	}
	rehearse := func(topology, domain string) (int, string, string) {
		return call(t, "run", write(t, strings.Replace(goodFeature, "mysql-3", topology, 1)), "--provider", "linode", "--regions", "us-east", "--domain", domain, "--dry-run", "--out", t.TempDir())
	}
	code, stdout, stderr := rehearse("mysql-3", "drills.test")
	assert.Zero(t, code, stderr)
	assert.Regexp(t, `POST /v4/domains/\d+/records \{"name":"fdrill-[^"]*-rw-u\d+","target":"10\.[0-9.]+","ttl_sec":30,"type":"A"\}`, stdout)
	assert.Equal(t, 1, strings.Count(stdout, "DELETE /v4/domains/"), "what is made is deleted")
	code, stdout, stderr = rehearse("mysql-gr-3", "drills.test")
	assert.Zero(t, code, stderr)
	assert.Contains(t, stdout, "# no name in drills.test: mysql-gr-3 has no name that moves")
	assert.NotContains(t, stdout, "/v4/domains")
	for _, domain := range []string{"shop.test", "absent.test"} {
		code, stdout, stderr = rehearse("mysql-3", domain)
		assert.Equal(t, exitUsage, code)
		assert.Empty(t, stdout)
		assert.Contains(t, stderr, "--domain: the account has no domain "+domain+" with the tag firedrill-names: make it, or give it the tag")
		assert.Equal(t, 1, strings.Count(stderr, "\n"), "one line: %s", stderr)
	}
	assert.Zero(t, inAccount(t, l))
}

// What machines cannot do is not drilled, by name.
func TestAVirtualAddressOnMachines(t *testing.T) {
	l := paperAccount(t)
	code, stdout, stderr := call(t, "run", write(t, strings.Replace(goodFeature, "mysql-3", "patroni-vip", 1)), "--provider", "linode", "--regions", "us-east", "--dry-run", "--out", t.TempDir())
	assert.Zero(t, code, stderr)
	assert.Contains(t, stdout, "# not drilled: node p1: a virtual address")
	assert.NotContains(t, stdout, "POST")
	assert.Zero(t, inAccount(t, l))
}

// Provisioning that fails half way leaves a report that says so, and nothing else.
func TestProvisioningThatFailsHalfWay(t *testing.T) {
	dockertest.Engine(t) // for the agent
	l := paperAccount(t)
	require.NoError(t, l.Server.SetProvisioning(standin.Provisioning{Mode: standin.ProvisioningFails, Skip: 3, Count: 1}))
	out := t.TempDir()
	code, stdout, stderr := call(t, "run", write(t, patroniFeature), "--provider", "linode", "--regions", "us-east", "--out", out)
	assert.Equal(t, reports.ExitInconclusive, code, stderr)
	assert.Contains(t, stderr, "linode_create failed")
	assert.Zero(t, inAccount(t, l))
	balanced(t, out)
	report, err := os.ReadFile(filepath.Join(filepath.Dir(strings.TrimSpace(stdout)), "summary.md"))
	require.NoError(t, err)
	assert.NotContains(t, stdout+stderr+string(report), testToken)
	code, _, stderr = call(t, "heal", "--out", out)
	assert.Zero(t, code)
	assert.Contains(t, stderr, "firedrill clean --provider linode --run 2")
}

const patroniFeature = `Feature: F
  Scenario: S
    Given the topology "patroni-3"
    And the application writes 20 rows per second through "db.shop.test"
    And the steady state holds
    When the host of the leader is lost
    Then no acknowledged write is lost
`

// ordering is a run, in a process of its own, that is in the middle of making machines.
func ordering(t *testing.T, l *standin.Listener) (cmd *exec.Cmd, out string, said *bytes.Buffer) {
	t.Helper()
	require.NoError(t, l.Server.SetProvisioning(standin.Provisioning{DelayMS: 60_000}))
	out, said = t.TempDir(), &bytes.Buffer{}
	cmd = exec.CommandContext(t.Context(), dockertest.Program(t, dockertest.Engine(t)), "run", write(t, patroniFeature), "--provider", "linode", "--regions", "us-east", "--out", out)
	cmd.Stderr = said
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	cloud := accountOf(l)
	require.NoError(t, wait.Until(t.Context(), "machines are being made", time.Minute, func(context.Context) (bool, string, error) {
		machines, err := cloud.ListInstances(t.Context(), nil)
		return len(machines) > 0, said.String(), err
	}))
	return cmd, out, said
}

// A controller that is killed in the middle is cleaned up after by another process, from the marks in the account.
func TestAKilledControllerIsCleanedUpAfter(t *testing.T) {
	l := paperAccount(t)
	cmd, out, _ := ordering(t, l)
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	require.NotZero(t, inAccount(t, l))
	latest, err := filepath.EvalSymlinks(filepath.Join(out, "latest"))
	require.NoError(t, err)

	code, _, stderr := call(t, "clean", "--provider", "linode", "--out", out)
	assert.Zero(t, code)
	assert.Contains(t, stderr, "nothing to remove", "its deadline has not passed")
	code, _, stderr = call(t, "clean", "--provider", "linode", "--out", out, "--run", filepath.Base(latest))
	assert.Zero(t, code, stderr)
	assert.Contains(t, stderr, "removed linode fdrill-")
	assert.Zero(t, inAccount(t, l))
	balanced(t, out)
}

// A second Ctrl-C does not leave machines behind that cost money.
func TestASecondInterruptStillDeletes(t *testing.T) {
	l := paperAccount(t)
	cmd, out, said := ordering(t, l)
	require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
	require.NoError(t, wait.Until(t.Context(), "the first is heard", 10*time.Second, func(context.Context) (bool, string, error) {
		return strings.Contains(said.String(), "interrupted: healing"), said.String(), nil
	}))
	_ = cmd.Process.Signal(syscall.SIGINT) // it may be gone already
	_ = cmd.Wait()
	assert.Equal(t, exitInterrupted, cmd.ProcessState.ExitCode(), said.String())
	assert.Zero(t, inAccount(t, l))
	balanced(t, out)
}

package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linode/linodego"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/docker/dockertest"
	"github.com/firedrill/firedrill/harness/images"
	"github.com/firedrill/firedrill/harness/linode"
	"github.com/firedrill/firedrill/harness/linode/machines"
	"github.com/firedrill/firedrill/harness/linode/standin"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/reports"
)

// machinesVariable asks for the drills on machines, which take minutes to install.
const machinesVariable = "FIREDRILL_MACHINES"

// Whole drills on machines that are systems, reached by SSH: a host switched off at the API, a datacenter cut off. In the end
// nothing is in the account, and the ledger is balanced.
func TestDrillsOnMachines(t *testing.T) {
	if os.Getenv(machinesVariable) == "" {
		t.Skip("set " + machinesVariable + "=1, or make drill-all: every machine is installed, which takes minutes")
	}
	l, _ := machineAccount(t)
	out := t.TempDir()
	report := heldOnMachines(t, l, out, "--tags", "@machines", "--regions", "us-east,us-ord,eu-central")
	drilled := len(report.Drills)
	for _, n := range report.NotDrilled { // without Orchestrator
		t.Logf("not drilled: %s: %s", n.Drill, n.Reason)
	}
	assert.Equal(t, 3, drilled+len(report.NotDrilled))
	assert.GreaterOrEqual(t, drilled, 2)
	faults, err := filepath.Glob(filepath.Join(out, "latest", "drills", "*", "faults.jsonl"))
	require.NoError(t, err)
	off := 0
	for _, f := range faults {
		text, err := os.ReadFile(f)
		require.NoError(t, err)
		if strings.Contains(string(text), "the API says offline") {
			off++
		}
	}
	assert.Positive(t, off, "a machine was switched off")
}

// A drill whose machines are all in one region speaks over a VPC there, and has a name in a domain of the account that follows the
// promotion, seen from each application's machine.
func TestADrillInOneRegionWithAName(t *testing.T) {
	if os.Getenv(machinesVariable) == "" {
		t.Skip("set " + machinesVariable + "=1, or make drill-all: every machine is installed, which takes minutes")
	}
	l, nameServer := machineAccount(t)
	c := accountOf(l)
	_, err := c.CreateDomain(t.Context(), linodego.DomainCreateOptions{Domain: "drills.test", Type: linodego.DomainTypeMaster, SOAEmail: "dba@drills.test", Tags: []string{linode.TagNames}})
	require.NoError(t, err)
	out := t.TempDir()
	report := heldOnMachines(t, l, out, "patroni/leader_loss.feature", "--tags", "@smoke", "--regions", "us-east", "--domain", "drills.test", "--name-server", nameServer)
	require.Len(t, report.Drills, 1)
	followed := 0
	for _, e := range report.Drills[0].Endpoints {
		if strings.HasSuffix(e.Name, ".drills.test") {
			if assert.NotNil(t, e.FlipMS, e.Vantage) {
				t.Logf("%s followed in %s after %.0f ms, with a TTL of %d s", e.Name, e.Vantage, *e.FlipMS, e.TTL)
			}
			followed++
		}
	}
	assert.Equal(t, 2, followed, "seen from both applications")
	manifest, err := filepath.Glob(filepath.Join(out, "latest", "drills", "*", record.ManifestFile))
	require.NoError(t, err)
	require.Len(t, manifest, 1)
	run, err := record.Load(filepath.Dir(manifest[0]))
	require.NoError(t, err)
	for _, n := range run.Manifest.Nodes {
		assert.Regexp(t, `^10\.`, n.Address, "%s is known by its address in the VPC", n.Name)
	}
}

// heldOnMachines holds drills on an account's machines, and sees that nothing is left of them in it.
func heldOnMachines(t *testing.T, l *standin.Listener, out string, args ...string) reports.Report {
	t.Helper()
	code, stdout, stderr := call(t, append([]string{"run", "--provider", "linode", "--out", out}, args...)...)
	t.Log(stderr)
	assert.Equal(t, reports.ExitReady, code)
	assert.Zero(t, inAccount(t, l))
	balanced(t, out)
	report, err := reports.ReadReport(filepath.Dir(strings.TrimSpace(stdout)))
	require.NoError(t, err)
	return report
}

// machineAccount is an account whose machines run; nameServer is where they reach who answers for its domains.
func machineAccount(t *testing.T) (l *standin.Listener, nameServer string) {
	t.Helper()
	api := dockertest.Engine(t)
	t.Setenv("FIREDRILL_AGENT", dockertest.Program(t, api))
	m, err := machines.New(t.Context(), api, images.New(api, t.Output(), images.Options{}), "drills-on-machines")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, m.Close(context.Background())) })
	l, err = standin.Listen(standin.Config{API: "127.0.0.1:0", DNS: "0.0.0.0:0", Token: testToken, Machines: m})
	require.NoError(t, err)
	serve(t, l)
	t.Setenv(linode.URLVariable, "http://"+l.APIAddr())
	t.Setenv(linode.TokenVariable, testToken)
	_, port, err := net.SplitHostPort(l.DNS.Addr())
	require.NoError(t, err)
	return l, net.JoinHostPort(m.Pool().Masked().Addr().Next().String(), port) // this machine, as they see it
}

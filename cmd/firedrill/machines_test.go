package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/docker/dockertest"
	"github.com/firedrill/firedrill/harness/images"
	"github.com/firedrill/firedrill/harness/linode"
	"github.com/firedrill/firedrill/harness/linode/machines"
	"github.com/firedrill/firedrill/harness/linode/standin"
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
	l := machineAccount(t)
	out := t.TempDir()
	code, stdout, stderr := call(t, "run", "--tags", "@machines", "--provider", "linode", "--regions", "us-east,us-ord,eu-central", "--out", out)
	t.Log(stderr)
	assert.Equal(t, reports.ExitReady, code)
	assert.Zero(t, inAccount(t, l))
	balanced(t, out)

	data, err := os.ReadFile(filepath.Join(filepath.Dir(strings.TrimSpace(stdout)), "report.json"))
	require.NoError(t, err)
	var report reports.Report
	require.NoError(t, json.Unmarshal(data, &report))
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

// machineAccount is an account whose machines run.
func machineAccount(t *testing.T) *standin.Listener {
	t.Helper()
	api := dockertest.Engine(t)
	t.Setenv("FIREDRILL_AGENT", dockertest.Program(t, api))
	m, err := machines.New(t.Context(), api, images.New(api, t.Output(), images.Options{}), "drills-on-machines")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, m.Close(context.Background())) })
	l, err := standin.Listen(standin.Config{API: "127.0.0.1:0", DNS: "127.0.0.1:0", Token: testToken, Machines: m})
	require.NoError(t, err)
	serve(t, l)
	t.Setenv(linode.URLVariable, "http://"+l.APIAddr())
	t.Setenv(linode.TokenVariable, testToken)
	return l
}

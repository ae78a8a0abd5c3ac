package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// call runs the command in this process.
func call(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(&env{args: args, stdin: strings.NewReader(""), stdout: &out, stderr: &errs, getenv: os.Getenv})
	return code, out.String(), errs.String()
}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.feature")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

const goodFeature = `Feature: F
  Scenario: S
    Given the topology "mysql-3"
    Then no acknowledged write is lost
`

// Bad input gets one clear line that says what to do, and exit code 2.
func TestBadInput(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		says []string
	}{
		{"an unknown step", []string{"run", write(t, strings.Replace(goodFeature, "Then no acknowledged write is lost", "Then no acknowledged writes are lost", 1))},
			[]string{`line 4: there is no step "no acknowledged writes are lost"`, "the nearest is: ", "firedrill list steps"}},
		{"an unknown topology", []string{"run", write(t, strings.Replace(goodFeature, "mysql-3", "mysql-4", 1))},
			[]string{`there is no topology "mysql-4"; there are: mariadb-3, `}},
		{"no topology", []string{"run", write(t, "Feature: F\n  Scenario: S\n    Then no acknowledged write is lost\n")},
			[]string{"no topology is given: begin with `Given the topology"}},
		{"a file that is not Gherkin", []string{"run", write(t, "hello\n")}, []string{"read features", "x.feature"}},
		{"a file that is not there", []string{"run", "nowhere.feature"}, []string{"no feature file at nowhere.feature", "firedrill list drills"}},
		{"a tag expression that is none", []string{"run", "--tags", "@a,,@b"}, []string{`--tags "@a,,@b": write @smoke`}},
		{"a shard that is none", []string{"run", "--shard", "5/4"}, []string{`--shard "5/4": write I/N`}},
		{"a provider that is none", []string{"run", "--provider", "aws"}, []string{`--provider "aws": there are docker and linode`}},
		{"machines nowhere", []string{"run", "--provider", "linode"}, []string{"name the regions"}},
		{"machines that are kept", []string{"run", "--provider", "linode", "--regions", "us-east", "--keep"}, []string{"--keep: machines that are kept cost money"}},
		{"a limit of cost for containers", []string{"run", "--max-cost", "3"}, []string{"--max-cost goes with --provider linode"}},
		{"a domain for containers", []string{"run", "--domain", "drills.test"}, []string{"--domain goes with --provider linode"}},
		{"a name server for containers", []string{"run", "--name-server", "192.0.2.53"}, []string{"--name-server goes with --provider linode"}},
		{"machines without an account", []string{"run", "--provider", "linode", "--regions", "us-east"}, []string{"no token: set LINODE_TOKEN"}},
		{"all machines of everybody", []string{"clean", "--provider", "linode", "--all"}, []string{"name the run with --run"}},
		{"a kind that is none", []string{"run", "--require", "oracle"}, []string{`--require "oracle"`}},
		{"an unknown command", []string{"drill"}, []string{`unknown command "drill"`}},
		{"an unknown list", []string{"list", "nodes"}, []string{`invalid argument "nodes"`}},
		{"a run that is none", []string{"report", t.TempDir()}, []string{"is not the folder of a run"}},
		{"a heal of nothing", []string{"heal", "--out", t.TempDir()}, []string{"no latest run"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := call(t, c.args...)
			assert.Equal(t, exitUsage, code)
			assert.Empty(t, stdout)
			for _, s := range c.says {
				assert.Contains(t, stderr, s)
			}
			assert.Equal(t, 1, strings.Count(stderr, "\n"), "one line: %s", stderr)
		})
	}
}

func TestNoEngine(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix://"+filepath.Join(t.TempDir(), "none.sock"))
	code, _, stderr := call(t, "run", write(t, goodFeature), "--out", t.TempDir())
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, stderr, "no Docker engine answers at unix://")
	assert.Contains(t, stderr, "install and start one")
	code, stdout, _ := call(t, "doctor")
	assert.Equal(t, 3, code)
	assert.Contains(t, stdout, "missing  engine")
}

func TestEngineOverSSHIsRefused(t *testing.T) {
	t.Setenv("DOCKER_HOST", "ssh://root@192.0.2.1")
	code, _, stderr := call(t, "run", write(t, goodFeature), "--out", t.TempDir())
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, stderr, "DOCKER_HOST=ssh:// is not supported")
}

func TestBadSubnet(t *testing.T) {
	t.Setenv("FIREDRILL_SUBNET", "198.18.0.0/16")
	code, _, stderr := call(t, "run", write(t, goodFeature), "--out", t.TempDir())
	assert.Equal(t, exitUsage, code)
	if !strings.Contains(stderr, "no Docker engine") {
		assert.Contains(t, stderr, `FIREDRILL_SUBNET="198.18.0.0/16" is not an IPv4 /24`)
	}
}

func TestDryRun(t *testing.T) {
	code, stdout, stderr := call(t, "run", "--tags", "@smoke", "--dry-run")
	assert.Zero(t, code, stderr)
	assert.Equal(t, 3, strings.Count(stdout, "\n"), "one of each kind")
	assert.Contains(t, stdout, "mysql-3")
	all := 0
	for _, shard := range []string{"1/3", "2/3", "3/3"} {
		_, stdout, _ = call(t, "run", "--shard", shard, "--dry-run")
		all += strings.Count(stdout, "\n")
	}
	_, stdout, _ = call(t, "run", "--dry-run")
	assert.Equal(t, strings.Count(stdout, "\n"), all, "shards are all of it, once")
}

func TestListsForPeopleAndForScripts(t *testing.T) {
	for _, what := range []string{"drills", "topologies", "faults", "steps", "verifiers"} {
		code, text, stderr := call(t, "list", what)
		assert.Zero(t, code, stderr)
		assert.NotEmpty(t, text)
		code, data, stderr := call(t, "list", what, "-o", "json")
		assert.Zero(t, code, stderr)
		var entries []map[string]any
		require.NoError(t, json.Unmarshal([]byte(data), &entries), what)
		assert.NotEmpty(t, entries)
	}
}

package hooks_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	mdns "github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/hooks"
	"github.com/firedrill/firedrill/harness/linode/standin"
	"github.com/firedrill/firedrill/harness/wait"
)

const token = "hook-test-token-5f1d"

// bench is a folder with the scripts installed, and a stand-in that holds db.shop.test at 10.0.0.1.
type bench struct {
	t      *testing.T
	dir    string
	url    string
	server *standin.Server
	store  *standin.Store
	mu     sync.Mutex
	calls  []string // "PUT /v4/domains/1/records/2", in order
}

func newBench(t *testing.T) *bench {
	t.Helper()
	for _, tool := range []string{"bash", "curl", "jq", "getent", "timeout"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the hooks need %s, which is not installed here", tool)
		}
	}
	b := &bench{t: t, dir: t.TempDir()}
	for name, file := range hooks.Files() {
		require.NoError(t, os.WriteFile(filepath.Join(b.dir, name), file.Content, file.Mode))
	}
	var err error
	b.store, err = standin.OpenStore("")
	require.NoError(t, err)
	b.server, err = standin.NewServer(b.store, token, nil, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		b.calls = append(b.calls, r.Method+" "+r.URL.Path)
		b.mu.Unlock()
		b.server.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	b.url = srv.URL
	b.post("/v4/domains", `{"domain":"test","type":"master","soa_email":"a@shop.test"}`)
	b.post("/v4/domains", `{"domain":"shop.test","type":"master","soa_email":"a@shop.test"}`)
	b.post("/v4/domains/2/records", `{"type":"A","name":"db","target":"10.0.0.1","ttl_sec":300}`)
	b.post("/v4/domains/2/records", `{"type":"TXT","name":"db","target":"v=1"}`)
	return b
}

// post makes an object of the stand-in, beside the count of calls.
func (b *bench) post(path, body string) {
	b.t.Helper()
	req := httptest.NewRequest("POST", path, strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	b.server.ServeHTTP(w, req)
	require.Equal(b.t, 200, w.Code, w.Body.String())
}

// served is what the zone says of a name, as "address ttl".
func (b *bench) served(name string) string {
	answer := b.store.Lookup(name, mdns.TypeA)
	if len(answer.Records) != 1 {
		return fmt.Sprintf("%d records", len(answer.Records))
	}
	return fmt.Sprintf("%s %d", answer.Records[0].Data, answer.Records[0].TTL)
}

// made gives the calls that the scripts made so far.
func (b *bench) made() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.calls)
}

func (b *bench) count(method string) (n int) {
	for _, call := range b.made() {
		if strings.HasPrefix(call, method+" ") {
			n++
		}
	}
	return n
}

func (b *bench) command(env []string, script string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	cmd := exec.CommandContext(b.t.Context(), filepath.Join(b.dir, script), args...)
	// Nothing of this machine's environment: no proxy, no configuration, no token.
	cmd.Env = append([]string{"PATH=" + b.dir + ":" + os.Getenv("PATH"), "HOME=" + b.dir, "LINODE_URL=" + b.url, "LINODE_TOKEN=" + token,
		"FIREDRILL_HOOK_LOG=" + filepath.Join(b.dir, "hooks.log")}, env...)
	stderr := &bytes.Buffer{}
	cmd.Stderr = stderr
	cmd.WaitDelay = time.Second
	return cmd, stderr
}

// run gives the exit code and what was said on standard error.
func (b *bench) run(env []string, script string, args ...string) (code int, stderr string) {
	b.t.Helper()
	cmd, out := b.command(env, script, args...)
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(b.t, err)
	}
	assert.NotContains(b.t, out.String(), token, "the token must never be said")
	return cmd.ProcessState.ExitCode(), out.String()
}

func (b *bench) flip(args ...string) (code int, stderr string) {
	b.t.Helper()
	return b.run(nil, hooks.LinodeDNSFlip, append([]string{"--name", "db.shop.test", "--target", "10.0.0.2"}, args...)...)
}

// lastLine is the one clear line that an end must have.
func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

func TestFlip(t *testing.T) {
	b := newBench(t)
	log := filepath.Join(b.dir, "flip.log")
	code, stderr := b.flip("--log", log)
	require.Equal(t, 0, code, stderr)
	assert.Equal(t, "10.0.0.2 300", b.served("db.shop.test"))
	assert.Equal(t, []string{"GET /v4/domains", "GET /v4/domains/2/records", "PUT /v4/domains/2/records/3", "GET /v4/domains/2/records/3"}, b.made())
	assert.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z linode-dns-flip\[\d+\]: OK: db.shop.test is 10.0.0.2, was 10.0.0.1, TTL 300 s, in \d+ ms$`, lastLine(stderr))
	assert.Contains(t, stderr, "PUT /domains/2/records/3 attempt 1: 200 (")
	logged, err := os.ReadFile(log)
	require.NoError(t, err)
	assert.Equal(t, stderr, string(logged))

	code, stderr = b.flip()
	assert.Equal(t, 0, code)
	assert.Contains(t, lastLine(stderr), "nothing to change")
	assert.Equal(t, 1, b.count("PUT"), "a second run changes nothing")

	code, _ = b.flip("--ttl", "30")
	assert.Equal(t, 0, code)
	assert.Equal(t, "10.0.0.2 30", b.served("db.shop.test"))
}

func TestFlipOfTheApexAndOfAMixedCaseName(t *testing.T) {
	b := newBench(t)
	b.post("/v4/domains/2/records", `{"type":"A","name":"","target":"10.0.0.1"}`)
	code, stderr := b.run(nil, hooks.LinodeDNSFlip, "--name", "Shop.Test.", "--target", "10.0.0.3")
	require.Equal(t, 0, code, stderr)
	assert.Equal(t, "10.0.0.3 86400", b.served("shop.test"))
	assert.Equal(t, "10.0.0.1 300", b.served("db.shop.test"))
}

func TestFlipRetriesWhatMayPass(t *testing.T) {
	for _, c := range []struct {
		fault    standin.Fault
		atLeast  time.Duration
		attempts string
	}{
		{standin.Fault{Mode: standin.Fault500, Count: 2}, 600 * time.Millisecond, "GET /domains attempt 3: 200"},
		{standin.Fault{Mode: standin.Fault500, Count: 2, Methods: []string{"PUT"}}, 600 * time.Millisecond, "PUT /domains/2/records/3 attempt 3: 200"},
		{standin.Fault{Mode: standin.Fault429, RetryAfter: 1, Count: 1, Methods: []string{"PUT"}}, time.Second, "PUT /domains/2/records/3 attempt 2: 200"},
		{standin.Fault{Mode: standin.FaultHang, Count: 1}, time.Second, "GET /domains attempt 2: 200"},
	} {
		b := newBench(t)
		require.NoError(t, b.server.SetFault(c.fault))
		began := time.Now()
		code, stderr := b.flip("--attempt-timeout", "1", "--deadline", "20")
		assert.Equal(t, 0, code, stderr)
		assert.GreaterOrEqual(t, time.Since(began), c.atLeast, c.attempts)
		assert.Contains(t, stderr, c.attempts)
		assert.Equal(t, "10.0.0.2 300", b.served("db.shop.test"))
	}
}

func TestFlipFailsLoudly(t *testing.T) {
	refused, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := "http://" + refused.Addr().String()
	refused.Close()
	html := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>maintenance</html>") }))
	t.Cleanup(html.Close)
	for name, c := range map[string]struct {
		env   []string
		fault standin.Fault
		args  []string
		code  int
		says  string
		calls int // the most that may be made
	}{
		"token refused":        {fault: standin.Fault{Mode: standin.Fault401}, code: 3, says: "the API refused the token: 401 Invalid Token", calls: 1},
		"wrong token":          {env: []string{"LINODE_TOKEN=other"}, code: 3, says: "401 Invalid Token", calls: 1},
		"domain missing":       {args: []string{"--name", "db.shop.example"}, code: 4, says: "no domain that holds db.shop.example", calls: 1},
		"record missing":       {args: []string{"--name", "db2.shop.test"}, code: 4, says: "the domain shop.test has no A record named 'db2'", calls: 2},
		"not answered":         {env: []string{"LINODE_URL=" + nobody}, code: 6, says: "gave up after", calls: 0},
		"500 for ever":         {fault: standin.Fault{Mode: standin.Fault500}, code: 6, says: "last: 500 Internal Server Error", calls: 9},
		"hangs for ever":       {fault: standin.Fault{Mode: standin.FaultHang}, code: 6, says: "last: no answer: curl: (28)", calls: 9},
		"wait past the end":    {fault: standin.Fault{Mode: standin.Fault429, RetryAfter: 60}, code: 6, says: "the next one in 60000 ms would be past the deadline of 2 s", calls: 1},
		"not the API":          {env: []string{"LINODE_URL=" + html.URL}, code: 7, says: "the list of domains is not the API's JSON"},
		"no token":             {env: []string{"LINODE_TOKEN="}, code: 2, says: "neither LINODE_TOKEN nor LINODE_TOKEN_FILE is set"},
		"token ends a quote":   {env: []string{"LINODE_TOKEN=a\"\nurl = b"}, code: 2, says: "characters that no Linode token has"},
		"target is a name":     {args: []string{"--target", "db2"}, code: 2, says: "--target must be an IPv4 address"},
		"name is odd":          {args: []string{"--name", `db"}.test`}, code: 2, says: "--name must be a full domain name"},
		"ttl is not kept":      {args: []string{"--ttl", "60"}, code: 2, says: "--ttl 60 is not kept by the API"},
		"unknown option":       {args: []string{"--token", "x"}, code: 2, says: "unknown option --token"},
		"url without scheme":   {env: []string{"LINODE_URL=api.example"}, code: 2, says: "LINODE_URL must begin with"},
		"option without value": {args: []string{"--ttl"}, code: 2, says: "--ttl needs a value"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of their time is waiting
			b := newBench(t)
			require.NoError(t, b.server.SetFault(c.fault))
			began := time.Now()
			code, stderr := b.run(c.env, hooks.LinodeDNSFlip, append([]string{"--name", "db.shop.test", "--target", "10.0.0.2",
				"--deadline", "2", "--attempt-timeout", "1"}, c.args...)...)
			assert.Equal(t, c.code, code, stderr)
			assert.Less(t, time.Since(began), 6*time.Second, "it fails within its deadline")
			assert.Contains(t, lastLine(stderr), c.says)
			assert.Contains(t, lastLine(stderr), fmt.Sprintf("FAILED (exit %d)", c.code))
			assert.LessOrEqual(t, len(b.made()), c.calls)
			assert.Equal(t, "10.0.0.1 300", b.served("db.shop.test"))
		})
	}
}

func TestFlipDoesNotGuessAmongSeveralRecords(t *testing.T) {
	b := newBench(t)
	b.post("/v4/domains/2/records", `{"type":"A","name":"db","target":"10.0.0.9"}`)
	code, stderr := b.flip()
	assert.Equal(t, 7, code)
	assert.Contains(t, lastLine(stderr), "several A records named 'db'")
	assert.Equal(t, 0, b.count("PUT"))
}

func TestFlipChecksWhatItReadsBack(t *testing.T) {
	b := newBench(t)
	// An API that says yes to the change and keeps the old record.
	lying := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "PUT" {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"id":3,"type":"A","name":"db","target":"10.0.0.2","ttl_sec":300}`)
			return
		}
		b.server.ServeHTTP(w, r)
	}))
	t.Cleanup(lying.Close)
	code, stderr := b.run([]string{"LINODE_URL=" + lying.URL}, hooks.LinodeDNSFlip, "--name", "db.shop.test", "--target", "10.0.0.2")
	assert.Equal(t, 7, code)
	assert.Contains(t, lastLine(stderr), "the record as read back has id, target and TTL '3 10.0.0.1 300'")
}

func TestFlipReadsTheTokenFromAPrivateFileOnly(t *testing.T) {
	b := newBench(t)
	file := filepath.Join(b.dir, "token")
	env := []string{"LINODE_TOKEN=", "LINODE_TOKEN_FILE=" + file}
	args := []string{"--name", "db.shop.test", "--target", "10.0.0.2"}
	code, stderr := b.run(env, hooks.LinodeDNSFlip, args...)
	assert.Equal(t, 2, code)
	assert.Contains(t, stderr, "is not there")
	require.NoError(t, os.WriteFile(file, []byte(token), 0o644)) // without a newline at its end
	code, stderr = b.run(env, hooks.LinodeDNSFlip, args...)
	assert.Equal(t, 2, code)
	assert.Contains(t, stderr, "has mode 644: it must be 600")
	require.NoError(t, os.Chmod(file, 0o600))
	code, stderr = b.run(env, hooks.LinodeDNSFlip, args...)
	assert.Equal(t, 0, code, stderr)
}

// While a request hangs, every process of the flip is looked at: the token must be in no command line, and in no
// child's environment.
func TestTheTokenIsNotThereForPs(t *testing.T) {
	b := newBench(t)
	require.NoError(t, b.server.SetFault(standin.Fault{Mode: standin.FaultHang}))
	cmd, _ := b.command(nil, hooks.LinodeDNSFlip, "--name", "db.shop.test", "--target", "10.0.0.2", "--deadline", "10", "--attempt-timeout", "10")
	require.NoError(t, cmd.Start())
	var seen string
	err := wait.Until(t.Context(), "curl at work", 10*time.Second, func(context.Context) (bool, string, error) {
		if b.count("GET") == 0 {
			return false, "no request yet", nil
		}
		seen = ""
		processes, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, file := range processes {
			text, _ := os.ReadFile(file)
			seen += strings.ReplaceAll(string(text), "\x00", " ") + "\n"
			if strings.HasPrefix(string(text), "curl\x00") && strings.Contains(string(text), "--config") {
				environ, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "environ"))
				assert.NotContains(t, string(environ), token)
			}
		}
		return strings.Contains(seen, "curl -q"), "no curl", nil
	})
	assert.NoError(t, err)
	assert.Contains(t, seen, hooks.LinodeDNSFlip)
	assert.NotContains(t, seen, token)
	require.NoError(t, b.server.SetFault(standin.Fault{Mode: standin.Fault401}))
	assert.Error(t, cmd.Wait())
}

// runs reads the log of the hooks.
func (b *bench) runs() (runs []hooks.Run) {
	b.t.Helper()
	text, err := os.ReadFile(filepath.Join(b.dir, "hooks.log"))
	require.NoError(b.t, err)
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		var run hooks.Run
		require.NoError(b.t, json.Unmarshal(lines.Bytes(), &run), lines.Text())
		assert.InDelta(b.t, float64(time.Now().Unix()), run.Started, 60)
		assert.GreaterOrEqual(b.t, run.Ended, run.Started)
		run.Started, run.Ended = 0, 0
		runs = append(runs, run)
	}
	return runs
}

func TestOrchestratorPostFailover(t *testing.T) {
	b := newBench(t)
	const name = hooks.OrchestratorPostFailover
	env := []string{"ORC_IS_SUCCESSFUL=true", "ORC_SUCCESSOR_HOST=10.0.0.2", "ORC_FAILURE_CLUSTER_DOMAIN=db.shop.test",
		"ORC_FAILURE_TYPE=DeadMaster", "ORC_COMMAND=graceful-master-takeover"}
	code, stderr := b.run(env, name)
	require.Equal(t, 0, code, stderr)
	assert.Equal(t, "10.0.0.2 300", b.served("db.shop.test"))

	code, stderr = b.run(append(env, "ORC_SUCCESSOR_HOST=localhost", "ORC_FAILURE_CLUSTER_DOMAIN="), name, "--name", "db.shop.test")
	require.Equal(t, 0, code, stderr)
	assert.Equal(t, "127.0.0.1 300", b.served("db.shop.test"))

	code, stderr = b.run(append(env, "ORC_IS_SUCCESSFUL=false"), name)
	assert.Equal(t, 8, code)
	assert.Contains(t, stderr, "was not successful")
	code, _ = b.run(append(env, "ORC_SUCCESSOR_HOST="), name)
	assert.Equal(t, 8, code)
	code, _ = b.run(append(env, "ORC_SUCCESSOR_HOST=nobody.invalid", "DNS_FLIP_RESOLVE_TIMEOUT=1"), name)
	assert.Equal(t, 9, code)
	code, _ = b.run(append(env, "LINODE_TOKEN=wrong"), name)
	assert.Equal(t, 3, code)
	code, _ = b.run(env, name, "--nonsense", "a \"b\"\\\n")
	assert.Equal(t, 2, code)

	cause := "DeadMaster graceful-master-takeover"
	runs := b.runs()
	require.Len(t, runs, 7, "each run leaves a line")
	assert.Equal(t, hooks.Run{Name: name, Args: []string{}, Action: "flip", Record: "db.shop.test", Target: "10.0.0.2", Cause: cause}, runs[0])
	assert.Equal(t, hooks.Run{Name: name, Args: []string{"--name", "db.shop.test"}, Action: "flip", Record: "db.shop.test", Target: "127.0.0.1", Cause: cause}, runs[1])
	assert.Equal(t, []any{8, "refused", "the recovery of the cluster was not successful, so there is nothing to point at"},
		[]any{runs[2].Exit, runs[2].Action, runs[2].Message})
	assert.Equal(t, hooks.Run{Name: name, Exit: 3, Args: []string{}, Action: "flip", Record: "db.shop.test", Target: "10.0.0.2", Cause: cause,
		Message: "linode-dns-flip exited with 3"}, runs[5])
	assert.Equal(t, []string{"--nonsense", "a \"b\"\\\n"}, runs[6].Args)
}

// replicas is an Orchestrator of replicas whose appliers stand still until they are started, and then take some looks.
type replicas struct {
	mu      sync.Mutex
	started []string
	looks   map[string]int // that it takes, by replica; negative for ever
}

func (r *replicas) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	call, name, _ := strings.Cut(strings.TrimPrefix(req.URL.Path, "/api/"), "/")
	left, known := r.looks[name]
	switch {
	case !known:
		http.Error(w, `{"Code":"ERROR","Message":"no such host"}`, http.StatusInternalServerError)
	case call == "start-replica":
		r.started = append(r.started, name)
		fmt.Fprint(w, `{"Code":"OK"}`)
	case call == "discover":
		running, at := 0, 100
		if slices.Contains(r.started, name) {
			running = 1
			r.looks[name]--
			if left == 0 {
				at, r.looks[name] = 900, 0
			}
		}
		fmt.Fprintf(w, `{"Code":"OK","Details":{"ReplicationSQLThreadState":%d,"ReadBinlogCoordinates":{"LogFile":"b.1","LogPos":900},`+
			`"ExecBinlogCoordinates":{"LogFile":"b.1","LogPos":%d}}}`, running, at)
	}
}

func TestOrchestratorApplyRelayLogs(t *testing.T) {
	b := newBench(t)
	const name = hooks.OrchestratorApplyLogs
	ask := func(r *replicas, env []string, args ...string) (int, hooks.Run) {
		t.Helper()
		server := httptest.NewServer(r)
		defer server.Close()
		env = append([]string{"ORCHESTRATOR_URL=" + server.URL, "ORC_FAILURE_TYPE=DeadMaster", "APPLY_SECONDS=60"}, env...)
		code, _ := b.run(env, name, args...)
		runs := b.runs()
		return code, runs[len(runs)-1]
	}
	r := &replicas{looks: map[string]int{"m2/3306": 2, "m3/3306": 0}}
	code, run := ask(r, nil, "m2:3306,m3:3306")
	assert.Zero(t, code)
	assert.Equal(t, hooks.Run{Name: name, Args: []string{"m2:3306,m3:3306"}, Action: "none", Cause: "DeadMaster",
		Message: "every replica has applied what it received"}, run)
	assert.Equal(t, []string{"m2/3306", "m3/3306"}, r.started)

	r = &replicas{looks: map[string]int{"m2/3306": -1, "m3/3306": 1}}
	code, run = ask(r, []string{"ORC_REPLICA_HOSTS=m2:3306,m3:3306,m9:3306", "APPLY_SECONDS=6"})
	assert.Zero(t, code, "the failover goes on")
	assert.Equal(t, "given up after 6 s: m2:3306 m9:3306 may not have applied what was received", run.Message)

	code, run = ask(&replicas{}, nil)
	assert.Equal(t, 2, code)
	assert.Contains(t, run.Message, "no replica is named")
}

func TestConfigurationFile(t *testing.T) {
	b := newBench(t)
	file := filepath.Join(b.dir, "hook.env")
	env := []string{"FIREDRILL_HOOK_CONFIG=" + file, "ORC_SUCCESSOR_HOST=10.0.0.2", "DNS_FLIP_TTL=120"}
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o644)) }

	code, stderr := b.run(env, hooks.OrchestratorPostFailover)
	assert.Equal(t, 2, code, "a file that was named must be there")
	assert.Contains(t, stderr, "cannot be read")
	write("# ours\n\nDNS_FLIP_NAME=\"db.shop.test\"\nDNS_FLIP_TTL=30\nEVIL=$(touch " + b.dir + "/evil)")
	code, stderr = b.run(env, hooks.OrchestratorPostFailover)
	assert.Equal(t, 0, code, stderr)
	assert.Equal(t, "10.0.0.2 120", b.served("db.shop.test"), "the environment wins over the file")
	assert.NoFileExists(t, filepath.Join(b.dir, "evil"), "the file is read, not run")
	write("LINODE_TOKEN=" + token)
	code, stderr = b.run(env, hooks.OrchestratorPostFailover)
	assert.Equal(t, 2, code)
	assert.Contains(t, stderr, "holds LINODE_TOKEN")
	write("export A=b")
	code, _ = b.run(env, hooks.OrchestratorPostFailover)
	assert.Equal(t, 2, code)
}

// patroni gives a node whose PostgreSQL leaves recovery at the third look, and whose REST API says that it leads
// from the second question on when it ever does.
func (b *bench) patroni(leads bool) (env []string) {
	b.t.Helper()
	psql := fmt.Sprintf("#!/bin/sh\necho 'could not change directory' >&2\necho x >>%[1]s/looks\n[ $(wc -l <%[1]s/looks) -ge 3 ] && echo f || echo t\n", b.dir)
	require.NoError(b.t, os.WriteFile(filepath.Join(b.dir, "psql"), []byte(psql), 0o755))
	var asked atomic.Int32
	rest := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) < 2 || !leads || r.URL.Path != "/primary" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	b.t.Cleanup(rest.Close)
	return []string{"DNS_FLIP_NAME=db.shop.test", "DNS_FLIP_PATRONI_URL=" + rest.URL, "DNS_FLIP_PROMOTION_WAIT=5"}
}

func TestPatroniOnRoleChange(t *testing.T) {
	const name = hooks.PatroniOnRoleChange
	for _, args := range [][]string{{"on_role_change", "primary", "shop"}, {"on_start", "master", "shop"}, {"on_role_change", "promoted", "shop"}} {
		b := newBench(t)
		code, stderr := b.run(append(b.patroni(true), "DNS_FLIP_TARGET=10.0.0.2"), name, args...)
		require.Equal(t, 0, code, stderr)
		assert.Equal(t, "10.0.0.2 300", b.served("db.shop.test"))
		assert.Equal(t, []hooks.Run{{Name: name, Args: args, Action: "flip", Record: "db.shop.test", Target: "10.0.0.2", Cause: args[0] + " " + args[1]}}, b.runs())
		looks, err := os.ReadFile(filepath.Join(b.dir, "looks"))
		require.NoError(t, err)
		assert.Equal(t, 3, strings.Count(string(looks), "x"), "it waits for PostgreSQL")
	}
	b := newBench(t)
	code, stderr := b.run(append(b.patroni(true), "PATRONI_POSTGRESQL_CONNECT_ADDRESS=10.0.0.4:5432"), name, "on_role_change", "primary", "shop")
	require.Equal(t, 0, code, stderr)
	assert.Equal(t, "10.0.0.4 300", b.served("db.shop.test"))
}

func TestPatroniLeavesTheRecordAlone(t *testing.T) {
	const name = hooks.PatroniOnRoleChange
	for _, c := range []struct {
		args   []string
		env    []string
		leads  bool
		code   int
		action string
		says   string
	}{
		{args: []string{"on_role_change", "replica", "shop"}, code: 0, action: "none", says: "not the primary"},
		{args: []string{"on_start", "standby_leader", "shop"}, code: 0, action: "none", says: "not the primary"},
		{args: []string{"on_stop", "primary", "shop"}, code: 0, action: "none", says: "not a change of role"},
		{args: []string{"on_reload", "primary", "shop"}, code: 0, action: "none", says: "not a change of role"},
		{args: []string{"primary", "shop", "etcd1:2379,etcd2:2379"}, code: 0, action: "none", says: "not a change of role"},
		{args: []string{"on_role_change", "primary"}, code: 2, action: "refused", says: "Patroni gives three: ACTION ROLE SCOPE"},
		{args: []string{"on_role_change", "primary", "shop"}, code: 11, action: "refused", says: "GET /primary gives 503"},
		{args: []string{"on_role_change", "primary", "shop"}, leads: true, env: []string{"DNS_FLIP_PROMOTION_WAIT=0"}, code: 10, action: "refused", says: "did not leave recovery"},
		{args: []string{"on_role_change", "primary", "shop"}, leads: true, env: []string{"DNS_FLIP_TARGET="}, code: 2, action: "refused", says: "no address of this node"},
		{args: []string{"on_role_change", "primary", "shop"}, leads: true, env: []string{"DNS_FLIP_NAME="}, code: 2, action: "refused", says: "no record"},
	} {
		b := newBench(t)
		env := append(b.patroni(c.leads), append([]string{"DNS_FLIP_TARGET=10.0.0.2", "DNS_FLIP_PROMOTION_WAIT=1"}, c.env...)...)
		code, _ := b.run(env, name, c.args...)
		assert.Equal(t, c.code, code, "%v", c.args)
		run := b.runs()[0]
		assert.Equal(t, c.action, run.Action, "%v", c.args)
		assert.Contains(t, run.Message, c.says)
		assert.Equal(t, "10.0.0.1 300", b.served("db.shop.test"))
		assert.Empty(t, b.made())
	}
}

// Patroni kills a callback when the next one comes. Whatever the moment, the next run makes it good.
func TestAKilledCallbackCanBeRunAgain(t *testing.T) {
	b := newBench(t)
	env := append(b.patroni(true), "DNS_FLIP_TARGET=10.0.0.2")
	require.NoError(t, b.server.SetFault(standin.Fault{Mode: standin.FaultHang, Count: 1, Methods: []string{"PUT"}}))
	cmd, _ := b.command(env, hooks.PatroniOnRoleChange, "on_start", "primary", "shop")
	require.NoError(t, cmd.Start())
	err := wait.Until(t.Context(), "the change under way", 20*time.Second, func(context.Context) (bool, string, error) {
		return b.count("PUT") > 0, "no PUT", nil
	})
	assert.NoError(t, err)
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	require.NoError(t, b.server.SetFault(standin.Fault{})) // lets the hung request go
	code, stderr := b.run(env, hooks.PatroniOnRoleChange, "on_role_change", "primary", "shop")
	assert.Equal(t, 0, code, stderr)
	assert.Equal(t, "10.0.0.2 300", b.served("db.shop.test"))
	assert.Len(t, b.runs(), 1, "a run that was killed leaves no line")
}

func TestFiles(t *testing.T) {
	files := hooks.Files()
	assert.Equal(t, 8, len(files))
	for _, name := range []string{hooks.LinodeDNSFlip, hooks.OrchestratorPostFailover, hooks.OrchestratorApplyLogs, hooks.PatroniOnRoleChange, hooks.PatroniEnvRewrite, hooks.MySQLQuorumFence} {
		assert.Equal(t, os.FileMode(0o755), files[name].Mode, name)
		assert.True(t, bytes.HasPrefix(files[name].Content, []byte("#!/usr/bin/env bash\n")), name)
	}
	assert.Equal(t, os.FileMode(0o644), files["hook-common.bash"].Mode)
}

func TestShellcheck(t *testing.T) {
	if _, err := exec.LookPath("shellcheck"); err != nil {
		t.Skip("shellcheck is not installed here")
	}
	b := newBench(t)
	args := []string{"-x", "-P", "SCRIPTDIR"}
	for name := range hooks.Files() {
		args = append(args, filepath.Join(b.dir, name))
	}
	out, err := exec.CommandContext(t.Context(), "shellcheck", args...).CombinedOutput()
	assert.NoError(t, err, "%s", out)
}

func TestPatroniEnvRewriteTellsEveryApplicationsHost(t *testing.T) {
	const name = hooks.PatroniEnvRewrite
	b := newBench(t)
	push := "#!/bin/sh\n[ \"$1\" = app3 ] && exit 1\n[ \"$1\" = app2 ] && [ ! -e " + b.dir + "/again ] && touch " + b.dir + "/again && exit 1\necho \"$@\" >>" + b.dir + "/pushed\n"
	require.NoError(t, os.WriteFile(filepath.Join(b.dir, "push"), []byte(push), 0o755))
	env := append(b.patroni(true), "DNS_FLIP_TARGET=10.0.0.2", "ENV_REWRITE_PUSH="+filepath.Join(b.dir, "push"), "ENV_REWRITE_DEADLINE=3")
	code, stderr := b.run(append(env, "ENV_REWRITE_HOSTS=app1 app2"), name, "on_role_change", "primary", "shop")
	require.Equal(t, 0, code, stderr)
	pushed, err := os.ReadFile(filepath.Join(b.dir, "pushed"))
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"app1 10.0.0.2", "app2 10.0.0.2"}, strings.Split(strings.TrimSpace(string(pushed)), "\n"), "one that fails is told again")
	run := b.runs()[0]
	assert.Equal(t, []any{"rewrite", "10.0.0.2", "told app1 app2 of 10.0.0.2"}, []any{run.Action, run.Target, run.Message})
	looks, err := os.ReadFile(filepath.Join(b.dir, "looks"))
	require.NoError(t, err)
	assert.Equal(t, 3, strings.Count(string(looks), "x"), "it waits for PostgreSQL")

	code, _ = b.run(append(env, "ENV_REWRITE_HOSTS=app1 app3", "ENV_REWRITE_DEADLINE=0"), name, "on_role_change", "primary", "shop")
	assert.Equal(t, 12, code)
	assert.Equal(t, "these hosts could not be told of 10.0.0.2: app3", b.runs()[1].Message)

	for _, args := range [][]string{{"on_start", "primary", "shop"}, {"on_role_change", "replica", "shop"}, {"primary", "shop", "etcd1:2379"}} {
		code, _ = b.run(append(env, "ENV_REWRITE_HOSTS=app1"), name, args...)
		assert.Equal(t, 0, code)
	}
	after, err := os.ReadFile(filepath.Join(b.dir, "pushed"))
	require.NoError(t, err)
	assert.Equal(t, len(strings.Split(string(pushed), "\n"))+1, len(strings.Split(string(after), "\n")), "app1 once more, by the run that missed app3")
}

func TestPatroniEnvRewriteSetsTheFileInOneStep(t *testing.T) {
	const name = hooks.PatroniEnvRewrite
	b := newBench(t)
	file := filepath.Join(b.dir, ".env")
	require.NoError(t, os.WriteFile(file, []byte("A=1\nDB_HOST=10.0.0.1\nDB_HOST_RO=10.0.0.9\nB=x y"), 0o640))
	env := []string{"ENV_REWRITE_FILE=" + file, "ENV_REWRITE_RELOAD=echo reloaded >>" + filepath.Join(b.dir, "reloads")}
	code, stderr := b.run(env, name, "--set", "10.0.0.2")
	require.Equal(t, 0, code, stderr)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "A=1\nDB_HOST=10.0.0.2\nDB_HOST_RO=10.0.0.9\nB=x y\n", string(text))
	info, err := os.Stat(file)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o640), info.Mode().Perm())
	code, _ = b.run(env, name, "--set", "10.0.0.2")
	assert.Equal(t, 0, code)
	reloads, err := os.ReadFile(filepath.Join(b.dir, "reloads"))
	require.NoError(t, err)
	assert.Equal(t, "reloaded\n", string(reloads), "what is right already is left alone")
	left, err := filepath.Glob(file + ".*")
	require.NoError(t, err)
	assert.Empty(t, left)

	code, _ = b.run([]string{"ENV_REWRITE_FILE=" + filepath.Join(b.dir, "none")}, name, "--set", "10.0.0.2")
	assert.Equal(t, 13, code)
	code, _ = b.run(append(env, "ENV_REWRITE_RELOAD=false"), name, "--set", "10.0.0.3")
	assert.Equal(t, 13, code, "a reload that fails is said")
	code, _ = b.run(env, name, "--set", "10.0.0.2; reboot")
	assert.Equal(t, 2, code)
}

package node_test

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/dns"
	"github.com/firedrill/firedrill/harness/linode/standin"
	"github.com/firedrill/firedrill/harness/wait"
)

// A replaced file comes back as the same file, whatever the order in which two faults on it are healed.
func TestReplace(t *testing.T) {
	c := newHome(t, 0).dial(true)
	path := filepath.Join(t.TempDir(), "hook")
	require.NoError(t, os.WriteFile(path, []byte("the hook\n"), 0o750))
	require.NoError(t, os.Chmod(path, 0o750))
	before, err := os.Stat(path)
	require.NoError(t, err)
	content := func() string {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		return string(data)
	}
	do := func(fault, data string) {
		t.Helper()
		stamp, err := c.Do(t.Context(), fault, agent.ReplaceSpec{Path: path, Data: []byte(data)}, 0)
		require.NoError(t, err)
		assert.NotEmpty(t, stamp.Proof)
		assert.Equal(t, data, content())
		info, err := os.Stat(path)
		require.NoError(t, err)
		assert.Equal(t, before.Mode(), info.Mode())
	}
	heal := func(fault string) string {
		t.Helper()
		stamp, err := c.Heal(t.Context(), fault)
		require.NoError(t, err)
		require.NotEmpty(t, stamp.Proof)
		return stamp.Proof
	}
	do("f1", "one")
	do("f1", "one") // twice in one fault
	do("f2", "two")
	assert.Contains(t, heal("f1"), "another fault still replaces")
	assert.Equal(t, "two", content())
	assert.Contains(t, heal("f2"), "back in its place")
	heal("f2")
	after, err := os.Stat(path)
	require.NoError(t, err)
	assert.True(t, os.SameFile(before, after), "it is the file itself that is back")
	assert.Equal(t, before.ModTime(), after.ModTime())
	assert.Equal(t, "the hook\n", content())
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, left, 1, "nothing is left beside it")

	do("f3", "three")
	do("f4", "four")
	heal("f4")
	assert.Equal(t, "three", content())
	heal("f3")
	assert.Equal(t, "the hook\n", content())

	reason, err := c.Can(t.Context(), agent.ReplaceSpec{Path: path + "s"})
	require.NoError(t, err)
	assert.Contains(t, reason, "there is no "+path+"s")
	_, err = c.Do(t.Context(), "f5", agent.ReplaceSpec{Path: path + "s"}, 0)
	assert.ErrorContains(t, err, "there is no ")
}

// endpointHere runs the drill's endpoint in this process, with db.shop.test at 10.0.0.1.
func endpointHere(t *testing.T) *standin.Listener {
	t.Helper()
	const any = "127.0.0.1:0"
	l, err := standin.Listen(standin.Config{API: any, DNS: any, Control: any, Token: "t"})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		assert.NoError(t, <-done)
	})
	assert.Equal(t, http.StatusOK, post(t, l, "POST", "/v4/domains", `{"domain":"shop.test","type":"master","soa_email":"a@shop.test"}`))
	assert.Equal(t, http.StatusOK, post(t, l, "POST", "/v4/domains/1/records", `{"type":"A","name":"db","target":"10.0.0.1"}`))
	return l
}

func post(t *testing.T, l *standin.Listener, method, path, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+l.APIAddr()+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer t")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	resp.Body.Close()
	return resp.StatusCode
}

func TestDNSAPIFaults(t *testing.T) {
	l := endpointHere(t)
	c := newHome(t, 0).dial(true)
	spec := agent.DNSAPISpec{Control: l.ControlAddr(), API: "http://" + l.APIAddr(), Token: "t"}
	for mode, proof := range map[string]string{
		"500": "is answered with 500; met 1 times so far", "401": "is answered with 401; met 1 times", "503": "answered with 503",
		"429": "is answered with 429, Retry-After 7 s", agent.APIHang: "is not answered within 1s", agent.APIUnserved: "accepted and not served; met 0 times",
	} {
		spec.Mode, spec.RetryAfter = mode, 7
		stamp, err := c.Do(t.Context(), "f", spec, 0)
		require.NoError(t, err)
		assert.Contains(t, stamp.Proof, proof, mode)
		assert.Less(t, time.Duration(stamp.Effective-stamp.Began), 500*time.Millisecond, "the look is not part of the bracket")
		healed, err := c.Heal(t.Context(), "f")
		require.NoError(t, err)
		assert.Contains(t, healed.Proof, "the DNS API works again; the fault was met ")
		assert.Equal(t, http.StatusOK, post(t, l, "GET", "/v4/domains", ""))
	}
	// Two at once: the last one shows, and the first again when that is healed.
	spec.Mode, spec.RetryAfter = "500", 0
	_, err := c.Do(t.Context(), "f1", spec, 0)
	require.NoError(t, err)
	spec.Mode = "503"
	_, err = c.Do(t.Context(), "f2", spec, 0)
	require.NoError(t, err)
	assert.Equal(t, 503, post(t, l, "GET", "/v4/domains", ""))
	_, err = c.Heal(t.Context(), "f2")
	require.NoError(t, err)
	assert.Equal(t, 500, post(t, l, "GET", "/v4/domains", ""))
	// The node heals itself when its owner goes.
	require.NoError(t, c.Close())
	(&home{t: t}).until("API healthy", func() bool { return post(t, l, "GET", "/v4/domains", "") == http.StatusOK })
}

func TestDNSServerFaults(t *testing.T) {
	l := endpointHere(t)
	c := newHome(t, 0).dial(true)
	ask := func() string {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		r, err := dns.Lookup(ctx, l.DNS.Addr(), "db.shop.test")
		if err != nil {
			return err.Error()
		}
		return r.Address
	}
	base := agent.DNSServerSpec{Control: l.ControlAddr(), Server: l.DNS.Addr()}
	lie, elsewhere, slow, silent, wrong := base, base, base, base, base
	lie.Name, lie.Address = "db.shop.test", "10.0.0.9"
	elsewhere.Name, elsewhere.Address = "shop.test", "10.0.0.9"
	slow.DelayMS, silent.Silent, wrong.Rcode = 200, true, "NXDOMAIN"
	for _, c2 := range []struct {
		spec        agent.DNSServerSpec
		proof, seen string
	}{
		{lie, "db.shop.test is said to be 10.0.0.9", "10.0.0.9"},
		{elsewhere, "", "10.0.0.1"}, // the name has no address to lie about: nothing is claimed
		{slow, "shop.test is answered after ", "10.0.0.1"},
		{silent, "shop.test is not answered within 1", "timeout"},
		{wrong, "shop.test is answered with NXDOMAIN", "NXDOMAIN"},
	} {
		stamp, err := c.Do(t.Context(), "f", c2.spec, 0)
		require.NoError(t, err)
		if c2.proof == "" {
			assert.Empty(t, stamp.Proof)
		}
		assert.Contains(t, stamp.Proof, c2.proof)
		assert.Contains(t, ask(), c2.seen)
		_, err = c.Heal(t.Context(), "f")
		require.NoError(t, err)
		began := time.Now()
		assert.Equal(t, "10.0.0.1", ask())
		assert.Less(t, time.Since(began), 150*time.Millisecond)
	}
	reason, err := c.Can(t.Context(), agent.DNSServerSpec{Control: "127.0.0.1:1"})
	require.NoError(t, err)
	assert.Contains(t, reason, "no endpoint of a drill runs on this node")
}

// A controller's last breath: the deed that comes with the end of the stream is undone too, however late it is done.
func TestDeedWithTheLastBreath(t *testing.T) {
	h := newHome(t, 0)
	visitor := h.dial(false)
	path := filepath.Join(t.TempDir(), "hook")
	require.NoError(t, os.WriteFile(path, []byte("the hook\n"), 0o755))
	spec := `{"path":"` + path + `","data":"eA=="}`
	words := `{"jsonrpc":"2.0","id":1,"method":"hello","params":{"owner":true}}` + "\n" +
		`{"jsonrpc":"2.0","id":2,"method":"do","params":{"fault":"f","kind":"replace","spec":` + spec + `}}` + "\n"
	for range 50 {
		conn, err := net.Dial("unix", h.socket)
		require.NoError(t, err)
		_, err = conn.Write([]byte(words))
		require.NoError(t, err)
		require.NoError(t, conn.Close())
	}
	require.NoError(t, wait.Hold(t.Context(), 300*time.Millisecond))
	h.until("healed", func() bool {
		faults, err := visitor.Faults(t.Context())
		content, _ := os.ReadFile(path)
		return err == nil && len(faults) == 0 && string(content) == "the hook\n"
	})
}

// A heal of what is still being done ends with nothing in force: the deed ends first, or is undone once more.
func TestHealOfADeedUnderWay(t *testing.T) {
	h := newHome(t, 0)
	owner, visitor := h.dial(true), h.dial(false)
	ctx := t.Context()
	require.NoError(t, owner.Define(ctx, agent.Process{
		Name: "slow", Argv: []string{"bash", "-c", "trap 'sleep 0.5; exit' TERM; while :; do sleep 0.05; done"},
	}))
	require.NoError(t, owner.Start(ctx, "slow"))
	require.NoError(t, wait.Hold(ctx, 200*time.Millisecond)) // until the trap is set
	ended := make(chan error, 1)
	go func() {
		_, err := owner.Do(ctx, "f", agent.KillSpec{Processes: []string{"slow"}, Hold: true}, 0)
		ended <- err
	}()
	h.until("deed under way", func() bool { return state(t, visitor, "slow").Held })
	healed, err := visitor.Heal(ctx, "f")
	require.NoError(t, err)
	assert.Contains(t, healed.Proof, "slow runs")
	require.NoError(t, <-ended)
	now := state(t, visitor, "slow")
	assert.NotZero(t, now.PID)
	assert.False(t, now.Held)
	faults, err := visitor.Faults(ctx)
	require.NoError(t, err)
	assert.Empty(t, faults)
}

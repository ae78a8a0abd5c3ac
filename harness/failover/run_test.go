package failover

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/linode/linodego"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/linode/standin"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/web"
)

func configFile(t *testing.T, change func(*Config)) string {
	t.Helper()
	cfg := newWorld(change).cfg
	data, err := json.Marshal(cfg)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "c.json")
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return path
}

func TestConfigurationHasNoSecretsAndMakesSense(t *testing.T) {
	env := func(key string) string { return map[string]string{"MYSQL_PWD": "word", "LINODE_TOKEN": "token"}[key] }
	cfg, token, err := Read(configFile(t, nil), env)
	require.NoError(t, err)
	assert.Equal(t, "token", token)
	assert.Equal(t, "word", cfg.Regions[1].Database.Password)
	for want, change := range map[string]func(*Config){
		"must be two":        func(c *Config) { c.Regions = c.Regions[:1] },
		"threshold":          func(c *Config) { c.Threshold = 0 },
		"it must be shorter": func(c *Config) { c.Timeout = c.Interval },
	} {
		_, _, err := Read(configFile(t, change), env)
		require.ErrorContains(t, err, want)
	}
}

func TestDecisionsAreEventsOfTheRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	out, err := os.Create(path)
	require.NoError(t, err)
	defer out.Close()
	want := record.Event{Kind: record.KindDetected, Node: "m1", Msg: "lost", Attrs: map[string]string{"region": "east"}}
	logTo(out)(want)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var got record.Event
	require.NoError(t, json.Unmarshal(data, &got))
	assert.Equal(t, want, got)
}

// A check that says no and a check that nobody answers are told apart.
func TestAnAnswerThatIsNoIsNoSilence(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	err := checker()(t.Context(), srv.URL+web.PathPeer)
	require.Error(t, err)
	assert.True(t, denied(err))
	srv.Close()
	err = checker()(t.Context(), srv.URL+web.PathPeer)
	require.Error(t, err)
	assert.False(t, denied(err))
}

// silent takes connections and says nothing, as a host does that is frozen: a look at a database there ends.
func TestADatabaseThatHangsHoldsNothingUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	s, err := connect(agent.Database{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, User: "u"}, agent.Database{})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, _, err = s.Fence(ctx)
	require.Error(t, err)
}

// The controller changes the one record that it is told to change, and no other field of it.
func TestTheRecordIsChanged(t *testing.T) {
	const word, free = "test-token", "127.0.0.1:0"
	l, err := standin.Listen(standin.Config{API: free, DNS: free, Token: word})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Serve(ctx) }()
	defer func() {
		cancel()
		assert.NoError(t, <-done)
	}()
	api := linodego.NewClient(nil)
	api.SetBaseURL("http://" + l.APIAddr()).SetAPIVersion("v4").SetToken(word)
	d, err := api.CreateDomain(t.Context(), linodego.DomainCreateOptions{Domain: "shop.test", Type: linodego.DomainTypeMaster, SOAEmail: "dba@shop.test"})
	require.NoError(t, err)
	for _, name := range []string{"www", "us-east"} {
		_, err := api.CreateDomainRecord(t.Context(), d.ID, linodego.DomainRecordCreateOptions{Type: linodego.RecordTypeA, Name: name, Target: "10.0.0.1", TTLSec: 120})
		require.NoError(t, err)
	}
	cfg := newWorld(nil).cfg
	cfg.API = "http://" + l.APIAddr()
	z := newZone(cfg, word)
	require.NoError(t, z.set(t.Context(), "10.0.0.2"))
	target, err := z.target(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "10.0.0.2", target)
	records, err := api.ListDomainRecords(t.Context(), d.ID, nil)
	require.NoError(t, err)
	got := map[string]string{}
	for _, r := range records {
		got[r.Name] = r.Target
		assert.Equal(t, 120, r.TTLSec)
	}
	assert.Equal(t, map[string]string{"www": "10.0.0.2", "us-east": "10.0.0.1"}, got)
	cfg.Name = "shop.elsewhere.test"
	require.ErrorContains(t, newZone(cfg, word).set(t.Context(), "10.0.0.2"), "not there")
}

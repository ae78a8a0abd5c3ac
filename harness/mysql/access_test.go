package mysql

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
)

func TestParseIdentity(t *testing.T) {
	for text, want := range map[string]Identity{
		"dba:rescue":            {User: "dba", Password: "rescue"},
		"dba:":                  {User: "dba"},
		"X-Forwarded-User: dba": {Header: "X-Forwarded-User", Value: "dba"},
	} {
		got, err := ParseIdentity(text)
		require.NoError(t, err)
		assert.Equal(t, want, got, text)
	}
	_, err := ParseIdentity("dba")
	assert.EqualError(t, err, `"dba" is neither user:password nor a header as X-Forwarded-User: dba`)
}

// guard answers as Percona's 3.2.6 does to requests that it does not allow.
func guard(t *testing.T, allows func(*http.Request) (code int, body string)) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		code, body := allows(r)
		w.WriteHeader(code)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestTryTellsARefusalFromAFailure(t *testing.T) {
	for name, c := range map[string]struct {
		code       int
		body, want string
	}{
		"allowed":                  {200, `{"Code":"OK","Message":"Downtime begun"}`, Allowed},
		"not logged in":            {401, "Not Authorized", Refused},
		"may not write":            {500, `{"Code":"ERROR","Message":"Unauthorized"}`, Refused},
		"an error of another kind": {500, `{"Code":"ERROR","Message":"database is locked"}`, "unknown"},
		"not the leader":           {404, `"Not leader"`, "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			base := guard(t, func(*http.Request) (int, string) { return c.code, c.body })
			answer, words := try(t.Context(), http.DefaultTransport, base, Identity{}, wishes[ToWrite])
			assert.Equal(t, c.want, answer, words)
			assert.Contains(t, words, "begin-downtime: ")
		})
	}
	answer, words := try(t.Context(), http.DefaultTransport, "http://127.0.0.1:1", Identity{}, wishes[ToRead])
	assert.Equal(t, "unknown", answer, words)
}

func TestRequestsAreSigned(t *testing.T) {
	base := guard(t, func(r *http.Request) (int, string) {
		user, password, _ := r.BasicAuth()
		if user == "dba" && password == "rescue" || r.Header.Get("X-Forwarded-User") == "dba" {
			return 200, `[]`
		}
		return 401, "Not Authorized"
	})
	for _, who := range []Identity{{User: "dba", Password: "rescue"}, {Header: "X-Forwarded-User", Value: "dba"}} {
		answer, words := try(t.Context(), http.DefaultTransport, base, who, wishes[ToRead])
		assert.Equal(t, Allowed, answer, words)
		_, err := newClient(http.DefaultTransport, base, who).Instances(t.Context())
		assert.NoError(t, err, "Firedrill's own client signs, too")
	}
	answer, words := try(t.Context(), http.DefaultTransport, base, Identity{}, wishes[ToRead])
	assert.Equal(t, Refused, answer, words)
}

func TestIdentityIsThatOfTheSettings(t *testing.T) {
	for name, c := range map[string]struct {
		settings map[string]string
		want     Identity
	}{
		"none":            {nil, Identity{}},
		"basic":           {map[string]string{"authenticationmethod": "Basic", "HTTPAuthUser": "dba", "HTTPAuthPassword": "rescue"}, Identity{User: "dba", Password: "rescue"}},
		"multi":           {map[string]string{"AuthenticationMethod": "multi", "HTTPAuthUser": "dba", "HTTPAuthPassword": "rescue"}, Identity{User: "dba", Password: "rescue"}},
		"proxy":           {map[string]string{"AuthenticationMethod": "proxy", "PowerAuthUsers": `["dba","joe"]`}, Identity{Header: "X-Forwarded-User", Value: "dba"}},
		"proxy for all":   {map[string]string{"AuthenticationMethod": "proxy"}, Identity{}},
		"an unknown mode": {map[string]string{"AuthenticationMethod": "basics", "HTTPAuthUser": "dba"}, Identity{}},
	} {
		topology := &Topology{settings: harness.Settings{harness.Orchestrator: c.settings}}
		assert.Equal(t, c.want, topology.identity(), name)
	}
}

func TestAReadOnlyOrchestratorHasSeeds(t *testing.T) {
	readOnly := onPaper(t, harness.Settings{harness.Orchestrator: {"ReadOnly": "true"}})
	assert.Equal(t, []any{"m1:3306", "m2:3306", "m3:3306"}, decoded(t, readOnly, false)["DiscoverySeeds"])
	assert.NotContains(t, decoded(t, onPaper(t, nil), false), "DiscoverySeeds")
}

func TestAnOperatorNamesDatabases(t *testing.T) {
	topology := onPaper(t, nil)
	_, err := topology.databasesOf([]string{"m9"}, 1)
	assert.EqualError(t, err, "m9 is no database of this topology")
	_, err = topology.databasesOf([]string{"m1", "m2"}, 1)
	assert.EqualError(t, err, "2 databases were named, and it takes 1")
	got, err := topology.databasesOf([]string{"m2"}, 1)
	require.NoError(t, err)
	assert.Equal(t, "m2", got[0].Name)
	assert.ErrorContains(t, topology.Operate(t.Context(), "pray"), "there are: acknowledge, disable, downtime,")
}

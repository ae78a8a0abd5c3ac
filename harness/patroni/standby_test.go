package patroni

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/firedrill/firedrill/harness"
)

func TestAStandbyClusterHasItsOwnScopeAndFollowsTheMainOne(t *testing.T) {
	l := layouts[slices.IndexFunc(layouts, func(l layout) bool { return l.name == "patroni-standby" })]
	var nodes []*harness.Node
	for i, s := range l.specs {
		nodes = append(nodes, &harness.Node{Name: s.Name, Component: s.Component, Datacenter: s.Datacenter, Address: "10.0.0." + string(rune('1'+i))})
	}
	topology, err := newTopology(l, nodes, nil)
	require.NoError(t, err)
	fast, err := topology.config.fast()
	require.NoError(t, err)
	for _, n := range topology.databases {
		text, err := topology.config.patroni(n)
		require.NoError(t, err)
		var y struct{ Scope string }
		require.NoError(t, yaml.Unmarshal(text, &y))
		d := topology.config.standbyCluster(n, fast)
		if n.Name != "s1" {
			require.Equal(t, scope, y.Scope)
			require.NotContains(t, d, "standby_cluster")
			continue
		}
		require.Equal(t, standbyScope, y.Scope)
		require.Equal(t, map[string]any{"host": "10.0.0.4,10.0.0.5", "port": postgresPort, "primary_slot_name": "s1"}, d["standby_cluster"])
	}
	require.NotContains(t, fast, "standby_cluster", "the others' configuration is as it was")
	var heads []string
	for _, n := range topology.heads() {
		heads = append(heads, n.Name)
	}
	require.Equal(t, []string{"p1", "s1"}, heads)
}

func TestALostClusterIsToldToFollow(t *testing.T) {
	asked := map[string]string{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked[r.URL.Path] = string(body)
		if r.URL.Path == "/v3/kv/range" {
			_ = json.NewEncoder(w).Encode(map[string]any{"kvs": []map[string][]byte{{"key": []byte("/service/firedrill/config"), "value": []byte(`{"ttl":20}`)}}})
			return
		}
		_, _ = io.WriteString(w, "{}")
	}))
	t.Cleanup(s.Close)
	require.NoError(t, followVia(t.Context(), newEtcdClient(http.DefaultTransport, s.URL), &harness.Node{Address: "10.0.0.6"}))
	var put struct{ Key, Value []byte }
	require.NoError(t, json.Unmarshal([]byte(asked["/v3/kv/put"]), &put))
	require.Equal(t, "/service/firedrill/config", string(put.Key))
	require.JSONEq(t, `{"ttl":20,"standby_cluster":{"host":"10.0.0.6","port":5432}}`, string(put.Value), "what it was told before holds")
}

func TestAStandbyClusterIsDetachedWhenItsConfigurationSaysSo(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, // it has not begun
		`{"ttl":20,"standby_cluster":{"host":"10.0.0.4"}}`: false,
		`{"ttl":20,"standby_cluster":null}`:                true,
		`{"ttl":20}`:                                       true,
	} {
		got, err := detached(keys{"config": key{Value: text}})
		require.NoError(t, err)
		require.Equal(t, want, got, text)
	}
	_, err := detached(keys{"config": key{Value: "{"}})
	require.Error(t, err)
}

package patroni

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
)

// Bodies as Patroni 4.0.7 and etcd 3.5.16 send them.
const (
	primaryBody = `{"state":"running","postmaster_start_time":"2026-11-21 09:09:21.907448+00:00","role":"primary","server_version":170011,"xlog":{"location":67428968},"timeline":1,"replication":[{"usename":"replicator","application_name":"p1","client_addr":"172.31.21.21","state":"streaming","sync_state":"async","sync_priority":0}],"dcs_last_seen":1795251593,"database_system_identifier":"7710546445650010139","patroni":{"version":"4.0.7","scope":"rb","name":"p3"}}`
	replicaBody = `{"state":"running","role":"replica","server_version":170011,"xlog":{"received_location":67428968,"replayed_location":67428900,"replayed_timestamp":"2026-11-21 09:09:21.907448+00:00","paused":false},"timeline":1,"replication_state":"streaming","failsafe_mode_is_active":true,"database_system_identifier":"7710546445650010139","patroni":{"version":"4.0.7","scope":"rb","name":"p1"}}`
	historyBody = `[[1,84234048,"no recovery target specified","2026-11-21T09:09:21.907448+00:00","p3"],[2,84234100,"no recovery target specified","2026-11-21T09:10:21.907448+00:00"]]`
	clusterBody = `{"members":[{"name":"p3","role":"leader","state":"running","api_url":"http://172.31.21.23:8008/patroni","host":"172.31.21.23","port":5432,"timeline":1},{"name":"p1","role":"replica","state":"streaming","host":"172.31.21.21","port":5432,"timeline":1,"lag":0},{"name":"p2","role":"replica","state":"stopped","host":"172.31.21.22","port":5432,"lag":"unknown"}],"scope":"rb"}`
	htmlBody    = "<!DOCTYPE HTML>\n<html><head><title>Error response</title></head><body><h1>Error response</h1><p>Error code: 400</p>\n<p>Message: Bad\n Request.</p>\n</body></html>"
)

func serve(t *testing.T, answers map[string]string, codes map[string]int) *Client {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := r.Method + " " + r.URL.Path
		if code := codes[key]; code != 0 {
			w.WriteHeader(code)
		}
		_, _ = w.Write([]byte(answers[key]))
	}))
	t.Cleanup(s.Close)
	return NewClient(http.DefaultTransport, s.URL)
}

func TestStatus(t *testing.T) {
	s, err := serve(t, map[string]string{"GET /patroni": primaryBody}, nil).Status(t.Context())
	require.NoError(t, err)
	require.True(t, s.Writable())
	require.Equal(t, int64(67428968), s.XLog.Location)
	require.Equal(t, 1, s.Timeline)
	require.Equal(t, int64(1795251593), s.DCSLastSeen)
	require.Equal(t, "async", s.Replication[0].SyncState)
	require.Equal(t, "4.0.7", s.Patroni.Version)
	s, err = serve(t, map[string]string{"GET /patroni": replicaBody}, nil).Status(t.Context())
	require.NoError(t, err)
	require.False(t, s.Writable())
	require.Equal(t, streaming, s.ReplicationState)
	require.Equal(t, int64(67428900), s.XLog.ReplayedLocation)
	require.True(t, s.FailsafeModeIsActive)
}

// GET /primary says 200 to a crashed leader that still holds the key; Writable does not.
func TestCrashedLeaderIsNotWritable(t *testing.T) {
	require.False(t, Status{Role: "primary", State: "crashed"}.Writable())
	require.False(t, Status{Role: "replica", State: "running"}.Writable())
}

func TestClusterAndHistory(t *testing.T) {
	c := serve(t, map[string]string{"GET /cluster": clusterBody, "GET /history": historyBody}, nil)
	m, err := c.Cluster(t.Context())
	require.NoError(t, err)
	require.Equal(t, roleLeader, m.Members[0].Role)
	require.JSONEq(t, `"unknown"`, string(m.Members[2].Lag))
	h, err := c.History(t.Context())
	require.NoError(t, err)
	require.Equal(t, Promotion{1, 84234048, "no recovery target specified", "2026-11-21T09:09:21.907448+00:00", "p3"}, h[0])
	require.Empty(t, h[1].Leader, "older entries name nobody")
}

func TestRefusalsAreInPatronisWords(t *testing.T) {
	c := serve(t,
		map[string]string{"POST /switchover": "leader name does not match", "POST /failover": htmlBody},
		map[string]int{"POST /switchover": 412, "POST /failover": 400})
	_, err := c.Switchover(t.Context(), "p9", "", "")
	require.EqualError(t, refused("switchover", err), "switchover refused by Patroni: leader name does not match (412)")
	_, err = c.Failover(t.Context(), "")
	require.EqualError(t, refused("failover", err), "failover refused by Patroni: Bad Request. (400)")
}

func TestEtcdGateway(t *testing.T) {
	e := etcdClient{serve(t, map[string]string{
		"POST /v3/kv/range":           `{"header":{},"kvs":[{"key":"L3NlcnZpY2UvZmlyZWRyaWxsL2xlYWRlcg==","value":"cDM=","lease":"7587881"},{"key":"L3NlcnZpY2UvZmlyZWRyaWxsL21lbWJlcnMvcDE=","value":"e30="}],"count":"2"}`,
		"POST /v3/lease/timetolive":   `{"header":{},"ID":"7587881","TTL":"17","grantedTTL":"20"}`,
		"POST /v3/maintenance/status": `{"header":{"member_id":"42"},"version":"3.5.16","leader":"42","raftTerm":"2"}`,
		"GET /version":                `{"etcdserver":"3.5.16","etcdcluster":"not_decided"}`,
	}, nil)}
	k, err := e.keys(t.Context(), scope)
	require.NoError(t, err)
	require.Equal(t, key{Value: "p3", Lease: "7587881"}, k["leader"])
	require.Contains(t, k, "members/p1")
	ttl, err := e.grantedTTL(t.Context(), "7587881")
	require.NoError(t, err)
	require.Equal(t, 20, ttl)
	s, err := e.status(t.Context())
	require.NoError(t, err)
	require.True(t, s.leads())
	require.Equal(t, int64(2), s.Term)
	ready, seen, err := e.ready(t.Context())
	require.NoError(t, err)
	require.False(t, ready, seen)
}

func TestUnsteadyReasons(t *testing.T) {
	nodes := []*harness.Node{{Name: "p1"}, {Name: "p2"}, {Name: "p3"}}
	leader := Status{Role: rolePrimary, State: running, Timeline: 2}
	replica := Status{Role: "replica", State: running, Timeline: 2, ReplicationState: streaming}
	stale := replica
	stale.Timeline, stale.PendingRestart = 1, true
	none := make([]error, 3)

	n, reasons := unsteadyPatroni(nodes, "p1", []Status{leader, replica, replica}, none)
	require.Equal(t, "p1", n.Name)
	require.Empty(t, reasons)

	_, reasons = unsteadyPatroni(nodes, "p1", []Status{leader, leader, stale}, none)
	require.Equal(t, []string{
		"writable: p1, p2; holder of the leader key: p1",
		`p2 does not stream (primary, running, replication state "")`,
		"p3 is on timeline 1, the leader on 2",
		"p3 has settings that wait for a restart of PostgreSQL",
	}, reasons)

	n, reasons = unsteadyPatroni(nodes, "", []Status{replica, replica, replica}, none)
	require.Nil(t, n)
	require.Equal(t, []string{"there is no leader", "writable: nobody; holder of the leader key: nobody"}, reasons)
}

func TestSynchronousModeWithoutAStandbyIsUnsteady(t *testing.T) {
	k := func(config, sync string) keys {
		return keys{"leader": {Value: "p1"}, "config": {Value: config}, "sync": {Value: sync}}
	}
	require.Empty(t, unsteadySync(k(`{"ttl":20}`, "")))
	require.Empty(t, unsteadySync(k(`{"synchronous_mode":false}`, "")))
	require.NotEmpty(t, unsteadySync(k(`{"synchronous_mode":true}`, "")))
	require.NotEmpty(t, unsteadySync(k(`{"synchronous_mode":"quorum"}`, `{"leader":"p2","sync_standby":"p1"}`)), "the key of the leader before")
	require.Empty(t, unsteadySync(k(`{"synchronous_mode":true}`, `{"leader":"p1","sync_standby":"p2"}`)))
}

// An operator's verbs go to Patroni as it wants them, or are refused before.
func TestOperatorsVerbs(t *testing.T) {
	topology := &Topology{databases: []*harness.Node{{Name: "p1"}}}
	require.ErrorContains(t, topology.Operate(t.Context(), "dance"), "follow, force-failover, lead-etcd, pause, reinitialize, replace-member, restart, resume, schedule, set, switchover")
	require.ErrorContains(t, topology.Operate(t.Context(), Set, "ttl"), "give a key and a value")

	asked := map[string]string{}
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked[r.Method+" "+r.URL.Path] = string(body)
	}))
	t.Cleanup(s.Close)
	c := NewClient(http.DefaultTransport, s.URL)
	_, err := c.Switchover(t.Context(), "p1", "p2", "2026-11-21T09:09:21.907448+00:00")
	require.NoError(t, err)
	require.NoError(t, c.Restart(t.Context()))
	require.NoError(t, c.Reinitialize(t.Context()))
	require.JSONEq(t, `{"leader":"p1","candidate":"p2","scheduled_at":"2026-11-21T09:09:21.907448+00:00"}`, asked["POST /switchover"])
	require.JSONEq(t, `{}`, asked["POST /restart"])
	require.JSONEq(t, `{"force":true}`, asked["POST /reinitialize"])
}

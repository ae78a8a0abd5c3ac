package mysql

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// answers are bodies as Percona's 3.2.6 gave them, shortened.
var answers = map[string]struct {
	code int
	body string
}{
	"/api/leader-check":         {200, `"OK"`},
	"/api/discover/m9/3306":     {500, `{"Code":"ERROR","Message":"dial tcp: lookup m9 on 127.0.0.11:53: no such host","Details":null}`},
	"/api/discover/m1/3306":     {200, `{"Code":"OK","Message":"Instance discovered: m1:3306","Details":{"Key":{"Hostname":"m1","Port":3306}}}`},
	"/api/all-instances":        {200, `[{"Key":{"Hostname":"m2","Port":3306},"MasterKey":{"Hostname":"m1","Port":3306},"ClusterName":"m1:3306","ReadOnly":true,"IsLastCheckValid":true,"Problems":[]}]`},
	"/api/replication-analysis": {200, `{"Code":"OK","Message":"Analysis","Details":[{"AnalyzedInstanceKey":{"Hostname":"m1","Port":3306},"Analysis":"DeadMaster","Description":"Master cannot be reached","StructureAnalysis":["NoWriteableMasterStructureWarning"],"IsDowntimed":false}]}`},
	"/api/audit-recovery": {200, `[{"Id":1,"UID":"1795:5b","AnalysisEntry":{"AnalyzedInstanceKey":{"Hostname":"m1","Port":3306},"Analysis":"DeadMaster","StructureAnalysis":null},
		"SuccessorKey":{"Hostname":"m2","Port":3306},"IsActive":false,"IsSuccessful":true,"LostReplicas":[{"Hostname":"m3","Port":3306}],"AllErrors":[""],
		"RecoveryStartTimestamp":"2026-11-21T08:59:58Z","RecoveryEndTimestamp":"2026-11-21 09:00:11"}]`},
	"/api/audit-recovery-steps/1795:5b":                     {200, `[{"Id":7,"RecoveryUID":"1795:5b","AuditAt":"2026-11-21 09:00:11","Message":"RecoverDeadMaster: will recover m1:3306"}]`},
	"/api/blocked-recoveries":                               {200, `[{"FailedInstanceKey":{"Hostname":"m2","Port":3306},"ClusterName":"m2:3306","Analysis":"DeadMaster","LastBlockedTimestamp":"2026-11-21 09:00:15","BlockingRecoveryId":1}]`},
	"/api/graceful-master-takeover-auto/m1/3306/m3/3306":    {200, `{"Code":"OK","Message":"graceful-master-takeover: successor promoted","Details":{"Id":2,"SuccessorKey":{"Hostname":"m3","Port":3306},"RecoveryEndTimestamp":""}}`},
	"/api/graceful-master-takeover-auto/m1/3306":            {500, `{"Code":"ERROR","Message":"GracefulMasterTakeover: no target instance indicated, failed to auto-detect candidate replica for master m1:3306. Aborting","Details":null}`},
	"/api/force-master-failover/shop":                       {200, `{"Code":"OK","Message":"Master failover forced","Details":{"Id":3,"SuccessorKey":{"Hostname":"m2","Port":3306}}}`},
	"/api/relocate/m3/3306/m2/3306":                         {200, `{"Code":"OK","Message":"Instance m3:3306 relocated below m2:3306","Details":{"Key":{"Hostname":"m3","Port":3306}}}`},
	"/api/clusters-info":                                    {200, `[{"ClusterName":"m1:3306","ClusterAlias":"shop","ClusterDomain":"db.shop.test","CountInstances":2},{"ClusterName":"m3:3306","ClusterAlias":"shop","CountInstances":1}]`},
	"/api/ack-all-recoveries?comment=the+DBA+has+looked":    {200, `{"Code":"OK","Message":"Acknowledged all recoveries","Details":"1"}`},
	"/api/begin-downtime/m2/3306/firedrill/a%20rebuild/90s": {200, `{"Code":"OK","Message":"Downtime begun: m2:3306","Details":{"Hostname":"m2","Port":3306}}`},
	"/api/graceful-master-takeover-auto/m1/3306/m9/3306":    {500, `{"Code":"ERROR","Message":"GracefulMasterTakeover: indicated designated instance m9:3306 must be directly replicating from the master m1:3306","Details":null}`},
	"/api/recover/m1/3306":                                  {200, `{"Code":"OK","Message":"Recovery executed on m1:3306","Details":{"Hostname":"m2","Port":3306}}`},
	"/api/disable-global-recoveries":                        {200, `{"Code":"OK","Message":"Globally disabled recoveries","Details":"disabled"}`},
	"/api/enable-global-recoveries":                         {200, `{"Code":"OK","Message":"Globally enabled recoveries","Details":"enabled"}`},
	"/api/end-downtime/m2/3306":                             {200, `{"Code":"OK","Message":"Downtime ended: m2:3306","Details":{"Hostname":"m2","Port":3306}}`},
	"/api/status":                                           {200, `{"Code":"OK","Message":"Application node is healthy","Details":{"Healthy":true,"Hostname":"o1","IsActiveNode":true,"ActiveNode":{"AppVersion":""},"AvailableNodes":[{"Hostname":"o1","AppVersion":"3.2.6-percona"}]}}`},
}

func served(t *testing.T) *client {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[r.URL.RequestURI()]
		if !ok || r.Method != http.MethodGet {
			http.Error(w, "unexpected "+r.Method+" "+r.URL.RequestURI(), http.StatusTeapot)
			return
		}
		w.WriteHeader(answer.code)
		_, _ = w.Write([]byte(answer.body))
	}))
	t.Cleanup(srv.Close)
	return newClient(http.DefaultTransport, srv.URL, Identity{})
}

func TestClientReads(t *testing.T) {
	c, ctx := served(t), t.Context()
	leads, err := c.Leads(ctx)
	require.NoError(t, err)
	assert.True(t, leads)

	instances, err := c.Instances(ctx)
	require.NoError(t, err)
	require.Len(t, instances, 1)
	assert.Equal(t, "m1:3306", instances[0].MasterKey.String())
	assert.True(t, instances[0].IsLastCheckValid)

	analyses, err := c.Analyses(ctx)
	require.NoError(t, err)
	require.Len(t, analyses, 1)
	assert.Equal(t, []string{"DeadMaster", "NoWriteableMasterStructureWarning"}, analyses[0].Codes())

	recoveries, err := c.Recoveries(ctx)
	require.NoError(t, err)
	require.Len(t, recoveries, 1)
	assert.Equal(t, "m2", recoveries[0].Successor())
	assert.Equal(t, 13*time.Second, recoveries[0].RecoveryEndTimestamp.Sub(recoveries[0].RecoveryStartTimestamp.Time))

	steps, err := c.Steps(ctx, "1795:5b")
	require.NoError(t, err)
	require.Len(t, steps, 1)
	assert.Equal(t, int64(7), steps[0].ID)

	blocked, err := c.Blocked(ctx)
	require.NoError(t, err)
	assert.Equal(t, int64(1), blocked[0].BlockingRecoveryID)

	status, err := c.Status(ctx)
	require.NoError(t, err)
	assert.Equal(t, "3.2.6-percona", status.Version())
}

func TestClientActs(t *testing.T) {
	c, ctx := served(t), t.Context()
	require.NoError(t, c.Discover(ctx, Instance{"m1", 3306}))
	r, err := c.Takeover(ctx, Instance{"m1", 3306}, Instance{"m3", 3306})
	require.NoError(t, err)
	assert.Equal(t, "m3", r.Successor())
	assert.True(t, r.RecoveryEndTimestamp.IsZero())
	require.NoError(t, c.Acknowledge(ctx, "the DBA has looked"))
	require.NoError(t, c.Downtime(ctx, Instance{"m2", 3306}, "a rebuild", 90*time.Second))
	require.NoError(t, c.EndDowntime(ctx, Instance{"m2", 3306}))
	require.NoError(t, c.GlobalRecoveries(ctx, false))
	require.NoError(t, c.GlobalRecoveries(ctx, true))
	require.NoError(t, c.Recover(ctx, Instance{"m1", 3306}))
}

func TestClientSaysWhyOrchestratorRefuses(t *testing.T) {
	c, ctx := served(t), t.Context()
	err := c.Discover(ctx, Instance{"m9", 3306})
	assert.EqualError(t, err, "Orchestrator refuses discover/m9/3306: dial tcp: lookup m9 on 127.0.0.11:53: no such host")
	_, err = c.Takeover(ctx, Instance{"m1", 3306}, Instance{})
	assert.ErrorContains(t, err, "failed to auto-detect candidate replica")
	_, err = c.Takeover(ctx, Instance{"m1", 3306}, Instance{"m9", 3306})
	assert.ErrorContains(t, err, "must be directly replicating")
	_, err = c.ForceFailover(ctx, Instance{"m1", 3306})
	assert.ErrorContains(t, err, "418", "an answer that is not JSON is shown as it is")
}

func TestFollowerDoesNotLead(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`"Not leader"`))
	}))
	c := newClient(http.DefaultTransport, srv.URL, Identity{})
	leads, err := c.Leads(t.Context())
	require.NoError(t, err)
	assert.False(t, leads)
	srv.Close()
	_, err = c.Leads(t.Context())
	assert.Error(t, err, "no answer is no no")
}

func TestAnEmptyListIsNoProblem(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/replication-analysis" {
			_, _ = w.Write([]byte(`{"Code":"OK","Message":"Analysis","Details":[]}`))
			return
		}
		_, _ = w.Write([]byte(`null`))
	}))
	t.Cleanup(srv.Close)
	c := newClient(http.DefaultTransport, srv.URL, Identity{})
	analyses, err := c.Analyses(context.Background())
	require.NoError(t, err)
	assert.Empty(t, analyses)
	recoveries, err := c.Recoveries(context.Background())
	require.NoError(t, err)
	assert.Empty(t, recoveries)
}

func TestTimestampRefusesOtherFormats(t *testing.T) {
	var ts Timestamp
	assert.Error(t, ts.UnmarshalJSON([]byte(`"yesterday"`)))
}

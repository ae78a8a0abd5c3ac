package patroni

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// etcd's gateway takes a member's number as text, as it gives it, and a follower refuses to hand over what it has not.
func TestTheLeadOfEtcdIsHandedOver(t *testing.T) {
	var asked string
	answer := `{"header":{"member_id":"11"}}`
	status := http.StatusOK
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = r.URL.Path + " " + string(body)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(s.Close)
	c := newEtcdClient(http.DefaultTransport, s.URL)
	require.NoError(t, c.handOver(t.Context(), "33"))
	require.Equal(t, `/v3/maintenance/transfer-leadership {"targetID":"33"}`, asked)

	status, answer = http.StatusBadRequest, `{"code":9,"message":"etcdserver: not leader"}`
	require.ErrorContains(t, c.handOver(t.Context(), "33"), "not leader")
}

package patroni

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The member of that name is removed, by its number, before its place is given to a new one; no other is touched. One
// that has only just come back makes etcd say no, for a while.
func TestAMemberIsForgottenBeforeItIsTakenInAgain(t *testing.T) {
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			ID       string   `json:"ID"`
			PeerURLs []string `json:"peerURLs"`
		}
		_ = json.NewDecoder(r.Body).Decode(&in)
		asked = append(asked, r.URL.Path+" "+in.ID+strings.Join(in.PeerURLs, ","))
		if len(asked) == 2 {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(`{"code":14, "message":"etcdserver: unhealthy cluster"}`))
			return
		}
		_, _ = w.Write([]byte(`{"members":[
			{"ID":"11","name":"e1","peerURLs":["http://10.0.0.1:2380"]},
			{"ID":"33","name":"e3","peerURLs":["http://10.0.0.3:2380"]}]}`))
	}))
	t.Cleanup(s.Close)
	require.NoError(t, newEtcdClient(http.DefaultTransport, s.URL).readmit(t.Context(), "e3", "http://10.0.0.3:2380"))
	require.Equal(t, []string{
		"/v3/cluster/member/list ",
		"/v3/cluster/member/remove 33",
		"/v3/cluster/member/list ",
		"/v3/cluster/member/remove 33",
		"/v3/cluster/member/add http://10.0.0.3:2380",
	}, asked)
}

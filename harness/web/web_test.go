package web

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/workload"
)

// base is a database that is as a test says.
type base struct {
	result  workload.Result
	connect error
	wrote   []int64
}

func (b *base) Write(_ context.Context, id int64, attempt int) workload.Result {
	b.wrote = append(b.wrote, id, int64(attempt))
	return b.result
}

func (b *base) Connect(context.Context) (workload.Session, error) { return b, b.connect }

func (b *base) Who(context.Context) (string, bool, error) { return "2", false, nil }

func (b *base) Close() {}

func answer(t *testing.T, s *server, method, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	s.handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, nil))
	return w.Code, w.Body.String()
}

func TestAWriteIsAnsweredAsTheDatabaseAnsweredIt(t *testing.T) {
	for _, c := range []struct {
		result workload.Result
		status int
		body   string
	}{
		{workload.Result{Outcome: record.Acked, Server: "1"}, 200, `{"server":"1"}`},
		{workload.Result{Outcome: record.Rejected, Err: errors.New("read only")}, 503, `{"error":"read only"}`},
		{workload.Result{Outcome: record.Indeterminate, Err: errors.New("gone")}, 500, `{"error":"gone"}`},
	} {
		b := &base{result: c.result}
		status, body := answer(t, &server{database: b}, http.MethodPost, "/rows?id=7&attempt=1")
		assert.Equal(t, c.status, status)
		assert.JSONEq(t, c.body, body)
		assert.Equal(t, []int64{7, 1}, b.wrote)
	}
	b := &base{}
	status, _ := answer(t, &server{database: b}, http.MethodPost, "/rows?id=seven&attempt=1")
	assert.Equal(t, 400, status)
	assert.Empty(t, b.wrote)
}

// A replica takes connections and no writes: the check that only connects is content with it.
func TestAShallowCheckIsContentWithAReplica(t *testing.T) {
	s := &server{database: &base{}}
	s.check = s.connects
	status, _ := answer(t, s, http.MethodGet, PathHealth)
	assert.Equal(t, 200, status)
	_, body := answer(t, s, http.MethodGet, workload.PathWho)
	assert.JSONEq(t, `{"server":"2"}`, body, "which is not writable")
	s = &server{database: &base{connect: errors.New("refused")}}
	s.check = s.connects
	status, _ = answer(t, s, http.MethodGet, PathHealth)
	assert.Equal(t, 503, status)
}

func TestTheOtherRegionIsSeenFromHere(t *testing.T) {
	healthy := true
	peer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !healthy {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer peer.Close()
	s := &server{peer: peer.URL}
	status, _ := answer(t, s, http.MethodGet, PathPeer)
	assert.Equal(t, 200, status)
	healthy = false
	status, _ = answer(t, s, http.MethodGet, PathPeer)
	assert.Equal(t, 503, status)
	status, _ = answer(t, &server{}, http.MethodGet, PathPeer)
	assert.Equal(t, 503, status, "without a peer nothing is known")
}

func TestADepthThatIsNoneIsRefused(t *testing.T) {
	_, err := newServer(Config{Database: agent.Database{Driver: "mysql"}, Check: "hope"})
	require.ErrorContains(t, err, `check "hope"`)
}

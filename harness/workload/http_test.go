package workload

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
)

// through is a driver to a web tier that answers so.
func through(t *testing.T, answer http.HandlerFunc) Driver {
	t.Helper()
	srv := httptest.NewServer(answer)
	t.Cleanup(srv.Close)
	u, err := url.Parse(srv.URL)
	require.NoError(t, err)
	port, err := strconv.Atoi(u.Port())
	require.NoError(t, err)
	d, err := Open(agent.Database{Driver: HTTP, Host: u.Hostname(), Port: port}, "")
	require.NoError(t, err)
	return d
}

// Only 200 with a server's name is an acknowledgement, and only 503 says that the write was surely not done.
func TestAnswersOfAWebTier(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   record.Outcome
	}{
		{200, `{"server":"2"}`, record.Acked},
		{200, `<html>a proxy's greeting</html>`, record.Indeterminate},
		{503, `{"error":"read only"}`, record.Rejected},
		{503, `<html>no server is available</html>`, record.Rejected},
		{500, `{"error":"invalid connection"}`, record.Indeterminate},
		{502, ``, record.Indeterminate},
		{504, ``, record.Indeterminate},
	} {
		d := through(t, func(w http.ResponseWriter, r *http.Request) {
			assert.Equal(t, "POST /rows?attempt=1&id=7", r.Method+" "+r.URL.String())
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(c.body))
		})
		got := d.Write(t.Context(), 7, 1)
		assert.Equal(t, c.want, got.Outcome, "%d %s: %v", c.status, c.body, got.Err)
		if c.want == record.Acked {
			assert.Equal(t, "2", got.Server)
		}
	}
}

// A connection that ends in the middle of an answer leaves the write open.
func TestALostAnswerLeavesTheWriteOpen(t *testing.T) {
	d := through(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		assert.NoError(t, err)
		_ = conn.Close()
	})
	assert.Equal(t, record.Indeterminate, d.Write(t.Context(), 1, 0).Outcome)
}

func TestWhoIsBehindAWebTier(t *testing.T) {
	d := through(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"server":"1","writable":true}`)) })
	s, err := d.Connect(t.Context())
	require.NoError(t, err)
	defer s.Close()
	for range 2 { // on one connection
		server, writable, err := s.Who(t.Context())
		require.NoError(t, err)
		assert.True(t, writable)
		assert.Equal(t, "1", server)
	}
}

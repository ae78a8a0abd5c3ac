package mysqlcheck

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestOnlyAServerThatTakesWritesIsAPrimary(t *testing.T) {
	for _, c := range []struct {
		state            State
		primary, replica int
		says             string
	}{
		{State{}, 200, 503, "writable"},
		{State{ReadOnly: true}, 503, 200, "read-only"},
		{State{Err: errors.New("connection refused")}, 503, 503, "connection refused"},
	} {
		h := Handler(func(context.Context) State { return c.state })
		for path, want := range map[string]int{"/primary": c.primary, "/replica": c.replica, "/": 404} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
			assert.Equal(t, want, w.Code, "%s: %s", c.state, path)
			if want != 404 {
				assert.Contains(t, w.Body.String(), c.says)
			}
		}
	}
}

func TestAServerThatHangsTakesNoWrites(t *testing.T) {
	h := Handler(func(ctx context.Context) State {
		<-ctx.Done()
		return State{Err: ctx.Err()}
	})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/primary", nil))
	assert.Equal(t, 503, w.Code)
}

func TestWithoutAServerThereIsNoAnswer(t *testing.T) {
	look, err := over(Config{Socket: t.TempDir() + "/none.sock", User: "app"})
	assert.NoError(t, err)
	assert.Error(t, look(t.Context()).Err)
}

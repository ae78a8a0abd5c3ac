package appconfig

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAnAddressIsHandedToTheHostsOwnCommand(t *testing.T) {
	file := filepath.Join(t.TempDir(), "told")
	ask := func(method, body string, command ...string) int {
		w := httptest.NewRecorder()
		Handler(command).ServeHTTP(w, httptest.NewRequest(method, "/", strings.NewReader(body)))
		return w.Code
	}
	assert.Equal(t, http.StatusNoContent, ask("PUT", "10.0.0.2\n", "sh", "-c", "echo $0 >"+file))
	told, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "10.0.0.2\n", string(told))
	assert.Equal(t, http.StatusInternalServerError, ask("PUT", "10.0.0.2", "false"))
	for _, body := range []string{"", "$(reboot)", "10.0.0.2; reboot", "::1"} {
		assert.Equal(t, http.StatusBadRequest, ask("PUT", body, "true"), body)
	}
	assert.Equal(t, http.StatusMethodNotAllowed, ask("GET", "", "true"))
}

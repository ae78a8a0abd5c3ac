package workload

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/agent"
)

func TestAnApplicationReadsItsSettingsWhenItIsReloadedAndNotBefore(t *testing.T) {
	dir := t.TempDir()
	env := &agent.EnvFile{Path: filepath.Join(dir, ".env"), Key: "DB_HOST", Reloaded: filepath.Join(dir, "reloaded")}
	driver, err := open(agent.Load{Database: agent.Database{Driver: "postgres", User: "app", Name: "shop"}, Env: env})
	require.NoError(t, err)
	app := driver.(*fromEnv)
	_, err = app.current()
	require.ErrorContains(t, err, "read settings")

	write := func(text string) { require.NoError(t, os.WriteFile(env.Path, []byte(text), 0o644)) }
	host := func() string {
		d, err := app.current()
		require.NoError(t, err)
		return d.(postgresDriver).config.Host
	}
	write("APP=shop\nDB_HOST_OLD=10.0.0.9\nDB_HOST=10.0.0.1\n")
	assert.Equal(t, "10.0.0.1", host())
	write("DB_HOST=10.0.0.2\n")
	assert.Equal(t, "10.0.0.1", host(), "nobody has reloaded it")
	require.NoError(t, os.WriteFile(env.Reloaded, nil, 0o644))
	assert.Equal(t, "10.0.0.2", host())
	write("DB_HOST=\"10.0.0.3\"\n")
	assert.Equal(t, "10.0.0.2", host())
	later := time.Now().Add(time.Second)
	require.NoError(t, os.Chtimes(env.Reloaded, later, later))
	assert.Equal(t, "10.0.0.3", host())
}

package images

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFindOrchestratorOrder(t *testing.T) {
	b, e := fakeBuilder(t, nil)
	named, onPath := orchestratorFolder(t, "named"), orchestratorFolder(t, "path")
	// As installed: a link on PATH to the real binary, which has the resources beside it.
	link := filepath.Join(t.TempDir(), "orchestrator")
	require.NoError(t, os.Symlink(onPath, link))
	e.registry[registryOrchestrator] = true

	setting := named
	b.getenv = func(name string) string { return map[string]string{OrchestratorEnv: setting}[name] }
	b.lookPath = func(string) (string, error) { return link, nil }
	find := func() OrchestratorSource {
		t.Helper()
		source, err := b.FindOrchestrator(t.Context())
		require.NoError(t, err)
		return source
	}
	require.Equal(t, named, find().Binary)
	setting = filepath.Dir(named)
	require.Equal(t, named, find().Binary, "the folder will do too")

	setting = ""
	require.Equal(t, onPath, find().Binary)
	require.Equal(t, filepath.Join(filepath.Dir(onPath), "resources"), find().Resources)

	b.lookPath = func(string) (string, error) { return "", os.ErrNotExist }
	require.Equal(t, OrchestratorSource{Image: registryOrchestrator}, find())

	e.has["site/orchestrator:1"] = true
	setting = "site/orchestrator:1"
	require.Equal(t, OrchestratorSource{Image: "site/orchestrator:1"}, find())
}

func TestFindOrchestratorSaysWhatIsWrong(t *testing.T) {
	b, e := fakeBuilder(t, nil)
	setting := ""
	b.getenv = func(name string) string { return map[string]string{OrchestratorEnv: setting}[name] }
	_, err := b.FindOrchestrator(t.Context())
	require.Equal(t, ErrNoOrchestrator, err)
	require.ErrorContains(t, err, OrchestratorEnv)

	// What is named and not there must not be replaced by something else.
	e.registry[registryOrchestrator] = true
	for _, setting = range []string{"/no/such/file", "./nowhere", "site/unknown:1"} {
		_, err = b.FindOrchestrator(t.Context())
		require.ErrorIs(t, err, ErrNoOrchestrator)
		require.ErrorContains(t, err, setting)
	}

	bare := filepath.Join(t.TempDir(), "orchestrator")
	require.NoError(t, os.WriteFile(bare, nil, 0o755))
	setting = bare
	_, err = b.FindOrchestrator(t.Context())
	require.ErrorIs(t, err, ErrNoOrchestrator)
	require.ErrorContains(t, err, "resources/")
}

func TestOrchestratorContext(t *testing.T) {
	b, _ := fakeBuilder(t, nil)
	binary := orchestratorFolder(t, "one")
	b.lookPath = func(string) (string, error) { return binary, nil }
	ref := func() string {
		steps, err := b.plan(t.Context(), []string{Orchestrator})
		require.NoError(t, err)
		return steps[Orchestrator].ref
	}
	first := ref()
	require.Equal(t, first, ref())
	require.NoError(t, os.WriteFile(binary, []byte("two"), 0o755))
	require.NotEqual(t, first, ref(), "another binary must make another image")

	files, _, err := b.orchestratorContext(t.Context())
	require.NoError(t, err)
	var names []string
	for _, f := range files {
		names = append(names, f.name)
	}
	require.ElementsMatch(t, []string{"Dockerfile", "orchestrator", "resources/public/page"}, names)
}

package images

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
)

// Every image that a node can have is a recipe, too, or says that it is not.
func TestEveryImageIsARecipe(t *testing.T) {
	t.Setenv(OrchestratorEnv, orchestratorFolder(t, "binary"))
	for _, name := range Names() {
		r, err := RecipeOf(name)
		if name == Shim || name == Machine {
			assert.ErrorIs(t, err, harness.ErrUnavailable, name)
			continue
		}
		require.NoError(t, err, name)
		check := exec.CommandContext(t.Context(), "sh", "-n")
		check.Stdin = strings.NewReader(r.Script)
		out, err := check.CombinedOutput()
		assert.NoError(t, err, "%s: %s\n%s", name, out, r.Script)
		assert.NotContains(t, r.Script, "BASE")
		var paths []string
		for _, f := range r.Files {
			paths = append(paths, f.Path)
		}
		assert.Contains(t, paths, "/usr/local/sbin/firedrill-install", name)
		assert.Contains(t, paths, "/usr/sbin/policy-rc.d", "services are started by the agent, not by their packages")
		assert.NotContains(t, paths, "/etc/apt/sources.list.d/debian.sources", "a machine has its own")
	}
	_, err := RecipeOf("beos")
	assert.ErrorContains(t, err, "no component")
}

// Orchestrator is this machine's own binary, with the folder beside it; without it, the machine is not drilled.
func TestTheRecipeOfOrchestrator(t *testing.T) {
	t.Setenv(OrchestratorEnv, orchestratorFolder(t, "binary"))
	r, err := RecipeOf(Orchestrator)
	require.NoError(t, err)
	for place, data := range map[string]string{"orchestrator": "binary", "resources/public/page": "x"} {
		i := slices.IndexFunc(r.Files, func(f RecipeFile) bool { return f.Path == recipeDir+"orchestrator/"+place })
		require.GreaterOrEqual(t, i, 0, place)
		assert.Equal(t, data, string(r.Files[i].Data))
		assert.Contains(t, r.Script, "cp -p "+r.Files[i].Path+" /usr/local/orchestrator/"+place+"\n")
	}
	t.Setenv(OrchestratorEnv, filepath.Join(t.TempDir(), "nowhere"))
	_, err = RecipeOf(Orchestrator)
	assert.ErrorIs(t, err, harness.ErrUnavailable)
}

func TestTheRecipeOfPatroni(t *testing.T) {
	r, err := RecipeOf(Patroni)
	require.NoError(t, err)
	assert.Equal(t, "/var/lib/postgresql", r.Env["HOME"])
	copied := strings.Index(r.Script, "cp -p /var/lib/firedrill/recipe/patroni/dpkg-no-jit /etc/dpkg/dpkg.cfg.d/firedrill-no-jit")
	installed := strings.Index(r.Script, "firedrill-install postgresql-17 patroni")
	assert.Positive(t, copied)
	assert.Greater(t, installed, copied, "in the order of the Dockerfile")
	i := slices.IndexFunc(r.Files, func(f RecipeFile) bool { return strings.HasSuffix(f.Path, "/seed-from-image") })
	require.Positive(t, i)
	assert.EqualValues(t, 0o755, r.Files[i].Mode)
	old, err := RecipeOf(MariaDB1011)
	require.NoError(t, err)
	assert.Contains(t, old.Script, "export SUITE='bookworm'")
}

// A RUN that goes over several lines, with comments between them, is one command.
func TestInstructionsAreJoined(t *testing.T) {
	got := instructions(buildContext{{name: "Dockerfile", data: []byte("# first\nRUN a \\\n# between\n    && b\n\nENV C=d\n")}})
	assert.Equal(t, []string{"RUN a     && b", "ENV C=d"}, got)
}

package features_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/features"
	"github.com/firedrill/firedrill/scenarios/gherkin"
)

// reference is how a coverage table names a drill: `mysql/detection.feature`: all servers are killed
var reference = regexp.MustCompile("`([a-z0-9_/-]+\\.feature)`: ([^|;]+)")

// The tables that map other people's tests to our drills name drills that exist.
func TestCoverageTablesNameDrillsThatExist(t *testing.T) {
	files, err := gherkin.Load(features.FS)
	require.NoError(t, err)
	sel, err := gherkin.Select(files, "", 0, 0)
	require.NoError(t, err)
	drills := map[string][]string{}
	for _, d := range sel.Drills {
		drills[d.File] = append(drills[d.File], d.Name)
	}
	tables, err := filepath.Glob("../docs/coverage-*.md")
	require.NoError(t, err)
	require.NotEmpty(t, tables)
	for _, table := range tables {
		text, err := os.ReadFile(table)
		require.NoError(t, err)
		all := reference.FindAllStringSubmatch(string(text), -1)
		require.NotEmpty(t, all, "%s names no drill", table)
		for _, m := range all {
			name := strings.TrimSpace(m[2])
			require.True(t, slices.Contains(drills[m[1]], name), "%s: %s has no scenario %q", table, m[1], name)
		}
	}
}

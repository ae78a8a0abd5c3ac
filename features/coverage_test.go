package features_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
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

// ownFeatures is how a section of Patroni's table is headed: ## priority_failover (3) and priority_sync (3)
var ownFeatures = regexp.MustCompile(`[a-z_]+ \((\d+)\)`)

// Patroni's own scenarios are 83: each has a row, whether it is drilled or the row says why not.
func TestEveryScenarioOfPatronisOwnHasARow(t *testing.T) {
	text, err := os.ReadFile("../docs/coverage-patroni.md")
	require.NoError(t, err)
	var all int
	for _, section := range strings.Split(string(text), "\n## ")[1:] {
		heading, rest, _ := strings.Cut(section, "\n")
		var want int
		for _, m := range ownFeatures.FindAllStringSubmatch(heading, -1) {
			n, err := strconv.Atoi(m[1])
			require.NoError(t, err)
			want += n
		}
		if want == 0 {
			continue // what we add has as many rows as it likes
		}
		var got int
		for line := range strings.Lines(rest) {
			if row := strings.Split(line, "|"); len(row) == 4 && !strings.HasPrefix(row[1], ":") && strings.TrimSpace(row[1]) != "Its scenario" {
				require.NotEmpty(t, strings.TrimSpace(row[2]), "%s: %s", heading, row[1])
				got++
			}
		}
		require.Equal(t, want, got, heading)
		all += got
	}
	require.Equal(t, 83, all)
}

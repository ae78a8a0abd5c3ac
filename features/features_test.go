package features_test

import (
	"os"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/features"
	"github.com/firedrill/firedrill/scenarios"
	"github.com/firedrill/firedrill/scenarios/gherkin"
)

// The shipped features are in the vocabulary, name topologies that exist, and promise something.
func TestFeaturesCanBeHeld(t *testing.T) {
	files, err := gherkin.Load(features.FS)
	require.NoError(t, err)
	sel, err := gherkin.Select(files, "", 0, 0)
	require.NoError(t, err)
	require.NoError(t, gherkin.Check(sel, scenarios.Kinds()))
	smoke := map[string]int{}
	for _, d := range sel.Drills {
		if strings.Contains(strings.Join(d.Tags, " "), "@smoke") {
			smoke[path.Dir(d.File)]++
		}
	}
	for _, f := range files {
		switch room := path.Dir(f.Name); room {
		case "faults", "datacenters": // of all kinds
		default:
			require.Equal(t, 1, smoke[room], "one smoke scenario of %s", room)
		}
	}
}

// TestFeatures holds every drill that ships on this machine's engine. FIREDRILL_TAGS narrows it, FIREDRILL_CONCURRENCY has several at one moment.
// Needs are skipped with their reason, or fail when FIREDRILL_REQUIRE names them.
func TestFeatures(t *testing.T) {
	if testing.Short() {
		t.Skip("drills need a Docker engine and minutes: not under -short")
	}
	files, err := gherkin.Load(features.FS)
	require.NoError(t, err)
	sel, err := gherkin.Select(files, os.Getenv("FIREDRILL_TAGS"), 0, 0)
	require.NoError(t, err)
	gherkin.Test(t, scenarios.NewTestRun(t), sel)
}

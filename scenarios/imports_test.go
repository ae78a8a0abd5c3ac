package scenarios_test

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/firedrill/firedrill/"

// mayImport is the direction of the house: what each room may import of the module, itself aside. A prefix that ends
// in /... stands for a folder and all below it.
var mayImport = map[string][]string{
	"harness/record":            {},
	"harness/wait":              {},
	"harness/undo":              {},
	"harness/dialect":           {},
	"harness/hooks":             {},
	"harness/dns":               {"harness/wait"},
	"harness/linode/limits":     {},
	"harness/linode/standin":    {"harness/dns", "harness/linode/limits", "harness/record", "harness/wait"},
	"harness/linode":            {"harness", "harness/agent", "harness/linode/limits", "harness/record", "harness/wait"},
	"harness/linode/machines":   {"harness/docker", "harness/images", "harness/linode/standin", "harness/wait"},
	"harness/agent":             {"harness/record", "harness/wait"},
	"harness/workload":          {"harness/agent", "harness/record", "harness/wait"},
	"harness/agent/node":        {"harness/agent", "harness/dialect", "harness/hooks", "harness/record", "harness/wait", "harness/workload"},
	"harness":                   {"harness/agent", "harness/record"},
	"harness/images":            {"harness", "harness/wait"},
	"harness/haproxy":           {"harness", "harness/agent"},
	"harness/appconfig":         {},
	"harness/keepalived":        {"harness", "harness/agent"},
	"harness/mysqlcheck":        {},
	"harness/web":               {"harness/agent", "harness/record", "harness/workload"},
	"harness/failover":          {"harness/agent", "harness/dialect", "harness/record", "harness/wait", "harness/web", "harness/workload"},
	"harness/endpoint":          {"harness", "harness/agent", "harness/wait"},
	"harness/docker":            {"harness", "harness/agent", "harness/images", "harness/wait"},
	"harness/docker/dockertest": {"harness", "harness/docker", "harness/images"},
	"harness/mysql":             {"harness", "harness/agent", "harness/dialect", "harness/dns", "harness/endpoint", "harness/failover", "harness/haproxy", "harness/hooks", "harness/images", "harness/keepalived", "harness/record", "harness/wait", "harness/web", "harness/workload"},
	"harness/groupreplication":  {"harness", "harness/agent", "harness/endpoint", "harness/images", "harness/record", "harness/wait", "harness/workload"},
	"harness/patroni":           {"harness", "harness/agent", "harness/dns", "harness/endpoint", "harness/haproxy", "harness/hooks", "harness/images", "harness/keepalived", "harness/record", "harness/wait", "harness/workload"},
	"verifiers":                 {"harness/record"},
	"reports":                   {"harness/record"},
	"injectors":                 {"harness", "harness/agent", "harness/dialect", "harness/endpoint", "harness/hooks", "harness/record", "harness/wait"},
	"features":                  {},
	"scenarios":                 {"harness/...", "injectors", "verifiers", "reports"},
	"scenarios/steps":           {"harness/...", "injectors", "scenarios"},
	"scenarios/gherkin":         {"harness/...", "scenarios", "scenarios/steps"},
	"cmd/firedrill":             {"..."},
}

func TestImportsGoOneWay(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", module+"...").Output()
	require.NoError(t, err)
	dec := json.NewDecoder(strings.NewReader(string(out)))
	seen := 0
	for {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else {
			require.NoError(t, err)
		}
		seen++
		room := strings.TrimPrefix(p.ImportPath, module)
		allowed, known := mayImport[room]
		require.True(t, known, "a new room, %s: say here what it may import", room)
		for _, i := range p.Imports {
			if other, ours := strings.CutPrefix(i, module); ours {
				require.True(t, permits(allowed, other), "%s must not import %s", room, other)
			}
			if room == "harness/record" || room == "harness/wait" || room == "harness/undo" {
				require.NotContains(t, i, ".", "%s imports nothing but the standard library", room)
			}
		}
	}
	require.Equal(t, len(mayImport), seen, "rooms that are listed and are not there")
}

func permits(allowed []string, room string) bool {
	for _, a := range allowed {
		if prefix, all := strings.CutSuffix(a, "..."); a == room || all && strings.HasPrefix(room+"/", prefix) {
			return true
		}
	}
	return false
}

// Everything that waits goes through harness/wait, where it is bounded and named.
func TestOnlyWaitSleeps(t *testing.T) {
	err := filepath.WalkDir("..", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(path) != ".go" || strings.Contains(filepath.ToSlash(path), "/harness/wait/") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if strings.Contains(string(data), "time."+"Sleep(") {
			t.Errorf("%s sleeps: use harness/wait", path)
		}
		return nil
	})
	require.NoError(t, err)
}

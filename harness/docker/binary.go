package docker

import (
	"context"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/moby/moby/client"

	"github.com/firedrill/firedrill/harness"
)

// AgentVariable names a static firedrill binary to use as the agent.
const AgentVariable = "FIREDRILL_AGENT"

// commandPackage is what is built when this process itself cannot serve as the agent (a test binary, another OS).
const commandPackage = "github.com/firedrill/firedrill/cmd/firedrill"

// FindAgent returns the path of a static firedrill binary for the engine's architecture: the one named by
// AgentVariable, this very program, or one built by the Go toolchain.
func FindAgent(ctx context.Context, self string, arch string) (string, error) {
	if path := os.Getenv(AgentVariable); path != "" {
		if !usable(path, arch) {
			return "", fmt.Errorf("%s=%s is not a static Linux program for %s: %w", AgentVariable, path, arch, harness.ErrUnavailable)
		}
		return path, nil
	}
	if self != "" && usable(self, arch) {
		return self, nil
	}
	return buildAgent(ctx, arch)
}

// usable says whether a file is a Linux program of the architecture that needs no dynamic loader.
func usable(path, arch string) bool {
	f, err := elf.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	machines := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return false
		}
	}
	return f.Machine == machines[arch]
}

func buildAgent(ctx context.Context, arch string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find cache folder for the agent: %w", err)
	}
	path := filepath.Join(cache, "firedrill", "agent-linux-"+arch)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("prepare cache folder: %w", err)
	}
	// Under a name of its own and renamed: a test that runs beside this one may be reading the old file.
	tmp := fmt.Sprintf("%s.%d", path, os.Getpid())
	defer os.Remove(tmp)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", tmp, commandPackage)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build agent (%s on %s; set %s to a static firedrill binary instead): %w: %s",
			runtime.Version(), runtime.GOOS, AgentVariable, err, out)
	}
	if err := os.Rename(tmp, path); err != nil {
		return "", fmt.Errorf("keep agent: %w", err)
	}
	return path, nil
}

// Architecture is the engine's, in Go's words.
func Architecture(ctx context.Context, api *client.Client) (string, error) {
	info, err := api.Info(ctx, client.InfoOptions{})
	if err != nil {
		return "", fmt.Errorf("ask engine for its architecture: %w", err)
	}
	switch a := info.Info.Architecture; a {
	case "x86_64", "amd64":
		return "amd64", nil
	case "aarch64", "arm64":
		return "arm64", nil
	default:
		return "", fmt.Errorf("engine of architecture %s: only amd64 and arm64 are supported: %w", a, harness.ErrUnavailable)
	}
}

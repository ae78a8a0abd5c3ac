package images

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/firedrill/firedrill/harness"
)

// OrchestratorEnv names the environment variable that says where Orchestrator is.
const OrchestratorEnv = "FIREDRILL_ORCHESTRATOR"

// registryOrchestrator is used where a registry answers and nothing else was said.
const registryOrchestrator = "percona/percona-orchestrator:latest"

// ErrNoOrchestrator says that Orchestrator, which Debian does not have, is nowhere to be found. Drills that need it are not
// drilled; all others run.
var ErrNoOrchestrator = fmt.Errorf("the binary of Orchestrator is %w: put `orchestrator` (with resources/ beside it) on PATH, or set %s "+
	"to its path or to an image, or give the engine a registry that has %s",
	harness.ErrUnavailable, OrchestratorEnv, registryOrchestrator)

// OrchestratorSource is where Orchestrator is taken from: a binary with its resources, or an image.
type OrchestratorSource struct {
	Binary    string // path, symbolic links resolved
	Resources string // the folder resources/ beside it
	Image     string // reference of an image that has /usr/local/orchestrator
}

func (s OrchestratorSource) String() string {
	if s.Image != "" {
		return "image " + s.Image
	}
	return s.Binary
}

// FindOrchestrator looks for Orchestrator: what FIREDRILL_ORCHESTRATOR names, else `orchestrator` on PATH, else the registry
// image of Percona. What is named but not there is an error, not a reason to take another one. All errors are
// ErrNoOrchestrator.
func (b *Builder) FindOrchestrator(ctx context.Context) (OrchestratorSource, error) {
	if named := b.getenv(OrchestratorEnv); named != "" {
		return b.namedOrchestrator(ctx, named)
	}
	var onPath error
	if found, err := b.lookPath("orchestrator"); err == nil {
		var source OrchestratorSource
		if source, onPath = binarySource(found); onPath == nil {
			return source, nil
		}
	}
	if err := b.obtainable(ctx, registryOrchestrator); err != nil {
		if onPath != nil {
			return OrchestratorSource{}, fmt.Errorf("%w (%w)", ErrNoOrchestrator, onPath)
		}
		return OrchestratorSource{}, ErrNoOrchestrator
	}
	return OrchestratorSource{Image: registryOrchestrator}, nil
}

// namedOrchestrator tells a path from an image: a path exists, or looks like one.
func (b *Builder) namedOrchestrator(ctx context.Context, named string) (OrchestratorSource, error) {
	_, err := os.Stat(named)
	if err == nil || filepath.IsAbs(named) || strings.HasPrefix(named, ".") {
		source, err := binarySource(named)
		if err != nil {
			return source, fmt.Errorf("%w (%s=%s: %w)", ErrNoOrchestrator, OrchestratorEnv, named, err)
		}
		return source, nil
	}
	if err := b.obtainable(ctx, named); err != nil {
		return OrchestratorSource{}, fmt.Errorf("%w (%s=%s: %w)", ErrNoOrchestrator, OrchestratorEnv, named, err)
	}
	return OrchestratorSource{Image: named}, nil
}

// binarySource checks that a binary and its resources are there. The path may also be the folder of both.
func binarySource(name string) (OrchestratorSource, error) {
	binary, err := filepath.EvalSymlinks(name)
	if err != nil {
		return OrchestratorSource{}, fmt.Errorf("resolve %s: %w", name, err)
	}
	if info, err := os.Stat(binary); err == nil && info.IsDir() {
		return binarySource(filepath.Join(binary, "orchestrator"))
	}
	if binary, err = filepath.Abs(binary); err != nil {
		return OrchestratorSource{}, fmt.Errorf("resolve %s: %w", name, err)
	}
	resources := filepath.Join(filepath.Dir(binary), "resources")
	if info, err := os.Stat(resources); err != nil || !info.IsDir() {
		return OrchestratorSource{}, fmt.Errorf("%s has no folder resources/ beside it", binary)
	}
	return OrchestratorSource{Binary: binary, Resources: resources}, nil
}

// obtainable tells whether the engine has an image or a registry would give it.
func (b *Builder) obtainable(ctx context.Context, ref string) error {
	if has, err := b.has(ctx, ref); has || err != nil {
		return err
	}
	return b.probe(ctx, ref)
}

// orchestratorContext puts the binary and its resources into the context, or names the image to copy them from.
func (b *Builder) orchestratorContext(ctx context.Context) (buildContext, map[string]string, error) {
	source, err := b.FindOrchestrator(ctx)
	if err != nil {
		return nil, nil, err
	}
	if source.Image != "" {
		files, err := embeddedContext("orchestrator-from-image")
		return files, map[string]string{"SOURCE": source.Image}, err
	}
	files, err := embeddedContext(Orchestrator)
	if err != nil {
		return nil, nil, err
	}
	files, err = source.addTo(files)
	return files, map[string]string{}, err
}

// addTo adds the binary and its resources.
func (s OrchestratorSource) addTo(files buildContext) (buildContext, error) {
	files = append(files, file{name: "orchestrator", mode: fs.FileMode(0o755), path: s.Binary})
	return files.addFolder("resources", s.Resources)
}

// LocalOrchestrator finds the binary as FindOrchestrator does, and needs no engine: an image is not a place to find it in.
func LocalOrchestrator() (OrchestratorSource, error) {
	name := os.Getenv(OrchestratorEnv)
	if name == "" {
		name = "orchestrator"
	}
	found, err := exec.LookPath(name)
	if err != nil {
		return OrchestratorSource{}, fmt.Errorf("the binary of Orchestrator is %w: put `orchestrator` (with resources/ beside it) on PATH, or set %s to its path: machines are not installed from images",
			harness.ErrUnavailable, OrchestratorEnv)
	}
	return binarySource(found)
}

func withOrchestrator(files buildContext) (buildContext, error) {
	source, err := LocalOrchestrator()
	if err != nil {
		return nil, err
	}
	return source.addTo(files)
}

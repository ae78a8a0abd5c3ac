package images

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"
)

// fakeEngine has the images in has, a registry with those in registry, and builds whatever it is given, except fails.
type fakeEngine struct {
	mu       sync.Mutex
	has      map[string]bool
	registry map[string]bool
	fails    string
	built    []string
	running  int
	most     int
}

func (e *fakeEngine) Ping(context.Context, client.PingOptions) (client.PingResult, error) {
	return client.PingResult{}, nil
}

func (e *fakeEngine) ImageInspect(_ context.Context, ref string, _ ...client.ImageInspectOption) (client.ImageInspectResult, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.has[ref] {
		return client.ImageInspectResult{}, errdefs.ErrNotFound
	}
	return client.ImageInspectResult{}, nil
}

func (e *fakeEngine) ImageBuild(_ context.Context, r io.Reader, o client.ImageBuildOptions) (client.ImageBuildResult, error) {
	e.mu.Lock()
	e.running++
	e.most = max(e.most, e.running)
	e.mu.Unlock()
	_, err := io.Copy(io.Discard, r)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.running--
	if o.Labels[Label] == e.fails {
		text := `{"stream":"E: Unable to locate package x\n"}{"errorDetail":{"code":100,"message":"returned a non-zero code: 100"}}`
		return client.ImageBuildResult{Body: io.NopCloser(strings.NewReader(text))}, err
	}
	e.built = append(e.built, o.Labels[Label])
	e.has[o.Tags[0]] = true
	return client.ImageBuildResult{Body: io.NopCloser(strings.NewReader(`{"stream":"ok\n"}`))}, err
}

func (e *fakeEngine) ImageImport(context.Context, client.ImageImportSource, string, client.ImageImportOptions) (client.ImageImportResult, error) {
	return nil, errors.New("not expected")
}

func (e *fakeEngine) ImagePull(context.Context, string, client.ImagePullOptions) (client.ImagePullResponse, error) {
	return nil, errors.New("not expected")
}

func (e *fakeEngine) DistributionInspect(_ context.Context, ref string, _ client.DistributionInspectOptions) (client.DistributionInspectResult, error) {
	if !e.registry[ref] {
		return client.DistributionInspectResult{}, errors.New("no such host")
	}
	return client.DistributionInspectResult{DistributionInspect: registry.DistributionInspect{}}, nil
}

// fakeBuilder runs on a machine that has a mirror and nothing else, and an engine that has the bare base already.
func fakeBuilder(t *testing.T, progress io.Writer) (*Builder, *fakeEngine) {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	b := New(nil, progress, Options{})
	e := &fakeEngine{has: map[string]bool{registryBase: true}, registry: map[string]bool{}}
	b.engine = e
	b.etcApt = fstest.MapFS{"sources.list": {Data: []byte("deb http://mirror.example/debian bookworm main\n")}}
	b.getenv = func(string) string { return "" }
	b.lookPath = func(string) (string, error) { return "", errors.New("not found") }
	return b, e
}

// orchestratorFolder makes a binary with resources/ beside it, and returns the binary's path.
func orchestratorFolder(t *testing.T, content string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "resources", "public"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "resources", "public", "page"), []byte("x"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "orchestrator"), []byte(content), 0o755))
	return filepath.Join(dir, "orchestrator")
}

func TestEnsureBuildsInOrderAndOnce(t *testing.T) {
	var progress bytes.Buffer
	b, e := fakeBuilder(t, &progress)
	refs, err := b.Ensure(t.Context(), HAProxy, Etcd)
	require.NoError(t, err)
	require.Len(t, refs, 2)
	require.Equal(t, Base, e.built[0])
	require.ElementsMatch(t, []string{Base, HAProxy, Etcd}, e.built)
	require.LessOrEqual(t, e.most, 2)
	require.Contains(t, progress.String(), "image haproxy: built in ")

	again, err := b.Ensure(t.Context(), HAProxy, Etcd)
	require.NoError(t, err)
	require.Equal(t, refs, again)
	require.Len(t, e.built, 3, "built again")
}

func TestEnsureNeedsNoBaseForWhatIsThere(t *testing.T) {
	b, e := fakeBuilder(t, nil)
	refs, err := b.Ensure(t.Context(), Etcd)
	require.NoError(t, err)
	e.has, e.built = map[string]bool{refs[Etcd]: true}, nil
	_, err = b.Ensure(t.Context(), Etcd)
	require.NoError(t, err)
	require.Empty(t, e.built)
}

func TestEnsureGoesOnWithoutOrchestrator(t *testing.T) {
	b, e := fakeBuilder(t, nil)
	refs, err := b.Ensure(t.Context())
	require.ErrorIs(t, err, ErrNoOrchestrator)
	require.NotContains(t, refs, Orchestrator)
	require.Len(t, refs, len(Names())-3)
	require.NotContains(t, e.built, Orchestrator)
	require.NotContains(t, e.built, MariaDB1011, "it is rare")
	require.NotContains(t, e.built, Machine, "so is it")

	missing, err := b.Missing(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{Orchestrator}, missing)
	obstacles := b.Obstacles(t.Context())
	require.Len(t, obstacles, 1)
	require.ErrorIs(t, obstacles[0], ErrNoOrchestrator)
}

func TestFailedBuildSaysWhatToDo(t *testing.T) {
	var progress bytes.Buffer
	b, e := fakeBuilder(t, &progress)
	b.lookPath = func(string) (string, error) { return orchestratorFolder(t, "o"), nil }
	e.fails = Tools
	refs, err := b.Ensure(t.Context(), Tools, Orchestrator, Etcd)
	require.ErrorContains(t, err, "build image tools: returned a non-zero code: 100 (the package mirror has not")
	require.ErrorContains(t, err, "build image orchestrator: tools, which it is built on, could not be built")
	require.Contains(t, refs, Etcd, "one failure must not hold up the others")
	require.NotContains(t, refs, Tools)
	require.Contains(t, progress.String(), "E: Unable to locate package x")
}

func TestARareImageIsBuiltWhenItIsNamed(t *testing.T) {
	b, e := fakeBuilder(t, nil)
	refs, err := b.Ensure(t.Context(), MariaDB, MariaDB1011)
	require.NoError(t, err)
	require.Contains(t, e.built, MariaDB1011)
	_, one, _ := strings.Cut(refs[MariaDB], ":")
	_, other, _ := strings.Cut(refs[MariaDB1011], ":")
	require.NotEqual(t, one, other, "they share a Dockerfile, and not its arguments")
}

func TestEnsureRefusesUnknownNames(t *testing.T) {
	b, _ := fakeBuilder(t, nil)
	_, err := b.Ensure(t.Context(), "oracle")
	require.ErrorContains(t, err, `"oracle"`)
}

func TestObstaclesNameWhatToInstall(t *testing.T) {
	b, e := fakeBuilder(t, nil)
	e.has = map[string]bool{}
	obstacles := b.Obstacles(t.Context())
	require.ErrorIs(t, obstacles[0], ErrNoBase)
	require.ErrorContains(t, obstacles[0], "apt-get install debootstrap")
	b.etcApt = fstest.MapFS{}
	require.ErrorIs(t, b.Obstacles(t.Context())[0], ErrNoMirror)
}

func TestTagFollowsEveryInput(t *testing.T) {
	b, _ := fakeBuilder(t, nil)
	tag := func() string {
		steps, err := b.plan(t.Context(), []string{Etcd})
		require.NoError(t, err)
		return steps[Etcd].ref
	}
	first := tag()
	require.Regexp(t, `^firedrill/etcd:[0-9a-f]{12}$`, first)
	require.Equal(t, first, tag())
	b.etcApt = fstest.MapFS{"sources.list": {Data: []byte("deb http://other.example/debian bookworm main\n")}}
	require.NotEqual(t, first, tag(), "another mirror must make another image")

	files := buildContext{{name: "Dockerfile", mode: 0o644, data: []byte("FROM a")}}
	one, err := files.digest("BASE=x")
	require.NoError(t, err)
	for name, change := range map[string]buildContext{
		"content": {{name: "Dockerfile", mode: 0o644, data: []byte("FROM b")}},
		"name":    {{name: "dockerfile", mode: 0o644, data: []byte("FROM a")}},
		"mode":    {{name: "Dockerfile", mode: 0o755, data: []byte("FROM a")}},
	} {
		other, err := change.digest("BASE=x")
		require.NoError(t, err)
		require.NotEqual(t, one, other, name)
	}
	other, err := files.digest("BASE=y")
	require.NoError(t, err)
	require.NotEqual(t, one, other)
}

func TestContextTar(t *testing.T) {
	files, err := embeddedContext(Base)
	require.NoError(t, err)
	files = append(files, file{name: "big", mode: 0o644, path: orchestratorFolder(t, "binary")})
	var packed bytes.Buffer
	require.NoError(t, files.writeTar(&packed))
	modes := map[string]int64{}
	for r := tar.NewReader(&packed); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		require.True(t, h.ModTime.Unix() == 0, "a time would spoil the engine's cache")
		modes[h.Name] = h.Mode
	}
	require.Equal(t, int64(0o644), modes["Dockerfile"])
	require.Equal(t, int64(0o755), modes["rootfs/usr/local/sbin/firedrill-install"])
	require.Equal(t, int64(0o755), modes["rootfs/usr/sbin/policy-rc.d"])
	require.Contains(t, modes, "big")
}

func TestEveryComponentHasItsDockerfile(t *testing.T) {
	folders := []string{"orchestrator-from-image"}
	for _, c := range catalogue {
		folders = append(folders, c.folder())
	}
	for _, name := range folders {
		text, err := fs.ReadFile(dockerfiles, "dockerfiles/"+name+"/Dockerfile")
		require.NoError(t, err)
		label := strings.TrimSuffix(name, "-from-image")
		require.Contains(t, string(text), "LABEL "+Label+"="+label+"\n")
	}
	for _, sql := range []string{"mysql/init.sql", "mariadb/init.sql", "patroni/roles.sql"} {
		text, err := fs.ReadFile(dockerfiles, "dockerfiles/"+sql)
		require.NoError(t, err)
		require.Contains(t, string(text), DrillPassword)
	}
}

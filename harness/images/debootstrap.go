package images

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/moby/moby/client"
)

// rootfsRecipe changes when the way a root file system is made does.
const rootfsRecipe = "1"

// rootfs is the component label of the image that debootstrap's result is imported as.
const rootfs = "rootfs-" + Suite

// debootstrapPath also finds it where PATH has no sbin.
func (b *Builder) debootstrapPath() (string, error) {
	for _, name := range []string{"debootstrap", "/usr/sbin/debootstrap"} {
		if p, err := b.lookPath(name); err == nil {
			return p, nil
		}
	}
	return "", errors.New("debootstrap is not installed (`apt-get install debootstrap`)")
}

// debootstrapObstacle says why debootstrap cannot make a base on this machine, and what to do about it.
func (b *Builder) debootstrapObstacle() error {
	_, mirrorErr := findMirror(b.etcApt)
	_, pathErr := b.debootstrapPath()
	switch {
	case runtime.GOOS != "linux":
		return errors.New("debootstrap needs Linux: give the engine a registry that has " + registryBase)
	case mirrorErr != nil:
		return fmt.Errorf("debootstrap has nowhere to install from: %w: add one to /etc/apt, or load %s into the engine",
			mirrorErr, registryBase)
	case pathErr != nil:
		return pathErr
	case os.Geteuid() != 0:
		return fmt.Errorf("debootstrap needs root: run this once with sudo, or load %s into the engine", registryBase)
	}
	return nil
}

// debootstrapImage installs a minimal system from the machine's own apt source and imports it.
func (b *Builder) debootstrapImage(ctx context.Context) (string, error) {
	if err := b.debootstrapObstacle(); err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoBase, err)
	}
	mirror, err := findMirror(b.etcApt)
	if err != nil {
		return "", err
	}
	tag, err := buildContext(nil).digest(rootfsRecipe, Suite, mirror.URI, runtime.GOARCH)
	if err != nil {
		return "", err
	}
	ref := "firedrill/" + rootfs + ":" + tag
	if has, err := b.has(ctx, ref); has || err != nil {
		return ref, err
	}
	sweepRootfs()
	dir, err := os.MkdirTemp("", rootfsPattern)
	if err != nil {
		return "", fmt.Errorf("make folder for debootstrap: %w", err)
	}
	defer removeRootfs(dir)
	start := time.Now()
	b.progress.say("image %s: debootstrap %s from %s ...", Base, Suite, mirror)
	if err := b.debootstrap(ctx, dir, mirror); err != nil {
		return "", err
	}
	if err := b.importRootfs(ctx, dir, ref); err != nil {
		return "", fmt.Errorf("import root file system: %w", err)
	}
	b.progress.say("image %s: debootstrap %s in %s", Base, Suite, since(start))
	return ref, nil
}

func (b *Builder) debootstrap(ctx context.Context, dir string, mirror Mirror) error {
	program, err := b.debootstrapPath()
	if err != nil {
		return err
	}
	args := []string{"--variant=minbase"}
	switch {
	case mirror.Trusted:
		args = append(args, "--no-check-gpg")
	case mirror.Keyring != "":
		args = append(args, "--keyring="+mirror.Keyring)
	}
	var output bytes.Buffer
	err = runContained(ctx, &output, program, append(args, Suite, dir, mirror.URI)...)
	if err == nil || ctx.Err() != nil {
		return context.Cause(ctx)
	}
	lines := strings.Split(strings.TrimSpace(output.String()), "\n")
	if log, readErr := os.ReadFile(filepath.Join(dir, "debootstrap", "debootstrap.log")); readErr == nil {
		lines = append(lines, strings.Split(strings.TrimSpace(string(log)), "\n")...)
	}
	lines = lines[max(0, len(lines)-tailLines):]
	advice := debootstrapAdvice(strings.Join(lines, "\n"))
	b.progress.say("image %s: debootstrap failed; its last output:\n%s\nimage %s: %s", Base, indent(lines), Base, advice)
	return fmt.Errorf("debootstrap %s from %s: %w (%s)", Suite, mirror, err, advice)
}

func debootstrapAdvice(output string) string {
	switch {
	case strings.Contains(output, "No such script"):
		return "this debootstrap does not know " + Suite + ": install a newer one"
	case strings.Contains(output, "noexec or nodev"):
		return "the temporary folder is mounted noexec or nodev: set TMPDIR to one that is not"
	case strings.Contains(output, "unknown key"), strings.Contains(output, "NO_PUBKEY"), strings.Contains(output, "keyring"):
		return "the archive's signature cannot be checked: install a newer debian-archive-keyring"
	case strings.Contains(output, "No space left"):
		return "the temporary folder is full: it needs 400 MB; set TMPDIR to a larger one"
	}
	return "check that the mirror carries " + Suite + " and can be reached from here, and that this is a root that may mount and chroot"
}

// importRootfs streams the folder into the engine without what a slim image leaves out.
func (b *Builder) importRootfs(ctx context.Context, dir, ref string) error {
	exclude := []string{"./proc/*", "./sys/*", "./dev/*", "./debootstrap", "./var/cache/apt/*", "./var/lib/apt/lists/*", "./var/log/*",
		"./usr/share/doc/*", "./usr/share/man/*", "./usr/share/info/*", "./usr/share/locale/*", "./usr/share/lintian/*"}
	args := []string{"--numeric-owner", "--directory=" + dir}
	for _, pattern := range exclude {
		args = append(args, "--exclude="+pattern)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, "tar", append(args, "--create", ".")...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	importErr := b.importTar(ctx, stdout, ref)
	if importErr != nil {
		// Nobody reads tar's output any more.
		cancel()
	}
	return errors.Join(importErr, cmd.Wait())
}

func (b *Builder) importTar(ctx context.Context, tar io.Reader, ref string) error {
	res, err := b.engine.ImageImport(ctx, client.ImageImportSource{Source: tar, SourceName: "-"}, ref, client.ImageImportOptions{
		Message: "debootstrap " + Suite,
		Changes: []string{
			"LABEL " + Label + "=" + rootfs,
			"ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			`CMD ["bash"]`,
		},
	})
	if err != nil {
		return err
	}
	defer res.Close()
	_, err = follow(res)
	return err
}

// runContained runs a command in mount and process namespaces of its own: when it ends, or is killed, or we are killed,
// the kernel ends all that it started and undoes all its mounts. Where that is not permitted (root inside a container) it
// runs without; removeRootfs then unmounts what is left.
func runContained(ctx context.Context, output io.Writer, name string, args ...string) error {
	// The kernel sends Pdeathsig when the thread that started the process ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var err error
	for _, attr := range []*syscall.SysProcAttr{containedAttr(), groupAttr()} {
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Stdout, cmd.Stderr = output, output
		cmd.SysProcAttr = attr
		cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
		cmd.WaitDelay = 5 * time.Second
		if err = cmd.Start(); errors.Is(err, syscall.EPERM) {
			continue
		}
		if err == nil {
			err = cmd.Wait()
		}
		break
	}
	return err
}

const rootfsPattern = "firedrill-rootfs-"

// sweepRootfs removes what a killed run left. The build lock is held, so none of ours is in use.
func sweepRootfs() {
	old, err := filepath.Glob(filepath.Join(os.TempDir(), rootfsPattern+"*"))
	if err != nil {
		return
	}
	for _, dir := range old {
		removeRootfs(dir)
	}
}

// removeRootfs unmounts what is mounted below and removes the rest; it removes nothing while something is still mounted.
func removeRootfs(dir string) {
	mounted := mountsBelow(dir)
	for _, target := range slices.Backward(mounted) {
		_ = unmount(target)
	}
	if len(mountsBelow(dir)) == 0 {
		_ = os.RemoveAll(dir)
	}
}

// mountsBelow lists mount points inside dir, outermost first.
func mountsBelow(dir string) []string {
	data, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil
	}
	var found []string
	for line := range strings.Lines(string(data)) {
		if fields := strings.Fields(line); len(fields) > 1 && strings.HasPrefix(fields[1], dir+"/") {
			found = append(found, fields[1])
		}
	}
	return found
}

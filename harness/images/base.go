package images

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/moby/moby/client"
)

// registryBase is what the base is made of where an image registry answers.
const registryBase = "debian:" + Suite + "-slim"

// probeBudget bounds the question whether a registry has an image; the pull that follows has all the time it needs.
const probeBudget = 5 * time.Second

// Paths inside the base that are written from what this machine has.
const (
	baseSources = "rootfs/etc/apt/sources.list.d/debian.sources"
	baseKeyring = "/usr/share/keyrings/firedrill-mirror"
	baseCA      = "/usr/local/share/firedrill/ca-certificates.crt"
	machineCA   = "/etc/ssl/certs/ca-certificates.crt"
)

// ErrNoBase says that neither a registry nor debootstrap can give a base image here.
var ErrNoBase = errors.New("no base image")

// baseContext is the base's embedded context and the machine's apt source. A machine without a Debian source (another
// system) leaves the registry image's own in place.
func (b *Builder) baseContext() (buildContext, error) {
	files, err := embeddedContext(Base)
	if err != nil {
		return nil, err
	}
	mirror, err := findMirror(b.etcApt)
	if errors.Is(err, ErrNoMirror) {
		return files, nil
	}
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf("Types: deb\nURIs: %s\nSuites: %s\nComponents: main\n", mirror.URI, Suite)
	keyrings := "/usr/share/keyrings/debian-archive-keyring.gpg"
	if data, err := os.ReadFile(mirror.Keyring); err == nil && !strings.Contains(mirror.Keyring, "/debian-archive-") {
		// A site's own archive, signed with its own key.
		name := baseKeyring + keyringSuffix(mirror.Keyring)
		files = append(files, file{name: "rootfs" + name, mode: 0o644, data: data})
		keyrings += " " + name
	}
	text += "Signed-By: " + keyrings + "\n"
	if mirror.Trusted {
		text += "Trusted: yes\n"
	}
	files = append(files, file{name: baseSources, mode: 0o644, data: []byte(text)})
	if strings.HasPrefix(mirror.URI, "https:") {
		files = addCA(files)
	}
	return files, nil
}

// addCA gives apt in the image this machine's certificate authorities: a slim base has none, and a site may have its own.
func addCA(files buildContext) buildContext {
	data, err := os.ReadFile(machineCA)
	if err != nil {
		return files
	}
	conf := fmt.Sprintf("Acquire::https::CAInfo %q;\n", baseCA)
	return append(files,
		file{name: "rootfs" + baseCA, mode: 0o644, data: data},
		file{name: "rootfs/etc/apt/apt.conf.d/91firedrill-ca", mode: 0o644, data: []byte(conf)})
}

// keyringSuffix keeps .asc, by which apt tells a text keyring from a binary one.
func keyringSuffix(name string) string {
	if strings.HasSuffix(name, ".asc") {
		return ".asc"
	}
	return ".gpg"
}

// baseImage returns an image of the bare system: from the engine, from a registry, or made by debootstrap.
func (b *Builder) baseImage(ctx context.Context) (string, error) {
	pullErr := b.pull(ctx, registryBase)
	if pullErr == nil {
		return registryBase, nil
	}
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	b.progress.say("image %s: no %s to be had (%v)", Base, registryBase, firstLine(pullErr))
	ref, err := b.debootstrapImage(ctx)
	if err != nil {
		return "", fmt.Errorf("build image %s: %w", Base, err)
	}
	return ref, nil
}

// pull makes sure that the engine has an image of a registry.
func (b *Builder) pull(ctx context.Context, ref string) error {
	if has, err := b.has(ctx, ref); has || err != nil {
		return err
	}
	if err := b.probe(ctx, ref); err != nil {
		return err
	}
	start := time.Now()
	b.progress.say("image %s: pulling ...", ref)
	res, err := b.engine.ImagePull(ctx, ref, client.ImagePullOptions{})
	if err != nil {
		return fmt.Errorf("pull %s: %w", ref, err)
	}
	if err := res.Wait(ctx); err != nil {
		return fmt.Errorf("pull %s: %w", ref, err)
	}
	b.progress.say("image %s: pulled in %s", ref, since(start))
	return nil
}

// probe asks the image's registry for it, through the engine, and does not wait long.
func (b *Builder) probe(ctx context.Context, ref string) error {
	ctx, cancel := context.WithTimeout(ctx, probeBudget)
	defer cancel()
	if _, err := b.engine.DistributionInspect(ctx, ref, client.DistributionInspectOptions{}); err != nil {
		return fmt.Errorf("ask registry for %s: %w", ref, err)
	}
	return nil
}

// proxyArgs hands a proxy on to the builds: from the environment, else from apt's own configuration. The engine knows
// these names and keeps their values out of the image.
func (b *Builder) proxyArgs(ctx context.Context) map[string]*string {
	args := map[string]*string{}
	for _, name := range []string{"http_proxy", "https_proxy", "no_proxy"} {
		value := b.getenv(name)
		if value == "" {
			value = b.getenv(strings.ToUpper(name))
		}
		if value != "" {
			args[name] = &value
		}
	}
	if _, ok := args["http_proxy"]; !ok {
		out, err := exec.CommandContext(ctx, "apt-config", "dump", "--format", "%v", "Acquire::http::Proxy").Output()
		if value := strings.TrimSpace(string(out)); err == nil && value != "" && value != "DIRECT" {
			args["http_proxy"] = &value
		}
	}
	return args
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

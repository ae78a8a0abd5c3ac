// Package images builds the container images that a drill's nodes run from: Dockerfiles on a Debian base, with the data
// directories already initialised. Nothing needs an image registry: where none answers, the base is made by debootstrap
// from the apt sources of the machine itself.
package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// Label is on every image that is built here; its value is the component. Remove images by it, never by name.
const Label = "firedrill.image"

// engine is what is needed of a *client.Client.
type engine interface {
	Ping(context.Context, client.PingOptions) (client.PingResult, error)
	ImageInspect(context.Context, string, ...client.ImageInspectOption) (client.ImageInspectResult, error)
	ImageBuild(context.Context, io.Reader, client.ImageBuildOptions) (client.ImageBuildResult, error)
	ImageImport(context.Context, client.ImageImportSource, string, client.ImageImportOptions) (client.ImageImportResult, error)
	ImagePull(context.Context, string, client.ImagePullOptions) (client.ImagePullResponse, error)
	DistributionInspect(context.Context, string, client.DistributionInspectOptions) (client.DistributionInspectResult, error)
}

// Options change how images are built. The zero value is right for nearly everyone.
type Options struct {
	Parallel int // builds at once; 0 means 2
}

// Builder makes sure that images are in the engine.
type Builder struct {
	engine   engine
	progress *progress
	parallel int

	// The machine, replaced in tests.
	etcApt   fs.FS
	getenv   func(string) string
	lookPath func(string) (string, error)
}

// New returns a builder for an engine. Progress, one line a step, goes to w; nil means nowhere.
func New(cli *client.Client, w io.Writer, opts Options) *Builder {
	if w == nil {
		w = io.Discard
	}
	if opts.Parallel <= 0 {
		opts.Parallel = 2
	}
	return &Builder{
		engine:   cli,
		progress: &progress{w: w},
		parallel: opts.Parallel,
		etcApt:   os.DirFS("/etc/apt"),
		getenv:   os.Getenv,
		lookPath: exec.LookPath,
	}
}

// step is what is known of a component's image before it is built.
type step struct {
	component
	ref     string // name and tag; the tag is a digest of everything that decides the content
	context buildContext
	args    map[string]string
	err     error // why it cannot be built here
}

// Ensure builds those of the named components (all but the rare ones, if none is named) that the engine does not have yet, and returns the
// image of each. It builds all that it can: with an error, the map has what there is. errors.Is(err, ErrNoOrchestrator)
// tells that Orchestrator's image is one that is missing.
func (b *Builder) Ensure(ctx context.Context, names ...string) (map[string]string, error) {
	names, err := choose(names)
	if err != nil {
		return nil, err
	}
	steps, err := b.plan(ctx, names)
	if err != nil {
		return nil, err
	}
	missing, err := b.absent(ctx, steps, names)
	if err == nil && len(missing) > 0 {
		err = b.buildMissing(ctx, steps, missing)
	}
	if err != nil && ctx.Err() != nil {
		return nil, fmt.Errorf("build images: %w", context.Cause(ctx))
	}
	return b.result(steps, names, err)
}

// Missing returns those of the named components (all but the rare ones, if none is named) whose image Ensure would have to build.
func (b *Builder) Missing(ctx context.Context, names ...string) ([]string, error) {
	names, err := choose(names)
	if err != nil {
		return nil, err
	}
	steps, err := b.plan(ctx, names)
	if err != nil {
		return nil, err
	}
	return b.absent(ctx, steps, names)
}

// plan computes the image of each named component and of those that it is built on.
func (b *Builder) plan(ctx context.Context, names []string) (map[string]*step, error) {
	wanted := map[string]bool{}
	for _, name := range names {
		for c := name; c != ""; c = parentOf(c) {
			wanted[c] = true
		}
	}
	steps := map[string]*step{}
	for _, c := range catalogue {
		if !wanted[c.name] {
			continue
		}
		s := &step{component: c}
		if err := b.describe(ctx, s, steps[c.parent]); err != nil {
			if !errors.Is(err, ErrNoOrchestrator) {
				return nil, fmt.Errorf("plan image %s: %w", c.name, err)
			}
			s.err = err
		}
		steps[c.name] = s
	}
	return steps, nil
}

// describe fills in a step: its context, arguments and reference.
func (b *Builder) describe(ctx context.Context, s, parent *step) error {
	var err error
	base := registryBase
	s.args = map[string]string{}
	switch s.name {
	case Base:
		s.context, err = b.baseContext()
	case Orchestrator:
		s.context, s.args, err = b.orchestratorContext(ctx)
	default:
		s.context, err = embeddedContext(s.folder())
		maps.Copy(s.args, s.with)
	}
	if err != nil {
		return err
	}
	if parent != nil {
		base = parent.ref
	}
	// The base counts by the registry's name for it even if debootstrap makes it: which one it was changes nothing.
	s.args["BASE"] = base
	var inputs []string
	for _, key := range slices.Sorted(maps.Keys(s.args)) {
		inputs = append(inputs, key+"="+s.args[key])
	}
	tag, err := s.context.digest(inputs...)
	s.ref = "firedrill/" + s.name + ":" + tag
	return err
}

// absent asks the engine, one inspection an image.
func (b *Builder) absent(ctx context.Context, steps map[string]*step, names []string) ([]string, error) {
	var missing []string
	for _, name := range names {
		if steps[name].err != nil {
			missing = append(missing, name)
			continue
		}
		has, err := b.has(ctx, steps[name].ref)
		if err != nil {
			return nil, err
		}
		if !has {
			missing = append(missing, name)
		}
	}
	return missing, nil
}

func (b *Builder) has(ctx context.Context, ref string) (bool, error) {
	_, err := b.engine.ImageInspect(ctx, ref)
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("inspect image %s: %w", ref, err)
	}
	return true, nil
}

// buildMissing holds the lock while it builds, and looks again once it has it: another run may have built the same.
func (b *Builder) buildMissing(ctx context.Context, steps map[string]*step, missing []string) error {
	unlock, err := lock(ctx, func() { b.progress.say("images: waiting for another run that is building them ...") })
	if err != nil {
		return err
	}
	defer unlock()
	if missing, err = b.absent(ctx, steps, missing); err != nil {
		return err
	}
	needed := map[string]bool{}
	for _, name := range missing {
		if err := b.need(ctx, steps, needed, name); err != nil {
			return err
		}
	}
	return b.buildAll(ctx, steps, needed)
}

// need marks a component that must be built, and those that it is built on as far as they are missing too.
func (b *Builder) need(ctx context.Context, steps map[string]*step, needed map[string]bool, name string) error {
	needed[name] = true
	parent := parentOf(name)
	if parent == "" || needed[parent] || steps[name].err != nil {
		return nil
	}
	has, err := b.has(ctx, steps[parent].ref)
	if err != nil || has {
		return err
	}
	return b.need(ctx, steps, needed, parent)
}

// buildAll builds, a few at once and in the catalogue's order, each after the one that it is built on.
func (b *Builder) buildAll(ctx context.Context, steps map[string]*step, needed map[string]bool) error {
	slots := make(chan struct{}, b.parallel)
	done := map[string]chan struct{}{}
	var all sync.WaitGroup
	for _, c := range catalogue {
		s := steps[c.name]
		if !needed[c.name] || s.err != nil {
			continue
		}
		if parent := done[c.parent]; parent != nil {
			<-parent
		}
		if parent := steps[c.parent]; parent != nil && parent.err != nil {
			s.err = fmt.Errorf("build image %s: %s, which it is built on, could not be built", s.name, parent.name)
			continue
		}
		slots <- struct{}{}
		finished := make(chan struct{})
		done[c.name] = finished
		all.Go(func() {
			defer close(finished)
			defer func() { <-slots }()
			s.err = b.build(ctx, s)
		})
	}
	all.Wait()
	var errs []error
	for _, c := range catalogue {
		if needed[c.name] {
			errs = append(errs, steps[c.name].err)
		}
	}
	return errors.Join(errs...)
}

func (b *Builder) result(steps map[string]*step, names []string, err error) (map[string]string, error) {
	refs := map[string]string{}
	for _, name := range names {
		if steps[name].err == nil {
			refs[name] = steps[name].ref
		}
	}
	return refs, err
}

func parentOf(name string) string {
	for _, c := range catalogue {
		if c.name == name {
			return c.parent
		}
	}
	return ""
}

// progress writes whole lines from several builds at once.
type progress struct {
	mu sync.Mutex
	w  io.Writer
}

func (p *progress) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.w, format+"\n", args...)
}

// since is the time from start in the precision that a person reads.
func since(start time.Time) time.Duration { return time.Since(start).Round(100 * time.Millisecond) }

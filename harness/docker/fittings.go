package docker

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/images"
)

// dataVolume makes the volume that a node's data goes to, if it is fitted with one, and returns where it is bound. It
// is a file system in the memory of the engine's machine: that needs no rights there, has exactly its size, works on
// another machine too, and is there as long as the node.
func (p *Provider) dataVolume(ctx context.Context, id harness.Identity, n place) (binds []string, err error) {
	if !n.Fitted(harness.FitVolume) || n.spec.DataDir == "" {
		return nil, nil
	}
	labels := p.labels(id)
	labels[LabelNode] = n.Name
	name := containerName(id, n.Name) + "-data"
	_, err = p.api.VolumeCreate(ctx, client.VolumeCreateOptions{
		Name: name, Labels: labels, Driver: "local",
		DriverOpts: map[string]string{"type": "tmpfs", "device": "tmpfs", "o": fmt.Sprintf("size=%d,mode=0700", harness.VolumeSize)},
	})
	if err != nil {
		return nil, fmt.Errorf("create data volume of %s: %w", n.Name, err)
	}
	return []string{name + ":" + n.spec.DataDir}, nil
}

// fit does what a node's fittings ask for once its agent answers: a new volume belongs to root and is empty.
func fit(ctx context.Context, n place) error {
	if n.Fitted(harness.FitVolume) && n.spec.DataOwner != "" {
		out, err := n.Agent.Exec(ctx, agent.Command{Argv: []string{"chown", n.spec.DataOwner + ":" + n.spec.DataOwner, n.spec.DataDir}})
		if err == nil && out.Code != 0 {
			err = errors.New(strings.TrimSpace(out.Stderr))
		}
		if err != nil {
			return fmt.Errorf("give data volume of %s to %s: %w", n.Name, n.spec.DataOwner, err)
		}
	}
	if n.Fitted(harness.FitShim) {
		if err := n.Agent.Put(ctx, agent.File{Path: agent.ShimLibrary, Mode: 0o755, Data: n.shim}); err != nil {
			return fmt.Errorf("fit %s with the shim: %w", n.Name, err)
		}
	}
	return nil
}

// shim takes the library out of its image, which is built for the first drill that needs it.
func (p *Provider) shim(ctx context.Context, specs []harness.NodeSpec) ([]byte, error) {
	if !slices.ContainsFunc(specs, func(s harness.NodeSpec) bool { return slices.Contains(s.Fittings, harness.FitShim) }) {
		return nil, nil
	}
	built, err := p.opts.Images.Ensure(ctx, images.Shim)
	if err != nil {
		return nil, err
	}
	p.library.Lock()
	defer p.library.Unlock()
	image := built[images.Shim]
	if p.shims[image] == nil {
		if p.shims[image], err = p.fileOf(ctx, image, images.ShimLibrary); err != nil {
			return nil, fmt.Errorf("take the shim out of its image: %w", err)
		}
	}
	return p.shims[image], nil
}

// fileOf reads a file out of an image, through a container that is never started.
func (p *Provider) fileOf(ctx context.Context, image, path string) ([]byte, error) {
	helper, err := p.api.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config: &container.Config{Image: image, Entrypoint: []string{path}, Labels: map[string]string{LabelRun: "shim", LabelOwner: Owner()}},
	})
	if err != nil {
		return nil, fmt.Errorf("create helper: %w", err)
	}
	defer func() {
		_, _ = p.api.ContainerRemove(context.WithoutCancel(ctx), helper.ID, client.ContainerRemoveOptions{Force: true})
	}()
	from, err := p.api.CopyFromContainer(ctx, helper.ID, client.CopyFromContainerOptions{SourcePath: path})
	if err != nil {
		return nil, fmt.Errorf("copy %s: %w", path, err)
	}
	defer from.Content.Close()
	archive := tar.NewReader(from.Content)
	if _, err := archive.Next(); err != nil {
		return nil, fmt.Errorf("copy %s: %w", path, err)
	}
	return io.ReadAll(archive)
}

// removeVolumes removes every volume that the filters select.
func removeVolumes(ctx context.Context, api *client.Client, filters client.Filters) error {
	volumes, err := api.VolumeList(ctx, client.VolumeListOptions{Filters: filters})
	if err != nil {
		return fmt.Errorf("list volumes: %w", err)
	}
	var errs []error
	for _, v := range volumes.Items {
		if _, err := api.VolumeRemove(ctx, v.Name, client.VolumeRemoveOptions{}); err != nil && !isGone(err) {
			errs = append(errs, fmt.Errorf("remove volume %s: %w", v.Name, err))
		}
	}
	return errors.Join(errs...)
}

package images

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/moby/moby/client"
)

// Obstacles tells what keeps missing images from being built on this machine, each with what to do about it in one line.
// None means that all images are there or can be built.
func (b *Builder) Obstacles(ctx context.Context) []error {
	if _, err := b.engine.Ping(ctx, client.PingOptions{}); err != nil {
		return []error{fmt.Errorf("no container engine answers (start one, or set DOCKER_HOST): %w", err)}
	}
	missing, err := b.Missing(ctx)
	if err != nil {
		return []error{err}
	}
	var obstacles []error
	if slices.Contains(missing, Base) {
		if err := b.obtainable(ctx, registryBase); err != nil {
			if err := b.debootstrapObstacle(); err != nil {
				obstacles = append(obstacles, fmt.Errorf("%w: no registry gives %s, and %w", ErrNoBase, registryBase, err))
			}
		}
	}
	if slices.Contains(missing, Orchestrator) {
		if _, err := b.FindOrchestrator(ctx); errors.Is(err, ErrNoOrchestrator) {
			obstacles = append(obstacles, err)
		}
	}
	return obstacles
}

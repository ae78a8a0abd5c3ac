package patroni

import (
	"context"
	"time"

	"github.com/firedrill/firedrill/harness/agent"
)

// Watch reports what Patroni does.
func (t *Topology) Watch(ctx context.Context, sink agent.Sink, now func() time.Duration) {
	<-ctx.Done()
}

package mysql

import (
	"context"
	"time"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
)

// Watch implements harness.Topology.
func (t *Topology) Watch(ctx context.Context, sink agent.Sink, now func() time.Duration) {
	<-ctx.Done()
}

// Survey implements harness.Topology.
func (t *Topology) Survey(ctx context.Context) (record.Final, []record.Row, error) {
	return record.Final{}, nil, nil
}

// Operate implements harness.Topology.
func (t *Topology) Operate(ctx context.Context, verb string, args ...string) error { return nil }

// Describe implements harness.Topology.
func (t *Topology) Describe(ctx context.Context) map[string]string { return map[string]string{} }

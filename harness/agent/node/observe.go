package node

import (
	"context"
	"fmt"
	"time"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/dialect"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
)

// sampler reads what the local database says of itself. One file a database.
type sampler func(ctx context.Context, db sqlConn, o agent.Observe) (record.Sample, error)

var samplers = map[string]sampler{
	dialect.MySQL: sampleIn(dialect.MySQL), dialect.MariaDB: sampleIn(dialect.MariaDB), "postgres": samplePostgres,
}

func newSampler(o agent.Observe) (sampler, error) {
	s, ok := samplers[o.Database.Driver]
	if !ok {
		return nil, fmt.Errorf("observe: unknown driver %q", o.Database.Driver)
	}
	return s, nil
}

// sampleDeadline bounds one question: a frozen database shows as not alive, not as silence.
const sampleDeadline = 500 * time.Millisecond

// sampleLoop asks on one connection that is opened anew after every error.
func sampleLoop(ctx context.Context, o agent.Observe, ask sampler, report func(record.Sample)) {
	var db sqlConn
	defer func() {
		if db != nil {
			_ = db.Close()
		}
	}()
	tick := time.NewTicker(o.Every) // a late answer skips ticks: samples are looks, not load
	defer tick.Stop()
	for {
		asked := agent.Monotonic()
		s, err := sampleOnce(ctx, &db, o, ask)
		s.Node, s.Asked, s.T = o.Node, time.Duration(asked), time.Duration(agent.Monotonic())
		s.Alive = err == nil
		if err != nil {
			s.Err = err.Error()
		}
		if wait.Hold(ctx, 0) != nil {
			return
		}
		report(s)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func sampleOnce(ctx context.Context, db *sqlConn, o agent.Observe, ask sampler) (record.Sample, error) {
	ctx, cancel := context.WithTimeout(ctx, sampleDeadline)
	defer cancel()
	if *db == nil {
		c, err := connect(ctx, o.Database)
		if err != nil {
			return record.Sample{}, err
		}
		*db = c
	}
	s, err := ask(ctx, *db, o)
	if err != nil {
		_ = (*db).Close()
		*db = nil
		return record.Sample{}, err
	}
	return s, nil
}

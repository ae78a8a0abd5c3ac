package workload

import (
	"context"
	"sync"
	"time"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
)

// LookupFunc asks one resolver for the address of a name.
type LookupFunc func(ctx context.Context, resolver, name string) (address string, ttl int, err error)

// Watch looks at an endpoint through each of its resolvers every Every, until ctx ends. A proxy is found through
// them too, as the application finds it.
func Watch(ctx context.Context, e agent.Endpoint, lookup LookupFunc, report func(record.Probe)) error {
	look := func(ctx context.Context, via string) (string, int, error) { return lookup(ctx, via, e.Name) }
	if e.Kind == record.ProbeConnection {
		drivers := map[string]Driver{}
		for _, resolver := range e.Via {
			driver, err := Open(e.Database, resolver)
			if err != nil {
				return err
			}
			drivers[resolver] = driver
		}
		look = func(ctx context.Context, resolver string) (string, int, error) { return who(ctx, drivers[resolver]) }
	}
	var probes sync.WaitGroup
	wait.Every(ctx, e.Every, func(time.Time) {
		for _, via := range e.Via {
			probes.Go(func() { report(probe(ctx, e, via, look)) })
		}
	})
	probes.Wait()
	return nil
}

func probe(ctx context.Context, e agent.Endpoint, via string, look func(context.Context, string) (string, int, error)) record.Probe {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.Deadline)
	defer cancel()
	p := record.Probe{Vantage: e.Vantage, Endpoint: e.Name, Kind: e.Kind, Via: via, Asked: time.Duration(agent.Monotonic())}
	answer, ttl, err := look(ctx, via)
	p.T = time.Duration(agent.Monotonic())
	p.Answer, p.TTL = serverName(e.Servers, answer), ttl
	if err != nil {
		p.Answer, p.Err = "", brief(err)
	}
	return p
}

// who reads the server behind a proxy. One that does not take writes is an answer of its own kind: the proxy leads
// to the wrong node.
func who(ctx context.Context, d Driver) (string, int, error) {
	server, writable, err := d.Who(ctx)
	if err == nil && !writable {
		err = errReadOnly{server}
	}
	return server, 0, err
}

type errReadOnly struct{ server string }

func (e errReadOnly) Error() string { return "led to " + e.server + ", which is read-only" }

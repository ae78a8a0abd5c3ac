package workload

import (
	"context"
	"errors"
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
	if e.Kind != record.ProbeDNS {
		views := map[string]view{}
		for _, resolver := range e.Via {
			driver, err := Open(e.Database, resolver)
			if err != nil {
				return err
			}
			views[resolver] = afresh(driver)
			if e.Kind == record.ProbeSession {
				k := &keeper{driver: driver}
				defer k.close()
				views[resolver] = k.who
			}
		}
		look = func(ctx context.Context, resolver string) (string, int, error) {
			server, err := views[resolver](ctx)
			return server, 0, err
		}
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

// view reads the server behind an endpoint. One that does not take writes is an error of its own kind: the endpoint
// leads to the wrong node.
type view func(ctx context.Context) (server string, err error)

func ask(ctx context.Context, s Session) (string, error) {
	server, writable, err := s.Who(ctx)
	if err == nil && !writable {
		err = errReadOnly{server}
	}
	return server, err
}

// afresh opens a connection for every look.
func afresh(d Driver) view {
	return func(ctx context.Context) (string, error) {
		s, err := d.Connect(ctx)
		if err != nil {
			return "", err
		}
		defer s.Close()
		return ask(ctx, s)
	}
}

// keeper looks through one connection, and opens another only when that has broken: as a pool does, which cares
// neither where a connection leads nor that the server behind it takes no writes any more.
type keeper struct {
	driver Driver

	mu   sync.Mutex
	open Session
}

func (k *keeper) who(ctx context.Context) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if ctx.Err() != nil { // it waited for the look before it
		return "", ctx.Err()
	}
	if k.open == nil {
		s, err := k.driver.Connect(ctx)
		if err != nil {
			return "", err
		}
		k.open = s
	}
	server, err := ask(ctx, k.open)
	if err != nil && !errors.As(err, new(errReadOnly)) {
		k.open.Close()
		k.open = nil
	}
	return server, err
}

func (k *keeper) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.open != nil {
		k.open.Close()
	}
}

type errReadOnly struct{ server string }

func (e errReadOnly) Error() string { return "led to " + e.server + ", which is read-only" }

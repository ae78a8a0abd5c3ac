package workload

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
)

// open returns the driver that a load asks for.
func open(load agent.Load) (Driver, error) {
	if load.Env != nil {
		return &fromEnv{load: load}, nil
	}
	if len(load.Hosts) == 0 {
		return Open(load.Database, load.Resolver)
	}
	d := &direct{hosts: load.Hosts}
	for _, host := range load.Hosts {
		db := load.Database
		db.Host = host
		one, err := Open(db, load.Resolver)
		if err != nil {
			return nil, err
		}
		d.drivers = append(d.drivers, one)
	}
	return d, nil
}

// direct is an application that knows every database and needs nothing in between, as with a connection string that
// names them all (target_session_attrs=read-write in PostgreSQL's drivers). It keeps to the one that took the last
// write; when that one fails, the next write asks all of them at once, so that a silent one holds up nobody.
type direct struct {
	hosts   []string
	drivers []Driver

	mu   sync.Mutex
	last Driver // that took the last write; nil: look for one
}

func (d *direct) Write(ctx context.Context, id int64, attempt int) Result {
	driver, err := d.current(ctx)
	if err != nil {
		return Result{Outcome: record.Rejected, Err: err}
	}
	r := driver.Write(ctx, id, attempt)
	if r.Outcome == record.Acked {
		d.keep(driver)
	} else {
		d.drop(driver)
	}
	return r
}

// Connect opens a connection to the one that takes writes.
func (d *direct) Connect(ctx context.Context) (Session, error) {
	driver, err := d.current(ctx)
	if err != nil {
		return nil, err
	}
	return driver.Connect(ctx)
}

func (d *direct) current(ctx context.Context) (Driver, error) {
	d.mu.Lock()
	last := d.last
	d.mu.Unlock()
	if last != nil {
		return last, nil
	}
	return d.find(ctx)
}

func (d *direct) keep(driver Driver) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last = driver
}

// drop forgets a database, unless another write has found the next one meanwhile.
func (d *direct) drop(driver Driver) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.last == driver {
		d.last = nil
	}
}

// find asks all databases at once; the first that says that it takes writes is it.
func (d *direct) find(ctx context.Context) (Driver, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan error, len(d.drivers)) // nil: it has been found
	found := make(chan Driver, len(d.drivers))
	for i, driver := range d.drivers {
		go func() {
			err := takesWrites(ctx, driver)
			if err == nil {
				found <- driver
			} else {
				err = fmt.Errorf("%s: %w", d.hosts[i], err)
			}
			answers <- err
		}()
	}
	var errs []error
	for range d.drivers {
		if err := <-answers; err != nil {
			errs = append(errs, err)
			continue
		}
		return <-found, nil
	}
	return nil, fmt.Errorf("no database takes writes: %w", errors.Join(errs...))
}

func takesWrites(ctx context.Context, d Driver) error {
	s, err := d.Connect(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = ask(ctx, s)
	return err
}

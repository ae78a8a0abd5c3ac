package workload

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
)

// fromEnv is an application that has the database's host from a file (agent.EnvFile).
type fromEnv struct {
	load agent.Load

	mu     sync.Mutex
	driver Driver // for the host that was read last; nil: none was yet
	read   time.Time
}

func (e *fromEnv) Write(ctx context.Context, id int64, attempt int) Result {
	driver, err := e.current()
	if err != nil {
		return Result{Outcome: record.Rejected, Err: err}
	}
	return driver.Write(ctx, id, attempt)
}

// Connect opens a connection to the host that was read last.
func (e *fromEnv) Connect(ctx context.Context) (Session, error) {
	driver, err := e.current()
	if err != nil {
		return nil, err
	}
	return driver.Connect(ctx)
}

// current reads the file at the start and after a reload.
func (e *fromEnv) current() (Driver, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var reloaded time.Time // zero: never
	if info, err := os.Stat(e.load.Env.Reloaded); err == nil {
		reloaded = info.ModTime()
	}
	if e.driver != nil && reloaded.Equal(e.read) {
		return e.driver, nil
	}
	host, err := envValue(e.load.Env.Path, e.load.Env.Key)
	if err != nil {
		return nil, err
	}
	db := e.load.Database
	db.Host = host
	driver, err := Open(db, e.load.Resolver)
	if err != nil {
		return nil, err
	}
	e.driver, e.read = driver, reloaded
	return driver, nil
}

// envValue reads KEY=VALUE from a file; the last one of its key holds.
func envValue(path, key string) (value string, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read settings: %w", err)
	}
	found := false
	for line := range strings.Lines(string(data)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), key+"="); ok {
			value, found = strings.Trim(v, `"'`), true
		}
	}
	if !found {
		return "", fmt.Errorf("read settings: %s has no %s", path, key)
	}
	return value, nil
}

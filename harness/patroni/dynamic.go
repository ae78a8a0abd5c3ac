package patroni

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/firedrill/firedrill/harness/wait"
)

// times are what Patroni runs with.
type times struct{ TTL, LoopWait, RetryTimeout int }

// defaultTimes are Patroni's own.
var defaultTimes = times{TTL: 30, LoopWait: 10, RetryTimeout: 10}

// effective is what the nodes make of the times that they are sent: Patroni raises each to a minimum and cuts
// loop_wait, then retry_timeout, until loop_wait + 2 * retry_timeout fits into ttl. It tells nobody but its log; GET
// /config echoes what was sent.
func effective(sent map[string]any) times {
	t := times{
		TTL:          max(20, integer(sent["ttl"], defaultTimes.TTL)),
		LoopWait:     max(1, integer(sent["loop_wait"], defaultTimes.LoopWait)),
		RetryTimeout: max(3, integer(sent["retry_timeout"], defaultTimes.RetryTimeout)),
	}
	switch {
	case 1+2*t.RetryTimeout > t.TTL:
		t.LoopWait, t.RetryTimeout = 1, (t.TTL-1)/2
	case t.LoopWait+2*t.RetryTimeout > t.TTL:
		t.LoopWait = t.TTL - 2*t.RetryTimeout
	}
	return t
}

// integer reads a number as YAML or JSON gives it.
func integer(v any, otherwise int) int {
	switch v := v.(type) {
	case int:
		return v
	case float64:
		return int(v)
	case string:
		if n, err := strconv.Atoi(v); err == nil {
			return n
		}
	}
	return otherwise
}

// configure sets the scenario's dynamic configuration and waits until it is in effect: until every node has read etcd
// once more, and etcd tells that the leader's key was granted the time to live that follows from it.
func (t *Topology) configure(ctx context.Context) error {
	want, err := t.config.dynamic()
	if err != nil {
		return err
	}
	fast, err := t.config.fast()
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(normal(want), normal(fast)) {
		before, _ := t.statuses(ctx)
		// A key that only the start had would stay; there is none, since fast has less than what is wanted.
		for _, n := range t.heads() {
			if err := restOf(n).PatchConfig(ctx, want); err != nil {
				return fmt.Errorf("set dynamic configuration: %w", err)
			}
		}
		if err := t.awaitRead(ctx, before); err != nil {
			return err
		}
	}
	wantTTL := effective(want).TTL
	return wait.Until(ctx, fmt.Sprintf("leader key has ttl %d", wantTTL), joinWithin, func(ctx context.Context) (bool, string, error) {
		ttl, err := t.leaderTTL(ctx)
		if err != nil {
			return false, err.Error(), nil
		}
		return ttl == wantTTL, "ttl " + strconv.Itoa(ttl), nil
	})
}

// never is a time of a node's last look at etcd that is not waited to pass: it did not answer before.
const never = -1

// awaitRead waits until every node has read etcd since it said before.
func (t *Topology) awaitRead(ctx context.Context, before []Status) error {
	return wait.Until(ctx, "dynamic configuration read by every node", joinWithin, func(ctx context.Context) (bool, string, error) {
		var missing []string
		statuses, errs := t.statuses(ctx)
		for i, s := range statuses {
			if before[i].DCSLastSeen != never && (errs[i] != nil || s.DCSLastSeen <= before[i].DCSLastSeen) {
				missing = append(missing, t.databases[i].Name)
			}
		}
		return len(missing) == 0, "not read by " + list(missing), nil
	})
}

// normal is a configuration as JSON sees it, for comparison.
func normal(m map[string]any) any {
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	var out any
	_ = json.Unmarshal(data, &out) // it was encoded a line above
	return out
}

// leaderTTL asks etcd for the time to live that the leader's key has.
func (t *Topology) leaderTTL(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	k, err := t.keys(ctx)
	if err != nil {
		return 0, err
	}
	lease := k["leader"].Lease
	if lease == "" {
		return 0, fmt.Errorf("read leader key: there is none")
	}
	var last error
	for _, n := range t.etcd {
		ttl, err := etcdOf(n).grantedTTL(ctx, lease)
		if err == nil {
			return ttl, nil
		}
		last = err
	}
	return 0, last
}

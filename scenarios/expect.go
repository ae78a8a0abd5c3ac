package scenarios

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
	"github.com/firedrill/firedrill/verifiers"
)

// The methods here notice when what was promised has come, so that the next step finds it there. They judge nothing:
// a wait that runs out is a line in the timeline, and the verifier will say the same from the record.

// seen is a look at what the tracker knows.
type seen func() (done bool, what string)

func (d *Drill) await(ctx context.Context, what string, within time.Duration, look seen) error {
	err := wait.Until(ctx, what, within, func(context.Context) (bool, string, error) {
		done, what := look()
		return done, what, nil
	})
	var timeout *wait.TimeoutError
	if errors.As(err, &timeout) {
		d.Note("%s", timeout)
		return nil
	}
	return err
}

// slack is what a wait adds to the promise it waits for, so that the record covers the bound itself.
const slack = 500 * time.Millisecond

// remaining is how long a promise that counts from a moment has left.
func (d *Drill) remaining(from, within time.Duration) time.Duration {
	return max(0, from+within-d.now()) + slack
}

// AwaitPromotion waits until a node other than the one that had the role at the last blow has it.
func (d *Drill) AwaitPromotion(ctx context.Context, within time.Duration) error {
	old := cmp.Or(d.blow.primary, d.oldPrimary())
	return d.await(ctx, "new primary promoted", d.remaining(d.blow.began, within), func() (bool, string) {
		s, ok := d.tracker.promotedSince(d.blow.began, old)
		if !ok {
			return false, "the primary is still " + old + ", or nobody"
		}
		d.rec.Event(record.Event{T: d.now(), Kind: record.KindNote, Msg: s.node + " was seen promoted"})
		return true, ""
	})
}

// current is the node that has the role, as sampled: the promoted one, or the old one when nobody was promoted.
func (d *Drill) current() (node string, since time.Duration) {
	if s, ok := d.tracker.promotedSince(d.firstFault, d.oldPrimary()); ok {
		return s.node, s.at
	}
	return d.oldPrimary(), d.firstFault
}

// AwaitEndpoint waits until every resolver or proxy, asked from a datacenter or, without one, from all, leads to the
// primary.
func (d *Drill) AwaitEndpoint(ctx context.Context, name, kind, datacenter string, within time.Duration) error {
	_, since := d.current()
	what := strings.TrimSpace(name + " leads to the primary")
	return d.await(ctx, what, d.remaining(since, within), func() (bool, string) {
		node, since := d.current()
		wrong, any := d.tracker.leadsTo(name, kind, datacenter, node, since)
		return any && len(wrong) == 0, strings.Join(wrong, "; ")
	})
}

// justCached is how long ago resolvers may have asked for a name to have just done so.
const justCached = 2 * time.Second

// AwaitCached waits until the resolvers of all datacenters have just asked for a name again: what changes now they
// learn as late as can be. That they never do is an error: the drill would be another one than was written.
func (d *Drill) AwaitCached(ctx context.Context, name string, within time.Duration) error {
	return wait.Until(ctx, name+" cached afresh", within, func(context.Context) (bool, string, error) {
		stale, any := d.tracker.stale(name, d.now(), justCached)
		return any && len(stale) == 0, strings.Join(stale, "; "), nil
	})
}

// AwaitFencing waits until the old primary no longer takes writes, by a look that began after this step: what a
// frozen server said before it woke up means nothing.
func (d *Drill) AwaitFencing(ctx context.Context, within time.Duration) error {
	reached := d.now()
	return d.await(ctx, "old primary no longer writable", d.remaining(d.firstFault, within), func() (bool, string) {
		s := d.tracker.sample(d.oldPrimary())
		quiet := d.now()-d.tracker.lastAckBy(d.oldPrimary()) > slack
		return s.Asked > reached+slack && quiet && !(s.Alive && s.Writable), fmt.Sprintf("alive %t, writable %t", s.Alive, s.Writable)
	})
}

// AwaitRejoin waits until the old primary replicates from the primary.
func (d *Drill) AwaitRejoin(ctx context.Context, within time.Duration) error {
	return d.await(ctx, "old primary rejoined as a replica", d.remaining(max(d.firstFault, d.healedAt()), within), func() (bool, string) {
		primary, _ := d.current()
		return d.replicatesFrom(d.oldPrimary(), primary)
	})
}

func (d *Drill) replicatesFrom(node, primary string) (bool, string) {
	s := d.tracker.sample(node)
	ok := node != primary && s.Alive && s.Role == record.RoleReplica && s.Replicating && s.Source == primary
	return ok, fmt.Sprintf("%s: alive %t, role %s, source %s, replicating %t", node, s.Alive, s.Role, s.Source, s.Replicating)
}

// AwaitReplicas waits until so many replicas replicate from the primary.
func (d *Drill) AwaitReplicas(ctx context.Context, count int, within time.Duration) error {
	return d.await(ctx, fmt.Sprintf("%d replicas replicate from the primary", count), within+slack, func() (bool, string) {
		primary, _ := d.current()
		n := 0
		var states []string
		for _, node := range d.topology.Databases() {
			ok, state := d.replicatesFrom(node.Name, primary)
			if ok {
				n++
			} else if node.Name != primary {
				states = append(states, state)
			}
		}
		return n >= count, strings.Join(states, "; ")
	})
}

// AwaitAnalysis waits until the failover manager has reported a failure by a word.
func (d *Drill) AwaitAnalysis(ctx context.Context, word string, within time.Duration) error {
	return d.awaitWord(ctx, word, within, d.tracker.analyses)
}

// AwaitWord waits until the failover manager has said a word, of a failure or of itself.
func (d *Drill) AwaitWord(ctx context.Context, word string, within time.Duration) error {
	return d.awaitWord(ctx, word, within, d.tracker.words)
}

func (d *Drill) awaitWord(ctx context.Context, word string, within time.Duration, said func() []string) error {
	return d.await(ctx, word+" reported", within, func() (bool, string) {
		all := said()
		return slices.ContainsFunc(all, func(s string) bool { return verifiers.Reported(s, word) }), strings.Join(all, ", ")
	})
}

// AwaitRecovery waits until the failover manager has begun to replace the primary, for a fault in the middle of that.
// That it never does is an error: the drill would go on as another one than was written.
func (d *Drill) AwaitRecovery(ctx context.Context, within time.Duration) error {
	return wait.Until(ctx, "recovery begun", within, func(context.Context) (bool, string, error) {
		return d.tracker.recoveryBegun(d.firstFault), "none since the first fault", nil
	})
}

// AwaitHook waits until a hook has run at least so often.
func (d *Drill) AwaitHook(ctx context.Context, name string, times int, within time.Duration) error {
	return d.await(ctx, "hook "+name+" ran", within, func() (bool, string) {
		n := d.tracker.hooks(name)
		return n >= times, fmt.Sprintf("%d times", n)
	})
}

// Hold lets time pass.
func (d *Drill) Hold(ctx context.Context, dur time.Duration, why string) error {
	d.Note("%s for %s", why, dur)
	return wait.Hold(ctx, dur)
}

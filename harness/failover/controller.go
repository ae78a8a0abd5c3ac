package failover

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
	"github.com/firedrill/firedrill/harness/web"
)

// Bounds of what a failover waits for. A step that takes longer is tried again at the next check.
const (
	fenceTimeout = time.Second      // of a look at a database that may be gone
	stepTimeout  = 5 * time.Second  // of each statement of a promotion
	readyTimeout = 15 * time.Second // until the other region's ingress sends requests to the promoted database
	flipTimeout  = 5 * time.Second
	// peerTimeout is longer than the witness itself waits for the other region: its no must not come too late.
	peerTimeout = web.Patience + time.Second
)

// database is what the controller does to a region's database.
type database interface {
	// Fence makes it read-only, and returns all that it has then. done is false when it was read-only already.
	Fence(ctx context.Context) (has string, done bool, err error)
	// Promote stops its replication, once it has applied what it received, and makes it writable. done is false when it
	// was so already; left is what it had not applied in time.
	Promote(ctx context.Context, within time.Duration) (left string, done bool, err error)
	// Await waits until it has all of a set of transactions.
	Await(ctx context.Context, has string, within time.Duration) error
	// Open makes it writable again.
	Open(ctx context.Context) error
	// Follow has it replicate from another one.
	Follow(ctx context.Context, source string) error
}

// deps are what the controller acts on.
type deps struct {
	databases []database // in the order of the regions
	healthy   func(ctx context.Context, url string) error
	flip      func(ctx context.Context, address string) error
	emit      func(record.Event)
	// denied says whether an error of healthy is a check that answered, and said no.
	denied func(error) bool
}

// controller decides. One thing is done at a time: a check with all that follows from it, or an operator's order.
type controller struct {
	cfg Config
	deps

	deed sync.Mutex

	mu     sync.Mutex // of what Status tells
	active int        // region that the name leads to

	failures  int  // checks in a row
	successes int  // of the first region's, while it is not active
	detected  bool // that the active region is lost was said
	withheld  bool // that the witness speaks against it was said
	promoting bool // that the promotion began was said
	waiting   bool // that nobody has promoted yet was said
}

// Active is the region that the name leads to.
func (c *controller) Active() Region {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cfg.Regions[c.active]
}

func (c *controller) activate(i int) {
	c.mu.Lock()
	c.active = i
	c.mu.Unlock()
	c.failures, c.successes, c.detected, c.withheld, c.promoting, c.waiting = 0, 0, false, false, false, false
}

func (c *controller) say(kind string, r Region, format string, args ...any) {
	c.emit(record.Event{Kind: kind, Node: r.Node, Msg: fmt.Sprintf(format, args...), Attrs: map[string]string{"region": r.Name}})
}

// check asks a region's health check, in time.
func (c *controller) check(ctx context.Context, url string) error {
	return c.ask(ctx, url, c.cfg.Timeout)
}

func (c *controller) ask(ctx context.Context, url string, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return c.healthy(ctx, url)
}

// tick is one round of checks.
func (c *controller) tick(ctx context.Context) {
	c.deed.Lock()
	defer c.deed.Unlock()
	active := c.Active()
	err := c.check(ctx, active.Check)
	if ctx.Err() != nil {
		return
	}
	if err == nil {
		if c.failures > 0 {
			c.say(record.KindManager, active, "%s is healthy again after %d failed checks", active.Name, c.failures)
		}
		c.failures, c.detected, c.withheld, c.waiting = 0, false, false, false
		c.guard(ctx)
		c.considerReturn(ctx)
		return
	}
	c.failures++
	c.say(record.KindManager, active, "check %d of %d of %s failed: %s", c.failures, c.cfg.Threshold, active.Name, err)
	if c.failures < c.cfg.Threshold {
		return
	}
	if !c.lost(ctx, active) {
		return
	}
	if !c.detected {
		c.say(record.KindDetected, active, "region %s lost: %d failed checks", active.Name, c.failures)
		c.detected = true
	}
	if err := c.failOver(ctx); err != nil {
		c.say(record.KindManager, active, "failover: %s; again at the next check", err)
	}
}

// lost asks the witness, if there is one to ask, whether the active region is lost to it too. One that does not answer
// confirms nothing.
func (c *controller) lost(ctx context.Context, active Region) bool {
	if !c.cfg.Witness {
		return true
	}
	other := c.cfg.Regions[1-c.active]
	err := c.ask(ctx, other.Peer, peerTimeout)
	if err != nil && c.denied(err) {
		return true
	}
	if !c.withheld {
		said := "still reaches it"
		if err != nil {
			said = "cannot be asked: " + err.Error()
		}
		c.say(record.KindManager, active, "no failover of %s: the witness in %s %s", active.Name, other.Name, said)
		c.withheld = true
	}
	return false
}

// guard fences databases that are writable and not the active region's: one that has come back.
func (c *controller) guard(ctx context.Context) {
	if !c.cfg.Fence {
		return
	}
	other := 1 - c.active
	ctx, cancel := context.WithTimeout(ctx, fenceTimeout)
	defer cancel()
	if _, done, err := c.databases[other].Fence(ctx); err == nil && done {
		c.say(record.KindManager, c.cfg.Regions[other], "fenced %s, which was writable and is not active", c.cfg.Regions[other].Node)
	}
}

// failOver makes the other region the active one. Each step can be done again: what failed is tried at the next check.
func (c *controller) failOver(ctx context.Context) error {
	to := 1 - c.active
	target := c.cfg.Regions[to]
	if !c.cfg.Promote {
		return c.follow(ctx, to)
	}
	if !c.promoting {
		c.say(record.KindPromotionStarted, target, "%s becomes the active region", target.Name)
		c.promoting = true
	}
	if has, ok := c.fenceOld(ctx); ok {
		if err := c.databases[to].Await(ctx, has, c.cfg.ApplyWithin); err != nil { // better the rest lost than nothing served
			c.say(record.KindManager, target, "%s lacks what the old primary has: %s", target.Node, err)
		}
	}
	if err := c.promote(ctx, to); err != nil {
		return err
	}
	err := wait.Until(ctx, target.Name+" is healthy", readyTimeout, func(ctx context.Context) (bool, string, error) {
		err := c.check(ctx, target.Check)
		return err == nil, fmt.Sprint(err), nil
	})
	if err != nil {
		return err
	}
	return c.move(ctx, to)
}

// follow changes the record once the other region's own health check says that it can be served there: somebody else
// promotes. A check that is content with a read-only database has it lead to one.
func (c *controller) follow(ctx context.Context, to int) error {
	target := c.cfg.Regions[to]
	if err := c.check(ctx, target.Check); err != nil {
		if !c.waiting {
			c.say(record.KindManager, target, "the name waits until %s is healthy: %s", target.Name, err)
			c.waiting = true
		}
		return nil
	}
	return c.move(ctx, to)
}

// fenceOld makes the database of the region that is given up read-only, if it can be reached.
func (c *controller) fenceOld(ctx context.Context) (has string, ok bool) {
	if !c.cfg.Fence {
		return "", false
	}
	old := c.cfg.Regions[c.active]
	ctx, cancel := context.WithTimeout(ctx, fenceTimeout)
	defer cancel()
	has, done, err := c.databases[c.active].Fence(ctx)
	switch {
	case err != nil:
		c.say(record.KindManager, old, "%s could not be fenced: %s", old.Node, err)
	case done:
		c.say(record.KindManager, old, "fenced %s", old.Node)
	}
	return has, err == nil
}

func (c *controller) promote(ctx context.Context, to int) error {
	target := c.cfg.Regions[to]
	left, done, err := c.databases[to].Promote(ctx, c.cfg.ApplyWithin)
	if err != nil {
		return fmt.Errorf("promote %s: %w", target.Node, err)
	}
	if left != "" {
		c.say(record.KindManager, target, "%s had received and not applied within %s, and threw away: %s", target.Node, c.cfg.ApplyWithin, left)
	}
	if done {
		c.say(record.KindPromoted, target, "%s is writable", target.Node)
	}
	return nil
}

// move changes the record.
func (c *controller) move(ctx context.Context, to int) error {
	target := c.cfg.Regions[to]
	ctx, cancel := context.WithTimeout(ctx, flipTimeout)
	defer cancel()
	if err := c.flip(ctx, target.Address); err != nil {
		return fmt.Errorf("change the record of %s: %w", c.cfg.Name, err)
	}
	c.say(record.KindFlipped, target, "the record of %s leads to %s", c.cfg.Name, target.Name)
	c.activate(to)
	return nil
}

// considerReturn takes the name back to the first region, for those who asked for that: it looks at the health check and
// at nothing else.
func (c *controller) considerReturn(ctx context.Context) {
	if !c.cfg.FailBack || c.active == 0 {
		return
	}
	if err := c.check(ctx, c.cfg.Regions[0].Check); err != nil {
		c.successes = 0
		return
	}
	if c.successes++; c.successes < c.cfg.Threshold {
		return
	}
	if err := c.move(ctx, 0); err != nil {
		c.say(record.KindManager, c.cfg.Regions[0], "fail-back: %s; again at the next check", err)
	}
}

// Switch is what an operator orders: the active region is changed with no write lost. The old primary is fenced first,
// and opened again if the other one cannot take over.
func (c *controller) Switch(ctx context.Context, region string) error {
	c.deed.Lock()
	defer c.deed.Unlock()
	to := 1 - c.active
	if c.cfg.Regions[to].Name != region {
		return fmt.Errorf("switch to %s: it is not the other region", region)
	}
	from, target := c.active, c.cfg.Regions[to]
	has, _, err := c.databases[from].Fence(ctx)
	if err != nil {
		return errors.Join(fmt.Errorf("fence %s: %w", c.cfg.Regions[from].Node, err), c.databases[from].Open(ctx))
	}
	c.say(record.KindPromotionStarted, target, "switching over to %s", target.Name)
	if err = c.databases[to].Await(ctx, has, c.cfg.ApplyWithin); err == nil {
		err = c.promote(ctx, to)
	}
	if err != nil {
		return errors.Join(err, c.databases[from].Open(ctx))
	}
	if err := c.databases[from].Follow(ctx, target.Node); err != nil { // no reason to stay: the target takes writes
		c.say(record.KindManager, c.cfg.Regions[from], "%s does not replicate from %s: %s", c.cfg.Regions[from].Node, target.Node, err)
	}
	err = wait.Until(ctx, target.Name+" is healthy", readyTimeout, func(ctx context.Context) (bool, string, error) {
		err := c.check(ctx, target.Check)
		return err == nil, fmt.Sprint(err), nil
	})
	return errors.Join(err, c.move(ctx, to)) // from here on only forwards: the old one takes no writes
}

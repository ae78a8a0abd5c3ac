package failover

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/web"
)

// world is two regions that are as a test says, and what was done to them, in order.
type world struct {
	*controller
	sick map[string]error // by URL
	did  []string
	said []record.Event
	flip error
}

// base is the database of a region of the world.
type base struct {
	w                *world
	name             string
	writable, closed bool // closed: it cannot be reached
	late             error
}

func (b *base) done(format string, args ...any) {
	b.w.did = append(b.w.did, fmt.Sprintf(format, args...))
}

func (b *base) Fence(context.Context) (string, bool, error) {
	if b.closed {
		return "", false, errors.New("unreachable")
	}
	was := b.writable
	if was {
		b.done("fence %s", b.name)
	}
	b.writable = false
	return "all of " + b.name, was, nil
}

func (b *base) Promote(context.Context, time.Duration) (string, bool, error) {
	if b.closed {
		return "", false, errors.New("unreachable")
	}
	was := b.writable
	b.writable = true
	if !was {
		b.done("promote %s", b.name)
	}
	return "", !was, nil
}

func (b *base) Await(_ context.Context, has string, _ time.Duration) error {
	b.done("%s awaits %s", b.name, has)
	return b.late
}

func (b *base) Open(context.Context) error {
	b.done("open %s", b.name)
	b.writable = true
	return nil
}

func (b *base) Follow(_ context.Context, source string) error {
	b.done("%s follows %s", b.name, source)
	return nil
}

func (w *world) database(i int) *base { return w.databases[i].(*base) }

const (
	east, west = "http://east/healthz", "http://west/healthz"
	peer       = "http://west/peer"
)

// newWorld has m1 in east writable, and m2 in west, whose check looks for a database that takes writes.
func newWorld(change func(*Config)) *world {
	cfg := Config{
		Name: "www.shop.test", Interval: 5 * time.Second, Timeout: 2 * time.Second, Threshold: 3, Promote: true, Fence: true, ApplyWithin: time.Second,
		Regions: []Region{
			{Name: "east", Address: "10.0.0.1", Check: east, Node: "m1"},
			{Name: "west", Address: "10.0.0.2", Check: west, Node: "m2", Peer: peer},
		},
	}
	if change != nil {
		change(&cfg)
	}
	w := &world{sick: map[string]error{}}
	w.controller = &controller{cfg: cfg}
	w.databases = []database{&base{w: w, name: "m1", writable: true}, &base{w: w, name: "m2"}}
	w.healthy = func(_ context.Context, url string) error {
		if err := w.sick[url]; err != nil {
			return err
		}
		if i := map[string]int{east: 0, west: 1}[url]; url != peer && !w.database(i).writable {
			return errDenied
		}
		return nil
	}
	w.denied = func(err error) bool { return errors.Is(err, errDenied) }
	w.controller.flip = func(_ context.Context, address string) error {
		if w.flip == nil {
			w.did = append(w.did, "flip to "+address)
		}
		return w.flip
	}
	w.emit = func(e record.Event) { w.said = append(w.said, e) }
	return w
}

var errDenied = errors.New("status 503")

func (w *world) ticks(t *testing.T, n int) {
	for range n {
		w.tick(t.Context())
	}
}

// kinds are what the controller said, but for what is merely worth a line.
func (w *world) kinds() (out []string) {
	for _, e := range w.said {
		if e.Kind != record.KindManager {
			out = append(out, e.Kind+" "+e.Node)
		}
	}
	return out
}

var failedOver = []string{"detected m1", "promotion_started m2", "promoted m2", "flipped m2"}

func TestALostRegionIsReplacedAfterThreshold(t *testing.T) {
	w := newWorld(nil)
	w.ticks(t, 5)
	require.Empty(t, w.said)
	w.sick[east], w.database(0).closed = errors.New("timeout"), true
	w.ticks(t, 2)
	assert.Empty(t, w.kinds())
	w.ticks(t, 1)
	assert.Equal(t, []string{"promote m2", "flip to 10.0.0.2"}, w.did, "promoted before traffic arrives")
	assert.Equal(t, failedOver, w.kinds())
	assert.Equal(t, "west", w.Active().Name)

	w.did = nil
	delete(w.sick, east) // it comes back, and is writable
	w.database(0).closed = false
	w.ticks(t, 9)
	assert.Equal(t, []string{"fence m1"}, w.did, "and it fails back only when told")
	assert.Equal(t, "west", w.Active().Name)
}

func TestABlipIsNoLoss(t *testing.T) {
	w := newWorld(nil)
	for range 3 {
		w.sick[east] = errors.New("timeout")
		w.ticks(t, 2)
		delete(w.sick, east)
		w.ticks(t, 1)
	}
	assert.Empty(t, w.kinds())
	assert.Empty(t, w.did)
}

// The old primary that can be reached is fenced first, and what it has is waited for: then nothing is lost.
func TestOnlyTheIngressIsLost(t *testing.T) {
	w := newWorld(nil)
	w.sick[east] = errors.New("refused")
	w.ticks(t, 3)
	assert.Equal(t, []string{"fence m1", "m2 awaits all of m1", "promote m2", "flip to 10.0.0.2"}, w.did)
}

func TestWhatFailsIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(nil)
		w.sick[east], w.database(0).closed = errors.New("timeout"), true
		w.database(1).closed = true
		w.ticks(t, 4)
		assert.Equal(t, []string{"detected m1", "promotion_started m2"}, w.kinds(), "said once")
		assert.Empty(t, w.did)
		w.database(1).closed = false
		w.sick[west] = errors.New("no server is up")
		w.ticks(t, 1)
		assert.Equal(t, []string{"promote m2"}, w.did, "no traffic to an ingress that has nobody to send it to")
		delete(w.sick, west)
		w.flip = errors.New("status 500")
		w.ticks(t, 1)
		w.flip = nil
		w.ticks(t, 1)
		assert.Equal(t, []string{"promote m2", "flip to 10.0.0.2"}, w.did)
		assert.Equal(t, failedOver, w.kinds())
	})
}

func TestAWitnessThatStillReachesTheRegionForbids(t *testing.T) {
	for said, err := range map[string]error{"still reaches it": nil, "cannot be asked": errors.New("timeout")} {
		w := newWorld(func(c *Config) { c.Witness = true })
		w.sick[east], w.sick[peer] = errors.New("timeout"), err
		w.ticks(t, 6)
		assert.Empty(t, w.kinds())
		assert.Empty(t, w.did)
		assert.Contains(t, w.said[len(w.said)-4].Msg, said, "once")

		w.sick[peer] = errDenied
		w.database(0).closed = true
		w.ticks(t, 1)
		assert.Equal(t, failedOver, w.kinds(), "it does not reach it either")
	}
}

// A provider's failover records: the name moves when the other region is healthy, and who promotes is somebody else. A
// check that only connects is content with a database that takes no writes.
func TestWithoutPromotionOnlyTheNameMoves(t *testing.T) {
	w := newWorld(func(c *Config) { c.Promote, c.Fence = false, false })
	w.sick[east] = errors.New("timeout")
	w.ticks(t, 5)
	assert.Empty(t, w.did, "no traffic to a database that takes no writes")
	assert.Contains(t, w.said[len(w.said)-3].Msg, "the name waits until west is healthy", "once")
	w.database(1).writable = true
	w.ticks(t, 1)
	assert.Equal(t, []string{"flip to 10.0.0.2"}, w.did)

	w = newWorld(func(c *Config) { c.Promote, c.Fence = false, false })
	connects := func(_ context.Context, url string) error { return w.sick[url] }
	w.healthy, w.sick[east] = connects, errors.New("timeout")
	w.ticks(t, 3)
	assert.Equal(t, []string{"flip to 10.0.0.2"}, w.did)
	assert.False(t, w.database(1).writable)
}

// The witness takes its time before it says no: longer than a check may.
func TestTheWitnessIsGivenItsTime(t *testing.T) {
	w := newWorld(func(c *Config) { c.Witness, c.Timeout = true, time.Second })
	given := map[string]time.Duration{}
	healthy := w.healthy
	w.healthy = func(ctx context.Context, url string) error {
		deadline, _ := ctx.Deadline()
		given[url] = time.Until(deadline).Round(100 * time.Millisecond)
		return healthy(ctx, url)
	}
	w.sick[east], w.sick[peer] = errors.New("timeout"), errDenied
	w.ticks(t, 3)
	assert.Equal(t, failedOver, w.kinds())
	assert.Equal(t, time.Second, given[east])
	assert.Greater(t, given[peer], web.Patience)
}

// The automatic fail-back looks at the health check alone, which an old primary that nobody fenced passes.
func TestAutomaticFailBackLeadsToAnUnfencedPrimary(t *testing.T) {
	w := newWorld(func(c *Config) { c.FailBack, c.Fence = true, false })
	w.sick[east], w.database(0).closed = errors.New("timeout"), true
	w.ticks(t, 3)
	require.Equal(t, "west", w.Active().Name)
	delete(w.sick, east)
	w.database(0).closed = false
	w.ticks(t, 2)
	require.Equal(t, "west", w.Active().Name)
	w.ticks(t, 1)
	assert.Equal(t, "east", w.Active().Name)
	assert.True(t, w.database(0).writable && w.database(1).writable, "and two databases take writes")

	w = newWorld(func(c *Config) { c.FailBack = true })
	w.sick[east], w.database(0).closed = errors.New("timeout"), true
	w.ticks(t, 3)
	delete(w.sick, east)
	w.database(0).closed = false
	w.ticks(t, 6)
	assert.Equal(t, "west", w.Active().Name, "one that is fenced does not pass")
}

func TestAnOrderedSwitchLosesNothing(t *testing.T) {
	w := newWorld(nil)
	require.NoError(t, w.Switch(t.Context(), "west"))
	assert.Equal(t, []string{"fence m1", "m2 awaits all of m1", "promote m2", "m1 follows m2", "flip to 10.0.0.2"}, w.did)
	require.ErrorContains(t, w.Switch(t.Context(), "west"), "not the other region")

	w = newWorld(nil)
	w.database(1).late = errors.New("it lacks some")
	require.ErrorContains(t, w.Switch(t.Context(), "west"), "it lacks some")
	assert.Equal(t, []string{"fence m1", "m2 awaits all of m1", "open m1"}, w.did, "all is as before")
	assert.Equal(t, "east", w.Active().Name)
}

// A controller that was started again takes the region that the name leads to for the active one: it would fence it else.
func TestARestartedControllerLooksWhereTheNameLeads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(nil)
		w.database(0).writable, w.database(1).writable = false, true
		asked := 0
		w.begin(t.Context(), func(context.Context) (string, error) {
			if asked++; asked < 3 {
				return "", errors.New("status 500")
			}
			return "10.0.0.2", nil
		})
		w.ticks(t, 5)
		assert.Equal(t, "west", w.Active().Name)
		assert.Empty(t, w.did)
		assert.Len(t, w.said, 2, "it said why it waited")
	})
}

package injectors

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/record"
)

// samples are one spec of each registered fault, on more than one target where it can be.
var samples = map[string]Spec{
	"process.kill":               {Params: KillParams{Process: "mysqld"}, Targets: []string{"m1", "m2"}},
	"process.stop":               {Params: StopParams{Process: "mysqld"}, Targets: []string{"m1", "m2"}},
	"process.freeze":             {Params: FreezeParams{Process: "mysqld"}, Targets: []string{"m1", "m2"}},
	"process.crashloop":          {Params: CrashLoopParams{Process: "mysqld"}, Targets: []string{"m1", "m2"}},
	"process.restart":            {Params: RestartParams{Process: "mysqld", AfterMS: 3000}, Targets: []string{"m1", "m2"}},
	"host.lost":                  {Targets: []string{"m1", "m2"}},
	"host.paused":                {Targets: []string{"m1", "m2"}},
	"host.rebooted":              {Targets: []string{"m1", "m2"}},
	"host.wiped":                 {Targets: []string{"m1", "m2"}},
	"net.partition":              {Params: PartitionParams{Peers: []string{"m2", "m3"}}, Targets: []string{"m1"}},
	"hook":                       {Params: HookParams{Name: "linode-dns-flip", Mode: HookFails}, Targets: []string{"m1", "m2"}},
	"dns.api":                    {Params: APIParams{Mode: "500"}, Targets: []string{"m1", "m2"}},
	"dns.server":                 {Params: DNSParams{Name: "db.shop.test", Is: "m3"}, Targets: []string{"m1", "m2"}},
	"datacenter.isolation":       {Params: IsolationParams{Datacenter: "dc1"}},
	"replication.stopped":        {Targets: []string{"m1", "m2"}},
	"replication.broken":         {Targets: []string{"m1", "m2"}},
	"replication.delayed":        {Params: DelayedParams{Seconds: 30}, Targets: []string{"m1", "m2"}},
	"replication.torn_relay_log": {Targets: []string{"m1", "m2"}},
	"database.lock":              {Targets: []string{"m1", "m2"}},
	"database.transaction":       {Targets: []string{"m1", "m2"}},
	"database.errant":            {Targets: []string{"m1", "m2"}},
	"database.read_only":         {Targets: []string{"m1", "m2"}},
	"semisync.no_acker":          {Targets: []string{"m1", "m2"}},

	"net.ring":             {Targets: []string{"m1", "m2", "m3", "m4"}},
	"net.latency":          {Params: LatencyParams{LatencyMS: 100, JitterMS: 20}, Targets: []string{"m1", "m2"}},
	"net.loss":             {Params: LossParams{Percent: 20}, Targets: []string{"m1", "m2"}},
	"net.bandwidth":        {Params: BandwidthParams{KilobitsPerSecond: 1000}, Targets: []string{"m1", "m2"}},
	"net.flap":             {Params: FlapParams{DownMS: 2000, UpMS: 3000}, Targets: []string{"m1", "m2"}},
	"net.mtu":              {Params: MTUParams{LargerThan: 1400}, Targets: []string{"m1", "m2"}},
	"dns.blocked":          {Targets: []string{"m1", "m2"}},
	"resource.cpu":         {Targets: []string{"m1", "m2"}},
	"resource.memory":      {Targets: []string{"m1", "m2"}},
	"resource.connections": {Targets: []string{"m1", "m2"}},
	"resource.files":       {Targets: []string{"m1", "m2"}},
	"disk.full":            {Targets: []string{"m1", "m2"}},
	"disk.readonly":        {Targets: []string{"m1", "m2"}},
	"disk.slow":            {Targets: []string{"m1", "m2"}},
	"disk.error":           {Targets: []string{"m1", "m2"}},
	"clock.jump":           {Params: ClockJumpParams{ByMS: -5000}, Targets: []string{"m1", "m2"}},
	"clock.drift":          {Params: ClockDriftParams{Percent: 10}, Targets: []string{"m1", "m2"}},
}

// byProvider are faults that no agent does, so that what is promised of agents says nothing of them.
var byProvider = map[string]bool{"datacenter.firewalled": true}

// eachFault runs a promise that all faults make, over every fault in the registry.
func eachFault(t *testing.T, promise func(t *testing.T, w *world, spec Spec)) {
	for _, e := range Builtin().List() {
		t.Run(e.Name, func(t *testing.T) {
			if byProvider[e.Name] {
				t.Skip("a provider does it, and not agents: it has a contract of its own")
			}
			spec, ok := samples[e.Name]
			require.True(t, ok, "a new fault needs a line in samples")
			spec.Name, spec.Text = e.Name, "When it breaks"
			promise(t, newWorld(t), spec)
		})
	}
}

func TestFaultIsInjectedSeenAndHealed(t *testing.T) {
	eachFault(t, func(t *testing.T, w *world, spec Spec) {
		i := w.inject(spec)
		require.NotEmpty(t, w.inForce())
		require.Equal(t, record.FaultActive, i.State())
		require.NoError(t, i.Heal(t.Context()))
		require.Empty(t, w.inForce())
		steps := w.steps()
		require.Equal(t, []record.FaultState{record.FaultInjecting, record.FaultActive, record.FaultHealing, record.FaultHealed}, states(steps))
		for _, s := range steps {
			require.Equal(t, spec.Name, s.Name)
			require.Equal(t, "When it breaks", s.Text)
			require.NotEmpty(t, s.Targets)
			require.JSONEq(t, string(steps[0].Params), string(s.Params))
		}
		for _, s := range []record.FaultStep{steps[1], steps[3]} {
			require.NotEmpty(t, s.Proof)
			require.Less(t, s.Began, s.Effective)
			require.Less(t, s.Effective-s.Began, time.Second, "the nodes' clocks differ by seconds, the drill's time does not")
			require.Equal(t, s.Effective, s.T, "the step is when the effect was, not when it was proven")
		}
	})
}

func TestIntentIsOnDiskBeforeTheDeed(t *testing.T) {
	eachFault(t, func(t *testing.T, w *world, spec Spec) {
		deeds := 0
		var mu sync.Mutex
		for _, a := range w.agents {
			a.before = func(method string) error {
				mu.Lock()
				defer mu.Unlock()
				deeds++
				steps := w.steps()
				if len(steps) == 0 || steps[0].State != record.FaultInjecting || len(steps[0].Targets) == 0 {
					return errors.New("no intent on disk before " + method)
				}
				return nil
			}
		}
		w.inject(spec)
		require.NotZero(t, deeds)
	})
}

func TestInjectTwiceIsIllegal(t *testing.T) {
	eachFault(t, func(t *testing.T, w *world, spec Spec) {
		i := w.inject(spec)
		var illegal *IllegalError
		require.ErrorAs(t, i.Inject(t.Context()), &illegal)
		require.Equal(t, record.FaultActive, illegal.State)
		require.Len(t, w.steps(), 2)
		require.NoError(t, i.Heal(t.Context()))
		require.ErrorAs(t, i.Inject(t.Context()), &illegal, "a life is lived once")
		require.Empty(t, w.inForce())
	})
}

func TestDeedDoneTwiceIsHealedWhole(t *testing.T) {
	eachFault(t, func(t *testing.T, w *world, spec Spec) {
		i, err := w.set.Prepare(t.Context(), spec)
		require.NoError(t, err)
		_, err = i.fault.Inject(t.Context(), i.env)
		require.NoError(t, err)
		_, _ = i.fault.Inject(t.Context(), i.env) // may say that there is nothing left to break
		i.env.budget = time.Second
		_, err = i.fault.Heal(t.Context(), i.env)
		require.NoError(t, err)
		require.Empty(t, w.inForce())
	})
}

func TestHealTwiceAndWithoutInject(t *testing.T) {
	eachFault(t, func(t *testing.T, w *world, spec Spec) {
		i, err := w.set.Prepare(t.Context(), spec)
		require.NoError(t, err)
		_, err = i.fault.Heal(t.Context(), i.env)
		require.NoError(t, err, "what is not in force is healed already")
		var illegal *IllegalError
		require.ErrorAs(t, i.Heal(t.Context()), &illegal)
		require.Empty(t, w.steps())

		require.NoError(t, i.Inject(t.Context()))
		require.NoError(t, i.Heal(t.Context()))
		require.NoError(t, i.Heal(t.Context()))
		require.Len(t, w.steps(), 4, "a second heal does nothing")
	})
}

// A cancelled run heals what it had begun: the deed in flight is awaited, because its agent goes on with it.
func TestCancelInTheMiddle(t *testing.T) {
	eachFault(t, func(t *testing.T, w *world, spec Spec) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for _, a := range w.agents {
			a.within = func(deed context.Context) {
				cancel()
				assert.NoError(t, deed.Err(), "a deed in flight is not interrupted")
			}
		}
		i, _ := w.set.Inject(ctx, spec)
		require.NotNil(t, i)
		require.Contains(t, []record.FaultState{record.FaultActive, record.FaultDoubtful}, i.State())
		require.NoError(t, i.Heal(ctx), "a heal cannot be cancelled")
		require.Empty(t, w.inForce())
	})
}

func TestCancelledBeforeNothingIsDone(t *testing.T) {
	eachFault(t, func(t *testing.T, w *world, spec Spec) {
		i, err := w.set.Prepare(t.Context(), spec)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, i.Inject(ctx), context.Canceled)
		require.Equal(t, record.FaultNew, i.State())
		require.Empty(t, w.steps())
		require.NoError(t, w.set.HealAll(ctx))
	})
}

func TestErrorOfOneTarget(t *testing.T) {
	eachFault(t, func(t *testing.T, w *world, spec Spec) {
		broken := errors.New("netlink says no")
		w.agents["m2"].before = func(method string) error {
			if method == "heal" || method == "inspect" {
				return nil
			}
			return broken
		}
		i, err := w.set.Inject(t.Context(), spec)
		require.ErrorContains(t, err, broken.Error())
		require.ErrorContains(t, err, spec.Name)
		require.Equal(t, record.FaultDoubtful, i.State())
		require.NotEmpty(t, w.inForce(), "the other targets were broken all the same")
		var illegal *IllegalError
		require.ErrorAs(t, i.Inject(t.Context()), &illegal, "from doubtful only Heal is legal")

		w.agents["m2"].before = func(string) error { return broken }
		require.ErrorContains(t, w.set.HealAll(t.Context()), broken.Error())
		require.Equal(t, record.FaultDoubtful, i.State())
		require.Equal(t, []*Injection{i}, w.set.Open())

		w.agents["m2"].before = nil
		require.NoError(t, w.set.HealAll(t.Context()))
		require.Equal(t, record.FaultHealed, i.State())
		require.Empty(t, w.inForce())
		steps := w.steps()
		require.Equal(t, []record.FaultState{record.FaultInjecting, record.FaultDoubtful, record.FaultHealing,
			record.FaultDoubtful, record.FaultHealing, record.FaultHealed}, states(steps))
		require.Contains(t, steps[1].Err, broken.Error())
	})
}

func TestAllTargetsAtOnce(t *testing.T) {
	eachFault(t, func(t *testing.T, w *world, spec Spec) {
		i, err := w.set.Prepare(t.Context(), spec)
		require.NoError(t, err)
		var first sync.Map // each node's first deed waits for the other nodes' first deeds
		var waiting sync.WaitGroup
		count := len(i.env.Targets)
		if f, ok := i.fault.(interface{ sides(Env) ([]Node, error) }); ok {
			all, err := f.sides(i.env)
			require.NoError(t, err)
			count = len(all)
		}
		waiting.Add(count)
		for name, a := range w.agents {
			a.within = func(context.Context) {
				if _, again := first.LoadOrStore(name, true); !again {
					waiting.Done()
					waiting.Wait()
				}
			}
		}
		require.NoError(t, i.Inject(t.Context()), "it would hang if one node waited for another")
	})
}

// What another process finds on disk is all that it needs.
func TestHealRecordedFromTheFileAlone(t *testing.T) {
	eachFault(t, func(t *testing.T, w *world, spec Spec) {
		oneShot := w.inject(spec).Effect().OneShot
		steps := w.steps()
		if oneShot {
			require.Empty(t, Unhealed(steps), "nothing is left to heal")
			return
		}
		require.Len(t, Unhealed(steps), 1)
		dials := 0
		dial := func(name string) (Agent, error) {
			dials++
			return w.agents[name], nil
		}
		now := func() time.Duration { return time.Hour }
		require.NoError(t, HealRecorded(t.Context(), nil, steps, dial, w.rec, now))
		require.Empty(t, w.inForce())
		require.LessOrEqual(t, dials, len(w.nodes))
		steps = w.steps()
		require.Empty(t, Unhealed(steps))
		last := steps[len(steps)-1]
		require.Equal(t, record.FaultHealed, last.State)
		require.Equal(t, time.Hour, last.Effective, "a visitor's agents do not know the drill's epoch")
		require.NoError(t, HealRecorded(t.Context(), nil, steps, dial, w.rec, now))
		require.Len(t, w.steps(), len(steps), "nothing is left to heal")
	})
}

func TestHealRecordedGoesOnWithoutANodeThatIsGone(t *testing.T) {
	eachFault(t, func(t *testing.T, w *world, spec Spec) {
		if w.inject(spec).Effect().OneShot {
			return // nothing is left to heal
		}
		w.agents["m2"].within = nil
		gone := true
		dial := func(name string) (Agent, error) {
			if gone && name == "m2" {
				return nil, errors.New("no such container")
			}
			return w.agents[name], nil
		}
		now := func() time.Duration { return time.Hour }
		err := HealRecorded(t.Context(), nil, w.steps(), dial, w.rec, now)
		require.ErrorContains(t, err, "reach m2: no such container")
		for _, left := range w.inForce() {
			require.Contains(t, left, "m2")
		}
		require.Len(t, Unhealed(w.steps()), 1, "it can be tried again")
		gone = false
		require.NoError(t, HealRecorded(t.Context(), nil, w.steps(), dial, w.rec, now))
		require.Empty(t, w.inForce())
	})
}

func TestParametersAreStrict(t *testing.T) {
	for _, e := range Builtin().List() {
		_, err := Builtin().Make(e.Name, json.RawMessage(`{"proces": "mysqld"}`))
		require.ErrorContains(t, err, `unknown field "proces"`, e.Name)
		require.NotEmpty(t, e.Summary, e.Name)
		require.NotEmpty(t, e.Targets, e.Name)
		require.NotEmpty(t, e.Proof, e.Name)
		require.NotEmpty(t, e.Heal, e.Name)
		require.NotEmpty(t, e.Limits, e.Name)
	}
}

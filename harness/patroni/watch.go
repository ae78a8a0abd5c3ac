package patroni

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
)

// How often Watch looks. Reading etcd's keys costs little and tells when the leader's key goes; asking Patroni costs
// its node a query and some Python, so the nodes are asked seldom, unless one of them is being promoted.
const (
	lookEvery  = 200 * time.Millisecond
	lookWithin = 500 * time.Millisecond
	slowLook   = 5 // a node is asked at every fifth tick
)

// Watch reports the leader's key lost, taken, and its taker promoted; and what else Patroni tells of itself: failsafe
// mode, pause, requests of an operator, synchronous standbys, roles and timelines.
func (t *Topology) Watch(ctx context.Context, sink agent.Sink, now func() time.Duration) {
	var mu sync.Mutex
	var promoting atomic.Bool
	w := newWatcher()
	tell := func(events []record.Event, at time.Duration) {
		promoting.Store(w.promoting != "")
		for _, e := range events {
			e.T = at
			sink.Event(e)
		}
	}
	var looks sync.WaitGroup
	looks.Go(func() {
		for wait.Hold(ctx, lookEvery) == nil {
			k, err := t.quickKeys(ctx)
			mu.Lock()
			if ctx.Err() == nil {
				tell(w.keysSeen(k, err), now())
			}
			mu.Unlock()
		}
	})
	for _, n := range t.databases {
		looks.Go(func() {
			for tick := 0; wait.Hold(ctx, lookEvery) == nil; tick++ {
				if tick%slowLook != 0 && !promoting.Load() {
					continue
				}
				if s, err := quickStatus(ctx, n); err == nil {
					mu.Lock()
					tell(w.statusSeen(n.Name, s), now())
					mu.Unlock()
				}
			}
		})
	}
	looks.Wait()
}

func quickStatus(ctx context.Context, n *harness.Node) (Status, error) {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	return restOf(n).Status(ctx)
}

// quickKeys is the first answer of any etcd member: one that is cut off holds nothing up.
func (t *Topology) quickKeys(ctx context.Context) (keys, error) {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	answers := make(chan keys, len(t.etcd))
	errs := make(chan error, len(t.etcd))
	for _, n := range t.etcd {
		go func() {
			k, err := t.keysFrom(ctx, n)
			if err != nil {
				errs <- err
				return
			}
			answers <- k
		}()
	}
	var last error
	for range t.etcd {
		select {
		case k := <-answers:
			return k, nil
		case last = <-errs:
		}
	}
	return nil, fmt.Errorf("%w: %w", errNoDCS, last)
}

// watcher turns looks into events. It holds what the last looks showed.
type watcher struct {
	begun     bool
	holder    string // of the leader's key now
	last      string // who held it last
	promoting string // took the key and is not the running primary yet
	primary   string // last running primary that held the key
	timeline  int    // of primary
	silent    int    // looks at etcd in a row without an answer
	paused    bool
	request   string // of an operator, while Patroni works on it
	standby   string // synchronous ones
	roles     map[string]string
	failsafe  map[string]bool
}

func newWatcher() *watcher { return &watcher{roles: map[string]string{}, failsafe: map[string]bool{}} }

// silence is how many looks in a row must fail before etcd is said not to answer: a leader election of etcd, or a busy
// machine, makes one or two late.
const silence = 3

// keysSeen takes a look at etcd.
func (w *watcher) keysSeen(k keys, err error) (out []record.Event) {
	if err != nil {
		if w.silent++; w.silent == silence {
			out = append(out, manager("", errNoDCS.Error()))
		}
		return out
	}
	if w.silent >= silence {
		out = append(out, manager("", "etcd answers again"))
	}
	w.silent = 0
	out = append(out, w.asides(k)...)
	holder := k["leader"].Value
	if !w.begun {
		w.begun, w.holder, w.last, w.primary = true, holder, holder, holder
		return nil
	}
	if holder == w.holder {
		return out
	}
	if w.holder != "" {
		out = append(out, record.Event{Kind: record.KindDetected, Node: w.holder, Msg: "leader key lost", Attrs: map[string]string{"next": holder}})
	}
	w.holder, w.promoting = holder, ""
	switch {
	case holder == "":
		return out
	case holder == w.last:
		out = append(out, manager(holder, "leader key back with the same node"))
	default:
		out = append(out, record.Event{Kind: record.KindPromotionStarted, Node: holder, Msg: "leader key taken", Attrs: map[string]string{"previous": w.last}})
		w.promoting = holder
	}
	w.last = holder
	return out
}

// asides are the keys beside the leader's.
func (w *watcher) asides(k keys) (out []record.Event) {
	var dynamic struct {
		Pause bool `json:"pause"`
	}
	if json.Unmarshal([]byte(k["config"].Value), &dynamic) == nil && dynamic.Pause != w.paused {
		w.paused = dynamic.Pause
		out = append(out, manager("", map[bool]string{true: "paused: Patroni fails over to nobody", false: "pause ended"}[w.paused]))
	}
	if request := k["failover"].Value; request != w.request {
		w.request = request
		if request != "" && request != "{}" { // emptied once it is done
			out = append(out, manager("", "request of an operator: "+request))
		}
	}
	var sync struct {
		Standby string `json:"sync_standby"`
	}
	if json.Unmarshal([]byte(k["sync"].Value), &sync) == nil && sync.Standby != w.standby {
		out = append(out, manager("", fmt.Sprintf("synchronous standby: %s, was %s", orNobody(sync.Standby), orNobody(w.standby))))
		w.standby = sync.Standby
	}
	return out
}

// statusSeen takes a node's word of itself.
func (w *watcher) statusSeen(node string, s Status) (out []record.Event) {
	if s.FailsafeModeIsActive != w.failsafe[node] {
		w.failsafe[node] = s.FailsafeModeIsActive
		out = append(out, manager(node, map[bool]string{true: "failsafe mode is active", false: "failsafe mode ended"}[s.FailsafeModeIsActive]))
	}
	if old := w.roles[node]; s.Role != old {
		w.roles[node] = s.Role
		if old != "" {
			out = append(out, manager(node, fmt.Sprintf("role %s, was %s (%s)", s.Role, old, s.State)))
		}
	}
	if !s.Writable() || !w.begun || s.Timeline == 0 {
		return out
	}
	switch {
	case node == w.promoting:
		out = append(out, record.Event{Kind: record.KindPromoted, Node: node, Msg: "runs as primary", Attrs: map[string]string{
			"timeline": strconv.Itoa(s.Timeline), "previous": w.primary,
		}})
		w.promoting, w.primary, w.timeline = "", node, s.Timeline
	case node == w.primary:
		if w.timeline != 0 && s.Timeline != w.timeline {
			e := manager(node, fmt.Sprintf("timeline %d, was %d, with the same leader", s.Timeline, w.timeline))
			e.Attrs = map[string]string{"timeline": strconv.Itoa(s.Timeline)}
			out = append(out, e)
		}
		w.timeline = s.Timeline
	}
	return out
}

func manager(node, msg string) record.Event {
	return record.Event{Kind: record.KindManager, Node: node, Msg: msg}
}

func orNobody(name string) string { return list(nonEmpty(name)) }

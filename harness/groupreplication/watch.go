package groupreplication

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
)

// How often each member is asked. The group's own clock is coarser: it looks at its members once a second.
const watchEvery = 200 * time.Millisecond

// Watch implements harness.Topology. There is no manager to be asked: the members' own views are what there is. Each is
// looked at by itself, so that one that hangs holds nothing up.
func (t *Topology) Watch(ctx context.Context, sink agent.Sink, now func() time.Duration) {
	var mu sync.Mutex
	w := newWatcher()
	var looks sync.WaitGroup
	for _, m := range t.members {
		looks.Go(func() {
			for {
				v := t.view(ctx, m)
				mu.Lock()
				if ctx.Err() == nil {
					for _, e := range w.saw(v) {
						e.T = now()
						sink.Event(e)
					}
				}
				mu.Unlock()
				if wait.Hold(ctx, watchEvery) != nil {
					return
				}
			}
		})
	}
	looks.Wait()
}

// watcher turns views into events: only changes are reported.
type watcher struct {
	views    map[string]view // the latest of each server
	primary  string          // by the ruling view
	missed   bool            // that the primary is out of reach was reported
	elected  string          // took the role and is not yet writable
	id       string          // of the ruling view
	headless bool            // nobody sees a majority
}

func newWatcher() *watcher { return &watcher{views: map[string]view{}} }

// saw takes a look at a server.
func (w *watcher) saw(v view) (out []record.Event) {
	before, known := w.views[v.node]
	w.views[v.node] = v
	if known {
		out = append(out, w.changes(before, v)...)
	}
	var all []view
	for _, name := range slices.Sorted(maps.Keys(w.views)) {
		all = append(all, w.views[name])
	}
	best, ok := ruling(all)
	if !ok {
		if !w.headless && w.primary != "" {
			out = append(out, manager("", "no member sees a majority of the group: it takes no writes and elects nobody"))
		}
		w.headless = true
		return out
	}
	if w.headless && w.primary != "" {
		out = append(out, manager(best.node, "a majority of the group is together again"))
	}
	w.headless = false
	return append(out, w.ruled(best, all)...)
}

// changes are what one server says otherwise than before: of itself, and of the members that it sees.
func (w *watcher) changes(before, v view) (out []record.Event) {
	if v.err != nil || before.err != nil {
		if (v.err == nil) != (before.err == nil) {
			msg := v.node + " answers again, " + v.own()
			if v.err != nil {
				msg = v.words()
			}
			out = append(out, manager(v.node, msg))
		}
		return out
	}
	if v.own() != before.own() {
		out = append(out, manager(v.node, fmt.Sprintf("%s is %s, was %s", v.node, v.own(), before.own())))
	}
	if v.writable != before.writable {
		out = append(out, manager(v.node, v.node+map[bool]string{true: " is writable", false: " is read-only"}[v.writable]))
	}
	if !v.in() {
		return out
	}
	for _, other := range v.names() {
		was, known := before.members[other]
		if is := v.members[other]; other != v.node && known && is.state != was.state {
			out = append(out, manager(other, fmt.Sprintf("%s sees %s %s, was %s", v.node, other, is.state, was.state)))
		}
	}
	for _, other := range before.names() {
		if _, still := v.members[other]; !still && before.in() {
			out = append(out, manager(other, fmt.Sprintf("%s no longer has %s in its group", v.node, other)))
		}
	}
	return out
}

// ruled takes the view that counts.
func (w *watcher) ruled(best view, all []view) (out []record.Event) {
	if best.id != w.id {
		if w.id != "" {
			out = append(out, record.Event{Kind: record.KindManager, Node: best.node, Msg: "new view of the group: " + best.words(), Attrs: map[string]string{"view": best.id}})
		}
		w.id = best.id
	}
	primary := best.primary()
	if w.primary == "" || primary == "" {
		w.primary = primary
		return out
	}
	if primary != w.primary {
		if !w.missed {
			out = append(out, detected(w.primary, "left the group"))
		}
		out = append(out, record.Event{Kind: record.KindPromotionStarted, Node: primary, Msg: "elected by the group", Attrs: map[string]string{"previous": w.primary}})
		w.primary, w.missed, w.elected = primary, false, primary
	}
	switch lost := suspected(all, primary); {
	case lost && !w.missed:
		out = append(out, detected(primary, unreachable))
		w.missed = true
	case !lost && w.missed:
		out = append(out, manager(primary, "the primary "+primary+" is in reach again"))
		w.missed = false
	}
	for _, v := range all {
		if v.node == w.elected && v.err == nil && v.writable && v.primary() == v.node {
			out = append(out, record.Event{Kind: record.KindPromoted, Node: v.node, Msg: "is the primary and writable", Attrs: map[string]string{"view": v.id}})
			w.elected = ""
		}
	}
	return out
}

// suspected says whether any member of the majority has lost sight of another one: they notice one after the other.
func suspected(all []view, name string) bool {
	return slices.ContainsFunc(all, func(v view) bool { return v.quorum() && v.members[name].state == unreachable })
}

func detected(node, what string) record.Event {
	return record.Event{Kind: record.KindDetected, Node: node, Msg: "primary " + what}
}

func manager(node, msg string) record.Event {
	return record.Event{Kind: record.KindManager, Node: node, Msg: msg}
}

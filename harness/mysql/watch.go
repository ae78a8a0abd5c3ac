package mysql

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
)

// How often Orchestrator is asked: its own clock ticks every second, so this is the resolution of what it says.
const (
	watchEvery   = 200 * time.Millisecond
	blockedEvery = 5 // of these looks
)

// watcher turns the state of Orchestrator into events: only changes are reported.
type watcher struct {
	t    *Topology
	sink agent.Sink
	now  func() time.Duration

	from     *managerNode // whom it asks; nil while nobody answers
	lastLed  string
	silent   bool
	looks    int
	problems map[string]bool // node and code
	blocked  map[string]bool
	aliases  map[string]string    // to the clusters of that alias, where there are several
	known    map[string]*followed // recoveries by UID; nil before the first answer
}

// followed is a recovery that goes on, or has just ended.
type followed struct {
	Recovery
	by       string // the Orchestrator that told of it first: it is not handed over
	master   bool   // a primary is replaced, not an intermediate one or a setting
	writable bool   // the step that made the successor writable was seen
	promoted bool   // and reported
	ended    bool
	lastStep int64
	idle     int // looks without a new step since it ended
}

// Watch implements harness.Topology.
func (t *Topology) Watch(ctx context.Context, sink agent.Sink, now func() time.Duration) {
	if t.regions != nil { // the controller's log is followed in its place
		return
	}
	w := &watcher{t: t, sink: sink, now: now, problems: map[string]bool{}, blocked: map[string]bool{}, aliases: map[string]string{}}
	for {
		w.look(ctx)
		if wait.Hold(ctx, watchEvery) != nil {
			return
		}
	}
}

// look asks for everything once. An Orchestrator that does not answer is an event of its own, and another is sought.
func (w *watcher) look(ctx context.Context) {
	err := w.find(ctx)
	if err == nil {
		ask, cancel := context.WithTimeout(ctx, managerTimeout)
		err = w.ask(ask)
		cancel()
	}
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		w.from = nil // nobody says what is reported next
	}
	switch {
	case err != nil && !w.silent:
		w.report(record.KindManager, "", err.Error(), nil)
	case err == nil && w.silent:
		w.report(record.KindManager, w.from.Name, "Orchestrator answers again", nil)
	}
	w.silent = err != nil
}

// find keeps to the Orchestrator that answered last, while there is only one of them or it leads.
func (w *watcher) find(ctx context.Context) error {
	if w.from != nil && len(w.t.managers) == 1 {
		return nil
	}
	m, err := w.t.leader(ctx)
	if err != nil {
		return err
	}
	w.from = m
	if m.Name != w.lastLed {
		w.lastLed = m.Name
		w.report(record.KindManager, m.Name, m.Name+" leads", nil)
	}
	return nil
}

func (w *watcher) ask(ctx context.Context) error {
	analyses, err := w.from.api.Analyses(ctx)
	if err != nil {
		return err
	}
	w.problemsNow(analyses)
	recoveries, err := w.from.api.Recoveries(ctx)
	if err != nil {
		return err
	}
	w.recoveriesNow(recoveries)
	if err := w.follow(ctx); err != nil {
		return err
	}
	if w.looks++; w.looks%blockedEvery != 1 {
		return nil
	}
	blocked, err := w.from.api.Blocked(ctx)
	if err != nil {
		return err
	}
	w.blockedNow(blocked)
	clusters, err := w.from.api.Clusters(ctx)
	if err != nil {
		return err
	}
	w.aliasesNow(clusters)
	return nil
}

// aliasesNow reports which cluster an alias means, whenever that changes: after a split two clusters claim the same one,
// and Orchestrator gives it to the writable one with the most replicas, whoever uses it.
func (w *watcher) aliasesNow(clusters []Cluster) {
	means := map[string][]string{}
	for _, c := range clusters {
		if c.ClusterAlias != "" {
			means[c.ClusterAlias] = append(means[c.ClusterAlias], strings.TrimSuffix(c.ClusterName, ":"+strconv.Itoa(port)))
		}
	}
	for _, alias := range slices.Sorted(maps.Keys(means)) {
		slices.Sort(means[alias])
		all := strings.Join(means[alias], " and ")
		before := w.aliases[alias]
		if w.aliases[alias] = all; before == "" || before == all {
			continue
		}
		w.report(record.KindManager, "", "the alias "+alias+" now means the cluster of "+all, map[string]string{"alias": alias, "clusters": all})
	}
}

// report tells what was seen, and, where there are several Orchestrators, which of them said so.
func (w *watcher) report(kind, node, msg string, attrs map[string]string) {
	if w.from != nil && len(w.t.managers) > 1 {
		said := map[string]string{"said_by": w.from.Name}
		maps.Copy(said, attrs)
		attrs = said
	}
	w.sink.Event(record.Event{T: w.now(), Kind: kind, Node: node, Msg: msg, Attrs: attrs})
}

// problemsNow reports what is new among the analyses in Orchestrator's own words, and what is over.
func (w *watcher) problemsNow(analyses []Analysis) {
	now := map[string]bool{}
	for _, a := range analyses {
		node := a.AnalyzedInstanceKey.Hostname
		for i, code := range a.Codes() {
			key := node + " " + code
			now[key] = true
			if w.problems[key] {
				continue
			}
			attrs := map[string]string{}
			if i == 0 && a.Description != "" {
				attrs["description"] = a.Description
			}
			if a.IsDowntimed {
				attrs["downtimed"] = "true"
			}
			w.report(record.KindDetected, node, code, attrs)
		}
	}
	for key := range w.problems {
		if !now[key] {
			node, code, _ := strings.Cut(key, " ")
			w.report(record.KindManager, node, code+" is over", nil)
		}
	}
	w.problems = now
}

// recoveriesNow takes note of recoveries that began or ended. Those of before the watch are old news.
func (w *watcher) recoveriesNow(recoveries []Recovery) {
	first := w.known == nil
	if first {
		w.known = map[string]*followed{}
	}
	for _, r := range slices.Backward(recoveries) { // the newest is the first of the list
		f := w.known[r.UID]
		if f == nil {
			f = &followed{master: replacesPrimary(r.AnalysisEntry.Analysis), by: w.from.Name}
			w.known[r.UID] = f
			if first {
				f.Recovery, f.ended, f.idle = r, true, idleLooks
				continue
			}
			w.began(r, f.master)
		}
		f.Recovery = r
		if !f.ended && !r.RecoveryEndTimestamp.IsZero() {
			f.ended, f.idle = true, 0
			w.ended(r)
		}
	}
}

// replacesPrimary tells the recoveries that promote a primary from those of intermediate ones and of settings.
func replacesPrimary(analysis string) bool {
	return strings.HasPrefix(analysis, "DeadMaster") || strings.HasPrefix(analysis, "DeadCoMaster")
}

func (w *watcher) began(r Recovery, master bool) {
	failed := r.AnalysisEntry.AnalyzedInstanceKey.Hostname
	kind := record.KindManager
	if master {
		kind = record.KindPromotionStarted
	}
	w.report(kind, failed, "recovery of "+failed+" began ("+r.AnalysisEntry.Analysis+")", map[string]string{"recovery": r.number()})
}

func (w *watcher) ended(r Recovery) {
	failed := r.AnalysisEntry.AnalyzedInstanceKey.Hostname
	attrs := map[string]string{
		"recovery": r.number(), "successful": strconv.FormatBool(r.IsSuccessful), "analysis": r.AnalysisEntry.Analysis,
	}
	if lost := hosts(r.LostReplicas); lost != "" {
		attrs["lost_replicas"] = lost
	}
	if errs := strings.TrimSpace(strings.Join(r.AllErrors, "; ")); errs != "" {
		attrs["errors"] = errs
	}
	msg := "recovery of " + failed + " was not successful"
	if s := r.Successor(); s != "" {
		attrs["successor"] = s
		msg = s + " was chosen to succeed " + failed
	}
	w.report(record.KindManager, failed, msg, attrs)
}

func hosts(list []Instance) string {
	var out []string
	for _, i := range list {
		out = append(out, i.Hostname)
	}
	return strings.Join(out, ", ")
}

// idleLooks after its end a recovery is no longer followed: its hooks still write steps.
const idleLooks = 50

// follow reads the steps of the recoveries that go on.
func (w *watcher) follow(ctx context.Context) error {
	for _, f := range w.known {
		if f.ended && f.idle >= idleLooks {
			continue
		}
		steps, err := w.from.api.Steps(ctx, f.UID)
		if err != nil {
			return err
		}
		w.stepsNow(f, steps)
	}
	return nil
}

// madeWritable is the step after which the successor takes writes. The successor is known a moment earlier.
const madeWritable = "applying read-only=0 on promoted master: success=true"

// makesWritable is the last that a recovery of co-primaries says: it does not report that it was done.
const makesWritable = "will apply MySQL changes to promoted master"

// mark is the step by which a recovery tells that its successor takes writes.
func (f *followed) mark() string {
	if strings.HasPrefix(f.AnalysisEntry.Analysis, "DeadCoMaster") {
		return makesWritable
	}
	return madeWritable
}

func (w *watcher) stepsNow(f *followed, steps []Step) {
	slices.SortFunc(steps, func(a, b Step) int { return int(a.ID - b.ID) })
	f.idle++
	failed := f.AnalysisEntry.AnalyzedInstanceKey.Hostname
	for _, s := range steps {
		if s.ID <= f.lastStep {
			continue
		}
		f.lastStep, f.idle = s.ID, 0
		f.writable = f.writable || strings.Contains(s.Message, f.mark())
		if msg := strings.TrimPrefix(s.Message, "- "); telling(msg) {
			w.report(record.KindManager, failed, msg, map[string]string{"recovery": f.number()})
		}
	}
	if successor := f.Successor(); f.writable && !f.promoted && successor != "" {
		f.promoted = true
		w.report(record.KindPromoted, successor, "Orchestrator made "+successor+" writable", map[string]string{
			"recovery": f.number(), "from": failed,
		})
	}
}

// chatter are steps that every recovery has and that say nothing of its own: hooks that ran well are events already.
var chatter = []string{
	"will handle ", "Running ", "Completed ", "done running ", "Writing KV ", "Distributing KV ", "Waiting for ", "Executed ", "promoted replica: ",
	"RecoverDeadMaster: masterRecoveryType=", "RecoverDeadMaster: regrouping ", "RecoverDeadMaster: promotedReplicaIsIdeal(", "RecoverDeadMaster: will ",
	"RecoverDeadMaster: promoted server coordinates", "RecoverDeadMaster: updating cluster_alias", "checking ", "+ checking ", "+ searching ",
}

func telling(step string) bool {
	for _, prefix := range chatter {
		if strings.HasPrefix(step, prefix) {
			return false
		}
	}
	return !strings.HasSuffix(step, " postponed functions")
}

// blockedNow reports failovers that were not begun because of an earlier one.
func (w *watcher) blockedNow(blocked []Blocked) {
	for _, b := range blocked {
		node := b.FailedInstanceKey.Hostname
		key := fmt.Sprintf("%s %s %d", node, b.Analysis, b.BlockingRecoveryID)
		if w.blocked[key] || w.blocksItself(b) {
			continue
		}
		w.blocked[key] = true
		w.report(record.KindManager, node, fmt.Sprintf("recovery of %s (%s) is blocked by recovery %d: anti-flapping", node, b.Analysis, b.BlockingRecoveryID),
			map[string]string{"blocked": "true", "analysis": b.Analysis})
	}
}

// blocksItself tells a recovery that still goes on, and for which Orchestrator notes each second that it begins no
// second one, from a later failure that is not recovered, and from a recovery that nobody goes on with because its
// Orchestrator died over it. Orchestrator's times have steps of a second.
func (w *watcher) blocksItself(b Blocked) bool {
	for _, f := range w.known {
		if f.ID == b.BlockingRecoveryID && f.AnalysisEntry.AnalyzedInstanceKey == b.FailedInstanceKey {
			return !f.ended && f.by == w.from.Name || f.ended && b.LastBlockedTimestamp.Sub(f.RecoveryEndTimestamp.Time) <= time.Second
		}
	}
	return false
}

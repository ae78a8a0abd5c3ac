package scenarios

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
)

// tracker hands everything to the recorder and remembers the latest of it, so that a step can wait for what the
// verifiers will judge later from the record. It decides nothing.
type tracker struct {
	rec *record.Recorder

	mu        sync.Mutex
	samples   map[string]record.Sample
	lastAck   map[laneKey]record.Op // the latest acknowledged write
	lastOp    map[laneKey]record.Op // the latest that ended
	answers   map[answerKey]record.Probe
	refreshed map[answerKey]time.Duration // when a resolver last asked again: the TTL of its answers rose
	hookRuns  map[string]int
	hookFails map[string]int
	detected  []string
	said      []string      // by the manager, beside failures: node and words
	verdicts  []string      // on each recovery that ended, as the manager has it: success or failure
	blocked   []string      // failovers that the manager did not begin, because of an earlier one
	begun     time.Duration // when the manager last began to replace the primary; zero: never
	promoted  []sighting    // primaries in the order in which they were first seen
	lastAckOf map[string]time.Duration
}

// laneKey is an application by its datacenter, and by its way where it has more than one.
type laneKey struct{ vantage, endpoint string }

func (k laneKey) String() string {
	if k.endpoint == "" {
		return k.vantage
	}
	return k.vantage + " through " + k.endpoint
}

type answerKey struct{ endpoint, kind, vantage, via string }

// sighting is a node first seen writable as primary.
type sighting struct {
	node string
	at   time.Duration
}

var _ agent.Sink = (*tracker)(nil)

func newTracker(rec *record.Recorder) *tracker {
	return &tracker{
		rec: rec, samples: map[string]record.Sample{}, lastAck: map[laneKey]record.Op{}, lastOp: map[laneKey]record.Op{},
		answers: map[answerKey]record.Probe{}, refreshed: map[answerKey]time.Duration{}, hookRuns: map[string]int{}, hookFails: map[string]int{}, lastAckOf: map[string]time.Duration{},
	}
}

func (t *tracker) Op(o record.Op) {
	t.rec.Op(o)
	t.mu.Lock()
	defer t.mu.Unlock()
	lane := laneKey{o.Vantage, o.Endpoint}
	if o.End > t.lastOp[lane].End {
		t.lastOp[lane] = o
	}
	if o.Outcome == record.Acked {
		if o.Start > t.lastAck[lane].Start {
			t.lastAck[lane] = o
		}
		t.lastAckOf[o.Server] = max(t.lastAckOf[o.Server], o.End)
	}
}

func (t *tracker) Sample(s record.Sample) {
	t.rec.Sample(s)
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.samples[s.Node]
	t.samples[s.Node] = s
	if !isPrimary(s) || isPrimary(before) { // of two that take writes neither is seen again and again
		return
	}
	if n := len(t.promoted); n == 0 || t.promoted[n-1].node != s.Node {
		t.promoted = append(t.promoted, sighting{s.Node, s.T})
	}
}

func isPrimary(s record.Sample) bool { return s.Alive && s.Writable && s.Role == record.RolePrimary }

func (t *tracker) Probe(p record.Probe) {
	t.rec.Probe(p)
	t.mu.Lock()
	defer t.mu.Unlock()
	key := answerKey{p.Endpoint, p.Kind, p.Vantage, p.Via}
	if before := t.answers[key]; before.Answer != "" && p.TTL > before.TTL { // it may have been 0, in its last half second
		t.refreshed[key] = p.T
	}
	t.answers[key] = p
}

// stale says which resolvers have not asked for a name again lately.
func (t *tracker) stale(name string, now, lately time.Duration) (stale []string, any bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k, p := range t.answers {
		if k.endpoint != name || k.kind != record.ProbeDNS {
			continue
		}
		any = true
		if at, ok := t.refreshed[k]; !ok || now-at > lately {
			stale = append(stale, fmt.Sprintf("%s via %s keeps it for %d more seconds", k.vantage, k.via, p.TTL))
		}
	}
	slices.Sort(stale)
	return stale, any
}

func (t *tracker) Event(e record.Event) {
	t.rec.Event(e)
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e.Kind {
	case record.KindHook:
		t.hookRuns[e.Attrs["name"]]++
		if code := e.Attrs["exit"]; code != "" && code != "0" {
			t.hookFails[e.Attrs["name"]]++
		}
	case record.KindDetected:
		t.detected = append(t.detected, e.Msg)
	case record.KindManager:
		t.said = append(t.said, e.Msg)
		if e.Attrs["blocked"] == "true" {
			t.blocked = append(t.blocked, e.Msg)
		}
		if word, ok := map[string]string{"true": CalledSuccess, "false": CalledFailure}[e.Attrs["successful"]]; ok {
			t.verdicts = append(t.verdicts, word)
		}
	case record.KindPromotionStarted:
		t.begun = e.T
	}
}

func (t *tracker) sample(node string) record.Sample {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.samples[node]
}

// promotedSince is the latest node that became primary after a time; one that came back in its old place does not
// count unless another was primary in between.
func (t *tracker) promotedSince(since time.Duration, old string) (sighting, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var found sighting
	for _, s := range t.promoted {
		if s.at >= since && (s.node != old || found.node != "") {
			found = s
		}
	}
	return found, found.node != ""
}

// primaryBefore is the node that had become primary last before a time, or first if none was seen.
func (t *tracker) primaryBefore(at time.Duration, first string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.promoted {
		if s.at < at {
			first = s.node
		}
	}
	return first
}

// writing says whether every application has had its writes acknowledged for a while, and who has not.
func (t *tracker) writing(lanes []laneKey, since, now, quiet time.Duration) (missing []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range lanes {
		ack := t.lastAck[l]
		if ack.End < since || now-ack.End > quiet {
			missing = append(missing, l.String())
		}
	}
	return missing
}

// leadsTo says which answers of an endpoint do not (yet) name the node; none at all is not an answer.
func (t *tracker) leadsTo(endpoint, kind, vantage, node string, since time.Duration) (wrong []string, any bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k, p := range t.answers {
		if (endpoint != "" && k.endpoint != endpoint) || (kind != "" && k.kind != kind) || (vantage != "" && k.vantage != vantage) {
			continue
		}
		any = true
		if p.Answer != node || p.T < since {
			wrong = append(wrong, k.vantage+" via "+k.via+" sees "+orNothing(p.Answer))
		}
	}
	return wrong, any
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

func (t *tracker) lastAckBy(node string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.lastAckOf[node]
}

func (t *tracker) hooks(name string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.hookRuns[name]
}

func (t *tracker) failedHooks(name string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.hookFails[name]
}

// silence is the longest time since an acknowledged write of any application.
func (t *tracker) silence(lanes []laneKey, now time.Duration) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	var longest time.Duration
	for _, l := range lanes {
		longest = max(longest, now-t.lastAck[l].End)
	}
	return longest
}

// recoveryBegun says whether the manager has begun to replace the primary since a time.
func (t *tracker) recoveryBegun(since time.Duration) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.begun > since
}

func (t *tracker) analyses() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.detected...)
}

// words is all that the manager has said: failures, and what it told of itself beside them.
func (t *tracker) words() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append(append([]string(nil), t.detected...), t.said...)
}

func (t *tracker) blockedFailovers() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.blocked...)
}

// verdict is what the manager made of the recovery that ended last; empty while none has.
func (t *tracker) verdict() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.verdicts); n > 0 {
		return t.verdicts[n-1]
	}
	return ""
}

// Package scenarios holds drills: it goes through their phases, injects what they ask for, waits where they wait, and
// hands the record to the verifiers. The Gherkin steps over it are in package steps, one folder down; Go tests use
// New and the methods of Drill.
package scenarios

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/undo"
	"github.com/firedrill/firedrill/injectors"
	"github.com/firedrill/firedrill/verifiers"
)

// Scenario says what a drill is, before it is held.
type Scenario struct {
	ID       string // folder name: unique in the run
	Feature  string
	Name     string
	Tags     []string
	Topology string // may be set later by a step
}

// Drill is one scenario being held. Its methods are the vocabulary: what is given, what happens, what was promised.
// Given forms only note what is wanted; the topology stands up with the first form that needs it. It is used from
// one goroutine.
type Drill struct {
	run      *Run
	manifest record.Manifest
	dir      string
	epoch    int64
	rand     *rand.Rand

	blueprint harness.Blueprint
	settings  harness.Settings
	fittings  []harness.Fitting
	load      load

	rec        *record.Recorder
	tracker    *tracker
	undo       undo.Stack
	nodes      []*harness.Node
	topology   harness.Topology
	public     *publicName // nil: the drill has no name outside of it
	injections *injectors.Set
	firstFault time.Duration // effect of the first fault; zero: none yet
	blow       blow          // the last one
	lastHeal   time.Duration // guarded by mu: schedules heal too
	schedules  []*schedule
	swept      map[string]agent.Sweep // before the first fault
	stopWatch  func()
	stands     bool // up: faults may be injected
	looks      int  // effects looked for so far

	mu       sync.Mutex // guards what watchers write into the manifest
	finished bool
	stalled  string // what of this machine kept the drill from an answer
}

// load is what the application does.
type load struct {
	ways     []record.Way  // none: it does not write
	deadline time.Duration // zero: see within
	kept     string        // endpoint through which it keeps a connection open, too
	retries  int
	backoff  time.Duration
}

// within is how long a write of a way waits for its answer: what the drill says, or else ten ticks, of which no more than
// twenty writes are ever in flight. It stays below the second after which TCP sends a lost SYN again, so that this back-off is
// never part of a recovery time (facts/faults.md section 7), and where writes are rare it is patient with a database that has to
// start a process for each of them on a busy host: such a write is slow, and not an outage.
func (l load) within(tick time.Duration) time.Duration {
	if l.deadline > 0 {
		return l.deadline
	}
	return min(max(10*tick, leastDeadline), mostDeadline)
}

// The application's defaults.
const (
	leastDeadline   = 200 * time.Millisecond
	mostDeadline    = 500 * time.Millisecond
	longestDeadline = 5 * time.Second
	sampleEvery     = 100 * time.Millisecond
	sampleApart     = 12500 * time.Microsecond // more than 80 looks a second in all would be a load of their own
	dnsEvery        = 50 * time.Millisecond
	proxyEvery      = 200 * time.Millisecond
	probeDeadline   = time.Second
)

// Drill begins a drill of the run.
func (r *Run) Drill(s Scenario) (*Drill, error) {
	dir := r.DrillDir(s.ID)
	rec, err := record.Create(dir)
	if err != nil {
		return nil, err
	}
	d := &Drill{
		run: r, dir: dir, rec: rec, epoch: agent.Monotonic(), settings: harness.Settings{},
		rand: rand.New(rand.NewPCG(uint64(r.Seed), hash(s.ID))), // picks targets, guards nothing
	}
	d.tracker = newTracker(rec)
	d.manifest = record.Manifest{
		Schema: "firedrill/drill/v1", RunID: r.ID, DrillID: s.ID, Feature: s.Feature, Scenario: s.Name, Tags: s.Tags,
		Provider: r.Provider.Name(), Seed: r.Seed, Epoch: time.Now().UTC(), Expectations: []record.Expectation{},
		Earlier: r.attempts(s.ID),
	}
	d.phase("prepare")
	if s.Topology != "" {
		if err := d.Topology(s.Topology); err != nil {
			return nil, errors.Join(err, rec.Close())
		}
	}
	return d, d.save()
}

// hash spreads the drill's name over the seed (FNV-1a), so that drills of one run pick differently.
func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

func (d *Drill) now() time.Duration { return time.Duration(agent.Monotonic() - d.epoch) }

func (d *Drill) phase(name string) {
	d.rec.Event(record.Event{T: d.now(), Kind: record.KindPhase, Msg: name})
	d.run.progress(d.manifest.DrillID, d.now(), name)
}

// Note adds a line to the timeline.
func (d *Drill) Note(format string, args ...any) {
	d.rec.Event(record.Event{T: d.now(), Kind: record.KindNote, Msg: fmt.Sprintf(format, args...)})
}

// broken notes a failure of ours or of the environment: it makes the drill inconclusive, never failed.
func (d *Drill) broken(err error) {
	d.rec.Event(record.Event{T: d.now(), Kind: record.KindError, Msg: err.Error()})
	d.mu.Lock()
	defer d.mu.Unlock()
	d.manifest.Errors = append(d.manifest.Errors, err.Error())
}

func (d *Drill) save() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rec.WriteManifest(d.manifest)
}

// ID names the drill in its run.
func (d *Drill) ID() string { return d.manifest.DrillID }

// Dir is where the drill is recorded.
func (d *Drill) Dir() string { return d.dir }

// Nodes are those of the topology, once it stands.
func (d *Drill) Nodes() []*harness.Node { return d.nodes }

// Stands says whether the topology is up.
func (d *Drill) Stands() bool { return d.stands }

// NotDrilled says why the drill cannot be held here; empty when it can.
func (d *Drill) NotDrilled() string { return d.manifest.NotDrilled }

// SkipBecause ends the drill before it begins: what it needs is not here.
func (d *Drill) SkipBecause(reason string) { d.manifest.NotDrilled = reason }

var errStands = errors.New("the topology stands already: put this step before the first fault and before the steady state")

// Topology names what is to stand.
func (d *Drill) Topology(name string) error {
	if d.Stands() {
		return errStands
	}
	b, err := d.run.Catalogue.Find(name)
	if err != nil {
		return err
	}
	d.blueprint, d.manifest.Topology, d.manifest.Kind = b, b.Name, b.Kind
	return nil
}

// Set changes a setting of a component, in that component's own configuration.
func (d *Drill) Set(component, key, value string) error {
	if d.Stands() {
		return errStands
	}
	d.settings.Set(component, key, value)
	return nil
}

// File gives a component a file of the user's: path is read where firedrill runs, or else among the files that ship.
func (d *Drill) File(path, component, as string) error {
	if d.Stands() {
		return errStands
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && d.run.Files != nil {
		if shipped, e := fs.ReadFile(d.run.Files, path); e == nil {
			data, err = shipped, nil
		}
	}
	if err != nil {
		return fmt.Errorf("read the file of %s:%s: %w", component, as, err)
	}
	d.settings.SetFile(component, as, filepath.Base(path), data)
	return nil
}

// Fit gives every node of the topology what some faults need from the beginning (see injectors.Doc.Fittings). A
// feature file need not say it: its steps do.
func (d *Drill) Fit(fittings ...harness.Fitting) error {
	for _, f := range fittings {
		if slices.Contains(d.fittings, f) {
			continue
		}
		if d.Stands() {
			return errStands
		}
		d.fittings = append(d.fittings, f)
	}
	return nil
}

// Load has the application write rate rows a second from every datacenter that has an application node, through an
// endpoint by name, or through the topology's first when the name is empty. Called again for another endpoint it has
// writers of its own there; for the same one, the later rate holds.
func (d *Drill) Load(rate int, endpoint string) error {
	if d.Stands() {
		return errStands
	}
	if rate < 1 || rate > 1000 {
		return fmt.Errorf("%d rows per second: from 1 to 1000 can be written with a connection of their own each", rate)
	}
	way := record.Way{Endpoint: endpoint, Tick: time.Second / time.Duration(rate)}
	for i, w := range d.load.ways {
		if w.Endpoint == endpoint {
			d.load.ways[i] = way
			return nil
		}
	}
	d.load.ways = append(d.load.ways, way)
	return nil
}

// Deadline is how long the application waits for the answer to a write, from its connection's first packet on. A
// longer one than the default has more writes under way during an outage; the recovery time is as exact as with it.
func (d *Drill) Deadline(within time.Duration) error {
	if d.Stands() {
		return errStands
	}
	if within <= 0 || within > longestDeadline {
		return fmt.Errorf("an application that waits %s for each answer: from 1 millisecond to %s", within, longestDeadline)
	}
	d.load.deadline = within
	return nil
}

// Retry has the application try a failed write again.
func (d *Drill) Retry(times int, backoff time.Duration) error {
	if d.Stands() {
		return errStands
	}
	d.load.retries, d.load.backoff = times, backoff
	return nil
}

// Keep has the application keep a connection open through an endpoint, as a pool does, and look through it all the time.
func (d *Drill) Keep(endpoint string) error {
	if d.Stands() {
		return errStands
	}
	d.load.kept = endpoint
	return nil
}

// Expect notes a promise: a verifier by name, its parameters, and the words for the report. All are judged together
// at the end, from the record.
func (d *Drill) Expect(text, verifier string, params any) error {
	raw, err := json.Marshal(params)
	if err != nil {
		return fmt.Errorf("expect %s: %w", text, err)
	}
	if err := verifiers.Check(verifier, raw); err != nil {
		return fmt.Errorf("expect %s: %w", text, err)
	}
	d.manifest.Expectations = append(d.manifest.Expectations, record.Expectation{
		Text: text, Verifier: verifier, Params: raw, At: d.now(),
	})
	return d.save()
}

// Begun makes sure that the topology stands, is steady, and is written to.
func (d *Drill) Begun(ctx context.Context) error {
	if d.Stands() || d.manifest.NotDrilled != "" {
		return nil
	}
	if d.blueprint.Build == nil {
		return fmt.Errorf("no topology is given: begin with `Given the topology \"mysql-3\"`; there are: %s", d.run.Catalogue.Names())
	}
	for _, phase := range []func(context.Context) error{d.up, d.settle, d.publish, d.startLoad, d.baseline, d.before} {
		if err := phase(ctx); err != nil {
			if errors.Is(err, harness.ErrUnavailable) {
				d.manifest.NotDrilled = err.Error()
				return nil
			}
			return err
		}
	}
	return d.save()
}

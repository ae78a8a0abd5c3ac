package scenarios

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
	"github.com/firedrill/firedrill/injectors"
)

// up stands the nodes up and starts what runs on them. The way back is pushed first.
func (d *Drill) up(ctx context.Context) error {
	d.phase("up")
	b := d.run.Budgets
	id := harness.Identity{Run: d.run.ID, Drill: d.manifest.DrillID}
	ctx, cancel := context.WithTimeout(ctx, b.Up)
	defer cancel()
	if !d.run.Keep {
		d.undo.Push("remove what the drill stood up", b.Down, func(ctx context.Context) error {
			return d.run.Provider.Down(ctx, id)
		})
	}
	nodes, err := d.run.Provider.Up(ctx, id, d.specs())
	if err != nil {
		return fmt.Errorf("stand %s up: %w", d.manifest.Topology, err)
	}
	d.nodes = nodes
	d.manifest.Clocks = map[string]record.Clock{}
	for _, n := range nodes {
		n.Agent.Report(d.tracker, d.epoch)
		d.manifest.Clocks[n.Name] = n.Agent.Clock()
		d.manifest.Nodes = append(d.manifest.Nodes, n.Record())
	}
	topology, err := d.blueprint.Build(nodes, d.settings)
	if err != nil {
		return fmt.Errorf("build %s: %w", d.manifest.Topology, err)
	}
	d.topology = topology // from here on there are logs to collect
	if err := topology.Start(ctx); err != nil {
		return fmt.Errorf("start %s: %w", d.manifest.Topology, err)
	}
	d.injections = injectors.NewSet(injectors.Options{
		Registry: d.run.Faults, Nodes: injectors.Nodes(nodes, topology), Recorder: d.rec, Now: d.now, AtMost: b.Fault,
		Budgets: injectors.Budgets{Proof: b.Effect, Heal: b.Heal},
	})
	d.stands = true
	return nil
}

// specs are the blueprint's nodes, with what this drill fits them with.
func (d *Drill) specs() []harness.NodeSpec {
	out := slices.Clone(d.blueprint.Specs)
	for i := range out {
		out[i].Fittings = d.fittings
	}
	return out
}

// settle waits for the steady state and names every reason why it is not there yet.
func (d *Drill) settle(ctx context.Context) error {
	d.phase("settle")
	last := "-"
	err := wait.Until(ctx, "steady state of "+d.manifest.Topology, d.run.Budgets.Settle, func(ctx context.Context) (bool, string, error) {
		missing, err := d.topology.Steady(ctx)
		if err != nil {
			missing = append(missing, err.Error())
		}
		seen := strings.Join(missing, "; ")
		if seen != last {
			last = seen
			d.rec.Event(record.Event{T: d.now(), Kind: record.KindSteady, Msg: seen})
		}
		return len(missing) == 0, seen, nil
	})
	if err != nil {
		return err
	}
	d.manifest.Environment = d.topology.Describe(ctx)
	maps.Copy(d.manifest.Environment, d.run.Environment)
	d.manifest.Settings = d.settings.Flat()
	return nil
}

// startLoad starts the application and the watchers: writers and endpoint probes in every datacenter that has an
// application node, samplers in every database node, and the watch on the failover manager.
func (d *Drill) startLoad(ctx context.Context) error {
	d.phase("load")
	watchCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	var watching sync.WaitGroup
	watching.Go(func() { d.topology.Watch(watchCtx, d.tracker, d.now) })
	watching.Go(func() { d.watchHost(watchCtx) })
	d.stopWatch = func() {
		stop()
		watching.Wait()
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, n := range d.topology.Databases() {
		group.Go(func() error {
			return n.Agent.Observe(ctx, d.sampler(n))
		})
	}
	for i, n := range harness.ByComponent(d.nodes, harness.Application) {
		group.Go(func() error { return d.startApplication(ctx, i, n) })
	}
	return group.Wait()
}

// sampler says how a database is looked at.
func (d *Drill) sampler(n *harness.Node) agent.Observe {
	every := max(sampleEvery, time.Duration(len(d.topology.Databases()))*sampleApart)
	o := agent.Observe{Node: n.Name, Database: d.topology.Admin(n), Every: every, Nodes: d.addresses()}
	if ring, ok := d.topology.(interface{ CoPrimary(n *harness.Node) bool }); ok { // only kinds that know such a thing
		o.CoPrimary = ring.CoPrimary(n)
	}
	if group, ok := d.topology.(interface{ InGroup() bool }); ok {
		o.InGroup = group.InGroup()
	}
	return o
}

// addresses names nodes by address and by name: databases report their source as either.
func (d *Drill) addresses() map[string]string {
	out := map[string]string{}
	for _, n := range d.nodes {
		out[n.Address], out[n.Name] = n.Name, n.Name
	}
	return out
}

// idsPerVantage keeps the ids of datacenters apart, and idsPerWay those of an application's ways: more writes than any
// drill makes.
const (
	idsPerVantage = int64(1) << 40
	idsPerWay     = int64(1) << 34
)

func (d *Drill) startApplication(ctx context.Context, i int, n *harness.Node) error {
	if err := d.startProbes(ctx, n); err != nil {
		return err
	}
	ways, err := d.ways()
	if err != nil {
		return err
	}
	for j, w := range ways {
		load := agent.Load{
			Node: n.Name, Vantage: n.Datacenter, FirstID: int64(i+1)*idsPerVantage + int64(j)*idsPerWay, Database: d.through(w.Endpoint),
			Resolver: d.topology.Resolver(n.Datacenter), Tick: w.tick, Deadline: d.load.within(w.tick), Servers: d.topology.Servers(),
			Retries: d.load.retries, Backoff: d.load.backoff, Hosts: w.Hosts, Env: w.Env,
		}
		if len(ways) > 1 {
			load.Endpoint = w.Name
		}
		if err := n.Agent.Load(ctx, load); err != nil {
			return fmt.Errorf("start application on %s: %w", n.Name, err)
		}
	}
	return nil
}

// through is how an application logs in at an endpoint.
func (d *Drill) through(e harness.Endpoint) agent.Database {
	db := d.topology.Application()
	db.Host, db.Port = e.Name, e.Port
	if e.Driver != "" {
		db.Driver = e.Driver
	}
	return db
}

// answers names what a name may lead to: nodes by their addresses, and the database behind an ingress where the topology
// has such a thing.
func (d *Drill) answers() map[string]string {
	out := d.addresses()
	if t, ok := d.topology.(interface{ Behind() map[string]string }); ok {
		maps.Copy(out, t.Behind())
	}
	return out
}

// startProbes looks at every endpoint from an application's node, and through the connection that it is to keep.
func (d *Drill) startProbes(ctx context.Context, n *harness.Node) error {
	all := d.topology.Endpoints()
	if d.load.kept != "" {
		e, err := d.endpointNamed(d.load.kept)
		if err != nil {
			return err
		}
		e.Kind = record.ProbeSession
		all = append(slices.Clone(all), e)
	}
	for _, e := range all {
		if e.Kind == "" {
			continue
		}
		probe := agent.Endpoint{
			Name: e.Name, Kind: e.Kind, Via: []string{d.topology.Resolver(n.Datacenter)}, Every: dnsEvery,
			Deadline: probeDeadline, Servers: d.answers(), Vantage: n.Datacenter,
		}
		if e.Kind != record.ProbeDNS {
			probe.Database, probe.Servers, probe.Every = d.through(e), d.topology.Servers(), proxyEvery
		}
		if err := n.Agent.Probe(ctx, probe); err != nil {
			return fmt.Errorf("watch endpoint %s from %s: %w", e.Name, n.Name, err)
		}
	}
	if d.public != nil {
		if err := n.Agent.Probe(ctx, d.public.probe(n.Datacenter, d.answers())); err != nil {
			return fmt.Errorf("watch endpoint %s from %s: %w", d.public.Full, n.Name, err)
		}
	}
	return nil
}

// way is an endpoint that the application writes through, and how often.
type way struct {
	harness.Endpoint
	tick time.Duration
}

// ways are those that the application writes through, on this topology.
func (d *Drill) ways() ([]way, error) {
	var out []way
	for _, w := range d.load.ways {
		e := d.topology.Endpoints()[0]
		if w.Endpoint != "" {
			var err error
			if e, err = d.endpointNamed(w.Endpoint); err != nil {
				return nil, err
			}
		}
		if slices.ContainsFunc(out, func(o way) bool { return o.Name == e.Name }) {
			return nil, fmt.Errorf("the application is to write through %s twice", e.Name)
		}
		out = append(out, way{e, w.Tick})
	}
	return out, nil
}

// workload is how the application writes, for the record.
func (d *Drill) workload(ways []way) record.Workload {
	out := record.Workload{
		Endpoint: ways[0].Name, Tick: ways[0].tick, Deadline: d.load.within(ways[0].tick), Retries: d.load.retries, Vantages: d.vantages(),
	}
	if len(ways) > 1 {
		for _, w := range ways {
			out.Ways = append(out.Ways, record.Way{Endpoint: w.Name, Tick: w.tick})
		}
	}
	return out
}

func (d *Drill) endpointNamed(name string) (harness.Endpoint, error) {
	var names []string
	for _, e := range d.topology.Endpoints() {
		if e.Name == name {
			return e, nil
		}
		names = append(names, e.Name)
	}
	return harness.Endpoint{}, fmt.Errorf("%s has no endpoint %q; it has: %s", d.manifest.Topology, name, strings.Join(names, ", "))
}

// baseline notes who the primary is and lets the application write for a while, so that the fault meets a system at
// work and the report has a before.
func (d *Drill) baseline(ctx context.Context) error {
	d.phase("baseline")
	primary, err := d.topology.Primary(ctx)
	if err != nil {
		return fmt.Errorf("begin baseline: %w", err)
	}
	d.manifest.Primary = primary.Name
	for _, e := range d.topology.Endpoints() {
		if e.Kind == "" {
			continue
		}
		d.manifest.Endpoints = append(d.manifest.Endpoints, record.Endpoint{Name: e.Name, Kind: e.Kind, TTL: e.TTL})
	}
	if d.public != nil {
		d.manifest.Endpoints = append(d.manifest.Endpoints, record.Endpoint{Name: d.public.Full, Kind: record.ProbeDNS, TTL: d.public.TTL, Follows: d.public.own})
	}
	if len(d.load.ways) == 0 {
		return wait.Hold(ctx, d.run.Budgets.Baseline)
	}
	ways, err := d.ways()
	if err != nil {
		return err
	}
	d.manifest.Workload = d.workload(ways)
	if err := d.writesFlow(ctx, 0, d.run.Budgets.Settle); err != nil {
		return fmt.Errorf("begin baseline: %w", err)
	}
	return wait.Hold(ctx, d.run.Budgets.Baseline)
}

func (d *Drill) vantages() []string {
	var out []string
	for _, n := range harness.ByComponent(d.nodes, harness.Application) {
		out = append(out, n.Datacenter)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// lanes are the datacenters' applications, each by every way that it has.
func (d *Drill) lanes() []laneKey {
	var out []laneKey
	for _, v := range d.vantages() {
		if len(d.manifest.Workload.Ways) == 0 {
			out = append(out, laneKey{vantage: v})
		}
		for _, w := range d.manifest.Workload.Ways {
			out = append(out, laneKey{v, w.Endpoint})
		}
	}
	return out
}

// recent is how old the last acknowledged write may be for writes to count as flowing.
const recent = 500 * time.Millisecond

func (d *Drill) writesFlow(ctx context.Context, since, budget time.Duration) error {
	return wait.Until(ctx, "writes acknowledged in every datacenter", budget, func(context.Context) (bool, string, error) {
		missing := d.tracker.writing(d.lanes(), since, d.now(), recent)
		return len(missing) == 0, "none lately in " + strings.Join(missing, ", "), nil
	})
}

// observe waits until the application writes again everywhere, and long enough after it to see another outage. That
// it does not is no error: the verifiers will say so.
func (d *Drill) observe(ctx context.Context) {
	d.phase("observe")
	if len(d.load.ways) == 0 {
		return
	}
	if err := d.writesFlow(ctx, d.firstFault, d.run.Budgets.Recover); err != nil {
		d.Note("%s", err)
		return
	}
	_ = wait.Hold(ctx, d.run.Budgets.Quiet)
}

// unchanged is how long the list of what is missing must stand still before it is taken as final: a deposed MySQL
// primary, for one, never rejoins by itself.
const unchanged = 5 * time.Second

// converge waits until the topology is whole again, or until what is missing no longer changes.
func (d *Drill) converge(ctx context.Context) {
	d.phase("converge")
	last, since, still := "-", time.Now(), unchanged
	if patient, ok := d.topology.(interface{ Patience() time.Duration }); ok { // only kinds that come back in silence
		still = patient.Patience()
	}
	err := wait.Until(ctx, "topology whole again", d.run.Budgets.Converge, func(ctx context.Context) (bool, string, error) {
		missing, err := d.topology.Steady(ctx)
		if err != nil {
			missing = append(missing, err.Error())
		}
		seen := strings.Join(missing, "; ")
		if seen != last {
			last, since = seen, time.Now()
		}
		return seen == "" || time.Since(since) > still, seen, nil
	})
	event := record.Event{T: d.now(), Kind: record.KindConverged, Msg: "the topology is whole again"}
	if last != "" {
		event.Msg, event.Attrs = "the topology is not whole", map[string]string{"missing": last}
	}
	if err != nil {
		d.Note("%s", err)
	}
	d.rec.Event(event)
}

// drain stops the application and waits for its last word; the samplers go on until the survey is done.
func (d *Drill) drain(ctx context.Context) error {
	d.phase("drain")
	d.manifest.Ended = d.now() // from here on, silence is ours
	return d.quiet(ctx, agent.ActivityLoad)
}

func (d *Drill) quiet(ctx context.Context, activity string) error {
	var group errgroup.Group
	for _, n := range d.nodes {
		group.Go(func() error { return n.Agent.Quiet(ctx, activity) })
	}
	return group.Wait()
}

// survey reads the final state and the rows.
func (d *Drill) survey(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, d.run.Budgets.Survey)
	defer cancel()
	final, rows, err := d.topology.Survey(ctx)
	for _, row := range rows {
		d.rec.Row(row)
	}
	final.ReadAt, final.RowCount = d.now(), len(rows)
	d.manifest.Final = &final
	if err != nil {
		return fmt.Errorf("survey: %w", err)
	}
	return nil
}

// collect keeps the logs of every node and the configuration as it was run.
func (d *Drill) collect(ctx context.Context) error {
	d.phase("collect")
	ctx, cancel := context.WithTimeout(ctx, d.run.Budgets.Collect)
	defer cancel()
	var errs []error
	for name, content := range d.topology.Config() {
		errs = append(errs, record.WriteFile(filepath.Join(d.dir, "config", filepath.FromSlash(name)), []byte(content)))
	}
	var group errgroup.Group
	for _, n := range d.nodes {
		group.Go(func() error {
			for _, path := range d.topology.Logs(n) {
				data, err := n.Agent.Read(ctx, path)
				if err != nil {
					if strings.Contains(err.Error(), os.ErrNotExist.Error()) || strings.Contains(err.Error(), "no such file") {
						continue // never written
					}
					return fmt.Errorf("collect log: %w", err)
				}
				if err := record.WriteFile(filepath.Join(d.dir, "logs", n.Name, filepath.Base(path)), data); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return errors.Join(append(errs, group.Wait())...)
}

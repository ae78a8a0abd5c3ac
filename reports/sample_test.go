package reports

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/firedrill/firedrill/harness/record"
)

// The sample run: one drill of every verdict, with histories as real ones look. Everything is fixed, so that the
// goldens are too.

func ptr[T any](v T) *T { return &v }

func at(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

var sampleStart = time.Date(2026, 11, 20, 2, 0, 0, 0, time.UTC)

func sampleMeta() Meta {
	return Meta{
		RunID: "20261120-020000-7f3a", Started: sampleStart, Ended: sampleStart.Add(6*time.Minute + 12*time.Second), Seed: 42,
		Environment: map[string]string{
			"firedrill": "v0.1.0 (5715403)", "provider": "docker 27.5.1, Linux 6.12", "operator": "nightly CI, job 4711",
			"command": "firedrill run --tags @mysql --seed 42",
		},
	}
}

func sampleDrills() []Drill {
	return []Drill{killedDrill(), lostDrill(), inconclusiveDrill(), notDrilledDrill()}
}

// history says what a made-up drill did; record makes the histories of it.
type history struct {
	fault, promoted, back, healed, converged, end float64 // seconds
	from, to                                      string
	hang                                          bool // writes get no answer during the outage, instead of an error
	open                                          bool // the outage never ended
	tick                                          float64
	rand                                          *rand.Rand
}

func manifest(id, scenario string, start time.Time) record.Manifest {
	node := func(name, component, dc, ip string) record.Node {
		return record.Node{Name: name, Component: component, Datacenter: dc, Address: "10.77." + ip, Version: map[string]string{"mysql": "9.1.0"}[component]}
	}
	return record.Manifest{
		Schema: "firedrill/drill/v1", RunID: "20261120-020000-7f3a", DrillID: id, Feature: "MySQL: unplanned failover",
		Scenario: scenario, Tags: []string{"@mysql", "@failover"}, Topology: "mysql-3", Kind: "mysql", Provider: "docker", Seed: 42,
		Epoch: start, Primary: "m1", Completed: true,
		Nodes: []record.Node{
			node("m1", "mysql", "dc1", "1.11"), node("m2", "mysql", "dc1", "1.12"), node("m3", "mysql", "dc2", "2.11"),
			node("o1", "orchestrator", "dc1", "1.21"), node("dns1", "dns", "dc1", "1.2"),
			node("app1", "application", "dc1", "1.31"), node("app2", "application", "dc2", "2.31"),
		},
		Clocks:   map[string]record.Clock{"m1": {Method: "same kernel"}, "m3": {Method: "ping", Offset: 3 * time.Millisecond, Error: 400 * time.Microsecond}},
		Workload: record.Workload{Endpoint: "db.shop.test", Tick: 20 * time.Millisecond, Deadline: 500 * time.Millisecond, Vantages: []string{"dc1", "dc2"}},
		Settings: map[string]string{"orchestrator/InstancePollSeconds": "1", "mysql/rpl_semi_sync_source_enabled": "ON", "dns/ttl": "1"},
		Environment: map[string]string{
			"kernel": "6.12.48", "mysql": "9.1.0-1 (Debian sid)", "orchestrator": "3.2.6-17",
		},
		Endpoints: []record.Endpoint{{Name: "db.shop.test", Kind: record.ProbeDNS, TTL: 1}},
	}
}

func (h history) record(m record.Manifest) *record.Run {
	m.Ended = at(h.end)
	m.Final = &record.Final{Primary: h.to, ReadAt: at(h.end - 1), WaitedFor: "every replica had applied all that " + h.to + " executed", Complete: true, RowCount: 1877}
	run := &record.Run{Manifest: m}
	h.ops(run)
	h.samples(run)
	run.Faults = []record.FaultStep{
		{T: at(h.fault), ID: "f1", Name: "process.kill", Targets: []string{h.from}, State: record.FaultActive, Effective: at(h.fault)},
		{T: at(h.healed), ID: "f1", Name: "process.kill", Targets: []string{h.from}, State: record.FaultHealed, Effective: at(h.healed)},
	}
	event := func(s float64, kind, node, msg string, attrs map[string]string) {
		run.Events = append(run.Events, record.Event{T: at(s), Kind: kind, Node: node, Msg: msg, Attrs: attrs})
	}
	event(0, record.KindPhase, "", "settle", nil)
	event(0.4, record.KindSteady, "", "m3 does not replicate yet", nil)
	event(1.1, record.KindSteady, "", "", nil)
	event(2, record.KindPhase, "", "load", nil)
	event(h.fault-0.01, record.KindPhase, "", "fault", nil)
	if h.promoted > 0 {
		event(h.fault+0.003, record.KindProcess, h.from, "mysqld exited", map[string]string{"process": "mysqld", "state": "exited", "code": "137"})
		event(h.fault+0.7*(h.promoted-h.fault), record.KindDetected, "o1", "DeadMaster", nil)
		event(h.fault+0.8*(h.promoted-h.fault), record.KindPromotionStarted, "o1", "recover "+h.from, nil)
		event(h.promoted, record.KindPromoted, h.to, "", nil)
		event(h.promoted+0.05, record.KindHook, "o1", "PostMasterFailover", map[string]string{"exit": "0", "name": "dns-update"})
	}
	event(h.healed, record.KindPhase, "", "heal", nil)
	event(h.converged, record.KindConverged, "", "", nil)
	event(h.end, record.KindPhase, "", "drain", nil)
	return run
}

func (h history) ops(run *record.Run) {
	var id int64
	tick := at(cmp.Or(h.tick, 0.02))
	for t := at(2); t < at(h.end-2); t += tick { // whole nanoseconds, or the slices of the charts get ragged
		due := t.Seconds()
		for i, dc := range []string{"dc1", "dc2"} {
			id++
			latency := 0.002 + 0.002*float64(i) + 0.004*h.rand.Float64()*h.rand.Float64()
			if h.rand.IntN(150) == 0 {
				latency += 0.06 * h.rand.Float64()
			}
			op := record.Op{ID: id, Vantage: dc, Node: fmt.Sprintf("app%d", i+1), Due: t, Start: t, Outcome: record.Acked, Server: h.from}
			back := h.back + 0.11*float64(i)
			switch {
			case due >= back || h.promoted == 0 && !h.open:
				op.Server = h.to
			case due >= h.fault && (h.hang || due < h.fault+0.06):
				op.Outcome, op.Server, op.Err, latency = record.Indeterminate, "", "i/o timeout", 0.5
			case due >= h.fault:
				op.Outcome, op.Server, op.Err, latency = record.Rejected, "", "connection refused", 0.001
			}
			op.End = t + at(latency)
			run.Ops = append(run.Ops, op)
		}
	}
}

func (h history) samples(run *record.Run) {
	for s := 0.5; s < h.end; s += 0.1 {
		for i, node := range []string{"m1", "m2", "m3"} {
			sample := record.Sample{T: at(s + 0.01*float64(i)), Asked: at(s), Node: node, Alive: true, Role: record.RoleReplica, Replicating: true}
			switch {
			case node == h.from && s >= h.fault && s < h.healed+1:
				sample.Alive, sample.Role = false, ""
			case node == h.from && s < h.fault, node == h.to && h.promoted > 0 && s >= h.promoted:
				sample.Role, sample.Writable = record.RolePrimary, true
			}
			run.Samples = append(run.Samples, sample)
		}
	}
}

func killedDrill() Drill {
	h := history{fault: 12, promoted: 14.1, back: 14.91, healed: 24, converged: 27.4, end: 36, from: "m1", to: "m3", rand: rand.New(rand.NewPCG(1, 1))}
	run := h.record(manifest("mysql-primary-killed", "The primary's mysqld is killed", sampleStart.Add(20*time.Second)))
	flip := func(dc, via string, ms float64) record.EndpointFlip {
		return record.EndpointFlip{Name: "db.shop.test", Kind: record.ProbeDNS, Vantage: dc, Via: via, FlipMS: ptr(ms), LastOldMS: ptr(ms - 50),
			AfterMS: ptr(ms - 2100), ErrorMS: 50, TTL: 1}
	}
	phases := []record.Phase{{Name: "first_failed_write", MS: 3}, {Name: "detected", MS: 1470}, {Name: "promotion_started", MS: 1680},
		{Name: "promoted", MS: 2100}, {Name: "endpoint_flipped", MS: 2400}, {Name: "first_write", MS: 2910}}
	rto := record.RTO{ValueMS: ptr(2910.0), ErrorMS: 20, TargetMS: ptr(5000.0), Vantage: "dc2", Phases: phases, LongestGapMS: 2932}
	dc1 := rto
	dc1.ValueMS, dc1.Vantage, dc1.LongestGapMS, dc1.Phases = ptr(2800.0), "dc1", 2821, nil
	first, second := flip("dc1", "dns1", 2400), flip("dc2", "dns1", 2450)
	pass := func(text, want, got string) record.ExpectationResult {
		return record.ExpectationResult{Text: text, Verdict: record.Passed, Want: want, Got: got}
	}
	return Drill{Run: run, Hashes: sampleHashes(), Judgement: record.Judgement{
		Verdict: record.Passed, RTO: &rto, RTOs: []record.RTO{dc1, rto},
		RPO: &record.RPO{Attempted: 3200, Acked: 2916, Rejected: 278, Unknown: 6, UnknownPresent: 2, TargetLost: ptr(0),
			WaitedFor: run.Manifest.Final.WaitedFor},
		Promotion: &record.Promotion{From: "m1", To: "m3", Failovers: 1, AtMS: 2100},
		Endpoint:  &second, Endpoints: []record.EndpointFlip{first, second}, SplitBrainMS: ptr(0.0),
		Faults: []record.FaultSummary{{ID: "f1", Name: "process.kill", Text: `"mysqld" on the primary is killed`, Targets: []string{"m1"},
			InjectedMS: ptr(12000.0), Proof: "pid 41 is gone; port 3306 refuses", HealedMS: ptr(24000.0), HealProof: "mysqld answers on port 3306"}},
		Expectations: []record.ExpectationResult{
			pass("a new primary is promoted within 30 seconds", "within 30 s", "m3 after 2.10 s"),
			pass("the recovery time is at most 5 seconds", "at most 5 s", "2.91 s ± 0.02 s (dc2)"),
			pass("no acknowledged write is lost", "0 lost", "0 of 2916 lost"),
			pass(`"db.shop.test" resolves to the primary within 2 seconds`, "within 2 s of the promotion", "0.35 s"),
			pass("at no time could two nodes acknowledge writes", "0 ms", "0 ms"),
		},
		Findings: []record.Finding{{Severity: record.SeverityInfo, Summary: "0.5 s of the recovery passed between the endpoint's flip and the first write: the application's connections were slow to follow"}},
	}}
}

func lostDrill() Drill {
	h := history{fault: 10, promoted: 22.2, back: 23.42, healed: 30, converged: 33, end: 40, from: "m1", to: "m2", hang: true, rand: rand.New(rand.NewPCG(2, 2))}
	run := h.record(manifest("mysql-host-lost-async", "The primary's host is lost while replication is asynchronous", sampleStart.Add(80*time.Second)))
	run.Manifest.Settings["mysql/rpl_semi_sync_source_enabled"] = "OFF"
	run.Events = append(run.Events, record.Event{T: at(23), Kind: record.KindStall, Node: "app2", Msg: "the prober did not run for 40 ms", Attrs: map[string]string{"ms": "40"}})
	run.Sort()
	rto := &record.RTO{ValueMS: ptr(13530.0), ErrorMS: 60, TargetMS: ptr(10000.0), Vantage: "dc2", LongestGapMS: 13555, Phases: []record.Phase{
		{Name: "first_failed_write", MS: 20}, {Name: "detected", MS: 8540}, {Name: "promotion_started", MS: 9760},
		{Name: "promoted", MS: 12200}, {Name: "endpoint_flipped", MS: 12900}, {Name: "first_write", MS: 13530}}}
	return Drill{Run: run, Judgement: record.Judgement{
		Verdict: record.Failed, RTO: rto,
		RPO: &record.RPO{Attempted: 3600, Acked: 2254, Lost: 12, Unknown: 1346, UnknownPresent: 3, WindowMS: 340, TargetLost: ptr(0),
			LostIDs: []string{"dc1/788", "dc2/789", "dc1/790"}, WaitedFor: run.Manifest.Final.WaitedFor},
		Promotion:    &record.Promotion{From: "m1", To: "m2", Failovers: 1, AtMS: 12200},
		Endpoint:     &record.EndpointFlip{Name: "db.shop.test", Kind: record.ProbeDNS, Vantage: "dc2", Via: "dns1", FlipMS: ptr(12900.0), AfterMS: ptr(700.0), ErrorMS: 50, TTL: 1},
		SplitBrainMS: ptr(0.0),
		Acknowledged: []record.Acknowledged{
			{Vantage: "dc1", Node: "m1", FromMS: 20, ToMS: 9990, Acked: 500, Lost: ptr(5)}, {Vantage: "dc1", Node: "m2", FromMS: 23400, ToMS: 39990, Acked: 820, Lost: ptr(0)},
			{Vantage: "dc2", Node: "m1", FromMS: 20, ToMS: 9980, Acked: 500, Lost: ptr(7)}, {Vantage: "dc2", Node: "m2", FromMS: 23530, ToMS: 39980, Acked: 814, Lost: ptr(0)},
		},
		Faults: []record.FaultSummary{{ID: "f1", Name: "host.loss", Text: "the host of the primary is lost", Targets: []string{"m1"},
			InjectedMS: ptr(10000.0), Proof: "312 packets dropped in 1 s, none passed", HealedMS: ptr(30000.0), HealProof: "ping from m2 and m3 answered"}},
		Expectations: []record.ExpectationResult{
			{Text: "a new primary is promoted within 30 seconds", Verdict: record.Passed, Want: "within 30 s", Got: "m2 after 12.20 s"},
			{Text: "the recovery time is at most 10 seconds", Verdict: record.Failed, Want: "at most 10 s", Got: "13.53 s ± 0.06 s (dc2)"},
			{Text: "no acknowledged write is lost", Verdict: record.Failed, Want: "0 lost", Got: "12 of 2254 lost", Note: "dc1/788, dc2/789, dc1/790 and 9 more"},
		},
		Findings: []record.Finding{
			{Severity: record.SeverityCritical, Summary: "12 acknowledged writes were on m1 only: replication was asynchronous", Remedy: "rpl_semi_sync_source_enabled=ON with rpl_semi_sync_source_timeout above the longest network blip"},
			{Severity: record.SeverityWarning, Summary: "Orchestrator needed 8.5 s to call a silent host dead", Remedy: "lower MySQLConnectTimeoutSeconds and InstancePollSeconds"},
		},
	}}
}

func inconclusiveDrill() Drill {
	h := history{fault: 10, healed: 20, converged: 20.5, back: 10, end: 26, from: "m1", to: "m1", rand: rand.New(rand.NewPCG(3, 3))}
	m := manifest("mysql-dc1-isolated", "Datacenter dc1 is isolated", sampleStart.Add(140*time.Second))
	m.Feature = "MySQL: partitions"
	run := h.record(m)
	for i := range run.Samples { // nothing happened: the fault had no effect
		run.Samples[i].Alive, run.Samples[i].Role = true, record.RoleReplica
		if run.Samples[i].Node == "m1" {
			run.Samples[i].Role, run.Samples[i].Writable = record.RolePrimary, true
		}
	}
	reason := "the fault net.isolate left no proof of its effect: no packet was dropped"
	return Drill{Run: run, Judgement: record.Judgement{
		Verdict: record.Inconclusive, Reasons: []string{reason}, RTO: &record.RTO{Vantage: "dc1", TargetMS: ptr(30000.0), Uninterrupted: true},
		RPO:       &record.RPO{Attempted: 2200, Acked: 2200},
		Promotion: &record.Promotion{From: "m1"},
		Faults: []record.FaultSummary{{ID: "f1", Name: "net.isolate", Text: `datacenter "dc1" is isolated`, Targets: []string{"m1", "m2", "o1", "app1"},
			InjectedMS: ptr(10000.0), HealedMS: ptr(20000.0), HealProof: "rules are gone"}},
		Expectations: []record.ExpectationResult{
			{Text: "the recovery time is at most 30 seconds", Verdict: record.Inconclusive, Want: "at most 30 s", Got: "no interruption", Note: "the fault has no proof"},
		},
	}}
}

// hardDrill is what charts must survive: 30 000 writes, faults on top of each other, one of them open, names that
// are long or hostile, more moments than there is room for, and an outage without an end.
func hardDrill() Drill {
	const evil = `<script>alert(1)</script>`
	h := history{fault: 60, healed: 110, converged: 0, back: 999, end: 152, from: "m1", to: "m3", open: true, hang: true, tick: 0.01, rand: rand.New(rand.NewPCG(4, 4))}
	m := manifest("mysql-"+evil, evil, sampleStart.Add(200*time.Second))
	m.Feature, m.Tags, m.Topology = evil, []string{"@" + evil}, evil
	m.Nodes[0].Address, m.Settings[evil], m.Environment[evil] = evil, evil, evil
	m.Workload.Endpoint, m.Interrupted, m.Errors = evil, true, []string{evil}
	m.Earlier = []record.Attempt{{Folder: evil, Stall: evil}}
	run := h.record(m)
	for i := range run.Samples {
		s := &run.Samples[i]
		switch {
		case s.Node == "m3" && s.T > at(75) && s.T < at(90):
			s.Role, s.Writable, s.Blocked = record.RolePrimary, true, true
		case s.Node == "m3" && s.T >= at(90):
			s.Role, s.Writable = record.RolePrimary, true
		case s.Node == "m2" && s.T > at(100):
			s.Writable = true
		}
	}
	run.Samples = slices.DeleteFunc(run.Samples, func(s record.Sample) bool { return s.Node == "m2" && s.T > at(70) && s.T < at(85) })
	for i := range 60 {
		run.Events = append(run.Events, record.Event{T: at(61 + 0.3*float64(i)), Kind: record.KindStall, Node: "app1", Msg: fmt.Sprintf("%s %d", evil, i)})
	}
	for i := range 500 {
		run.Events = append(run.Events, record.Event{T: at(90 + 0.1*float64(i)), Kind: record.KindManager, Node: "o1", Msg: "poll"})
	}
	run.Sort()
	fault := func(id, name string, from float64, to *float64, targets ...string) record.FaultSummary {
		return record.FaultSummary{ID: id, Name: name, Targets: targets, InjectedMS: &from, HealedMS: to, Proof: evil, Err: evil}
	}
	return Drill{Run: run, Hashes: map[string]string{evil: sampleHashes()[record.OpsFile]}, Judgement: record.Judgement{
		Verdict: record.Failed, Reasons: []string{evil}, SplitBrainMS: ptr(15200.0),
		RTO: &record.RTO{ValueMS: ptr(90000.0), AtLeast: true, ErrorMS: 10, TargetMS: ptr(30000.0), Vantage: evil, LongestGapMS: 90000,
			Phases: []record.Phase{{Name: "first_failed_write", MS: 4}, {Name: "detected", MS: 9000}, {Name: evil, MS: 15000}}},
		RPO:       &record.RPO{Attempted: 30000, Acked: 11600, Lost: 1, Unknown: 18400, WindowMS: 1, LostIDs: []string{evil}, WaitedFor: evil},
		Promotion: &record.Promotion{From: "m1", To: evil, Failovers: 2, AtMS: 15000},
		Endpoint:  &record.EndpointFlip{Name: evil, Kind: record.ProbeDNS, Vantage: evil, Via: evil},
		Acknowledged: []record.Acknowledged{
			{Vantage: evil, Endpoint: evil, Node: evil, FromMS: 0, ToMS: 75000, Acked: 7400}, {Vantage: "dc2", Endpoint: evil, Node: "m3", FromMS: 60000, ToMS: 150000, Acked: 4200},
		},
		Faults: []record.FaultSummary{
			fault("f1", "net.partition", 60000, ptr(110000.0), "m1", "m2"), fault("f2", evil, 62000, nil, "o1"),
			fault("f3", "disk.full with a name that is too long for its band", 104000, ptr(106000.0), "m3", "a-node-with-a-long-name"),
		},
		Expectations: []record.ExpectationResult{{Text: evil, Verdict: record.Failed, Want: evil, Got: evil, Note: evil}},
		Findings:     []record.Finding{{Severity: record.SeverityCritical, Summary: evil, Remedy: evil}},
	}}
}

func notDrilledDrill() Drill {
	m := manifest("patroni-leader-killed", "The leader's postmaster is killed", sampleStart)
	m.Feature, m.Topology, m.Kind = "Patroni: unplanned failover", "patroni-3", "patroni"
	m.NotDrilled = "no image patroni-17 here: build it with firedrill images, or name one in the topology file"
	m.Completed = false
	return Drill{Run: &record.Run{Manifest: m}, Judgement: record.Judgement{Verdict: record.NotDrilled}}
}

func sampleHashes() map[string]string {
	sums := map[string]string{}
	for i, name := range []string{record.ManifestFile, record.EventsFile, record.OpsFile, record.SamplesFile, record.FaultsFile, record.RowsFile} {
		sums[name] = fmt.Sprintf("%064x", 0xfeed0000+i)
	}
	return sums
}

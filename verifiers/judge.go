package verifiers

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/firedrill/firedrill/harness/record"
)

// Judge judges a drill: every expectation of its manifest, all measures whether or not an expectation asked for them,
// and the verdict. Failed beats Inconclusive beats Passed; Reasons says why a drill that did not fail is not to be
// believed. Judge does not change the run.
func Judge(run *record.Run) record.Judgement {
	run = inOrder(run)
	j := record.Judgement{Faults: faults(run), Expectations: []record.ExpectationResult{}, Findings: []record.Finding{}}
	if why := run.Manifest.NotDrilled; why != "" {
		j.Verdict, j.Reasons = record.NotDrilled, []string{why}
		return j
	}
	rows := judgeAll(run)
	measure(run, &j)
	j.Reasons = append(reasons(run, rows), j.Reasons...)
	if len(j.Reasons) > 0 {
		j.Verdict = record.Inconclusive
	}
	for _, r := range rows {
		j.Expectations = append(j.Expectations, r.ExpectationResult)
		if !r.excused {
			j.Verdict = j.Verdict.Worse(r.Verdict)
		}
		j.Findings = append(j.Findings, r.findings...)
	}
	if len(run.Manifest.Residue) > 0 {
		j.Findings = append(j.Findings, finding(record.SeverityCritical, "firedrill heal, then firedrill clean",
			"could not be healed or removed: %s", join(run.Manifest.Residue...)))
	}
	j.Findings = distinct(j.Findings)
	return j
}

// inOrder returns the run with its histories sorted, and leaves the caller's alone.
func inOrder(run *record.Run) *record.Run {
	out := *run
	out.Events, out.Ops = slices.Clone(run.Events), slices.Clone(run.Ops)
	out.Samples, out.Probes = slices.Clone(run.Samples), slices.Clone(run.Probes)
	out.Faults = slices.Clone(run.Faults)
	out.Sort()
	return &out
}

// row is an expectation's result on its way into the judgement.
type row struct {
	record.ExpectationResult
	findings []record.Finding
	judged   bool // a verifier was found and did not crash
	inverts  bool // it is about another row
	excused  bool // it was expected to fail
}

// judgeAll judges the expectations in their order: FailsBecause looks back.
func judgeAll(run *record.Run) []row {
	var rows []row
	for _, e := range run.Manifest.Expectations {
		v, err := New(e)
		if err != nil {
			rows = append(rows, newRow(e, Result{Status: record.Inconclusive, Got: "could not be judged", Note: err.Error()}))
			continue
		}
		invert, isInvert := v.(FailsBecause)
		if !isInvert {
			result, fine := verify(v, run)
			r := newRow(e, result)
			r.judged = fine
			rows = append(rows, r)
			continue
		}
		result, meant := invert.invert(rows)
		if meant >= 0 {
			rows[meant].excused = true
			rows[meant].Note = join("expected to fail", rows[meant].Note)
		}
		r := newRow(e, result)
		r.judged, r.inverts = meant >= 0, true
		rows = append(rows, r)
	}
	return rows
}

func newRow(e record.Expectation, r Result) row {
	text := e.Text
	if text == "" {
		text = e.Verifier
	}
	return row{
		ExpectationResult: record.ExpectationResult{Text: text, Verdict: r.Status, Want: r.Want, Got: r.Got, Note: r.Note},
		findings:          r.Findings,
	}
}

// verify runs one verifier. A crash of it says nothing of the system under test.
func verify(v Verifier, run *record.Run) (r Result, fine bool) {
	defer func() {
		if p := recover(); p != nil {
			r, fine = Result{Status: record.Inconclusive, Got: "could not be judged", Note: fmt.Sprintf("the verifier crashed: %v", p)}, false
		}
	}()
	r = v.Verify(run)
	switch r.Status {
	case record.Passed, record.Failed, record.Inconclusive:
		return r, true
	}
	return Result{Status: record.Inconclusive, Want: r.Want, Got: r.Got, Note: join(r.Note, "the verifier gave no verdict")}, false
}

// reasons says why the drill as a whole proves nothing, whatever its expectations say.
func reasons(run *record.Run, rows []row) []string {
	var out []string
	if !slices.ContainsFunc(rows, func(r row) bool { return r.judged }) {
		out = append(out, "no expectation was judged")
	}
	out = append(out, doubts(run)...)
	if !whole(run) {
		out = append(out, "the record is not whole: "+unwhole(run))
	}
	for _, e := range run.Manifest.Errors {
		out = append(out, "not the system under test failed, but Firedrill or its environment: "+e)
	}
	for _, e := range run.Events {
		if (e.Kind == record.KindError || e.Kind == record.KindExpired) && !slices.Contains(run.Manifest.Errors, e.Msg) {
			out = append(out, "not the system under test failed, but Firedrill or its environment: "+e.Msg)
		}
	}
	return out
}

// doubts names the faults that left no proof of their effect or of their heal.
func doubts(run *record.Run) []string {
	var out []string
	for _, f := range faults(run) {
		name := f.Name
		if f.Text != "" {
			name = f.Text
		}
		because := ""
		if f.Err != "" {
			because = " (" + f.Err + ")"
		}
		switch {
		case f.InjectedMS == nil:
			out = append(out, "the fault never took effect: "+name+because)
		case f.Proof == "":
			out = append(out, "the fault left no proof of its effect: "+name)
		}
		switch {
		case f.OneShot:
		case f.HealedMS == nil:
			out = append(out, "the fault was never healed: "+name+because)
		case f.HealProof == "":
			out = append(out, "the heal left no proof of its effect: "+name)
		}
	}
	return out
}

// faults folds the steps of each fault's life into one line.
func faults(run *record.Run) []record.FaultSummary {
	out := []record.FaultSummary{}
	for _, f := range run.Faults {
		i := slices.IndexFunc(out, func(s record.FaultSummary) bool { return s.ID == f.ID })
		if i < 0 {
			i = len(out)
			out = append(out, record.FaultSummary{ID: f.ID, Name: f.Name, Targets: []string{}})
		}
		s := &out[i]
		if f.Text != "" {
			s.Text = f.Text
		}
		if len(f.Targets) > 0 {
			s.Targets = f.Targets
		}
		if f.Err != "" {
			s.Err = f.Err
		}
		s.OneShot = s.OneShot || f.OneShot
		at := f.Effective
		if at == 0 {
			at = f.T
		}
		switch f.State {
		case record.FaultActive:
			s.InjectedMS, s.Proof = msPointer(at), f.Proof
		case record.FaultHealed:
			s.HealedMS, s.HealProof = msPointer(at), f.Proof
		}
	}
	return out
}

// measurement is a figure, or a look for findings, with the name that it has when it crashes.
type measurement struct {
	name string
	do   func()
}

// measure fills what reports print whether or not an expectation asked for it.
func measure(run *record.Run, j *record.Judgement) {
	var s succession
	steps := []measurement{
		{"promotion", func() {
			s = primaries(run)
			j.Promotion = promotionMeasure(run, s)
			j.Findings = append(j.Findings, s.Findings...)
		}},
		{"rto", func() { measureRTO(run, s, j) }},
		{"rpo", func() { measureRPO(run, j) }},
		{"endpoint", func() { measureEndpoints(run, s, j) }},
		{"split brain", func() { measureSplitBrain(run, j) }},
		{"acknowledgements", func() { j.Acknowledged = acknowledged(run) }},
	}
	for _, find := range diagnoses() {
		do := func() { j.Findings = append(j.Findings, find(run, s)...) }
		steps = append(steps, measurement{"what the failover manager counts as done", do})
	}
	for _, step := range steps {
		func() {
			defer func() {
				if p := recover(); p != nil {
					j.Reasons = append(j.Reasons, fmt.Sprintf("the measure of %s crashed: %v", step.name, p))
				}
			}()
			step.do()
		}()
	}
}

func measureRTO(run *record.Run, s succession, j *record.Judgement) {
	all := recoveries(run)
	if len(all) == 0 {
		return
	}
	for _, r := range all {
		out := r.measure(run, s)
		out.TargetMS = rtoTarget(run, r.lane)
		j.RTOs = append(j.RTOs, out)
		// A promise that rests on this figure is inconclusive by itself; a drill that promised none stands without it.
		if r.stalled && r.untold != "" {
			j.Findings = append(j.Findings, finding(record.SeverityWarning, "run it again on a quieter machine",
				"the recovery time in %s could not be told: %s", r.lane.where(), r.note))
		}
	}
	worst := worstOf(all)
	figure := worst.measure(run, s)
	figure.TargetMS = rtoTarget(run, nil)
	j.RTO = &figure
}

// rtoTarget is the strictest objective that holds for a lane; without one, for the worst of all.
func rtoTarget(run *record.Run, l *lane) *float64 {
	var target *float64
	each(run, "rto", func(p RTO) {
		if l == nil && (p.Vantage != "" || p.Through != "") || l != nil && !p.meant(run, l) {
			return
		}
		if ms := float64(p.MaxMS); target == nil || ms < *target {
			target = &ms
		}
	})
	return target
}

func measureRPO(run *record.Run, j *record.Judgement) {
	if why := ledgerUntold(run); why != "" {
		if len(run.Ops) > 0 {
			j.Findings = append(j.Findings, finding(record.SeverityWarning, "", "the ledger could not be compared: %s", why))
		}
		return
	}
	l := readLedger(run)
	each(run, "ledger", func(p Ledger) {
		if p.MaxLost != nil && p.Vantage == "" && (l.TargetLost == nil || *p.MaxLost < *l.TargetLost) {
			l.TargetLost = p.MaxLost
		}
	})
	j.RPO = &l.RPO
	j.Findings = append(j.Findings, l.findings()...)
}

func measureEndpoints(run *record.Run, s succession, j *record.Judgement) {
	j.Endpoints = flips(run, s)
	for i, f := range j.Endpoints {
		// The one figure is of the endpoint that the application writes through; never of a name that we lead after it.
		through := run.Manifest.Workload.Endpoint == "" || f.Name == run.Manifest.Workload.Endpoint
		if through && !led(run, f.Name) && (j.Endpoint == nil || slower(f, *j.Endpoint)) {
			j.Endpoint = &j.Endpoints[i]
		}
	}
	if j.Endpoint == nil && len(j.Endpoints) > 0 {
		j.Endpoint = &j.Endpoints[0]
	}
}

func measureSplitBrain(run *record.Run, j *record.Judgement) {
	if len(run.Samples) == 0 {
		return
	}
	b := readBrain(run)
	if b.overlap > 0 || len(b.unwatched) == 0 && whole(run) {
		j.SplitBrainMS = msPointer(b.overlap)
	}
	j.Findings = append(j.Findings, b.findings()...)
}

// each calls do with the parameters of every expectation of a verifier.
func each[V Verifier](run *record.Run, name string, do func(V)) {
	for _, e := range run.Manifest.Expectations {
		var v V
		if e.Verifier == name && decodeStrict(json.RawMessage(e.Params), &v) == nil {
			do(v)
		}
	}
}

func distinct(all []record.Finding) []record.Finding {
	out := []record.Finding{}
	for _, f := range all {
		if !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	return out
}

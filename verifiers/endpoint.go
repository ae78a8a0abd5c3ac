package verifiers

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness/record"
)

// Endpoint promises that a name or a proxy leads to the new primary in time: for every datacenter and every resolver
// or proxy asked from there, the first answer with the new primary comes within the bound after the promotion, and no
// answer leads away from it again before the next one. The promotion is the first sight of the new primary writable.
// Every promotion that the expectation is about is judged; a primary that came back in place counts as one.
type Endpoint struct {
	Name     string `json:"name,omitempty" doc:"name that the application uses; without it, every endpoint of the kind"`
	Kind     string `json:"kind,omitempty" doc:"dns, connection (a new one each time) or session (one that is kept open); without it, all"`
	WithinMS Millis `json:"within_ms" doc:"longest time from the promotion to the first right answer, in milliseconds"`
	Vantage  string `json:"vantage,omitempty" doc:"datacenter from which it is looked at; without it, all"`

	At time.Duration `json:"-"` // when the step was reached
}

func (p Endpoint) anchor(at time.Duration) Verifier { p.At = at; return p }

func (p Endpoint) check() error {
	if kinds := []string{record.ProbeDNS, record.ProbeConnection, record.ProbeSession}; p.Kind != "" && !slices.Contains(kinds, p.Kind) {
		return fmt.Errorf("kind: %q is none of %s", p.Kind, strings.Join(kinds, ", "))
	}
	if p.WithinMS <= 0 {
		return errors.New("within_ms: must be more than 0")
	}
	return nil
}

// Verify implements Verifier.
func (p Endpoint) Verify(run *record.Run) Result {
	what := cmpName(p.Name, p.Kind)
	if p.Vantage != "" {
		what += " seen from " + p.Vantage
	}
	want := what + " leads to the new primary within " + figure(p.WithinMS.Duration())
	views := slices.DeleteFunc(lookouts(run), func(v lookout) bool {
		return p.Name == "" && led(run, v.name) || p.Name != "" && v.name != p.Name || p.Kind != "" && v.kind != p.Kind || p.Vantage != "" && v.vantage != p.Vantage
	})
	c, next, ok := struck(run, p.At)
	s := primaries(run)
	reigns := slices.DeleteFunc(slices.Clone(s.Reigns), func(r reign) bool { return r.At < c.Began || r.At >= next })
	switch {
	case !ok:
		return inconclusive(want, "no fault took effect and no operator acted")
	case len(views) == 0:
		return inconclusive(want, "%s was never looked at", what)
	case len(reigns) == 0:
		return inconclusive(want, "nobody was promoted: there is nothing to follow")
	}
	out := Result{Status: record.Passed, Want: want}
	var worst time.Duration
	for _, v := range views {
		for _, r := range reigns {
			f := v.follow(c, r)
			status, note := p.judge(f, r)
			out.Status = out.Status.Worse(status)
			out.Note = join(out.Note, note)
			out.Findings = append(out.Findings, f.findings(r)...)
			if f.found {
				worst = max(worst, f.at-r.At)
			}
		}
	}
	out.Got = fmt.Sprintf("followed after %s at the latest, seen from %s", figure(worst), plural(len(views), "place"))
	if out.Status != record.Passed {
		out.Got, out.Note = out.Note, ""
	}
	return settled(run, out)
}

// led says of a name that it is led after another one by Firedrill: what it does is no merit of the drilled system.
func led(run *record.Run, name string) bool {
	return slices.ContainsFunc(run.Manifest.Endpoints, func(e record.Endpoint) bool { return e.Name == name && e.Follows != "" })
}

func cmpName(name, kind string) string {
	switch {
	case name != "":
		return name
	case kind == record.ProbeConnection:
		return "the proxy"
	case kind == record.ProbeSession:
		return "the connection that is kept open"
	}
	return "the endpoint"
}

func (p Endpoint) judge(f flip, r reign) (record.Verdict, string) {
	bound := r.At + p.WithinMS.Duration()
	old := ""
	if f.lastOld >= 0 {
		old = fmt.Sprintf(", last led to %s %s after the promotion", r.From, figure(f.lastOld-r.At))
	}
	switch {
	case f.back != "":
		return record.Failed, f.view.String() + " led to " + f.back + " again at " + figure(f.backAt)
	case f.found && f.at <= bound:
		return record.Passed, ""
	case r.Until <= bound: // superseded before it was due
		return record.Passed, f.view.String() + " had no time to follow " + r.Node
	case f.found && f.before >= bound:
		return record.Failed, f.view.String() + " followed after " + figure(f.at-r.At) + old
	case f.found:
		return record.Inconclusive, f.view.String() + " was not looked at between " + figure(f.before) + " and " + figure(f.at)
	case f.lastLook >= bound:
		return record.Failed, f.view.String() + " never led to " + r.Node + old
	}
	return record.Inconclusive, f.view.String() + " was not looked at until the bound was over"
}

// lookout is one place from which an endpoint was looked at.
type lookout struct {
	name, kind, vantage, via string
	probes                   []record.Probe
}

func (v lookout) String() string {
	s := v.name
	if v.kind == record.ProbeSession {
		s = "a connection kept open through " + s
	}
	if v.via != "" {
		s += " via " + v.via
	}
	if v.vantage != "" {
		s += " from " + v.vantage
	}
	return s
}

// lookouts sorts the probes by where they looked from.
func lookouts(run *record.Run) []lookout {
	var out []lookout
	for _, p := range run.Probes {
		i := slices.IndexFunc(out, func(v lookout) bool {
			return v.name == p.Endpoint && v.kind == p.Kind && v.vantage == p.Vantage && v.via == p.Via
		})
		if i < 0 {
			i = len(out)
			out = append(out, lookout{name: p.Endpoint, kind: p.Kind, vantage: p.Vantage, via: p.Via})
		}
		out[i].probes = append(out[i].probes, p)
	}
	slices.SortFunc(out, func(a, b lookout) int { return strings.Compare(a.String(), b.String()) })
	return out
}

// flip is how an endpoint, seen from one place, followed one promotion.
type flip struct {
	view     lookout
	found    bool
	at       time.Duration // first answer with the new primary
	before   time.Duration // when the look before that one was begun: the truth lies in between
	lastOld  time.Duration // last answer with the old primary, or -1
	lastLook time.Duration // begin of the last look
	back     string        // node that an answer led to after the flip
	backAt   time.Duration
	ttl      int
}

// follow finds the flip to a reign, in the time from the deed to the next reign. An endpoint may lead to the new
// primary a moment before that is writable.
func (v lookout) follow(c cause, r reign) flip {
	f := flip{view: v, lastOld: -1, before: c.At}
	for _, p := range v.probes {
		if p.T < c.At || p.T >= r.Until {
			continue
		}
		f.lastLook = p.Asked
		switch {
		case p.Answer == r.Node && !f.found:
			f.found, f.at, f.ttl = true, p.T, p.TTL
		case p.Answer == r.Node || p.Answer == "":
		case f.found && p.Asked > max(f.at, r.At): // begun after the flip: no answer that was merely slow
			if f.back == "" {
				f.back, f.backAt = p.Answer, p.T
			}
		case p.Answer == r.From:
			f.lastOld = p.T
		}
		if !f.found {
			f.before = p.Asked
		}
	}
	return f
}

func (f flip) findings(r reign) []record.Finding {
	if f.back == "" {
		return nil
	}
	return []record.Finding{finding(record.SeverityCritical, "make one party alone write the endpoint, and only after a promotion",
		"%s led to %s again at %s, after it had followed the promotion of %s", f.view, f.back, figure(f.backAt), r.Node)}
}

// flips measures every endpoint from every place: the worst of the drill's failovers each.
func flips(run *record.Run, s succession) []record.EndpointFlip {
	var out []record.EndpointFlip
	for _, v := range lookouts(run) {
		var worst *record.EndpointFlip
		for _, r := range s.failovers() {
			c, _, ok := struck(run, r.At)
			if !ok {
				continue
			}
			if one := v.follow(c, r).measure(c, r); worst == nil || slower(one, *worst) {
				worst = &one
			}
		}
		if worst != nil {
			out = append(out, *worst)
		}
	}
	return out
}

func (f flip) measure(c cause, r reign) record.EndpointFlip {
	out := record.EndpointFlip{Name: f.view.name, Kind: f.view.kind, Vantage: f.view.vantage, Via: f.view.via, TTL: f.ttl}
	if f.found {
		out.FlipMS, out.AfterMS = msPointer(f.at-c.At), msPointer(max(0, f.at-r.At))
		out.ErrorMS = record.MS(f.at - f.before + c.bracket())
	}
	if f.lastOld >= 0 {
		out.LastOldMS = msPointer(f.lastOld - c.At)
	}
	return out
}

// slower orders flips: one that never came is the slowest.
func slower(a, b record.EndpointFlip) bool {
	if a.FlipMS == nil || b.FlipMS == nil {
		return a.FlipMS == nil && b.FlipMS != nil
	}
	return *a.FlipMS > *b.FlipMS
}

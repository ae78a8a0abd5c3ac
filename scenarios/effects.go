package scenarios

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
)

// Effects are what can be seen of a fault from outside: by an application, or by another node. A step looks, what it
// found is recorded, and the bound is judged from the record. So a fault that does nothing fails its drill.

// Bound is what a look promises: a figure within Min and Max, or words.
type Bound struct {
	Min, Max *float64
	Is, Has  string
	Unit     string
}

// AtLeast and AtMost bound a figure.
func AtLeast(v float64, unit string) Bound { return Bound{Min: &v, Unit: unit} }

// AtMost bounds a figure from above.
func AtMost(v float64, unit string) Bound { return Bound{Max: &v, Unit: unit} }

// Is wants exactly this word.
func Is(word string) Bound { return Bound{Is: word} }

// kept says whether a finding keeps the bound: only to know when to stop looking. The verifier judges.
func (b Bound) kept(value string) bool {
	v, err := strconv.ParseFloat(value, 64)
	return (b.Min == nil || err == nil && v >= *b.Min) && (b.Max == nil || err == nil && v <= *b.Max) &&
		(b.Is == "" || value == b.Is) && strings.Contains(value, b.Has)
}

// finding is what a look found: the value that is judged, and the words for the report.
type finding struct{ value, words string }

// unknown is the value of a look that found nothing out: it keeps no bound, and is no verdict.
const unknown = "unknown"

func figureOf(v float64, format string, args ...any) finding {
	return finding{strconv.FormatFloat(v, 'f', 3, 64), fmt.Sprintf(format, args...)}
}

// Look is one kind of look at the running topology.
type Look func(ctx context.Context, d *Drill) (finding, error)

// Observe looks, again and again until the bound is kept or the time is over (0: once), records what it found last,
// and notes the promise.
func (d *Drill) Observe(ctx context.Context, text string, b Bound, within time.Duration, look Look) error {
	d.looks++
	id := "l" + strconv.Itoa(d.looks)
	params := map[string]any{"look": id}
	for k, v := range map[string]*float64{"min": b.Min, "max": b.Max} {
		if v != nil {
			params[k] = *v
		}
	}
	for k, v := range map[string]string{"is": b.Is, "has": b.Has, "unit": b.Unit} {
		if v != "" {
			params[k] = v
		}
	}
	if err := d.Expect(text, "observed", params); err != nil {
		return err
	}
	began := d.now()
	last, err := look(ctx, d)
	if err == nil && within > 0 && !b.kept(last.value) {
		// A look has its own deadlines; the wait only bounds how often it is repeated.
		_ = wait.Until(ctx, text, within, func(context.Context) (bool, string, error) {
			if last, err = look(ctx, d); err != nil {
				return false, "", err
			}
			return b.kept(last.value), last.words, nil
		})
	}
	if err != nil {
		return fmt.Errorf("look: %w", err)
	}
	if last.words == "" { // no pair of nodes, no application: a figure of nothing keeps every upper bound
		last = finding{unknown, "there was nothing to look at"}
	}
	msg := last.words
	if within > 0 {
		msg += fmt.Sprintf(" (after %s)", (d.now() - began).Round(time.Millisecond))
	}
	d.rec.Event(record.Event{T: d.now(), Kind: record.KindObserved, Msg: msg, Attrs: map[string]string{"look": id, "value": last.value}})
	return ctx.Err()
}

// Bounds of single exchanges.
const (
	reachWithin   = time.Second
	tripDeadline  = 5 * time.Second
	lossDeadline  = 300 * time.Millisecond // far above the round trip, far below the first retransmission of a SYN (1 s)
	trips         = 15
	lossTrips     = 200
	lossParallel  = 10
	discardPort   = 9 // closed everywhere: its refusal is a whole round trip
	loginDeadline = 3 * time.Second
	readDeadline  = 30 * time.Second
	lookDeadline  = 6 * time.Second
)

// eachPair goes through all pairs of two targets.
func (d *Drill) eachPair(ctx context.Context, from, to string, do func(a, b *harness.Node) error) error {
	as, bs, err := d.SelectPair(ctx, from, to)
	if err != nil {
		return err
	}
	for _, a := range as {
		for _, b := range bs {
			if a.Name == b.Name {
				continue
			}
			if err := do(a, b); err != nil {
				return err
			}
		}
	}
	return nil
}

// Reach looks how TCP connections go: connected, refused, silence, or those that there were.
func Reach(from, to string, port int) Look {
	return func(ctx context.Context, d *Drill) (finding, error) {
		var words, outcomes []string
		err := d.eachPair(ctx, from, to, func(a, b *harness.Node) error {
			got, err := a.Agent.Exchange(ctx, agent.Exchanges{Address: b.Address, Port: port, Count: 1, Deadline: reachWithin})
			if err != nil {
				return err
			}
			words = append(words, fmt.Sprintf("%s to %s port %d: %s", a.Name, b.Name, port, got[0].Outcome))
			if !slices.Contains(outcomes, got[0].Outcome) {
				outcomes = append(outcomes, got[0].Outcome)
			}
			return nil
		})
		return finding{strings.Join(outcomes, " and "), strings.Join(words, "; ")}, err
	}
}

// RoundTrip looks how long a TCP exchange takes, in milliseconds: the median, of the slowest pair.
func RoundTrip(from, to string) Look {
	return func(ctx context.Context, d *Drill) (finding, error) {
		var slowest float64
		var words []string
		err := d.eachPair(ctx, from, to, func(a, b *harness.Node) error {
			got, err := a.Agent.Exchange(ctx, agent.Exchanges{Address: b.Address, Port: discardPort, Count: trips, Deadline: tripDeadline})
			if err != nil {
				return err
			}
			slices.SortFunc(got, func(x, y agent.Exchange) int { return int(x.Took - y.Took) })
			median := record.MS(got[len(got)/2].Took)
			slowest = max(slowest, median)
			words = append(words, fmt.Sprintf("%s to %s: median %.1f ms of %d (%.1f to %.1f)",
				a.Name, b.Name, median, len(got), record.MS(got[0].Took), record.MS(got[len(got)-1].Took)))
			return nil
		})
		return figureOf(slowest, "%s", strings.Join(words, "; ")), err
	}
}

// Loss looks how many TCP exchanges get no answer at once, in percent of them all.
func Loss(from, to string) Look {
	return func(ctx context.Context, d *Drill) (finding, error) {
		lost, all := 0, 0
		err := d.eachPair(ctx, from, to, func(a, b *harness.Node) error {
			got, err := a.Agent.Exchange(ctx, agent.Exchanges{
				Address: b.Address, Port: discardPort, Count: lossTrips, Parallel: lossParallel, Deadline: lossDeadline,
			})
			for _, e := range got {
				all++
				if e.Outcome == agent.Silence {
					lost++
				}
			}
			return err
		})
		if all == 0 {
			return finding{}, err
		}
		share := 100 * float64(lost) / float64(all)
		return figureOf(share, "%d of %d round trips lost (%.1f %%)", lost, all, share), err
	}
}

// applications are those who look at databases from outside.
func (d *Drill) applications() []*harness.Node {
	return harness.ByComponent(d.nodes, harness.Application)
}

// asApplication runs a statement on each database of a target, from each application node.
func (d *Drill) asApplication(ctx context.Context, target, sql string, deadline time.Duration, do func(app, db *harness.Node, rows agent.Rows, took time.Duration, err error)) error {
	nodes, err := d.Select(ctx, target)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		for _, app := range d.applications() {
			db := d.topology.Application()
			db.Host = n.Address
			began := d.now()
			rows, err := app.Agent.Query(ctx, agent.Query{Database: db, SQL: sql, Timeout: deadline})
			do(app, n, rows, d.now()-began, err)
		}
	}
	return nil
}

// Login looks what an application is told when it logs in: "ok", or the words of the refusal.
func Login(target string) Look {
	return func(ctx context.Context, d *Drill) (finding, error) {
		var said, words []string
		err := d.asApplication(ctx, target, "SELECT 1", loginDeadline, func(app, db *harness.Node, _ agent.Rows, _ time.Duration, err error) {
			word := loggedIn
			if err != nil {
				word = err.Error()
			}
			words = append(words, app.Name+" at "+db.Name+": "+word)
			if !slices.Contains(said, word) {
				said = append(said, word)
			}
		})
		return finding{strings.Join(said, "; "), strings.Join(words, "; ")}, err
	}
}

// loggedIn is what Login finds when nothing is wrong.
const loggedIn = "ok"

// Refusals is the share of applications, in percent, that cannot log in.
func Refusals(target string) Look {
	return func(ctx context.Context, d *Drill) (finding, error) {
		refused, all := 0, 0
		var words []string
		err := d.asApplication(ctx, target, "SELECT 1", loginDeadline, func(app, db *harness.Node, _ agent.Rows, _ time.Duration, err error) {
			all++
			word := loggedIn
			if err != nil {
				refused++
				word = err.Error()
			}
			words = append(words, app.Name+" at "+db.Name+": "+word)
		})
		return figureOf(100*float64(refused)/float64(max(1, all)), "%s", strings.Join(words, "; ")), err
	}
}

// Reading looks how long an application takes to read so many kilobytes, in milliseconds, at worst. One that does not
// finish counts with the time that it was given.
func Reading(target string, kilobytes int) Look {
	return func(ctx context.Context, d *Drill) (finding, error) {
		var slowest time.Duration
		var words []string
		sql := fmt.Sprintf("SELECT REPEAT('x', %d)", kilobytes<<10)
		err := d.asApplication(ctx, target, sql, readDeadline, func(app, db *harness.Node, _ agent.Rows, took time.Duration, err error) {
			word := fmt.Sprintf("%s from %s: %s", app.Name, db.Name, took.Round(time.Millisecond))
			if err != nil {
				took = max(took, readDeadline)
				word += " (" + err.Error() + ")"
			}
			slowest = max(slowest, took)
			words = append(words, word)
		})
		return figureOf(record.MS(slowest), "%d kB: %s", kilobytes, strings.Join(words, "; ")), err
	}
}

// Clock looks how far a database's clock is from the application's, in milliseconds: more is ahead.
func Clock(target string) Look {
	return func(ctx context.Context, d *Drill) (finding, error) {
		sql := "SELECT UNIX_TIMESTAMP(NOW(6)) AS t"
		if d.topology.Application().Driver == "postgres" {
			sql = "SELECT extract(epoch FROM clock_timestamp()) AS t"
		}
		var off float64
		var words []string
		var failed error
		err := d.asApplication(ctx, target, sql, loginDeadline, func(app, db *harness.Node, rows agent.Rows, _ time.Duration, err error) {
			if err != nil {
				failed = fmt.Errorf("ask %s for the time: %w", db.Name, err)
				return
			}
			t, err := strconv.ParseFloat(rows.Get(0, "t"), 64)
			if err != nil {
				failed = fmt.Errorf("ask %s for the time: %w", db.Name, err)
				return
			}
			off = 1000*t - float64(rows.Asked.UnixMicro())/1000
			words = append(words, fmt.Sprintf("%s is %+.3f s from %s", db.Name, off/1000, app.Name))
		})
		if failed != nil { // no answer is no time, and no verdict
			return finding{unknown, failed.Error()}, err
		}
		return figureOf(off, "%s", strings.Join(words, "; ")), err
	}
}

// lookups asks the resolver of each application's datacenter for a name.
func (d *Drill) lookups(ctx context.Context, name string, do func(app *harness.Node, l agent.Lookup)) error {
	for _, app := range d.applications() {
		l, err := app.Agent.Lookup(ctx, agent.Question{Resolver: d.topology.Resolver(app.Datacenter), Name: name, Deadline: lookDeadline})
		if err != nil {
			return err
		}
		do(app, l)
	}
	return nil
}

// nothing is what a name resolves to that does not resolve.
const nothing = "nothing"

// Resolves looks which nodes a name stands for in all datacenters: their names, "nothing", or an address of no node.
func Resolves(name string) Look {
	return func(ctx context.Context, d *Drill) (finding, error) {
		known := d.addresses()
		var answers, words []string
		err := d.lookups(ctx, name, func(app *harness.Node, l agent.Lookup) {
			answer := l.Address
			if node, ok := known[answer]; ok {
				answer = node
			}
			if answer == "" {
				answer = nothing
			}
			words = append(words, strings.TrimSpace(app.Datacenter+" sees "+answer+" "+l.Err))
			if !slices.Contains(answers, answer) {
				answers = append(answers, answer)
			}
		})
		return finding{strings.Join(answers, " and "), strings.Join(words, "; ")}, err
	}
}

// LookingUp looks how long a lookup takes, in milliseconds, in the datacenter where it takes longest.
func LookingUp(name string) Look {
	return func(ctx context.Context, d *Drill) (finding, error) {
		var slowest time.Duration
		var words []string
		err := d.lookups(ctx, name, func(app *harness.Node, l agent.Lookup) {
			slowest = max(slowest, l.Took)
			words = append(words, strings.TrimSpace(fmt.Sprintf("%s: %s %s", app.Datacenter, l.Took.Round(time.Millisecond), l.Err)))
		})
		return figureOf(record.MS(slowest), "%s", strings.Join(words, "; ")), err
	}
}

// process finds a process on a node.
func process(ctx context.Context, n *harness.Node, name string) (agent.ProcessState, error) {
	states, err := n.Agent.Processes(ctx)
	if err != nil {
		return agent.ProcessState{}, err
	}
	var names []string
	for _, s := range states {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return agent.ProcessState{}, fmt.Errorf("no process %q on %s; there are: %s", name, n.Name, strings.Join(names, ", "))
}

// onEach looks at every node of a target and folds what was found: each value once, and all the words. A target that
// nobody is at this moment (a synchronous standby, a leader) may be somebody at the next look.
func onEach(target string, look func(ctx context.Context, d *Drill, n *harness.Node) (value, words string, err error)) Look {
	return func(ctx context.Context, d *Drill) (finding, error) {
		nodes, err := d.Select(ctx, target)
		if err != nil {
			return finding{unknown, err.Error()}, ctx.Err()
		}
		var values, all []string
		for _, n := range nodes {
			value, words, err := look(ctx, d, n)
			if err != nil {
				return finding{}, err
			}
			all = append(all, words)
			if !slices.Contains(values, value) {
				values = append(values, value)
			}
		}
		return finding{strings.Join(values, " and "), strings.Join(all, "; ")}, ctx.Err()
	}
}

// Words that Runs finds.
const (
	runs       = "runs"
	doesNotRun = "does not run"
)

// Runs looks whether a process runs on all nodes of a target.
func Runs(name, target string) Look {
	return onEach(target, func(ctx context.Context, _ *Drill, n *harness.Node) (string, string, error) {
		p, err := process(ctx, n, name)
		word := runs
		if p.PID == 0 {
			word = doesNotRun
		}
		return word, name + " on " + n.Name + " " + word, err
	})
}

// Restarts counts how often a process has come back under another pid since the first look, on the node of a target
// where it did so least often.
func Restarts(name, target string) Look {
	type life struct{ pid, restarts, count int }
	lives := map[string]*life{}
	return func(ctx context.Context, d *Drill) (finding, error) {
		nodes, err := d.Select(ctx, target)
		if err != nil {
			return finding{}, err
		}
		least := -1
		var words []string
		for _, n := range nodes {
			p, err := process(ctx, n, name)
			if err != nil {
				return finding{}, err
			}
			l := lives[n.Name]
			switch {
			case l == nil:
				l = &life{pid: p.PID, restarts: p.Restarts}
				lives[n.Name] = l
			case !p.Inner: // its supervisor counts
				l.count = p.Restarts - l.restarts
			case p.PID != 0 && p.PID != l.pid:
				l.pid = p.PID
				l.count++
			}
			words = append(words, fmt.Sprintf("%s on %s restarted %d times", name, n.Name, l.count))
			if least < 0 || l.count < least {
				least = l.count
			}
		}
		return figureOf(float64(least), "%s", strings.Join(words, "; ")), nil
	}
}

// Words that Replicating finds.
const (
	replicates        = "replicates"
	doesNotReplicate  = "does not replicate"
	freshSample       = 2 * time.Second
	doesNotSayWhether = "does not answer"
)

// Replicating looks whether all databases of a target replicate, by what they say of themselves.
func Replicating(target string) Look {
	return onEach(target, func(_ context.Context, d *Drill, n *harness.Node) (string, string, error) {
		s := d.tracker.sample(n.Name)
		word := doesNotReplicate
		switch {
		case !s.Alive || d.now()-s.T > freshSample:
			word = doesNotSayWhether
		case s.Replicating:
			word = replicates
		}
		return word, strings.TrimSpace(n.Name + " " + word + " " + s.Err), nil
	})
}

// Lag looks how far the databases of a target are behind, in milliseconds: the one that is least.
func Lag(target string) Look {
	return func(ctx context.Context, d *Drill) (finding, error) {
		nodes, err := d.Select(ctx, target)
		if err != nil {
			return finding{}, err
		}
		least := int64(-1)
		var words []string
		for _, n := range nodes {
			s := d.tracker.sample(n.Name)
			if !s.Alive || d.now()-s.T > freshSample || s.LagMS < 0 { // what it said once means nothing now
				return finding{unknown, n.Name + " does not say how far it is behind"}, nil
			}
			words = append(words, fmt.Sprintf("%s is %s behind", n.Name, time.Duration(s.LagMS)*time.Millisecond))
			if least < 0 || s.LagMS < least {
				least = s.LagMS
			}
		}
		return figureOf(float64(least), "%s", strings.Join(words, "; ")), nil
	}
}

// AwaitInterruption holds until some application has had no write acknowledged for so long, or surely will not.
func (d *Drill) AwaitInterruption(ctx context.Context, dur time.Duration) error {
	return d.await(ctx, "writes interrupted for "+dur.String(), 2*dur+5*time.Second, func() (bool, string) {
		longest := d.tracker.silence(d.lanes(), d.now())
		return longest > dur+slack, "the longest so far is " + longest.Round(time.Millisecond).String()
	})
}

// AwaitFailedHook waits until a hook has failed at least so often.
func (d *Drill) AwaitFailedHook(ctx context.Context, name string, times int, within time.Duration) error {
	return d.await(ctx, "hook "+name+" failed", within, func() (bool, string) {
		n := d.tracker.failedHooks(name)
		return n >= times, fmt.Sprintf("%d times", n)
	})
}

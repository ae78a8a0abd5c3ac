package verifiers

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/firedrill/firedrill/harness/record"
)

// lostShown is how many lost writes a report names.
const lostShown = 20

// Ledger promises what becomes of acknowledged writes (RPO). Every write is acknowledged, rejected (surely not done)
// or indeterminate; after convergence it is compared with the rows of the surviving primary. Writes are counted by
// ID: the attempts of a retried one are one write, and it is acknowledged when any of them was.
//
// Lost is an acknowledged write with no row. The data loss window is the age, at the fault, of the oldest lost
// acknowledgement: the last fault before the promotion that lost it. Indeterminate writes that are there or are not
// never fail a drill.
type Ledger struct {
	MaxLost     *int    `json:"max_lost,omitempty" doc:"at most so many acknowledged writes are lost"`
	MaxWindowMS *Millis `json:"max_window_ms,omitempty" doc:"longest data loss window, in milliseconds"`
	Lost        bool    `json:"lost,omitempty" doc:"acknowledged writes are lost: for a set-up that is known to lose them"`
	Vantage     string  `json:"vantage,omitempty" doc:"of the application in that datacenter only; without it, of all"`
}

func (p Ledger) check() error {
	switch {
	case p.MaxLost == nil && p.MaxWindowMS == nil && !p.Lost:
		return errors.New("one of max_lost, max_window_ms and lost must be given")
	case p.MaxLost != nil && *p.MaxLost < 0, p.MaxWindowMS != nil && *p.MaxWindowMS < 0:
		return errors.New("max_lost and max_window_ms: must not be negative")
	case p.Vantage != "" && p.MaxWindowMS != nil:
		return errors.New("max_window_ms: is of all datacenters together")
	}
	return nil
}

// Verify implements Verifier.
func (p Ledger) Verify(run *record.Run) Result {
	want := p.want()
	if why := ledgerUntold(run); why != "" {
		return inconclusive(want, "%s", why)
	}
	l := readLedger(run)
	out := Result{Status: record.Passed, Want: want, Note: l.note, Findings: l.findings()}
	meant := tally{l.Acked, l.Lost}
	if p.Vantage != "" {
		if meant = l.by[p.Vantage]; meant.acked == 0 {
			return inconclusive(want, "no write from %s was acknowledged", p.Vantage)
		}
	}
	out.Got = fmt.Sprintf("%d of %d acknowledged writes lost", meant.lost, meant.acked)
	if p.MaxWindowMS != nil {
		out.Got += ", window " + figure(Millis(l.WindowMS).Duration())
	}
	tooMany := p.MaxLost != nil && meant.lost > *p.MaxLost
	tooOld := p.MaxWindowMS != nil && Millis(l.WindowMS) > *p.MaxWindowMS
	switch {
	case tooMany || tooOld:
		out.Status = record.Failed
	case l.neverSent > 0: // a record that lacks writes may lack acknowledged ones too
		out.Status = record.Inconclusive
		out.Note = join(plural(l.neverSent, "row")+" on the surviving primary that no recorded write explains", out.Note)
	case p.Lost && meant.lost == 0:
		out.Status = record.Failed
	}
	if out.Status == record.Failed && p.Lost && meant.lost == 0 && !whole(run) {
		out.Status = record.Inconclusive
	}
	return settled(run, out)
}

func (p Ledger) want() string {
	var want string
	if p.MaxLost != nil {
		want = fmt.Sprintf("at most %d acknowledged writes lost", *p.MaxLost)
	}
	if p.MaxWindowMS != nil {
		want = join(want, "a data loss window of at most "+figure(p.MaxWindowMS.Duration()))
	}
	if p.Lost {
		want = join(want, "acknowledged writes are lost")
	}
	if p.Vantage != "" {
		want += " in " + p.Vantage
	}
	return want
}

// ledgerUntold says why the ledger cannot be compared, or is empty.
func ledgerUntold(run *record.Run) string {
	acked := slices.ContainsFunc(run.Ops, func(op record.Op) bool { return op.Outcome == record.Acked })
	f := run.Manifest.Final
	switch {
	case !acked:
		return "no write was acknowledged in the whole drill"
	case f == nil:
		return "the rows of the surviving primary were not read"
	case !f.Complete:
		return "the rows were read before the state had settled: waited for " + f.WaitedFor
	case len(run.Rows) < f.RowCount || slices.Contains(run.Truncated, record.RowsFile):
		return fmt.Sprintf("only %d of %d rows are on record", len(run.Rows), f.RowCount)
	case len(run.Rows) == 0:
		return "not one row was read, though writes were acknowledged: " + f.Primary + " is empty, or the wrong table was read"
	case slices.Contains(run.Truncated, record.OpsFile):
		return "the record of the writes was cut off"
	}
	return ""
}

// ledger is the comparison with what the figures do not say.
type ledger struct {
	record.RPO
	neverSent int // rows whose write was never recorded
	refused   int // rows whose write was rejected
	note      string
	by        map[string]tally // vantage of the acknowledged ones
}

// tally counts acknowledged writes.
type tally struct{ acked, lost int }

// write is one row that the application wanted, with all of its attempts.
type write struct {
	outcome  record.Outcome
	ack      record.Op
	attempts map[int]record.Outcome
}

// readLedger compares the writes with the rows.
func readLedger(run *record.Run) ledger {
	writes, order := collect(run)
	rows := map[int64]int{}
	l := ledger{RPO: record.RPO{WaitedFor: run.Manifest.Final.WaitedFor}, by: map[string]tally{}}
	for _, row := range run.Rows {
		rows[row.ID]++
		w := writes[row.ID]
		switch {
		case w == nil || w.attempts[row.Attempt] == "":
			l.neverSent++
		case w.outcome == record.Rejected || w.attempts[row.Attempt] == record.Rejected:
			l.refused++
		}
	}
	var oldest time.Duration
	for _, id := range order {
		w := writes[id]
		l.Attempted++
		if rows[id] > 1 {
			l.Duplicates++
		}
		switch w.outcome {
		case record.Acked:
			l.Acked++
			l.count(w.ack.Vantage, rows[id] == 0)
			if rows[id] > 0 {
				break
			}
			if l.Lost == 0 || w.ack.End < oldest {
				oldest = w.ack.End
			}
			if l.Lost++; l.Lost <= lostShown {
				l.LostIDs = append(l.LostIDs, fmt.Sprintf("%s/%d", w.ack.Vantage, id))
			}
		case record.Indeterminate:
			l.Unknown++
			if rows[id] > 0 {
				l.UnknownPresent++
			}
		default:
			l.Rejected++
		}
	}
	l.Unexpected = l.neverSent + l.refused
	l.Deposed = len(deposed(run))
	if l.Lost > 0 {
		l.window(run, oldest)
	}
	return l
}

// count adds an acknowledged write to its vantage's.
func (l *ledger) count(vantage string, lost bool) {
	t := l.by[vantage]
	t.acked++
	if lost {
		t.lost++
	}
	l.by[vantage] = t
}

// collect folds the attempts of each write: acknowledged beats indeterminate beats rejected.
func collect(run *record.Run) (map[int64]*write, []int64) {
	writes := map[int64]*write{}
	var order []int64
	for _, op := range run.Ops {
		w := writes[op.ID]
		if w == nil {
			w = &write{outcome: record.Rejected, attempts: map[int]record.Outcome{}}
			writes[op.ID] = w
			order = append(order, op.ID)
		}
		w.attempts[op.Attempt] = op.Outcome
		switch {
		case op.Outcome == record.Acked:
			if w.outcome != record.Acked || op.End < w.ack.End {
				w.ack = op
			}
			w.outcome = record.Acked
		case op.Outcome == record.Indeterminate && w.outcome == record.Rejected:
			w.outcome = record.Indeterminate
		}
	}
	return writes, order
}

// window sets the age, at the fault, of the oldest lost acknowledgement. The fault is the last one before the first
// promotion that followed that acknowledgement; without such a promotion, the last fault.
func (l *ledger) window(run *record.Run, oldest time.Duration) {
	promoted := forever
	for _, r := range primaries(run).failovers() {
		if r.At >= oldest {
			promoted = r.At
			break
		}
	}
	var fault cause
	known := false
	for _, c := range strikes(run) {
		if c.At <= promoted || !known {
			fault, known = c, true
		}
	}
	switch {
	case !known:
		l.note = "no fault took effect to measure the data loss window from"
	case oldest > fault.At:
		l.note = fmt.Sprintf("all lost writes were acknowledged after %s, the oldest %s later: the window is 0", fault.Name, figure(oldest-fault.At))
	default:
		l.WindowMS = record.MS(fault.At - oldest)
	}
}

// lateAck is a write that a node acknowledged after a node promoted in its place had acknowledged one.
type lateAck struct {
	record.Op
	After record.Op // the first write that the promoted node acknowledged
}

// deposed lists the late acknowledgements of every failover.
func deposed(run *record.Run) []lateAck {
	type rule struct {
		reign
		first record.Op
		until time.Duration // next failover
	}
	var rules []rule
	all := primaries(run).failovers()
	for i, r := range all {
		until := forever
		if i+1 < len(all) {
			until = all[i+1].At
		}
		if first, ok := firstAck(run, r.Node, r.At); ok {
			rules = append(rules, rule{r, first, until})
		}
	}
	var out []lateAck
	for _, op := range run.Ops {
		i := slices.IndexFunc(rules, func(r rule) bool { return op.Server != r.Node && op.End > r.first.End && op.End < r.until })
		if op.Outcome == record.Acked && op.Server != "" && i >= 0 {
			out = append(out, lateAck{op, rules[i].first})
		}
	}
	return out
}

// firstAck is the first write that a node acknowledged from a time on.
func firstAck(run *record.Run, node string, from time.Duration) (first record.Op, ok bool) {
	for _, op := range run.Ops {
		if op.Outcome == record.Acked && op.Server == node && op.End >= from && (!ok || op.End < first.End) {
			first, ok = op, true
		}
	}
	return first, ok
}

func (l ledger) findings() []record.Finding {
	var out []record.Finding
	if l.Lost > 0 {
		out = append(out, finding(record.SeverityCritical, "semi-synchronous or synchronous replication, and a promotion that waits for the received changes to be applied",
			"%d of %d acknowledged writes are lost", l.Lost, l.Acked))
	}
	if l.refused > 0 {
		out = append(out, finding(record.SeverityCritical, "", "%s that the database rejected and that %s there all the same", plural(l.refused, "write"), isAre(l.refused)))
	}
	if l.neverSent > 0 {
		out = append(out, finding(record.SeverityWarning, "", "%s on the surviving primary that no recorded write explains: the ledger cannot be trusted", plural(l.neverSent, "row")))
	}
	if l.Duplicates > 0 {
		out = append(out, finding(record.SeverityWarning, "give each write a key of its own, so that a retry cannot write it twice",
			"%s there more than once", plural(l.Duplicates, "write")))
	}
	if l.Deposed > 0 {
		out = append(out, finding(record.SeverityCritical, "fence the old primary before the new one takes writes",
			"%s acknowledged by a deposed primary", plural(l.Deposed, "write")))
	}
	return out
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

package node

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/wait"
)

// Bounds of what is asked of a database that may be in trouble.
const (
	connectWithin   = 10 * time.Second // an undo may follow the start of the server by a moment
	statementWithin = 15 * time.Second
	seenWithin      = 10 * time.Second // until what a step brings about shows
)

// statements is one deed of SQL, with what its way back needs to know.
type statements struct {
	spec  agent.SQLSpec
	fault string
	open  func(context.Context, agent.Database) (sqlConn, error)
	all   *held

	known sync.Map // what was remembered: name to answer

	mu   sync.Mutex
	conn sqlConn // held until the undo; nil when none is
}

func (a *Agent) statements(fault string, s agent.SQLSpec) *statements {
	return &statements{spec: s, fault: fault, open: connect, all: &a.held}
}

// sql does what a spec says. Nothing is changed before the way back is noted: until then it only asks.
func (a *Agent) sql(ctx context.Context, fault string, s agent.SQLSpec) (agent.Stamp, error) {
	w := a.statements(fault, s)
	conn, err := w.connect(ctx)
	if err != nil {
		return agent.Stamp{}, err
	}
	if err := w.remember(ctx, conn); err != nil {
		return agent.Stamp{}, errors.Join(err, conn.Close())
	}
	if len(s.Release) > 0 {
		w.hold(conn)
	} else {
		defer conn.Close()
	}
	a.deeds.push(fault, deed{name: s.Kind(), undo: w.undo, inspect: w.inspect})
	stamp := agent.Stamp{Began: agent.Monotonic()}
	_, err = w.run(ctx, conn, s.Apply)
	stamp.Effective = agent.Monotonic()
	if err == nil {
		stamp.Proof, _ = w.inspect() // what cannot be seen yet is looked for again
	}
	return stamp, err
}

// canSQL asks for what a spec needs.
func canSQL(s agent.SQLSpec) (string, error) {
	w := &statements{spec: s, open: connect}
	conn, err := w.connect(context.Background())
	if err != nil {
		return "", err
	}
	defer conn.Close()
	for _, need := range s.Needs {
		answer, ok, err := w.ask(context.Background(), conn, need)
		if err != nil {
			return "", err
		}
		if !ok {
			return w.fill(need.Says, answer), nil
		}
	}
	return "", nil
}

// connect waits a moment for a server that is coming up.
func (w *statements) connect(ctx context.Context) (conn sqlConn, err error) {
	err = wait.Until(ctx, "the database takes a connection", connectWithin, func(ctx context.Context) (bool, string, error) {
		ctx, cancel := context.WithTimeout(ctx, queryTimeout)
		defer cancel()
		c, err := w.open(ctx, w.spec.Database)
		if err != nil {
			return false, err.Error(), nil
		}
		conn = c
		return true, "", nil
	})
	return conn, err
}

func (w *statements) hold(conn sqlConn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conn = conn
	w.all.add(w.fault, 1)
}

func (w *statements) remember(ctx context.Context, conn sqlConn) error {
	for name, q := range w.spec.Remember {
		answer, _, err := w.ask(ctx, conn, q)
		if err != nil {
			return err
		}
		w.known.Store(name, answer)
	}
	return nil
}

// fill puts what is remembered, and an answer, in place of their names.
func (w *statements) fill(text, answer string) string {
	pairs := []string{"{answer}", answer}
	w.known.Range(func(name, value any) bool {
		pairs = append(pairs, "{"+name.(string)+"}", value.(string))
		return true
	})
	return strings.NewReplacer(pairs...).Replace(text)
}

func (w *statements) exec(ctx context.Context, conn sqlConn, sql string) (agent.Rows, error) {
	ctx, cancel := context.WithTimeout(ctx, statementWithin)
	defer cancel()
	sql = w.fill(sql, "")
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		return rows, fmt.Errorf("run %q: %w", brief(sql), err)
	}
	return rows, nil
}

// brief is the beginning of a statement, which tells it from the others.
func brief(sql string) string {
	const enough = 60
	sql = strings.Join(strings.Fields(sql), " ")
	if len(sql) > enough {
		return sql[:enough] + "..."
	}
	return sql
}

// ask returns an answer, and whether it is so.
func (w *statements) ask(ctx context.Context, conn sqlConn, q agent.SQLAsk) (answer string, ok bool, err error) {
	rows, err := w.exec(ctx, conn, q.SQL)
	if err != nil {
		return "", false, err
	}
	column := q.Column
	if column == "" && len(rows.Columns) > 0 {
		column = rows.Columns[0]
	}
	answer = strings.ReplaceAll(rows.Get(0, column), "\n", "") // GTID sets are broken into lines
	q.Is = w.fill(q.Is, "")
	return answer, isSo(q, answer), nil
}

func isSo(q agent.SQLAsk, answer string) bool {
	so := answer != "" && answer != "0" && answer != "f"
	if q.Is != "" {
		so = answer == q.Is
	}
	return so != q.Not
}

// every says whether all questions are so, and what they say.
func (w *statements) every(ctx context.Context, conn sqlConn, questions []agent.SQLAsk) (says []string, ok bool, err error) {
	for _, q := range questions {
		answer, ok, err := w.ask(ctx, conn, q)
		if err != nil || !ok {
			return nil, false, err
		}
		if q.Says != "" {
			says = append(says, w.fill(q.Says, answer))
		}
	}
	return says, true, nil
}

// run goes through steps. After a failure only those run that tidy up.
func (w *statements) run(ctx context.Context, conn sqlConn, steps []agent.SQLStep) ([]string, error) {
	var says []string
	var failed []error
	for _, s := range steps {
		if len(failed) > 0 && !s.Always {
			continue
		}
		said, err := w.step(ctx, conn, s)
		if err != nil {
			failed = append(failed, err)
		} else if said != "" {
			says = append(says, said)
		}
	}
	return says, errors.Join(failed...)
}

func (w *statements) step(ctx context.Context, conn sqlConn, s agent.SQLStep) (string, error) {
	if _, ok, err := w.every(ctx, conn, s.If); err != nil || !ok {
		return w.fill(s.Else, ""), err
	}
	for _, sql := range s.SQL {
		if _, err := w.exec(ctx, conn, sql); err != nil {
			return "", err
		}
	}
	if s.Until == nil {
		return w.fill(s.Says, ""), nil
	}
	var answer string
	err := wait.Until(ctx, "effect of "+brief(strings.Join(s.SQL, "; ")), seenWithin, func(ctx context.Context) (done bool, seen string, err error) {
		answer, done, err = w.ask(ctx, conn, *s.Until)
		return done, answer, err
	})
	return w.fill(s.Says, answer), err
}

// inspect looks once, on a connection of its own: the held one may be the one that blocks.
func (w *statements) inspect() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), queryTimeout)
	defer cancel()
	conn, err := w.open(ctx, w.spec.Database)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	says, _, err := w.every(ctx, conn, w.spec.Seen)
	return strings.Join(says, ", "), err
}

// undo runs the way back, then gives the held connection up: with it end its locks and its transaction, also in a
// server that answers nobody else.
func (w *statements) undo() (string, error) {
	var says []string
	if len(w.spec.Undo) > 0 {
		conn, err := w.connect(context.Background())
		if err != nil {
			return "", err
		}
		defer conn.Close()
		if says, err = w.run(context.Background(), conn, w.spec.Undo); err != nil {
			return "", err
		}
	}
	if released := w.release(); len(says) == 0 {
		return released, nil
	}
	return strings.Join(says, ", "), nil
}

func (w *statements) release() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conn == nil {
		return "nothing of it is left"
	}
	said := "its connection is closed, and its locks with it"
	for _, sql := range w.spec.Release {
		if _, err := w.exec(context.Background(), w.conn, sql); err != nil {
			said = fmt.Sprintf("its connection was lost already, and its locks with it (%s)", err)
			break
		}
	}
	_ = w.conn.Close() // one that is lost already is what we want
	w.conn = nil
	w.all.add(w.fault, -1)
	return said
}

// held counts the connections to databases that faults keep open, by fault.
type held struct {
	mu    sync.Mutex
	count map[string]int
}

func (h *held) add(fault string, n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.count == nil {
		h.count = map[string]int{}
	}
	if h.count[fault] += n; h.count[fault] == 0 {
		delete(h.count, fault)
	}
}

// lines are for the sweep.
func (h *held) lines() ([]string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	for fault, n := range h.count {
		out = append(out, fmt.Sprintf("fault %s holds %d", fault, n))
	}
	sort.Strings(out)
	return out, nil
}

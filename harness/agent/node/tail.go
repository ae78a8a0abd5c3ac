package node

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
)

// tail reports every line of a JSON-lines log as an event. The line's own keys become attributes; its time is when
// the agent saw it, at most one tick after it was written.
func (a *Agent) tail(_ context.Context, _ *session, t agent.Tail) (empty, error) {
	report := a.hookLine
	if t.Kind == "" {
		report = a.eventLine
	}
	a.run("tail", t.Path, func(ctx context.Context) { followLines(ctx, t.Path, func(line string) { report(t, line) }) })
	return empty{}, nil
}

// eventLine takes a line as the event that it is. One that is none is worth a note: its writer has a defect.
func (a *Agent) eventLine(t agent.Tail, line string) {
	var e record.Event
	if err := json.Unmarshal([]byte(line), &e); err != nil || e.Kind == "" {
		e = record.Event{Kind: record.KindNote, Node: t.Node, Msg: line}
	}
	e.T = time.Duration(agent.Monotonic())
	a.report(agent.NotifyEvent, e)
}

func (a *Agent) hookLine(t agent.Tail, line string) {
	attrs := map[string]string{}
	var fields map[string]any
	dec := json.NewDecoder(strings.NewReader(line))
	dec.UseNumber() // times are kept as they were written
	if err := dec.Decode(&fields); err == nil {
		for k, v := range fields {
			attrs[k] = fmt.Sprint(v)
		}
	}
	msg := attrs["name"]
	if msg == "" {
		msg = line
	} else if code := attrs["exit"]; code != "" {
		msg += " exited with " + code
	}
	a.report(agent.NotifyEvent, record.Event{
		T: time.Duration(agent.Monotonic()), Kind: t.Kind, Node: t.Node, Msg: msg, Attrs: attrs,
	})
}

const tailTick = 20 * time.Millisecond

// followLines calls f for every whole line that is written to path from its beginning on, until ctx ends.
func followLines(ctx context.Context, path string, f func(string)) {
	var in *bufio.Reader
	var partial strings.Builder
	for wait.Hold(ctx, tailTick) == nil {
		if in == nil {
			file, err := os.Open(path)
			if err != nil {
				continue // not written yet
			}
			defer file.Close()
			in = bufio.NewReader(file)
		}
		for {
			part, err := in.ReadString('\n')
			partial.WriteString(part)
			if err != nil { // io.EOF: the rest of the line comes later
				if err != io.EOF {
					in = nil
				}
				break
			}
			f(strings.TrimSpace(partial.String()))
			partial.Reset()
		}
	}
}

package workload

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
)

// proxied is an endpoint that leads new connections to leads; writable are the servers that take writes.
type proxied struct {
	leads    string
	writable map[string]bool
	broken   map[string]bool // connections to these are dead
	opened   int
}

func (p *proxied) Write(context.Context, int64, int) Result { return Result{} }

func (p *proxied) Connect(context.Context) (Session, error) {
	p.opened++
	return &held{p, p.leads}, nil
}

type held struct {
	p      *proxied
	server string
}

func (h *held) Who(context.Context) (string, bool, error) {
	if h.p.broken[h.server] {
		return "", false, errors.New("broken pipe")
	}
	return h.server, h.p.writable[h.server], nil
}

func (h *held) Close() {}

// A connection that is kept goes on leading to a server that takes no writes any more, until it breaks; a new one
// follows at once.
func TestAKeptConnectionFollowsOnlyWhenItBreaks(t *testing.T) {
	p := &proxied{leads: "m1", writable: map[string]bool{"m1": true}, broken: map[string]bool{}}
	k := &keeper{driver: p}
	look := func(v view) string {
		server, err := v(t.Context())
		if err != nil {
			return err.Error()
		}
		return server
	}
	assert.Equal(t, "m1", look(k.who))
	assert.Equal(t, "m1", look(k.who))
	assert.Equal(t, 1, p.opened)

	p.leads, p.writable = "m2", map[string]bool{"m2": true}
	assert.Equal(t, "led to m1, which is read-only", look(k.who))
	assert.Equal(t, "led to m1, which is read-only", look(k.who))
	assert.Equal(t, "m2", look(afresh(p)))

	p.broken["m1"] = true
	assert.Equal(t, "broken pipe", look(k.who))
	assert.Equal(t, "m2", look(k.who))

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := k.who(cancelled)
	assert.Error(t, err)
	opened := p.opened
	assert.Equal(t, "m2", look(k.who), "a look that came too late breaks no connection")
	assert.Equal(t, opened, p.opened)
}

package scenarios

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
)

// spoken is a topology whose nodes answer a path of their API, each in its own way; silent ones do not.
type spoken struct {
	harness.Topology
	answers map[string]int
}

func (s spoken) Ask(_ context.Context, n *harness.Node, path string) (int, string, error) {
	status, ok := s.answers[n.Name]
	if !ok {
		return 0, "", errors.New("connection refused")
	}
	return status, `{"path": "` + path + `", "pause": true}`, nil
}

func TestWhatTheAPIBesideADatabaseAnswers(t *testing.T) {
	d := recording(t, spoken{answers: map[string]int{"m1": 503, "m2": 200}})
	look := func(l Look) string {
		got, err := l(t.Context(), d)
		require.NoError(t, err)
		return got.value
	}
	assert.Equal(t, "200", look(Status(`node "m2"`, "/primary")))
	assert.Equal(t, "503 and 200", look(Status(`nodes "m1, m2"`, "/primary")), "not all agree: neither status alone is true")
	assert.Equal(t, "no answer", look(Status(`node "m3"`, "/primary")))
	assert.Equal(t, Has, look(Says(`nodes "m1, m2"`, "/cluster", "'pause': true")))
	assert.Equal(t, "has them not", look(Says(`node "m1"`, "/cluster", "'pause': false")))
	assert.Equal(t, Has+" and no answer", look(Says(`nodes "m2, m3"`, "/cluster", "pause")))

	assert.Equal(t, unknown, look(Status("the proxy", "/")), "there is none now: that is no verdict, and no reason to give up")

	_, err := Status(`node "m1"`, "/")(t.Context(), recording(t, &operated{}))
	assert.ErrorContains(t, err, "this is for topologies of patroni")
}

func TestTheFirstColumnOfAnAnswer(t *testing.T) {
	one, two := "1", "2"
	assert.Equal(t, NoRow, firstColumn(agent.Rows{}))
	assert.Equal(t, "1,NULL,2", firstColumn(agent.Rows{Rows: [][]*string{{&one, &two}, {nil}, {&two}}}))
}

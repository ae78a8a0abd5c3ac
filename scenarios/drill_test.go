package scenarios

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/firedrill/firedrill/harness"
)

// What is given after the topology stands would be ignored in silence: an application that never writes loses nothing.
func TestGivenTooLateIsRefused(t *testing.T) {
	d := &Drill{stands: true, settings: harness.Settings{}}
	for name, err := range map[string]error{
		"topology": d.Topology("mysql-3"),
		"setting":  d.Set("mysql", "back_log", "1"),
		"load":     d.Load(100, ""),
		"retry":    d.Retry(1, time.Second),
	} {
		assert.ErrorIs(t, err, errStands, name)
	}
	assert.False(t, d.load.wanted)
}

func TestLoadIsBounded(t *testing.T) {
	d := &Drill{}
	assert.ErrorContains(t, d.Load(0, ""), "from 1 to 1000")
	assert.ErrorContains(t, d.Load(1001, ""), "from 1 to 1000")
	assert.NoError(t, d.Load(100, ""))
	assert.Equal(t, 10*time.Millisecond, d.load.tick)
}

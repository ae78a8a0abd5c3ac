package node_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/wait"
)

// A throttled process gets its share, and nothing is left stopped; what another fault has frozen stays frozen.
func TestThrottle(t *testing.T) {
	c := newHome(t, 0).dial(true)
	ctx := t.Context()
	require.NoError(t, c.Define(ctx, agent.Process{Name: "burner", Argv: []string{"sh", "-c", "while :; do :; done"}}))
	require.NoError(t, c.Define(ctx, agent.Process{Name: "idle", Argv: []string{"sleep", "1000"}}))
	require.NoError(t, c.Start(ctx, "burner"))
	require.NoError(t, c.Start(ctx, "idle"))
	_, err := c.Do(ctx, "bad", agent.CPUSpec{Share: 0}, 0)
	assert.ErrorContains(t, err, "no share")

	_, err = c.Do(ctx, "frozen", agent.FreezeSpec{Processes: []string{"idle"}}, 0)
	require.NoError(t, err)
	_, err = c.Do(ctx, "slow", agent.CPUSpec{Share: 10}, 0)
	require.NoError(t, err)
	pid := state(t, c, "burner").PID
	began, was := time.Now(), ticks(t, pid)
	for range 20 {
		require.NoError(t, wait.Hold(ctx, 100*time.Millisecond))
		assert.True(t, state(t, c, "idle").Frozen, "another fault has frozen it")
	}
	share := float64(ticks(t, pid)-was) / (float64(time.Since(began)) / float64(10*time.Millisecond))
	assert.Less(t, share, 0.4)
	assert.NotZero(t, share)
	seen, err := c.Inspect(ctx, "slow")
	require.NoError(t, err)
	assert.Regexp(t, `processes throttled in \d+ periods of 100ms, and left \d+\.\d% of the time`, seen.Proof)
	healed, err := c.Heal(ctx, "slow")
	require.NoError(t, err)
	assert.NotEmpty(t, healed.Proof)
	assert.True(t, state(t, c, "idle").Frozen)
	assert.False(t, state(t, c, "burner").Frozen)
	_, err = c.Heal(ctx, "frozen")
	require.NoError(t, err)
	assert.False(t, state(t, c, "idle").Frozen)
}

// ticks is the processor time of a process, in units of 10 ms.
func ticks(t *testing.T, pid int) int {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(t, err)
	fields := strings.Fields(string(data))
	user, err := strconv.Atoi(fields[13])
	require.NoError(t, err)
	system, err := strconv.Atoi(fields[14])
	require.NoError(t, err)
	return user + system
}

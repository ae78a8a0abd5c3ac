package injectors

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/agent"
)

func TestDiskAndClockParameters(t *testing.T) {
	for _, c := range []struct {
		fault, params string
		deed          agent.Deed
		refused       string
	}{
		{fault: "disk.full", deed: agent.FillSpec{}},
		{fault: "disk.readonly", deed: agent.DiskSpec{Write: "EROFS", Sync: "EROFS", Change: "EROFS"}},
		{fault: "disk.error", deed: agent.DiskSpec{Write: "EIO", Sync: "EIO"}},
		{fault: "disk.error", params: `{"sync_only": true}`, deed: agent.DiskSpec{Sync: "EIO"}},
		{fault: "disk.slow", deed: agent.DiskSpec{WriteDelay: 50 * time.Millisecond, SyncDelay: 200 * time.Millisecond}},
		{fault: "disk.slow", params: `{"sync_ms": 1500}`, deed: agent.DiskSpec{SyncDelay: 1500 * time.Millisecond}},
		{fault: "disk.slow", params: `{"write_ms": 0.5}`, deed: agent.DiskSpec{WriteDelay: 500 * time.Microsecond}},
		{fault: "disk.slow", params: `{"write_ms": -1}`, refused: "from 0 to 60000"},
		{fault: "disk.slow", params: `{"sync_ms": 60001}`, refused: "from 0 to 60000"},
		{fault: "clock.jump", params: `{"by_ms": 300000}`, deed: agent.ClockSpec{Ahead: 5 * time.Minute}},
		{fault: "clock.jump", params: `{"by_ms": -1500}`, deed: agent.ClockSpec{Ahead: -1500 * time.Millisecond}},
		{fault: "clock.jump", refused: "by_ms 0: not 0"},
		{fault: "clock.jump", params: `{"by_ms": 1e15}`, refused: "ten years"},
		{fault: "clock.drift", params: `{"percent": 10}`, deed: agent.ClockSpec{GainPPB: 100_000_000}},
		{fault: "clock.drift", params: `{"percent": -0.01}`, deed: agent.ClockSpec{GainPPB: -100_000}},
		{fault: "clock.drift", params: `{"percent": -100}`, refused: "from -99 to 900"},
		{fault: "clock.drift", refused: "percent 0: not 0"},
	} {
		f, err := Builtin().Make(c.fault, json.RawMessage(c.params))
		if c.refused != "" {
			require.ErrorContains(t, err, c.refused, c.fault+c.params)
			continue
		}
		require.NoError(t, err, c.fault+c.params)
		require.Equal(t, c.deed, f.(onTargets).deed, c.fault+c.params)
	}
}

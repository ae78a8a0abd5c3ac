package injectors

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/firedrill/firedrill/harness"
)

// capNetAdmin is the bit of CAP_NET_ADMIN in the kernel's capability sets.
const capNetAdmin = 12

// canCut says whether the agents of all nodes may change their network's rules.
func canCut(ctx context.Context, nodes []Node) error {
	for _, n := range nodes {
		status, err := n.Agent.Read(ctx, "/proc/self/status")
		if err != nil {
			return fmt.Errorf("read capabilities of %s: %w", n.Name, err)
		}
		if !mayAdminister(string(status)) {
			return fmt.Errorf("network faults on %s need the capability NET_ADMIN, which its agent has not: %w", n.Name, harness.ErrUnavailable)
		}
	}
	return nil
}

// mayAdminister reads the effective capabilities from a /proc/PID/status.
func mayAdminister(status string) bool {
	for line := range strings.Lines(status) {
		if hex, ok := strings.CutPrefix(line, "CapEff:"); ok {
			set, err := strconv.ParseUint(strings.TrimSpace(hex), 16, 64)
			return err == nil && set&(1<<capNetAdmin) != 0
		}
	}
	return false
}

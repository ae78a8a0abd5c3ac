package node

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/firedrill/firedrill/harness/agent"
)

// capNetAdmin is the bit of CAP_NET_ADMIN in the kernel's capability sets.
const capNetAdmin = 12

// mayCut says whether this agent may change its node's network.
func mayCut(agent.NetworkSpec) (string, error) { return mayAdministerNetwork() }

// mayAdministerNetwork gives the reason why not.
func mayAdministerNetwork() (string, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "", fmt.Errorf("read capabilities: %w", err)
	}
	if !capable(string(status), capNetAdmin) {
		return "network faults need the capability NET_ADMIN, which the agent has not", nil
	}
	return "", nil
}

// capable reads the effective capabilities from a /proc/PID/status.
func capable(status string, capability uint) bool {
	for line := range strings.Lines(status) {
		if hex, ok := strings.CutPrefix(line, "CapEff:"); ok {
			set, err := strconv.ParseUint(strings.TrimSpace(hex), 16, 64)
			return err == nil && set&(1<<capability) != 0
		}
	}
	return false
}

package verifiers

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/record"
)

// The caveat is that of the provider's firewall alone, and only where it was in force.
func TestAnIsolationByTheProvidersFirewallHasACaveat(t *testing.T) {
	of := func(name string, state record.FaultState) []record.Finding {
		return firewalled(&record.Run{Faults: []record.FaultStep{{ID: "f1", Name: name, State: state}}}, succession{})
	}
	found := of("datacenter.firewalled", record.FaultActive)
	require.Len(t, found, 1)
	assert.Contains(t, found[0].Summary, "VLAN")
	assert.Empty(t, of("datacenter.isolation", record.FaultActive))
	assert.Empty(t, of("datacenter.firewalled", record.FaultDoubtful))
}

package injectors

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
)

func TestDNSParameters(t *testing.T) {
	for _, c := range []struct{ fault, text, want string }{
		{"dns.api", `{}`, `mode: "" (a status from 400 to 599, silent, unserved)`},
		{"dns.api", `{"mode":"200"}`, `mode: "200"`},
		{"dns.api", `{"mode":"500","retry_after_s":3}`, `retry_after_s: only 429 asks to retry`},
		{"dns.api", `{"mode":"429","retry_after_s":3}`, ``},
		{"dns.api", `{"mode":"unserved"}`, ``},
		{"dns.server", `{}`, `give one of`},
		{"dns.server", `{"silent":true,"delay_ms":3}`, `give one of`},
		{"dns.server", `{"delay_ms":-3}`, `delay_ms: it cannot be in the past`},
		{"dns.server", `{"answer":"NOERROR"}`, `answer: "NOERROR" (NXDOMAIN, REFUSED, SERVFAIL)`},
		{"dns.server", `{"is":"m1"}`, `name: a lie is about a name`},
		{"dns.server", `{"is":"m1","name":"db.shop.test"}`, ``},
	} {
		_, err := Builtin().Make(c.fault, json.RawMessage(c.text))
		if c.want == "" {
			assert.NoError(t, err, c.text)
			continue
		}
		assert.ErrorContains(t, err, c.want, c.text)
	}
}

func TestDNSFaultsFindTheirServersAndAddresses(t *testing.T) {
	nodes := []Node{{Name: "d1", Component: harness.DNS}, {Name: "m3", Address: "198.18.0.13"}}
	f, err := newDNSServer(DNSParams{Name: "db.shop.test", Is: "m3"})
	require.NoError(t, err)
	params, targets, err := f.(Resolver).Resolve(nodes, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"d1"}, targets)
	f, err = newDNSServer(params.(DNSParams))
	require.NoError(t, err, "what was resolved can be healed from the file")
	assert.Equal(t, "198.18.0.13", f.(dnsServer).deed.(agent.DNSServerSpec).Address)
	_, _, err = f.(Resolver).Resolve(nodes[1:], nil)
	assert.ErrorContains(t, err, "no DNS server of its own")

	f, err = newDNSServer(DNSParams{Name: "db.shop.test", Is: "m9"})
	require.NoError(t, err)
	_, _, err = f.(Resolver).Resolve(nodes, nil)
	assert.ErrorContains(t, err, `there is no node "m9"`)
}

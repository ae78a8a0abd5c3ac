package standin

import (
	"fmt"
	"strings"
)

// FilterTable is the nftables table (of the family inet) that a filter for Machines.Filter consists of.
const FilterTable = "linode_cloud_firewall"

// nftables writes the filter of a machine, for nft. No firewall, no filter.
//
// The Cloud Firewall is stateful: replies pass. Only the side that opened a connection needs a rule, and needs it for every
// packet, so a change hits the connections that stand, too.
func nftables(guarding []ruleSet) string {
	if len(guarding) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "table inet %s {\n", FilterTable)
	chain := func(name, hook string, rules []rule, side, policy string) {
		fmt.Fprintf(&b, " chain %s {\n  type filter hook %s priority 10; policy %s;\n", name, hook, strings.ToLower(policy))
		fmt.Fprintf(&b, "  %s lo accept\n  ct direction reply ct state established,related accept\n", map[string]string{"saddr": "iif", "daddr": "oif"}[side])
		for _, r := range rules {
			for _, line := range r.nft(side) {
				b.WriteString("  " + line + "\n")
			}
		}
		b.WriteString(" }\n")
	}
	for i, g := range guarding {
		chain(fmt.Sprintf("in%d", i), "input", g.Inbound, "saddr", g.InboundPolicy)
		chain(fmt.Sprintf("out%d", i), "output", g.Outbound, "daddr", g.OutboundPolicy)
	}
	b.WriteString("}\n")
	return b.String()
}

// nft is a rule in nft's words, one line for each family of addresses.
func (r rule) nft(side string) []string {
	match := map[string]string{"TCP": "meta l4proto tcp", "UDP": "meta l4proto udp", "ICMP": "meta l4proto { icmp, ipv6-icmp }", "IPENCAP": "meta l4proto 4"}[r.Protocol]
	if r.Ports != "" {
		match = strings.ToLower(r.Protocol) + " dport { " + r.Ports + " }"
	}
	verdict := strings.ToLower(r.Action)
	var out []string
	for family, addresses := range map[string][]string{"ip": r.Addresses.IPv4, "ip6": r.Addresses.IPv6} {
		if len(addresses) > 0 {
			out = append(out, fmt.Sprintf("%s %s { %s } %s %s", family, side, strings.Join(addresses, ", "), match, verdict))
		}
	}
	return out
}

// Package limits has what the Linode API makes of values that it does not keep as they are. The provider warns by it, and the
// stand-in does it.
package limits

import "net/netip"

// TTLs are the times to live, in seconds, that the API keeps. 0 stands for the default of the domain.
// Source: the documentation of Linode's provider for Terraform.
var TTLs = []int{0, 30, 120, 300, 3600, 7200, 14400, 28800, 57600, 86400, 172800, 345600, 604800, 1209600, 2419200}

// TTL gives what the API makes of a time to live, in seconds: the next one upwards that it keeps, or the longest. So 60
// becomes 120, and 600 an hour.
func TTL(seconds int) int {
	for _, kept := range TTLs {
		if seconds <= kept {
			return kept
		}
	}
	return TTLs[len(TTLs)-1]
}

// Nodes is where the addresses of a NodeBalancer's nodes are. Source: the API's refusal, "Must begin with 192.168".
var Nodes = netip.MustParsePrefix("192.168.0.0/16")

// Balancers is where a NodeBalancer's requests to its nodes come from: what a Cloud Firewall must admit.
// Source: Linode's guides to NodeBalancers.
var Balancers = netip.MustParsePrefix("192.168.255.0/24")

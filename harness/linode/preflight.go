package linode

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firedrill/firedrill/harness/linode/limits"
	"github.com/firedrill/firedrill/harness/record"
)

// Wish is what an endpoint asks of Linode's NodeBalancers and DNS Manager.
type Wish struct {
	Balancers []BalancerWish
	Records   []RecordWish
}

// BalancerWish is one port of a NodeBalancer, and what is behind it.
type BalancerWish struct {
	Name        string // what findings call it
	Protocol    string // tcp, http or udp
	OnlyPrimary bool   // of the nodes behind it, one takes writes, and only that one is to be sent to
	Check       CheckWish
	Nodes       []BackendWish
}

// CheckWish is how it is to find out whom to send to.
type CheckWish struct {
	Port     int    // 0: the port that it sends to
	Path     string // asked over HTTP; empty: a connection is enough
	Interval int    // seconds; 0: the API's default
	Timeout  int    // seconds; 0: the API's default
	Attempts int    // 0: the API's default
}

// BackendWish is a node behind it.
type BackendWish struct {
	Node    string
	Region  string // by the API's name
	Port    int
	Private bool // it has a private IPv4 address
}

// RecordWish is a name that clients resolve.
type RecordWish struct {
	Name string
	TTL  int // seconds; 0: none is asked for
}

// Preflight says what of a wish Linode cannot do, or does otherwise, and what to do about it. It asks nobody: the answer is the
// same before there is an account. What the API refuses or cannot do at all is critical, what differs is a warning.
func Preflight(w Wish) []record.Finding {
	var out []record.Finding
	for _, b := range w.Balancers {
		for _, look := range []func(BalancerWish) *record.Finding{checkOtherPort, checkBlind, checkTimes, severalRegions, noPrivateAddress} {
			if f := look(b); f != nil {
				f.Summary = "NodeBalancer " + b.Name + ": " + f.Summary
				out = append(out, *f)
			}
		}
	}
	for _, r := range w.Records {
		if f := otherTTL(r); f != nil {
			out = append(out, *f)
		}
	}
	return out
}

// onMachine is the way out of most of this.
const onMachine = "put HAProxy on a virtual machine of the topology: its check has a port of its own, and its servers may be anywhere"

// checkOtherPort: there is no key for it but with udp, and who thinks that there is has every node up.
func checkOtherPort(b BalancerWish) *record.Finding {
	var ports []string
	for _, n := range b.Nodes {
		if p := fmt.Sprint(n.Port); b.Check.Port != 0 && b.Check.Port != n.Port && !slices.Contains(ports, p) {
			ports = append(ports, p)
		}
	}
	if len(ports) == 0 || b.Protocol == "udp" {
		return nil
	}
	return &record.Finding{Severity: record.SeverityCritical,
		Summary: fmt.Sprintf("its check is to ask port %d%s and it sends to port %s: a NodeBalancer checks the port that it sends to and no other, so every node that accepts connections is up, replicas too",
			b.Check.Port, b.Check.Path, strings.Join(ports, ", ")),
		Remedy: onMachine + "; or have what answers the check listen on the port of the data"}
}

// checkBlind: a connection is accepted by a replica, too.
func checkBlind(b BalancerWish) *record.Finding {
	if !b.OnlyPrimary || len(b.Nodes) < 2 || b.Check.Path != "" {
		return nil
	}
	return &record.Finding{Severity: record.SeverityCritical,
		Summary: "its check is a connection, which a replica accepts as the primary does: it would send writes to all of them",
		Remedy:  onMachine + "; or have a failover hook change the nodes' modes over the API (accept for the primary, reject for the others)"}
}

// checkTimes are the API's bounds, in seconds.
func checkTimes(b BalancerWish) *record.Finding {
	c := b.Check
	bad := ""
	switch {
	case c.Timeout != 0 && (c.Timeout < 1 || c.Timeout > 30):
		bad = fmt.Sprintf("its check's time-out is %d s, and may be 1 to 30", c.Timeout)
	case c.Attempts != 0 && (c.Attempts < 1 || c.Attempts > 30):
		bad = fmt.Sprintf("its check has %d attempts, and may have 1 to 30", c.Attempts)
	case c.Interval != 0 && c.Timeout == 0 && c.Interval <= defaultCheckTimeout:
		bad = fmt.Sprintf("its check's interval of %d s is not longer than the time-out, which is %d s unless set", c.Interval, defaultCheckTimeout)
	case c.Interval != 0 && c.Interval <= c.Timeout:
		bad = fmt.Sprintf("its check's interval of %d s is not longer than its time-out of %d s", c.Interval, c.Timeout)
	default:
		return nil
	}
	return &record.Finding{Severity: record.SeverityCritical, Summary: bad + ": the API refuses that", Remedy: "set check_timeout, and a check_interval that is longer"}
}

// defaultCheckTimeout is the API's, in seconds, by its recorded answers.
const defaultCheckTimeout = 30

func severalRegions(b BalancerWish) *record.Finding {
	var regions []string
	for _, n := range b.Nodes {
		if !slices.Contains(regions, n.Region) {
			regions = append(regions, n.Region)
		}
	}
	if len(regions) < 2 {
		return nil
	}
	slices.Sort(regions)
	return &record.Finding{Severity: record.SeverityCritical,
		Summary: fmt.Sprintf("its nodes are in %s, and a NodeBalancer has nodes of its own region alone: it cannot fail over to another", strings.Join(regions, " and ")),
		Remedy:  "make one NodeBalancer a region, and have a DNS record that the failover moves lead to one of them; or " + onMachine}
}

func noPrivateAddress(b BalancerWish) *record.Finding {
	var without []string
	for _, n := range b.Nodes {
		if !n.Private {
			without = append(without, n.Node)
		}
	}
	if len(without) == 0 {
		return nil
	}
	return &record.Finding{Severity: record.SeverityCritical,
		Summary: fmt.Sprintf("%s: no private address, and a NodeBalancer reaches its nodes by that alone (%s)", strings.Join(without, ", "), limits.Nodes),
		Remedy:  fmt.Sprintf("create the machines with private_ip, have the service listen on that address, and admit %s in their Cloud Firewall; an address that is added later needs a reboot", limits.Balancers)}
}

func otherTTL(r RecordWish) *record.Finding {
	kept := limits.TTL(r.TTL)
	switch {
	case r.TTL <= 0:
		return &record.Finding{Severity: record.SeverityWarning,
			Summary: fmt.Sprintf("record %s: no TTL is asked for, so it is the domain's default, and resolvers may send clients to the old primary for that long", r.Name),
			Remedy:  fmt.Sprintf("ask for %d s, the shortest that the API keeps", limits.TTLs[1])}
	case kept < r.TTL:
		return &record.Finding{Severity: record.SeverityWarning,
			Summary: fmt.Sprintf("record %s: the TTL of %d s becomes %d s, the longest that the API keeps", r.Name, r.TTL, kept),
			Remedy:  fmt.Sprintf("ask for one of %s s", list(limits.TTLs[1:]))}
	case kept > r.TTL:
		return &record.Finding{Severity: record.SeverityWarning,
			Summary: fmt.Sprintf("record %s: the API rounds the TTL of %d s up to %d s, so a resolver may follow a failover %d s later than planned", r.Name, r.TTL, kept, kept-r.TTL),
			Remedy:  fmt.Sprintf("ask for one of %s s, and plan the recovery time with it", list(limits.TTLs[1:]))}
	}
	return nil
}

// list writes numbers one after the other.
func list(numbers []int) string {
	out := make([]string, len(numbers))
	for i, n := range numbers {
		out[i] = fmt.Sprint(n)
	}
	return strings.Join(out, ", ")
}

package mysql

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/endpoint"
	"github.com/firedrill/firedrill/harness/haproxy"
	"github.com/firedrill/firedrill/harness/wait"
)

// Settings of the name, under dns, and of the resolvers that cache it, under resolver; all in seconds.
const (
	recordTTL = "ttl"     // of the name's record, as it is asked of the API
	minTTL    = "min_ttl" // nothing is kept for less
	maxTTL    = "max_ttl" // nothing is kept for longer
)

// resolverProcess is what drills call a caching resolver.
const resolverProcess = "resolver"

// checkNameSettings refuses what neither the name nor a resolver has.
func (t *Topology) checkNameSettings() error {
	for component, keys := range map[string][]string{harness.DNS: {recordTTL}, harness.Resolver: {minTTL, maxTTL}} {
		for _, key := range slices.Sorted(maps.Keys(t.settings[component])) {
			if !slices.Contains(keys, key) {
				return fmt.Errorf("set %s/%s: there is no such setting; there are: %v", component, key, keys)
			}
			value := t.settings[component][key]
			if n, err := strconv.Atoi(value); err != nil || n < 1 {
				return fmt.Errorf("set %s/%s: %q is not a number of whole seconds, from 1", component, key, value)
			}
		}
	}
	return nil
}

// ttl of the name's record.
func (t *Topology) ttl() int {
	if n, err := strconv.Atoi(t.settings[harness.DNS][recordTTL]); err == nil {
		return n
	}
	return endpoint.TTL
}

// startEndpoint lets the name begin at the primary: the hook finds it right until there is another one.
func (t *Topology) startEndpoint(ctx context.Context, s *starting) error {
	records := []endpoint.Record{{Name: name, Address: t.primaryAtStart().Address, TTL: t.ttl()}}
	for _, p := range t.proxies {
		records = append(records, endpoint.Record{Name: p.domain(), Address: p.Address})
	}
	if t.vip {
		address, err := t.virtualAddress()
		if err != nil {
			return err
		}
		records = append(records, endpoint.Record{Name: vipName, Address: address})
	}
	server, err := endpoint.Start(ctx, t.dns, zone, records)
	if err != nil {
		return err
	}
	t.endpoint = server
	s.done(t.dns.Name)
	return nil
}

// startResolver runs a caching resolver, which asks the DNS server, and returns when it answers.
func (t *Topology) startResolver(ctx context.Context, s *starting, n *harness.Node) error {
	if err := s.wait(ctx, t.dns.Name); err != nil {
		return err
	}
	argv := []string{"/firedrill/firedrill", "resolver", "--listen", "0.0.0.0:53", "--upstream", net.JoinHostPort(t.dns.Address, "53")}
	for key, flag := range map[string]string{minTTL: "--min-ttl", maxTTL: "--max-ttl"} {
		if v := t.settings[harness.Resolver][key]; v != "" {
			argv = append(argv, flag, v+"s")
		}
	}
	err := n.Agent.Define(ctx, agent.Process{Name: resolverProcess, Argv: argv})
	if err == nil {
		err = n.Agent.Start(ctx, resolverProcess)
	}
	if err != nil {
		return fmt.Errorf("start resolver: %w", err)
	}
	err = wait.Until(ctx, "resolver "+n.Name+" answers", socketBudget, func(ctx context.Context) (bool, string, error) {
		_, err := resolve(ctx, n, net.JoinHostPort(n.Address, "53"), name)
		if err != nil {
			return false, err.Error(), nil
		}
		return true, "", nil
	})
	if err == nil {
		s.done(n.Name)
	}
	return err
}

// describeEndpoint says for the report how the applications find the primary.
func (t *Topology) describeEndpoint(ctx context.Context) map[string]string {
	out := map[string]string{"dns/ttl": strconv.Itoa(t.ttl())}
	for key, value := range t.settings[harness.Resolver] {
		out[harness.Resolver+"/"+key] = value
	}
	if len(t.proxies) > 0 {
		out[harness.HAProxy] = haproxy.Version(ctx, t.proxies[0].Node)
	}
	return out
}

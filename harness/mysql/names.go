package mysql

import (
	"context"
	"strconv"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/endpoint"
	"github.com/firedrill/firedrill/harness/haproxy"
)

// recordTTL is the setting of the name, under dns: the TTL of its record in seconds, as it is asked of the API.
const recordTTL = "ttl"

// checkNameSettings refuses what neither the name nor a resolver has.
func (t *Topology) checkNameSettings() error {
	if err := endpoint.CheckSeconds(harness.DNS, t.settings[harness.DNS], recordTTL); err != nil {
		return err
	}
	return endpoint.CheckResolver(t.settings[harness.Resolver])
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
	records := []endpoint.Record{{Name: t.domain(), Address: t.front(t.primaryAtStart()).Address, TTL: t.ttl()}}
	for _, p := range t.proxies {
		records = append(records, endpoint.Record{Name: p.domain(), Address: p.Address})
	}
	if t.vip {
		address, err := t.holders().Address()
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
	r := endpoint.Resolver{Node: n, Upstream: t.dns, Settings: t.settings[harness.Resolver]}
	if err := r.Start(ctx, t.domain()); err != nil {
		return err
	}
	s.done(n.Name)
	return nil
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

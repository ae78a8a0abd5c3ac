package linode

import (
	"context"
	"fmt"
	"slices"

	"github.com/linode/linodego"

	"github.com/firedrill/firedrill/harness"
)

// wall is the Cloud Firewall around the machines of one datacenter.
type wall struct {
	p          *Provider
	firewall   int
	datacenter string
	open       linodego.FirewallRuleSet
	shut       linodego.FirewallRuleSet
}

var _ harness.Wall = (*wall)(nil)

// Shut replaces the rules: the controller's stream comes in, the machines of the datacenter speak with each other, and nothing
// else passes, in either direction. A PUT replaces all rules at once.
func (w *wall) Shut(ctx context.Context) error { return w.put(ctx, w.shut) }

// Open puts the rules back that the drill began with.
func (w *wall) Open(ctx context.Context) error { return w.put(ctx, w.open) }

func (w *wall) put(ctx context.Context, rules linodego.FirewallRuleSet) error {
	if _, err := w.p.client.UpdateFirewallRules(ctx, w.firewall, rules); err != nil {
		return fmt.Errorf("set the rules of the Cloud Firewall of %s: %w", w.datacenter, err)
	}
	return nil
}

// firewalls makes one for each datacenter, which admits nobody: machines are created behind it.
func (p *Provider) firewalls(ctx context.Context, id harness.Identity, specs []harness.NodeSpec) (map[string]int, error) {
	out := map[string]int{}
	for _, dc := range datacenters(specs) {
		label := fmt.Sprintf("%s-%d", drillPrefix(id), len(out)+1)
		made, err := p.create(ctx, id.Run, kindFirewall, label, func(ctx context.Context) (int, error) {
			f, err := p.client.CreateFirewall(ctx, linodego.FirewallCreateOptions{Label: label, Tags: tags(id, p.until), Rules: shut()})
			if err != nil {
				return 0, err
			}
			return f.ID, nil
		})
		if err != nil {
			return nil, err
		}
		out[dc] = made
	}
	return out, nil
}

// datacenters are those of the nodes, in the topology's order.
func datacenters(specs []harness.NodeSpec) []string {
	var out []string
	for _, s := range specs {
		if !slices.Contains(out, s.Datacenter) {
			out = append(out, s.Datacenter)
		}
	}
	return out
}

// shut are the rules of a firewall that lets nobody in.
func shut() linodego.FirewallRuleSet {
	return linodego.FirewallRuleSet{Inbound: []linodego.FirewallRule{}, InboundPolicy: "DROP", Outbound: []linodego.FirewallRule{}, OutboundPolicy: "ACCEPT"}
}

// walls gives each datacenter the rules that it begins with, and those of its isolation. Machines in a VPC are admitted by their
// addresses in it and by no others: a Cloud Firewall filters that interface too.
func (p *Provider) walls(ctx context.Context, firewalls map[string]int, machines []*machine) error {
	controller, err := p.controller(machines[0].public)
	if err != nil {
		return err
	}
	var everybody []string
	inside := map[string][]string{}
	for _, m := range machines {
		everybody = append(everybody, m.Address+"/32")
		inside[m.Datacenter] = append(inside[m.Datacenter], m.Address+"/32")
	}
	walls := map[string]*wall{}
	for dc, id := range firewalls {
		w := &wall{p: p, firewall: id, datacenter: dc, open: shut(), shut: shut()}
		w.open.Inbound = append(admit("controller", linodego.TCP, "22", controller), peers(everybody)...)
		w.shut.Inbound = append(admit("controller", linodego.TCP, "22", controller), peers(inside[dc])...)
		w.shut.Outbound, w.shut.OutboundPolicy = peers(inside[dc]), "DROP"
		if err := w.Open(ctx); err != nil {
			return err
		}
		walls[dc] = w
	}
	for _, m := range machines {
		m.Wall = walls[m.Datacenter]
	}
	return nil
}

func admit(label string, protocol linodego.NetworkProtocol, ports string, who ...string) []linodego.FirewallRule {
	return []linodego.FirewallRule{{Action: "ACCEPT", Label: label, Protocol: protocol, Ports: ports, Addresses: linodego.NetworkAddresses{IPv4: &who}}}
}

func peers(who []string) []linodego.FirewallRule {
	return slices.Concat(admit("peers-tcp", linodego.TCP, "1-65535", who...), admit("peers-udp", linodego.UDP, "1-65535", who...), admit("peers-icmp", linodego.ICMP, "", who...))
}

package standin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// firewall is a Cloud Firewall, with the API's keys and no others.
type firewall struct {
	ID       int              `json:"id"`
	Label    string           `json:"label"`
	Created  string           `json:"created"`
	Updated  string           `json:"updated"`
	Status   string           `json:"status"` // enabled or disabled
	Rules    ruleSet          `json:"rules"`
	Tags     []string         `json:"tags"`
	Entities []firewallEntity `json:"entities"`
}

type firewallEntity struct {
	entity
	Parent *entity `json:"parent_entity"`
}

// firewallDevice is what a firewall guards, by a number of its own.
type firewallDevice struct {
	ID      int            `json:"id"`
	Created string         `json:"created"`
	Updated string         `json:"updated"`
	Entity  firewallEntity `json:"entity"`
}

// guard is a firewall with what the API shows elsewhere.
type guard struct {
	Firewall *firewall         `json:"firewall"`
	Devices  []*firewallDevice `json:"devices"`
}

type ruleSet struct {
	Inbound        []rule `json:"inbound"`
	InboundPolicy  string `json:"inbound_policy"`
	Outbound       []rule `json:"outbound"`
	OutboundPolicy string `json:"outbound_policy"`
	Version        int    `json:"version"`
	Fingerprint    string `json:"fingerprint"`
}

type rule struct {
	Action      string        `json:"action"`
	Label       string        `json:"label"`
	Description *string       `json:"description,omitempty"`
	Ports       string        `json:"ports,omitempty"` // "22, 8000-9000"; empty for all
	Protocol    string        `json:"protocol"`
	Addresses   ruleAddresses `json:"addresses"`
}

type ruleAddresses struct {
	IPv4 []string `json:"ipv4,omitempty"`
	IPv6 []string `json:"ipv6,omitempty"`
}

type firewallInput struct {
	Label   *string        `json:"label"`
	Status  *string        `json:"status"`
	Tags    *[]string      `json:"tags"`
	Rules   *ruleSet       `json:"rules"`
	Devices *deviceNumbers `json:"devices"`
}

type deviceNumbers struct {
	Linodes          []int `json:"linodes"`
	NodeBalancers    []int `json:"nodebalancers"`
	LinodeInterfaces []int `json:"linode_interfaces"`
}

func (s *Server) firewallRoutes() {
	s.route("/v4/networking/firewalls", map[string]endpoint{"GET": s.listFirewalls, "POST": s.createFirewall})
	s.route("/v4/networking/firewalls/{id}", map[string]endpoint{"GET": s.getFirewall, "PUT": s.updateFirewall, "DELETE": s.deleteFirewall})
	s.route("/v4/networking/firewalls/{id}/rules", map[string]endpoint{"GET": s.getRules, "PUT": s.updateRules})
	s.route("/v4/networking/firewalls/{id}/devices", map[string]endpoint{"GET": s.listDevices, "POST": s.createDevice})
	s.route("/v4/networking/firewalls/{id}/devices/{device}", map[string]endpoint{"GET": s.getDevice, "DELETE": s.deleteDevice})
}

func (s *state) guard(r *http.Request) (*guard, error) {
	return byID(r, "id", s.Guards, func(g *guard) int { return g.Firewall.ID })
}

func (s *state) firewallOf(id int) *guard {
	if i := slices.IndexFunc(s.Guards, func(g *guard) bool { return g.Firewall.ID == id }); i >= 0 {
		return s.Guards[i]
	}
	return nil
}

func firewallsIn(s *state) []*firewall {
	var all []*firewall
	for _, g := range s.Guards {
		all = append(all, g.Firewall)
	}
	return all
}

func (s *Server) listFirewalls(r *http.Request) (any, error) {
	return list(r, firewallsIn(s.store.state.Load()))
}

func (s *Server) getFirewall(r *http.Request) (any, error) {
	g, err := s.store.state.Load().guard(r)
	if err != nil {
		return nil, err
	}
	return g.Firewall, nil
}

func (s *Server) createFirewall(r *http.Request) (any, error) {
	var in firewallInput
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	if in.Rules == nil {
		return nil, invalid("rules", "rules is required")
	}
	var created *firewall
	return answerOf(&created, s.changeFilters(r, func(next *state) error {
		created = &firewall{ID: next.nextID(), Created: now(), Status: "enabled", Tags: []string{}, Entities: []firewallEntity{}}
		created.Label = fmt.Sprintf("firewall%d", created.ID)
		g := &guard{Firewall: created}
		next.Guards = append(next.Guards, g)
		if err := g.set(in, next); err != nil {
			return err
		}
		next.happened("firewall_create", g.entity())
		if in.Devices == nil {
			return nil
		}
		for _, id := range in.Devices.Linodes {
			if next.linodeOf(id) == nil {
				return invalid("devices.linodes", "entity_id is not valid")
			}
			g.attach(next, "linode", id)
		}
		for _, id := range in.Devices.NodeBalancers {
			if next.balancerOf(id) == nil {
				return invalid("devices.nodebalancers", "entity_id is not valid")
			}
			g.attach(next, "nodebalancer", id)
		}
		return nil
	}))
}

func (g *guard) entity() entity {
	return entity{g.Firewall.ID, g.Firewall.Label, "firewall", link("networking/firewalls", g.Firewall.ID)}
}

var firewallLabel = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{1,30}[A-Za-z0-9]$`)

// set takes the input over and checks the whole.
func (g *guard) set(in firewallInput, all *state) error {
	f := g.Firewall
	take(&f.Label, in.Label)
	take(&f.Status, in.Status)
	take(&f.Tags, in.Tags)
	f.Updated = now()
	all.keepTags(f.Tags)
	if in.Rules != nil {
		if err := in.Rules.check(); err != nil {
			return err
		}
		in.Rules.Version = f.Rules.Version + 1
		f.Rules = *in.Rules
		f.Rules.Fingerprint = f.Rules.print()
	}
	switch {
	case !firewallLabel.MatchString(f.Label):
		return invalid("label", "Label must be 3-32 characters: letters, digits, dashes, underscores and dots")
	case f.Status != "enabled" && f.Status != "disabled":
		return invalid("status", "Must be one of enabled, disabled")
	}
	for _, other := range all.Guards {
		if other != g && other.Firewall.Label == f.Label {
			return invalid("label", "Label must be unique among your Cloud Firewalls")
		}
	}
	return nil
}

// check refuses rules that could not be made.
func (r *ruleSet) check() error {
	for field, policy := range map[string]string{"inbound_policy": r.InboundPolicy, "outbound_policy": r.OutboundPolicy} {
		if policy != "ACCEPT" && policy != "DROP" {
			return invalid("rules."+field, "Must be one of ACCEPT, DROP")
		}
	}
	if r.Inbound == nil {
		r.Inbound = []rule{}
	}
	if r.Outbound == nil {
		r.Outbound = []rule{}
	}
	if len(r.Inbound)+len(r.Outbound) > 25 {
		return invalid("rules", "Must be no more than 25 rules") // as the API's documentation has it
	}
	for _, one := range slices.Concat(r.Inbound, r.Outbound) {
		if one.Action != "ACCEPT" && one.Action != "DROP" {
			return invalid("rules.action", "Must be one of ACCEPT, DROP")
		}
		if !slices.Contains([]string{"TCP", "UDP", "ICMP", "IPENCAP"}, one.Protocol) {
			return invalid("rules.protocol", "Must be one of TCP, UDP, ICMP, IPENCAP")
		}
		if one.Ports != "" && !portList.MatchString(one.Ports) {
			return invalid("rules.ports", "Must be ports and ranges, separated by commas")
		}
		if len(one.Addresses.IPv4)+len(one.Addresses.IPv6) == 0 {
			return invalid("rules.addresses", "addresses is required")
		}
		for _, a := range slices.Concat(one.Addresses.IPv4, one.Addresses.IPv6) {
			if _, err := netip.ParsePrefix(a); err != nil {
				return invalid("rules.addresses", "%q is not an address with a prefix", a)
			}
		}
	}
	return nil
}

var portList = regexp.MustCompile(`^\d{1,5}(-\d{1,5})?(, ?\d{1,5}(-\d{1,5})?)*$`)

func (r ruleSet) print() string {
	r.Version, r.Fingerprint = 0, ""
	text, _ := json.Marshal(r)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:4])
}

func (s *Server) updateFirewall(r *http.Request) (any, error) {
	var in struct {
		Label  *string   `json:"label"`
		Status *string   `json:"status"`
		Tags   *[]string `json:"tags"`
	}
	if err := decode(r, &in, readOnlyOf(firewall{}, in)...); err != nil {
		return nil, err
	}
	var updated *firewall
	return answerOf(&updated, s.changeFilters(r, func(next *state) error {
		g, err := next.guard(r)
		if err != nil {
			return err
		}
		updated = g.Firewall
		was := updated.Status
		if err := g.set(firewallInput{Label: in.Label, Status: in.Status, Tags: in.Tags}, next); err != nil {
			return err
		}
		action := map[bool]string{true: "firewall_update", false: strings.TrimSuffix("firewall_"+updated.Status, "d")}[was == updated.Status]
		next.happened(action, g.entity())
		return nil
	}))
}

func (s *Server) deleteFirewall(r *http.Request) (any, error) {
	var freed []int
	err := s.store.update(func(next *state) error {
		gone, err := next.guard(r)
		if err != nil {
			return err
		}
		freed = gone.linodes()
		next.happened("firewall_delete", gone.entity())
		next.Guards = slices.DeleteFunc(next.Guards, func(g *guard) bool { return g == gone })
		return nil
	})
	if err != nil {
		return nil, err
	}
	return struct{}{}, s.filterAll(r.Context(), freed)
}

func (s *Server) getRules(r *http.Request) (any, error) {
	g, err := s.store.state.Load().guard(r)
	if err != nil {
		return nil, err
	}
	return g.Firewall.Rules, nil
}

// updateRules replaces all rules.
func (s *Server) updateRules(r *http.Request) (any, error) {
	var in ruleSet
	if err := decode(r, &in, "version", "fingerprint"); err != nil {
		return nil, err
	}
	var rules *ruleSet
	return answerOf(&rules, s.changeFilters(r, func(next *state) error {
		g, err := next.guard(r)
		if err != nil {
			return err
		}
		if err := g.set(firewallInput{Rules: &in}, next); err != nil {
			return err
		}
		rules = &g.Firewall.Rules
		next.happened("firewall_update", g.entity())
		return nil
	}))
}

// attach puts something under the firewall's guard.
func (g *guard) attach(s *state, kind string, id int) *firewallDevice {
	e := entity{ID: id, Type: kind}
	switch kind {
	case "linode":
		e.URL = link("linode/instances", id)
		if l := s.linodeOf(id); l != nil {
			e.Label = l.Instance.Label
		}
	case "nodebalancer":
		e.URL = link("nodebalancers", id)
		if b := s.balancerOf(id); b != nil {
			e.Label = b.Balancer.Label
		}
	}
	d := &firewallDevice{ID: s.nextID(), Created: now(), Updated: now(), Entity: firewallEntity{entity: e}}
	g.Devices = append(g.Devices, d)
	g.Firewall.Entities = append(g.Firewall.Entities, d.Entity)
	s.happened("firewall_device_add", g.entity())
	return d
}

// detach takes everything that match selects out of the firewall's guard.
func (g *guard) detach(s *state, match func(*firewallDevice) bool) {
	g.Devices = slices.DeleteFunc(g.Devices, func(d *firewallDevice) bool {
		if !match(d) {
			return false
		}
		g.Firewall.Entities = slices.DeleteFunc(g.Firewall.Entities, func(e firewallEntity) bool {
			return e.ID == d.Entity.ID && e.Type == d.Entity.Type
		})
		s.happened("firewall_device_remove", g.entity())
		return true
	})
}

func (g *guard) linodes() (ids []int) {
	for _, d := range g.Devices {
		if d.Entity.Type == "linode" {
			ids = append(ids, d.Entity.ID)
		}
	}
	return ids
}

func (s *Server) listDevices(r *http.Request) (any, error) {
	g, err := s.store.state.Load().guard(r)
	if err != nil {
		return nil, err
	}
	return list(r, g.Devices)
}

func (s *Server) getDevice(r *http.Request) (any, error) {
	g, err := s.store.state.Load().guard(r)
	if err != nil {
		return nil, err
	}
	return byID(r, "device", g.Devices, func(d *firewallDevice) int { return d.ID })
}

func (s *Server) createDevice(r *http.Request) (any, error) {
	var in struct {
		ID   *int    `json:"id"`
		Type *string `json:"type"`
	}
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	var created *firewallDevice
	return answerOf(&created, s.changeFilters(r, func(next *state) error {
		g, err := next.guard(r)
		if err != nil {
			return err
		}
		known := in.ID != nil && in.Type != nil &&
			(*in.Type == "linode" && next.linodeOf(*in.ID) != nil || *in.Type == "nodebalancer" && next.balancerOf(*in.ID) != nil)
		if !known {
			return invalid("id", "entity_id is not valid")
		}
		if g.guards(*in.Type, *in.ID) {
			return invalid("id", "The entity is already a device of this firewall") // the words are ours
		}
		created = g.attach(next, *in.Type, *in.ID)
		return nil
	}))
}

func (g *guard) guards(kind string, id int) bool {
	return slices.ContainsFunc(g.Devices, func(d *firewallDevice) bool { return d.Entity.Type == kind && d.Entity.ID == id })
}

func (s *Server) deleteDevice(r *http.Request) (any, error) {
	var freed []int
	err := s.store.update(func(next *state) error {
		g, err := next.guard(r)
		if err != nil {
			return err
		}
		gone, err := byID(r, "device", g.Devices, func(d *firewallDevice) int { return d.ID })
		if err != nil {
			return err
		}
		if gone.Entity.Type == "linode" {
			freed = append(freed, gone.Entity.ID)
		}
		g.detach(next, func(d *firewallDevice) bool { return d == gone })
		return nil
	})
	if err != nil {
		return nil, err
	}
	return struct{}{}, s.filterAll(r.Context(), freed)
}

func (s *Server) instanceFirewalls(r *http.Request) (any, error) {
	all := s.store.state.Load()
	l, err := all.linode(r)
	if err != nil {
		return nil, err
	}
	var guarding []*firewall
	for _, g := range all.Guards {
		if g.guards("linode", l.Instance.ID) {
			guarding = append(guarding, g.Firewall)
		}
	}
	return list(r, guarding)
}

// changeFilters makes a change and then brings the filters of all machines under every firewall up to date.
func (s *Server) changeFilters(r *http.Request, change func(*state) error) error {
	if err := s.store.update(change); err != nil {
		return err
	}
	var ids []int
	for _, g := range s.store.state.Load().Guards {
		ids = append(ids, g.linodes()...)
	}
	return s.filterAll(r.Context(), ids)
}

func (s *Server) filterAll(ctx context.Context, ids []int) error {
	for _, id := range ids {
		if err := s.filter(ctx, s.store.state.Load(), id); err != nil {
			return err
		}
	}
	return nil
}

// filter gives one machine the filter that its firewalls make. A machine without power takes it at its next boot.
func (s *Server) filter(ctx context.Context, all *state, id int) error {
	l := all.linodeOf(id)
	if l == nil || l.Instance.Status == statusOffline || l.Instance.Status == statusProvisioning {
		return nil
	}
	var guarding []ruleSet
	for _, g := range all.Guards {
		if g.Firewall.Status == "enabled" && g.guards("linode", id) {
			guarding = append(guarding, g.Firewall.Rules)
		}
	}
	return s.machines.Filter(ctx, id, nftables(guarding))
}

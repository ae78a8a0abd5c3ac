package standin

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// instance is a virtual machine, with the API's keys and no others.
type instance struct {
	ID              int              `json:"id"`
	Label           string           `json:"label"`
	Group           string           `json:"group"`
	Status          string           `json:"status"`
	Created         string           `json:"created"`
	Updated         string           `json:"updated"`
	Type            string           `json:"type"`
	IPv4            []string         `json:"ipv4"`
	IPv6            string           `json:"ipv6"`
	Image           *string          `json:"image"`
	Region          string           `json:"region"`
	SiteType        string           `json:"site_type"`
	Specs           instanceSpecs    `json:"specs"`
	Alerts          map[string]int   `json:"alerts"`
	Backups         instanceBackups  `json:"backups"`
	Hypervisor      string           `json:"hypervisor"`
	WatchdogEnabled bool             `json:"watchdog_enabled"` // Lassie: boots it again when it went down by itself
	Tags            []string         `json:"tags"`
	HostUUID        string           `json:"host_uuid"`
	HasUserData     bool             `json:"has_user_data"`
	PlacementGroup  *placementMember `json:"placement_group"`
	DiskEncryption  string           `json:"disk_encryption"`
	LKEClusterID    *int             `json:"lke_cluster_id"`
	Capabilities    []string         `json:"capabilities"`
	Generation      string           `json:"interface_generation"`
	Maintenance     string           `json:"maintenance_policy"`
	Locks           []string         `json:"locks"`
}

type instanceSpecs struct {
	Disk        int `json:"disk"`
	Memory      int `json:"memory"`
	VCPUs       int `json:"vcpus"`
	GPUs        int `json:"gpus"`
	Transfer    int `json:"transfer"`
	Accelerated int `json:"accelerated_devices"`
}

type instanceBackups struct {
	Enabled   bool `json:"enabled"`
	Available bool `json:"available"`
	Schedule  struct {
		Day    *string `json:"day"`
		Window *string `json:"window"`
	} `json:"schedule"`
	LastSuccessful *string `json:"last_successful"`
}

// placementMember is the placement group of an instance, as the instance has it.
type placementMember struct {
	ID          int    `json:"id"`
	Label       string `json:"label"`
	Type        string `json:"placement_group_type"`
	Policy      string `json:"placement_group_policy"`
	MigratingTo *int   `json:"migrating_to"`
}

// States of an instance.
const (
	statusProvisioning = "provisioning"
	statusBooting      = "booting"
	statusRunning      = "running"
	statusShuttingDown = "shutting_down"
	statusOffline      = "offline"
	statusRebooting    = "rebooting"
	statusDeleting     = "deleting"
)

// linode is an instance with what the API does not show of it.
type linode struct {
	Instance *instance   `json:"instance"`
	Private  string      `json:"private"` // its private IPv4, if it has one
	VPC      *attachment `json:"vpc"`     // its interface in a VPC, if it has one
	Busy     bool        `json:"busy"`    // a job runs
	Lassie   []int64     `json:"lassie"`  // when the watchdog booted it, Unix seconds
}

func (l *linode) entity() entity {
	return entity{l.Instance.ID, l.Instance.Label, "linode", link("linode/instances", l.Instance.ID)}
}

// instanceInput is what a client may set at the creation; nil leaves the default.
type instanceInput struct {
	Region            *string           `json:"region"`
	Type              *string           `json:"type"`
	Label             *string           `json:"label"`
	Image             *string           `json:"image"`
	RootPass          *string           `json:"root_pass"`
	AuthorizedKeys    *[]string         `json:"authorized_keys"`
	AuthorizedUsers   *[]string         `json:"authorized_users"`
	Group             *string           `json:"group"`
	Tags              *[]string         `json:"tags"`
	PrivateIP         *bool             `json:"private_ip"`
	NetworkHelper     *bool             `json:"network_helper"`
	Booted            *bool             `json:"booted"`
	SwapSize          *int              `json:"swap_size"`
	BackupsEnabled    *bool             `json:"backups_enabled"`
	Metadata          *instanceMetadata `json:"metadata"`
	FirewallID        *int              `json:"firewall_id"`
	Generation        *string           `json:"interface_generation"`
	DiskEncryption    *string           `json:"disk_encryption"`
	Placement         *placementInput   `json:"placement_group"`
	Interfaces        *[]interfaceInput `json:"interfaces"`
	MaintenancePolicy *string           `json:"maintenance_policy"`
}

type instanceMetadata struct {
	UserData string `json:"user_data"`
}

type placementInput struct {
	ID            int   `json:"id"`
	CompliantOnly *bool `json:"compliant_only"`
}

// interfaceInput is an interface of a configuration profile (the "legacy" generation).
type interfaceInput struct {
	Purpose  string `json:"purpose"` // public, vpc or vlan
	Primary  bool   `json:"primary"`
	SubnetID *int   `json:"subnet_id"`
	IPv4     *struct {
		VPC     string  `json:"vpc"`
		NAT1To1 *string `json:"nat_1_1"`
	} `json:"ipv4"`
}

// instanceUpdate is what a client may change.
type instanceUpdate struct {
	Label           *string         `json:"label"`
	Group           *string         `json:"group"`
	Tags            *[]string       `json:"tags"`
	WatchdogEnabled *bool           `json:"watchdog_enabled"`
	Alerts          *map[string]int `json:"alerts"`
}

func (s *Server) instanceRoutes() {
	s.route("/v4/linode/instances", map[string]endpoint{"GET": s.listInstances, "POST": s.createInstance})
	s.route("/v4/linode/instances/{id}", map[string]endpoint{"GET": s.getInstance, "PUT": s.updateInstance, "DELETE": s.deleteInstance})
	s.route("/v4/linode/instances/{id}/boot", map[string]endpoint{"POST": s.bootInstance})
	s.route("/v4/linode/instances/{id}/shutdown", map[string]endpoint{"POST": s.shutdownInstance})
	s.route("/v4/linode/instances/{id}/reboot", map[string]endpoint{"POST": s.rebootInstance})
	s.route("/v4/linode/instances/{id}/ips", map[string]endpoint{"GET": s.instanceIPs, "POST": s.addInstanceIP})
	s.route("/v4/linode/instances/{id}/firewalls", map[string]endpoint{"GET": s.instanceFirewalls})
}

func (s *Server) listInstances(r *http.Request) (any, error) {
	var all []*instance
	for _, l := range s.store.state.Load().Linodes {
		all = append(all, l.Instance)
	}
	return list(r, all)
}

func (s *Server) getInstance(r *http.Request) (any, error) {
	l, err := s.store.state.Load().linode(r)
	if err != nil {
		return nil, err
	}
	return l.Instance, nil
}

// linode finds the instance that the path names.
func (s *state) linode(r *http.Request) (*linode, error) {
	return byID(r, "id", s.Linodes, func(l *linode) int { return l.Instance.ID })
}

func (s *state) linodeOf(id int) *linode {
	if i := slices.IndexFunc(s.Linodes, func(l *linode) bool { return l.Instance.ID == id }); i >= 0 {
		return s.Linodes[i]
	}
	return nil
}

// createInstance answers with an instance that is being provisioned, and goes on in the background: it makes the machine
// and, if not told otherwise, boots it.
func (s *Server) createInstance(r *http.Request) (any, error) {
	var in instanceInput
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	userData, err := in.userData()
	if err != nil {
		return nil, err
	}
	order, err := s.provisioning.next()
	if err != nil {
		return nil, err
	}
	var created *linode
	var began *event
	err = s.store.update(func(next *state) error {
		l, err := s.newLinode(next, in)
		if err != nil {
			return err
		}
		next.keepTags(l.Instance.Tags)
		created, began = l, next.begun("linode_create", l.entity())
		return nil
	})
	if err != nil {
		return nil, err
	}
	machine := created.machine(in, userData)
	boot := created.Instance.Image != nil && (in.Booted == nil || *in.Booted)
	s.jobs.start(func(ctx context.Context) { s.provision(ctx, machine, began.ID, boot, order) })
	return created.Instance, nil
}

// maxUserData is what the Metadata service takes, in bytes before the encoding.
const maxUserData = 16384

func (in *instanceInput) userData() ([]byte, error) {
	if in.Metadata == nil || in.Metadata.UserData == "" {
		return nil, nil
	}
	data, err := base64.StdEncoding.DecodeString(in.Metadata.UserData)
	switch {
	case err != nil:
		return nil, invalid("metadata.user_data", "Must be a valid base64 encoded string")
	case len(data) > maxUserData:
		return nil, invalid("metadata.user_data", "Must be no more than %d bytes", maxUserData)
	}
	return data, nil
}

var instanceLabel = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_.-]{1,62})[A-Za-z0-9]$`)

// newLinode checks an order and makes the instance of it. The words of most refusals are ours.
func (s *Server) newLinode(next *state, in instanceInput) (*linode, error) {
	if in.Region == nil || in.Type == nil {
		return nil, invalid(map[bool]string{true: "region", false: "type"}[in.Region == nil], "This field is required")
	}
	where, err := regionWith(*in.Region, hasLinodes)
	if err != nil {
		return nil, err
	}
	p := slices.IndexFunc(plans, func(p *plan) bool { return p.ID == *in.Type })
	if p < 0 {
		return nil, invalid("type", "A valid plan type by that ID was not found")
	}
	if err := in.check(where); err != nil {
		return nil, err
	}
	id := next.nextID()
	label := fmt.Sprintf("linode%d", id)
	if in.Label != nil {
		label = *in.Label
	}
	if err := next.checkLabel(label, 0); err != nil {
		return nil, err
	}
	address, err := next.freeAddress(s.machines.Pool())
	if err != nil {
		return nil, err
	}
	l := &linode{Busy: true, Instance: &instance{
		ID: id, Label: label, Status: statusProvisioning, Created: now(), Updated: now(), Type: *in.Type, Region: where.ID, SiteType: "core",
		IPv4: []string{address.String()}, IPv6: fmt.Sprintf("2001:db8::%x/128", id), Image: in.Image,
		Specs:      instanceSpecs{Disk: plans[p].Disk, Memory: plans[p].Memory, VCPUs: plans[p].VCPUs, Transfer: plans[p].Transfer},
		Alerts:     map[string]int{"cpu": 90 * plans[p].VCPUs, "network_in": 10, "network_out": 10, "transfer_quota": 80, "io": 10000},
		Hypervisor: "kvm", WatchdogEnabled: true, Tags: []string{}, HostUUID: rand.Text(), HasUserData: in.Metadata != nil && in.Metadata.UserData != "",
		DiskEncryption: "enabled", Capabilities: []string{}, Generation: "legacy_config", Maintenance: "linode/migrate", Locks: []string{},
	}}
	take(&l.Instance.Group, in.Group)
	take(&l.Instance.Tags, in.Tags)
	take(&l.Instance.DiskEncryption, in.DiskEncryption)
	take(&l.Instance.Maintenance, in.MaintenancePolicy)
	next.Linodes = append(next.Linodes, l)
	return l, next.settle(l, in)
}

// check refuses what this stand-in, or the API, does not take.
func (in *instanceInput) check(where *region) error {
	if in.Generation != nil && *in.Generation != "legacy_config" {
		return invalid("interface_generation", "This stand-in has interfaces of the generation legacy_config only")
	}
	if in.BackupsEnabled != nil && *in.BackupsEnabled {
		return invalid("backups_enabled", "This stand-in has no backups")
	}
	if in.Metadata != nil && in.Metadata.UserData != "" && !slices.Contains(where.Capabilities, hasMetadata) {
		return invalid("metadata.user_data", "Metadata is not available in %s", where.ID)
	}
	if in.Image == nil {
		return nil
	}
	if !slices.ContainsFunc(images, func(i *image) bool { return i.ID == *in.Image }) {
		return invalid("image", "image is not valid")
	}
	if in.RootPass == nil && in.AuthorizedUsers == nil && (in.AuthorizedKeys == nil || len(*in.AuthorizedKeys) == 0) {
		return &apiError{Status: http.StatusBadRequest, Reason: "Must provide valid root_pass, authorized_keys, or authorized_users"}
	}
	if in.RootPass != nil && len(*in.RootPass) < 11 {
		return invalid("root_pass", "Password does not meet strength requirement")
	}
	return nil
}

// checkLabel says whether an instance other than id may have the label.
func (s *state) checkLabel(label string, id int) error {
	if !instanceLabel.MatchString(label) {
		return invalid("label", "Must be 3-64 characters: letters, digits, dashes, underscores and dots, and begin and end with a letter or digit")
	}
	for _, l := range s.Linodes {
		if l.Instance.Label == label && l.Instance.ID != id {
			return invalid("label", "Label must be unique among your linodes")
		}
	}
	return nil
}

// settle puts a new instance into its firewall, placement group, VPC and private network.
func (s *state) settle(l *linode, in instanceInput) error {
	if in.FirewallID != nil {
		f := s.firewallOf(*in.FirewallID)
		if f == nil {
			return invalid("firewall_id", "firewall_id is not valid")
		}
		f.attach(s, "linode", l.Instance.ID)
	}
	if in.Placement != nil {
		if err := s.join(in.Placement.ID, l); err != nil {
			return err
		}
	}
	if in.PrivateIP != nil && *in.PrivateIP {
		l.addPrivate()
	}
	if in.Interfaces != nil {
		return s.attachAll(l, *in.Interfaces)
	}
	return nil
}

// freeAddress is the lowest that no instance, no machine on its way out and no NodeBalancer has. The first one of the pool is the gateway's.
func (s *state) freeAddress(pool netip.Prefix) (netip.Addr, error) {
	taken := map[string]bool{}
	for _, l := range s.Linodes {
		taken[l.Instance.IPv4[0]] = true
	}
	for _, a := range s.Leaving {
		taken[a] = true
	}
	for _, b := range s.Balancers {
		taken[b.Balancer.IPv4] = true
	}
	for a := pool.Masked().Addr().Next().Next(); pool.Contains(a.Next()); a = a.Next() {
		if !taken[a.String()] {
			return a, nil
		}
	}
	return netip.Addr{}, &apiError{Status: http.StatusBadRequest, Reason: "No address is left in " + pool.String()}
}

func (l *linode) machine(in instanceInput, userData []byte) Machine {
	m := Machine{
		ID: l.Instance.ID, Label: l.Instance.Label, Region: l.Instance.Region, Address: netip.MustParseAddr(l.Instance.IPv4[0]),
		UserData: userData, MemoryMB: l.Instance.Specs.Memory,
	}
	if in.Image != nil {
		m.Image = *in.Image
	}
	if in.AuthorizedKeys != nil {
		m.Keys = *in.AuthorizedKeys
	}
	return m
}

func (s *Server) updateInstance(r *http.Request) (any, error) {
	var in instanceUpdate
	if err := decode(r, &in, readOnlyOf(instance{}, instanceUpdate{})...); err != nil {
		return nil, err
	}
	var updated *instance
	return answerOf(&updated, s.store.update(func(next *state) error {
		l, err := next.linode(r)
		if err != nil {
			return err
		}
		updated = l.Instance
		take(&updated.Label, in.Label)
		take(&updated.Group, in.Group)
		take(&updated.Tags, in.Tags)
		take(&updated.WatchdogEnabled, in.WatchdogEnabled)
		if in.Alerts != nil {
			for key, value := range *in.Alerts {
				updated.Alerts[key] = value
			}
		}
		updated.Updated = now()
		next.keepTags(updated.Tags)
		next.happened("linode_update", l.entity())
		return next.checkLabel(updated.Label, updated.ID)
	}))
}

// readOnlyOf lists the keys of an object that an update does not take: they are passed over, so that an object can be
// read, changed and sent back.
func readOnlyOf(object, update any) []string {
	var out []string
	writable := keysOf(update)
	for key := range keysOf(object) {
		if !writable[key] {
			out = append(out, key)
		}
	}
	return out
}

// address is one IPv4 of an instance, with the API's keys.
type address struct {
	Address     string          `json:"address"`
	Gateway     *string         `json:"gateway"`
	SubnetMask  string          `json:"subnet_mask"`
	Prefix      int             `json:"prefix"`
	Type        string          `json:"type"`
	Public      bool            `json:"public"`
	RDNS        *string         `json:"rdns"`
	LinodeID    int             `json:"linode_id"`
	InterfaceID *int            `json:"interface_id"`
	Region      string          `json:"region"`
	VPCNAT      json.RawMessage `json:"vpc_nat_1_1"`
	Reserved    bool            `json:"reserved"`
	Assigned    *entity         `json:"assigned_entity"`
}

func (l *linode) addressOf(ip string, public bool, pool netip.Prefix) address {
	e := l.entity()
	a := address{
		Address: ip, Prefix: 24, SubnetMask: "255.255.255.0", Type: "ipv4", Public: public, LinodeID: l.Instance.ID, Region: l.Instance.Region,
		VPCNAT: json.RawMessage("null"), Assigned: &e,
	}
	if public {
		gateway, name := pool.Masked().Addr().Next().String(), strings.ReplaceAll(ip, ".", "-")+".ip.linodeusercontent.com"
		a.Gateway, a.RDNS = &gateway, &name
	} else {
		a.Prefix, a.SubnetMask = 17, "255.255.128.0"
	}
	return a
}

// addPrivate gives an instance an address of the data center's private network. A machine has it from its next boot on, as with
// the API's Network Helper, and if there is such a network (Networks).
func (l *linode) addPrivate() {
	id := l.Instance.ID
	l.Private = fmt.Sprintf("192.168.%d.%d", 128+(id/250)%128, id%250+2)
	l.Instance.IPv4 = append(l.Instance.IPv4, l.Private)
}

// further are the addresses beside the public one, each in its network.
func (l *linode) further() []netip.Prefix {
	var out []netip.Prefix
	if l.Private != "" {
		out = append(out, netip.PrefixFrom(netip.MustParseAddr(l.Private), PrivateNetwork.Bits()))
	}
	if l.VPC != nil {
		out = append(out, netip.PrefixFrom(netip.MustParseAddr(l.VPC.Address), l.VPC.Prefix))
	}
	return out
}

func (s *Server) instanceIPs(r *http.Request) (any, error) {
	l, err := s.store.state.Load().linode(r)
	if err != nil {
		return nil, err
	}
	private, inVPC := []address{}, []vpcAddress{}
	if l.Private != "" {
		private = append(private, l.addressOf(l.Private, false, s.machines.Pool()))
	}
	if l.VPC != nil {
		inVPC = append(inVPC, l.VPC.address(l))
	}
	none := []address{}
	return map[string]any{
		"ipv4": map[string]any{
			"public": []address{l.addressOf(l.Instance.IPv4[0], true, s.machines.Pool())}, "private": private, "shared": none, "reserved": none, "vpc": inVPC,
		},
		"ipv6": map[string]any{"slaac": nil, "link_local": nil, "global": []any{}, "vpc": []any{}},
	}, nil
}

func (s *Server) addInstanceIP(r *http.Request) (any, error) {
	var in struct {
		Type   *string `json:"type"`
		Public *bool   `json:"public"`
	}
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	if in.Type == nil || *in.Type != "ipv4" || in.Public == nil || *in.Public {
		return nil, invalid("public", "This stand-in gives an instance one public IPv4, and a private one on demand")
	}
	var added *address
	return answerOf(&added, s.store.update(func(next *state) error {
		l, err := next.linode(r)
		if err != nil {
			return err
		}
		if l.Private != "" {
			return &apiError{Status: http.StatusBadRequest, Reason: "Linode already has a private IP address"}
		}
		l.addPrivate()
		private := l.addressOf(l.Private, false, s.machines.Pool())
		added = &private
		return nil
	}))
}

package standin

import (
	"net/http"
	"net/netip"
	"regexp"
	"slices"
)

// vpc is a private network of one region, with the API's keys and no others. Machines that can have further addresses (Networks)
// have one in it, on the network that they all share; for others it is on paper.
type vpc struct {
	ID          int       `json:"id"`
	Label       string    `json:"label"`
	Description string    `json:"description"`
	Region      string    `json:"region"`
	Subnets     []*subnet `json:"subnets"`
	Created     string    `json:"created"`
	Updated     string    `json:"updated"`
}

type subnet struct {
	ID            int             `json:"id"`
	Label         string          `json:"label"`
	IPv4          string          `json:"ipv4"`
	Linodes       []*subnetLinode `json:"linodes"`
	Databases     []any           `json:"databases"`
	NodeBalancers []any           `json:"nodebalancers"`
	Created       string          `json:"created"`
	Updated       string          `json:"updated"`
}

type subnetLinode struct {
	ID         int               `json:"id"`
	Interfaces []subnetInterface `json:"interfaces"`
}

type subnetInterface struct {
	ID       int  `json:"id"`
	Active   bool `json:"active"`
	ConfigID *int `json:"config_id"`
}

// attachment is the interface of an instance in a VPC.
type attachment struct {
	Interface int    `json:"interface"`
	VPC       int    `json:"vpc"`
	Subnet    int    `json:"subnet"`
	Address   string `json:"address"`
	Prefix    int    `json:"prefix"`
}

// vpcAddress is an instance's address in a VPC, with the API's keys.
type vpcAddress struct {
	Address        string  `json:"address"`
	AddressRange   *string `json:"address_range"`
	Gateway        string  `json:"gateway"`
	SubnetMask     string  `json:"subnet_mask"`
	Prefix         int     `json:"prefix"`
	LinodeID       int     `json:"linode_id"`
	Region         string  `json:"region"`
	Active         bool    `json:"active"`
	NAT1To1        *string `json:"nat_1_1"`
	VPCID          int     `json:"vpc_id"`
	SubnetID       int     `json:"subnet_id"`
	InterfaceID    int     `json:"interface_id"`
	NodeBalancerID *int    `json:"nodebalancer_id"`
	DatabaseID     *int    `json:"database_id"`
	ConfigID       *int    `json:"config_id"`
}

type vpcInput struct {
	Label       *string        `json:"label"`
	Description *string        `json:"description"`
	Region      *string        `json:"region"`
	Subnets     *[]subnetInput `json:"subnets"`
}

type subnetInput struct {
	Label *string `json:"label"`
	IPv4  *string `json:"ipv4"`
}

func (s *Server) vpcRoutes() {
	s.route("/v4/vpcs", map[string]endpoint{"GET": listing(func() []*vpc { return s.store.state.Load().VPCs }), "POST": s.createVPC})
	s.route("/v4/vpcs/{id}", map[string]endpoint{"GET": s.getVPC, "PUT": s.updateVPC, "DELETE": s.deleteVPC})
	s.route("/v4/vpcs/{id}/subnets", map[string]endpoint{"GET": s.listSubnets, "POST": s.createSubnet})
	s.route("/v4/vpcs/{id}/subnets/{subnet}", map[string]endpoint{"GET": s.getSubnet, "PUT": s.updateSubnet, "DELETE": s.deleteSubnet})
}

func (s *state) vpc(r *http.Request) (*vpc, error) {
	return byID(r, "id", s.VPCs, func(v *vpc) int { return v.ID })
}

func (s *state) subnet(r *http.Request) (*vpc, *subnet, error) {
	v, err := s.vpc(r)
	if err != nil {
		return nil, nil, err
	}
	n, err := byID(r, "subnet", v.Subnets, func(n *subnet) int { return n.ID })
	return v, n, err
}

func (v *vpc) entity() entity { return entity{v.ID, v.Label, "vpc", link("vpcs", v.ID)} }

func (s *Server) getVPC(r *http.Request) (any, error) { return s.store.state.Load().vpc(r) }

func (s *Server) createVPC(r *http.Request) (any, error) {
	var in vpcInput
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	if in.Region == nil || in.Label == nil {
		return nil, invalid(map[bool]string{true: "region", false: "label"}[in.Region == nil], "This field is required")
	}
	if _, err := regionWith(*in.Region, hasVPCs); err != nil {
		return nil, err
	}
	var created *vpc
	return answerOf(&created, s.store.update(func(next *state) error {
		created = &vpc{ID: next.nextID(), Region: *in.Region, Subnets: []*subnet{}, Created: now()}
		next.VPCs = append(next.VPCs, created)
		if err := created.set(in.Label, in.Description, next); err != nil {
			return err
		}
		next.happened("vpc_create", created.entity())
		if in.Subnets == nil {
			return nil
		}
		for _, one := range *in.Subnets {
			if _, err := created.add(one, next); err != nil {
				return err
			}
		}
		return s.apart(next, created)
	}))
}

var vpcLabel = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,62}[A-Za-z0-9])?$`)

// set takes a label and a description over, and checks them.
func (v *vpc) set(label, description *string, all *state) error {
	take(&v.Label, label)
	take(&v.Description, description)
	v.Updated = now()
	if !vpcLabel.MatchString(v.Label) {
		return invalid("label", "Label must include only ASCII letters, numbers, and dashes")
	}
	if slices.ContainsFunc(all.VPCs, func(o *vpc) bool { return o != v && o.Label == v.Label }) {
		return invalid("label", "Label must be unique among your VPCs")
	}
	return nil
}

// add makes a subnet, which must not overlap another one of the VPC.
func (v *vpc) add(in subnetInput, all *state) (*subnet, error) {
	if in.Label == nil || in.IPv4 == nil {
		return nil, invalid("ipv4", "label and ipv4 are required")
	}
	if !vpcLabel.MatchString(*in.Label) {
		return nil, invalid("label", "Label must include only ASCII letters, numbers, and dashes")
	}
	prefix, err := netip.ParsePrefix(*in.IPv4)
	if err != nil || !prefix.Addr().Is4() || !prefix.Addr().IsPrivate() || prefix.Masked() != prefix || prefix.Bits() > 29 {
		return nil, invalid("ipv4", "Must be an IPv4 network of the private ranges in CIDR format")
	}
	for _, other := range v.Subnets {
		if netip.MustParsePrefix(other.IPv4).Overlaps(prefix) {
			return nil, invalid("ipv4", "Subnet overlaps with %s", other.Label)
		}
	}
	n := &subnet{
		ID: all.nextID(), Label: *in.Label, IPv4: *in.IPv4, Linodes: []*subnetLinode{}, Databases: []any{}, NodeBalancers: []any{}, Created: now(), Updated: now(),
	}
	v.Subnets = append(v.Subnets, n)
	all.happened("subnet_create", entity{n.ID, n.Label, "subnet", link("vpcs", v.ID)})
	return n, nil
}

// apart refuses a VPC that has addresses of another one, which the API takes: machines that run are on one network, and two of
// them would have the same address there. The words are ours.
func (s *Server) apart(all *state, v *vpc) error {
	if _, real := s.machines.(Networks); !real {
		return nil
	}
	for _, other := range all.VPCs {
		for _, theirs := range other.Subnets {
			for _, n := range v.Subnets {
				if other != v && netip.MustParsePrefix(theirs.IPv4).Overlaps(netip.MustParsePrefix(n.IPv4)) {
					return invalid("ipv4", "This stand-in's machines share a network: subnet overlaps with %s of the VPC %s", theirs.Label, other.Label)
				}
			}
		}
	}
	return nil
}

func (s *Server) updateVPC(r *http.Request) (any, error) {
	var in struct {
		Label       *string `json:"label"`
		Description *string `json:"description"`
	}
	if err := decode(r, &in, readOnlyOf(vpc{}, in)...); err != nil {
		return nil, err
	}
	var updated *vpc
	return answerOf(&updated, s.store.update(func(next *state) (err error) {
		if updated, err = next.vpc(r); err != nil {
			return err
		}
		next.happened("vpc_update", updated.entity())
		return updated.set(in.Label, in.Description, next)
	}))
}

// errInUse refuses to remove a network with somebody in it. The words are ours.
var errInUse = &apiError{Status: http.StatusBadRequest, Reason: "Cannot delete a VPC or subnet that has Linodes"}

func (s *Server) deleteVPC(r *http.Request) (any, error) {
	return struct{}{}, s.store.update(func(next *state) error {
		gone, err := next.vpc(r)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(gone.Subnets, func(n *subnet) bool { return len(n.Linodes) > 0 }) {
			return errInUse
		}
		next.happened("vpc_delete", gone.entity())
		next.VPCs = slices.DeleteFunc(next.VPCs, func(v *vpc) bool { return v == gone })
		return nil
	})
}

func (s *Server) listSubnets(r *http.Request) (any, error) {
	v, err := s.store.state.Load().vpc(r)
	if err != nil {
		return nil, err
	}
	return list(r, v.Subnets)
}

func (s *Server) getSubnet(r *http.Request) (any, error) {
	_, n, err := s.store.state.Load().subnet(r)
	return n, err
}

func (s *Server) createSubnet(r *http.Request) (any, error) {
	var in subnetInput
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	var created *subnet
	return answerOf(&created, s.store.update(func(next *state) error {
		v, err := next.vpc(r)
		if err != nil {
			return err
		}
		if created, err = v.add(in, next); err != nil {
			return err
		}
		return s.apart(next, v)
	}))
}

func (s *Server) updateSubnet(r *http.Request) (any, error) {
	var in struct {
		Label *string `json:"label"`
	}
	if err := decode(r, &in, readOnlyOf(subnet{}, in)...); err != nil {
		return nil, err
	}
	var updated *subnet
	return answerOf(&updated, s.store.update(func(next *state) (err error) {
		if _, updated, err = next.subnet(r); err != nil {
			return err
		}
		take(&updated.Label, in.Label)
		updated.Updated = now()
		if !vpcLabel.MatchString(updated.Label) {
			return invalid("label", "Label must include only ASCII letters, numbers, and dashes")
		}
		return nil
	}))
}

func (s *Server) deleteSubnet(r *http.Request) (any, error) {
	return struct{}{}, s.store.update(func(next *state) error {
		v, gone, err := next.subnet(r)
		if err != nil {
			return err
		}
		if len(gone.Linodes) > 0 {
			return errInUse
		}
		v.Subnets = slices.DeleteFunc(v.Subnets, func(n *subnet) bool { return n == gone })
		return nil
	})
}

// attachAll gives a new instance its interfaces. A VPC is one region: an instance elsewhere cannot be in it.
func (s *state) attachAll(l *linode, interfaces []interfaceInput) error {
	for _, i := range interfaces {
		switch i.Purpose {
		case "public":
		case "vpc":
			if err := s.attachVPC(l, i); err != nil {
				return err
			}
		default:
			return invalid("interfaces.purpose", "This stand-in has interfaces of the purposes public and vpc")
		}
	}
	return nil
}

func (s *state) attachVPC(l *linode, in interfaceInput) error {
	for _, v := range s.VPCs {
		for _, n := range v.Subnets {
			if in.SubnetID == nil || n.ID != *in.SubnetID {
				continue
			}
			if v.Region != l.Instance.Region {
				return invalid("interfaces.subnet_id", "The VPC must be in the region of the Linode")
			}
			prefix := netip.MustParsePrefix(n.IPv4)
			address, err := s.freeIn(n, prefix)
			if err != nil {
				return err
			}
			if in.IPv4 != nil && in.IPv4.VPC != "" {
				if address, err = netip.ParseAddr(in.IPv4.VPC); err != nil || !prefix.Contains(address) {
					return invalid("interfaces.ipv4.vpc", "Must be an address of the subnet")
				}
				if s.takenIn(n)[address.String()] {
					return invalid("interfaces.ipv4.vpc", "The address is in use") // the words are ours
				}
			}
			l.VPC = &attachment{Interface: s.nextID(), VPC: v.ID, Subnet: n.ID, Address: address.String(), Prefix: prefix.Bits()}
			n.Linodes = append(n.Linodes, &subnetLinode{ID: l.Instance.ID, Interfaces: []subnetInterface{{ID: l.VPC.Interface, Active: true}}})
			return nil
		}
	}
	return invalid("interfaces.subnet_id", "subnet_id is not valid")
}

// takenIn are the addresses of a subnet that machines have.
func (s *state) takenIn(n *subnet) map[string]bool {
	taken := map[string]bool{}
	for _, l := range s.Linodes {
		if l.VPC != nil && l.VPC.Subnet == n.ID {
			taken[l.VPC.Address] = true
		}
	}
	return taken
}

func (s *state) freeIn(n *subnet, prefix netip.Prefix) (netip.Addr, error) {
	taken := s.takenIn(n)
	for a := prefix.Addr().Next().Next(); prefix.Contains(a.Next()); a = a.Next() {
		if !taken[a.String()] {
			return a, nil
		}
	}
	return netip.Addr{}, invalid("interfaces.subnet_id", "No address is left in the subnet")
}

func (a *attachment) address(l *linode) vpcAddress {
	prefix := netip.PrefixFrom(netip.MustParseAddr(a.Address), a.Prefix).Masked()
	mask := ^uint32(0) << (32 - a.Prefix)
	return vpcAddress{
		Address: a.Address, Gateway: prefix.Addr().Next().String(), Prefix: a.Prefix, LinodeID: l.Instance.ID, Region: l.Instance.Region, Active: true,
		SubnetMask: netip.AddrFrom4([4]byte{byte(mask >> 24), byte(mask >> 16), byte(mask >> 8), byte(mask)}).String(),
		VPCID:      a.VPC, SubnetID: a.Subnet, InterfaceID: a.Interface,
	}
}

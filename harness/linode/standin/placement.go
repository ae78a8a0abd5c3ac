package standin

import (
	"net/http"
	"slices"
)

// placementGroup keeps instances on different hosts of one region, with the API's keys and no others.
type placementGroup struct {
	ID          int                    `json:"id"`
	Label       string                 `json:"label"`
	Region      string                 `json:"region"`
	Type        string                 `json:"placement_group_type"`
	Policy      string                 `json:"placement_group_policy"`
	IsCompliant bool                   `json:"is_compliant"`
	Members     []placementGroupMember `json:"members"`
	Migrations  *struct{}              `json:"migrations"`
}

type placementGroupMember struct {
	LinodeID    int  `json:"linode_id"`
	IsCompliant bool `json:"is_compliant"`
}

func (s *Server) placementRoutes() {
	groups := func() []*placementGroup { return s.store.state.Load().Groups }
	s.route("/v4/placement/groups", map[string]endpoint{"GET": listing(groups), "POST": s.createGroup})
	s.route("/v4/placement/groups/{id}", map[string]endpoint{"GET": s.getGroup, "PUT": s.updateGroup, "DELETE": s.deleteGroup})
	s.route("/v4/placement/groups/{id}/assign", map[string]endpoint{"POST": s.assignGroup})
	s.route("/v4/placement/groups/{id}/unassign", map[string]endpoint{"POST": s.unassignGroup})
}

func (s *state) group(r *http.Request) (*placementGroup, error) {
	return byID(r, "id", s.Groups, func(g *placementGroup) int { return g.ID })
}

func (g *placementGroup) entity() entity {
	return entity{g.ID, g.Label, "placement_group", link("placement/groups", g.ID)}
}

func (s *Server) getGroup(r *http.Request) (any, error) { return s.store.state.Load().group(r) }

func (s *Server) createGroup(r *http.Request) (any, error) {
	var in struct {
		Label  *string `json:"label"`
		Region *string `json:"region"`
		Type   *string `json:"placement_group_type"`
		Policy *string `json:"placement_group_policy"`
	}
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	switch {
	case in.Label == nil || in.Region == nil:
		return nil, invalid("label", "label and region are required")
	case in.Type == nil || *in.Type != "anti_affinity:local":
		return nil, invalid("placement_group_type", "Must be one of anti_affinity:local")
	case in.Policy == nil || *in.Policy != "strict" && *in.Policy != "flexible":
		return nil, invalid("placement_group_policy", "Must be one of strict, flexible")
	}
	if _, err := regionWith(*in.Region, hasPlacement); err != nil {
		return nil, err
	}
	var created *placementGroup
	return answerOf(&created, s.store.update(func(next *state) error {
		created = &placementGroup{
			ID: next.nextID(), Label: *in.Label, Region: *in.Region, Type: *in.Type, Policy: *in.Policy, IsCompliant: true, Members: []placementGroupMember{},
		}
		next.Groups = append(next.Groups, created)
		next.happened("placement_group_create", created.entity())
		return created.check(next)
	}))
}

func (g *placementGroup) check(all *state) error {
	if !instanceLabel.MatchString(g.Label) {
		return invalid("label", "Must be 3-64 characters: letters, digits, dashes, underscores and dots")
	}
	if slices.ContainsFunc(all.Groups, func(o *placementGroup) bool { return o != g && o.Label == g.Label }) {
		return invalid("label", "Label must be unique among your placement groups")
	}
	return nil
}

func (s *Server) updateGroup(r *http.Request) (any, error) {
	var in struct {
		Label *string `json:"label"`
	}
	if err := decode(r, &in, readOnlyOf(placementGroup{}, in)...); err != nil {
		return nil, err
	}
	var updated *placementGroup
	return answerOf(&updated, s.store.update(func(next *state) (err error) {
		if updated, err = next.group(r); err != nil {
			return err
		}
		take(&updated.Label, in.Label)
		return updated.check(next)
	}))
}

func (s *Server) deleteGroup(r *http.Request) (any, error) {
	return struct{}{}, s.store.update(func(next *state) error {
		gone, err := next.group(r)
		if err != nil {
			return err
		}
		if len(gone.Members) > 0 {
			return &apiError{Status: http.StatusBadRequest, Reason: "Cannot delete a placement group that has Linodes"} // the words are ours
		}
		next.happened("placement_group_delete", gone.entity())
		next.Groups = slices.DeleteFunc(next.Groups, func(g *placementGroup) bool { return g == gone })
		return nil
	})
}

// join puts an instance into a group of its region.
func (s *state) join(id int, l *linode) error {
	i := slices.IndexFunc(s.Groups, func(g *placementGroup) bool { return g.ID == id })
	if i < 0 {
		return invalid("placement_group.id", "placement_group.id is not valid")
	}
	g := s.Groups[i]
	switch {
	case g.Region != l.Instance.Region:
		return invalid("placement_group.id", "The placement group must be in the region of the Linode")
	case l.Instance.PlacementGroup != nil:
		return invalid("linodes", "The Linode is in a placement group already")
	case len(g.Members) >= findRegion(g.Region).PlacementLimit.Strict:
		return invalid("placement_group.id", "The placement group is full")
	}
	g.Members = append(g.Members, placementGroupMember{l.Instance.ID, true})
	l.Instance.PlacementGroup = &placementMember{ID: g.ID, Label: g.Label, Type: g.Type, Policy: g.Policy}
	return nil
}

func (s *state) leave(g *placementGroup, linode int) {
	g.Members = slices.DeleteFunc(g.Members, func(m placementGroupMember) bool { return m.LinodeID == linode })
	if l := s.linodeOf(linode); l != nil {
		l.Instance.PlacementGroup = nil
	}
}

func (s *Server) assignGroup(r *http.Request) (any, error) {
	return s.changeGroup(r, func(next *state, g *placementGroup, l *linode) error { return next.join(g.ID, l) })
}

func (s *Server) unassignGroup(r *http.Request) (any, error) {
	return s.changeGroup(r, func(next *state, g *placementGroup, l *linode) error {
		next.leave(g, l.Instance.ID)
		return nil
	})
}

func (s *Server) changeGroup(r *http.Request, change func(next *state, g *placementGroup, l *linode) error) (any, error) {
	var in struct {
		Linodes       *[]int `json:"linodes"`
		CompliantOnly *bool  `json:"compliant_only"`
	}
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	if in.Linodes == nil {
		return nil, invalid("linodes", "linodes is required")
	}
	var changed *placementGroup
	return answerOf(&changed, s.store.update(func(next *state) (err error) {
		if changed, err = next.group(r); err != nil {
			return err
		}
		for _, id := range *in.Linodes {
			l := next.linodeOf(id)
			if l == nil {
				return invalid("linodes", "entity_id is not valid")
			}
			if err := change(next, changed, l); err != nil {
				return err
			}
		}
		return nil
	}))
}

// leaveAll takes an instance that is deleted out of everything that names it.
func (s *state) leaveAll(linode int) {
	for _, g := range s.Groups {
		s.leave(g, linode)
	}
	for _, g := range s.Guards {
		g.detach(s, func(d *firewallDevice) bool { return d.Entity.Type == "linode" && d.Entity.ID == linode })
	}
	for _, v := range s.VPCs {
		for _, n := range v.Subnets {
			n.Linodes = slices.DeleteFunc(n.Linodes, func(l *subnetLinode) bool { return l.ID == linode })
		}
	}
}

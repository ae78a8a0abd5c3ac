package standin

import (
	"net/http"
	"slices"
)

// A tag is a word that objects carry. It comes to be when the first object has it, or by a call, and stays until it is
// deleted.
type tag struct {
	Label string `json:"label"`
}

type taggedObject struct {
	Type string `json:"type"`
	Data any    `json:"data"`
}

func (s *Server) tagRoutes() {
	s.route("/v4/tags", map[string]endpoint{"GET": s.listTags, "POST": s.createTag})
	s.route("/v4/tags/{label}", map[string]endpoint{"GET": s.taggedObjects, "DELETE": s.deleteTag})
}

// keepTags makes the tags that there are not yet.
func (s *state) keepTags(labels []string) {
	for _, label := range labels {
		if !slices.Contains(s.Tags, label) {
			s.Tags = append(s.Tags, label)
		}
	}
}

func (s *Server) listTags(r *http.Request) (any, error) {
	all := s.store.state.Load()
	labels := slices.Clone(all.Tags)
	for _, z := range all.Zones { // domains were here before tags were
		labels = append(labels, z.Domain.Tags...)
	}
	slices.Sort(labels)
	var tags []tag
	for _, label := range slices.Compact(labels) {
		tags = append(tags, tag{label})
	}
	return list(r, tags)
}

// tagged lists where an object of the account keeps its tags: firewalls are tagged, and not listed by their tag.
func (s *state) tagged() map[*[]string]taggedObject {
	out := map[*[]string]taggedObject{}
	for _, l := range s.Linodes {
		out[&l.Instance.Tags] = taggedObject{"linode", l.Instance}
	}
	for _, b := range s.Balancers {
		out[&b.Balancer.Tags] = taggedObject{"nodebalancer", b.Balancer}
	}
	for _, z := range s.Zones {
		out[&z.Domain.Tags] = taggedObject{"domain", z.Domain}
	}
	return out
}

func (s *Server) createTag(r *http.Request) (any, error) {
	var in struct {
		Label         *string `json:"label"`
		Linodes       []int   `json:"linodes"`
		Domains       []int   `json:"domains"`
		NodeBalancers []int   `json:"nodebalancers"`
	}
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	if in.Label == nil || len(*in.Label) < 3 || len(*in.Label) > 50 {
		return nil, invalid("label", "Length must be 3-50 characters")
	}
	var created *tag
	return answerOf(&created, s.store.update(func(next *state) error {
		created = &tag{*in.Label}
		next.keepTags([]string{created.Label})
		for tags, object := range next.tagged() {
			var wanted bool
			switch o := object.Data.(type) {
			case *instance:
				wanted = slices.Contains(in.Linodes, o.ID)
			case *domain:
				wanted = slices.Contains(in.Domains, o.ID)
			case *balancer:
				wanted = slices.Contains(in.NodeBalancers, o.ID)
			}
			if wanted && !slices.Contains(*tags, created.Label) {
				*tags = append(*tags, created.Label)
			}
		}
		return nil
	}))
}

func (s *Server) taggedObjects(r *http.Request) (any, error) {
	all := s.store.state.Load()
	label := r.PathValue("label")
	var found []taggedObject
	for tags, object := range all.tagged() {
		if slices.Contains(*tags, label) {
			found = append(found, object)
		}
	}
	if len(found) == 0 && !slices.Contains(all.Tags, label) {
		return nil, errNotFound
	}
	return list(r, found)
}

func (s *Server) deleteTag(r *http.Request) (any, error) {
	label := r.PathValue("label")
	is := func(other string) bool { return other == label }
	return struct{}{}, s.store.update(func(next *state) error {
		found := slices.Contains(next.Tags, label)
		next.Tags = slices.DeleteFunc(next.Tags, is)
		for tags := range next.tagged() {
			found = found || slices.Contains(*tags, label)
			*tags = slices.DeleteFunc(*tags, is)
		}
		for _, g := range next.Guards {
			g.Firewall.Tags = slices.DeleteFunc(g.Firewall.Tags, is)
		}
		if !found {
			return errNotFound
		}
		return nil
	})
}

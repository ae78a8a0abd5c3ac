package standin

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/firedrill/firedrill/harness/linode/limits"
)

// domain is a DNS zone, with the API's keys and no others.
type domain struct {
	ID          int      `json:"id"`
	Type        string   `json:"type"` // master or slave
	Domain      string   `json:"domain"`
	Tags        []string `json:"tags"`
	Group       string   `json:"group"`
	Status      string   `json:"status"`
	Errors      string   `json:"errors"`
	Description string   `json:"description"`
	SOAEmail    string   `json:"soa_email"`
	RetrySec    int      `json:"retry_sec"`
	MasterIPs   []string `json:"master_ips"`
	AXFRIPs     []string `json:"axfr_ips"`
	ExpireSec   int      `json:"expire_sec"`
	RefreshSec  int      `json:"refresh_sec"`
	TTLSec      int      `json:"ttl_sec"`
	Created     string   `json:"created"`
	Updated     string   `json:"updated"`
}

// domainInput is what a client may set; nil leaves it as it is.
type domainInput struct {
	Type        *string   `json:"type"`
	Domain      *string   `json:"domain"`
	Tags        *[]string `json:"tags"`
	Group       *string   `json:"group"`
	Status      *string   `json:"status"`
	Description *string   `json:"description"`
	SOAEmail    *string   `json:"soa_email"`
	RetrySec    *int      `json:"retry_sec"`
	MasterIPs   *[]string `json:"master_ips"`
	AXFRIPs     *[]string `json:"axfr_ips"`
	ExpireSec   *int      `json:"expire_sec"`
	RefreshSec  *int      `json:"refresh_sec"`
	TTLSec      *int      `json:"ttl_sec"`
}

var domainReadOnly = []string{"id", "errors", "created", "updated"}

func (s *Server) listDomains(r *http.Request) (any, error) {
	var domains []*domain
	for _, z := range s.store.state.Load().Zones {
		domains = append(domains, z.Domain)
	}
	return list(r, domains)
}

func (s *Server) getDomain(r *http.Request) (any, error) {
	z, err := s.store.state.Load().zone(r)
	if err != nil {
		return nil, err
	}
	return z.Domain, nil
}

func (s *Server) createDomain(r *http.Request) (any, error) {
	var in domainInput
	if err := decode(r, &in, domainReadOnly...); err != nil {
		return nil, err
	}
	var created *domain
	return answerOf(&created, s.store.update(func(next *state) error {
		created = &domain{ID: next.nextID(), Status: "active", Created: now(), Tags: []string{}, MasterIPs: []string{}, AXFRIPs: []string{}}
		z := &zone{Domain: created}
		next.Zones = append(next.Zones, z)
		return z.set(in, next)
	}))
}

func (s *Server) updateDomain(r *http.Request) (any, error) {
	var in domainInput
	if err := decode(r, &in, domainReadOnly...); err != nil {
		return nil, err
	}
	var updated *domain
	return answerOf(&updated, s.store.update(func(next *state) error {
		z, err := next.zone(r)
		if err != nil {
			return err
		}
		updated = z.Domain
		return z.set(in, next)
	}))
}

func (s *Server) deleteDomain(r *http.Request) (any, error) {
	return struct{}{}, s.store.update(func(next *state) error {
		gone, err := next.zone(r)
		if err != nil {
			return err
		}
		next.Zones = slices.DeleteFunc(next.Zones, func(z *zone) bool { return z == gone })
		return nil
	})
}

// answerOf gives the object that an update made, or nothing when it failed.
func answerOf[T any](made **T, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return *made, nil
}

// zone finds the domain that the path names.
func (s *state) zone(r *http.Request) (*zone, error) {
	id, err := pathID(r, "domain")
	if err != nil {
		return nil, err
	}
	for _, z := range s.Zones {
		if z.Domain.ID == id {
			return z, nil
		}
	}
	return nil, errNotFound
}

// hostname is a domain or host name: labels of letters, digits, dashes and underscores.
var hostname = regexp.MustCompile(`^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$`)

// set takes the input over and checks the whole. The words of the refusals are ours.
func (z *zone) set(in domainInput, all *state) error {
	d := z.Domain
	take(&d.Type, in.Type)
	take(&d.Domain, in.Domain)
	take(&d.Tags, in.Tags)
	take(&d.Group, in.Group)
	take(&d.Status, in.Status)
	take(&d.Description, in.Description)
	take(&d.SOAEmail, in.SOAEmail)
	take(&d.MasterIPs, in.MasterIPs)
	take(&d.AXFRIPs, in.AXFRIPs)
	takeSeconds(&d.RetrySec, in.RetrySec)
	takeSeconds(&d.ExpireSec, in.ExpireSec)
	takeSeconds(&d.RefreshSec, in.RefreshSec)
	takeSeconds(&d.TTLSec, in.TTLSec)
	d.Domain = strings.ToLower(d.Domain)
	d.Updated = now()
	z.Serial++
	switch {
	case len(d.Domain) > 253 || !hostname.MatchString(d.Domain):
		return invalid("domain", "%q is not a valid domain", d.Domain)
	case d.Type != "master" && d.Type != "slave":
		return invalid("type", "Must be one of master, slave")
	case d.Type == "master" && !strings.Contains(d.SOAEmail, "@"):
		return invalid("soa_email", "soa_email required when type=master")
	case d.Type == "slave" && len(d.MasterIPs) == 0:
		return invalid("master_ips", "master_ips required when type=slave")
	case !slices.Contains([]string{"active", "disabled", "edit_mode", "has_errors"}, d.Status):
		return invalid("status", "Must be one of active, disabled, edit_mode")
	}
	for _, other := range all.Zones {
		if other != z && other.Domain.Domain == d.Domain {
			return invalid("domain", "Domain already exists")
		}
	}
	return nil
}

func take[T any](to, given *T) {
	if given != nil {
		*to = *given
	}
}

func takeSeconds(to, given *int) {
	if given != nil {
		*to = limits.TTL(*given)
	}
}

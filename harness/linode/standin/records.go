package standin

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// record is one record of a domain, with the API's keys and no others.
type record struct {
	ID       int     `json:"id"`
	Type     string  `json:"type"`
	Name     string  `json:"name"` // relative to the domain; empty for the domain itself
	Target   string  `json:"target"`
	Priority int     `json:"priority"`
	Weight   int     `json:"weight"`
	Port     int     `json:"port"`
	Service  *string `json:"service"`
	Protocol *string `json:"protocol"`
	TTLSec   int     `json:"ttl_sec"` // 0: the domain's
	Tag      *string `json:"tag"`
	Created  string  `json:"created"`
	Updated  string  `json:"updated"`
}

// recordInput is what a client may set; nil leaves it as it is.
type recordInput struct {
	Type     *string `json:"type"`
	Name     *string `json:"name"`
	Target   *string `json:"target"`
	Priority *int    `json:"priority"`
	Weight   *int    `json:"weight"`
	Port     *int    `json:"port"`
	Service  *string `json:"service"`
	Protocol *string `json:"protocol"`
	TTLSec   *int    `json:"ttl_sec"`
	Tag      *string `json:"tag"`
}

var recordReadOnly = []string{"id", "created", "updated"}

func (s *Server) listRecords(r *http.Request) (any, error) {
	z, err := s.store.state.Load().zone(r)
	if err != nil {
		return nil, err
	}
	return list(r, z.Records)
}

func (s *Server) getRecord(r *http.Request) (any, error) {
	_, rec, err := s.store.state.Load().record(r)
	return rec, err
}

func (s *Server) createRecord(r *http.Request) (any, error) {
	var in recordInput
	if err := decode(r, &in, recordReadOnly...); err != nil {
		return nil, err
	}
	if in.Type == nil {
		return nil, invalid("type", "type is required")
	}
	var created *record
	return answerOf(&created, s.store.update(func(next *state) error {
		z, err := next.zone(r)
		if err != nil {
			return err
		}
		created = &record{ID: next.nextID(), Type: *in.Type, Created: now()}
		z.Records = append(z.Records, created)
		return created.set(in, z, r)
	}))
}

func (s *Server) updateRecord(r *http.Request) (any, error) {
	var in recordInput
	if err := decode(r, &in, recordReadOnly...); err != nil {
		return nil, err
	}
	var updated *record
	return answerOf(&updated, s.store.update(func(next *state) error {
		z, rec, err := next.record(r)
		if err != nil {
			return err
		}
		updated = rec
		return rec.set(in, z, r)
	}))
}

func (s *Server) deleteRecord(r *http.Request) (any, error) {
	return struct{}{}, s.store.update(func(next *state) error {
		z, gone, err := next.record(r)
		if err != nil {
			return err
		}
		z.Serial++
		z.Records = slices.DeleteFunc(z.Records, func(rec *record) bool { return rec == gone })
		return nil
	})
}

// record finds the record that the path names, and its zone.
func (s *state) record(r *http.Request) (*zone, *record, error) {
	z, err := s.zone(r)
	if err != nil {
		return nil, nil, err
	}
	id, err := pathID(r, "record")
	if err != nil {
		return nil, nil, err
	}
	for _, rec := range z.Records {
		if rec.ID == id {
			return z, rec, nil
		}
	}
	return nil, nil, errNotFound
}

// remoteAddr as a target stands for the address that the request came from.
const remoteAddr = "[remote_addr]"

// set takes the input over and checks the whole. The words of the refusals are ours.
func (rec *record) set(in recordInput, z *zone, r *http.Request) error {
	if in.Type != nil && *in.Type != rec.Type {
		return invalid("type", "The type of a record cannot be changed")
	}
	take(&rec.Name, in.Name)
	take(&rec.Target, in.Target)
	take(&rec.Priority, in.Priority)
	take(&rec.Weight, in.Weight)
	take(&rec.Port, in.Port)
	takeSeconds(&rec.TTLSec, in.TTLSec)
	for to, given := range map[**string]*string{&rec.Service: in.Service, &rec.Protocol: in.Protocol, &rec.Tag: in.Tag} {
		if given != nil {
			*to = given
		}
	}
	rec.Updated = now()
	z.Serial++
	if rec.Target == remoteAddr {
		rec.Target, _, _ = net.SplitHostPort(r.RemoteAddr)
	}
	// A name may be given whole ("db.shop.test") and is kept without the domain.
	if rec.Name == z.Domain.Domain {
		rec.Name = ""
	}
	rec.Name = strings.TrimSuffix(rec.Name, "."+z.Domain.Domain)
	return rec.check()
}

func (rec *record) check() error {
	if rec.Type == "SRV" {
		if rec.Service == nil || rec.Protocol == nil {
			return invalid("service", "service and protocol are required for SRV")
		}
		rec.Name = "_" + strings.TrimPrefix(*rec.Service, "_") + "._" + strings.TrimPrefix(*rec.Protocol, "_")
	}
	if rec.Name != "" && !hostname.MatchString(strings.TrimPrefix(rec.Name, "*.")) && rec.Name != "*" {
		return invalid("name", "%q is not a valid name", rec.Name)
	}
	for field, n := range map[string][2]int{"priority": {rec.Priority, 255}, "weight": {rec.Weight, 65535}, "port": {rec.Port, 65535}} {
		if n[0] < 0 || n[0] > n[1] {
			return invalid(field, "Must be 0-%d", n[1])
		}
	}
	return rec.checkTarget()
}

func (rec *record) checkTarget() error {
	address, _ := netip.ParseAddr(rec.Target)
	switch rec.Type {
	case "A":
		if !address.Is4() {
			return invalid("target", "Must be a valid IPv4 address")
		}
	case "AAAA":
		if !address.Is6() || address.Is4In6() || address.Zone() != "" {
			return invalid("target", "Must be a valid IPv6 address")
		}
	case "CNAME", "MX", "NS", "PTR", "SRV":
		if !hostname.MatchString(strings.TrimSuffix(rec.Target, ".")) {
			return invalid("target", "Must be a valid hostname")
		}
	case "TXT", "CAA":
		if rec.Target == "" || len(rec.Target) > 4096 {
			return invalid("target", "Must be 1-4096 characters")
		}
		if rec.Type == "CAA" && (rec.Tag == nil || !slices.Contains([]string{"issue", "issuewild", "iodef"}, *rec.Tag)) {
			return invalid("tag", "Must be one of issue, issuewild, iodef")
		}
	default:
		return invalid("type", "Must be one of A, AAAA, NS, MX, CNAME, TXT, SRV, PTR, CAA")
	}
	return nil
}

// data is the record's target as a zone file has it.
func (rec *record) data() string {
	host := strings.TrimSuffix(rec.Target, ".") + "."
	switch rec.Type {
	case "CNAME", "NS", "PTR":
		return host
	case "MX":
		return strconv.Itoa(rec.Priority) + " " + host
	case "SRV":
		return strconv.Itoa(rec.Priority) + " " + strconv.Itoa(rec.Weight) + " " + strconv.Itoa(rec.Port) + " " + host
	case "CAA":
		return "0 " + *rec.Tag + " " + quote(rec.Target)
	case "TXT":
		var parts []string
		for part := range slices.Chunk([]byte(rec.Target), 255) { // a text of a TXT record is no longer than that
			parts = append(parts, quote(string(part)))
		}
		return strings.Join(parts, " ")
	}
	return rec.Target
}

func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

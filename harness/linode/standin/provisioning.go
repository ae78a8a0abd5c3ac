package standin

import (
	"net/http"
	"slices"
	"sync"
)

// How the creation of instances can be made to fail.
const (
	ProvisioningFails   = "fail"   // the API says yes, and the event of the creation ends as failed: no machine comes to be
	ProvisioningRefused = "refuse" // the API says no, as it does at the limit of an account
)

// Provisioning is how the creation of instances goes wrong; the zero value is health.
type Provisioning struct {
	Mode    string `json:"mode"`     // one of the modes above, or empty
	Skip    int    `json:"skip"`     // creations that go well first
	Count   int    `json:"count"`    // creations that go wrong then; 0 for all
	DelayMS int    `json:"delay_ms"` // how long every creation takes longer, in milliseconds
}

type provisioningSwitch struct {
	mu  sync.Mutex
	set Provisioning
}

// SetProvisioning makes the creation of instances slow, or fail; Provisioning{} heals it. An unknown mode is refused.
func (s *Server) SetProvisioning(p Provisioning) error {
	if !slices.Contains([]string{"", ProvisioningFails, ProvisioningRefused}, p.Mode) {
		return invalid("mode", "Must be one of %q", []string{ProvisioningFails, ProvisioningRefused})
	}
	s.provisioning.mu.Lock()
	defer s.provisioning.mu.Unlock()
	s.provisioning.set = p
	return nil
}

// next says how the creation that is asked for goes.
func (p *provisioningSwitch) next() (Provisioning, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	order := p.set
	switch {
	case p.set.Mode == "":
	case p.set.Skip > 0:
		p.set.Skip--
		order.Mode = ""
	case p.set.Count == 1:
		p.set.Mode = ""
	case p.set.Count > 1:
		p.set.Count--
	}
	if order.Mode == ProvisioningRefused {
		return order, &apiError{Status: http.StatusBadRequest, Reason: "Account Limit reached. Please open a support ticket."}
	}
	return order, nil
}

// provisioningControl is the switch over HTTP, as the other faults have one.
func (s *Server) provisioningControl(mux *http.ServeMux) {
	set := func(w http.ResponseWriter, p Provisioning, err error) {
		if err == nil {
			err = s.SetProvisioning(p)
		}
		s.answer(w, p, err)
	}
	mux.HandleFunc("POST /firedrill/provisioning", func(w http.ResponseWriter, r *http.Request) {
		var p Provisioning
		err := readFault(r, &p)
		set(w, p, err)
	})
	mux.HandleFunc("DELETE /firedrill/provisioning", func(w http.ResponseWriter, _ *http.Request) { set(w, Provisioning{}, nil) })
}

// powerControl takes the power of a machine away: what the API has no call for, and what happens.
func (s *Server) powerControl(mux *http.ServeMux) {
	mux.HandleFunc("POST /firedrill/cut/{id}", func(w http.ResponseWriter, r *http.Request) {
		id, err := pathID(r, "id")
		if err == nil && s.store.state.Load().linodeOf(id) == nil {
			err = errNotFound
		}
		if err == nil {
			err = s.machines.Cut(r.Context(), id)
		}
		s.answer(w, struct{}{}, err)
	})
}

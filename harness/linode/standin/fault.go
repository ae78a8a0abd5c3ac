package standin

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"

	"github.com/firedrill/firedrill/harness/dns"
)

// Modes in which the API can be made to fail.
const (
	Fault500        = "500"         // answers 500, as any other status from 400 to 599 does by its number
	Fault401        = "401"         // refuses every token
	Fault429        = "429"         // answers 429 with Retry-After
	FaultHang       = "hang"        // takes the request and never answers
	FaultAcceptOnly = "accept-only" // does all it is asked, and the name server goes on serving what it served before
)

// Fault is how the API misbehaves; the zero value is health. It is kept in memory: a restarted stand-in is healthy.
type Fault struct {
	Mode       string   `json:"mode"`
	RetryAfter int      `json:"retry_after"`       // seconds, for "429"; 0 leaves the header out
	Count      int      `json:"count"`             // requests that fail before it heals by itself; 0 for no end. Not for "accept-only"
	Methods    []string `json:"methods,omitempty"` // only these, such as ["PUT"]; empty for all. Not for "accept-only"
}

// FaultState is the fault that is set, and how many requests have met it; for "accept-only" those are the changes.
type FaultState struct {
	Fault
	Hits int `json:"hits"`
}

// faultSwitch holds the fault that is set, and hangs up on hung requests when it changes.
type faultSwitch struct {
	mu      sync.Mutex
	fault   Fault
	hits    int
	changed chan struct{}
}

// SetFault makes the API misbehave from the next request on; Fault{} heals it. An unknown mode is refused.
func (s *Server) SetFault(f Fault) error {
	modes := []string{"", FaultHang, FaultAcceptOnly}
	if !slices.Contains(modes, f.Mode) && f.status() == 0 {
		return invalid("mode", "Must be a status from 400 to 599, or one of %q", modes[1:])
	}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.store.freeze(f.Mode == FaultAcceptOnly)
	s.faults.fault, s.faults.hits = f, 0
	if s.faults.changed != nil {
		close(s.faults.changed)
	}
	s.faults.changed = make(chan struct{})
	return nil
}

// status is the HTTP status that the API answers under this fault; 0 when the mode is not one.
func (f Fault) status() int {
	code, err := strconv.Atoi(f.Mode)
	if err != nil || code < 400 || code > 599 {
		return 0
	}
	return code
}

// Fault is the fault that is set now, and what has met it so far.
func (s *Server) Fault() FaultState {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return FaultState{s.faults.fault, s.faults.hits}
}

// Control is the fault switch over HTTP: POST /firedrill/fault with a Fault as JSON sets it, DELETE heals, GET tells. Beside
// it, /firedrill/provisioning takes a Provisioning, and POST /firedrill/cut/ID takes an instance's power away.
// It takes no token, and so belongs on an address that only the controller reaches.
func (s *Server) Control() http.Handler {
	mux := http.NewServeMux()
	set := func(read func(r *http.Request) (Fault, error)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			fault, err := read(r)
			if err == nil {
				err = s.SetFault(fault)
			}
			s.answer(w, s.Fault(), err)
		}
	}
	mux.HandleFunc("POST /firedrill/fault", set(func(r *http.Request) (f Fault, err error) {
		err = readFault(r, &f)
		return f, err
	}))
	mux.HandleFunc("DELETE /firedrill/fault", set(func(*http.Request) (Fault, error) { return Fault{}, nil }))
	mux.HandleFunc("GET /firedrill/fault", func(w http.ResponseWriter, r *http.Request) { s.answer(w, s.Fault(), nil) })
	s.provisioningControl(mux)
	s.powerControl(mux)
	return mux
}

// DNSFaultState is how the name server misbehaves, how many questions have met that, and what it serves.
type DNSFaultState struct {
	dns.Fault
	Hits  int64    `json:"hits"`
	Zones []string `json:"zones"`
}

// controlHandler is the fault switch of both servers: Server.Control, and beside it /firedrill/dns, which takes a dns.Fault
// as JSON in the same ways.
func (l *Listener) controlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", l.Server.Control())
	set := func(w http.ResponseWriter, f dns.Fault, err error) {
		if err == nil {
			l.DNS.SetFault(f)
		}
		l.Server.answer(w, l.dnsFault(), err)
	}
	mux.HandleFunc("POST /firedrill/dns", func(w http.ResponseWriter, r *http.Request) {
		var f dns.Fault
		err := readFault(r, &f)
		if _, bad := netip.ParseAddr(f.Address); err == nil && f.Address != "" && bad != nil {
			err = invalid("address", "%q is not an address", f.Address)
		}
		set(w, f, err)
	})
	mux.HandleFunc("DELETE /firedrill/dns", func(w http.ResponseWriter, _ *http.Request) { set(w, dns.Fault{}, nil) })
	mux.HandleFunc("GET /firedrill/dns", func(w http.ResponseWriter, _ *http.Request) { l.Server.answer(w, l.dnsFault(), nil) })
	return mux
}

func (l *Listener) dnsFault() DNSFaultState {
	out := DNSFaultState{Zones: []string{}}
	out.Fault, out.Hits = l.DNS.Fault()
	for _, z := range l.Server.store.state.Load().Zones {
		out.Zones = append(out.Zones, z.Domain.Domain)
	}
	return out
}

func readFault(r *http.Request, f any) error {
	text, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err == nil && json.Unmarshal(text, f) != nil {
		err = &apiError{Status: http.StatusBadRequest, Reason: "Invalid JSON"}
	}
	return err
}

// take gives the fault that this request meets, if any, and counts it.
func (f *faultSwitch) take(method string) (Fault, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	met := f.fault
	if met.Mode == FaultAcceptOnly && method != http.MethodGet {
		f.hits++
	}
	if met.Mode == "" || met.Mode == FaultAcceptOnly || (len(met.Methods) > 0 && !slices.Contains(met.Methods, method)) {
		return Fault{}, nil
	}
	f.hits++
	if met.Count > 0 {
		if f.fault.Count--; f.fault.Count == 0 {
			f.fault = Fault{}
		}
	}
	return met, f.changed
}

// serve answers in the API's place when a fault is set, and says whether it did.
func (f *faultSwitch) serve(w http.ResponseWriter, r *http.Request) bool {
	met, changed := f.take(r.Method)
	switch status := met.status(); {
	case status == http.StatusUnauthorized:
		writeError(w, errInvalidToken)
	case status == http.StatusTooManyRequests:
		if met.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(met.RetryAfter))
		}
		w.Header().Set("X-RateLimit-Remaining", "0")
		writeError(w, &apiError{Status: http.StatusTooManyRequests, Reason: "Too many requests"})
	case status != 0:
		writeError(w, &apiError{Status: status, Reason: cmp.Or(http.StatusText(status), "Error")})
	case met.Mode == FaultHang:
		// The body is read, or the server would not notice a client that gives up.
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-changed:
		case <-r.Context().Done():
		}
		panic(http.ErrAbortHandler) // hang up without an answer
	default:
		return false
	}
	return true
}

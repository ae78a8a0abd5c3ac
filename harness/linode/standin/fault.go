package standin

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
)

// Modes in which the API can be made to fail.
const (
	Fault500        = "500"         // answers 500
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

// faultSwitch holds the fault that is set, and hangs up on hung requests when it changes.
type faultSwitch struct {
	mu      sync.Mutex
	fault   Fault
	changed chan struct{}
}

// SetFault makes the API misbehave from the next request on; Fault{} heals it. An unknown mode is refused.
func (s *Server) SetFault(f Fault) error {
	modes := []string{"", Fault500, Fault401, Fault429, FaultHang, FaultAcceptOnly}
	if !slices.Contains(modes, f.Mode) {
		return invalid("mode", "Must be one of %q", modes[1:])
	}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.store.freeze(f.Mode == FaultAcceptOnly)
	s.faults.fault = f
	if s.faults.changed != nil {
		close(s.faults.changed)
	}
	s.faults.changed = make(chan struct{})
	return nil
}

// Fault is the fault that is set now.
func (s *Server) Fault() Fault {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return s.faults.fault
}

// Control is the fault switch over HTTP: POST /firedrill/fault with a Fault as JSON sets it, DELETE heals, GET tells.
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
		text, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
		if err == nil && json.Unmarshal(text, &f) != nil {
			err = &apiError{Status: http.StatusBadRequest, Reason: "Invalid JSON"}
		}
		return f, err
	}))
	mux.HandleFunc("DELETE /firedrill/fault", set(func(*http.Request) (Fault, error) { return Fault{}, nil }))
	mux.HandleFunc("GET /firedrill/fault", func(w http.ResponseWriter, r *http.Request) { s.answer(w, s.Fault(), nil) })
	return mux
}

// take gives the fault that this request meets, if any, and counts it.
func (f *faultSwitch) take(method string) (Fault, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	met := f.fault
	if met.Mode == "" || met.Mode == FaultAcceptOnly || (len(met.Methods) > 0 && !slices.Contains(met.Methods, method)) {
		return Fault{}, nil
	}
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
	switch met.Mode {
	case Fault500:
		writeError(w, &apiError{Status: http.StatusInternalServerError, Reason: "Internal Server Error"})
	case Fault401:
		writeError(w, errInvalidToken)
	case Fault429:
		if met.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(met.RetryAfter))
		}
		w.Header().Set("X-RateLimit-Remaining", "0")
		writeError(w, &apiError{Status: http.StatusTooManyRequests, Reason: "Too many requests"})
	case FaultHang:
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

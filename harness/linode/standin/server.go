// Package standin is a stand-in for the part of the Linode API v4 that drills and failover hooks use, with a name
// server that serves the records it is given, and virtual machines if it is given something that runs them (Machines).
//
// It answers as the API does: its paths, its JSON keys, its error bodies. Where the API's own answer is not known to
// us, the comment at that place says that the answer is ours. There is one file a resource; a new one adds its
// collection to state, its routes to Server.routes, and nothing else.
package standin

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/firedrill/firedrill/harness/dns"
)

// Config says where a stand-in listens and what it keeps. Addresses are "host:port"; port 0 picks one.
type Config struct {
	API       string       // of the Linode API, plain HTTP
	DNS       string       // of the name server, UDP and TCP
	Control   string       // of the fault switch, see Server.Control; empty for none. Anybody who reaches it may use it
	Token     string       // the one bearer token that is accepted; must not be empty
	StateFile string       // JSON file that outlives a killed process; empty keeps everything in memory
	Machines  Machines     // what runs the instances; nil for Paper
	Log       *slog.Logger // one line a request at Info, one a DNS question at Debug; nil for none
}

// Run serves until ctx ends, and then returns nil. Any other end is an error.
func Run(ctx context.Context, cfg Config) error {
	l, err := Listen(cfg)
	if err != nil {
		return err
	}
	return l.Serve(ctx)
}

// Listener is a stand-in whose addresses are bound. Make one with Listen.
type Listener struct {
	Server       *Server
	DNS          *dns.Server
	api, control net.Listener
}

// Listen reads the state file and binds the addresses. Serve must follow.
func Listen(cfg Config) (*Listener, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	store, err := OpenStore(cfg.StateFile)
	if err != nil {
		return nil, err
	}
	if cfg.Machines == nil {
		cfg.Machines = Paper{}
	}
	server, err := NewServer(store, cfg.Token, cfg.Machines, cfg.Log)
	if err != nil {
		return nil, err
	}
	l := &Listener{Server: server}
	if l.api, err = net.Listen("tcp", cfg.API); err != nil {
		return nil, fmt.Errorf("listen for the API: %w", err)
	}
	if cfg.Control != "" {
		if l.control, err = net.Listen("tcp", cfg.Control); err != nil {
			l.api.Close()
			return nil, fmt.Errorf("listen for the fault switch: %w", err)
		}
	}
	l.DNS, err = dns.Listen(cfg.DNS, store, func(q dns.Query) {
		cfg.Log.Debug("dns", "client", q.Client, "name", q.Name, "type", q.Type, "answer", q.Answer)
	})
	if err != nil {
		l.api.Close()
		if l.control != nil {
			l.control.Close()
		}
		return nil, err
	}
	return l, nil
}

// APIAddr is the address of the API, for LINODE_URL=http://ADDR.
func (l *Listener) APIAddr() string { return l.api.Addr().String() }

// ControlAddr is the address of the fault switch, or empty.
func (l *Listener) ControlAddr() string {
	if l.control == nil {
		return ""
	}
	return l.control.Addr().String()
}

// Serve answers until ctx ends, and then returns nil. When one of the servers fails, all end with its error.
func (l *Listener) Serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var running sync.WaitGroup
	failures := make(chan error, 4)
	start := func(serve func() error) {
		running.Go(func() {
			if err := serve(); err != nil {
				failures <- err
			}
			cancel()
		})
	}
	start(func() error { return l.DNS.Serve(ctx) })
	start(func() error { return serveHTTP(ctx, l.api, l.Server) })
	if l.control != nil {
		start(func() error { return serveHTTP(ctx, l.control, l.controlHandler()) })
	}
	running.Go(func() { l.Server.watch(ctx) })
	running.Wait()
	l.Server.jobs.stop()
	close(failures)
	return <-failures
}

// serveHTTP serves until ctx ends. Requests that still run are cut off: hung ones would never end.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler) error {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	stop := context.AfterFunc(ctx, func() { srv.Close() })
	defer stop()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve HTTP on %s: %w", l.Addr(), err)
	}
	return nil
}

// Server is the API as an http.Handler, for the paths under /v4 and /v4beta.
type Server struct {
	store  *Store
	token  string
	log    *slog.Logger
	mux    *http.ServeMux
	limits rateWindow
	faults faultSwitch

	machines     Machines
	jobs         *jobs
	provisioning provisioningSwitch
}

// NewServer makes the API over a store. It accepts one bearer token, which must not be empty.
func NewServer(store *Store, token string, machines Machines, log *slog.Logger) (*Server, error) {
	if token == "" {
		return nil, errors.New("make the Linode stand-in: the token is empty")
	}
	s := &Server{store: store, token: token, log: log, mux: http.NewServeMux(), machines: machines, jobs: newJobs()}
	s.routes()
	return s, s.recover()
}

// endpoint answers one method of one path with a value to be written as JSON. An *apiError is written as the API
// writes its errors; any other error is a 500.
type endpoint func(r *http.Request) (any, error)

// routes names every path that is served, with its methods.
func (s *Server) routes() {
	s.route("/v4/domains", map[string]endpoint{"GET": s.listDomains, "POST": s.createDomain})
	s.route("/v4/domains/{domain}", map[string]endpoint{"GET": s.getDomain, "PUT": s.updateDomain, "DELETE": s.deleteDomain})
	s.route("/v4/domains/{domain}/records", map[string]endpoint{"GET": s.listRecords, "POST": s.createRecord})
	s.route("/v4/domains/{domain}/records/{record}", map[string]endpoint{"GET": s.getRecord, "PUT": s.updateRecord, "DELETE": s.deleteRecord})
	s.offerRoutes()
	s.instanceRoutes()
	s.firewallRoutes()
	s.vpcRoutes()
	s.placementRoutes()
	s.balancerRoutes()
	s.tagRoutes()
	s.eventRoutes()
	s.route("/", nil)
}

// route serves the methods of one path. nil methods mean that there is no such path.
func (s *Server) route(pattern string, methods map[string]endpoint) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if methods == nil {
			s.answer(w, nil, errNotFound)
			return
		}
		serve, ok := methods[r.Method]
		if !ok {
			s.answer(w, nil, &apiError{Status: http.StatusMethodNotAllowed, Reason: "Method Not Allowed"})
			return
		}
		body, err := serve(r)
		s.answer(w, body, err)
	})
}

// ServeHTTP answers one request: the fault that is set, then the token, then the path.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	logged := &statusWriter{ResponseWriter: w}
	defer func() {
		// The query is left out and no header is looked at: a log must never hold a token.
		s.log.Info("api", "client", r.RemoteAddr, "method", r.Method, "path", r.URL.Path, "status", logged.status,
			"ms", time.Since(began).Milliseconds())
	}()
	s.limits.stamp(w.Header(), began)
	w.Header().Set("Vary", "Authorization, X-Filter")
	w.Header().Set("Cache-Control", "private, no-cache, no-store, max-age=0")
	if s.faults.serve(logged, r) {
		return
	}
	given, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer || subtle.ConstantTimeCompare([]byte(given), []byte(s.token)) != 1 {
		s.answer(logged, nil, errInvalidToken)
		return
	}
	w.Header().Set("X-OAuth-Scopes", "*")
	if rest, beta := strings.CutPrefix(r.URL.Path, "/v4beta/"); beta {
		r.URL.Path = "/v4/" + rest
	}
	s.mux.ServeHTTP(logged, r)
}

// statusWriter remembers the status for the log; 0 means that nothing was answered.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// apiError is a refusal as the API words it. Field names the key at fault and may be empty.
type apiError struct {
	Status int    `json:"-"`
	Reason string `json:"reason"`
	Field  string `json:"field,omitempty"`
}

func (e *apiError) Error() string { return e.Reason }

var (
	errNotFound     = &apiError{Status: http.StatusNotFound, Reason: "Not found"}
	errInvalidToken = &apiError{Status: http.StatusUnauthorized, Reason: "Invalid Token"}
)

// invalid is a 400 about one field.
func invalid(field, format string, args ...any) error {
	return &apiError{Status: http.StatusBadRequest, Reason: fmt.Sprintf(format, args...), Field: field}
}

// answer writes the body, or the error in the API's form. Every success is a 200, creations and deletions too.
func (s *Server) answer(w http.ResponseWriter, body any, err error) {
	if err == nil {
		writeJSON(w, http.StatusOK, body)
		return
	}
	var refused *apiError
	if !errors.As(err, &refused) {
		s.log.Error("api", "err", err)
		refused = &apiError{Status: http.StatusInternalServerError, Reason: "Internal Server Error"}
	}
	writeError(w, refused)
}

func writeError(w http.ResponseWriter, e *apiError) {
	writeJSON(w, e.Status, map[string]any{"errors": []*apiError{e}})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"errors":[{"reason":"Internal Server Error"}]}`)
	}
	// Exactly this: linodego reads no error body of any other type, not even with a charset.
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text) // a client that went away is no concern of ours
}

// pathID reads an id from the path. The API knows objects by number only: a name there is Not found.
func pathID(r *http.Request, key string) (int, error) {
	id, err := strconv.Atoi(r.PathValue(key))
	if err != nil {
		return 0, errNotFound
	}
	return id, nil
}

// maxBody bounds a request's body, in bytes.
const maxBody = 1 << 20

// decode reads a JSON object into the pointers of in, a pointer to a struct. Keys that the object has and a client
// may not set (readOnly) are passed over, so that an object can be read, changed and sent back. That, and the words
// for an unknown key, are ours: the API's are not known to us.
func decode(r *http.Request, in any, readOnly ...string) error {
	text, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err != nil {
		return &apiError{Status: http.StatusBadRequest, Reason: "The request body could not be read"}
	}
	var given map[string]json.RawMessage
	if err := json.Unmarshal(text, &given); err != nil {
		return &apiError{Status: http.StatusBadRequest, Reason: "Invalid JSON"}
	}
	for _, key := range readOnly {
		delete(given, key)
	}
	known := keysOf(in)
	for key := range given {
		if !known[key] {
			return invalid(key, "%s is not a valid field", key)
		}
	}
	if text, err = json.Marshal(given); err != nil {
		return err
	}
	if err := json.Unmarshal(text, in); err != nil {
		var mismatch *json.UnmarshalTypeError
		if errors.As(err, &mismatch) {
			return invalid(mismatch.Field, "Must be of type %s", mismatch.Type)
		}
		return &apiError{Status: http.StatusBadRequest, Reason: "Invalid JSON"}
	}
	return nil
}

// keysOf gives the JSON keys of a struct none of whose fields is omitted when empty.
func keysOf(v any) map[string]bool {
	keys := map[string]bool{}
	for key := range asMap(v) {
		keys[key] = true
	}
	return keys
}

// asMap gives a value as a client sees it after decoding.
func asMap(v any) map[string]any {
	text, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	var m map[string]any
	_ = json.Unmarshal(text, &m)
	return m
}

// rateLimit is what the API allows a minute for most calls. It is told, never enforced: set the "429" fault for that.
const rateLimit = 1600

// rateWindow counts the requests of the running minute for the X-RateLimit headers.
type rateWindow struct {
	mu    sync.Mutex
	until time.Time
	used  int
}

func (l *rateWindow) stamp(h http.Header, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.After(l.until) {
		l.until, l.used = now.Add(time.Minute), 0
	}
	l.used++
	h.Set("X-RateLimit-Limit", strconv.Itoa(rateLimit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(max(0, rateLimit-l.used)))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(l.until.Unix(), 10))
}

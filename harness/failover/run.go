package failover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
	"github.com/firedrill/firedrill/harness/web"
)

// Paths of the controller's own HTTP server.
const (
	PathStatus = "/status"
	PathSwitch = "/switch" // POST ?to=REGION
)

// Status is what the controller tells of itself.
type Status struct {
	Active string `json:"active"` // region that the name leads to
	Node   string `json:"node"`   // its database
	Error  string `json:"error,omitempty"`
}

// Run checks and decides until ctx ends, and then returns nil.
func Run(ctx context.Context, cfg Config, token string) error {
	out, err := os.OpenFile(cfg.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	defer out.Close()
	zone := newZone(cfg, token)
	c := &controller{cfg: cfg, deps: deps{healthy: checker(), denied: denied, flip: zone.set, emit: logTo(out)}}
	for _, r := range cfg.Regions {
		s, err := connect(r.Database, r.Replication)
		if err != nil {
			return err
		}
		c.databases = append(c.databases, s)
	}
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen for orders: %w", err)
	}
	srv := &http.Server{Handler: c.handler(), ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { srv.Close() })
	defer stop()
	go func() {
		c.begin(ctx, zone.target)
		c.watch(ctx)
	}()
	if err := srv.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve orders on %s: %w", cfg.Listen, err)
	}
	return nil
}

// begin finds out where the name leads: a controller that was started again must not take the first region for the active
// one, and fence the other. Until the API answers it does nothing.
func (c *controller) begin(ctx context.Context, target func(context.Context) (string, error)) {
	for ctx.Err() == nil {
		ask, cancel := context.WithTimeout(ctx, flipTimeout)
		address, err := target(ask)
		cancel()
		if err == nil {
			for i, r := range c.cfg.Regions {
				if r.Address == address {
					c.activate(i)
					return
				}
			}
			err = fmt.Errorf("it leads to %s, which is no region's ingress", address)
		}
		c.say(record.KindManager, c.Active(), "where %s leads is not known, and nothing is decided: %s", c.cfg.Name, err)
		_ = wait.Hold(ctx, c.cfg.Interval) // the end of ctx ends the loop
	}
}

// watch keeps the interval: a round that took longer does not make the next ones follow in a burst.
func (c *controller) watch(ctx context.Context) {
	for ctx.Err() == nil {
		next := time.Now().Add(c.cfg.Interval)
		c.tick(ctx)
		_ = wait.Hold(ctx, time.Until(next)) // the end of ctx ends the loop
	}
}

func (c *controller) handler() http.Handler {
	mux := http.NewServeMux()
	tell := func(w http.ResponseWriter, status int, err error) {
		active := c.Active()
		s := Status{Active: active.Name, Node: active.Node}
		if err != nil {
			s.Error = err.Error()
		}
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(s) // who went away is no concern of ours
	}
	mux.HandleFunc("GET "+PathStatus, func(w http.ResponseWriter, _ *http.Request) { tell(w, http.StatusOK, nil) })
	mux.HandleFunc("POST "+PathSwitch, func(w http.ResponseWriter, r *http.Request) {
		// An order that was begun is seen through, whether or not who gave it still waits.
		if err := c.Switch(context.WithoutCancel(r.Context()), r.FormValue("to")); err != nil {
			tell(w, http.StatusConflict, err)
			return
		}
		tell(w, http.StatusOK, nil)
	})
	return mux
}

// logTo writes events as the record has them, but for the time, which whoever reads along adds.
func logTo(out *os.File) func(record.Event) {
	return func(e record.Event) {
		line, err := json.Marshal(e)
		if err == nil {
			_, err = out.Write(append(line, '\n'))
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "log:", err)
		}
	}
}

// checker asks health checks, over a connection of its own each time.
func checker() func(context.Context, string) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return func(ctx context.Context, url string) error { return web.Healthy(ctx, client, url) }
}

func denied(err error) bool { return errors.As(err, new(web.Unhealthy)) }

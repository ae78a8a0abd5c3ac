package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/firedrill/firedrill/harness/agent"
)

// patience is how long the endpoint's servers are waited for before they are taken as silent. They are on this node,
// and answer within milliseconds.
const patience = time.Second

// A fault switch is a resource of the endpoint's control address: POST sets a fault, DELETE heals, GET tells.
type faultSwitch struct{ url string }

func apiSwitch(control string) faultSwitch {
	return faultSwitch{"http://" + control + "/firedrill/fault"}
}
func dnsSwitch(control string) faultSwitch {
	return faultSwitch{"http://" + control + "/firedrill/dns"}
}

// switchState is what a switch tells; each has a part of it.
type switchState struct {
	Mode  string   `json:"mode"`
	Hits  int64    `json:"hits"`
	Zones []string `json:"zones"`
}

func (s faultSwitch) call(method string, body any) (state switchState, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*patience)
	defer cancel()
	var text []byte
	if body != nil {
		if text, err = json.Marshal(body); err != nil {
			return state, err
		}
	}
	answer, err := fetch(ctx, method, s.url, http.Header{}, text)
	if err != nil {
		return state, err
	}
	if answer.status != http.StatusOK {
		return state, fmt.Errorf("%s %s: %d %s", method, s.url, answer.status, answer.body)
	}
	return state, json.Unmarshal(answer.body, &state)
}

// there says whether the switch answers.
func (s faultSwitch) there() (reason string, err error) {
	if _, err := s.call(http.MethodGet, nil); err != nil {
		return "no endpoint of a drill runs on this node: " + err.Error(), nil
	}
	return "", nil
}

// throw sets a fault and pushes its way back. It is proven by seen, now or at a later look.
func (a *Agent) throw(fault, name string, s faultSwitch, body any, seen func() (string, error)) (agent.Stamp, error) {
	over := &layer{show: func() error {
		_, err := s.call(http.MethodPost, body)
		return err
	}}
	a.deeds.push(fault, deed{name: name, inspect: seen, undo: func() (string, error) {
		return a.throwBack(name, s, over)
	}})
	stamp := agent.Stamp{Began: agent.Monotonic()}
	if err := a.layers.put(s.url, over); err != nil {
		return stamp, fmt.Errorf("break the %s: %w", name, err)
	}
	stamp.Effective = agent.Monotonic()
	stamp.Proof, _ = seen() // the fault is set; a look that fails is repeated by who waits for the proof
	return stamp, nil
}

// throwBack heals a switch. One that does not run has nothing in force: it keeps its fault in memory.
func (a *Agent) throwBack(name string, s faultSwitch, over *layer) (string, error) {
	proof := "the " + name + " works again"
	last, err := a.layers.lift(s.url, over, func() error {
		met, err := s.call(http.MethodGet, nil)
		if err == nil {
			proof = fmt.Sprintf("%s; the fault was met %d times", proof, met.Hits)
			_, err = s.call(http.MethodDelete, nil)
		}
		if errors.Is(err, syscall.ECONNREFUSED) {
			proof = "the " + name + " does not run, and will be healthy when it does"
			return nil
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("heal the %s: %w", name, err)
	}
	if !last {
		proof = "another fault still breaks the " + name
	}
	return proof, nil
}

func dnsAPIThere(s agent.DNSAPISpec) (string, error) { return apiSwitch(s.Control).there() }

func (a *Agent) dnsAPI(_ context.Context, fault string, s agent.DNSAPISpec) (agent.Stamp, error) {
	body := map[string]any{"mode": s.Mode, "retry_after": s.RetryAfter}
	return a.throw(fault, "DNS API", apiSwitch(s.Control), body, func() (string, error) { return apiSeen(s) })
}

// apiSeen asks the API itself, as a hook would, and says so when what came is what the fault is about.
func apiSeen(s agent.DNSAPISpec) (string, error) {
	proof, err := askAPI(s)
	if err != nil || proof == "" {
		return "", err
	}
	state, err := apiSwitch(s.Control).call(http.MethodGet, nil)
	if err != nil || state.Mode != s.Mode {
		return "", err
	}
	return fmt.Sprintf("%s; met %d times so far", proof, state.Hits), nil
}

func askAPI(s agent.DNSAPISpec) (proof string, err error) {
	if s.Mode == agent.APIUnserved {
		return "changes are accepted and not served", nil // to change something only to see it would be no look
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	answer, err := fetch(ctx, http.MethodGet, s.API+"/v4/domains", http.Header{"Authorization": {"Bearer " + s.Token}}, nil)
	switch {
	case s.Mode == agent.APIHang && errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("GET /v4/domains is not answered within %s", patience), nil
	case err != nil:
		return "", err
	case strconv.Itoa(answer.status) != s.Mode:
		return "", nil
	}
	proof = "GET /v4/domains is answered with " + s.Mode
	if after := answer.header.Get("Retry-After"); after != "" {
		proof += ", Retry-After " + after + " s"
	}
	return proof, nil
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

func fetch(ctx context.Context, method, url string, header http.Header, body []byte) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header = header
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, text}, err
}

func dnsServerThere(s agent.DNSServerSpec) (string, error) { return dnsSwitch(s.Control).there() }

func (a *Agent) dnsServer(_ context.Context, fault string, s agent.DNSServerSpec) (agent.Stamp, error) {
	body := map[string]any{
		"name": s.Name, "drop": s.Silent, "delay_ns": s.DelayMS * int64(time.Millisecond), "rcode": agent.Rcodes[s.Rcode], "address": s.Address,
	}
	return a.throw(fault, "DNS server", dnsSwitch(s.Control), body, func() (string, error) { return a.dnsSeen(s) })
}

// dnsSeen asks the server itself, as an application would, and says so when what came is what the fault is about.
func (a *Agent) dnsSeen(s agent.DNSServerSpec) (string, error) {
	state, err := dnsSwitch(s.Control).call(http.MethodGet, nil)
	if err != nil {
		return "", err
	}
	name := s.Name
	if name == "" {
		if len(state.Zones) == 0 {
			return "", nil // nothing is served that the fault could touch
		}
		name = state.Zones[0]
	}
	delay := time.Duration(s.DelayMS) * time.Millisecond
	ctx, cancel := context.WithTimeout(context.Background(), delay+patience)
	defer cancel()
	began := agent.Monotonic()
	address, _, err := a.opts.Lookup(ctx, s.Server, name)
	took := time.Duration(agent.Monotonic() - began).Round(time.Millisecond)
	proof := wrong(s, name, address, err, took)
	if proof == "" {
		return "", nil
	}
	return fmt.Sprintf("%s; met %d times before", proof, state.Hits), nil
}

// wrong puts a wrong answer into words; it is empty when the answer is not what the fault is about.
func wrong(s agent.DNSServerSpec, name, address string, err error, took time.Duration) string {
	var late net.Error
	timedOut := errors.As(err, &late) && late.Timeout()
	switch {
	case s.Silent && timedOut:
		return fmt.Sprintf("%s is not answered within %s", name, took)
	case s.Rcode != "" && err != nil && strings.Contains(err.Error(), "("+s.Rcode+")"):
		return name + " is answered with " + s.Rcode
	case s.Address != "" && address == s.Address:
		return name + " is said to be " + address
	case s.DelayMS > 0 && !timedOut && took.Milliseconds() >= s.DelayMS:
		return fmt.Sprintf("%s is answered after %s", name, took)
	}
	return ""
}

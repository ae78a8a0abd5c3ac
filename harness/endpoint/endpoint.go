// Package endpoint runs the name that applications connect to: a node with an authoritative DNS server and a
// stand-in for the Linode API behind it, which hooks and callbacks change on promotion. Both kinds use it.
package endpoint

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/linode/linodego"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/wait"
)

// Where the node serves. The API listens on all addresses: hooks reach it from their own nodes.
const (
	apiPort     = 8080
	dnsPort     = 53
	controlPort = 8081
	stateFile   = "/var/lib/firedrill/linode.json"
	// ProcessName is what drills call the server.
	ProcessName = "dns"
	// Token is the bearer token of the drill's own API; it opens nothing else.
	Token = "firedrill-drill-only"
)

// Where the node itself reaches its servers: the API, the name server, and the fault switch of both, which listens on
// the loopback alone.
var (
	LocalAPI     = fmt.Sprintf("http://127.0.0.1:%d", apiPort)
	LocalDNS     = fmt.Sprintf("127.0.0.1:%d", dnsPort)
	LocalControl = fmt.Sprintf("127.0.0.1:%d", controlPort)
)

// TTL of the records, in seconds, unless one has its own: the shortest that the Linode API accepts.
const TTL = 30

// Record is an A record of the zone.
type Record struct {
	Name    string // full name: db.shop.test
	Address string
	TTL     int // seconds, which the API rounds up to one that it accepts; 0 means the default
}

// Server is the running endpoint.
type Server struct {
	node *harness.Node
	zone string
	api  linodego.Client
}

// Start runs the server on a node and gives it a zone with records.
func Start(ctx context.Context, node *harness.Node, zone string, records []Record) (*Server, error) {
	s := &Server{node: node, zone: zone}
	err := node.Agent.Define(ctx, agent.Process{Name: ProcessName, Argv: []string{
		"/firedrill/firedrill", "linode-standin",
		"--api", fmt.Sprintf("0.0.0.0:%d", apiPort), "--dns", fmt.Sprintf("0.0.0.0:%d", dnsPort),
		"--control", LocalControl, "--state", stateFile,
	}, Env: []string{"LINODE_TOKEN=" + Token}})
	if err != nil {
		return nil, fmt.Errorf("start endpoint: %w", err)
	}
	if err := node.Agent.Start(ctx, ProcessName); err != nil {
		return nil, fmt.Errorf("start endpoint: %w", err)
	}
	s.api = linodego.NewClient(&http.Client{Transport: node.Agent.Transport()})
	s.api.SetBaseURL(LocalAPI).SetAPIVersion("v4").SetToken(Token)
	s.api.SetLogger(silence{}) // it retries while the server starts, and says so on our standard error
	s.api.SetRetryWaitTime(50 * time.Millisecond).SetRetryMaxWaitTime(time.Second)
	if err := s.seed(ctx, records); err != nil {
		return nil, fmt.Errorf("start endpoint: %w", err)
	}
	return s, nil
}

type silence struct{}

func (silence) Errorf(string, ...any) {}
func (silence) Warnf(string, ...any)  {}
func (silence) Debugf(string, ...any) {}

func (s *Server) seed(ctx context.Context, records []Record) error {
	var domain *linodego.Domain
	err := wait.Until(ctx, "Linode API of the endpoint", 10*time.Second, func(ctx context.Context) (bool, string, error) {
		d, err := s.api.CreateDomain(ctx, linodego.DomainCreateOptions{Domain: s.zone, Type: linodego.DomainTypeMaster, SOAEmail: "dba@" + s.zone})
		if err != nil {
			return false, err.Error(), nil
		}
		domain = d
		return true, "", nil
	})
	if err != nil {
		return err
	}
	for _, r := range records {
		if r.TTL == 0 {
			r.TTL = TTL
		}
		_, err := s.api.CreateDomainRecord(ctx, domain.ID, linodego.DomainRecordCreateOptions{
			Type: linodego.RecordTypeA, Name: r.Name[:len(r.Name)-len(s.zone)-1], Target: r.Address, TTLSec: r.TTL,
		})
		if err != nil {
			return fmt.Errorf("create record %s: %w", r.Name, err)
		}
	}
	return nil
}

// Resolver is the address that applications ask.
func (s *Server) Resolver() string { return serverAddress(s.node) }

// API is the base URL of the Linode API, for other nodes.
func (s *Server) API() string { return fmt.Sprintf("http://%s:%d", s.node.Address, apiPort) }

// HookEnv is the environment of a hook that flips the name: the same variables that it has in production.
func (s *Server) HookEnv() map[string]string {
	return map[string]string{
		"LINODE_URL":   s.API(),
		"LINODE_TOKEN": Token,
	}
}

// Target reads a record through the API: what the hooks believe they set.
func (s *Server) Target(ctx context.Context, name string) (string, error) {
	domains, err := s.api.ListDomains(ctx, nil)
	if err != nil {
		return "", fmt.Errorf("list domains: %w", err)
	}
	for _, d := range domains {
		if d.Domain != s.zone {
			continue
		}
		records, err := s.api.ListDomainRecords(ctx, d.ID, nil)
		if err != nil {
			return "", fmt.Errorf("list records: %w", err)
		}
		for _, r := range records {
			if r.Name+"."+s.zone == name {
				return r.Target, nil
			}
		}
	}
	return "", fmt.Errorf("read record %s: it is not there", name)
}

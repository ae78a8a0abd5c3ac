package mysql

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// apiURL is where Orchestrator answers, seen from its own node.
const apiURL = "http://127.0.0.1:3000"

// Orchestrator is what is needed of its API. It is an interface because several forks of Orchestrator live, and their
// APIs drift apart. Clusters are addressed by one of their instances, never by alias: after a split two clusters have
// the same alias.
type Orchestrator interface {
	// Leads says whether this Orchestrator is the one that acts. Without raft it takes a second or two after the start.
	Leads(ctx context.Context) (bool, error)
	// Discover makes an instance known, and reads it at once.
	Discover(ctx context.Context, at Instance) error
	// Instances are all that it knows.
	Instances(ctx context.Context) ([]InstanceState, error)
	// Analyses are the problems that it sees.
	Analyses(ctx context.Context) ([]Analysis, error)
	// Recoveries are the latest ones, newest first.
	Recoveries(ctx context.Context) ([]Recovery, error)
	// Steps tell what a recovery did, and are the only place with reasons.
	Steps(ctx context.Context, recovery string) ([]Step, error)
	// Blocked are the recoveries that it did not begin because of an earlier one.
	Blocked(ctx context.Context) ([]Blocked, error)
	// Takeover switches over to a designated replica, or to one of its own choice when the designated is empty, and
	// makes the old primary replicate. It answers when it is done.
	Takeover(ctx context.Context, primary, designated Instance) (Recovery, error)
	// ForceFailover fails over although nothing is wrong. It answers when it is done.
	ForceFailover(ctx context.Context, primary Instance) (Recovery, error)
	// Recover has a failed instance recovered now, whatever filters, downtime and blocks say. It answers when it is done.
	Recover(ctx context.Context, failed Instance) error
	// GlobalRecoveries turns automation on or off for everything. Orchestrator keeps that beyond a restart.
	GlobalRecoveries(ctx context.Context, on bool) error
	// ForceFailoverOf does the same to the cluster that it takes an alias for. After a split there may be two.
	ForceFailoverOf(ctx context.Context, alias string) (Recovery, error)
	// Relocate puts a server below another one of its cluster.
	Relocate(ctx context.Context, at, below Instance) error
	// Yield has all Orchestrators but one, by its address, step back in an election. It does not wait for that.
	Yield(ctx context.Context, to string) error
	// Clusters are what it knows, with their aliases.
	Clusters(ctx context.Context) ([]Cluster, error)
	// Acknowledge acknowledges all recoveries, which ends their blocks.
	Acknowledge(ctx context.Context, comment string) error
	// Downtime keeps automation off an instance for a while.
	Downtime(ctx context.Context, at Instance, reason string, d time.Duration) error
	// EndDowntime gives an instance back to automation.
	EndDowntime(ctx context.Context, at Instance) error
	// Status describes the process.
	Status(ctx context.Context) (Status, error)
}

// Instance is a database server as Orchestrator names it.
type Instance struct {
	Hostname string
	Port     int
}

func (i Instance) String() string { return i.Hostname + ":" + strconv.Itoa(i.Port) }

func (i Instance) path() string { return url.PathEscape(i.Hostname) + "/" + strconv.Itoa(i.Port) }

// InstanceState is what Orchestrator knows of an instance.
type InstanceState struct {
	Key              Instance
	MasterKey        Instance // empty host: it replicates from nobody
	ClusterName      string
	ReadOnly         bool
	PromotionRule    string
	IsCoMaster       bool // its source replicates from it
	IsLastCheckValid bool
	IsDowntimed      bool // a failed primary is, for a year, and so is one that was switched over
}

// Cluster is a tree of servers, named by the server at its top.
type Cluster struct {
	ClusterName    string
	ClusterAlias   string
	CountInstances int
}

// Detached marks the name of a source that Orchestrator took a server away from: //m1. It keeps the name so that the
// server can be brought back.
const Detached = "//"

// primary says whether Orchestrator takes the server for one: it replicates from nobody, or it is the writable one of
// two co-primaries.
func (s InstanceState) primary() bool {
	return s.MasterKey.Hostname == "" || !s.ReadOnly && (s.IsCoMaster || strings.HasPrefix(s.MasterKey.Hostname, Detached))
}

// Analysis is a problem, or a warning on the structure, of one instance.
type Analysis struct {
	AnalyzedInstanceKey Instance
	Analysis            string
	StructureAnalysis   []string
	Description         string
	IsDowntimed         bool
}

// Codes are all that it says, the analysis first. NoProblem is none.
func (a Analysis) Codes() []string {
	var out []string
	if a.Analysis != "" && a.Analysis != "NoProblem" {
		out = append(out, a.Analysis)
	}
	return append(out, a.StructureAnalysis...)
}

// Recovery is an entry of the audit of recoveries.
type Recovery struct {
	ID                     int64 `json:"Id"`
	UID                    string
	AnalysisEntry          Analysis
	SuccessorKey           *Instance
	IsSuccessful           bool
	LostReplicas           []Instance
	AllErrors              []string
	RecoveryStartTimestamp Timestamp
	RecoveryEndTimestamp   Timestamp
}

// Successor is the promoted node, empty when there is none (yet).
func (r Recovery) Successor() string {
	if r.SuccessorKey == nil {
		return ""
	}
	return r.SuccessorKey.Hostname
}

// number is how an operator names it.
func (r Recovery) number() string { return strconv.FormatInt(r.ID, 10) }

// Step is what a recovery did.
type Step struct {
	ID      int64 `json:"Id"`
	Message string
}

// Blocked is a recovery that was not begun because of another.
type Blocked struct {
	FailedInstanceKey    Instance
	Analysis             string
	LastBlockedTimestamp Timestamp
	BlockingRecoveryID   int64 `json:"BlockingRecoveryId"`
}

// Status describes an Orchestrator.
type Status struct {
	Hostname       string
	Healthy        bool
	RaftLeader     string // address and port; empty when it sees none, and without raft
	AvailableNodes []struct{ Hostname, AppVersion string }
}

// Version is that of the running program. Only the list of nodes has it.
func (s Status) Version() string {
	for _, n := range s.AvailableNodes {
		if n.Hostname == s.Hostname {
			return n.AppVersion
		}
	}
	return "unknown"
}

// Timestamp is a time of Orchestrator's, in seconds. It writes them in two formats, even within one reply.
type Timestamp struct{ time.Time }

// UnmarshalJSON implements json.Unmarshaler. An empty text is the zero time.
func (t *Timestamp) UnmarshalJSON(data []byte) error {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("decode timestamp: %w", err)
	}
	if s == "" {
		t.Time = time.Time{}
		return nil
	}
	for _, format := range []string{time.RFC3339, time.DateTime} {
		if at, err := time.Parse(format, s); err == nil {
			t.Time = at
			return nil
		}
	}
	return fmt.Errorf("decode timestamp: %q is in neither of the two formats", s)
}

// client speaks HTTP: every call is a GET, an error is a 500 with a Message.
type client struct {
	http *http.Client
	base string
	as   Identity
}

func newClient(transport http.RoundTripper, base string, as Identity) *client {
	return &client{http: &http.Client{Transport: transport}, base: base, as: as}
}

// APIError is Orchestrator's own refusal.
type APIError struct{ Call, Message string }

func (e *APIError) Error() string { return "Orchestrator refuses " + e.Call + ": " + e.Message }

// callTimeout bounds a call whose context has no deadline. A takeover waits up to 20 s for its replica.
const callTimeout = 45 * time.Second

// get makes a call and decodes the bare value of the answer.
func (c *client) get(ctx context.Context, call string, result any) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, callTimeout)
		defer cancel()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/api/"+call, nil)
	if err != nil {
		return fmt.Errorf("ask Orchestrator: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	c.as.sign(req)
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("ask Orchestrator: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("ask Orchestrator: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return refusal(call, resp.Status, body)
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(body, result); err != nil {
		return fmt.Errorf("read Orchestrator's answer to %s: %w", call, err)
	}
	return nil
}

func refusal(call, status string, body []byte) error {
	var answer struct{ Message string }
	if json.Unmarshal(body, &answer) != nil || answer.Message == "" {
		answer.Message = strings.TrimSpace(status + " " + strings.Trim(string(body), "\"\n"))
	}
	call, _, _ = strings.Cut(call, "?")
	return &APIError{Call: call, Message: answer.Message}
}

// details makes a call whose answer is wrapped in Code, Message and Details.
func (c *client) details(ctx context.Context, call string, result any) error {
	var answer struct{ Details json.RawMessage }
	if err := c.get(ctx, call, &answer); err != nil || len(answer.Details) == 0 {
		return err
	}
	if err := json.Unmarshal(answer.Details, result); err != nil {
		return fmt.Errorf("read Orchestrator's answer to %s: %w", call, err)
	}
	return nil
}

// Leads implements Orchestrator. A follower answers 404.
func (c *client) Leads(ctx context.Context) (bool, error) {
	err := c.get(ctx, "leader-check", nil)
	var refused *APIError
	if errors.As(err, &refused) {
		return false, nil
	}
	return err == nil, err
}

// Discover implements Orchestrator.
func (c *client) Discover(ctx context.Context, at Instance) error {
	return c.get(ctx, "discover/"+at.path(), nil)
}

// Instances implements Orchestrator.
func (c *client) Instances(ctx context.Context) ([]InstanceState, error) {
	var out []InstanceState
	err := c.get(ctx, "all-instances", &out)
	return out, err
}

// Analyses implements Orchestrator.
func (c *client) Analyses(ctx context.Context) ([]Analysis, error) {
	var out []Analysis
	err := c.details(ctx, "replication-analysis", &out)
	return out, err
}

// Recoveries implements Orchestrator.
func (c *client) Recoveries(ctx context.Context) ([]Recovery, error) {
	var out []Recovery
	err := c.get(ctx, "audit-recovery", &out)
	return out, err
}

// Steps implements Orchestrator.
func (c *client) Steps(ctx context.Context, recovery string) ([]Step, error) {
	var out []Step
	err := c.get(ctx, "audit-recovery-steps/"+url.PathEscape(recovery), &out)
	return out, err
}

// Blocked implements Orchestrator.
func (c *client) Blocked(ctx context.Context) ([]Blocked, error) {
	var out []Blocked
	err := c.get(ctx, "blocked-recoveries", &out)
	return out, err
}

// Takeover implements Orchestrator. The plain variant of the call leaves the old primary without replication, and the
// next takeover then fails half way and leaves no writable primary: so it is always the automatic one.
func (c *client) Takeover(ctx context.Context, primary, designated Instance) (Recovery, error) {
	call := "graceful-master-takeover-auto/" + primary.path()
	if designated != (Instance{}) {
		call += "/" + designated.path()
	}
	var out Recovery
	err := c.details(ctx, call, &out)
	return out, err
}

// ForceFailover implements Orchestrator.
func (c *client) ForceFailover(ctx context.Context, primary Instance) (Recovery, error) {
	var out Recovery
	err := c.details(ctx, "force-master-failover/"+primary.path(), &out)
	return out, err
}

// Recover implements Orchestrator.
func (c *client) Recover(ctx context.Context, failed Instance) error {
	return c.get(ctx, "recover/"+failed.path(), nil)
}

// GlobalRecoveries implements Orchestrator.
func (c *client) GlobalRecoveries(ctx context.Context, on bool) error {
	if on {
		return c.get(ctx, "enable-global-recoveries", nil)
	}
	return c.get(ctx, "disable-global-recoveries", nil)
}

// ForceFailoverOf implements Orchestrator.
func (c *client) ForceFailoverOf(ctx context.Context, alias string) (Recovery, error) {
	var out Recovery
	err := c.details(ctx, "force-master-failover/"+url.PathEscape(alias), &out)
	return out, err
}

// Relocate implements Orchestrator.
func (c *client) Relocate(ctx context.Context, at, below Instance) error {
	return c.get(ctx, "relocate/"+at.path()+"/"+below.path(), nil)
}

// Yield implements Orchestrator.
func (c *client) Yield(ctx context.Context, to string) error {
	return c.get(ctx, "raft-yield/"+url.PathEscape(to), nil)
}

// Clusters implements Orchestrator.
func (c *client) Clusters(ctx context.Context) ([]Cluster, error) {
	var out []Cluster
	err := c.get(ctx, "clusters-info", &out)
	return out, err
}

// Acknowledge implements Orchestrator. Without a comment it is refused.
func (c *client) Acknowledge(ctx context.Context, comment string) error {
	return c.get(ctx, "ack-all-recoveries?comment="+url.QueryEscape(comment), nil)
}

// Downtime implements Orchestrator.
func (c *client) Downtime(ctx context.Context, at Instance, reason string, d time.Duration) error {
	seconds := strconv.Itoa(max(1, int(d.Round(time.Second)/time.Second)))
	return c.get(ctx, "begin-downtime/"+at.path()+"/firedrill/"+url.PathEscape(reason)+"/"+seconds+"s", nil)
}

// EndDowntime implements Orchestrator.
func (c *client) EndDowntime(ctx context.Context, at Instance) error {
	return c.get(ctx, "end-downtime/"+at.path(), nil)
}

// Status implements Orchestrator.
func (c *client) Status(ctx context.Context) (Status, error) {
	var out Status
	err := c.details(ctx, "status", &out)
	return out, err
}

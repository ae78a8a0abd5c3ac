package patroni

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
)

// Roles and states in Patroni's words.
const (
	roleLeader  = "leader"  // in /cluster
	rolePrimary = "primary" // in /patroni
	running     = "running"
	streaming   = "streaming"
)

// Client speaks to the REST API of one node.
type Client struct {
	http *http.Client
	base string
}

// NewClient makes a client; base is scheme, host and port.
func NewClient(transport http.RoundTripper, base string) *Client {
	return &Client{http: &http.Client{Transport: transport}, base: strings.TrimSuffix(base, "/")}
}

// Status is what a node says of itself (GET /patroni): live, not a copy from etcd.
type Status struct {
	State            string `json:"state"`
	Role             string `json:"role"`
	ServerVersion    int    `json:"server_version"`
	Timeline         int    `json:"timeline"`          // 0 while PostgreSQL does not run
	ReplicationState string `json:"replication_state"` // of a replica; empty: it does not stream
	XLog             struct {
		Location          int64 `json:"location"` // of a primary
		ReceivedLocation  int64 `json:"received_location"`
		ReplayedLocation  int64 `json:"replayed_location"`
		ReplicationPaused bool  `json:"paused"`
	} `json:"xlog"`
	Replication []struct {
		ApplicationName string `json:"application_name"`
		State           string `json:"state"`
		SyncState       string `json:"sync_state"`
	} `json:"replication"`
	// DCSLastSeen is when the node last read etcd, in whole seconds since the epoch: once in each of its loops.
	DCSLastSeen          int64          `json:"dcs_last_seen"`
	ClusterUnlocked      bool           `json:"cluster_unlocked"`
	FailsafeModeIsActive bool           `json:"failsafe_mode_is_active"`
	Pause                bool           `json:"pause"`
	PendingRestart       bool           `json:"pending_restart"`
	Tags                 map[string]any `json:"tags"`
	SystemIdentifier     string         `json:"database_system_identifier"`
	Patroni              struct {
		Version string `json:"version"`
		Scope   string `json:"scope"`
		Name    string `json:"name"`
	} `json:"patroni"`
}

// Writable says whether the node is the running primary. GET /primary says 200 to less: it tells who holds the key,
// even while PostgreSQL starts, stops or has crashed.
func (s Status) Writable() bool { return s.Role == rolePrimary && s.State == running }

// Member is a node as etcd knows it (GET /cluster), at most one loop_wait old.
type Member struct {
	Name     string          `json:"name"`
	Role     string          `json:"role"` // leader, replica, sync_standby, quorum_standby, standby_leader
	State    string          `json:"state"`
	Host     string          `json:"host"`
	Timeline int             `json:"timeline"`
	Lag      json.RawMessage `json:"lag"` // a number of bytes or "unknown"; the leader has none
}

// Members is GET /cluster.
type Members struct {
	Members []Member `json:"members"`
	Pause   bool     `json:"pause"`
}

// Promotion is a line of GET /history: a timeline ended at LSN.
type Promotion struct {
	Timeline int
	LSN      int64
	Reason   string
	At       string
	Leader   string // of the next timeline
}

// UnmarshalJSON reads the list that Patroni keeps; older entries have no leader.
func (p *Promotion) UnmarshalJSON(data []byte) error {
	fields := []any{&p.Timeline, &p.LSN, &p.Reason, &p.At, &p.Leader}
	if err := json.Unmarshal(data, &fields); err != nil {
		return fmt.Errorf("read history entry: %w", err)
	}
	return nil
}

// Status asks the node for itself.
func (c *Client) Status(ctx context.Context) (Status, error) { return get[Status](ctx, c, "/patroni") }

// Cluster asks the node for what etcd knows of all.
func (c *Client) Cluster(ctx context.Context) (Members, error) {
	return get[Members](ctx, c, "/cluster")
}

// History lists the ends of the timelines, oldest first.
func (c *Client) History(ctx context.Context) ([]Promotion, error) {
	return get[[]Promotion](ctx, c, "/history")
}

// DynamicConfig is the dynamic configuration as it was sent. It is no evidence of what the nodes made of it.
func (c *Client) DynamicConfig(ctx context.Context) (map[string]any, error) {
	return get[map[string]any](ctx, c, "/config")
}

// PatchConfig merges changes into the dynamic configuration; nil deletes a key.
func (c *Client) PatchConfig(ctx context.Context, changes map[string]any) error {
	_, err := c.send(ctx, http.MethodPatch, "/config", changes)
	return err
}

// Switchover moves the leader's role, to candidate or to whom Patroni chooses, now or at a time (RFC 3339). It returns
// Patroni's answer.
func (c *Client) Switchover(ctx context.Context, leader, candidate, at string) (string, error) {
	body := map[string]any{"leader": leader}
	if candidate != "" {
		body["candidate"] = candidate
	}
	if at != "" {
		body["scheduled_at"] = at
	}
	return c.send(ctx, http.MethodPost, "/switchover", body)
}

// Restart restarts PostgreSQL on the node, and returns when it runs again.
func (c *Client) Restart(ctx context.Context) error {
	_, err := c.send(ctx, http.MethodPost, "/restart", map[string]any{})
	return err
}

// Reinitialize has the node throw its data away and copy them anew; it does not wait for that.
func (c *Client) Reinitialize(ctx context.Context) error {
	_, err := c.send(ctx, http.MethodPost, "/reinitialize", map[string]any{"force": true})
	return err
}

// Failover makes candidate the leader, with or without one there: the way out when no replica dares.
func (c *Client) Failover(ctx context.Context, candidate string) (string, error) {
	return c.send(ctx, http.MethodPost, "/failover", map[string]any{"candidate": candidate})
}

func get[R any](ctx context.Context, c *Client, path string) (R, error) {
	var out R
	body, err := c.send(ctx, http.MethodGet, path, nil)
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		return out, fmt.Errorf("read answer to GET %s: %w", path, err)
	}
	return out, nil
}

// send makes a request; any status but a 2xx is an error in Patroni's words.
func (c *Client) send(ctx context.Context, method, path string, in any) (string, error) {
	status, body, err := c.exchange(ctx, method, path, in)
	if err == nil && status/100 != 2 {
		return "", &AnswerError{Method: method, Path: path, Code: status, Text: words(body)}
	}
	return body, err
}

// exchange makes a request and returns the answer, whatever its status.
func (c *Client) exchange(ctx context.Context, method, path string, in any) (status int, answer string, err error) {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return 0, "", fmt.Errorf("encode %s %s: %w", method, path, err)
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return 0, "", fmt.Errorf("make request %s %s: %w", method, path, err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, "", fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, "", fmt.Errorf("read answer to %s %s: %w", method, path, err)
	}
	return resp.StatusCode, string(data), nil
}

// AnswerError is a no from an HTTP API.
type AnswerError struct {
	Method, Path string
	Code         int
	Text         string
}

func (e *AnswerError) Error() string {
	return fmt.Sprintf("%s %s: %d %s", e.Method, e.Path, e.Code, e.Text)
}

var message = regexp.MustCompile(`(?s)<p>Message: (.*?)</p>`)

// words takes the sense out of an answer: Patroni says some of its errors in a whole HTML page.
func words(body string) string {
	if m := message.FindStringSubmatch(body); m != nil {
		body = m[1]
	}
	body = strings.Join(strings.Fields(body), " ")
	if len(body) > 300 {
		body = body[:300]
	}
	return body
}

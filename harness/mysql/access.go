package mysql

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness"
)

// Identity is who a client of Orchestrator's API says that it is: a user with a password, or a header that a proxy in
// front would set. The zero value says nothing.
type Identity struct {
	User, Password string
	Header, Value  string
}

// ParseIdentity reads "user:password", or "Header: value" (with a space).
func ParseIdentity(s string) (Identity, error) {
	if header, value, ok := strings.Cut(s, ": "); ok {
		return Identity{Header: header, Value: value}, nil
	}
	if user, password, ok := strings.Cut(s, ":"); ok {
		return Identity{User: user, Password: password}, nil
	}
	return Identity{}, fmt.Errorf("%q is neither user:password nor a header as X-Forwarded-User: dba", s)
}

func (i Identity) sign(req *http.Request) {
	if i.User != "" || i.Password != "" {
		req.SetBasicAuth(i.User, i.Password)
	}
	if i.Header != "" {
		req.Header.Set(i.Header, i.Value)
	}
}

// setting is what a scenario sets of Orchestrator's, whatever the case of the key; def where it does not.
func (t *Topology) setting(key, def string) string {
	if value, ok := lookFold(toAny(t.settings[harness.Orchestrator]), key); ok {
		return fmt.Sprint(value)
	}
	return def
}

func toAny(settings map[string]string) map[string]any {
	out := map[string]any{}
	for k, v := range settings {
		out[k] = v
	}
	return out
}

// identity is Firedrill's own, which may do everything: that of the settings, as a DBA's client has it.
func (t *Topology) identity() Identity {
	switch strings.ToLower(t.setting("AuthenticationMethod", "")) {
	case "basic", "multi":
		return Identity{User: t.setting("HTTPAuthUser", ""), Password: t.setting("HTTPAuthPassword", "")}
	case "proxy":
		var users []string
		_ = json.Unmarshal([]byte(t.setting("PowerAuthUsers", "[]")), &users) // Orchestrator refuses what is no list
		if len(users) > 0 && users[0] != "*" {
			return Identity{Header: t.setting("AuthUserHeader", "X-Forwarded-User"), Value: users[0]}
		}
	}
	return Identity{}
}

// readOnlyManagers says whether the Orchestrators take no orders at all over HTTP: not even to look at a server.
func (t *Topology) readOnlyManagers() bool { return t.setting("ReadOnly", "false") == "true" }

// seeds are the servers that an Orchestrator looks at without being told.
func (t *Topology) seeds() []string {
	var out []string
	for _, m := range t.databases {
		out = append(out, m.instance().String())
	}
	return out
}

// What a client may want of Orchestrator's API. The write is a downtime of one second for a server that there is not.
const (
	ToRead  = "read from"
	ToWrite = "write to"
	ToCheck = "check" // which one leads, as a load balancer does
)

var wishes = map[string]string{
	ToRead: "all-instances", ToWrite: "begin-downtime/nohost/3306/firedrill/probe/1s", ToCheck: "leader-check",
}

// What Try finds.
const (
	Allowed = "allowed"
	Refused = "refused"
)

// tryTimeout bounds one request of Try.
const tryTimeout = 3 * time.Second

// Try makes a request to the Orchestrator of a node from another one, and returns Allowed, Refused, or what else was
// answered, and words for a report. A refusal has two faces: 401 before anything was read, or 500 and "Unauthorized".
func Try(ctx context.Context, from, orchestrator *harness.Node, who Identity, wish string) (answer, words string) {
	call, ok := wishes[wish]
	if !ok {
		return "unknown", fmt.Sprintf("nobody can %s Orchestrator", wish)
	}
	return try(ctx, from.Agent.Transport(), fmt.Sprintf("http://%s:3000", orchestrator.Address), who, call)
}

func try(ctx context.Context, transport http.RoundTripper, base string, who Identity, call string) (answer, words string) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/api/"+call, nil)
	if err != nil {
		return "unknown", err.Error()
	}
	who.sign(req)
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return "unknown", err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "unknown", err.Error()
	}
	call, _, _ = strings.Cut(call, "/")
	if resp.StatusCode == http.StatusOK {
		return Allowed, call + ": " + resp.Status
	}
	refused := refusal(call, resp.Status, body)
	words = call + ": " + resp.Status + ", " + strings.TrimPrefix(refused.Error(), "Orchestrator refuses "+call+": ")
	if resp.StatusCode == http.StatusUnauthorized || messageOf(body) == "Unauthorized" {
		return Refused, words
	}
	return "unknown", words
}

func messageOf(body []byte) string {
	var answer struct{ Message string }
	_ = json.Unmarshal(body, &answer) // what is no such answer has no message
	return answer.Message
}

package linode

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
)

// rehearsal makes a dry run of the very code that makes machines: reads go to the API, and every other call is written down
// and answered here.
type rehearsal struct {
	mu   sync.Mutex
	out  io.Writer
	next int
	made map[string][]byte // path, body
}

func newRehearsal(out io.Writer) *rehearsal {
	return &rehearsal{out: out, next: 1, made: map[string][]byte{}}
}

// masked are keys of a body that are nobody's business, or too long to read.
var masked = []string{"metadata", "authorized_keys", "root_pass"}

// RoundTrip is how linodego reaches it.
func (r *rehearsal) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if req.Method == http.MethodGet {
		if body, ok := r.made[req.URL.Path]; ok {
			return answer(req, body), nil
		}
		if list := r.list(req.URL.Path); list != nil {
			return answer(req, list), nil
		}
		return http.DefaultTransport.RoundTrip(req)
	}
	given := map[string]any{}
	if req.Body != nil {
		text, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, fmt.Errorf("rehearse %s: %w", req.URL.Path, err)
		}
		_ = json.Unmarshal(text, &given) // a deletion has none
	}
	shown := maps.Clone(given)
	for _, key := range masked {
		if _, ok := shown[key]; ok {
			shown[key] = "..."
		}
	}
	line, err := json.Marshal(shown)
	if err != nil {
		return nil, fmt.Errorf("rehearse %s: %w", req.URL.Path, err)
	}
	_, _ = fmt.Fprintf(r.out, "%s %s %s\n", req.Method, req.URL.Path, line)
	return answer(req, r.pretend(req, given)), nil
}

// pretend makes what the API would have made, as far as our code looks at it.
func (r *rehearsal) pretend(req *http.Request, given map[string]any) []byte {
	if req.Method == http.MethodDelete {
		delete(r.made, req.URL.Path)
	}
	if req.Method != http.MethodPost {
		return []byte("{}")
	}
	r.next++
	given["id"] = r.next
	if strings.HasSuffix(req.URL.Path, "/instances") {
		given["status"], given["ipv4"] = "running", []string{fmt.Sprintf("192.0.2.%d", r.next%250+2)}
		delete(given, "metadata")
		delete(given, "placement_group")
	}
	for _, s := range listOf(given["subnets"]) { // of a VPC
		r.next++
		s["id"] = r.next
	}
	body, err := json.Marshal(given)
	if err != nil {
		return []byte("{}")
	}
	r.made[path.Join(req.URL.Path, fmt.Sprint(r.next))] = body
	return body
}

// listOf reads a list of objects; what is none is empty.
func listOf(given any) (out []map[string]any) {
	list, _ := given.([]any)
	for _, one := range list {
		if object, ok := one.(map[string]any); ok {
			out = append(out, object)
		}
	}
	return out
}

// list is a collection of things that were made here; nil where there is none. What the account really has is not in it: New
// has looked at that before anything was made, and a rehearsal deletes nothing of it.
func (r *rehearsal) list(collection string) []byte {
	things := []json.RawMessage{}
	for _, p := range slices.Sorted(maps.Keys(r.made)) {
		if path.Dir(p) == collection {
			things = append(things, r.made[p])
		}
	}
	if len(things) == 0 {
		return nil
	}
	body, err := json.Marshal(map[string]any{"data": things, "page": 1, "pages": 1, "results": len(things)})
	if err != nil {
		return nil
	}
	return body
}

func answer(req *http.Request, body []byte) *http.Response {
	return &http.Response{
		StatusCode: http.StatusOK, Status: "200 OK", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
}

package patroni

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/firedrill/firedrill/harness"
)

// etcdClient speaks to one member through its JSON gateway, from inside its node.
type etcdClient struct{ rest *Client }

func newEtcdClient(transport http.RoundTripper, base string) etcdClient {
	return etcdClient{NewClient(transport, base)}
}

// Keys under Patroni's path, by their name below it: leader, status, members/p1.
type keys map[string]key

type key struct {
	Value string
	Lease string // empty: it does not expire
}

func post[R any](ctx context.Context, c etcdClient, path string, in any) (R, error) {
	var out R
	body, err := c.rest.send(ctx, http.MethodPost, path, in)
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		return out, fmt.Errorf("read answer to POST %s: %w", path, err)
	}
	return out, nil
}

// keys reads everything of a cluster. The read is linearizable: a member without a quorum does not answer it.
func (c etcdClient) keys(ctx context.Context, scope string) (keys, error) {
	prefix := namespace + scope + "/"
	type kv struct {
		Key   []byte `json:"key"`
		Value []byte `json:"value"`
		Lease string `json:"lease"`
	}
	answer, err := post[struct {
		KVs []kv `json:"kvs"`
	}](ctx, c, "/v3/kv/range", map[string]string{
		"key":       base64.StdEncoding.EncodeToString([]byte(prefix)),
		"range_end": base64.StdEncoding.EncodeToString([]byte(prefix[:len(prefix)-1] + "0")), // '0' follows '/'
	})
	if err != nil {
		return nil, err
	}
	out := keys{}
	for _, e := range answer.KVs {
		out[strings.TrimPrefix(string(e.Key), prefix)] = key{Value: string(e.Value), Lease: e.Lease}
	}
	return out, nil
}

// put writes one key, by its whole path.
func (c etcdClient) put(ctx context.Context, path string, value []byte) error {
	_, err := post[struct{}](ctx, c, "/v3/kv/put", map[string][]byte{"key": []byte(path), "value": value})
	return err
}

// grantedTTL is the time to live that a lease was granted, in seconds.
func (c etcdClient) grantedTTL(ctx context.Context, lease string) (int, error) {
	answer, err := post[struct {
		GrantedTTL int `json:"grantedTTL,string"`
	}](ctx, c, "/v3/lease/timetolive", map[string]string{"ID": lease})
	return answer.GrantedTTL, err
}

// memberStatus is how a member sees itself.
type memberStatus struct {
	Version string   `json:"version"`
	Leader  string   `json:"leader"` // id of the leader; "0" or empty: none
	Term    int64    `json:"raftTerm,string"`
	Errors  []string `json:"errors"`
	Header  struct {
		MemberID string `json:"member_id"`
	} `json:"header"`
}

func (s memberStatus) hasLeader() bool { return s.Leader != "" && s.Leader != "0" }
func (s memberStatus) leads() bool     { return s.hasLeader() && s.Leader == s.Header.MemberID }

func (c etcdClient) status(ctx context.Context) (memberStatus, error) {
	return post[memberStatus](ctx, c, "/v3/maintenance/status", struct{}{})
}

// handOver has the member, which must be the leader, give the lead to another one.
func (c etcdClient) handOver(ctx context.Context, to string) error {
	_, err := post[struct{}](ctx, c, "/v3/maintenance/transfer-leadership", map[string]string{"targetID": to})
	return err
}

// ready says whether the member knows the version that the whole etcd cluster has agreed on. Before that, Patroni
// fails on it and pauses for 5 s.
func (c etcdClient) ready(ctx context.Context) (bool, string, error) {
	answer, err := get[struct {
		Cluster string `json:"etcdcluster"`
	}](ctx, c.rest, "/version")
	if err != nil {
		return false, err.Error(), nil
	}
	return answer.Cluster != "" && answer.Cluster != "not_decided", "cluster version " + answer.Cluster, nil
}

func etcdOf(n *harness.Node) etcdClient {
	return newEtcdClient(n.Agent.Transport(), fmt.Sprintf("http://127.0.0.1:%d", etcdPort))
}

func restOf(n *harness.Node) *Client {
	return NewClient(n.Agent.Transport(), fmt.Sprintf("http://127.0.0.1:%d", restPort))
}

// askWithin bounds a question to one node. A frozen or cut off one must not hold up the others.
const askWithin = time.Second

// all asks several nodes at once; answers and errors are in the order of the nodes.
func all[R any](ctx context.Context, nodes []*harness.Node, ask func(context.Context, *harness.Node) (R, error)) ([]R, []error) {
	out, errs := make([]R, len(nodes)), make([]error, len(nodes))
	var group errgroup.Group
	for i, n := range nodes {
		group.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, askWithin)
			defer cancel()
			out[i], errs[i] = ask(ctx, n)
			return nil
		})
	}
	_ = group.Wait()
	return out, errs
}

// errNoDCS says that no member of etcd answered: there is no quorum, or none can be reached.
var errNoDCS = errors.New("no member of etcd answers")

// keys reads Patroni's keys from whichever member answers; those of a minority do not.
func (t *Topology) keys(ctx context.Context) (keys, error) {
	answers, errs := all(ctx, t.etcd, t.keysFrom)
	for i, err := range errs {
		if err == nil {
			return answers[i], nil
		}
	}
	return nil, fmt.Errorf("%w: %w", errNoDCS, errors.Join(errs...))
}

// statuses asks every Patroni node for itself.
func (t *Topology) statuses(ctx context.Context) ([]Status, []error) {
	return all(ctx, t.databases, func(ctx context.Context, n *harness.Node) (Status, error) { return restOf(n).Status(ctx) })
}

// members asks every etcd member for itself.
func (t *Topology) members(ctx context.Context) ([]memberStatus, []error) {
	return all(ctx, t.etcd, func(ctx context.Context, n *harness.Node) (memberStatus, error) { return etcdOf(n).status(ctx) })
}

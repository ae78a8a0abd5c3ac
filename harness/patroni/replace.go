package patroni

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/images"
	"github.com/firedrill/firedrill/harness/wait"
)

// ReplaceMember is what an operator does about etcd members that lost their data: the cluster forgets each, and takes
// it in again with no data. Until then it counts for the quorum, and votes for nobody.
const ReplaceMember = "replace-member"

// replaceMembers replaces one after the other: each change of the members needs a quorum of those before it.
func (t *Topology) replaceMembers(ctx context.Context, names []string) error {
	for _, name := range names {
		n, err := harness.Find(t.etcd, name)
		if err != nil {
			return err
		}
		if err := t.replaceMember(ctx, n); err != nil {
			return fmt.Errorf("replace etcd member %s: %w", name, err)
		}
	}
	return nil
}

func (t *Topology) replaceMember(ctx context.Context, n *harness.Node) error {
	survivor, err := t.survivor(ctx, n)
	if err != nil {
		return err
	}
	if err := n.Agent.Stop(ctx, ProcessEtcd); err != nil {
		return err
	}
	if err := survivor.readmit(ctx, n.Name, fmt.Sprintf("http://%s:%d", n.Address, etcdPeerPort)); err != nil {
		return err
	}
	// A start that failed leaves files behind.
	out, err := n.Agent.Exec(ctx, agent.Command{Argv: []string{"find", images.EtcdDataDir, "-mindepth", "1", "-delete"}})
	if err == nil && out.Code != 0 {
		err = errors.New(words(out.Stderr))
	}
	if err != nil {
		return fmt.Errorf("empty %s: %w", images.EtcdDataDir, err)
	}
	argv := append(t.config.etcdArgv(n), "--initial-cluster-state=existing") // the last one holds
	if err := run(ctx, n, agent.Process{Name: ProcessEtcd, Argv: argv, User: "etcd", DataDir: images.EtcdDataDir}); err != nil {
		return err
	}
	return wait.Until(ctx, "new etcd member follows the leader", operateWithin, func(ctx context.Context) (bool, string, error) {
		if err := died(ctx, n, ProcessEtcd); err != nil {
			return false, "", err
		}
		s, err := etcdOf(n).status(ctx)
		if err != nil {
			return false, err.Error(), nil
		}
		return s.hasLeader(), fmt.Sprintf("leader %q", s.Leader), nil
	})
}

// survivor is a member, other than this one, that has a leader; waits for it, since one may just have come back.
func (t *Topology) survivor(ctx context.Context, lost *harness.Node) (found etcdClient, err error) {
	err = wait.Until(ctx, "another etcd member with a leader", operateWithin, func(ctx context.Context) (bool, string, error) {
		members, errs := t.members(ctx)
		for i, n := range t.etcd {
			if n != lost && errs[i] == nil && members[i].hasLeader() {
				found = etcdOf(n)
				return true, "", nil
			}
		}
		return false, fmt.Sprintf("none has one (%v)", errors.Join(errs...)), nil
	})
	return found, err
}

// readmit renames until etcd lets it: it changes no members while one of them has only just come back.
func (c etcdClient) readmit(ctx context.Context, name, peer string) error {
	return wait.Until(ctx, "etcd forgets the member and awaits a new one", operateWithin, func(ctx context.Context) (bool, string, error) {
		err := c.rename(ctx, name, peer)
		var no *AnswerError
		if errors.As(err, &no) && no.Code == http.StatusServiceUnavailable {
			return false, no.Text, nil
		}
		return err == nil, "", err
	})
}

// rename has the cluster forget the member at a peer's URL, and await a new one there.
func (c etcdClient) rename(ctx context.Context, name, peer string) error {
	list, err := post[struct {
		Members []struct {
			ID       string   `json:"ID"`
			Name     string   `json:"name"`
			PeerURLs []string `json:"peerURLs"`
		} `json:"members"`
	}](ctx, c, "/v3/cluster/member/list", struct{}{})
	if err != nil {
		return err
	}
	for _, m := range list.Members {
		if m.Name != name && !strings.Contains(strings.Join(m.PeerURLs, ","), peer) {
			continue
		}
		if _, err := post[struct{}](ctx, c, "/v3/cluster/member/remove", map[string]string{"ID": m.ID}); err != nil {
			return err
		}
	}
	_, err = post[struct{}](ctx, c, "/v3/cluster/member/add", map[string]any{"peerURLs": []string{peer}})
	return err
}

package groupreplication

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
)

// States of a member, and its role, as the group names them.
const (
	online      = "ONLINE"
	recovering  = "RECOVERING"
	unreachable = "UNREACHABLE"
	offline     = "OFFLINE"
	primaryRole = "PRIMARY"
)

// seen is a member as another one (or itself) sees it.
type seen struct{ state, role string }

// view is what a server says of itself and of its group.
type view struct {
	node     string
	err      error // it did not answer
	writable bool
	executed string // GTID set
	id       string // of the group's view, which changes with every member that comes or goes
	members  map[string]seen
}

// viewTimeout bounds a look at a server: one that hangs must not hold up what is said of the others.
const viewTimeout = 2 * time.Second

// One statement, so that a view is of one moment.
const viewSQL = `SELECT @@global.read_only AS ro, @@global.super_read_only AS super, @@global.gtid_executed AS gtid,
 m.MEMBER_HOST AS host, m.MEMBER_STATE AS state, m.MEMBER_ROLE AS role,
 (SELECT MAX(VIEW_ID) FROM performance_schema.replication_group_member_stats) AS view
 FROM performance_schema.replication_group_members m`

// view asks a server, from inside its node.
func (t *Topology) view(ctx context.Context, m *member) view {
	v := view{node: m.Name, members: map[string]seen{}}
	var rows agent.Rows
	rows, v.err = m.Agent.Query(ctx, agent.Query{Database: t.Admin(m.Node), SQL: viewSQL, Timeout: viewTimeout})
	if v.err != nil {
		return v
	}
	v.writable = rows.Get(0, "ro") == "0" && rows.Get(0, "super") == "0"
	v.executed = strings.ReplaceAll(rows.Get(0, "gtid"), "\n", "")
	v.id = rows.Get(0, "view")
	for i := range rows.Rows {
		if host := rows.Get(i, "host"); host != "" {
			v.members[host] = seen{rows.Get(i, "state"), rows.Get(i, "role")}
		}
	}
	return v
}

// views asks all servers at once, in the order of the layout.
func (t *Topology) views(ctx context.Context) []view {
	out := make([]view, len(t.members))
	var all sync.WaitGroup
	for i, m := range t.members {
		all.Go(func() { out[i] = t.view(ctx, m) })
	}
	all.Wait()
	return out
}

// own is the state of the server itself.
func (v view) own() string {
	if s, ok := v.members[v.node]; ok {
		return s.state
	}
	return offline
}

// in says whether the server is a working part of a group.
func (v view) in() bool { return v.err == nil && (v.own() == online || v.own() == recovering) }

// quorum says whether the server sees the majority of its group: without it nothing is committed and nobody elected.
func (v view) quorum() bool {
	lost := 0
	for _, s := range v.members {
		if s.state == unreachable {
			lost++
		}
	}
	return v.in() && lost*2 < len(v.members)
}

// primary names the member that the server takes for the primary; empty for nobody.
func (v view) primary() string {
	for _, name := range v.names() {
		if v.members[name].role == primaryRole {
			return name
		}
	}
	return ""
}

func (v view) names() []string {
	var out []string
	for name := range v.members {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// number orders views of one group: "17952795855226803:6" is the sixth.
func (v view) number() int {
	_, n, _ := strings.Cut(v.id, ":")
	out, _ := strconv.Atoi(n)
	return out
}

// words is the view in one line.
func (v view) words() string {
	if v.err != nil {
		return fmt.Sprintf("%s does not answer: %s", v.node, strings.TrimPrefix(v.err.Error(), v.node+": "))
	}
	var out []string
	for _, name := range v.names() {
		s := v.members[name]
		word := name + " " + s.state
		if s.role == primaryRole {
			word += " primary"
		}
		out = append(out, word)
	}
	return fmt.Sprintf("%s sees %s", v.node, strings.Join(out, ", "))
}

// ruling is the view that counts: the latest of those that have a majority. ok is false when no server sees one.
func ruling(views []view) (best view, ok bool) {
	for _, v := range views {
		if v.quorum() && (!ok || v.number() > best.number()) {
			best, ok = v, true
		}
	}
	return best, ok
}

// role is the record's word.
func (v view) role() string {
	switch {
	case v.err != nil:
		return ""
	case v.in() && v.primary() == v.node, !v.in() && v.writable:
		return record.RolePrimary
	case v.in():
		return record.RoleReplica
	}
	return ""
}

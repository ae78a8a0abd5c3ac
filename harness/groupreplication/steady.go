package groupreplication

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firedrill/firedrill/harness"
)

// Steady implements harness.Topology: every server is online in one group, one of them is its primary and writable, and
// the name leads to it through the Router of every datacenter that has an application. The reasons are stable: they
// change only when something does.
func (t *Topology) Steady(ctx context.Context) ([]string, error) {
	views := t.views(ctx)
	primary, reasons := groupReasons(views)
	if primary == "" {
		return reasons, ctx.Err()
	}
	return append(reasons, t.routerReasons(ctx, primary)...), ctx.Err()
}

// Patience is how long what is missing may stand still before it is taken as final: a server that joins its group again
// is OFFLINE to the last moment, and was so for 8 s.
func (t *Topology) Patience() time.Duration { return 20 * time.Second }

// groupReasons judges what the servers say; the primary is empty where there is none.
func groupReasons(views []view) (primary string, reasons []string) {
	best, ok := ruling(views)
	if ok {
		primary = best.primary()
	}
	if primary == "" {
		reasons = append(reasons, "no server sees a majority of the group and a primary")
	}
	for _, v := range views {
		switch {
		case v.err != nil:
			reasons = append(reasons, v.words())
		case v.own() != online:
			reasons = append(reasons, fmt.Sprintf("%s is %s", v.node, v.own()))
		case !v.quorum():
			reasons = append(reasons, v.node+" does not see the majority of the group")
		case len(v.members) != len(views) || slices.ContainsFunc(v.names(), func(n string) bool { return v.members[n].state != online }):
			reasons = append(reasons, v.words())
		case v.primary() != primary:
			reasons = append(reasons, fmt.Sprintf("%s takes %s for the primary, not %s", v.node, v.primary(), primary))
		}
		switch {
		case v.err == nil && v.writable && v.node != primary:
			reasons = append(reasons, v.node+" is writable and not the primary")
		case v.err == nil && !v.writable && v.node == primary:
			reasons = append(reasons, "the primary "+v.node+" is not writable")
		}
	}
	return primary, reasons
}

// routerReasons asks through every Router, from the application beside it: by name, as it does.
func (t *Topology) routerReasons(ctx context.Context, primary string) []string {
	apps := harness.ByComponent(t.nodes, harness.Application)
	reasons := make([]string, len(apps))
	var all sync.WaitGroup
	for i, app := range apps {
		all.Go(func() {
			router, err := t.routerIn(app.Datacenter)
			if err == nil {
				var behind string
				behind, err = t.behind(ctx, app, router.Address)
				if err == nil && behind != primary {
					reasons[i] = fmt.Sprintf("%s leads to %s, not to the primary %s", router.Name, behind, primary)
				}
			}
			if err != nil {
				reasons[i] = fmt.Sprintf("no way to the primary from %s: %s", app.Datacenter, err)
			}
		})
	}
	all.Wait()
	return slices.DeleteFunc(reasons, func(s string) bool { return s == "" })
}

// routerIn is the Router of a datacenter.
func (t *Topology) routerIn(datacenter string) (*harness.Node, error) {
	for _, r := range t.routers {
		if r.Datacenter == datacenter {
			return r, nil
		}
	}
	return nil, fmt.Errorf("there is no Router in %s", datacenter)
}

// Primary implements harness.Topology: whom the majority takes for it, which may be down or out of reach, until the
// majority has elected another one. Without a majority it is whom those that answer agree on.
func (t *Topology) Primary(ctx context.Context) (*harness.Node, error) {
	views := t.views(ctx)
	name, err := choosePrimary(views)
	if err != nil {
		return nil, fmt.Errorf("find the primary: %w", err)
	}
	m := t.member(name)
	if m == nil {
		return nil, fmt.Errorf("find the primary: the group names %s, which is not of this topology", name)
	}
	return m.Node, nil
}

func choosePrimary(views []view) (string, error) {
	if best, ok := ruling(views); ok && best.primary() != "" {
		return best.primary(), nil
	}
	var said, words []string
	for _, v := range views {
		words = append(words, v.words())
		if p := v.primary(); v.in() && p != "" && !slices.Contains(said, p) {
			said = append(said, p)
		}
	}
	if len(said) == 1 {
		return said[0], nil
	}
	return "", errors.New("no majority, and no agreement: " + strings.Join(words, "; "))
}

// Select implements harness.Topology.
func (t *Topology) Select(_ context.Context, target string) ([]*harness.Node, bool, error) {
	n := len(t.members)
	all := t.Databases()
	switch target {
	case "a minority of the group": // from the end, so never the primary of the start; the same in every run
		return all[n-(n-1)/2:], true, nil
	case "a majority of the group":
		return all[n-(n/2+1):], true, nil
	}
	return nil, false, nil
}

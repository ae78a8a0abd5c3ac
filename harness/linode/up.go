package linode

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/linode/linodego"
	"golang.org/x/sync/errgroup"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/wait"
)

// createParallel bounds the orders at one moment: the API takes 20 of them in 15 seconds.
const createParallel = 4

// bootBudget is how long a machine may take from its order until it runs. The API's recorded times are 65 and 24 seconds.
const bootBudget = 6 * time.Minute

// machine is a node that is to stand.
type machine struct {
	*harness.Node        // its address is the one by which the other machines know it
	public        string // the address by which we log in
	spec          harness.NodeSpec
	id            int
	keys          keys
}

// Up makes firewalls that admit nobody, the machines under them, in one region in a VPC, and then admits the controller and the
// machines themselves; it installs what each component needs, and opens a session to each agent.
func (p *Provider) Up(ctx context.Context, id harness.Identity, specs []harness.NodeSpec) ([]*harness.Node, error) {
	if err := p.possible(ctx, id, specs); err != nil {
		return nil, err
	}
	firewalls, err := p.firewalls(ctx, id, specs)
	if err != nil {
		return nil, err
	}
	groups, err := p.placementGroups(ctx, id, specs)
	if err != nil {
		return nil, err
	}
	private, err := p.vpc(ctx, id, specs)
	if err != nil {
		return nil, err
	}
	places := make([]place, len(specs))
	for i, s := range specs {
		places[i] = place{firewalls[s.Datacenter], groups[p.Region(s.Datacenter)], private.subnet, private.address(i)}
	}
	machines, err := p.orderAll(ctx, id, specs, places)
	if err != nil {
		return nil, err
	}
	if err := p.walls(ctx, firewalls, machines); err != nil {
		return nil, err
	}
	nodes := make([]*harness.Node, len(machines))
	for i, m := range machines {
		nodes[i] = m.Node
	}
	if p.opts.Rehearse != nil {
		return nodes, nil
	}
	return nodes, p.reachAll(ctx, id, machines)
}

// orderAll asks for all machines, and returns when they run.
func (p *Provider) orderAll(ctx context.Context, id harness.Identity, specs []harness.NodeSpec, places []place) ([]*machine, error) {
	login, err := newKey()
	if err != nil {
		return nil, err
	}
	machines := make([]*machine, len(specs))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(createParallel)
	for i, s := range specs {
		group.Go(func() (err error) {
			machines[i], err = p.order(ctx, id, s, places[i], login)
			return err
		})
	}
	return machines, group.Wait()
}

// possible refuses before anything is made.
func (p *Provider) possible(ctx context.Context, id harness.Identity, specs []harness.NodeSpec) error {
	if len(drillPrefix(id)) > maxLabel {
		return fmt.Errorf("run %s: its labels would be longer than %d letters", id.Run, maxLabel)
	}
	if time.Until(p.until) < time.Minute {
		return fmt.Errorf("the run is at its deadline (--max-age %s): nothing more is made", p.opts.MaxAge)
	}
	for _, s := range specs {
		p.Region(s.Datacenter) // in the order of the topology, not of what asks first
		if _, err := p.opts.Setup(s); err != nil {
			return fmt.Errorf("node %s: %w", s.Name, err)
		}
		for _, f := range s.Fittings {
			return fmt.Errorf("node %s needs %s, which machines do not have yet: %w", s.Name, f.Means(), harness.ErrUnavailable)
		}
	}
	return p.afford(ctx, specs)
}

// placementGroups keeps the machines of a region on different hosts, where the region can: several on one host would
// die together. Flexible, because a region that is nearly full should still give us machines.
func (p *Provider) placementGroups(ctx context.Context, id harness.Identity, specs []harness.NodeSpec) (map[string]int, error) {
	count := map[string]int{}
	for _, s := range specs {
		count[p.Region(s.Datacenter)]++
	}
	groups := map[string]int{}
	for region, n := range count {
		r, err := p.client.GetRegion(ctx, region)
		if err != nil {
			return nil, fmt.Errorf("region %s: %w", region, err)
		}
		limit := 0
		if r.PlacementGroupLimits != nil && strings.Contains(strings.Join(r.Capabilities, ","), "Placement Group") {
			limit = r.PlacementGroupLimits.MaximumLinodesPerPG
		}
		if n < 2 || n > limit {
			continue
		}
		label := drillPrefix(id) + "-" + region + mark(p.until)
		groups[region], err = p.create(ctx, id.Run, kindGroup, label, func(ctx context.Context) (int, error) {
			g, err := p.client.CreatePlacementGroup(ctx, linodego.PlacementGroupCreateOptions{Label: label, Region: region,
				PlacementGroupType: linodego.PlacementGroupTypeAntiAffinityLocal, PlacementGroupPolicy: linodego.PlacementGroupPolicyFlexible})
			if err != nil {
				return 0, err
			}
			return g.ID, nil
		})
		if err != nil {
			return nil, err
		}
	}
	return groups, nil
}

// order asks for one machine and waits until it runs.
func (p *Provider) order(ctx context.Context, id harness.Identity, s harness.NodeSpec, where place, login key) (*machine, error) {
	host, err := newKey()
	if err != nil {
		return nil, err
	}
	userData, err := cloudConfig(host, p.until)
	if err != nil {
		return nil, err
	}
	o := linodego.InstanceCreateOptions{
		Region: p.Region(s.Datacenter), Type: p.opts.Type, Image: p.opts.Image, Label: drillPrefix(id) + "-" + s.Name, Tags: tags(id, p.until),
		AuthorizedKeys: []string{login.authorized()}, FirewallID: where.firewall, InterfaceGeneration: linodego.GenerationLegacyConfig,
		Interfaces: where.interfaces(),
		Metadata:   &linodego.InstanceMetadataOptions{UserData: base64.StdEncoding.EncodeToString(userData)},
	}
	if where.group != 0 {
		o.PlacementGroup = &linodego.InstanceCreatePlacementGroupOptions{ID: where.group}
	}
	m := &machine{spec: s, keys: keys{login: login, host: host}}
	m.Node = &harness.Node{Name: s.Name, Component: s.Component, Datacenter: s.Datacenter, Fittings: s.Fittings}
	m.id, err = p.create(ctx, id.Run, kindLinode, o.Label, func(ctx context.Context) (int, error) {
		l, err := p.client.CreateInstance(ctx, o)
		if err != nil {
			return 0, err
		}
		if len(l.IPv4) == 0 {
			return l.ID, errors.New("the API gave it no address")
		}
		m.public = l.IPv4[0].String()
		m.Address = m.public
		if where.subnet != 0 {
			m.Address = where.address.String()
		}
		return l.ID, nil
	})
	if err != nil {
		return nil, err
	}
	return m, p.running(ctx, m)
}

// running waits for a machine. A creation that failed ends the wait: the event says so, the state alone does not.
func (p *Provider) running(ctx context.Context, m *machine) error {
	failed := linodego.NewListOptions(0, fmt.Sprintf(`{"entity.id":%d,"entity.type":"linode","status":"failed"}`, m.id))
	look := time.Time{}
	return wait.Until(ctx, m.Name+" runs", bootBudget, func(ctx context.Context) (bool, string, error) {
		if time.Since(look) < p.client.GetPollDelay() { // not more often than the API likes to be asked
			return false, "", nil
		}
		look = time.Now()
		l, err := p.client.GetInstance(ctx, m.id)
		if err != nil {
			return false, "", err
		}
		if l.Status == linodego.InstanceRunning {
			return true, "", nil
		}
		events, err := p.client.ListEvents(ctx, failed)
		if err == nil && len(events) > 0 {
			err = fmt.Errorf("the API says that %s failed: %s", events[0].Action, events[0].Message)
		}
		return false, string(l.Status), err
	})
}

// Down deletes what the drill has in the account, by what the account says: also what an order made whose answer we never
// saw. Machines go first, and the rest when nobody is in it any more.
func (p *Provider) Down(ctx context.Context, id harness.Identity) error {
	p.mu.Lock()
	sessions := p.sessions[id]
	delete(p.sessions, id)
	p.mu.Unlock()
	for _, s := range sessions {
		closeQuietly(s)
	}
	all, unlisted := resources(ctx, p.client)
	there := map[string]bool{}
	errs := []error{unlisted} // what is there and costs goes, also when something else could not be looked for
	for _, r := range all {
		if !r.ours || r.run != id.Run || !strings.HasPrefix(r.label, drillPrefix(id)) {
			there[r.kind+r.label] = true
			continue
		}
		if err := p.remove(ctx, r); err != nil {
			errs = append(errs, err)
			there[r.kind+r.label] = true
		}
	}
	if p.ledger == nil || unlisted != nil { // what was not found may be there
		return errors.Join(errs...)
	}
	return errors.Join(append(errs, p.settleRun(id, there))...)
}

// settleRun closes the open lines of one drill: what is not in the account does not cost.
func (p *Provider) settleRun(id harness.Identity, there map[string]bool) error {
	open, err := Outstanding(p.ledger.file.Name())
	if err != nil {
		return err
	}
	for _, e := range open {
		if strings.HasPrefix(e.Label, drillPrefix(id)) && !there[e.Kind+e.Label] {
			e.State = gone
			if err := p.note(e); err != nil {
				return err
			}
		}
	}
	return nil
}

func closeQuietly(c io.Closer) { _ = c.Close() } // the machine behind it goes in a moment

// Package linode stands nodes up as virtual machines at Linode, on linodego and SSH. A datacenter is a region; the agent
// is reached over an SSH stream. Whatever is created carries the run and a deadline from the very call that creates it, is
// in a ledger on the disk before that call, and is deleted at the end of the drill, or by Clean from another process.
package linode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/linode/linodego"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
)

// Options of the provider. Zero values of the durations and limits are refused: they guard money.
type Options struct {
	Account Account
	Regions []string // the first datacenter of a topology is in the first region, and so on; around, if they are too few
	Type    string   // of the machines, such as g6-standard-1
	Image   string   // with cloud-init, such as linode/debian13
	MaxCost float64  // US dollars for all drills of this provider, at worst
	MaxAge  time.Duration
	// Domain of the account in which each drill has a name, with the tag TagNames; empty for none. NameServer answers for it
	// (address, or address:port); empty: Linode's own.
	Domain, NameServer string
	Admit              string // address or CIDR of the controller as the machines see it; empty: found out when they stand
	Ledger             string // file
	Binary             string // the agent: a static firedrill for the machines
	Progress           io.Writer
	Setup              Setup     // what is installed on a machine
	Rehearse           io.Writer // a dry run: calls are written here, and not made
}

// Setup says how a node's component comes on a machine.
type Setup func(s harness.NodeSpec) (Recipe, error)

// Recipe is what root does on a machine: files are put there, then the script is run. Env is what the component's processes
// find in their environment.
type Recipe struct {
	Files  []agent.File
	Script string
	Env    map[string]string
}

// Defaults of the options.
const (
	DefaultType    = "g6-standard-1"
	DefaultImage   = "linode/debian13"
	DefaultMaxCost = 5.0
	DefaultMaxAge  = 2 * time.Hour
)

// Provider makes virtual machines.
type Provider struct {
	opts    Options
	client  *linodego.Client
	ledger  *ledger
	until   time.Time // the deadline of everything that is made
	servers []string  // that answer for the domain of the options, address:port

	mu       sync.Mutex
	spent    float64
	centers  []string // datacenters, in the order in which they got their regions
	sessions map[harness.Identity][]io.Closer
}

var (
	_ harness.Provider = (*Provider)(nil)
	_ harness.Namer    = (*Provider)(nil)
)

// New checks the options, and the account against them: nothing is made.
func New(ctx context.Context, opts Options) (*Provider, error) {
	if opts.Progress == nil {
		opts.Progress = io.Discard
	}
	switch {
	case opts.MaxAge < 10*time.Minute || opts.MaxAge > 24*time.Hour:
		return nil, fmt.Errorf("--max-age %s: from 10 minutes to 24 hours", opts.MaxAge)
	case opts.MaxCost <= 0:
		return nil, errors.New("--max-cost is to be more than 0")
	case len(opts.Regions) == 0:
		return nil, errors.New("no regions are named")
	case opts.Setup == nil:
		return nil, errors.New("nothing says what is installed on a machine")
	}
	p := &Provider{opts: opts, until: time.Now().Add(opts.MaxAge).Truncate(time.Second), sessions: map[harness.Identity][]io.Closer{}}
	if opts.Rehearse != nil {
		p.client = opts.Account.client(newRehearsal(opts.Rehearse))
	} else {
		var err error
		if p.ledger, err = openLedger(opts.Ledger); err != nil {
			return nil, err
		}
		p.client = opts.Account.client(nil)
	}
	return p, p.check(ctx)
}

// Name is linode.
func (p *Provider) Name() string { return "linode" }

// Until is the deadline of everything that this provider makes.
func (p *Provider) Until() time.Time { return p.until }

// Environment says what the machines are.
func (p *Provider) Environment(context.Context) map[string]string {
	out := map[string]string{
		"engine": "Linode API at " + p.opts.Account.URL.Host, "regions": strings.Join(p.opts.Regions, ", "), "type": p.opts.Type, "image": p.opts.Image,
		"delete_after": p.until.UTC().Format(time.RFC3339),
	}
	if p.opts.Domain != "" {
		out["domain"], out["name_servers"] = p.opts.Domain, strings.Join(p.servers, ", ")
	}
	return out
}

// Region of a datacenter. Datacenters get them in the order in which they are first asked for.
func (p *Provider) Region(datacenter string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(p.centers, datacenter)
	if i < 0 {
		i = len(p.centers)
		p.centers = append(p.centers, datacenter)
	}
	return p.opts.Regions[i%len(p.opts.Regions)]
}

// needed are the capabilities without which a region is no use to us.
var needed = []string{"Linodes", "Metadata", "Cloud Firewall"}

// check asks the account whether the drill can be held there: regions, plan, image, and nobody else under our prefix.
func (p *Provider) check(ctx context.Context) error {
	for _, id := range p.opts.Regions {
		r, err := p.client.GetRegion(ctx, id)
		if linodego.IsNotFound(err) {
			return fmt.Errorf("there is no region %s: %s", id, p.regionNames(ctx))
		}
		if err != nil {
			return fmt.Errorf("region %s: %w", id, err)
		}
		for _, capability := range needed {
			if !slices.Contains(r.Capabilities, capability) {
				return fmt.Errorf("region %s has no %s: choose another one: %w", id, capability, harness.ErrUnavailable)
			}
		}
	}
	if _, err := p.client.GetType(ctx, p.opts.Type); err != nil {
		return fmt.Errorf("type %s: %w", p.opts.Type, err)
	}
	i, err := p.client.GetImage(ctx, p.opts.Image)
	if err != nil {
		return fmt.Errorf("image %s: %w", p.opts.Image, err)
	}
	if !slices.Contains(i.Capabilities, "cloud-init") {
		return fmt.Errorf("image %s takes no user data (cloud-init): choose another one", p.opts.Image)
	}
	if err := p.checkDomain(ctx); err != nil {
		return err
	}
	return p.refuseStrangers(ctx)
}

// regionNames lists what could have been meant.
func (p *Provider) regionNames(ctx context.Context) string {
	all, err := p.client.ListRegions(ctx, nil)
	if err != nil {
		return "and they could not be listed: " + err.Error()
	}
	var names []string
	for _, r := range all {
		names = append(names, r.ID)
	}
	return "there are " + strings.Join(names, ", ")
}

// refuseStrangers looks for resources that have our prefix and are not ours by their marks. An account in which they are
// is one in which we do not know our own: nothing is made there, and nothing deleted.
func (p *Provider) refuseStrangers(ctx context.Context) error {
	all, err := resources(ctx, p.client)
	if err != nil {
		return err
	}
	var strangers []string
	for _, r := range all {
		if !r.ours {
			strangers = append(strangers, r.String())
		}
	}
	if len(strangers) > 0 {
		return fmt.Errorf("the account has resources whose label begins with %q and that are not ours: %s: rename them, or use another account", Prefix, strings.Join(strangers, ", "))
	}
	return nil
}

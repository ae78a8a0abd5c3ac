package linode

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/linode/linodego"

	"github.com/firedrill/firedrill/harness/wait"
)

// Kinds of resources, in the order in which they can be deleted: a placement group or a VPC with somebody in it cannot.
const (
	kindLinode   = "linode"
	kindFirewall = "firewall"
	kindGroup    = "placement group"
	kindVPC      = "VPC"
	kindRecord   = "record"
)

// resource is something in the account whose label has our prefix.
type resource struct {
	kind  string
	id    int
	label string
	ours  bool // its marks say so too
	owned
	domain int // that a record is in
}

func (r resource) String() string { return fmt.Sprintf("%s %s (%d)", r.kind, r.label, r.id) }

// resources lists what has our prefix, machines first. The API filters by a part of the label, which is wider than a
// prefix; the rest is done here. With an error come those that could be listed.
func resources(ctx context.Context, c *linodego.Client) ([]resource, error) {
	filter := linodego.NewListOptions(0, fmt.Sprintf(`{"label":{"+contains":%q}}`, Prefix))
	var out []resource
	add := func(kind string, id int, label string, read func() (owned, bool)) {
		if strings.HasPrefix(label, Prefix) {
			o, ours := read()
			out = append(out, resource{kind: kind, id: id, label: label, ours: ours, owned: o})
		}
	}
	linodes, err := c.ListInstances(ctx, filter)
	if err != nil {
		return out, fmt.Errorf("list Linodes: %w", err)
	}
	for _, l := range linodes {
		add(kindLinode, l.ID, l.Label, func() (owned, bool) { return ownedByTags(l.Label, l.Tags) })
	}
	firewalls, err := c.ListFirewalls(ctx, filter)
	if err != nil {
		return out, fmt.Errorf("list firewalls: %w", err)
	}
	for _, f := range firewalls {
		add(kindFirewall, f.ID, f.Label, func() (owned, bool) { return ownedByTags(f.Label, f.Tags) })
	}
	groups, err := c.ListPlacementGroups(ctx, filter)
	if err != nil {
		return out, fmt.Errorf("list placement groups: %w", err)
	}
	for _, g := range groups {
		add(kindGroup, g.ID, g.Label, func() (owned, bool) { return ownedByLabel(g.Label) })
	}
	vpcs, err := c.ListVPCs(ctx, filter)
	if err != nil && !forbidden(err) { // who may not look at VPCs has made none
		return out, fmt.Errorf("list VPCs: %w", err)
	}
	for _, v := range vpcs {
		add(kindVPC, v.ID, v.Label, func() (owned, bool) { return ownedByLabel(v.Label) })
	}
	err = names(ctx, c, func(domain int, r linodego.DomainRecord) {
		o, ours := ownedByLabel(r.Name)
		out = append(out, resource{kind: kindRecord, id: r.ID, label: r.Name, ours: ours, owned: o, domain: domain})
	})
	return out, err
}

// createBudget is how long an order may take to be answered.
const createBudget = time.Minute

// create writes into the ledger that a resource is wanted, asks for it, and writes what became of it. An error that leaves
// it open whether there is one leaves the line as it is: a look for its label settles it. An interrupted run still waits for
// the answer: what comes to be after we have looked for what there is would stay.
func (p *Provider) create(ctx context.Context, run, kind, label string, do func(ctx context.Context) (int, error)) (int, error) {
	e := Entry{Run: run, Kind: kind, Label: label, State: wanted}
	if err := p.note(e); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), createBudget)
	defer cancel()
	id, err := do(ctx)
	if err != nil {
		if surelyNot(err) {
			e.State = refused
			err = errors.Join(err, p.note(e))
		}
		return 0, fmt.Errorf("create %s %s: %w", kind, label, err)
	}
	e.State, e.ID = made, id
	return id, p.note(e)
}

// surelyNot says that the API refused, so that nothing was made.
func surelyNot(err error) bool {
	for _, status := range []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusTooManyRequests} {
		if linodego.ErrHasStatus(err, status) {
			return true
		}
	}
	return false
}

// remove deletes a resource; one that is gone already is gone.
func (p *Provider) remove(ctx context.Context, r resource) error {
	if err := deleteOne(ctx, p.client, r); err != nil {
		return err
	}
	return p.note(Entry{Run: r.run, Kind: r.kind, Label: r.label, ID: r.id, State: gone})
}

// leaveBudget is how long machines that are being deleted may still count as members of their group, or their VPC.
const leaveBudget = time.Minute

func deleteOne(ctx context.Context, c *linodego.Client, r resource) error {
	var err error
	switch r.kind {
	case kindLinode:
		err = c.DeleteInstance(ctx, r.id)
	case kindFirewall:
		err = c.DeleteFirewall(ctx, r.id)
	case kindRecord:
		err = c.DeleteDomainRecord(ctx, r.domain, r.id)
	case kindGroup:
		err = onceEmpty(ctx, r, c.DeletePlacementGroup)
	case kindVPC:
		err = onceEmpty(ctx, r, c.DeleteVPC) // with its subnets
	default:
		err = errors.New("nobody knows how")
	}
	if err != nil && !linodego.IsNotFound(err) {
		return fmt.Errorf("delete %s: %w", r, err)
	}
	return nil
}

// onceEmpty deletes what the API keeps as long as machines are in it.
func onceEmpty(ctx context.Context, r resource, do func(ctx context.Context, id int) error) error {
	return wait.Until(ctx, "nobody in the "+r.kind, leaveBudget, func(ctx context.Context) (bool, string, error) {
		err := do(ctx, r.id)
		if linodego.ErrHasStatus(err, http.StatusBadRequest) {
			return false, err.Error(), nil
		}
		return err == nil, "", err
	})
}

// forbidden says that the token may not do that.
func forbidden(err error) bool {
	return linodego.ErrHasStatus(err, http.StatusUnauthorized, http.StatusForbidden)
}

// note writes into the ledger. A rehearsal has none.
func (p *Provider) note(e Entry) error {
	if p.ledger == nil {
		return nil
	}
	return p.ledger.note(e)
}

// Removed is what Clean deleted.
type Removed struct {
	Run, Kind, Label string
	ID               int
}

// Clean deletes what runs have left in the account: resources that have our prefix, our marks, and a deadline that has
// passed; of the run that is named those too whose deadline has not. ledgerPath keeps the books; it need not be there.
func Clean(ctx context.Context, a Account, ledgerPath, run string, now time.Time) ([]Removed, error) {
	c := a.client(nil)
	all, unlisted := resources(ctx, c)
	books, err := openLedger(ledgerPath)
	if err != nil {
		return nil, errors.Join(unlisted, err)
	}
	defer books.file.Close()
	p := &Provider{client: c, ledger: books}
	var removed []Removed
	errs := []error{unlisted} // what is there and costs goes, also when something else could not be looked for
	there := map[string]bool{}
	for _, r := range all {
		if !r.ours || r.run != run && r.until.After(now) {
			there[r.kind+r.label] = true
			continue
		}
		if err := p.remove(ctx, r); err != nil {
			errs = append(errs, err)
			there[r.kind+r.label] = true
			continue
		}
		removed = append(removed, Removed{r.run, r.kind, r.label, r.id})
	}
	if unlisted == nil { // else what was not found may be there
		errs = append(errs, p.settle(ledgerPath, there))
	}
	return removed, errors.Join(errs...)
}

// settle closes the lines of the ledger whose resource is not in the account: it never came to be, or somebody else
// deleted it.
func (p *Provider) settle(path string, there map[string]bool) error {
	open, err := Outstanding(path)
	if err != nil {
		return err
	}
	for _, e := range open {
		if !there[e.Kind+e.Label] {
			e.State = gone
			if err := p.note(e); err != nil {
				return err
			}
		}
	}
	return nil
}

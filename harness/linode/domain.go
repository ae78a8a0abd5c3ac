package linode

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"github.com/linode/linodego"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/linode/limits"
	"github.com/firedrill/firedrill/harness/wait"
)

// TagNames is what the owner of an account puts on a domain in which drills may have names. Without it a domain is not looked
// at. In one that has it, nothing is touched but records whose name begins with Prefix.
const TagNames = "firedrill-names"

// Name is an A record that a drill has in a domain of the account, real as any other. One goroutine at a time may move it.
type Name struct {
	p      *Provider
	domain int
	record int
	Full   string // as clients resolve it
	TTL    int    // seconds
	target string
}

// roleOf a name is a part of it, and no dash may make two parts of one.
var roleOf = regexp.MustCompile(`^[a-z0-9]{1,12}$`)

// MakeName makes a record for a drill: fdrill-RUN-DRILL-ROLE-uDEADLINE in the domain, leading to an IPv4 address. It is in the ledger
// before it is made, and Down deletes it. The TTL, in seconds, is to be one that the API keeps.
func (p *Provider) MakeName(ctx context.Context, id harness.Identity, domain, role, target string, ttl int) (*Name, error) {
	if !roleOf.MatchString(role) {
		return nil, fmt.Errorf("name for %q: up to 12 small letters and digits are wanted", role)
	}
	if err := checkTarget(target); err != nil {
		return nil, err
	}
	if kept := limits.TTL(ttl); ttl < 1 || kept != ttl {
		return nil, fmt.Errorf("name in %s: a TTL of %d s is not kept by the API: ask for one of %s", domain, ttl, list(limits.TTLs[1:]))
	}
	number, err := p.domain(ctx, domain)
	if err != nil {
		return nil, err
	}
	label := drillPrefix(id) + "-" + role + mark(p.until)
	n := &Name{p: p, domain: number, Full: label + "." + domain, TTL: ttl, target: target}
	n.record, err = p.create(ctx, id.Run, kindRecord, label, func(ctx context.Context) (int, error) {
		r, err := p.client.CreateDomainRecord(ctx, n.domain, linodego.DomainRecordCreateOptions{Type: linodego.RecordTypeA, Name: label, Target: target, TTLSec: ttl})
		if err != nil {
			return 0, err
		}
		return r.ID, nil
	})
	if err != nil {
		return nil, err
	}
	return n, nil
}

// domain finds a domain in which drills may have names, by its name.
func (p *Provider) domain(ctx context.Context, name string) (int, error) {
	found, err := p.client.ListDomains(ctx, linodego.NewListOptions(0, fmt.Sprintf(`{"domain":%q,"tags":%q}`, name, TagNames)))
	if err != nil {
		return 0, fmt.Errorf("look for the domain %s: %w", name, err)
	}
	if len(found) != 1 {
		return 0, fmt.Errorf("the account has no domain %s with the tag %s: make it, or give it the tag if drills may have names in it: %w", name, TagNames, harness.ErrUnavailable)
	}
	return found[0].ID, nil
}

// Zone is the domain of the options.
func (p *Provider) Zone() string { return p.opts.Domain }

// publicRole is what the name is for that follows the drill's own: reads and writes.
const publicRole = "rw"

// PublicName makes a name in the domain of the options. Its TTL is the next one upwards that the API keeps.
func (p *Provider) PublicName(ctx context.Context, id harness.Identity, target string, ttl int) (*harness.PublicName, error) {
	n, err := p.MakeName(ctx, id, p.opts.Domain, publicRole, target, limits.TTL(ttl))
	if err != nil {
		return nil, err
	}
	return &harness.PublicName{Full: n.Full, TTL: n.TTL, Servers: p.servers, Follow: n.Follow}, nil
}

// checkDomain refuses a domain in which no names may be made, and finds out who answers for it.
func (p *Provider) checkDomain(ctx context.Context) (err error) {
	if p.opts.Domain == "" {
		if p.opts.NameServer != "" {
			return errors.New("--name-server goes with --domain")
		}
		return nil
	}
	if _, err := p.domain(ctx, p.opts.Domain); err != nil {
		return fmt.Errorf("--domain: %w", err)
	}
	if p.opts.NameServer == "" && p.opts.Rehearse != nil { // nobody is going to be asked
		return nil
	}
	p.servers, err = p.nameServers(ctx)
	return err
}

// linodeServers answer for the domains of the DNS Manager. There are five; two are enough, as each is asked all the time.
var linodeServers = []string{"ns1.linode.com", "ns2.linode.com"}

// nameServers are those of the domain, by address: nodes ask them, and have no other resolver than the drill's.
func (p *Provider) nameServers(ctx context.Context) ([]string, error) {
	if given := p.opts.NameServer; given != "" {
		if server, err := netip.ParseAddrPort(given); err == nil {
			return []string{server.String()}, nil
		}
		address, err := netip.ParseAddr(given)
		if err != nil {
			return nil, fmt.Errorf("--name-server %q is no address, such as 192.0.2.53 or 192.0.2.53:5353", given)
		}
		return []string{netip.AddrPortFrom(address, dnsPort).String()}, nil
	}
	if !p.opts.Account.Real() {
		return nil, fmt.Errorf("--domain %s: %s is not Linode: say with --name-server who answers for it", p.opts.Domain, p.opts.Account)
	}
	var out []string
	for _, host := range linodeServers {
		found, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", host)
		if err != nil {
			return nil, fmt.Errorf("find the name servers of %s (or give one with --name-server): %w", p.opts.Domain, err)
		}
		out = append(out, netip.AddrPortFrom(found[0].Unmap(), dnsPort).String())
	}
	return out, nil
}

// dnsPort is where name servers listen.
const dnsPort = 53

func checkTarget(target string) error {
	if a, err := netip.ParseAddr(target); err != nil || !a.Is4() {
		return fmt.Errorf("%q is not an IPv4 address", target)
	}
	return nil
}

// Point leads the name to another address. The API has it when Point returns; the domain's name servers and the resolvers have it
// later.
func (n *Name) Point(ctx context.Context, target string) error {
	if err := checkTarget(target); err != nil {
		return err
	}
	if target == n.target {
		return nil
	}
	got, err := n.p.client.UpdateDomainRecord(ctx, n.domain, n.record, linodego.DomainRecordUpdateOptions{Target: target})
	if err == nil && got.Target != target {
		err = fmt.Errorf("the API has %s", got.Target)
	}
	if err != nil {
		return fmt.Errorf("lead %s to %s: %w", n.Full, target, err)
	}
	n.target = target
	return nil
}

// followEvery is how often a name that follows is compared with what it follows.
const followEvery = 200 * time.Millisecond

// Follow leads the name wherever the drill's own record leads (that of its stand-in, which hooks change), until ctx ends. So a
// hook needs no token of the account: only we have that, and only this record is ours to change. told hears of every move, and
// of every error, after which it is tried again.
func (n *Name) Follow(ctx context.Context, own func(context.Context) (string, error), told func(target string, err error)) {
	for wait.Hold(ctx, followEvery) == nil {
		target, err := own(ctx)
		if err == nil && target == n.target {
			continue
		}
		if err == nil {
			err = n.Point(ctx, target)
		}
		if ctx.Err() == nil {
			told(target, err)
		}
	}
}

// names lists the records that have our prefix, in the domains that have TagNames. A token that may not read domains has made none.
func names(ctx context.Context, c *linodego.Client, add func(domain int, r linodego.DomainRecord)) error {
	domains, err := c.ListDomains(ctx, linodego.NewListOptions(0, fmt.Sprintf(`{"tags":%q}`, TagNames)))
	if forbidden(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list domains: %w", err)
	}
	var errs []error
	for _, d := range domains {
		records, err := c.ListDomainRecords(ctx, d.ID, linodego.NewListOptions(0, fmt.Sprintf(`{"name":{"+contains":%q}}`, Prefix)))
		if err != nil {
			errs = append(errs, fmt.Errorf("list records of %s: %w", d.Domain, err))
		}
		for _, r := range records {
			if strings.HasPrefix(r.Name, Prefix) {
				add(d.ID, r)
			}
		}
	}
	return errors.Join(errs...)
}

package standin

import (
	"context"
	"net/netip"
)

// Machine is what an instance asks of whatever runs it.
type Machine struct {
	ID       int
	Label    string // also its host name
	Region   string
	Image    string     // by the API's name, linode/debian13
	Address  netip.Addr // its public one, of the pool
	Keys     []string   // that may log in as root, as authorized_keys has them
	UserData []byte     // decoded; nil for none
	MemoryMB int
}

// Machines runs the virtual machines that the API only talks of. All calls block until they have had their effect, and
// all but Create take a machine that is gone for one that is off.
type Machines interface {
	// Pool is where the machines' addresses come from; the first one is never given away.
	Pool() netip.Prefix
	// Create makes a machine that is off.
	Create(ctx context.Context, m Machine) error
	// Boot gives a machine power; it need not answer yet when Boot returns.
	Boot(ctx context.Context, id int) error
	// Shutdown asks the system to go down, and cuts the power if it does not.
	Shutdown(ctx context.Context, id int) error
	// Cut takes the power away at once: no packet leaves the machine any more, not even one that says good-bye.
	Cut(ctx context.Context, id int) error
	// Delete removes a machine and its disks.
	Delete(ctx context.Context, id int) error
	// Filter lets through what these rules accept, and nothing else; an empty text lifts the filter. The text is for nft.
	Filter(ctx context.Context, id int, ruleset string) error
	// Watch tells off each machine that went down by itself (and not by a call), until ctx ends.
	Watch(ctx context.Context, off func(id int))
}

// Networks gives machines addresses beside their public one: private ones, and those in VPCs. Machines that can do it are Networks
// too; for others such addresses are on paper.
type Networks interface {
	// Join gives a machine that runs an address in a network, until its power is off, and returns when it has it. A machine that
	// has it already keeps it.
	Join(ctx context.Context, id int, address netip.Prefix) error
}

// Paper runs nothing: its instances change their states and have addresses, and nobody is at home there. That is
// enough to test how a program uses the API.
type Paper struct{}

// Pool is 192.0.2.0/24, which is set aside for documentation.
func (Paper) Pool() netip.Prefix { return netip.MustParsePrefix("192.0.2.0/24") }

// Create does nothing, as all methods of Paper do.
func (Paper) Create(context.Context, Machine) error { return nil }

// Boot does nothing.
func (Paper) Boot(context.Context, int) error { return nil }

// Shutdown does nothing.
func (Paper) Shutdown(context.Context, int) error { return nil }

// Cut does nothing.
func (Paper) Cut(context.Context, int) error { return nil }

// Delete does nothing.
func (Paper) Delete(context.Context, int) error { return nil }

// Filter does nothing.
func (Paper) Filter(context.Context, int, string) error { return nil }

// Watch waits.
func (Paper) Watch(ctx context.Context, _ func(int)) { <-ctx.Done() }

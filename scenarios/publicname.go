package scenarios

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/endpoint"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
)

// publicName is a name outside of the drill, which is led after one of the drill's own and watched beside it.
type publicName struct {
	*harness.PublicName
	own string
}

// NameOf is the endpoint of a topology that is a name and moves: what a name outside of the drill can follow. Without one
// there is an error that says so.
func NameOf(topology string, endpoints []harness.Endpoint) (harness.Endpoint, error) {
	i := slices.IndexFunc(endpoints, func(e harness.Endpoint) bool { return e.Kind == record.ProbeDNS })
	if i < 0 {
		return harness.Endpoint{}, fmt.Errorf("%s has no name that moves, so there is none outside of the drill that could follow it", topology)
	}
	return endpoints[i], nil
}

// Longest times around a name outside of the drill.
const (
	ownNameBudget  = 10 * time.Second // for the drill's own name server to say where the name leads
	ownNameWithin  = time.Second      // for one answer of it
	unfollowBudget = 10 * time.Second
	// publicEvery is slower than what the drill's own servers are asked: these are somebody's.
	publicEvery = 500 * time.Millisecond
)

// publish gives the drill a name outside of it, where its provider is to make one. The provider's own undo deletes it, and was
// pushed before anything was made; this one has it no longer led before that.
func (d *Drill) publish(ctx context.Context) error {
	namer, ok := d.run.Provider.(harness.Namer)
	if !ok || namer.Zone() == "" {
		return nil
	}
	e, err := NameOf(d.manifest.Topology, d.topology.Endpoints())
	if err != nil {
		d.Note("no name in %s: %s", namer.Zone(), err)
		d.run.progress(d.manifest.DrillID, d.now(), fmt.Sprintf("no name in %s: %s", namer.Zone(), err))
		return nil
	}
	servers := harness.ByComponent(d.nodes, harness.DNS)
	if len(servers) == 0 {
		return fmt.Errorf("publish %s: there is no node with its name server", e.Name)
	}
	own := leadsNow(servers[0], e.Name)
	target, err := whereNow(ctx, e.Name, own)
	if err != nil {
		return fmt.Errorf("publish %s: %w", e.Name, err)
	}
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	var following sync.WaitGroup
	d.undo.Push("lead the name in "+namer.Zone()+" no longer", unfollowBudget, func(context.Context) error {
		stop()
		following.Wait()
		return nil
	})
	n, err := namer.PublicName(ctx, harness.Identity{Run: d.run.ID, Drill: d.manifest.DrillID}, target, e.TTL)
	if err != nil {
		return fmt.Errorf("publish %s: %w", e.Name, err)
	}
	d.public = &publicName{n, e.Name}
	d.Note("%s follows %s, with a TTL of %d s", n.Full, e.Name, n.TTL)
	if n.TTL != e.TTL {
		d.Note("%s: the TTL of %d s that %s asks for is not kept there: it is %d s, so a resolver may follow a promotion %d s later", n.Full, e.TTL, e.Name, n.TTL, n.TTL-e.TTL)
	}
	following.Go(func() { n.Follow(life, own, d.moved(n.Full)) })
	return nil
}

// whereNow waits for the first answer.
func whereNow(ctx context.Context, name string, own func(context.Context) (string, error)) (target string, err error) {
	err = wait.Until(ctx, "where "+name+" leads", ownNameBudget, func(ctx context.Context) (bool, string, error) {
		found, err := own(ctx)
		if err != nil {
			return false, err.Error(), nil
		}
		target = found
		return true, "", nil
	})
	return target, err
}

// leadsNow asks the drill's name server, inside its own node: no fault of the network is in the way, and none of the API's is
// used up by it.
func leadsNow(server *harness.Node, name string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		ctx, cancel := context.WithTimeout(ctx, 2*ownNameWithin) // the agent may be gone
		defer cancel()
		found, err := server.Agent.Lookup(ctx, agent.Question{Resolver: endpoint.LocalDNS, Name: name, Deadline: ownNameWithin})
		if err == nil && found.Address == "" {
			err = errors.New("no answer: " + orNothing(found.Err))
		}
		if err != nil {
			return "", fmt.Errorf("ask %s where %s leads: %w", server.Name, name, err)
		}
		return found.Address, nil
	}
}

// moved notes each move of a name, and each kind of failure once until the next move.
func (d *Drill) moved(name string) func(target string, err error) {
	last := ""
	return func(target string, err error) {
		switch {
		case err == nil:
			last = ""
			d.Note("%s was led to %s", name, target)
		case err.Error() != last:
			last = err.Error()
			d.Note("%s is not led on: %s", name, err)
		}
	}
}

// probe is how the name is watched from a datacenter.
func (p *publicName) probe(datacenter string, servers map[string]string) agent.Endpoint {
	return agent.Endpoint{
		Name: p.Full, Kind: record.ProbeDNS, Via: p.Servers, Every: publicEvery, Deadline: probeDeadline, Servers: servers, Vantage: datacenter,
	}
}

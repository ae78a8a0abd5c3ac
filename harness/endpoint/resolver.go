package endpoint

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/wait"
)

// ResolverProcess is what drills call a caching resolver.
const ResolverProcess = "resolver"

// Settings of caching resolvers, in whole seconds.
const (
	MinTTL = "min_ttl" // nothing is kept for less
	MaxTTL = "max_ttl" // nothing is kept for longer
)

// CheckSeconds refuses settings that a component does not have, and values that are no whole seconds.
func CheckSeconds(component string, settings map[string]string, keys ...string) error {
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		if !slices.Contains(keys, key) {
			return fmt.Errorf("set %s/%s: there is no such setting; there are: %v", component, key, keys)
		}
		if n, err := strconv.Atoi(settings[key]); err != nil || n < 1 {
			return fmt.Errorf("set %s/%s: %q is not a number of whole seconds, from 1", component, key, settings[key])
		}
	}
	return nil
}

// CheckResolver refuses what a resolver cannot be set to.
func CheckResolver(settings map[string]string) error {
	return CheckSeconds(harness.Resolver, settings, MinTTL, MaxTTL)
}

// Resolver is a caching one, as each datacenter has its own.
type Resolver struct {
	Node     *harness.Node
	Upstream *harness.Node     // that knows the answers
	Settings map[string]string // min_ttl, max_ttl
	Local    map[string]string // names that it answers by itself, and their addresses
}

// Address is where applications ask it.
func (r Resolver) Address() string { return serverAddress(r.Node) }

func serverAddress(n *harness.Node) string { return fmt.Sprintf("%s:%d", n.Address, dnsPort) }

// answersWithin bounds the wait for a resolver: it starts in milliseconds, on a machine that has time for it.
const answersWithin = time.Minute

// Start runs the resolver, and returns when it answers for a name.
func (r Resolver) Start(ctx context.Context, name string) error {
	n := r.Node
	err := n.Agent.Define(ctx, agent.Process{Name: ResolverProcess, Argv: r.argv()})
	if err == nil {
		err = n.Agent.Start(ctx, ResolverProcess)
	}
	if err != nil {
		return fmt.Errorf("start resolver: %w", err)
	}
	return wait.Until(ctx, "resolver "+n.Name+" answers", answersWithin, func(ctx context.Context) (bool, string, error) {
		found, err := n.Agent.Lookup(ctx, agent.Question{Resolver: r.Address(), Name: name, Deadline: time.Second})
		if err != nil {
			return false, err.Error(), nil
		}
		return found.Address != "", found.Err, nil
	})
}

func (r Resolver) argv() []string {
	argv := []string{"/firedrill/firedrill", "resolver", "--listen", fmt.Sprintf("0.0.0.0:%d", dnsPort), "--upstream", serverAddress(r.Upstream)}
	for _, s := range []struct{ key, flag string }{{MinTTL, "--min-ttl"}, {MaxTTL, "--max-ttl"}} {
		if v := r.Settings[s.key]; v != "" {
			argv = append(argv, s.flag, v+"s")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Local)) {
		argv = append(argv, "--local", name+"="+r.Local[name])
	}
	return argv
}

// Package docker stands nodes up as containers, on testcontainers-go. One network a drill, labels on everything,
// the agent copied in through a volume so that images of any vendor work unmodified.
package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/api/types/container"
	dockernet "github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	tclog "github.com/testcontainers/testcontainers-go/log"
	"github.com/testcontainers/testcontainers-go/network"
	"golang.org/x/sync/errgroup"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/images"
	"github.com/firedrill/firedrill/harness/wait"
)

// Labels on everything that is created here. Only what carries LabelRun is ever touched.
const (
	LabelRun   = "firedrill.run"
	LabelDrill = "firedrill.drill"
	LabelNode  = "firedrill.node"
	LabelOwner = "firedrill.owner" // who made it: see Owner
	LabelCache = "firedrill.cache" // kept between runs: the agent's volume
)

// Images finds the image of each component, building what is missing.
type Images interface {
	Ensure(ctx context.Context, components ...string) (map[string]string, error)
}

// Options of the provider.
type Options struct {
	Images   Images
	Binary   string       // the agent: a static firedrill for the engine's platform
	Subnet   netip.Prefix // zero: one that is free is chosen
	Progress io.Writer
}

// Provider makes containers.
type Provider struct {
	opts Options
	api  *client.Client

	volume   sync.Mutex // one drill fills the agent's volume, the others wait
	library  sync.Mutex // one drill takes the shim out of its image, the others wait
	shims    map[string][]byte
	mu       sync.Mutex
	sessions map[harness.Identity][]*agent.Client
}

// Connect finds the engine. The error says in one line what to do.
func Connect(ctx context.Context) (*client.Client, error) {
	if strings.HasPrefix(os.Getenv("DOCKER_HOST"), "ssh://") {
		// testcontainers-go would fall back to the local engine without a word.
		return nil, fmt.Errorf("DOCKER_HOST=ssh:// is not supported: forward the engine's socket (ssh -L) and set DOCKER_HOST=unix://: %w", harness.ErrUnavailable)
	}
	api, err := client.New(client.FromEnv)
	if err != nil {
		return nil, fmt.Errorf("configure docker client: %w", err)
	}
	pingCtx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if _, err := api.Ping(pingCtx, client.PingOptions{NegotiateAPIVersion: true}); err != nil {
		return nil, fmt.Errorf("no Docker engine answers at %s: install and start one (Debian: apt-get install docker.io), or set DOCKER_HOST; `firedrill doctor` looks again (%w: %w)",
			api.DaemonHost(), harness.ErrUnavailable, err)
	}
	return api, nil
}

// New makes a provider over an engine.
func New(api *client.Client, opts Options) *Provider {
	noReaper()
	if opts.Progress == nil {
		opts.Progress = io.Discard
	}
	return &Provider{opts: opts, api: api, sessions: map[harness.Identity][]*agent.Client{}, shims: map[string][]byte{}}
}

// noReaper is for before any use of testcontainers: no image of a reaper can be pulled at an air-gapped site, and our own
// labels, undo and clean do its work.
func noReaper() {
	_ = os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
	tclog.SetDefault(silence{})
}

type silence struct{}

func (silence) Printf(string, ...any) {}

// Name is docker.
func (p *Provider) Name() string { return "docker" }

// Environment describes the engine.
func (p *Provider) Environment(ctx context.Context) map[string]string {
	info, err := p.api.Info(ctx, client.InfoOptions{})
	if err != nil {
		return map[string]string{"engine": "unknown: " + err.Error()}
	}
	i := info.Info
	return map[string]string{
		"engine": "Docker " + i.ServerVersion, "engine_os": i.OperatingSystem, "kernel": i.KernelVersion,
		"cpus": fmt.Sprint(i.NCPU), "memory_mb": fmt.Sprint(i.MemTotal >> 20), "storage": i.Driver,
		"cgroup": i.CgroupVersion,
	}
}

// startParallel bounds the container starts at one moment: more does not help an engine, and starves its other work.
const startParallel = 8

// Up makes a network and all containers in parallel, and opens a session to each agent.
func (p *Provider) Up(ctx context.Context, id harness.Identity, specs []harness.NodeSpec) ([]*harness.Node, error) {
	refs, err := p.opts.Images.Ensure(ctx, components(specs)...)
	if err != nil {
		return nil, err
	}
	volume, err := p.agentVolume(ctx, refs[images.ImageOf(specs[0])])
	if err != nil {
		return nil, err
	}
	library, err := p.shim(ctx, specs)
	if err != nil {
		return nil, err
	}
	net, prefix, err := p.network(ctx, id)
	if err != nil {
		return nil, err
	}
	nodes := address(specs, prefix)
	var join sync.Mutex
	var group errgroup.Group
	group.SetLimit(startParallel)
	for i, n := range nodes {
		group.Go(func() error {
			place := place{Node: n, spec: specs[i], all: nodes, image: refs[images.ImageOf(specs[i])], net: net.Name, join: &join, agent: volume, shim: library}
			return p.start(ctx, id, place)
		})
	}
	return nodes, group.Wait()
}

func components(specs []harness.NodeSpec) []string {
	seen := map[string]bool{}
	var out []string
	for _, s := range specs {
		if image := images.ImageOf(s); !seen[image] {
			seen[image] = true
			out = append(out, image)
		}
	}
	return out
}

// firstHost leaves room below it: .1 is the engine's own address on the bridge.
const firstHost = 11

func address(specs []harness.NodeSpec, prefix netip.Prefix) []*harness.Node {
	base := prefix.Masked().Addr().As4()
	var nodes []*harness.Node
	for i, s := range specs {
		a := base
		a[3] += byte(firstHost + i)
		nodes = append(nodes, &harness.Node{
			Name: s.Name, Component: s.Component, Datacenter: s.Datacenter, Address: netip.AddrFrom4(a).String(), Fittings: s.Fittings,
		})
	}
	return nodes
}

// place is a node that is to stand, and what it needs for it.
type place struct {
	*harness.Node
	spec  harness.NodeSpec
	all   []*harness.Node
	image string
	net   string
	join  *sync.Mutex // see start
	agent string      // volume
	shim  []byte      // library; empty where no node is fitted with it
}

// start makes one container, whose process 1 is the agent. Nodes join their network one at a time: an engine before 28.1
// increments the cached count of a network's endpoints in place before it stores it, so of two that join at one moment one may
// be counted twice, and no network with a count too high can be removed until the engine is restarted (moby#42119).
func (p *Provider) start(ctx context.Context, id harness.Identity, n place) error {
	labels := p.labels(id)
	labels[LabelNode] = n.Name
	var hosts []string
	for _, other := range n.all {
		hosts = append(hosts, other.Name+":"+other.Address)
	}
	for _, name := range harness.Outside {
		hosts = append(hosts, name+":"+harness.Nowhere)
	}
	data, err := p.dataVolume(ctx, id, n)
	if err != nil {
		return err
	}
	c, err := testcontainers.Run(ctx, n.image,
		testcontainers.WithNoStart(),
		testcontainers.WithName(containerName(id, n.Name)),
		testcontainers.WithEntrypoint(agentPath, "agent"),
		testcontainers.WithLabels(labels),
		network.WithNetworkName([]string{n.Name}, n.net),
		testcontainers.WithConfigModifier(func(c *container.Config) { c.Hostname, c.Cmd, c.User = n.Name, nil, "root" }),
		testcontainers.WithHostConfigModifier(func(h *container.HostConfig) {
			h.CapAdd = append(h.CapAdd, "NET_ADMIN")
			h.ExtraHosts = hosts
			h.Binds = append(append(h.Binds, n.agent+":"+agentDir+":ro"), data...)
			if slices.Contains(n.spec.Fittings, harness.FitMemory) {
				h.Memory, h.MemorySwap = harness.MemoryLimit, harness.MemoryLimit // no swap on top
			}
		}),
		testcontainers.WithEndpointSettingsModifier(func(s map[string]*dockernet.EndpointSettings) {
			for _, e := range s {
				e.IPAMConfig = &dockernet.EndpointIPAMConfig{IPv4Address: netip.MustParseAddr(n.Address)}
			}
		}),
	)
	if err == nil {
		n.join.Lock()
		_, err = p.api.ContainerStart(ctx, c.GetContainerID(), client.ContainerStartOptions{})
		n.join.Unlock()
	}
	if err != nil {
		return fmt.Errorf("start node %s: %w", n.Name, err)
	}
	stream, err := p.bridge(ctx, c.GetContainerID())
	if err != nil {
		return fmt.Errorf("reach agent of %s: %w", n.Name, err)
	}
	n.Agent, err = agent.Dial(ctx, n.Name, stream, agent.Introduction{Owner: true})
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.sessions[id] = append(p.sessions[id], n.Agent)
	p.mu.Unlock()
	return fit(ctx, n)
}

func containerName(id harness.Identity, node string) string {
	return strings.Join([]string{"firedrill", id.Run, id.Drill, node}, "-")
}

func (p *Provider) labels(id harness.Identity) map[string]string {
	return map[string]string{LabelRun: id.Run, LabelDrill: id.Drill, LabelOwner: Owner()}
}

// Down removes the drill's containers and network at once, without a grace period: they are disposable, and what is
// worth keeping has been collected.
func (p *Provider) Down(ctx context.Context, id harness.Identity) error {
	p.mu.Lock()
	sessions := p.sessions[id]
	delete(p.sessions, id)
	p.mu.Unlock()
	filters := make(client.Filters).Add("label", LabelRun+"="+id.Run).Add("label", LabelDrill+"="+id.Drill)
	err := remove(ctx, p.api, filters)
	for _, s := range sessions {
		_ = s.Close() // the container is gone already
	}
	return err
}

// Remove removes everything that carries a run's label.
func Remove(ctx context.Context, api *client.Client, run string) error {
	return remove(ctx, api, make(client.Filters).Add("label", LabelRun+"="+run))
}

// remove force-removes every container, then every network and volume, that the filters select.
func remove(ctx context.Context, api *client.Client, filters client.Filters) error {
	list, err := api.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: filters})
	if err != nil {
		return fmt.Errorf("list containers: %w", err)
	}
	errs := make([]error, len(list.Items))
	var group errgroup.Group
	group.SetLimit(startParallel)
	for i, c := range list.Items {
		group.Go(func() error {
			_, err := api.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
			if err != nil && !isGone(err) {
				errs[i] = fmt.Errorf("remove container %s: %w", strings.Join(c.Names, " "), err)
			}
			return nil
		})
	}
	_ = group.Wait()
	nets, err := api.NetworkList(ctx, client.NetworkListOptions{Filters: filters})
	if err != nil {
		errs = append(errs, fmt.Errorf("list networks: %w", err))
	}
	for _, n := range nets.Items {
		if err := removeNetwork(ctx, api, n.ID); err != nil {
			errs = append(errs, fmt.Errorf("remove network %s: %w", n.Name, err))
		}
	}
	return errors.Join(append(errs, removeVolumes(ctx, api, filters))...)
}

// detachBudget is how long a network may still have endpoints of containers that are gone: a busy engine forgets them late.
const detachBudget = 5 * time.Second

// removeNetwork waits for the endpoints to go. An engine that has lost count of them (see start) never lets the network go:
// only its restart corrects that.
func removeNetwork(ctx context.Context, api *client.Client, id string) error {
	err := wait.Until(ctx, "nobody is on the network", detachBudget, func(ctx context.Context) (bool, string, error) {
		_, err := api.NetworkRemove(ctx, id, client.NetworkRemoveOptions{})
		switch {
		case err == nil || isGone(err):
			return true, "", nil
		case strings.Contains(err.Error(), "has active endpoints"):
			return false, err.Error(), nil
		}
		return false, "", err
	})
	if err == nil || ctx.Err() != nil {
		return err
	}
	if net, look := api.NetworkInspect(ctx, id, client.NetworkInspectOptions{}); look == nil && len(net.Network.Containers) == 0 {
		return fmt.Errorf("no container is on it and the engine counts some all the same: restart the engine, then run `firedrill clean`: %w", err)
	}
	return err
}

// isGone says that somebody else removed it, or is about to.
func isGone(err error) bool {
	return strings.Contains(err.Error(), "No such container") || strings.Contains(err.Error(), "not found") ||
		strings.Contains(err.Error(), "no such volume") ||
		strings.Contains(err.Error(), "is already in progress")
}

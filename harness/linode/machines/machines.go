// Package machines runs the virtual machines of the stand-in for the Linode API as containers: systemd, sshd and
// cloud-init on a network of their own, reached by real SSH. They need neither --privileged nor a cgroup v2 engine. Its
// NodeBalancers are HAProxy, on the same network.
package machines

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	dockernet "github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/firedrill/firedrill/harness/docker"
	"github.com/firedrill/firedrill/harness/images"
	"github.com/firedrill/firedrill/harness/linode/standin"
)

// labelMachine has the instance's number.
const labelMachine = "firedrill.linode"

// labelAddress has its address: a container that was taken off its network has forgotten it.
const labelAddress = "firedrill.linode.address"

// Docker runs machines on one engine. It is a standin.Machines, a standin.Networks and a standin.Balancers.
type Docker struct {
	api     *client.Client
	builder docker.Images
	run     string // the label's value: everything goes by it
	image   string
	net     string     // id of the network
	join    sync.Mutex // one joins it at a time: see the start of a node in package docker
	pool    netip.Prefix
}

var (
	_ standin.Machines = (*Docker)(nil)
	_ standin.Networks = (*Docker)(nil)
)

// New prepares machines: their image and their network. name tells several stand-ins on one engine apart. Close must
// follow; what a killed process leaves goes with `firedrill clean`, by label.
func New(ctx context.Context, api *client.Client, builder docker.Images, name string) (*Docker, error) {
	built, err := builder.Ensure(ctx, images.Machine)
	if err != nil {
		return nil, err
	}
	d := &Docker{api: api, builder: builder, run: name, image: built[images.Machine]}
	n, pool, err := docker.Network(ctx, api, netip.Prefix{}, d.labels())
	if err != nil {
		return nil, fmt.Errorf("make network for machines: %w", err)
	}
	d.net, d.pool = n.ID, pool
	return d, nil
}

func (d *Docker) labels() map[string]string {
	return map[string]string{docker.LabelRun: d.run, docker.LabelOwner: docker.Owner()}
}

// Close removes all machines and their network.
func (d *Docker) Close(ctx context.Context) error { return docker.Remove(ctx, d.api, d.run) }

// Pool is the network's.
func (d *Docker) Pool() netip.Prefix { return d.pool }

func (d *Docker) name(id int) string { return d.run + "-" + strconv.Itoa(id) }

// Create makes a container that is not started, with the seed from which cloud-init configures it at the first boot.
// The keys lie in root's home before that, as the API's own images have them.
func (d *Docker) Create(ctx context.Context, m standin.Machine) error {
	labels := d.labels()
	labels[labelMachine], labels[labelAddress] = strconv.Itoa(m.ID), m.Address.String()
	_, err := d.api.ContainerCreate(ctx, client.ContainerCreateOptions{
		Name:   d.name(m.ID),
		Config: &container.Config{Image: d.image, Hostname: m.Label, Labels: labels},
		HostConfig: &container.HostConfig{
			CapAdd: []string{"SYS_ADMIN", "NET_ADMIN"}, CgroupnsMode: container.CgroupnsModePrivate,
			// Where AppArmor is, its profile for containers forbids the mount of a cgroup tree; elsewhere this says nothing.
			SecurityOpt: []string{"apparmor=unconfined"},
			Tmpfs:       map[string]string{"/run": "", "/run/lock": "", "/tmp": "exec"},
			Resources:   container.Resources{Memory: int64(m.MemoryMB) << 20, MemorySwap: int64(m.MemoryMB) << 20},
		},
		NetworkingConfig: &dockernet.NetworkingConfig{EndpointsConfig: map[string]*dockernet.EndpointSettings{d.net: endpoint(m.Address)}},
	})
	if err != nil {
		return fmt.Errorf("create machine %s: %w", m.Label, err)
	}
	_, err = d.api.CopyToContainer(ctx, d.name(m.ID), client.CopyToContainerOptions{DestinationPath: "/", Content: seed(m)})
	if err != nil {
		return fmt.Errorf("seed machine %s: %w", m.Label, err)
	}
	return nil
}

func endpoint(address netip.Addr) *dockernet.EndpointSettings {
	return &dockernet.EndpointSettings{IPAMConfig: &dockernet.EndpointIPAMConfig{IPv4Address: address}}
}

// seed is what cloud-init's NoCloud reads.
func seed(m standin.Machine) io.Reader {
	const dir = "var/lib/cloud/seed/nocloud/"
	userData := m.UserData
	if len(userData) == 0 {
		userData = []byte("#cloud-config\n{}\n")
	}
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, dir := range []struct {
		name string
		mode int64
	}{{path.Dir(path.Clean(dir)) + "/", 0o755}, {dir, 0o755}, {"root/.ssh/", 0o700}} { // sshd reads no keys in a folder that others can write to
		_ = w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir.name, Mode: dir.mode})
	}
	for _, f := range []struct {
		name string
		mode int64
		data []byte
	}{
		{dir + "meta-data", 0o600, fmt.Appendf(nil, "instance-id: linode-%d\nlocal-hostname: %s\n", m.ID, m.Label)},
		{dir + "user-data", 0o600, userData},
		{"root/.ssh/authorized_keys", 0o600, []byte(strings.Join(m.Keys, "\n") + "\n")},
	} {
		_ = w.WriteHeader(&tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.data))})
		_, _ = w.Write(f.data)
	}
	_ = w.Close() // a buffer does not fail
	return &buf
}

// Boot starts a machine, on the network that a cut may have taken it off.
func (d *Docker) Boot(ctx context.Context, id int) error {
	found, err := d.api.ContainerInspect(ctx, d.name(id), client.ContainerInspectOptions{})
	if err != nil {
		return fmt.Errorf("boot machine %d: %w", id, err)
	}
	d.join.Lock()
	defer d.join.Unlock()
	if len(found.Container.NetworkSettings.Networks) == 0 {
		address, err := netip.ParseAddr(found.Container.Config.Labels[labelAddress])
		if err != nil {
			return fmt.Errorf("boot machine %d: its address: %w", id, err)
		}
		_, err = d.api.NetworkConnect(ctx, d.net, client.NetworkConnectOptions{Container: d.name(id), EndpointConfig: endpoint(address)})
		if err != nil {
			return fmt.Errorf("connect machine %d: %w", id, err)
		}
	}
	if _, err := d.api.ContainerStart(ctx, d.name(id), client.ContainerStartOptions{}); err != nil {
		return fmt.Errorf("boot machine %d: %w", id, err)
	}
	return nil
}

// shutdownSeconds is how long a system may take to go down before its power is cut.
const shutdownSeconds = 30

// Shutdown asks systemd to go down, by the image's own stop signal.
func (d *Docker) Shutdown(ctx context.Context, id int) error {
	grace := shutdownSeconds
	_, err := d.api.ContainerStop(ctx, d.name(id), client.ContainerStopOptions{Timeout: &grace})
	if err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("shut machine %d down: %w", id, err)
	}
	return nil
}

// Cut takes a machine off the network first and kills it second: a killed process's kernel would say good-bye for it (FIN),
// which a host without power does not.
func (d *Docker) Cut(ctx context.Context, id int) error {
	_, err := d.api.NetworkDisconnect(ctx, d.net, client.NetworkDisconnectOptions{Container: d.name(id), Force: true})
	if err != nil && !errdefs.IsNotFound(err) && !strings.Contains(err.Error(), "is not connected") {
		return fmt.Errorf("take machine %d off the network: %w", id, err)
	}
	_, err = d.api.ContainerKill(ctx, d.name(id), client.ContainerKillOptions{Signal: "KILL"})
	if err != nil && !errdefs.IsNotFound(err) && !strings.Contains(err.Error(), "is not running") {
		return fmt.Errorf("cut power of machine %d: %w", id, err)
	}
	return nil
}

// Delete removes a machine, whatever it does.
func (d *Docker) Delete(ctx context.Context, id int) error {
	_, err := d.api.ContainerRemove(ctx, d.name(id), client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if err != nil && !errdefs.IsNotFound(err) && !strings.Contains(err.Error(), "is already in progress") {
		return fmt.Errorf("delete machine %d: %w", id, err)
	}
	return nil
}

// filterScript replaces the table of the machine's filter in one step.
const filterScript = `{ echo "table inet ` + standin.FilterTable + `"; echo "delete table inet ` + standin.FilterTable + `"; printf '%s' "$1"; } | nft -f -`

// Filter runs nft inside the machine: in its network, outside of which there is no host of ours.
func (d *Docker) Filter(ctx context.Context, id int, ruleset string) error {
	said, status, err := d.exec(ctx, d.name(id), "sh", "-c", filterScript, "filter", ruleset)
	if err == nil && status != 0 {
		err = errors.New(said)
	}
	if err != nil {
		return fmt.Errorf("filter machine %d: %w", id, err)
	}
	return nil
}

// Join gives a machine an address, as Network Helper would at its boot. The interface is that of the public one: all networks of
// the machines are this one, and only their addresses differ.
func (d *Docker) Join(ctx context.Context, id int, address netip.Prefix) error {
	found, err := d.api.ContainerInspect(ctx, d.name(id), client.ContainerInspectOptions{})
	if err != nil {
		return fmt.Errorf("give machine %d the address %s: %w", id, address, err)
	}
	said, status, err := d.exec(ctx, d.name(id), "sh", "-c", joinScript, "join", found.Container.Config.Labels[labelAddress], address.String())
	if err == nil && status != 0 {
		err = errors.New(said)
	}
	if err != nil {
		return fmt.Errorf("give machine %d the address %s: %w", id, address, err)
	}
	return nil
}

// exec runs a command in a container, and returns what it said and its exit status.
func (d *Docker) exec(ctx context.Context, name string, argv ...string) (said string, status int, err error) {
	exec, err := d.api.ExecCreate(ctx, name, client.ExecCreateOptions{Cmd: argv, AttachStdout: true, AttachStderr: true})
	if err != nil {
		return "", 0, err
	}
	attached, err := d.api.ExecAttach(ctx, exec.ID, client.ExecAttachOptions{})
	if err != nil {
		return "", 0, err
	}
	defer attached.Close()
	var out bytes.Buffer
	if _, err := stdcopy.StdCopy(&out, &out, attached.Reader); err != nil {
		return "", 0, err
	}
	done, err := d.api.ExecInspect(ctx, exec.ID, client.ExecInspectOptions{})
	return strings.TrimSpace(out.String()), done.ExitCode, err
}

// Watch follows the engine's events: a machine that powers itself off ends its container.
func (d *Docker) Watch(ctx context.Context, off func(id int)) {
	filters := make(client.Filters).Add("type", "container").Add("event", "die").Add("label", docker.LabelRun+"="+d.run)
	events := d.api.Events(ctx, client.EventsListOptions{Filters: filters})
	for {
		select {
		case e := <-events.Messages:
			if id, err := strconv.Atoi(e.Actor.Attributes[labelMachine]); err == nil {
				off(id)
			}
		case <-events.Err: // the engine is gone, or ctx has ended
			return
		case <-ctx.Done():
			return
		}
	}
}

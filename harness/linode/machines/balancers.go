package machines

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	dockernet "github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/firedrill/firedrill/harness/images"
	"github.com/firedrill/firedrill/harness/linode/standin"
	"github.com/firedrill/firedrill/harness/wait"
)

var _ standin.Balancers = (*Docker)(nil)

// labelBalancer has the NodeBalancer's number.
const labelBalancer = "firedrill.linode.nodebalancer"

// masterPort is where HAProxy's master process takes orders, on its own loopback.
const masterPort = 8405

func (d *Docker) balancerName(id int) string { return d.run + "-nb-" + strconv.Itoa(id) }

// Balance starts HAProxy in a container of its own, and has it read the configuration. A later one is read by a new worker: it
// takes the open ports over, and the old one ends with its last connection.
func (d *Docker) Balance(ctx context.Context, b standin.Balancer) error {
	_, err := d.api.ContainerInspect(ctx, d.balancerName(b.ID), client.ContainerInspectOptions{})
	if errdefs.IsNotFound(err) {
		if err := d.startBalancer(ctx, b); err != nil {
			return errors.Join(err, d.Unbalance(context.WithoutCancel(ctx), b.ID))
		}
		if err := d.configure(ctx, b); err != nil {
			return errors.Join(err, d.Unbalance(context.WithoutCancel(ctx), b.ID))
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("find NodeBalancer %d: %w", b.ID, err)
	}
	return d.configure(ctx, b)
}

// bareConfig is HAProxy with its statistics alone: it takes the real configuration as it takes every later one.
const bareConfig = "frontend stats\n    bind " + standin.StatsAddress + "\n    mode http\n    timeout client 5s\n    stats enable\n    stats uri /\n"

// balancerScript is process 1: HAProxy's master, which starts a worker for each configuration.
const balancerScript = `printf '%s' "$1" > /etc/haproxy/haproxy.cfg && exec haproxy -W -db -S "127.0.0.1:$2" -f /etc/haproxy/haproxy.cfg`

// readyBudget is how long HAProxy's master may take to listen.
const readyBudget = 20 * time.Second

func (d *Docker) startBalancer(ctx context.Context, b standin.Balancer) error {
	built, err := d.builder.Ensure(ctx, images.HAProxy)
	if err != nil {
		return err
	}
	name, labels := d.balancerName(b.ID), d.labels()
	labels[labelBalancer] = strconv.Itoa(b.ID)
	_, err = d.api.ContainerCreate(ctx, client.ContainerCreateOptions{
		Name: name,
		Config: &container.Config{
			Image: built[images.HAProxy], Hostname: "nodebalancer", Labels: labels, Entrypoint: []string{"bash", "-c", balancerScript},
			Cmd: []string{"balancer", bareConfig, strconv.Itoa(masterPort)},
		},
		NetworkingConfig: &dockernet.NetworkingConfig{EndpointsConfig: map[string]*dockernet.EndpointSettings{d.net: endpoint(b.Address)}},
	})
	if err == nil {
		d.join.Lock()
		_, err = d.api.ContainerStart(ctx, name, client.ContainerStartOptions{})
		d.join.Unlock()
	}
	if err == nil {
		err = d.joinBalancer(ctx, name, b)
	}
	if err != nil {
		return fmt.Errorf("start NodeBalancer %d: %w", b.ID, err)
	}
	return wait.Until(ctx, "HAProxy of NodeBalancer "+strconv.Itoa(b.ID), readyBudget, func(ctx context.Context) (bool, string, error) {
		said, status, err := d.exec(ctx, name, "bash", "-c", `exec 3<>"/dev/tcp/127.0.0.1/$0"`, strconv.Itoa(masterPort))
		return status == 0, said, err
	})
}

// joinScript adds an address to the interface that has the public one.
const joinScript = `ip address replace "$2" dev "$(ip -o -4 address show to "$1" | { read -r _ dev _; echo "$dev"; })"`

func private(address netip.Addr) string {
	return netip.PrefixFrom(address, standin.PrivateNetwork.Bits()).String()
}

// joinBalancer gives a NodeBalancer its private address. Its image has no tool for that; a container that shares its network
// for a moment has.
func (d *Docker) joinBalancer(ctx context.Context, name string, b standin.Balancer) error {
	helper := name + "-join"
	_, err := d.api.ContainerCreate(ctx, client.ContainerCreateOptions{
		Name: helper,
		Config: &container.Config{
			Image: d.image, Labels: d.labels(), Entrypoint: []string{"sh", "-c", joinScript, "join"}, Cmd: []string{b.Address.String(), private(b.Private)},
		},
		HostConfig: &container.HostConfig{NetworkMode: container.NetworkMode("container:" + name), CapAdd: []string{"NET_ADMIN"}},
	})
	if err != nil {
		return err
	}
	defer func() {
		_, _ = d.api.ContainerRemove(context.WithoutCancel(ctx), helper, client.ContainerRemoveOptions{Force: true}) // else Close does it
	}()
	if _, err := d.api.ContainerStart(ctx, helper, client.ContainerStartOptions{}); err != nil {
		return err
	}
	ended := d.api.ContainerWait(ctx, helper, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
	select {
	case r := <-ended.Result:
		if r.StatusCode != 0 {
			return fmt.Errorf("give it the private address %s: exit %d", b.Private, r.StatusCode)
		}
		return nil
	case err := <-ended.Error:
		return err
	}
}

// refused is the exit status with which reloadScript says that HAProxy finds fault with the configuration.
const refused = 3

// reloadScript has HAProxy check a configuration and read it. The master answers when the new worker serves.
const reloadScript = `printf '%s' "$1" > /etc/haproxy/next.cfg || exit 1
said=$(haproxy -c -f /etc/haproxy/next.cfg 2>&1) || { echo "$said"; exit 3; }
mv /etc/haproxy/next.cfg /etc/haproxy/haproxy.cfg
exec 3<>"/dev/tcp/127.0.0.1/$2" || exit 1
echo reload >&3
read -r first <&3
[ "$first" = Success=1 ] || { echo "$first"; cat <&3; exit 1; }`

func (d *Docker) configure(ctx context.Context, b standin.Balancer) error {
	said, status, err := d.exec(ctx, d.balancerName(b.ID), "bash", "-c", reloadScript, "reload", b.Config, strconv.Itoa(masterPort))
	switch {
	case err == nil && status == refused:
		err = fmt.Errorf("%w: %s", standin.ErrBalancerConfig, said)
	case err == nil && status != 0:
		err = errors.New(said)
	}
	if err != nil {
		return fmt.Errorf("configure NodeBalancer %d: %w", b.ID, err)
	}
	return nil
}

// Unbalance removes a NodeBalancer's container.
func (d *Docker) Unbalance(ctx context.Context, id int) error {
	_, err := d.api.ContainerRemove(ctx, d.balancerName(id), client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if err != nil && !errdefs.IsNotFound(err) && !strings.Contains(err.Error(), "is already in progress") {
		return fmt.Errorf("remove NodeBalancer %d: %w", id, err)
	}
	return nil
}

// healthScript asks HAProxy for its statistics; the image has no HTTP client.
const healthScript = `exec 3<>"/dev/tcp/${1%:*}/${1#*:}" || exit 1
printf 'GET %s HTTP/1.0\r\n\r\n' "$2" >&3
cat <&3`

// Health reads HAProxy's statistics.
func (d *Docker) Health(ctx context.Context, id int) (string, error) {
	said, status, err := d.exec(ctx, d.balancerName(id), "bash", "-c", healthScript, "health", standin.StatsAddress, standin.StatsPath)
	_, table, found := strings.Cut(said, "\r\n\r\n")
	if err == nil && (status != 0 || !found) {
		err = errors.New(said)
	}
	if err != nil {
		return "", fmt.Errorf("ask NodeBalancer %d: %w", id, err)
	}
	return table, nil
}

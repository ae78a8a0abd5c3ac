package machines_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linode/linodego"
	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/docker"
	"github.com/firedrill/firedrill/harness/docker/dockertest"
	"github.com/firedrill/firedrill/harness/wait"
)

// serves makes a machine that says its name over HTTP, on port 80 of all its addresses, again after each boot.
func serves(t *testing.T, c *linodego.Client, label string) *linodego.Instance {
	t.Helper()
	signer, public := key(t)
	made, err := c.CreateInstance(t.Context(), linodego.InstanceCreateOptions{
		Region: "us-east", Type: "g6-nanode-1", Label: label, Image: "linode/debian13", AuthorizedKeys: []string{public}, PrivateIP: true,
	})
	require.NoError(t, err)
	made, err = c.WaitForInstanceStatus(t.Context(), made.ID, linodego.InstanceRunning, 60)
	require.NoError(t, err)
	s := shell(t, made.IPv4[0].String(), signer)
	run(t, s, "mkdir -p /srv/web && hostname > /srv/web/name && printf '[Service]\nExecStart=python3 -m http.server -d /srv/web 80\n[Install]\nWantedBy=multi-user.target\n' > /etc/systemd/system/web.service && systemctl enable --now web")
	return made
}

// names asks a NodeBalancer ten times, each time on a connection of its own, and returns who answered; "" is nobody.
func names(address string) []string {
	c := &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	var out []string
	for range 10 {
		name := ""
		if resp, err := c.Get("http://" + address + "/name"); err == nil {
			if text, err := io.ReadAll(resp.Body); err == nil && resp.StatusCode == http.StatusOK {
				name = strings.TrimSpace(string(text))
			}
			resp.Body.Close()
		}
		out = append(out, name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// becomes waits until the API says this of the nodes, and fails when it does not.
func becomes(t *testing.T, c *linodego.Client, balancer, config int, want map[string]string) {
	t.Helper()
	require.NoError(t, wait.Until(t.Context(), fmt.Sprint(want), 40*time.Second, func(ctx context.Context) (bool, string, error) {
		nodes, err := c.ListNodeBalancerNodes(ctx, balancer, config, nil)
		got := map[string]string{}
		for _, n := range nodes {
			got[n.Label] = n.Status
		}
		return fmt.Sprint(got) == fmt.Sprint(want), fmt.Sprint(got), err
	}))
}

func TestANodeBalancerBalances(t *testing.T) {
	c, l := cloud(t)
	ctx := t.Context()
	one, two := serves(t, c, "web-1"), serves(t, c, "web-2")
	node := func(i *linodego.Instance, mode linodego.NodeMode) linodego.NodeBalancerNodeCreateOptions {
		return linodego.NodeBalancerNodeCreateOptions{Address: i.IPv4[1].String() + ":80", Label: i.Label, Mode: mode}
	}
	began := time.Now()
	b, err := c.CreateNodeBalancer(ctx, linodego.NodeBalancerCreateOptions{Region: "us-east", Configs: []*linodego.NodeBalancerConfigCreateOptions{
		{Port: 80, Protocol: "http", Check: "http", CheckPath: "/name", CheckInterval: 2, CheckTimeout: 1, CheckAttempts: 2,
			Nodes: []linodego.NodeBalancerNodeCreateOptions{node(one, ""), node(two, "")}},
		{Port: 8080, Protocol: "tcp", Check: "none", Nodes: []linodego.NodeBalancerNodeCreateOptions{node(one, ""), node(two, "")}},
	}})
	require.NoError(t, err)
	t.Logf("balances %s after the call", time.Since(began).Round(time.Millisecond))
	configs, err := c.ListNodeBalancerConfigs(ctx, b.ID, nil)
	require.NoError(t, err)
	require.Len(t, configs, 2)
	checked, unchecked := configs[0].ID, configs[1].ID
	both := map[string]string{"web-1": "UP", "web-2": "UP"}
	becomes(t, c, b.ID, checked, both)
	becomes(t, c, b.ID, unchecked, map[string]string{"web-1": "Unknown", "web-2": "Unknown"})
	web, raw := net.JoinHostPort(*b.IPv4, "80"), net.JoinHostPort(*b.IPv4, "8080")
	assert.Equal(t, []string{"web-1", "web-2"}, names(web))
	assert.Equal(t, []string{"web-1", "web-2"}, names(raw))

	// Lassie would have it back before two checks have failed.
	_, err = c.UpdateInstance(ctx, one.ID, linodego.InstanceUpdateOptions{WatchdogEnabled: linodego.Pointer(false)})
	require.NoError(t, err)
	resp, err := http.Post("http://"+l.ControlAddr()+fmt.Sprintf("/firedrill/cut/%d", one.ID), "application/json", nil)
	require.NoError(t, err)
	resp.Body.Close()
	struck := time.Now()
	becomes(t, c, b.ID, checked, map[string]string{"web-1": "DOWN", "web-2": "UP"})
	t.Logf("DOWN %s after the power was gone", time.Since(struck).Round(time.Millisecond))
	config, err := c.GetNodeBalancerConfig(ctx, b.ID, checked)
	require.NoError(t, err)
	assert.Equal(t, &linodego.NodeBalancerNodeStatus{Up: 1, Down: 1}, config.NodesStatus)
	assert.Equal(t, []string{"web-2"}, names(web), "the other takes it all")
	require.NoError(t, c.BootInstance(ctx, one.ID, 0))
	becomes(t, c, b.ID, checked, both)

	// What is refused changes nothing.
	change := config.GetUpdateOptions()
	change.Check, change.CheckBody = "http_body", "("
	_, err = c.UpdateNodeBalancerConfig(ctx, b.ID, checked, change)
	require.ErrorContains(t, err, "HAProxy refuses the configuration")
	assert.Equal(t, []string{"web-1", "web-2"}, names(web))

	// A body is looked at: only web-2 says its name.
	change.CheckBody = "^web-[2-9]"
	_, err = c.UpdateNodeBalancerConfig(ctx, b.ID, checked, change)
	require.NoError(t, err)
	becomes(t, c, b.ID, checked, map[string]string{"web-1": "DOWN", "web-2": "UP"})
	nodes, err := c.ListNodeBalancerNodes(ctx, b.ID, unchecked, nil)
	require.NoError(t, err)
	_, err = c.UpdateNodeBalancerNode(ctx, b.ID, unchecked, nodes[1].ID, linodego.NodeBalancerNodeUpdateOptions{Mode: linodego.ModeReject})
	require.NoError(t, err)
	assert.Equal(t, []string{"web-1"}, names(raw), "nothing is sent to one that rejects")
	_, err = c.UpdateNodeBalancerNode(ctx, b.ID, unchecked, nodes[1].ID, linodego.NodeBalancerNodeUpdateOptions{Mode: linodego.ModeBackup})
	require.NoError(t, err)
	assert.Equal(t, []string{"web-1"}, names(raw), "a backup waits")

	require.NoError(t, c.DeleteNodeBalancer(ctx, b.ID))
	conn, err := net.DialTimeout("tcp", web, time.Second)
	if err == nil {
		conn.Close()
	}
	assert.Error(t, err, "nobody is at its address any more")
	left, err := dockertest.Engine(t).ContainerList(ctx, client.ContainerListOptions{All: true,
		Filters: make(client.Filters).Add("label", docker.LabelRun+"="+strings.ToLower(t.Name())).Add("label", fmt.Sprintf("firedrill.linode.nodebalancer=%d", b.ID))})
	require.NoError(t, err)
	assert.Empty(t, left.Items)
}

// HAProxy takes every kind of configuration that the API lets through; and what a stand-in leaves goes with Close.
func TestHAProxyTakesWhatTheAPITakes(t *testing.T) {
	api := dockertest.Engine(t)
	t.Cleanup(func() { // after those of cloud
		left, err := api.ContainerList(context.Background(), client.ContainerListOptions{All: true,
			Filters: make(client.Filters).Add("label", docker.LabelRun+"="+strings.ToLower(t.Name()))})
		assert.NoError(t, err)
		assert.Empty(t, left.Items)
	})
	c, _ := cloud(t)
	nodes := []linodego.NodeBalancerNodeCreateOptions{
		{Address: "192.168.128.7:80", Label: "one", Weight: 255}, {Address: "192.168.128.8:80", Label: "two", Mode: linodego.ModeDrain},
		{Address: "192.168.128.9:80", Label: "three", Mode: linodego.ModeReject}, {Address: "192.168.128.10:80", Label: "four", Mode: linodego.ModeBackup},
	}
	b, err := c.CreateNodeBalancer(t.Context(), linodego.NodeBalancerCreateOptions{Region: "us-east", ClientConnThrottle: linodego.Pointer(20)})
	require.NoError(t, err)
	port := 8000
	for _, o := range []linodego.NodeBalancerConfigCreateOptions{
		{Protocol: "tcp", Algorithm: "leastconn", Stickiness: "table", Check: "connection", ProxyProtocol: "v1"},
		{Protocol: "tcp", Algorithm: "source", Check: "http", CheckPath: "/o'clock?a b#c", ProxyProtocol: "v2"},
		{Protocol: "tcp", Check: "http_body", CheckPath: "", CheckBody: `"role": 'prim(ary|o)' \d`},
		{Protocol: "tcp", Stickiness: "http_cookie", Check: "none", CheckPassive: linodego.Pointer(false)},
		{Protocol: "http", Stickiness: "table", Check: "connection"},
		{Protocol: "http", Stickiness: "http_cookie", Check: "http", CheckPath: "/healthz", CheckPassive: linodego.Pointer(false)},
		{Protocol: "http", Stickiness: "http_cookie", Check: "none"},
	} {
		port++
		o.Port, o.CheckInterval, o.CheckTimeout, o.CheckAttempts = port, 2, 1, 1
		made, err := c.CreateNodeBalancerConfig(t.Context(), b.ID, o)
		require.NoError(t, err, "%+v", o)
		for _, n := range nodes {
			_, err := c.CreateNodeBalancerNode(t.Context(), b.ID, made.ID, n)
			require.NoError(t, err, "%+v %+v", o, n)
		}
		if o.Check != "none" {
			becomes(t, c, b.ID, made.ID, map[string]string{"one": "DOWN", "two": "DOWN", "three": "Unknown", "four": "DOWN"})
		}
	}
}

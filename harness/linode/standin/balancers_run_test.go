package standin_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/linode/linodego"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/linode/standin"
	"github.com/firedrill/firedrill/harness/wait"
)

// balancedFleet has NodeBalancers that run, as far as a test can see.
type balancedFleet struct {
	*fleet
	told   map[int]standin.Balancer
	health string
	refuse error
}

func (f *balancedFleet) Balance(_ context.Context, b standin.Balancer) error {
	if f.refuse != nil {
		return f.refuse
	}
	f.told[b.ID] = b
	return nil
}

func (f *balancedFleet) Unbalance(_ context.Context, id int) error {
	delete(f.told, id)
	return nil
}

func (f *balancedFleet) Health(context.Context, int) (string, error) { return f.health, nil }

func (f *balancedFleet) Join(_ context.Context, id int, address netip.Prefix) error {
	return f.did("join "+address.String(), id)
}

func balancedCloud(t *testing.T) (*standin.Listener, *linodego.Client, *balancedFleet) {
	t.Helper()
	f := &balancedFleet{fleet: newFleet(), told: map[int]standin.Balancer{}}
	const any = "127.0.0.1:0"
	l, err := standin.Listen(standin.Config{API: any, DNS: any, Token: token, Machines: f})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-done)
	})
	c := client(l, token, "v4")
	c.SetPollDelay(20 * time.Millisecond)
	return l, c, f
}

// section is the part of a configuration from the line that begins it.
func section(t *testing.T, config, begins string) string {
	t.Helper()
	_, rest, found := strings.Cut(config, "\n"+begins+"\n")
	require.True(t, found, config)
	part, _, _ := strings.Cut(rest, "\n\n")
	return part + "\n"
}

func TestANodeBalancerIsToldToHAProxy(t *testing.T) {
	_, c, f := balancedCloud(t)
	ctx := t.Context()
	node := func(label string, mode linodego.NodeMode, weight int) linodego.NodeBalancerNodeCreateOptions {
		return linodego.NodeBalancerNodeCreateOptions{Address: "192.168.128.5:5432", Label: label, Mode: mode, Weight: weight}
	}
	b, err := c.CreateNodeBalancer(ctx, linodego.NodeBalancerCreateOptions{Region: "us-east", ClientConnThrottle: linodego.Pointer(7),
		Configs: []*linodego.NodeBalancerConfigCreateOptions{
			{Port: 5432, Protocol: "tcp", Algorithm: "leastconn", Check: "connection", CheckInterval: 5, CheckTimeout: 3, CheckAttempts: 2, ProxyProtocol: "v2",
				Stickiness: "table", Nodes: []linodego.NodeBalancerNodeCreateOptions{node("one", "", 9), node("two", "backup", 1), node("three", "drain", 5), node("four", "reject", 5)}},
			{Port: 80, Protocol: "http", Algorithm: "source", Check: "http_body", CheckPath: "/o'clock", CheckBody: `"role": "prim(ary|o)"`, CheckInterval: 31, CheckTimeout: 30,
				CheckPassive: linodego.Pointer(false), Stickiness: "http_cookie", Nodes: []linodego.NodeBalancerNodeCreateOptions{node("one", "", 1)}},
			{Port: 81, Protocol: "http", Nodes: []linodego.NodeBalancerNodeCreateOptions{node("one", "", 1)}},
		}})
	require.NoError(t, err)
	assert.Equal(t, "192.0.2.2", *b.IPv4, "an address of the machines' network")
	assert.Equal(t, "192-0-2-2.ip.linodeusercontent.com", *b.Hostname)
	told := f.told[b.ID]
	assert.Equal(t, []string{"192.0.2.2", "192.168.255.2"}, []string{told.Address.String(), told.Private.String()})
	made := stands(t, c, order("db-1"))
	assert.Equal(t, "192.0.2.3", made.IPv4[0].String(), "nobody else has the NodeBalancer's")

	configs, err := c.ListNodeBalancerConfigs(ctx, b.ID, nil)
	require.NoError(t, err)
	require.Len(t, configs, 3)
	listen := func(i int) string { return section(t, told.Config, fmt.Sprintf("listen config%d", configs[i].ID)) }
	nodes := func(i int) (ids []any) {
		all, err := c.ListNodeBalancerNodes(ctx, b.ID, configs[i].ID, nil)
		require.NoError(t, err)
		for _, n := range all {
			ids = append(ids, n.ID)
		}
		return ids
	}
	assert.Equal(t, fmt.Sprintf(`    bind 192.0.2.2:5432
    tcp-request connection track-sc0 src table throttle
    tcp-request connection reject if { sc0_conn_rate(throttle) gt 7 }
    mode tcp
    balance leastconn
    option allbackups
    stick-table type ip size 100k expire 30m
    stick on src
    retries 3
    option redispatch 1
    timeout connect 3s
    timeout check 3s
    option log-health-checks
    default-server inter 5s fall 2 rise 1
    server node%d 192.168.128.5:5432 weight 9 check observe layer4 error-limit 1 on-error fail-check send-proxy-v2
    server node%d 192.168.128.5:5432 weight 1 backup check observe layer4 error-limit 1 on-error fail-check send-proxy-v2
    server node%d 192.168.128.5:5432 weight 0 check observe layer4 error-limit 1 on-error fail-check send-proxy-v2
    server node%d 192.168.128.5:5432 weight 5 disabled check observe layer4 error-limit 1 on-error fail-check send-proxy-v2
`, nodes(0)...), listen(0))
	body := listen(1)
	for _, line := range []string{
		"mode http", "balance source", "option httpclose", "cookie NB_SRVID insert indirect nocache", "timeout connect 5s", "timeout check 30s",
		`http-check send meth GET uri '/o'\''clock'`, `http-check expect rstring '"role": "prim(ary|o)"'`,
		fmt.Sprintf("server node%[1]d 192.168.128.5:5432 weight 1 check cookie node%[1]d", nodes(1)...),
	} {
		assert.Contains(t, body, "    "+line+"\n")
	}
	assert.NotContains(t, body, "redispatch")
	assert.NotContains(t, listen(2), "check")
	assert.Contains(t, listen(2), "redispatch")

	require.NoError(t, c.DeleteNodeBalancerConfig(ctx, b.ID, configs[1].ID))
	assert.NotContains(t, f.told[b.ID].Config, "rstring")
	require.NoError(t, c.DeleteNodeBalancer(ctx, b.ID))
	assert.Empty(t, f.told)
}

const haproxyStatistics = `# pxname,svname,qcur,status,weight,check_status,
stats,FRONTEND,,OPEN,,,
config1,node%[1]d,0,UP,1,L4OK,
config1,node%[2]d,0,DOWN,1,L4TOUT,
config1,node%[3]d,0,DRAIN,0,L7OK,
config1,node%[4]d,0,MAINT,1,L4OK,
config1,node%[5]d,0,UP,1,INI,
config1,node%[6]d,0,DOWN 1/2,1,L7STS,
config1,BACKEND,0,UP,2,,
`

func TestTheStatusOfNodesIsHAProxys(t *testing.T) {
	l, c, f := balancedCloud(t)
	b, err := c.CreateNodeBalancer(t.Context(), linodego.NodeBalancerCreateOptions{Region: "us-east"})
	require.NoError(t, err)
	config, err := c.CreateNodeBalancerConfig(t.Context(), b.ID, linodego.NodeBalancerConfigCreateOptions{Port: 80, Check: "connection"})
	require.NoError(t, err)
	var ids []any
	want := []string{"UP", "DOWN", "UP", "Unknown", "Unknown", "DOWN"}
	for i := range want {
		n, err := c.CreateNodeBalancerNode(t.Context(), b.ID, config.ID, linodego.NodeBalancerNodeCreateOptions{Address: "192.168.128.5:80", Label: fmt.Sprintf("web-%d", i)})
		require.NoError(t, err)
		ids = append(ids, n.ID)
	}
	status := func() (out []string) {
		nodes, err := c.ListNodeBalancerNodes(t.Context(), b.ID, config.ID, nil)
		require.NoError(t, err)
		for _, n := range nodes {
			out = append(out, n.Status)
			one, err := c.GetNodeBalancerNode(t.Context(), b.ID, config.ID, n.ID)
			require.NoError(t, err)
			assert.Equal(t, n.Status, one.Status)
		}
		return out
	}
	f.health = fmt.Sprintf(haproxyStatistics, ids...)
	assert.Equal(t, want, status())
	seen, err := c.GetNodeBalancerConfig(t.Context(), b.ID, config.ID)
	require.NoError(t, err)
	assert.Equal(t, &linodego.NodeBalancerNodeStatus{Up: 2, Down: 2}, seen.NodesStatus)
	f.health = "what is this?"
	assert.Equal(t, []string{"Unknown", "Unknown", "Unknown", "Unknown", "Unknown", "Unknown"}, status(), "what cannot be read is not known")

	code, body := do(t, l, "POST", fmt.Sprintf("/v4/nodebalancers/%d/configs", b.ID), `{"port":53,"protocol":"udp"}`)
	assert.Equal(t, 400, code, body)
	f.refuse = fmt.Errorf("%w: line 7", standin.ErrBalancerConfig)
	code, body = do(t, l, "POST", fmt.Sprintf("/v4/nodebalancers/%d/configs", b.ID), `{"port":81}`)
	assert.Equal(t, 400, code)
	assert.Contains(t, fmt.Sprint(body), "HAProxy refuses the configuration: line 7")
	configs, err := c.ListNodeBalancerConfigs(t.Context(), b.ID, nil)
	require.NoError(t, err)
	assert.Len(t, configs, 1, "what is refused leaves no trace")
}

func TestNodesHavePrivateAddressesOfTheRegion(t *testing.T) {
	l, c, f := balancedCloud(t)
	o := order("far")
	o.Region, o.PrivateIP = "eu-central", true
	far := stands(t, c, o)
	wants(t, f.fleet, "create far, boot far, join "+far.IPv4[1].String()+"/17 far")
	near := stands(t, c, order("near"))
	b, err := c.CreateNodeBalancer(t.Context(), linodego.NodeBalancerCreateOptions{Region: "us-east"})
	require.NoError(t, err)
	config, err := c.CreateNodeBalancerConfig(t.Context(), b.ID, linodego.NodeBalancerConfigCreateOptions{Port: 80})
	require.NoError(t, err)
	for address, want := range map[string]string{
		near.IPv4[0].String(): "Must begin with 192.168",
		far.IPv4[1].String():  "The Linode with this address is not in us-east, where the NodeBalancer is",
	} {
		code, body := do(t, l, "POST", fmt.Sprintf("/v4/nodebalancers/%d/configs/%d/nodes", b.ID, config.ID), `{"address":"`+address+`:80","label":"node"}`)
		assert.Equal(t, 400, code)
		assert.Equal(t, map[string]any{"errors": []any{map[string]any{"field": "address", "reason": want}}}, body)
	}

	// An address that comes later is there from the next boot on.
	_, err = c.AddInstanceIPAddress(t.Context(), near.ID, false)
	require.NoError(t, err)
	assert.NotContains(t, f.log(), "near, join")
	require.NoError(t, c.RebootInstance(t.Context(), near.ID, 0))
	require.NoError(t, wait.Until(t.Context(), "joined", 5*time.Second, func(context.Context) (bool, string, error) {
		return strings.HasSuffix(f.log(), " near") && strings.Contains(f.log(), "boot near, join 192.168."), f.log(), nil
	}))
}

package standin

import (
	"fmt"
	"strings"
)

// Where HAProxy serves its statistics inside of a NodeBalancer, as CSV under StatsPath. Nobody else reaches it.
const (
	StatsAddress = "127.0.0.1:8404"
	StatsPath    = "/;csv"
)

// connectSeconds is how long a node may take to accept a connection, unless its check may take less.
const connectSeconds = 5

// server is a node's name in HAProxy.
func (n *balancerNode) server() string { return fmt.Sprintf("node%d", n.ID) }

// haproxy writes the NodeBalancer as a configuration of HAProxy.
//
// What a NodeBalancer does beyond its documented settings is not known to us, and these are ours: one check that passes brings
// a node back; an error that its traffic shows counts as a check that failed (check_passive); and without a check nothing is
// ever taken out, but a connection that a node refuses is tried with another one.
func (b *balancing) haproxy() string {
	var w strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&w, format+"\n", args...) }
	line("global\n    log stdout format raw daemon\n    max-spread-checks 50ms\n    maxconn 4000\n")
	line("defaults\n    log global\n    option dontlognull\n    timeout client 30m\n    timeout server 30m\n")
	line("frontend stats\n    bind %s\n    mode http\n    timeout client 5s\n    stats enable\n    stats uri /", StatsAddress)
	if b.Balancer.ConnThrottle > 0 {
		line("\nbackend throttle\n    stick-table type ip size 100k expire 10s store conn_rate(1s)")
	}
	for _, p := range b.Ports {
		line("\nlisten config%d\n    bind %s:%d", p.Config.ID, b.Balancer.IPv4, p.Config.Port)
		if b.Balancer.ConnThrottle > 0 {
			line("    tcp-request connection track-sc0 src table throttle")
			line("    tcp-request connection reject if { sc0_conn_rate(throttle) gt %d }", b.Balancer.ConnThrottle)
		}
		p.Config.haproxy(line)
		for _, n := range p.Nodes {
			line("    server %s %s%s", n.server(), n.Address, n.keywords(p.Config))
		}
	}
	return w.String()
}

// haproxy writes what all nodes of a port share.
func (c *balancerConfig) haproxy(line func(string, ...any)) {
	line("    mode %s\n    balance %s\n    option allbackups", c.Protocol, c.Algorithm)
	if c.Protocol == "http" {
		// What the API's guide says of this protocol: no keep-alive, and the client in a header.
		line("    option httpclose\n    option forwardfor\n    http-request set-header X-Forwarded-Proto http")
	}
	switch {
	case c.Stickiness == "table":
		line("    stick-table type ip size 100k expire 30m\n    stick on src")
	case c.Stickiness == "http_cookie" && c.Protocol == "http":
		line("    cookie NB_SRVID insert indirect nocache")
	}
	if c.CheckPassive {
		line("    retries 3\n    option redispatch 1")
	}
	if c.Check == "none" {
		line("    timeout connect %ds", connectSeconds)
		return
	}
	// HAProxy's time-out of a check begins with its connection: that itself is under the other one.
	line("    timeout connect %ds\n    timeout check %ds", min(connectSeconds, c.CheckTimeout), c.CheckTimeout)
	line("    option log-health-checks\n    default-server inter %ds fall %d rise 1", c.CheckInterval, c.CheckAttempts)
	if c.Check == "http" || c.Check == "http_body" {
		// A status of 2xx or 3xx passes, HAProxy's default too.
		path := c.CheckPath
		if path == "" {
			path = "/"
		}
		line("    option httpchk\n    http-check send meth GET uri %s", word(path))
	}
	if c.Check == "http_body" {
		line("    http-check expect rstring %s", word(c.CheckBody))
	}
}

// keywords are what one node has.
func (n *balancerNode) keywords(c *balancerConfig) string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	switch n.Mode {
	case "drain": // whom it has, it keeps: by the table or the cookie
		add("weight 0")
	case "reject":
		add("weight %d disabled", n.Weight)
	case "backup":
		add("weight %d backup", n.Weight)
	default:
		add("weight %d", n.Weight)
	}
	if c.Check != "none" {
		add("check")
	}
	if c.Check != "none" && c.CheckPassive {
		add("observe %s error-limit 1 on-error fail-check", map[string]string{"tcp": "layer4", "http": "layer7"}[c.Protocol])
	}
	if c.Stickiness == "http_cookie" && c.Protocol == "http" {
		add("cookie %s", n.server())
	}
	if version := map[string]string{"v1": "send-proxy", "v2": "send-proxy-v2"}[c.ProxyProtocol]; version != "" {
		add("%s", version)
	}
	return " " + strings.Join(out, " ")
}

// word makes one word of HAProxy's configuration, in which nothing has a meaning. A line cannot be ended by what is in it.
func word(text string) string {
	text = strings.NewReplacer("\n", "", "\r", "", "\x00", "").Replace(text)
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

package standin

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/firedrill/firedrill/harness/linode/limits"
)

// balancer is a NodeBalancer, with the API's keys and no others. On paper nothing listens at its address, and its nodes stay
// "Unknown"; see Balancers for what runs.
type balancer struct {
	ID             int              `json:"id"`
	Label          string           `json:"label"`
	Region         string           `json:"region"`
	Type           string           `json:"type"`
	Hostname       string           `json:"hostname"`
	IPv4           string           `json:"ipv4"`
	IPv6           *string          `json:"ipv6"`
	FrontendType   string           `json:"frontend_address_type"`
	FrontendSubnet *int             `json:"frontend_vpc_subnet_id"`
	Created        string           `json:"created"`
	Updated        string           `json:"updated"`
	ConnThrottle   int              `json:"client_conn_throttle"`
	UDPThrottle    int              `json:"client_udp_sess_throttle"`
	LKECluster     *struct{}        `json:"lke_cluster"`
	Tags           []string         `json:"tags"`
	Locks          []string         `json:"locks"`
	Transfer       balancerTransfer `json:"transfer"`
}

type balancerTransfer struct {
	In    float64 `json:"in"`
	Out   float64 `json:"out"`
	Total float64 `json:"total"`
}

// balancerConfig is a port of a NodeBalancer.
type balancerConfig struct {
	ID             int           `json:"id"`
	Port           int           `json:"port"`
	Protocol       string        `json:"protocol"`
	Algorithm      string        `json:"algorithm"`
	Stickiness     string        `json:"stickiness"`
	Check          string        `json:"check"`
	CheckInterval  int           `json:"check_interval"`
	CheckTimeout   int           `json:"check_timeout"`
	CheckAttempts  int           `json:"check_attempts"`
	CheckPath      string        `json:"check_path"`
	CheckBody      string        `json:"check_body"`
	CheckPassive   bool          `json:"check_passive"`
	ProxyProtocol  string        `json:"proxy_protocol"`
	CipherSuite    string        `json:"cipher_suite"`
	NodeBalancerID int           `json:"nodebalancer_id"`
	SSLCommonName  string        `json:"ssl_commonname"`
	SSLFingerprint string        `json:"ssl_fingerprint"`
	SSLCert        *string       `json:"ssl_cert"`
	SSLKey         *string       `json:"ssl_key"`
	NodesStatus    balancerNodes `json:"nodes_status"`
	UDPCheckPort   int           `json:"udp_check_port"`
	UDPSession     int           `json:"udp_session_timeout"`
}

type balancerNodes struct {
	Up   int `json:"up"`
	Down int `json:"down"`
}

// balancerNode is a backend of a port.
type balancerNode struct {
	ID             int    `json:"id"`
	Address        string `json:"address"`
	Label          string `json:"label"`
	Status         string `json:"status"`
	Weight         int    `json:"weight"`
	Mode           string `json:"mode"`
	ConfigID       int    `json:"config_id"`
	NodeBalancerID int    `json:"nodebalancer_id"`
	VPCConfigID    *int   `json:"vpc_config_id"`
}

// balancing is a NodeBalancer with what the API shows elsewhere.
type balancing struct {
	Balancer *balancer   `json:"balancer"`
	Ports    []*balanced `json:"ports"`
}

type balanced struct {
	Config *balancerConfig `json:"config"`
	Nodes  []*balancerNode `json:"nodes"`
}

type balancerInput struct {
	Label        *string                `json:"label"`
	Region       *string                `json:"region"`
	ConnThrottle *int                   `json:"client_conn_throttle"`
	UDPThrottle  *int                   `json:"client_udp_sess_throttle"`
	Tags         *[]string              `json:"tags"`
	Type         *string                `json:"type"`
	FirewallID   *int                   `json:"firewall_id"`
	Configs      *[]balancerConfigInput `json:"configs"`
}

type balancerConfigInput struct {
	Port          *int                 `json:"port"`
	Protocol      *string              `json:"protocol"`
	Algorithm     *string              `json:"algorithm"`
	Stickiness    *string              `json:"stickiness"`
	Check         *string              `json:"check"`
	CheckInterval *int                 `json:"check_interval"`
	CheckTimeout  *int                 `json:"check_timeout"`
	CheckAttempts *int                 `json:"check_attempts"`
	CheckPath     *string              `json:"check_path"`
	CheckBody     *string              `json:"check_body"`
	CheckPassive  *bool                `json:"check_passive"`
	ProxyProtocol *string              `json:"proxy_protocol"`
	CipherSuite   *string              `json:"cipher_suite"`
	SSLCert       *string              `json:"ssl_cert"`
	SSLKey        *string              `json:"ssl_key"`
	UDPCheckPort  *int                 `json:"udp_check_port"`
	Nodes         *[]balancerNodeInput `json:"nodes"`
}

type balancerNodeInput struct {
	Address *string `json:"address"`
	Label   *string `json:"label"`
	Weight  *int    `json:"weight"`
	Mode    *string `json:"mode"`
}

func (s *Server) balancerRoutes() {
	const one = "/v4/nodebalancers/{id}"
	s.route("/v4/nodebalancers", map[string]endpoint{"GET": s.listBalancers, "POST": s.createBalancer})
	s.route(one, map[string]endpoint{"GET": s.getBalancer, "PUT": s.updateBalancer, "DELETE": s.deleteBalancer})
	s.route(one+"/configs", map[string]endpoint{"GET": s.listConfigs, "POST": s.createConfig})
	s.route(one+"/configs/{config}", map[string]endpoint{"GET": s.getConfig, "PUT": s.updateConfig, "DELETE": s.deleteConfig})
	s.route(one+"/configs/{config}/nodes", map[string]endpoint{"GET": s.listNodes, "POST": s.createNode})
	s.route(one+"/configs/{config}/nodes/{node}", map[string]endpoint{"GET": s.getNode, "PUT": s.updateNode, "DELETE": s.deleteNode})
}

func (s *state) balancing(r *http.Request) (*balancing, error) {
	return byID(r, "id", s.Balancers, func(b *balancing) int { return b.Balancer.ID })
}

func (s *state) balancerOf(id int) *balancing {
	if i := slices.IndexFunc(s.Balancers, func(b *balancing) bool { return b.Balancer.ID == id }); i >= 0 {
		return s.Balancers[i]
	}
	return nil
}

func (s *state) port(r *http.Request) (*balancing, *balanced, error) {
	b, err := s.balancing(r)
	if err != nil {
		return nil, nil, err
	}
	p, err := byID(r, "config", b.Ports, func(p *balanced) int { return p.Config.ID })
	return b, p, err
}

func (s *state) backend(r *http.Request) (*balancing, *balanced, *balancerNode, error) {
	b, p, err := s.port(r)
	if err != nil {
		return nil, nil, nil, err
	}
	n, err := byID(r, "node", p.Nodes, func(n *balancerNode) int { return n.ID })
	return b, p, n, err
}

func (b *balancing) entity() entity {
	return entity{b.Balancer.ID, b.Balancer.Label, "nodebalancer", link("nodebalancers", b.Balancer.ID)}
}

func (s *Server) listBalancers(r *http.Request) (any, error) {
	var all []*balancer
	for _, b := range s.store.state.Load().Balancers {
		all = append(all, b.Balancer)
	}
	return list(r, all)
}

func (s *Server) getBalancer(r *http.Request) (any, error) {
	b, err := s.store.state.Load().balancing(r)
	if err != nil {
		return nil, err
	}
	return b.Balancer, nil
}

func (s *Server) createBalancer(r *http.Request) (any, error) {
	var in balancerInput
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	if in.Region == nil {
		return nil, invalid("region", "region is required")
	}
	if _, err := regionWith(*in.Region, hasBalancers); err != nil {
		return nil, err
	}
	var created *balancer
	return answerOf(&created, s.store.update(func(next *state) error {
		id := next.nextID()
		ip, err := s.balancerAddress(next, id)
		if err != nil {
			return err
		}
		created = &balancer{
			ID: id, Label: fmt.Sprintf("nodebalancer%d", id), Region: *in.Region, Type: "common", IPv4: ip, FrontendType: "public",
			Hostname: strings.ReplaceAll(ip, ".", "-") + ".ip.linodeusercontent.com", Created: now(), Tags: []string{}, Locks: []string{},
		}
		b := &balancing{Balancer: created}
		next.Balancers = append(next.Balancers, b)
		if err := b.set(in, next); err != nil {
			return err
		}
		next.happened("nodebalancer_create", b.entity())
		if in.FirewallID != nil {
			g := next.firewallOf(*in.FirewallID)
			if g == nil {
				return invalid("firewall_id", "firewall_id is not valid")
			}
			g.attach(next, "nodebalancer", id)
		}
		if in.Configs != nil {
			for _, c := range *in.Configs {
				if _, err := b.add(c, next); err != nil {
					return err
				}
			}
		}
		return s.balance(r.Context(), b)
	}))
}

// balancerAddress is one of the machines' network where NodeBalancers run, and else one that is set aside for documentation.
func (s *Server) balancerAddress(next *state, id int) (string, error) {
	if _, runs := s.real(); !runs {
		return fmt.Sprintf("203.0.113.%d", id%250+2), nil
	}
	free, err := next.freeAddress(s.machines.Pool())
	return free.String(), err
}

func (b *balancing) set(in balancerInput, all *state) error {
	o := b.Balancer
	take(&o.Label, in.Label)
	take(&o.ConnThrottle, in.ConnThrottle)
	take(&o.UDPThrottle, in.UDPThrottle)
	take(&o.Tags, in.Tags)
	o.Updated = now()
	all.keepTags(o.Tags)
	switch {
	case in.Type != nil && *in.Type != "common":
		return invalid("type", "This stand-in has NodeBalancers of the type common")
	case o.ConnThrottle < 0 || o.ConnThrottle > 20:
		return invalid("client_conn_throttle", "Must be 0-20")
	case len(o.Label) < 3 || len(o.Label) > 32:
		return invalid("label", "Length must be 3-32 characters")
	}
	if slices.ContainsFunc(all.Balancers, func(other *balancing) bool { return other != b && other.Balancer.Label == o.Label }) {
		return invalid("label", "Label must be unique among your NodeBalancers")
	}
	return nil
}

func (s *Server) updateBalancer(r *http.Request) (any, error) {
	var in struct {
		Label        *string   `json:"label"`
		ConnThrottle *int      `json:"client_conn_throttle"`
		UDPThrottle  *int      `json:"client_udp_sess_throttle"`
		Tags         *[]string `json:"tags"`
	}
	if err := decode(r, &in, readOnlyOf(balancer{}, in)...); err != nil {
		return nil, err
	}
	var updated *balancer
	return answerOf(&updated, s.store.update(func(next *state) error {
		b, err := next.balancing(r)
		if err != nil {
			return err
		}
		updated = b.Balancer
		next.happened("nodebalancer_update", b.entity())
		if err := b.set(balancerInput{Label: in.Label, ConnThrottle: in.ConnThrottle, UDPThrottle: in.UDPThrottle, Tags: in.Tags}, next); err != nil {
			return err
		}
		return s.balance(r.Context(), b)
	}))
}

func (s *Server) deleteBalancer(r *http.Request) (any, error) {
	return struct{}{}, s.store.update(func(next *state) error {
		gone, err := next.balancing(r)
		if err != nil {
			return err
		}
		next.happened("nodebalancer_delete", gone.entity())
		for _, g := range next.Guards {
			g.detach(next, func(d *firewallDevice) bool {
				return d.Entity.Type == "nodebalancer" && d.Entity.ID == gone.Balancer.ID
			})
		}
		next.Balancers = slices.DeleteFunc(next.Balancers, func(b *balancing) bool { return b == gone })
		return s.unbalance(r.Context(), gone.Balancer.ID)
	})
}

func (s *Server) listConfigs(r *http.Request) (any, error) {
	b, err := s.store.state.Load().balancing(r)
	if err != nil {
		return nil, err
	}
	var all []*balancerConfig
	seen := s.seen(r.Context(), b)
	for _, p := range b.Ports {
		all = append(all, p.withStatus(seen))
	}
	return list(r, all)
}

func (s *Server) getConfig(r *http.Request) (any, error) {
	b, p, err := s.store.state.Load().port(r)
	if err != nil {
		return nil, err
	}
	return p.withStatus(s.seen(r.Context(), b)), nil
}

// add makes a port with the API's recorded defaults.
func (b *balancing) add(in balancerConfigInput, all *state) (*balanced, error) {
	c := &balancerConfig{
		ID: all.nextID(), Port: 80, Protocol: "http", Algorithm: "roundrobin", Stickiness: "none", Check: "none", CheckInterval: 31, CheckTimeout: 30,
		CheckAttempts: 3, CheckPassive: true, ProxyProtocol: "none", CipherSuite: "recommended", NodeBalancerID: b.Balancer.ID, UDPCheckPort: 80, UDPSession: 16,
	}
	if in.Protocol != nil && *in.Protocol == "udp" {
		c.Stickiness, c.CheckPassive, c.CipherSuite = "session", false, "none"
	}
	p := &balanced{Config: c}
	b.Ports = append(b.Ports, p)
	all.happened("nodebalancer_config_create", b.entity())
	return p, p.set(in, b, all)
}

// set takes the input over and checks the whole. There is no key for the port of the check: it is the backend's own,
// but for udp, whose udp_check_port other protocols take and ignore.
func (p *balanced) set(in balancerConfigInput, b *balancing, all *state) error {
	c := p.Config
	take(&c.Port, in.Port)
	take(&c.Protocol, in.Protocol)
	take(&c.Algorithm, in.Algorithm)
	take(&c.Stickiness, in.Stickiness)
	take(&c.Check, in.Check)
	take(&c.CheckInterval, in.CheckInterval)
	take(&c.CheckTimeout, in.CheckTimeout)
	take(&c.CheckAttempts, in.CheckAttempts)
	take(&c.CheckPath, in.CheckPath)
	take(&c.CheckBody, in.CheckBody)
	take(&c.CheckPassive, in.CheckPassive)
	take(&c.ProxyProtocol, in.ProxyProtocol)
	take(&c.CipherSuite, in.CipherSuite)
	take(&c.UDPCheckPort, in.UDPCheckPort)
	if err := c.check(); err != nil {
		return err
	}
	clash := func(o *balanced) bool {
		return o != p && o.Config.Port == c.Port && (o.Config.Protocol == "udp") == (c.Protocol == "udp")
	}
	if slices.ContainsFunc(b.Ports, clash) {
		return invalid("port", "Port must be unique")
	}
	if in.Nodes == nil {
		return nil
	}
	p.Nodes = nil
	for _, n := range *in.Nodes {
		if _, err := p.add(n, b, all); err != nil {
			return err
		}
	}
	return nil
}

func (c *balancerConfig) check() error {
	oneOf := func(field, value string, allowed ...string) error {
		if !slices.Contains(allowed, value) {
			return invalid(field, "Must be one of %v", allowed)
		}
		return nil
	}
	for _, err := range []error{
		oneOf("protocol", c.Protocol, "http", "https", "tcp", "udp"),
		oneOf("algorithm", c.Algorithm, map[bool][]string{true: {"roundrobin", "leastconn", "ring_hash"}, false: {"roundrobin", "leastconn", "source"}}[c.Protocol == "udp"]...),
		oneOf("stickiness", c.Stickiness, map[bool][]string{true: {"none", "session", "source_ip"}, false: {"none", "table", "http_cookie"}}[c.Protocol == "udp"]...),
		oneOf("check", c.Check, "none", "connection", "http", "http_body"),
		oneOf("proxy_protocol", c.ProxyProtocol, map[bool][]string{true: {"none", "v1", "v2"}, false: {"none"}}[c.Protocol == "tcp"]...),
	} {
		if err != nil {
			return err
		}
	}
	switch {
	case c.Port < 1 || c.Port > 65535:
		return invalid("port", "Must be 1-65535")
	case c.CheckTimeout < 1 || c.CheckTimeout > 30:
		return invalid("check_timeout", "Must be 1-30")
	case c.CheckAttempts < 1 || c.CheckAttempts > 30:
		return invalid("check_attempts", "Must be 1-30")
	case c.CheckInterval <= c.CheckTimeout:
		return invalid("check_interval", "Must be greater than check_timeout")
	case c.Check == "http_body" && c.CheckBody == "":
		return invalid("check_body", "check_body is required when check=http_body")
	case c.Protocol == "https":
		return invalid("protocol", "This stand-in has no NodeBalancers with certificates")
	}
	return nil
}

func (s *Server) createConfig(r *http.Request) (any, error) {
	var in balancerConfigInput
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	var created *balancerConfig
	return answerOf(&created, s.store.update(func(next *state) error {
		b, err := next.balancing(r)
		if err != nil {
			return err
		}
		p, err := b.add(in, next)
		created = p.Config
		if err != nil {
			return err
		}
		return s.balance(r.Context(), b)
	}))
}

func (s *Server) updateConfig(r *http.Request) (any, error) {
	var in balancerConfigInput
	if err := decode(r, &in, readOnlyOf(balancerConfig{}, in)...); err != nil {
		return nil, err
	}
	var updated *balancerConfig
	return answerOf(&updated, s.store.update(func(next *state) error {
		b, p, err := next.port(r)
		if err != nil {
			return err
		}
		updated = p.Config
		next.happened("nodebalancer_config_update", b.entity())
		if err := p.set(in, b, next); err != nil {
			return err
		}
		return s.balance(r.Context(), b)
	}))
}

func (s *Server) deleteConfig(r *http.Request) (any, error) {
	return struct{}{}, s.store.update(func(next *state) error {
		b, gone, err := next.port(r)
		if err != nil {
			return err
		}
		next.happened("nodebalancer_config_delete", b.entity())
		b.Ports = slices.DeleteFunc(b.Ports, func(p *balanced) bool { return p == gone })
		return s.balance(r.Context(), b)
	})
}

func (s *Server) listNodes(r *http.Request) (any, error) {
	b, p, err := s.store.state.Load().port(r)
	if err != nil {
		return nil, err
	}
	var all []*balancerNode
	seen := s.seen(r.Context(), b)
	for _, n := range p.Nodes {
		all = append(all, n.withStatus(seen))
	}
	return list(r, all)
}

func (s *Server) getNode(r *http.Request) (any, error) {
	b, _, n, err := s.store.state.Load().backend(r)
	if err != nil {
		return nil, err
	}
	return n.withStatus(s.seen(r.Context(), b)), nil
}

func (p *balanced) add(in balancerNodeInput, b *balancing, all *state) (*balancerNode, error) {
	n := &balancerNode{ID: all.nextID(), Status: nodeUnknown, Weight: 1, Mode: "accept", ConfigID: p.Config.ID, NodeBalancerID: p.Config.NodeBalancerID}
	p.Nodes = append(p.Nodes, n)
	return n, n.set(in, p.Config.Protocol, b, all)
}

func (n *balancerNode) set(in balancerNodeInput, protocol string, b *balancing, all *state) error {
	take(&n.Address, in.Address)
	take(&n.Label, in.Label)
	take(&n.Weight, in.Weight)
	take(&n.Mode, in.Mode)
	address, err := netip.ParseAddrPort(n.Address)
	switch {
	case err != nil || !address.Addr().Is4():
		return invalid("address", "Must be an IPv4 address and a port")
	case !limits.Nodes.Contains(address.Addr()):
		return invalid("address", "Must begin with 192.168")
	case all.elsewhere(address.Addr().String(), b.Balancer.Region):
		return invalid("address", "The Linode with this address is not in %s, where the NodeBalancer is", b.Balancer.Region) // the words are ours
	case !slices.Contains([]string{"accept", "reject", "drain", "backup"}, n.Mode) || protocol == "udp" && n.Mode == "backup":
		return invalid("mode", "Must be one of accept, reject, drain, backup")
	case n.Weight < 1 || n.Weight > 255:
		return invalid("weight", "Must be 1-255")
	case len(n.Label) < 3 || len(n.Label) > 32:
		return invalid("label", "Length must be 3-32 characters")
	}
	return nil
}

// elsewhere says that a private address is that of a Linode in another region.
func (s *state) elsewhere(private, region string) bool {
	return slices.ContainsFunc(s.Linodes, func(l *linode) bool { return l.Private == private && l.Instance.Region != region })
}

func (s *Server) createNode(r *http.Request) (any, error) {
	var in balancerNodeInput
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	var created *balancerNode
	return answerOf(&created, s.store.update(func(next *state) error {
		b, p, err := next.port(r)
		if err != nil {
			return err
		}
		next.happened("nodebalancer_node_create", b.entity())
		if created, err = p.add(in, b, next); err != nil {
			return err
		}
		return s.balance(r.Context(), b)
	}))
}

func (s *Server) updateNode(r *http.Request) (any, error) {
	var in balancerNodeInput
	if err := decode(r, &in, readOnlyOf(balancerNode{}, in)...); err != nil {
		return nil, err
	}
	var updated *balancerNode
	return answerOf(&updated, s.store.update(func(next *state) error {
		b, p, n, err := next.backend(r)
		if err != nil {
			return err
		}
		updated = n
		if err := n.set(in, p.Config.Protocol, b, next); err != nil {
			return err
		}
		return s.balance(r.Context(), b)
	}))
}

func (s *Server) deleteNode(r *http.Request) (any, error) {
	return struct{}{}, s.store.update(func(next *state) error {
		b, p, gone, err := next.backend(r)
		if err != nil {
			return err
		}
		p.Nodes = slices.DeleteFunc(p.Nodes, func(n *balancerNode) bool { return n == gone })
		return s.balance(r.Context(), b)
	})
}

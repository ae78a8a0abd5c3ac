package dns

import (
	"context"
	"fmt"
	"net"

	"github.com/miekg/dns"
)

// sockets are UDP and TCP on one address.
type sockets struct {
	packet net.PacketConn
	stream net.Listener
}

// bind takes an address ("10.0.0.2:53"; port 0 picks one).
func bind(addr string) (s sockets, err error) {
	// With port 0 the kernel picks the TCP port, and that number may be taken for UDP: try a few.
	for range 10 {
		if s.stream, err = net.Listen("tcp", addr); err != nil {
			break
		}
		if s.packet, err = net.ListenPacket("udp", s.stream.Addr().String()); err == nil {
			return s, nil
		}
		s.stream.Close()
		if _, port, _ := net.SplitHostPort(addr); port != "0" {
			break
		}
	}
	return s, fmt.Errorf("listen for DNS on %s: %w", addr, err)
}

// Addr is the address that is served, with its port.
func (s sockets) Addr() string { return s.stream.Addr().String() }

// serve answers until ctx ends, and then returns nil with both sockets closed.
func (s sockets) serve(ctx context.Context, handler dns.Handler) error {
	servers := []*dns.Server{{PacketConn: s.packet, Handler: handler}, {Listener: s.stream, Handler: handler}}
	started, ended := make(chan struct{}, len(servers)), make(chan error, len(servers))
	for _, srv := range servers {
		srv.NotifyStartedFunc = func() { started <- struct{}{} }
		go func() { ended <- srv.ActivateAndServe() }()
	}
	// A server cannot be shut down before it has begun, so both are seen to begin first.
	var err error
	for range servers {
		select {
		case <-started:
		case err = <-ended:
		}
	}
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-ended:
		}
	}
	for _, srv := range servers {
		_ = srv.Shutdown() // says only that the server ended by itself, which err tells
	}
	if err != nil {
		return fmt.Errorf("serve DNS on %s: %w", s.Addr(), err)
	}
	return nil
}

// send writes an answer as the client can take it.
func send(w dns.ResponseWriter, req, reply *dns.Msg) {
	if opt := req.IsEdns0(); opt != nil {
		reply.SetEdns0(dns.DefaultMsgSize, false)
	}
	if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
		size := dns.MinMsgSize
		if opt := req.IsEdns0(); opt != nil {
			size = max(size, int(opt.UDPSize()))
		}
		reply.Truncate(size)
	}
	_ = w.WriteMsg(reply) // a client that went away is no concern of ours
}

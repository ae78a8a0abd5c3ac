package node

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/vishvananda/netlink"
)

// queueingDisciplines lists those of all interfaces. Their handles are left out: some are the kernel's to choose.
func queueingDisciplines() ([]string, error) {
	return ofLinks(func(l netlink.Link) ([]string, error) {
		qdiscs, err := netlink.QdiscList(l)
		if err != nil {
			return nil, err
		}
		var out []string
		for _, q := range qdiscs {
			out = append(out, fmt.Sprintf("%s: %s at %s", l.Attrs().Name, q.Type(), netlink.HandleStr(q.Attrs().Parent)))
		}
		return out, nil
	})
}

// linksNow lists the interfaces, and which of them join packets.
func linksNow() ([]string, error) {
	return ofLinks(func(l netlink.Link) ([]string, error) {
		state := "down"
		if l.Attrs().Flags&net.FlagUp != 0 {
			state = "up"
		}
		line := fmt.Sprintf("%s: %s, mtu %d, %s", l.Attrs().Name, l.Type(), l.Attrs().MTU, state)
		for _, o := range offloads {
			if on, err := ethtool(l.Attrs().Name, o.get, 0); err == nil && on != 0 {
				line += ", " + o.name
			}
		}
		return []string{line}, nil
	})
}

func ofLinks(look func(netlink.Link) ([]string, error)) ([]string, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, l := range links {
		lines, err := look(l)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.Attrs().Name, err)
		}
		out = append(out, lines...)
	}
	return out, nil
}

// routesNow lists the routes of the main table.
func routesNow() ([]string, error) {
	names := map[int]string{}
	if _, err := ofLinks(func(l netlink.Link) ([]string, error) {
		names[l.Attrs().Index] = l.Attrs().Name
		return nil, nil
	}); err != nil {
		return nil, err
	}
	routes, err := netlink.RouteList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, r := range routes {
		out = append(out, fmt.Sprintf("%v by %v on %s (type %d, metric %d)", r.Dst, r.Gw, names[r.LinkIndex], r.Type, r.Priority))
	}
	return out, nil
}

// packetQueues lists the queues that somebody serves, by number.
func packetQueues() ([]string, error) {
	data, err := os.ReadFile("/proc/self/net/netfilter/nfnetlink_queue")
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []string
	for line := range bytes.Lines(data) {
		if f := bytes.Fields(line); len(f) > 0 {
			out = append(out, "queue "+string(f[0]))
		}
	}
	return out, nil
}

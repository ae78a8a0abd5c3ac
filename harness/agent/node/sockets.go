package node

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// A dead process leaves its connections to the kernel, which goes on sending what they had queued, and their FIN,
// until a cut is healed: data that a host without power would have lost. So a host that is lost forgets them.

// Parts of the kernel's socket monitoring interface, sock_diag(7).
const (
	sockDiagByFamily = 20
	sockDestroy      = 21

	diagRequestLength = 56
	diagIDOffset      = 8 // in a request; the rest of it is the socket's identity
	diagAnswerLength  = 72
	diagAnswerID      = 4
	diagAnswerInode   = 68
)

// TCP states of sockets that say nothing any more, or only when they are asked.
var mute = []byte{6, 12} // TIME_WAIT, NEW_SYN_RECV

// forgetConnections destroys every TCP connection that belongs to no process any more. The count is of those that it
// has ended; an error says that the kernel cannot (it needs CONFIG_INET_DIAG_DESTROY).
func forgetConnections() (int, error) {
	conn, err := netlink.Dial(unix.NETLINK_SOCK_DIAG, nil)
	if err != nil {
		return 0, fmt.Errorf("open socket monitoring: %w", err)
	}
	defer conn.Close()
	destroyed := 0
	for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
		list, err := conn.Execute(diagMessage(sockDiagByFamily, netlink.Dump, family, nil))
		if err != nil {
			return destroyed, fmt.Errorf("list connections: %w", err)
		}
		for _, m := range list {
			id, orphan := orphaned(m.Data)
			if !orphan {
				continue
			}
			_, err := conn.Execute(diagMessage(sockDestroy, netlink.Acknowledge, family, id))
			if errors.Is(err, unix.ENOENT) {
				continue // it has ended by itself
			}
			if err != nil {
				return destroyed, fmt.Errorf("destroy connection: %w", err)
			}
			destroyed++
		}
	}
	return destroyed, nil
}

// orphaned returns the identity of a listed connection, and whether no process has it open.
func orphaned(answer []byte) (id []byte, orphan bool) {
	if len(answer) < diagAnswerLength || slices.Contains(mute, answer[1]) {
		return nil, false
	}
	inode := binary.NativeEndian.Uint32(answer[diagAnswerInode:])
	return answer[diagAnswerID : diagAnswerID+diagRequestLength-diagIDOffset], inode == 0
}

// diagMessage asks about one TCP socket, or about all of them when there is no id.
func diagMessage(kind netlink.HeaderType, flags netlink.HeaderFlags, family byte, id []byte) netlink.Message {
	data := make([]byte, diagRequestLength)
	data[0], data[1] = family, unix.IPPROTO_TCP
	binary.NativeEndian.PutUint32(data[4:], ^uint32(0)) // in whatever state
	copy(data[diagIDOffset:], id)
	return netlink.Message{Header: netlink.Header{Type: kind, Flags: netlink.Request | flags}, Data: data}
}

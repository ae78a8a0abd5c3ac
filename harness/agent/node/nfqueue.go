package node

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/firedrill/firedrill/harness/agent"
)

const (
	// longestQueue is how many packets are held at once before more are lost: at 100 ms that is 200,000 a second.
	longestQueue = 20000
	// late is what a packet may be held too long before it is reported.
	late = time.Millisecond
	// lastPackets is how long a queue is served after its rule was removed: those under way still come.
	lastPackets = 10 * time.Millisecond
	// queueBuffer takes the kernel's messages about a burst, each of about 100 bytes.
	queueBuffer = 8 << 20
)

// delayQueue holds packets that the kernel queues to this process, and gives each back when it is due, in their order.
// One thread does it all with a timer of the kernel's finest grain.
type delayQueue struct {
	number        uint16
	delay, jitter time.Duration
	socket, wake  int
	ended         chan struct{}
	started       bool // before anybody else knows of the queue

	mu      sync.Mutex
	closed  bool
	packets int           // given back
	held    time.Duration // all of them together
	late    int
	worst   time.Duration // beyond what was due
}

// heldPacket is due at a time of the monotonic clock.
type heldPacket struct {
	id       uint32
	due, got int64
}

// openDelayQueue takes the first free queue number of the node.
func openDelayQueue(delay, jitter time.Duration) (*delayQueue, error) {
	const firstQueue, queues = 0xfd00, 0x100
	for n := range queues {
		q, err := bindDelayQueue(uint16(firstQueue+n), delay, jitter)
		if errors.Is(err, unix.EBUSY) || errors.Is(err, unix.EPERM) {
			continue // it is another one's
		}
		return q, err
	}
	return nil, errors.New("open packet queue: none is free")
}

func bindDelayQueue(number uint16, delay, jitter time.Duration) (*delayQueue, error) {
	socket, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, fmt.Errorf("open packet queue: %w", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		_ = unix.Close(socket)
		return nil, fmt.Errorf("open packet queue: %w", err)
	}
	q := &delayQueue{number: number, delay: delay, jitter: jitter, socket: socket, wake: wake, ended: make(chan struct{})}
	if err := q.configure(); err != nil {
		_ = unix.Close(socket)
		_ = unix.Close(wake)
		return nil, fmt.Errorf("open packet queue %d: %w", number, err)
	}
	return q, nil
}

// Messages and attributes of the kernel's nfnetlink_queue.
const (
	nfqPacket       = 0
	nfqVerdict      = 1
	nfqConfig       = 2
	nfqVerdictBatch = 3

	nfqaPacketHeader  = 1
	nfqaVerdictHeader = 2

	nfqaConfigCommand  = 1
	nfqaConfigParams   = 2
	nfqaConfigMaxQueue = 3
	nfqaConfigMask     = 4
	nfqaConfigFlags    = 5

	nfqBind     = 1
	nfqCopyMeta = 1
	nfqFlagGSO  = 4 // large packets are queued whole
	nfAccept    = 1
)

// configure asks for no more than each packet's number. A socket whose buffer is full is not made to fail for it.
func (q *delayQueue) configure() error {
	if err := unix.Bind(q.socket, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	_ = unix.SetsockoptInt(q.socket, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, queueBuffer) // the default holds hundreds
	if err := unix.SetsockoptInt(q.socket, unix.SOL_NETLINK, unix.NETLINK_NO_ENOBUFS, 1); err != nil {
		return err
	}
	for _, attrs := range [][]netlink.Attribute{
		{{Type: nfqaConfigCommand, Data: []byte{nfqBind, 0, 0, 0}}},
		{{Type: nfqaConfigParams, Data: append(be32(0), nfqCopyMeta)}},
		{{Type: nfqaConfigMaxQueue, Data: be32(longestQueue)}},
		{{Type: nfqaConfigFlags, Data: be32(nfqFlagGSO)}, {Type: nfqaConfigMask, Data: be32(nfqFlagGSO)}},
	} {
		if err := q.ask(attrs); err != nil {
			return err
		}
	}
	return nil
}

func be32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// message is one for the kernel's queue subsystem.
func (q *delayQueue) message(kind netlink.HeaderType, flags netlink.HeaderFlags, attrs []netlink.Attribute) ([]byte, error) {
	body, err := netlink.MarshalAttributes(attrs)
	if err != nil {
		return nil, err
	}
	header := []byte{unix.AF_UNSPEC, unix.NFNETLINK_V0, byte(q.number >> 8), byte(q.number)}
	m := netlink.Message{Header: netlink.Header{Type: unix.NFNL_SUBSYS_QUEUE<<8 | kind, Flags: netlink.Request | flags}, Data: append(header, body...)}
	m.Header.Length = uint32(unix.NLMSG_HDRLEN + len(m.Data))
	return m.MarshalBinary()
}

// ask sends a message of the set-up and takes its answer, which is there when the sending returns.
func (q *delayQueue) ask(attrs []netlink.Attribute) error {
	data, err := q.message(nfqConfig, netlink.Acknowledge, attrs)
	if err != nil {
		return err
	}
	if err := unix.Sendto(q.socket, data, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(q.socket, answer, 0)
	if err != nil {
		return err
	}
	if n < unix.NLMSG_HDRLEN+4 {
		return fmt.Errorf("an answer of %d bytes", n)
	}
	if code := int32(binary.NativeEndian.Uint32(answer[unix.NLMSG_HDRLEN:])); code != 0 {
		return unix.Errno(-code)
	}
	return nil
}

// serve begins to serve the queue, until it is closed.
func (q *delayQueue) serve() {
	q.started = true
	go q.run()
}

func (q *delayQueue) run() {
	defer close(q.ended)
	runtime.LockOSThread() // and not unlocked: the thread, with its timer's grain, ends with us
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	var waiting []heldPacket
	buffer := make([]byte, 1<<16)
	for {
		closing := q.closing()
		waiting = q.release(waiting, closing)
		timeout := time.Duration(-1)
		switch {
		case closing:
			timeout = lastPackets
		case len(waiting) > 0:
			timeout = time.Duration(max(0, waiting[0].due-agent.Monotonic()))
		}
		if events := q.poll(timeout, closing); events == 0 && closing {
			return
		}
		waiting = q.receive(waiting, buffer)
	}
}

// poll waits for packets, for the first that is due, or for the end.
func (q *delayQueue) poll(timeout time.Duration, closing bool) int {
	fds := []unix.PollFd{{Fd: int32(q.socket), Events: unix.POLLIN}, {Fd: int32(q.wake), Events: unix.POLLIN}}
	if closing {
		fds = fds[:1]
	}
	var until *unix.Timespec
	if timeout >= 0 {
		ts := unix.NsecToTimespec(int64(timeout))
		until = &ts
	}
	n, _ := unix.Ppoll(fds, until, nil)
	return n
}

func (q *delayQueue) closing() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

// receive takes all that is there.
func (q *delayQueue) receive(waiting []heldPacket, buffer []byte) []heldPacket {
	for {
		n, _, err := unix.Recvfrom(q.socket, buffer, 0)
		if err != nil {
			return waiting // nothing more; what else it may be shows at the next poll
		}
		now := agent.Monotonic()
		for _, id := range packetIDs(buffer[:n]) {
			due := now + int64(q.delay)
			if q.jitter > 0 {
				due += rand.Int64N(2*int64(q.jitter)+1) - int64(q.jitter)
			}
			if last := len(waiting) - 1; last >= 0 {
				due = max(due, waiting[last].due) // in order
			}
			waiting = append(waiting, heldPacket{id: id, due: due, got: now})
		}
	}
}

// packetIDs reads the numbers of the packets in what the kernel sent.
func packetIDs(data []byte) []uint32 {
	const nfHeader = 4
	var out []uint32
	for len(data) >= unix.NLMSG_HDRLEN+nfHeader {
		length := int(binary.NativeEndian.Uint32(data))
		if length < unix.NLMSG_HDRLEN+nfHeader || length > len(data) {
			break
		}
		if binary.NativeEndian.Uint16(data[4:]) == unix.NFNL_SUBSYS_QUEUE<<8|nfqPacket {
			if ad, err := netlink.NewAttributeDecoder(data[unix.NLMSG_HDRLEN+nfHeader : length]); err == nil {
				for ad.Next() {
					if ad.Type() == nfqaPacketHeader && len(ad.Bytes()) >= 4 {
						out = append(out, binary.BigEndian.Uint32(ad.Bytes()))
					}
				}
			}
		}
		data = data[min(len(data), (length+unix.NLMSG_ALIGNTO-1)&^(unix.NLMSG_ALIGNTO-1)):]
	}
	return out
}

// release gives back all that is due, or all, with one message: the kernel takes it for every packet up to a number.
func (q *delayQueue) release(waiting []heldPacket, all bool) []heldPacket {
	now := agent.Monotonic()
	n := 0
	for n < len(waiting) && (all || waiting[n].due <= now) {
		n++
	}
	if n == 0 {
		return waiting
	}
	verdict := append(be32(nfAccept), be32(waiting[n-1].id)...)
	if data, err := q.message(nfqVerdictBatch, 0, []netlink.Attribute{{Type: nfqaVerdictHeader, Data: verdict}}); err == nil {
		_ = unix.Sendto(q.socket, data, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	}
	q.account(waiting[:n], now, all)
	return append(waiting[:0], waiting[n:]...)
}

// account keeps how well the delay was held. What a heal lets go early is no part of it.
func (q *delayQueue) account(released []heldPacket, now int64, early bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if early {
		return
	}
	for _, p := range released {
		q.packets++
		q.held += time.Duration(now - p.got)
		if over := time.Duration(now - p.due); over > late {
			q.late++
			q.worst = max(q.worst, over)
		}
	}
}

// says is what was done so far; empty when it was nothing.
func (q *delayQueue) says() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.packets == 0 {
		return ""
	}
	s := fmt.Sprintf("%d packets held for %s on average", q.packets, inMS(q.held/time.Duration(q.packets)))
	if q.late > 0 {
		s += fmt.Sprintf(", %d of them more than %s too long, the worst by %s", q.late, inMS(late), inMS(q.worst))
	}
	return s
}

// close lets all packets go and ends the queue. The rule that feeds it must be gone.
func (q *delayQueue) close() {
	q.mu.Lock()
	again := q.closed
	q.closed = true
	q.mu.Unlock()
	if again {
		return
	}
	if q.started {
		_, _ = unix.Write(q.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
		<-q.ended
	}
	_ = unix.Close(q.socket)
	_ = unix.Close(q.wake)
}

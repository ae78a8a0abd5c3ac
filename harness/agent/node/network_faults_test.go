package node

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/google/nftables/expr"
	"github.com/mdlayher/netlink"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/firedrill/firedrill/harness/agent"
)

func TestRulesOfNetworkFaults(t *testing.T) {
	mixed := []string{"192.0.2.1", "192.0.2.2", "2001:db8::1"}
	for _, c := range []struct {
		name  string
		make  func() ([]rule, error)
		rules int
		fails string
	}{
		{name: "loss: a rule a family of addresses", make: func() ([]rule, error) { return lossRules(agent.LossSpec{Percent: 20, Peers: mixed}) }, rules: 2},
		{name: "loss of everything", make: func() ([]rule, error) { return lossRules(agent.LossSpec{Percent: 100}) }, rules: 1},
		{name: "loss of nothing", make: func() ([]rule, error) { return lossRules(agent.LossSpec{}) }, fails: "0 percent"},
		{name: "loss of too much", make: func() ([]rule, error) { return lossRules(agent.LossSpec{Percent: 101}) }, fails: "101 percent"},
		{name: "a black hole", make: func() ([]rule, error) { return blackHoleRules(agent.BlackHoleSpec{LargerThan: 1000, Peers: mixed}) }, rules: 2},
		{name: "a black hole for everything", make: func() ([]rule, error) { return blackHoleRules(agent.BlackHoleSpec{LargerThan: 60}) }, fails: "100 is the least"},
		{name: "a flap: the cut, and the jump to it", make: func() ([]rule, error) {
			return flapRules(agent.FlapSpec{Down: time.Second, Up: time.Second})
		}, rules: 2},
		{name: "a flutter", make: func() ([]rule, error) { return flapRules(agent.FlapSpec{Down: time.Millisecond, Up: time.Second}) }, fails: "shortest"},
		{name: "a name is no address", make: func() ([]rule, error) { return lossRules(agent.LossSpec{Percent: 1, Peers: []string{"m1"}}) }, fails: "peer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rules, err := c.make()
			if c.fails != "" {
				require.ErrorContains(t, err, c.fails)
				return
			}
			require.NoError(t, err)
			require.Len(t, rules, c.rules)
			first, ok := rules[0].parts[0].exprs[0].(*expr.Meta)
			require.True(t, ok)
			assert.Equal(t, expr.MetaKeyIIFNAME, first.Key, "the loopback is spared before anything else")
		})
	}
}

func TestLatencyIsChecked(t *testing.T) {
	peer := []agent.Peer{{Name: "m2", Address: "192.0.2.2"}}
	for fails, spec := range map[string]agent.LatencySpec{
		"no delay": {Peers: peer}, "more than the delay": {Delay: time.Second, Jitter: 2 * time.Second, Peers: peer}, "no peer": {Delay: time.Second},
	} {
		_, err := latencyPeers(spec)
		require.ErrorContains(t, err, fails)
	}
	from, err := latencyPeers(agent.LatencySpec{Delay: time.Second, Peers: peer})
	require.NoError(t, err)
	require.Equal(t, []string{"192.0.2.2"}, from)
	from, err = latencyPeers(agent.LatencySpec{Delay: time.Second, Peers: peer, Everything: true})
	require.NoError(t, err)
	require.Empty(t, from, "the peers are only measured with")
}

// queued is a message of the kernel about a packet.
func queued(t *testing.T, id uint32) []byte {
	t.Helper()
	attrs, err := netlink.MarshalAttributes([]netlink.Attribute{
		{Type: nfqaPacketHeader, Data: append(be32(id), 0x08, 0x00, 1, 0)}, {Type: 5, Data: be32(2)},
	})
	require.NoError(t, err)
	data := append([]byte{unix.AF_INET, unix.NFNETLINK_V0, 0xfd, 0}, attrs...)
	m := netlink.Message{Header: netlink.Header{Type: unix.NFNL_SUBSYS_QUEUE<<8 | nfqPacket, Length: uint32(unix.NLMSG_HDRLEN + len(data))}, Data: data}
	out, err := m.MarshalBinary()
	require.NoError(t, err)
	return out
}

func TestPacketsOfAQueue(t *testing.T) {
	require.Equal(t, []uint32{7, 8}, packetIDs(append(queued(t, 7), queued(t, 8)...)))
	require.Equal(t, []uint32{7}, packetIDs(append(queued(t, 7), queued(t, 8)[:20]...)), "what is cut off is left out")
	other := queued(t, 9)
	binary.NativeEndian.PutUint16(other[4:], unix.NLMSG_ERROR)
	require.Empty(t, packetIDs(other))
	require.Empty(t, packetIDs(nil))
}

func TestHowWellADelayWasHeld(t *testing.T) {
	q := &delayQueue{delay: 100 * time.Millisecond}
	require.Empty(t, q.says())
	due := func(ms int64) heldPacket {
		return heldPacket{got: (ms - 100) * int64(time.Millisecond), due: ms * int64(time.Millisecond)}
	}
	q.account([]heldPacket{due(1000)}, 1000*int64(time.Millisecond), false)
	q.account([]heldPacket{due(2000)}, 2004*int64(time.Millisecond), false)
	q.account([]heldPacket{due(9000)}, 2004*int64(time.Millisecond), true)
	require.Equal(t, "2 packets held for 102.0 ms on average, 1 of them more than 1.0 ms too long, the worst by 4.0 ms", q.says())
}

func TestRates(t *testing.T) {
	require.Error(t, limitable(agent.BandwidthSpec{BitsPerSecond: 7999}))
	require.NoError(t, limitable(agent.BandwidthSpec{BitsPerSecond: 8000}))
	require.Equal(t, "1 Mbit/s", bitRate(1_000_000))
	require.Equal(t, "1500 kbit/s", bitRate(1_500_000))
}

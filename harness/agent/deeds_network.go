package agent

import "time"

// Peer is another node, as a node sees it.
type Peer struct {
	Name    string `json:"name"`
	Address string `json:"address"`
}

// LatencySpec delays every packet that arrives from the peers, so that each round trip with them takes so much longer.
type LatencySpec struct {
	Delay time.Duration `json:"delay_ns"`
	// Jitter varies the delay by up to so much, either way, evenly. Packets stay in their order, as on one line.
	Jitter time.Duration `json:"jitter_ns,omitempty"`
	// Peers are delayed, and some of them answer the round trips by which the delay is measured.
	Peers []Peer `json:"peers"`
	// Everything delays all others too, but never the loopback: the peers are then only measured with.
	Everything bool `json:"everything,omitempty"`
}

// Kind implements Deed.
func (LatencySpec) Kind() string { return "latency" }

// LossSpec drops a random part of the packets that arrive.
type LossSpec struct {
	Percent float64  `json:"percent"`         // above 0, at most 100
	Peers   []string `json:"peers,omitempty"` // addresses that the packets come from; empty means everybody
}

// Kind implements Deed.
func (LossSpec) Kind() string { return "loss" }

// BandwidthSpec limits what the node's interfaces send and receive, each by itself.
type BandwidthSpec struct {
	BitsPerSecond uint64 `json:"bits_per_second"`
	// Police drops what arrives above the rate in place of queueing it; it is what happens anyway where the kernel has
	// no intermediate functional block (ifb).
	Police bool `json:"police,omitempty"`
}

// Kind implements Deed.
func (BandwidthSpec) Kind() string { return "bandwidth" }

// FlapSpec stops all packets that arrive from the peers for Down, lets them pass for Up, and so on until the heal. It
// begins with Down.
type FlapSpec struct {
	Down  time.Duration `json:"down_ns"`
	Up    time.Duration `json:"up_ns"`
	Peers []string      `json:"peers,omitempty"` // addresses; empty means everybody
}

// Kind implements Deed.
func (FlapSpec) Kind() string { return "flap" }

// BlackHoleSpec swallows packets that are too large, without the ICMP message that would tell their sender.
type BlackHoleSpec struct {
	LargerThan uint32   `json:"larger_than"`     // bytes of an IP packet
	Peers      []string `json:"peers,omitempty"` // addresses that they come from; empty means everybody
}

// Kind implements Deed.
func (BlackHoleSpec) Kind() string { return "black hole" }

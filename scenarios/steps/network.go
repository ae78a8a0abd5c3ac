package steps

import (
	"context"
	"time"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/injectors"
	"github.com/firedrill/firedrill/scenarios"
)

var networkForms = []Form{
	{
		Form: `the network of TARGET has DURATION latency`, Means: "every round trip with the others takes so much longer; not those among the targets", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target string, dur time.Duration) error {
			return d.Inject(ctx, text(ctx), "net.latency", target, injectors.LatencyParams{LatencyMS: record.MS(dur)})
		},
	},
	{
		Form: `the network of TARGET has DURATION latency with DURATION jitter`, Means: "which varies by up to so much either way", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target string, dur, jitter time.Duration) error {
			return d.Inject(ctx, text(ctx), "net.latency", target, injectors.LatencyParams{LatencyMS: record.MS(dur), JitterMS: record.MS(jitter)})
		},
	},
	{
		Form: `the network of TARGET loses PERCENT of its packets`, Means: "at random, both ways", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target, share string) error {
			return d.Inject(ctx, text(ctx), "net.loss", target, injectors.LossParams{Percent: percent(share)})
		},
	},
	{Form: `the network of TARGET is limited to NUMBER megabit(s) per second`, Means: "what it sends, and what it receives", NeedsTopology: true, Handler: limited(1000)},
	{Form: `the network of TARGET is limited to NUMBER kilobit(s) per second`, Means: "what it sends, and what it receives", NeedsTopology: true, Handler: limited(1)},
	{
		Form: `the network of TARGET flaps, DURATION down and DURATION up`, Means: "again and again until it is healed, beginning with down", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target string, down, up time.Duration) error {
			return d.Inject(ctx, text(ctx), "net.flap", target, injectors.FlapParams{DownMS: record.MS(down), UpMS: record.MS(up)})
		},
	},
	{
		Form: `the network of TARGET swallows packets larger than NUMBER byte(s)`, Means: "both ways, and tells nobody: an MTU black hole", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target string, size int) error {
			return d.Inject(ctx, text(ctx), "net.mtu", target, params{"larger_than": size})
		},
	},
	{
		Form: `the network of TARGET is a ring`, Means: "each reaches only its two neighbours, in the order named; four or more", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target string) error {
			return d.Inject(ctx, text(ctx), "net.ring", target, nil)
		},
	},
	{
		Form: `DNS is blocked for TARGET`, Means: "no answer of a DNS server arrives there", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target string) error {
			return d.Inject(ctx, text(ctx), "dns.blocked", target, nil)
		},
	},
	{
		Form: `TARGET is partitioned from TARGET and is refused`, Means: "both ways, with a reset in place of silence", NeedsTopology: true,
		Handler: func(ctx context.Context, d *scenarios.Drill, target, peers string) error {
			return d.Cut(ctx, text(ctx), target, peers, injectors.PartitionParams{Direction: injectors.BothWays, Action: agent.Refuse})
		},
	},
	{Form: `TARGET is partitioned from TARGET on port NUMBER`, Means: "both ways, that port of either side only, in silence", NeedsTopology: true, Handler: partitionedPort(agent.Drop)},
	{Form: `TARGET is partitioned from TARGET on port NUMBER and is refused`, Means: "both ways, that port of either side only, with a reset", NeedsTopology: true, Handler: partitionedPort(agent.Refuse)},
	{Form: `the network of TARGET is whole again`, Means: "every fault of a network there is healed", NeedsTopology: true, Handler: heals(injectors.Whole)},
}

func limited(kilobits uint64) any {
	return func(ctx context.Context, d *scenarios.Drill, target string, number int) error {
		return d.Inject(ctx, text(ctx), "net.bandwidth", target, injectors.BandwidthParams{KilobitsPerSecond: uint64(number) * kilobits})
	}
}

func partitionedPort(action string) any {
	return func(ctx context.Context, d *scenarios.Drill, target, peers string, port int) error {
		if port < 1 || port > 65535 {
			return errPort(port)
		}
		return d.Cut(ctx, text(ctx), target, peers, injectors.PartitionParams{
			Direction: injectors.BothWays, Action: action, Ports: []uint16{uint16(port)},
		})
	}
}

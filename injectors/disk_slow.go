package injectors

import (
	"fmt"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
)

// DiskSlowParams are the parameters of disk.slow. When both are left out, both have their defaults; when one is given,
// the other is not slowed.
type DiskSlowParams struct {
	WriteMS float64 `json:"write_ms,omitempty"`
	SyncMS  float64 `json:"sync_ms,omitempty"`
}

// A disk at the end of its strength, say a cloud volume whose burst credits are used up: 20 writes a second a thread,
// and a sync that takes as long as four of them.
const (
	slowWriteMS = 50
	slowSyncMS  = 200
	slowestMS   = 60_000
)

var diskSlowDoc = Doc{
	Summary: "the disk of a node's data is slow: each write and each sync takes some time longer",
	Targets: shimTargets,
	Params: []Param{
		{Name: "write_ms", Meaning: "milliseconds that each write takes longer", Default: "50 when neither is given, else 0"},
		{Name: "sync_ms", Meaning: "milliseconds that each fsync and its like takes longer", Default: "200 when neither is given, else 0"},
	},
	Proof: "writes and syncs that were slowed",
	Heal:  "calls are quick again at once; those that wait go on within 10 milliseconds",
	Limits: shimLimits + ". Each thread waits for itself: there is no queue before the disk. The shipped MySQL topologies do not " +
		"sync for every commit: a drill of a slow sync sets sync_binlog and innodb_flush_log_at_trx_commit to 1",
	Fittings: []harness.Fitting{harness.FitShim},
}

func newDiskSlow(p DiskSlowParams) (Fault, error) {
	if p.WriteMS < 0 || p.SyncMS < 0 || p.WriteMS > slowestMS || p.SyncMS > slowestMS {
		return nil, fmt.Errorf("write_ms %g, sync_ms %g: from 0 to %d (a minute)", p.WriteMS, p.SyncMS, slowestMS)
	}
	if p.WriteMS == 0 && p.SyncMS == 0 {
		p.WriteMS, p.SyncMS = slowWriteMS, slowSyncMS
	}
	return onTargets{p, agent.DiskSpec{WriteDelay: milliseconds(p.WriteMS), SyncDelay: milliseconds(p.SyncMS)}}, nil
}

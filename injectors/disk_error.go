package injectors

import (
	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
)

// DiskErrorParams are the parameters of disk.error.
type DiskErrorParams struct {
	SyncOnly bool `json:"sync_only,omitempty"`
}

var diskErrorDoc = Doc{
	Summary: "the disk of a node's data fails: writes and syncs end with an I/O error (EIO)",
	Targets: shimTargets,
	Params: []Param{
		{Name: "sync_only", Meaning: "only fsync and its like fail, as on a disk behind a cache that takes everything", Default: "false"},
	},
	Proof:    "writes and syncs that were failed",
	Heal:     shimHeal,
	Limits:   shimLimits + ". Reads do not fail",
	Fittings: []harness.Fitting{harness.FitShim},
}

func newDiskError(p DiskErrorParams) (Fault, error) {
	spec := agent.DiskSpec{Write: agent.ErrnoIO, Sync: agent.ErrnoIO}
	if p.SyncOnly {
		spec.Write = ""
	}
	return onTargets{p, spec}, nil
}

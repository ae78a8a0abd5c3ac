package injectors

import (
	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
)

// DiskReadOnlyParams are the parameters of disk.readonly: there are none.
type DiskReadOnlyParams struct{}

// What all faults of the shim share in their docs.
const (
	shimTargets = "nodes whose processes keep data and call libc for it: databases, Orchestrators (their SQLite file); etcd is a " +
		"Go program and out of reach"
	shimHeal   = "the errors end with the next call; a process that had ended under the fault is started again"
	shimLimits = "calls are met between the program and libc (LD_PRELOAD), on files of the data directory only: not what goes through " +
		"a memory map or stdio's buffer, nor programs that make system calls themselves, which the check tells. MySQL runs " +
		"without native asynchronous I/O on nodes that are fitted for it"
)

var diskReadOnlyDoc = Doc{
	Summary:  "the file system of a node's data becomes read-only, as ext4 does after an error (errors=remount-ro): every change of it fails with EROFS, reads go on",
	Targets:  shimTargets,
	Params:   []Param{},
	Proof:    "writes, syncs and changes of files that were failed",
	Heal:     shimHeal,
	Limits:   shimLimits,
	Fittings: []harness.Fitting{harness.FitShim},
}

func newDiskReadOnly(p DiskReadOnlyParams) (Fault, error) {
	return onTargets{p, agent.DiskSpec{Write: agent.ErrnoReadOnly, Sync: agent.ErrnoReadOnly, Change: agent.ErrnoReadOnly}}, nil
}

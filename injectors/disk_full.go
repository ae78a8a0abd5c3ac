package injectors

import (
	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
)

// DiskFullParams are the parameters of disk.full: there are none.
type DiskFullParams struct{}

var diskFullDoc = Doc{
	Summary: "the volume of a node's data is full to the last byte, and stays so: what others free is taken at once",
	Targets: "nodes that keep data: databases, etcd members, Orchestrators",
	Params:  []Param{},
	Proof:   "the file system has 0 bytes free",
	Heal:    "the file that fills it is removed, and a process that had ended under the fault is started again",
	Limits: "only a volume of its own of at most 2 GiB is filled. What a database has allocated in advance it can still write. " +
		"MySQL looks only every 60 seconds whether there is room again: its writes may hang for so long after the heal. " +
		"The volume is in memory: a node with a limit of its own on memory may hit that first",
	Fittings: []harness.Fitting{harness.FitVolume},
}

func newDiskFull(p DiskFullParams) (Fault, error) { return onTargets{p, agent.FillSpec{}}, nil }

// Emptied matches what `the disk of TARGET has room again` heals.
func Emptied(targets ...string) Match { return Match{Faults: []string{"disk.full"}, Targets: targets} }

// Mended matches what `the disk of TARGET works again` heals.
func Mended(targets ...string) Match {
	return Match{Faults: []string{"disk.full", "disk.readonly", "disk.slow", "disk.error"}, Targets: targets}
}

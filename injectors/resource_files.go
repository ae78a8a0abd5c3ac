package injectors

import (
	"errors"

	"github.com/firedrill/firedrill/harness/agent"
)

// FilesParams are the parameters of resource.files.
type FilesParams struct {
	Process string `json:"process,omitempty"`
	Limit   int64  `json:"limit,omitempty"`
}

// filesLimit is below what any server has open when it has started: nothing can be opened any more.
const filesLimit = 4

var resourceFilesDoc = Doc{
	Summary: "a process may open no more files: new connections cannot be accepted, new tables cannot be opened, what is open goes on",
	Targets: "the nodes",
	Params: []Param{
		{Name: "process", Meaning: "the process", Default: "the node's main one, its database"},
		{Name: "limit", Meaning: "the soft limit of open files while the fault is in force", Default: "4"},
	},
	Proof: "the limit that the kernel says the process has, and how many files it has open",
	Heal:  "the limit is what it was, for the process and all that it has forked; a process that has ended for want of files is started again",
	Limits: "the soft limit only (RLIMIT_NOFILE), of the process and its descendants; a process that restarts has its old limit. " +
		"Clients are not refused: the kernel accepts for a server that cannot",
}

func newResourceFiles(p FilesParams) (Fault, error) {
	if p.Limit < 0 {
		return nil, errors.New("limit: no number of files is negative")
	}
	if p.Limit == 0 {
		p.Limit = filesLimit
	}
	return onTargets{p, agent.FilesSpec{Process: p.Process, Limit: uint64(p.Limit)}}, nil
}

// Unlimited matches what `TARGET has file descriptors again` heals.
func Unlimited(targets ...string) Match {
	return Match{Faults: []string{"resource.files"}, Targets: targets}
}

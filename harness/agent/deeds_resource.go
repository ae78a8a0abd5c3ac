package agent

// CPUSpec leaves a node's processes only a share of the time: the rest of each period they are stopped, as the quota
// of a control group would stop them.
type CPUSpec struct {
	Share float64 `json:"share"` // percent of the time
}

// Kind implements Deed.
func (CPUSpec) Kind() string { return "cpu" }

// MemorySpec takes a node's memory, up to the limit of its control group.
type MemorySpec struct {
	// Leave is how many bytes are left to the others.
	Leave int64 `json:"leave"`
	// Kill takes all there is, until the kernel kills the process named by Process (empty: the node's main one), which
	// is then held down.
	Kill    bool   `json:"kill,omitempty"`
	Process string `json:"process,omitempty"`
}

// Kind implements Deed.
func (MemorySpec) Kind() string { return "memory" }

// ConnectionsSpec takes and holds all connections that a database grants to a login.
type ConnectionsSpec struct {
	Database Database `json:"database"`
}

// Kind implements Deed.
func (ConnectionsSpec) Kind() string { return "connections" }

// FilesSpec lowers the soft limit of open files of a process and of all its descendants.
type FilesSpec struct {
	Process string `json:"process,omitempty"` // empty: the node's main one
	Limit   uint64 `json:"limit"`
}

// Kind implements Deed.
func (FilesSpec) Kind() string { return "files" }

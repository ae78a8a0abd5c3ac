package agent

import "time"

// ShimLibrary is where the shim lies in a node that is fitted with it. What the agent starts there runs under it.
const ShimLibrary = "/usr/local/lib/firedrill/shim.so"

// FillSpec leaves no byte free on the volumes that hold the data of the node's processes, until the heal.
type FillSpec struct{}

// Kind implements Deed.
func (FillSpec) Kind() string { return "fill" }

// Errors that a disk gives, by their names.
const (
	ErrnoIO       = "EIO"   // the device failed
	ErrnoReadOnly = "EROFS" // the file system takes no changes
)

// DiskSpec fails or slows what the node's processes do to the files of their data directories. Empty fields leave
// things as they are. It needs the shim.
type DiskSpec struct {
	Write      string        `json:"write,omitempty"`  // error of a write, by its name
	Sync       string        `json:"sync,omitempty"`   // of fsync and its like
	Change     string        `json:"change,omitempty"` // of opening for writing, creating, renaming, removing
	WriteDelay time.Duration `json:"write_delay_ns,omitempty"`
	SyncDelay  time.Duration `json:"sync_delay_ns,omitempty"`
}

// Kind implements Deed.
func (DiskSpec) Kind() string { return "disk" }

// ClockSpec turns the wall clock of the node's processes; what is measured by the monotonic clock goes on. It needs the
// shim.
type ClockSpec struct {
	Ahead time.Duration `json:"ahead_ns,omitempty"` // at once; negative is behind
	// GainPPB is how many nanoseconds the clock gains in each second; negative loses.
	GainPPB int64 `json:"gain_ppb,omitempty"`
}

// Kind implements Deed.
func (ClockSpec) Kind() string { return "clock" }

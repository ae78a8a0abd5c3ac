package agent

import "time"

// CrashLoopSpec kills a process again and again: a supervised one is started again by the agent, whatever its restart
// policy; one that another process manages is killed each time its manager has brought it back.
type CrashLoopSpec struct {
	Process string        `json:"process"`
	After   time.Duration `json:"after_ns"` // how long each incarnation lives
	Every   time.Duration `json:"every_ns"` // from the death of a supervised process to its next start
}

// Kind implements Deed.
func (CrashLoopSpec) Kind() string { return "crash loop" }

// RestartSpec kills a process that comes back after a time on the agent's own clock, whoever else is alive. One that
// another process manages is killed each time it appears, until that time is over.
type RestartSpec struct {
	Process string        `json:"process"`
	After   time.Duration `json:"after_ns"`
}

// Kind implements Deed.
func (RestartSpec) Kind() string { return "restart" }

// RebootSpec cuts the whole node off, kills everything on it, and brings network and processes back after a time on
// the agent's own clock.
type RebootSpec struct {
	After time.Duration `json:"after_ns"`
}

// Kind implements Deed.
func (RebootSpec) Kind() string { return "reboot" }

// PauseSpec stops everything on the node but the agent with SIGSTOP.
type PauseSpec struct{}

// Kind implements Deed.
func (PauseSpec) Kind() string { return "pause" }

// WipeSpec empties the data directories of all processes of the node, which must all be held down. It cannot be undone.
type WipeSpec struct{}

// Kind implements Deed.
func (WipeSpec) Kind() string { return "wipe" }

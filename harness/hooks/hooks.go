// Package hooks carries the scripts that turn a promotion into a change of DNS: one for Orchestrator, one for Patroni,
// and the flip itself over the Linode API; one that saves what MariaDB's replicas have received before Orchestrator
// promotes one; and one that closes a MySQL server which no Orchestrator with a quorum looks after. They are fit for production as they are, and README.md says how.
// A drill installs them on its nodes, so that what is drilled is what users run.
package hooks

import (
	"embed"
	"io/fs"
	"path"
)

//go:embed linode-dns-flip orchestrator-post-failover orchestrator-apply-relay-logs patroni-on-role-change patroni-env-rewrite patroni-common.bash mysql-quorum-fence hook-common.bash
var scripts embed.FS

// Dir is where a drill installs them on its nodes.
const Dir = "/usr/local/lib/firedrill-hooks"

// Names of the scripts, as Files has them.
const (
	LinodeDNSFlip            = "linode-dns-flip"
	OrchestratorPostFailover = "orchestrator-post-failover"
	OrchestratorApplyLogs    = "orchestrator-apply-relay-logs"
	PatroniOnRoleChange      = "patroni-on-role-change"
	PatroniEnvRewrite        = "patroni-env-rewrite"
	MySQLQuorumFence         = "mysql-quorum-fence"
)

// File is one script as it is to be installed.
type File struct {
	Content []byte
	Mode    fs.FileMode
}

// Files gives all scripts by name. They belong into one folder together: the hooks look for the others beside them.
func Files() map[string]File {
	files := map[string]File{}
	entries, _ := scripts.ReadDir(".") // cannot fail: the files are part of the program
	for _, entry := range entries {
		content, _ := scripts.ReadFile(entry.Name())
		mode := fs.FileMode(0o755)
		if path.Ext(entry.Name()) != "" {
			mode = 0o644 // sourced, not run
		}
		files[entry.Name()] = File{Content: content, Mode: mode}
	}
	return files
}

// Run is one line of the log that the hooks write (FIREDRILL_HOOK_LOG): one finished run.
type Run struct {
	Name    string   `json:"name"`    // of the script
	Started float64  `json:"started"` // seconds since the epoch, to the millisecond, on the node's clock
	Ended   float64  `json:"ended"`
	Exit    int      `json:"exit"` // exit codes are in each script's head and in README.md
	Args    []string `json:"args"`
	Action  string   `json:"action"`  // flip, none or refused
	Record  string   `json:"record"`  // the DNS name
	Target  string   `json:"target"`  // the address it was to get
	Cause   string   `json:"cause"`   // what the failover manager said: "DeadMaster", "on_role_change primary"
	Message string   `json:"message"` // why, when it did not flip
}

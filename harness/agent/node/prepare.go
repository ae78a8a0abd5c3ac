package node

import (
	"os"
	"strings"

	"github.com/firedrill/firedrill/harness/agent"
)

// commandLine is what starts a process. Where its data directory is empty a shell prepares it and becomes the process:
// to whoever kills, freezes or waits for it, it is one process from the first moment.
func commandLine(spec agent.Process) []string {
	if len(spec.Prepare) == 0 || !emptyFolder(spec.DataDir) {
		return spec.Argv
	}
	return []string{"/bin/sh", "-c", quoted(spec.Prepare) + " && exec " + quoted(spec.Argv)}
}

// emptyFolder says that a folder has nothing in it, or is not there.
func emptyFolder(path string) bool {
	entries, err := os.ReadDir(path)
	return err == nil && len(entries) == 0 || os.IsNotExist(err)
}

// quoted makes one line for a shell of a command.
func quoted(argv []string) string {
	var words []string
	for _, arg := range argv {
		words = append(words, "'"+strings.ReplaceAll(arg, "'", `'\''`)+"'")
	}
	return strings.Join(words, " ")
}

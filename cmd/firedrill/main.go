// Command firedrill breaks a real database topology on purpose and measures whether its failover kept the promises
// that were made for it. Everything it does is in the packages; here is only the wiring.
package main

import (
	"os"

	"github.com/firedrill/firedrill/harness/agent/node"
)

func main() {
	if os.Getpid() == 1 { // the first process of a container: the agent's parent
		code, err := node.Init(os.Args)
		if err != nil {
			_, _ = os.Stderr.WriteString("firedrill: " + err.Error() + "\n")
		}
		os.Exit(code)
	}
	os.Exit(run(newEnv()))
}

package injectors

import (
	"cmp"
	"errors"

	"github.com/firedrill/firedrill/harness/agent"
)

// CrashLoopParams are the parameters of process.crashloop.
type CrashLoopParams struct {
	Process string  `json:"process"`
	AfterMS float64 `json:"after_ms,omitempty"`
	EveryMS float64 `json:"every_ms,omitempty"`
}

// A server lives long enough in each round to be seen and to be used, and not long enough to be of use. A second is
// what service managers pause by default (systemd's RestartSec is 100 ms, its start limit 5 in 10 s).
const (
	crashAfterMS = 300
	crashEveryMS = 1000
)

var processCrashLoopDoc = Doc{
	Summary: "a process is killed (SIGKILL) a short time after each of its starts, and started again, until the heal",
	Targets: "nodes that run the process",
	Params: []Param{
		{Name: "process", Meaning: "name of the process as the topology declares it: mysqld, mariadbd, orchestrator, patroni, postgres, etcd, haproxy, dns", Required: true},
		{Name: "after_ms", Meaning: "how long each incarnation lives, in milliseconds", Default: "300"},
		{Name: "every_ms", Meaning: "pause between its death and its next start, in milliseconds", Default: "1000"},
	},
	Proof: "how often it was killed so far",
	Heal:  "it is killed no more, and runs",
	Limits: "it is started again whether it has a restart policy or not. A process that another one manages (postgres under " +
		"Patroni) is killed each time it appears: its manager sets the pace, and may give up and hand its role over",
}

func newProcessCrashLoop(p CrashLoopParams) (Fault, error) {
	if p.Process == "" {
		return nil, errors.New("process: no name is given")
	}
	if p.AfterMS < 0 || p.EveryMS < 0 {
		return nil, errors.New("after_ms, every_ms: no time is negative")
	}
	p.AfterMS, p.EveryMS = cmp.Or(p.AfterMS, crashAfterMS), cmp.Or(p.EveryMS, crashEveryMS)
	return onTargets{p, agent.CrashLoopSpec{Process: p.Process, After: milliseconds(p.AfterMS), Every: milliseconds(p.EveryMS)}}, nil
}

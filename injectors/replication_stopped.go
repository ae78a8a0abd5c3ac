package injectors

import (
	"fmt"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/dialect"
)

// Threads of a replica that replication.stopped can stop.
const (
	BothThreads = "both"
	Receiver    = "receiver"
	Applier     = "applier"
)

// StoppedParams are the parameters of replication.stopped.
type StoppedParams struct {
	Thread string `json:"thread,omitempty"`
}

var replicationStoppedDoc = Doc{
	Summary: "replication on a replica is stopped, as by a person who forgot to start it again",
	Targets: "replicas",
	Params: []Param{
		{Name: "thread", Meaning: "what is stopped: receiver, applier or both", Default: BothThreads},
	},
	Proof:  "Replica_IO_Running and Replica_SQL_Running (MariaDB: Slave_...) are No",
	Heal:   "replication is started, unless the node has become a primary meanwhile: the heal says so",
	Limits: "MySQL and MariaDB: Patroni resumes a paused replay at its next look, one loop_wait later at most. Not drilled on a node that is no replica",
}

func newReplicationStopped(p StoppedParams) (Fault, error) {
	thread, ok := map[string]string{"": "", BothThreads: "", Receiver: dialect.Receiver, Applier: dialect.Applier}[p.Thread]
	if !ok {
		return nil, fmt.Errorf("thread: %q is none of %s, %s, %s", p.Thread, Receiver, Applier, BothThreads)
	}
	if p.Thread == BothThreads {
		p.Thread = ""
	}
	return onDatabases{
		params:  p,
		deeds:   inMySQL(func(s speech) agent.SQLSpec { return stopped(s, thread) }),
		without: map[string]string{driverPostgres: "Patroni resumes a paused replay at its next look"},
	}, nil
}

func stopped(s speech, thread string) agent.SQLSpec {
	columns := map[string][]string{
		"": {s.Status.Receiver, s.Status.Applier}, dialect.Receiver: {s.Status.Receiver}, dialect.Applier: {s.Status.Applier},
	}[thread]
	last := s.ofReplica(columns[len(columns)-1])
	runs := not(is(last, "No")) // a receiver may still be connecting
	spec := agent.SQLSpec{
		Needs: []agent.SQLAsk{s.replicates()},
		Apply: []agent.SQLStep{{SQL: []string{"STOP REPLICA" + thread}}},
		Undo: []agent.SQLStep{{
			If: []agent.SQLAsk{s.isReplica()}, Else: replicatesFromNobody + " any more, there is nothing to start",
			SQL: []string{"START REPLICA" + thread}, Until: &runs, Says: last.Column + " is {answer}",
		}},
	}
	for _, c := range columns {
		spec.Seen = append(spec.Seen, saying(is(s.ofReplica(c), "No"), c+" is {answer}"))
	}
	return spec
}

// ReplicationStarted matches what `replication on TARGET is started` heals.
func ReplicationStarted(targets ...string) Match {
	return Match{Faults: []string{"replication.stopped"}, Targets: targets}
}

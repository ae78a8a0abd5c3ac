package injectors

import (
	"fmt"
	"strconv"

	"github.com/firedrill/firedrill/harness/agent"
)

// DelayedParams are the parameters of replication.delayed.
type DelayedParams struct {
	Seconds int `json:"seconds"`
}

var replicationDelayedDoc = Doc{
	Summary: "a replica applies everything late, by a delay that was set on purpose",
	Targets: "replicas",
	Params:  []Param{{Name: "seconds", Meaning: "the delay, in whole seconds", Required: true}},
	Proof:   "SQL_Delay of the replica status",
	Heal:    "the delay is as it was before, and what was held back is applied; on a node that is no replica any more there is none, and the heal says so",
	Limits: "it receives as before: only applying waits. The applier is restarted, so that a stopped or broken one starts. " +
		"MariaDB: the receiver too. Not PostgreSQL: Patroni takes a recovery_min_apply_delay that is not its own back at its next look",
}

func newReplicationDelayed(p DelayedParams) (Fault, error) {
	const day = 24 * 60 * 60
	if p.Seconds < 1 || p.Seconds > day {
		return nil, fmt.Errorf("seconds: %d is not from 1 to %d", p.Seconds, day)
	}
	return onDatabases{
		params:  p,
		deeds:   inMySQL(func(s speech) agent.SQLSpec { return delayed(s, p.Seconds) }),
		without: map[string]string{driverPostgres: "Patroni takes recovery_min_apply_delay back at its next look"},
	}, nil
}

func delayed(s speech, seconds int) agent.SQLSpec {
	set := func(delay string) []string {
		return []string{"STOP REPLICA" + s.DelayThread, s.Delay(delay), "START REPLICA" + s.DelayThread}
	}
	delay := s.ofReplica("SQL_Delay")
	n := strconv.Itoa(seconds)
	return agent.SQLSpec{
		Needs:    []agent.SQLAsk{s.replicates()},
		Remember: map[string]agent.SQLAsk{"before": delay},
		Apply:    []agent.SQLStep{{SQL: set(n)}},
		Seen:     []agent.SQLAsk{saying(is(delay, n), "SQL_Delay is {answer} s")},
		Undo: []agent.SQLStep{{
			If: []agent.SQLAsk{s.isReplica()}, Else: replicatesFromNobody + " any more, nothing is delayed",
			SQL: set("{before}"), Until: ptr(is(delay, "{before}")), Says: "SQL_Delay is {answer} s",
		}},
	}
}

// ReplicationUndelayed matches what `replication on TARGET is no longer delayed` heals.
func ReplicationUndelayed(targets ...string) Match {
	return Match{Faults: []string{"replication.delayed"}, Targets: targets}
}

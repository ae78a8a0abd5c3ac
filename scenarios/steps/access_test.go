package steps_test

import "maps"

func init() {
	maps.Copy(vocabulary, map[string]string{
		`an anonymous client can read from Orchestrator`:                `an anonymous client can read from Orchestrator`,
		`an anonymous client cannot read from Orchestrator`:             `an anonymous client cannot read from Orchestrator`,
		`an anonymous client can write to Orchestrator`:                 `an anonymous client can write to Orchestrator`,
		`an anonymous client cannot write to Orchestrator`:              `an anonymous client cannot write to Orchestrator`,
		`an anonymous load balancer can check Orchestrator`:             `an anonymous load balancer can check Orchestrator`,
		`an anonymous load balancer cannot check Orchestrator`:          `an anonymous load balancer cannot check Orchestrator`,
		`a client as "dba:rescue" can read from Orchestrator`:           `a client as "NAME" can read from Orchestrator`,
		`a client as "dba:wrong" cannot read from Orchestrator`:         `a client as "NAME" cannot read from Orchestrator`,
		`a client as "X-Forwarded-User: dba" can write to Orchestrator`: `a client as "NAME" can write to Orchestrator`,
		`a client as "readonly:x" cannot write to Orchestrator`:         `a client as "NAME" cannot write to Orchestrator`,
		`Orchestrator does not report "LockedSemiSyncMaster"`:           `Orchestrator does not report "NAME"`,
		`the operator ends downtime of the old primary`:                 `the operator ends downtime of TARGET`,
		`the operator recovers the old primary`:                         `the operator recovers TARGET`,
		`the operator disables global recoveries`:                       `the operator disables global recoveries`,
		`the operator enables global recoveries`:                        `the operator enables global recoveries`,
		`the operator has the old primary replicate from the primary`:   `the operator has TARGET replicate from TARGET`,
	})
}

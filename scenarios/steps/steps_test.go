package steps_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cucumber/godog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/scenarios/steps"
)

// vocabulary is what users were promised: one step as they would write it, and the form that takes it.
var vocabulary = map[string]string{
	`the topology "mysql-3"`: `the topology "NAME"`,
	`these settings:`:        `these settings:`,
	`the application writes 100 rows per second through "db.shop.test"`:      `the application writes NUMBER row(s) per second through "NAME"`,
	`the application writes 1 row per second through the endpoint`:           `the application writes NUMBER row(s) per second through the endpoint`,
	`the application retries 5 times, from 1 second, doubling`:               `the application retries NUMBER time(s), from DURATION, doubling`,
	`the application keeps a connection open through "proxy.shop.test"`:      `the application keeps a connection open through "NAME"`,
	`"db.shop.test" has just been cached in every datacenter`:                `"NAME" has just been cached in every datacenter`,
	`"vip.shop.test" leads to the primary within 5 seconds`:                  `"NAME" leads to the [primary|leader] within DURATION`,
	`2 servers hold the virtual address within 10 seconds`:                   `NUMBER server(s) [hold|holds] the virtual address within DURATION`,
	`the connections kept open lead to the primary within 5 seconds`:         `the connections kept open lead to the [primary|leader] within DURATION`,
	`the proxy leads to the Orchestrator leader within 20 seconds`:           `the proxy leads to the Orchestrator leader within DURATION`,
	`the hooks ran in the order "PreFailover, PostFailover"`:                 `the hooks ran in the order "NAME"`,
	`the hook "PostFailover" was given "countReplicas" as "2"`:               `the hook "NAME" was given "NAME" as "NAME"`,
	`the hook "PostFailover" was given "successorHost" as the promoted node`: `the hook "NAME" was given "NAME" as TARGET`,
	`the hook "PreFailover" was given no "ORC_SUCCESSOR_HOST"`:               `the hook "NAME" was given no "NAME"`,
	`the steady state holds`:                                              `the steady state holds`,
	`"mysqld" on the primary is killed`:                                   `"NAME" on TARGET is killed`,
	`"mysqld" on the primary is stopped`:                                  `"NAME" on TARGET is stopped`,
	`"mysqld" on node "m2" is frozen`:                                     `"NAME" on TARGET is frozen`,
	`"mysqld" on the old primary is resumed`:                              `"NAME" on TARGET is resumed`,
	`"mysqld" on the old primary is started`:                              `"NAME" on TARGET is started`,
	`the host of the primary is lost`:                                     `the host of TARGET is lost`,
	`the host of a minority of etcd is lost`:                              `the host of TARGET is lost`,
	`the host of the old primary returns`:                                 `the host of TARGET returns`,
	`datacenter "dc1" is isolated by the provider's firewall`:             `datacenter "NAME" is isolated by the provider's firewall`,
	`datacenter "dc1" is isolated`:                                        `datacenter "NAME" is isolated`,
	`the primary is partitioned from every Orchestrator`:                  `TARGET is partitioned from TARGET`,
	`the primary's datacenter is partitioned from every other node`:       `TARGET is partitioned from TARGET`,
	`every Orchestrator cannot reach the primary`:                         `TARGET cannot reach TARGET`,
	`every Orchestrator cannot reach the primary on port 3306`:            `TARGET cannot reach TARGET on port NUMBER`,
	`a replica cannot reach the primary and is refused`:                   `TARGET cannot reach TARGET and is refused`,
	`nodes "m2, m3" cannot reach the primary on port 3306 and is refused`: `TARGET cannot reach TARGET on port NUMBER and is refused`,
	`at once:`: `at once:`,
	`the operator forces a failover of node "m2"`:                                     `the operator forces a failover of TARGET`,
	`the operator forces a failover of the alias "shop"`:                              `the operator forces a failover of the alias "NAME"`,
	`the operator requests a switchover to node "m2", which fails`:                    `the operator requests a switchover to TARGET, which fails`,
	`the operator relocates nodes "m3, m4" below the primary`:                         `the operator relocates TARGET below TARGET`,
	`node "m2" is not detached from its source`:                                       `TARGET is not detached from its source`,
	`a finding of the report names "must_not"`:                                        `a finding of the report names "NAME"`,
	`no finding of the report names "must_not"`:                                       `no finding of the report names "NAME"`,
	`Orchestrator counts the recovery as a success`:                                   `Orchestrator counts the recovery as a [success|failure]`,
	`node "m2" is detached from its source within 10 seconds`:                         `TARGET is detached from its source within DURATION`,
	`3 times, 2 seconds on and 1 second off: node "m2" cannot reach node "m3"`:        `NUMBER time(s), DURATION on and DURATION off: STEP`,
	`the schedule is over`:                                                            `the schedule is over`,
	`every Orchestrator reaches the primary on port 3306`:                             `TARGET reaches TARGET on port NUMBER`,
	`node "m1" does not reach node "m2" on port 3306`:                                 `TARGET does not reach TARGET on port NUMBER`,
	`the application is refused by node "m2" on port 3306`:                            `TARGET is refused by TARGET on port NUMBER`,
	`a round trip from the application to node "m2" takes at least 100 milliseconds`:  `a round trip from TARGET to TARGET takes at least DURATION`,
	`a round trip from the application to node "m2" takes at most 50 milliseconds`:    `a round trip from TARGET to TARGET takes at most DURATION`,
	`at least 10% of the round trips from the application to node "m2" are lost`:      `at least PERCENT of the round trips from TARGET to TARGET are lost`,
	`at most 1% of the round trips from the application to node "m2" are lost`:        `at most PERCENT of the round trips from TARGET to TARGET are lost`,
	`reading 250 kilobytes from node "m2" takes at least 1 second`:                    `reading NUMBER kilobyte(s) from TARGET takes at least DURATION`,
	`reading 250 kilobytes from node "m2" takes at most 1 second`:                     `reading NUMBER kilobyte(s) from TARGET takes at most DURATION`,
	`a login to node "m2" fails`:                                                      `a login to TARGET fails`,
	`a login to node "m2" fails with "Too many connections"`:                          `a login to TARGET fails with "NAME"`,
	`a login to node "m2" succeeds within 10 seconds`:                                 `a login to TARGET succeeds within DURATION`,
	`node "m2" tells a time at least 5 minutes ahead`:                                 `TARGET tells a time at least DURATION ahead`,
	`node "m2" tells a time at least 5 minutes behind`:                                `TARGET tells a time at least DURATION behind`,
	`node "m2" tells the right time`:                                                  `TARGET tells the right time`,
	`"db.shop.test" resolves to the old primary within 5 seconds in every datacenter`: `"NAME" resolves to TARGET within DURATION in every datacenter`,
	`"db.shop.test" does not resolve`:                                                 `"NAME" does not resolve`,
	`looking "db.shop.test" up takes at least 2 seconds`:                              `looking "NAME" up takes at least DURATION`,
	`"mysqld" on node "m2" runs within 10 seconds`:                                    `"NAME" on TARGET runs within DURATION`,
	`"mysqld" on node "m2" does not run`:                                              `"NAME" on TARGET does not run`,
	`"mysqld" on node "m2" restarts at least 3 times within 10 seconds`:               `"NAME" on TARGET restarts at least NUMBER time(s) within DURATION`,
	`node "m2" stops replicating within 5 seconds`:                                    `TARGET stops replicating within DURATION`,
	`node "m2" replicates within 5 seconds`:                                           `TARGET [replicate|replicates] within DURATION`,
	`node "m2" lags by at least 3 seconds within 10 seconds`:                          `TARGET lags by at least DURATION within DURATION`,
	`node "m2" lags by at most 1 second within 10 seconds`:                            `TARGET lags by at most DURATION within DURATION`,
	`writes are interrupted for at least 5 seconds`:                                   `writes are interrupted for at least DURATION`,
	`the hook "orchestrator-post-failover" failed 1 time`:                             `the hook "NAME" failed NUMBER time(s)`,
	`30 seconds pass`:                                                                               `DURATION [pass|passes]`,
	`1 second passes`:                                                                               `DURATION [pass|passes]`,
	`the operator requests a switchover`:                                                            `the operator requests a switchover`,
	`node "m2" has the promotion rule "prefer"`:                                                     `node "NAME" has the promotion rule "NAME"`,
	`node "m3" replicates from node "m2"`:                                                           `node "NAME" replicates from node "NAME"`,
	`node "m3" replicates from node "m2" within 10 seconds`:                                         `TARGET [replicate|replicates] from TARGET within DURATION`,
	`nodes "m3, m4" replicate from the primary within 10 seconds`:                                   `TARGET [replicate|replicates] from TARGET within DURATION`,
	`the operator forces a failover`:                                                                `the operator forces a failover`,
	`the operator acknowledges the recovery`:                                                        `the operator acknowledges the recovery`,
	`the operator begins downtime of the intermediate primary`:                                      `the operator begins downtime of TARGET`,
	`the Orchestrator leader is in datacenter "dc2" within 10 seconds`:                              `the Orchestrator leader is in datacenter "NAME" within DURATION`,
	`the failover is blocked as flapping`:                                                           `the failover is blocked as flapping`,
	`the operator requests a switchover to node "m2"`:                                               `the operator requests a switchover to TARGET`,
	`all faults are healed`:                                                                         `all faults are healed`,
	`the isolation is healed`:                                                                       `the isolation is healed`,
	`the partition is healed`:                                                                       `the partition is healed`,
	`a new primary is promoted within 10 seconds`:                                                   `a new [primary|leader] is promoted within DURATION`,
	`node "m2" is promoted within 500 milliseconds`:                                                 `TARGET is promoted within DURATION`,
	`the promoted node is in datacenter "dc1"`:                                                      `the promoted node is in datacenter "NAME"`,
	`the promoted node is one of "m2, m3"`:                                                          `the promoted node is one of "NAME"`,
	`the promoted node is not node "m4"`:                                                            `the promoted node is not [node|nodes] "NAME"`,
	`the promoted node is the old primary`:                                                          `the promoted node is the old [primary|leader]`,
	`no failover happens for 2 minutes`:                                                             `no failover happens for DURATION`,
	`exactly 1 failover happens`:                                                                    `exactly NUMBER failover(s) [happens|happen]`,
	`at most 2 failovers happen`:                                                                    `at most NUMBER failover(s) [happens|happen]`,
	`at most 5 acknowledged writes of the application in datacenter "dc2" are lost`:                 `at most NUMBER acknowledged write(s) of the application in datacenter "NAME" [is|are] lost`,
	`acknowledged writes of the application in datacenter "dc1" are lost`:                           `acknowledged writes of the application in datacenter "NAME" are lost`,
	`the application waits 2 seconds for each answer`:                                               `the application waits DURATION for each answer`,
	`the operator has node "e2" lead etcd`:                                                          `the operator has TARGET lead etcd`,
	`exactly 2 failovers happen`:                                                                    `exactly NUMBER failover(s) [happens|happen]`,
	`the recovery time is at most 30 seconds`:                                                       `the recovery time is at most DURATION`,
	`the disk of a replica is full`:                                                                 `the disk of TARGET is full`,
	`the disk of the primary is read-only`:                                                          `the disk of TARGET is read-only`,
	`the disk of every replica is slow`:                                                             `the disk of TARGET is slow`,
	`the disk of node "m2" takes 500 milliseconds to sync`:                                          `the disk of TARGET takes DURATION to sync`,
	`the disk of the Orchestrator leader fails`:                                                     `the disk of TARGET fails`,
	`the disk of the leader fails to sync`:                                                          `the disk of TARGET fails to sync`,
	`the disk of a replica has room again`:                                                          `the disk of TARGET has room again`,
	`the disk of the old primary works again`:                                                       `the disk of TARGET works again`,
	`the clock of the primary jumps by 5 minutes`:                                                   `the clock of TARGET jumps by DURATION`,
	`the clock of a replica jumps back by 90 seconds`:                                               `the clock of TARGET jumps back by DURATION`,
	`the clock of the leader runs 10% fast`:                                                         `the clock of TARGET runs PERCENT fast`,
	`the clock of node "m3" runs 0.5% slow`:                                                         `the clock of TARGET runs PERCENT slow`,
	`the clock of the primary is right again`:                                                       `the clock of TARGET is right again`,
	`the file "/etc/patroni/flip.sh" as "patroni:on_role_change"`:                                   `the file "NAME" as "NAME"`,
	`the callbacks on the old leader were "on_stop primary, on_role_change replica", in this order`: `the callbacks on TARGET were "NAME", in this order`,
	`the recovery time is at most 30 seconds through "proxy.shop.test"`:                             `the recovery time is at most DURATION through "NAME"`,
	`the recovery time is at most 30 seconds for the application in datacenter "dc2"`:               `the recovery time is at most DURATION for the application in datacenter "NAME"`,
	`writes are interrupted for at most 500 milliseconds`:                                           `writes are interrupted for at most DURATION`,
	`no acknowledged write is lost`:                                                                 `no acknowledged write is lost`,
	`at most 20 acknowledged writes are lost`:                                                       `at most NUMBER acknowledged write(s) [is|are] lost`,
	`the data loss window is at most 1 second`:                                                      `the data loss window is at most DURATION`,
	`acknowledged writes are lost`:                                                                  `acknowledged writes are lost`,
	`"db.shop.test" resolves to the primary within 5 seconds`:                                       `"NAME" resolves to the [primary|leader] within DURATION`,
	`the proxy sends writes to the primary within 15 seconds`:                                       `the proxy sends writes to the [primary|leader] within DURATION`,
	`at no time could two nodes acknowledge writes`:                                                 `at no time could two nodes acknowledge writes`,
	`two nodes could acknowledge writes for at most 1 second`:                                       `two nodes could acknowledge writes for at most DURATION`,
	`the old primary stops accepting writes within 10 seconds`:                                      `the old [primary|leader] stops accepting writes within DURATION`,
	`the old primary rejoins as a replica within 1 minute`:                                          `the old [primary|leader] rejoins as a replica within DURATION`,
	`1 replica replicates from the primary within 10 seconds`:                                       `NUMBER replica(s) [replicate|replicates] from the [primary|leader] within DURATION`,
	`2 replicas replicate from the primary within 10 seconds`:                                       `NUMBER replica(s) [replicate|replicates] from the [primary|leader] within DURATION`,
	`no node has errant transactions`:                                                               `no node has errant transactions`,
	`Orchestrator reports "DeadMaster"`:                                                             `Orchestrator reports "NAME"`,
	`the hook "flip" ran once`:                                                                      `the hook "NAME" ran once`,
	`the hook "flip" ran 2 times`:                                                                   `the hook "NAME" ran NUMBER time(s)`,
	`the hook "flip" did not run`:                                                                   `the hook "NAME" did not run`,
	`the drill fails because "no acknowledged write is lost"`:                                       `the drill fails because "NAME"`,
	`semi-synchronous replication waits for 1 replica`:                                              `semi-synchronous replication waits for NUMBER replica(s)`,
	`synchronous replication is on`:                                                                 `synchronous replication is on`,
	`synchronous replication is strict`:                                                             `synchronous replication is strict`,
	`synchronous replication is off`:                                                                `synchronous replication is off`,
	`replication to node "m3" is delayed by 30 seconds`:                                             `replication to TARGET is delayed by DURATION`,
	`replication on a replica is delayed by 1 minute`:                                               `replication on TARGET is delayed by DURATION`,
	`replication on a replica is stopped`:                                                           `replication on TARGET is stopped`,
	`the receiver of a replica is stopped`:                                                          `the receiver of TARGET is stopped`,
	`the applier of every replica is stopped`:                                                       `the applier of TARGET is stopped`,
	`replication on node "m2" is broken`:                                                            `replication on TARGET is broken`,
	`the relay log of a replica is torn`:                                                            `the relay log of TARGET is torn`,
	`a lock on the primary blocks writes`:                                                           `a lock on TARGET blocks writes`,
	`a global lock on the primary blocks writes`:                                                    `a global lock on TARGET blocks writes`,
	`a long transaction on the primary holds its locks`:                                             `a long transaction on TARGET holds its locks`,
	`an errant transaction is written on node "m2"`:                                                 `an errant transaction is written on TARGET`,
	`the primary is set read-only by hand`:                                                          `TARGET is set read-only by hand`,
	`no replica acknowledges semi-synchronous replication`:                                          `no replica acknowledges semi-synchronous replication`,
	`replication on a replica is started`:                                                           `replication on TARGET is started`,
	`replication on every replica is repaired`:                                                      `replication on TARGET is repaired`,
	`replication on node "m2" is no longer delayed`:                                                 `replication on TARGET is no longer delayed`,
	`the lock on the primary is released`:                                                           `the lock on TARGET is released`,
	`the long transaction on the primary is rolled back`:                                            `the long transaction on TARGET is rolled back`,
	`the primary is set writable by hand`:                                                           `TARGET is set writable by hand`,
	`the replicas acknowledge again`:                                                                `the replicas acknowledge again`,

	`the network of the primary's datacenter has 100 milliseconds latency`:                                 `the network of TARGET has DURATION latency`,
	`the network of a replica has 100 milliseconds latency with 20 milliseconds jitter`:                    `the network of TARGET has DURATION latency with DURATION jitter`,
	`the network of node "m2" loses 20% of its packets`:                                                    `the network of TARGET loses PERCENT of its packets`,
	`the network of node "m2" is limited to 1 megabit per second`:                                          `the network of TARGET is limited to NUMBER megabit(s) per second`,
	`the network of node "m2" is limited to 256 kilobits per second`:                                       `the network of TARGET is limited to NUMBER kilobit(s) per second`,
	`the network of node "m2" flaps, 2 seconds down and 3 seconds up`:                                      `the network of TARGET flaps, DURATION down and DURATION up`,
	`the network of node "m2" swallows packets larger than 1000 bytes`:                                     `the network of TARGET swallows packets larger than NUMBER byte(s)`,
	`the network of nodes "m1, m2, m3, o1" is a ring`:                                                      `the network of TARGET is a ring`,
	`DNS is blocked for the application`:                                                                   `DNS is blocked for TARGET`,
	`node "m2" is partitioned from node "m3" and is refused`:                                               `TARGET is partitioned from TARGET and is refused`,
	`node "m2" is partitioned from node "m3" on port 3306`:                                                 `TARGET is partitioned from TARGET on port NUMBER`,
	`node "m2" is partitioned from node "m3" on port 3306 and is refused`:                                  `TARGET is partitioned from TARGET on port NUMBER and is refused`,
	`the operator forces a failover to node "p2"`:                                                          `the operator forces a failover to TARGET`,
	`the operator requests a switchover, which fails`:                                                      `the operator requests a switchover, which fails`,
	`the operator schedules a switchover in 5 seconds, which fails`:                                        `the operator schedules a switchover in DURATION, which fails`,
	`the operator schedules a switchover in 5 seconds`:                                                     `the operator schedules a switchover in DURATION`,
	`the operator schedules a switchover to a replica in 5 seconds`:                                        `the operator schedules a switchover to TARGET in DURATION`,
	`the operator restarts PostgreSQL on every replica`:                                                    `the operator restarts PostgreSQL on TARGET`,
	`the operator has node "o2" lead the Orchestrators`:                                                    `the operator has TARGET lead the Orchestrators`,
	`"db.shop.test" resolves to the leader within 20 seconds for the application in datacenter "dc2"`:      `"NAME" resolves to the [primary|leader] within DURATION for the application in datacenter "NAME"`,
	`the operator pauses automatic failover`:                                                               `the operator pauses automatic failover`,
	`the operator resumes automatic failover`:                                                              `the operator resumes automatic failover`,
	`the operator reinitializes node "p2"`:                                                                 `the operator reinitializes TARGET`,
	`the operator replaces etcd on node "e3"`:                                                              `the operator replaces etcd on TARGET`,
	`the operator has the main cluster follow the standby cluster`:                                         `the operator has the main cluster follow the standby cluster`,
	`the operator sets the dynamic setting "standby_cluster" to "null"`:                                    `the operator sets the dynamic setting "NAME" to "NAME"`,
	`Patroni reports "failsafe mode is active"`:                                                            `Patroni reports "NAME"`,
	`Patroni does not report "role replica"`:                                                               `Patroni does not report "NAME"`,
	`every replica answers 200 to "/replica?lag=1MB" within 5 seconds`:                                     `TARGET [answer|answers] NUMBER to "NAME" within DURATION`,
	`the answer of the leader to "/cluster" has "'pause': true" within 5 seconds`:                          `the answer of TARGET to "NAME" has "NAME" within DURATION`,
	`the operator runs "SELECT pg_switch_wal()" on the leader`:                                             `the operator runs "NAME" on TARGET`,
	`the query "SELECT slot_name FROM pg_replication_slots" on the leader gives "p2,p3" within 10 seconds`: `the query "NAME" on TARGET gives "NAME" within DURATION`,
	`the query "SELECT 1 WHERE false" on every replica gives nothing within 10 seconds`:                    `the query "NAME" on TARGET gives nothing within DURATION`,
	`the network of node "m2" is whole again`:                                                              `the network of TARGET is whole again`,
}

func TestEveryFormTakesItsStepAndNoOther(t *testing.T) {
	used := map[string]bool{}
	for text, form := range vocabulary {
		found := steps.Match(text)
		if assert.Len(t, found, 1, text) {
			assert.Equal(t, form, found[0].Form, text)
			used[found[0].Form] = true
		}
	}
	for _, f := range steps.All() {
		assert.True(t, used[f.Form], "no example of %s", f.Form)
		assert.NotEmpty(t, f.Means, f.Form)
	}
}

// godog looks at a handler's types only when a step is run: here is every one of them.
func TestEveryHandlerFitsItsForm(t *testing.T) {
	for _, f := range steps.All() {
		handler := reflect.TypeOf(f.Handler)
		args := handler.NumIn() - 2
		if strings.HasSuffix(f.Form, ":") {
			args-- // a table
			assert.Equal(t, reflect.TypeFor[*godog.Table](), handler.In(handler.NumIn()-1), f.Form)
		}
		assert.Equal(t, f.Pattern().NumSubexp(), args, f.Form)
	}
}

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"30 seconds": 30 * time.Second, "1 second": time.Second, "500 milliseconds": 500 * time.Millisecond,
		"2 minutes": 2 * time.Minute, "1.5 seconds": 1500 * time.Millisecond,
	} {
		got, err := steps.ParseDuration(text)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	for _, text := range []string{"", "30", "30s", "seconds 30", "30 hours", "-1 seconds x"} {
		_, err := steps.ParseDuration(text)
		assert.ErrorContains(t, err, "is not a duration", text)
	}
}

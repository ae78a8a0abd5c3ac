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
	`the application writes 100 rows per second through "db.shop.test"`: `the application writes NUMBER row(s) per second through "NAME"`,
	`the application writes 1 row per second through the endpoint`:      `the application writes NUMBER row(s) per second through the endpoint`,
	`the application retries 5 times, from 1 second, doubling`:          `the application retries NUMBER time(s), from DURATION, doubling`,
	`the steady state holds`:                                                          `the steady state holds`,
	`"mysqld" on the primary is killed`:                                               `"NAME" on TARGET is killed`,
	`"mysqld" on the primary is stopped`:                                              `"NAME" on TARGET is stopped`,
	`"mysqld" on node "m2" is frozen`:                                                 `"NAME" on TARGET is frozen`,
	`"mysqld" on the old primary is resumed`:                                          `"NAME" on TARGET is resumed`,
	`"mysqld" on the old primary is started`:                                          `"NAME" on TARGET is started`,
	`the host of the primary is lost`:                                                 `the host of TARGET is lost`,
	`the host of a minority of etcd is lost`:                                          `the host of TARGET is lost`,
	`the host of the old primary returns`:                                             `the host of TARGET returns`,
	`datacenter "dc1" is isolated`:                                                    `datacenter "NAME" is isolated`,
	`the primary is partitioned from every Orchestrator`:                              `TARGET is partitioned from TARGET`,
	`the primary's datacenter is partitioned from every other node`:                   `TARGET is partitioned from TARGET`,
	`every Orchestrator cannot reach the primary`:                                     `TARGET cannot reach TARGET`,
	`every Orchestrator cannot reach the primary on port 3306`:                        `TARGET cannot reach TARGET on port NUMBER`,
	`a replica cannot reach the primary and is refused`:                               `TARGET cannot reach TARGET and is refused`,
	`nodes "m2, m3" cannot reach the primary on port 3306 and is refused`:             `TARGET cannot reach TARGET on port NUMBER and is refused`,
	`30 seconds pass`:                                                                 `DURATION [pass|passes]`,
	`1 second passes`:                                                                 `DURATION [pass|passes]`,
	`the operator requests a switchover`:                                              `the operator requests a switchover`,
	`the operator requests a switchover to node "m2"`:                                 `the operator requests a switchover to TARGET`,
	`all faults are healed`:                                                           `all faults are healed`,
	`the isolation is healed`:                                                         `the isolation is healed`,
	`the partition is healed`:                                                         `the partition is healed`,
	`a new primary is promoted within 10 seconds`:                                     `a new [primary|leader] is promoted within DURATION`,
	`node "m2" is promoted within 500 milliseconds`:                                   `TARGET is promoted within DURATION`,
	`the promoted node is in datacenter "dc1"`:                                        `the promoted node is in datacenter "NAME"`,
	`the promoted node is one of "m2, m3"`:                                            `the promoted node is one of "NAME"`,
	`the promoted node is not node "m4"`:                                              `the promoted node is not [node|nodes] "NAME"`,
	`the promoted node is the old primary`:                                            `the promoted node is the old [primary|leader]`,
	`no failover happens for 2 minutes`:                                               `no failover happens for DURATION`,
	`exactly 1 failover happens`:                                                      `exactly NUMBER failover(s) [happens|happen]`,
	`exactly 2 failovers happen`:                                                      `exactly NUMBER failover(s) [happens|happen]`,
	`the recovery time is at most 30 seconds`:                                         `the recovery time is at most DURATION`,
	`the recovery time is at most 30 seconds for the application in datacenter "dc2"`: `the recovery time is at most DURATION for the application in datacenter "NAME"`,
	`writes are interrupted for at most 500 milliseconds`:                             `writes are interrupted for at most DURATION`,
	`no acknowledged write is lost`:                                                   `no acknowledged write is lost`,
	`at most 20 acknowledged writes are lost`:                                         `at most NUMBER acknowledged write(s) [is|are] lost`,
	`the data loss window is at most 1 second`:                                        `the data loss window is at most DURATION`,
	`acknowledged writes are lost`:                                                    `acknowledged writes are lost`,
	`"db.shop.test" resolves to the primary within 5 seconds`:                         `"NAME" resolves to the [primary|leader] within DURATION`,
	`the proxy sends writes to the primary within 15 seconds`:                         `the proxy sends writes to the [primary|leader] within DURATION`,
	`at no time could two nodes acknowledge writes`:                                   `at no time could two nodes acknowledge writes`,
	`two nodes could acknowledge writes for at most 1 second`:                         `two nodes could acknowledge writes for at most DURATION`,
	`the old primary stops accepting writes within 10 seconds`:                        `the old [primary|leader] stops accepting writes within DURATION`,
	`the old primary rejoins as a replica within 1 minute`:                            `the old [primary|leader] rejoins as a replica within DURATION`,
	`1 replica replicates from the primary within 10 seconds`:                         `NUMBER replica(s) [replicate|replicates] from the [primary|leader] within DURATION`,
	`2 replicas replicate from the primary within 10 seconds`:                         `NUMBER replica(s) [replicate|replicates] from the [primary|leader] within DURATION`,
	`no node has errant transactions`:                                                 `no node has errant transactions`,
	`Orchestrator reports "DeadMaster"`:                                               `Orchestrator reports "NAME"`,
	`the hook "flip" ran once`:                                                        `the hook "NAME" ran once`,
	`the hook "flip" ran 2 times`:                                                     `the hook "NAME" ran NUMBER time(s)`,
	`the hook "flip" did not run`:                                                     `the hook "NAME" did not run`,
	`the drill fails because "no acknowledged write is lost"`:                         `the drill fails because "NAME"`,
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

package scenarios

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

// Budgets bound every phase of a drill. They are all here, so that one factor serves slow machines.
type Budgets struct {
	Up       time.Duration // containers started, services joined
	Settle   time.Duration // steady state, every reason named until then
	Baseline time.Duration // how long the application writes before the first fault
	Effect   time.Duration // a fault's effect observed
	Heal     time.Duration // a fault undone and seen to be
	Fault    time.Duration // the longest that a fault is in force: then its agents heal it, whoever else is alive
	Recover  time.Duration // after the last step: writes flow again from every datacenter
	Quiet    time.Duration // how long they must flow before the outage counts as over
	Converge time.Duration // after the heal: one primary, the replicas behind it
	Survey   time.Duration // final state and rows read
	Collect  time.Duration // logs and configurations
	Down     time.Duration // everything removed
}

// FactorVariable names the multiplier for slow machines. It stretches what is waited for at most, never what is held
// or measured.
const FactorVariable = "FIREDRILL_TIME_FACTOR"

// DefaultBudgets are those of a machine with two cores. They are several times what the topologies need (facts:
// mysql-3 stands in 8 s, patroni-3 in 13 s; an old PostgreSQL leader may take a minute to rejoin).
func DefaultBudgets() (Budgets, error) {
	factor := 1.0
	if s := os.Getenv(FactorVariable); s != "" {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || f < 1 || f > 100 {
			return Budgets{}, fmt.Errorf("%s=%q is not a number from 1 to 100", FactorVariable, s)
		}
		factor = f
	}
	up := func(d time.Duration) time.Duration { return time.Duration(float64(d) * factor) }
	return Budgets{
		Up: up(2 * time.Minute), Settle: up(90 * time.Second),
		Baseline: 2 * time.Second, Effect: up(10 * time.Second), Heal: up(30 * time.Second), Fault: up(30 * time.Minute),
		Recover: up(30 * time.Second), Quiet: 2 * time.Second,
		Converge: up(30 * time.Second), Survey: up(60 * time.Second),
		Collect: up(30 * time.Second), Down: up(30 * time.Second),
	}, nil
}

// onMachines are those of virtual machines at a provider: ordered, booted and installed over the network, switched on for a
// heal, and deleted one by one.
func (b Budgets) onMachines() Budgets {
	b.Up, b.Settle, b.Heal, b.Down = 15*b.Up, 2*b.Settle, 15*b.Heal, 10*b.Down
	return b
}

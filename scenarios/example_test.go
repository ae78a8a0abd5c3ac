package scenarios_test

import (
	"testing"
	"time"

	"github.com/firedrill/firedrill/scenarios"
)

// A drill as a team writes it beside its own code: the same words as in a feature file, as methods. It is skipped,
// with the reason, where there is no Docker engine or no Orchestrator.
func TestExample_primaryCrash(t *testing.T) {
	if testing.Short() {
		t.Skip("a drill needs a Docker engine: not under -short")
	}
	ctx := t.Context()
	drill := scenarios.New(t, "mysql-3")

	must(t, drill.Load(100, "db.shop.test"))
	drill.Stand(t)

	must(t, drill.Inject(ctx, "mysqld on the primary is killed", "process.kill", "the primary", map[string]any{"process": "mysqld"}))
	must(t, drill.Expect("a new primary is promoted within 10 seconds", "promotion", map[string]any{"within_ms": 10_000}))
	must(t, drill.AwaitPromotion(ctx, 10*time.Second))
	must(t, drill.Expect("the recovery time is at most 8 seconds", "rto", map[string]any{"max_ms": 8_000}))
	must(t, drill.Expect("at most 5 acknowledged writes are lost", "ledger", map[string]any{"max_lost": 5}))

	judgement := drill.Judge(t)
	t.Logf("RTO %.0f ms, %d of %d acknowledged writes lost", *judgement.RTO.ValueMS, judgement.RPO.Lost, judgement.RPO.Acked)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

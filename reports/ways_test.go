package reports

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/record"
)

func TestRecoveryTimesOfSeveralWaysStandSideBySide(t *testing.T) {
	took := func(vantage, endpoint string, ms float64) record.RTO {
		return record.RTO{Vantage: vantage, Endpoint: endpoint, ValueMS: &ms, ErrorMS: 20}
	}
	d := DrillResult{Scenario: "the leader is lost", Judgement: record.Judgement{RTOs: []record.RTO{
		took("dc1", "direct", 2000), took("dc1", "proxy.shop.test", 15000), took("dc2", "direct", 2100), {Vantage: "dc2", Endpoint: "proxy.shop.test", Uninterrupted: true},
	}}}
	w := waysOf(d.RTOs)
	require.Equal(t, []string{"direct", "proxy.shop.test"}, w.Endpoints)
	require.Len(t, w.Rows, 2)
	assert.InDelta(t, 2100, *w.Rows[1].Cells[0].ValueMS, 0)

	var b strings.Builder
	mdWays(&b, Report{Drills: []DrillResult{d, {Scenario: "one way", Judgement: record.Judgement{RTOs: []record.RTO{took("dc1", "", 900)}}}}})
	text := strings.ReplaceAll(b.String(), nbsp, " ")
	assert.Contains(t, text, "| Application in | direct | proxy.shop.test |\n|:--|--:|--:|\n| dc1 | 2.00 s ± 0.02 s | 15.00 s ± 0.02 s |\n")
	assert.Contains(t, text, "| dc2 | 2.10 s ± 0.02 s | no interruption |\n")
	assert.NotContains(t, text, "one way")
	assert.Equal(t, "dc1 through direct", vantage(&d.RTOs[0]))
}

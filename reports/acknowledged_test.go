package reports

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/record"
)

func TestThePageSaysWhoAcknowledgedInEachDatacenter(t *testing.T) {
	d := lostDrill()
	rows, more := ackRows(Build(sampleMeta(), []Drill{d}).Drills[0])
	require.Len(t, rows, 4)
	assert.Zero(t, more)
	assert.Equal(t, "+13.40"+nbsp+"s", rows[1].From.At, "from the fault")
	assert.Zero(t, rows[1].BesideMS)
	assert.True(t, rows[0].SomeLost)
	assert.False(t, rows[1].SomeLost)

	d.Judgement.Acknowledged[0].ToMS = 25000 // the dark side goes on
	rows, _ = ackRows(Build(sampleMeta(), []Drill{d}).Drills[0])
	assert.InDelta(t, 1600, rows[0].BesideMS, 0)
	assert.InDelta(t, 1470, rows[3].BesideMS, 0, "in another datacenter")
	page := string(render(t, "report.html", Build(sampleMeta(), []Drill{d}), []Drill{d}))
	assert.Contains(t, page, "Who acknowledged")
	assert.Contains(t, strings.ReplaceAll(page, nbsp, " "), `<td class="n bad">1.60 s</td>`)

	for range mostStretches {
		d.Judgement.Acknowledged = append(d.Judgement.Acknowledged, record.Acknowledged{Vantage: "dc1", Node: "m2"})
	}
	page = string(render(t, "report.html", Build(sampleMeta(), []Drill{d}), []Drill{d}))
	assert.Contains(t, page, "4 more had no room")
	assert.Contains(t, page, "not known", "nobody read the rows")
}

package verifiers

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/record"
)

// severalWays is a failover that an application of each datacenter lives through by a name and by a proxy, which is a
// second later.
func severalWays() *history {
	h := bare()
	h.Manifest.Workload.Ways = []record.Way{{Endpoint: "proxy.shop.test", Tick: tick}, {Endpoint: "db.shop.test", Tick: tick}}
	h.Manifest.Workload.Endpoint = "proxy.shop.test"
	for _, v := range []string{"dc1", "dc2"} {
		for _, w := range []struct {
			endpoint string
			back     time.Duration
		}{{"db.shop.test", recover2}, {"proxy.shop.test", recover2 + time.Second}} {
			first := len(h.Ops)
			h.writes(v, 0, end, serving("m2", span{struckAt, w.back}))
			for i := range h.Ops[first:] {
				h.Ops[first+i].Endpoint = w.endpoint
			}
		}
	}
	return h.final("m2", nil)
}

func TestRTOByEndpoint(t *testing.T) {
	unwritten := severalWays()
	unwritten.Manifest.Workload.Ways = append(unwritten.Manifest.Workload.Ways, record.Way{Endpoint: "vip.shop.test", Tick: tick})
	check(t, "rto", []scenario{
		{"the worst of all", severalWays(), `{"max_ms":2500}`, record.Failed, "3.002 s +/- 15 ms in dc1 through proxy.shop.test"},
		{"through the quicker one", severalWays(), `{"max_ms":2500,"through":"db.shop.test"}`, record.Passed, "2.002 s"},
		{"through the slower one", severalWays(), `{"max_ms":2500,"through":"proxy.shop.test"}`, record.Failed, "3.002 s"},
		{"in one datacenter", severalWays(), `{"max_ms":2500,"through":"proxy.shop.test","vantage":"dc2"}`, record.Failed, "in dc2 through proxy.shop.test"},
		{"through one that nobody took", severalWays(), `{"max_ms":9000,"through":"far.shop.test"}`, record.Inconclusive, "through that"},
		{"one through which nothing came", unwritten, `{"max_ms":9000}`, record.Inconclusive, "made no writes"},
		{"a record with one way, by its name", failover(), `{"max_ms":2500,"through":"db.shop.test"}`, record.Passed, "2.002 s"},
		{"a record with one way, by another", failover(), `{"max_ms":2500,"through":"proxy.shop.test"}`, record.Inconclusive, "through that"},
	})
	check(t, "interruption", []scenario{
		{"of any way", severalWays(), `{"max_ms":2500}`, record.Failed, "through proxy.shop.test"},
	})
}

func TestTheReportHasAFigureForEachWay(t *testing.T) {
	h := severalWays().expect("by name", "rto", `{"max_ms":2500,"through":"db.shop.test"}`, struckAt).
		expect("all", "rto", `{"max_ms":8000}`, struckAt)
	j := Judge(h.run())
	require.Equal(t, record.Passed, j.Verdict)
	require.Len(t, j.RTOs, 4)
	got := map[string]float64{}
	for _, r := range j.RTOs {
		got[r.Vantage+" "+r.Endpoint] = *r.ValueMS
		flipped := false
		for _, p := range r.Phases {
			flipped = flipped || p.Name == "endpoint_flipped"
		}
		assert.Equal(t, r.Endpoint == "db.shop.test", flipped, "only that one was looked at")
		want := 8000.0
		if r.Endpoint == "db.shop.test" {
			want = 2500
		}
		assert.InDelta(t, want, *r.TargetMS, 0, r.Endpoint)
	}
	assert.Equal(t, map[string]float64{
		"dc1 db.shop.test": 2002, "dc2 db.shop.test": 2002, "dc1 proxy.shop.test": 3002, "dc2 proxy.shop.test": 3002,
	}, got)
	assert.Equal(t, "proxy.shop.test", j.RTO.Endpoint, "the worst")
	assert.InDelta(t, 8000, *j.RTO.TargetMS, 0, "a promise of one way says nothing of the worst")

	old := Judge(failover().expect("all", "rto", `{"max_ms":8000}`, struckAt).run())
	require.Len(t, old.RTOs, 2)
	assert.Empty(t, old.RTO.Endpoint, "a record with one way is judged as it always was")
}

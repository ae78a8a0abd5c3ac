package verifiers

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/record"
)

func TestObserved(t *testing.T) {
	for name, c := range map[string]struct {
		params, value string
		want          record.Verdict
	}{
		"a figure that is enough":             {`{"look":"l1","min":100}`, "103.5", record.Passed},
		"a fault that did nothing":            {`{"look":"l1","min":100}`, "0.2", record.Failed},
		"too much":                            {`{"look":"l1","max":5}`, "5.1", record.Failed},
		"between":                             {`{"look":"l1","min":1,"max":5}`, "5", record.Passed},
		"not a figure":                        {`{"look":"l1","min":1}`, "refused", record.Inconclusive},
		"NaN keeps no bound":                  {`{"look":"l1","max":1}`, "NaN", record.Failed},
		"the word":                            {`{"look":"l1","is":"silence"}`, "silence", record.Passed},
		"another word":                        {`{"look":"l1","is":"silence"}`, "connected", record.Failed},
		"a part of what was said":             {`{"look":"l1","has":"Too many connections"}`, "Error 1040: Too many connections", record.Passed},
		"something else was said":             {`{"look":"l1","has":"Too many connections"}`, "ok", record.Failed},
		"the look of another step is no look": {`{"look":"l2","is":"silence"}`, "silence", record.Inconclusive},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := New(record.Expectation{Verifier: "observed", Params: json.RawMessage(c.params)})
			require.NoError(t, err)
			run := &record.Run{Events: []record.Event{{Kind: record.KindObserved, Msg: c.value, Attrs: map[string]string{"look": "l1", "value": c.value}}}}
			require.Equal(t, c.want, v.Verify(run).Status)
		})
	}
	require.ErrorContains(t, Check("observed", json.RawMessage(`{"look":"l1"}`)), "give a bound")
	require.ErrorContains(t, Check("observed", json.RawMessage(`{"min":1}`)), "look")
}

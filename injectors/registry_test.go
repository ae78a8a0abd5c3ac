package injectors

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

type sampleParams struct {
	Size int `json:"size,omitempty"`
}

func TestRegister(t *testing.T) {
	doc := Doc{Params: []Param{{Name: "size"}}}
	make := func(sampleParams) (Fault, error) { return noop{}, nil }
	r := NewRegistry()
	Register(r, "b", doc, make)
	Register(r, "a", doc, make)
	require.Equal(t, []string{"a", "b"}, []string{r.List()[0].Name, r.List()[1].Name})
	require.PanicsWithValue(t, "two faults are named a", func() { Register(r, "a", doc, make) })
	require.Panics(t, func() { Register(r, "c", Doc{}, make) }, "a parameter without a doc")
	require.Panics(t, func() { Register(r, "c", Doc{Params: []Param{{Name: "size"}, {Name: "sise"}}}, make) }, "a doc without a parameter")

	for _, good := range []string{"", "null", "{}", `{"size": 3}`} {
		_, err := r.Make("a", json.RawMessage(good))
		require.NoError(t, err, good)
	}
	for _, bad := range []string{`{"sise": 3}`, `{"size": "3"}`, `{} {}`, `[`, `{"size": 3`} {
		_, err := r.Make("a", json.RawMessage(bad))
		require.ErrorContains(t, err, "parameters of a: ", bad)
	}
	_, err := r.Make("d", nil)
	require.EqualError(t, err, `there is no fault "d"; there are: a, b`)
}

func FuzzMakeNeverPanics(f *testing.F) {
	f.Add("process.kill", []byte(`{"process":"mysqld"}`))
	f.Add("net.partition", []byte(`{"peers":["m1"],"ports":[3306],"action":"refuse"}`))
	f.Add("datacenter.isolation", []byte(`{"datacenter":"dc1","addresses":{"m1":"::1"}}`))
	f.Fuzz(func(t *testing.T, name string, params []byte) {
		fault, err := Builtin().Make(name, params)
		if (fault == nil) == (err == nil) {
			t.Fatalf("a fault or an error, not %v and %v", fault, err)
		}
	})
}

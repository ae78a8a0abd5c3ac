package record_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/record"
)

func recorded(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "drill")
	rec, err := record.Create(dir)
	require.NoError(t, err)
	var writers sync.WaitGroup
	for v := range 4 {
		writers.Go(func() {
			for i := range 100 {
				rec.Op(record.Op{ID: int64(v*1000 + i), Start: time.Duration(i) * time.Millisecond, Outcome: record.Acked})
			}
		})
	}
	writers.Wait()
	rec.Event(record.Event{T: 2, Kind: record.KindNote, Msg: "second"})
	rec.Event(record.Event{T: 1, Kind: record.KindNote, Msg: "first"})
	require.NoError(t, rec.Fault(record.FaultStep{ID: "f1", State: record.FaultInjecting}))
	require.NoError(t, rec.WriteManifest(record.Manifest{DrillID: "d", Completed: true}))
	require.NoError(t, rec.Close())
	rec.Event(record.Event{Msg: "after the end"}) // dropped, not a panic
	return dir
}

func TestWhatIsRecordedIsReadBackInOrder(t *testing.T) {
	run, err := record.Load(recorded(t))
	require.NoError(t, err)
	assert.Len(t, run.Ops, 400)
	for i := 1; i < len(run.Ops); i++ {
		assert.LessOrEqual(t, run.Ops[i-1].Start, run.Ops[i].Start)
	}
	assert.Equal(t, "first", run.Events[0].Msg)
	assert.Len(t, run.Events, 2)
	assert.True(t, run.Complete())
}

// A killed writer leaves half a line: what is whole is read, and the file is named.
func TestTruncatedRecord(t *testing.T) {
	dir := recorded(t)
	path := filepath.Join(dir, record.OpsFile)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, data[:len(data)-10], 0o600))
	run, err := record.Load(dir)
	require.NoError(t, err)
	assert.Len(t, run.Ops, 399)
	assert.Equal(t, []string{record.OpsFile}, run.Truncated)
	assert.False(t, run.Complete())
}

func TestBrokenRecordIsAnError(t *testing.T) {
	dir := recorded(t)
	path := filepath.Join(dir, record.OpsFile)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append([]byte("{nonsense\n"), data...), 0o600))
	_, err = record.Load(dir)
	assert.ErrorContains(t, err, "ops.jsonl: line 1")
}

// The intent of a fault is on disk when Fault returns, whatever becomes of the process.
func TestFaultIsOnDiskAtOnce(t *testing.T) {
	dir := t.TempDir()
	rec, err := record.Create(dir)
	require.NoError(t, err)
	defer rec.Close()
	rec.Event(record.Event{Msg: "still in memory"})
	require.NoError(t, rec.Fault(record.FaultStep{ID: "f1", Targets: []string{"m1"}, State: record.FaultInjecting}))
	data, err := os.ReadFile(filepath.Join(dir, record.FaultsFile))
	require.NoError(t, err)
	var step record.FaultStep
	require.NoError(t, json.Unmarshal(data, &step))
	assert.Equal(t, "f1", step.ID)
}

func TestWriteFileReplacesAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b.json")
	require.NoError(t, record.WriteJSON(path, map[string]int{"x": 1}))
	require.NoError(t, record.WriteJSON(path, map[string]int{"x": 2}))
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Contains(t, string(data), `"x": 2`)
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, entries, 1, "no temporary file is left")
}

func TestWorse(t *testing.T) {
	order := []record.Verdict{record.NotDrilled, record.Passed, record.Inconclusive, record.Failed}
	for i, a := range order {
		for j, b := range order {
			assert.Equal(t, order[max(i, j)], a.Worse(b))
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(`{"id":1,"outcome":"acked"}` + "\n" + `{"id":2`)
	f.Add("\n")
	f.Fuzz(func(t *testing.T, ops string) {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, record.ManifestFile), []byte("{}"), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, record.OpsFile), []byte(ops), 0o600))
		run, err := record.Load(dir)
		if err == nil && strings.Count(ops, "\n")+1 < len(run.Ops) {
			t.Errorf("more writes than lines")
		}
	})
}

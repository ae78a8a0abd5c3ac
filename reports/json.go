package reports

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

//go:embed schema/report.v1.json
var schema []byte

// Schema is the published JSON Schema (draft 2020-12) of report.json.
func Schema() []byte { return append([]byte(nil), schema...) }

func renderJSON(r Report, _ []Drill) ([]byte, error) {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(data, '\n'), nil
}

// ReadReport reads report.json from a run's folder, for whoever writes the reports again or compares runs.
func ReadReport(dir string) (Report, error) {
	var r Report
	data, err := os.ReadFile(filepath.Join(dir, ReportFile))
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err == nil && r.Schema != SchemaName {
		err = errors.New("schema is " + r.Schema + ", not " + SchemaName)
	}
	if err != nil {
		return r, fmt.Errorf("read report: %w", err)
	}
	return r, nil
}

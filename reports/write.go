package reports

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/firedrill/firedrill/harness/record"
)

// ReportFile is the report that scripts read; its keys are fixed.
const ReportFile = "report.json"

// Format is one way to write a report: a file name, and a pure function from the report and the drills it was built
// from to the file's content. Only formats that draw the histories look at the drills.
type Format struct {
	File   string
	Render func(Report, []Drill) ([]byte, error)
}

// Formats are the files that Write writes. report.json comes first: if a later one cannot be written, the answer
// is already there.
func Formats() []Format {
	return []Format{
		{ReportFile, renderJSON},
		{"junit.xml", renderJUnit},
		{"summary.md", renderMarkdown},
		{"report.html", renderHTML},
	}
}

// Write writes the report in every format into dir. Each file is replaced as a whole, and one that fails does not
// keep the others from being written.
func Write(dir string, report Report, drills []Drill) error {
	var errs error
	for _, f := range Formats() {
		data, err := f.Render(report, drills)
		if err == nil {
			err = record.WriteFile(filepath.Join(dir, f.File), data)
		}
		if err != nil {
			errs = errors.Join(errs, fmt.Errorf("report %s: %w", f.File, err))
		}
	}
	return errs
}

// LoadDrill reads a drill's folder: its history, its judgement and the hashes of its files. A drill that was not
// held needs no judgement.
func LoadDrill(dir string) (Drill, error) {
	run, err := record.Load(dir)
	if err != nil {
		return Drill{}, err
	}
	judgement, err := record.LoadJudgement(dir)
	if err != nil && run.Manifest.NotDrilled == "" {
		return Drill{}, err
	}
	hashes, err := HashDir(dir)
	if err != nil {
		return Drill{}, err
	}
	return Drill{Run: run, Judgement: judgement, Dir: dir, Hashes: hashes}, nil
}

// HashDir returns the SHA-256 sum of every file under dir, by slash-separated path within it. Hidden files are
// left out: they are half-written ones.
func HashDir(dir string) (map[string]string, error) {
	sums := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || strings.HasPrefix(entry.Name(), ".") {
			return err
		}
		sum, err := hashFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		sums[filepath.ToSlash(name)] = sum
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("hash %s: %w", filepath.Base(dir), err)
	}
	return sums, nil
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

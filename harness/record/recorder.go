package record

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Files of a drill's folder.
const (
	ManifestFile  = "drill.json"
	JudgementFile = "verdict.json"
	EventsFile    = "events.jsonl"
	OpsFile       = "ops.jsonl"
	SamplesFile   = "samples.jsonl"
	ProbesFile    = "dns.jsonl"
	FaultsFile    = "faults.jsonl"
	RowsFile      = "ledger.jsonl"
)

// Recorder appends the history of one drill to its folder. It is safe for concurrent use. Nothing is dropped: an
// error of the disk is kept and returned by Close, and by Err at any time.
type Recorder struct {
	dir   string
	mu    sync.Mutex
	files map[string]*lines
	err   error
}

type lines struct {
	file *os.File
	buf  *bufio.Writer
}

// Create opens a recorder over dir, which is made when it is missing. Files that are there already are appended to.
func Create(dir string) (*Recorder, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("create drill folder: %w", err)
	}
	r := &Recorder{dir: dir, files: map[string]*lines{}}
	for _, name := range []string{EventsFile, OpsFile, SamplesFile, ProbesFile, FaultsFile, RowsFile} {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", name, err)
		}
		r.files[name] = &lines{file: f, buf: bufio.NewWriterSize(f, 64<<10)}
	}
	return r, nil
}

// Dir is the drill's folder.
func (r *Recorder) Dir() string { return r.dir }

// Event appends to the timeline.
func (r *Recorder) Event(e Event) { r.append(EventsFile, e, false) }

// Op appends a write of the application.
func (r *Recorder) Op(o Op) { r.append(OpsFile, o, false) }

// Sample appends what a database node said of itself.
func (r *Recorder) Sample(s Sample) { r.append(SamplesFile, s, false) }

// Probe appends a look at an endpoint.
func (r *Recorder) Probe(p Probe) { r.append(ProbesFile, p, false) }

// Row appends a row found on the surviving primary.
func (r *Recorder) Row(row Row) { r.append(RowsFile, row, false) }

// Fault appends a step of a fault's life and returns only when it is on disk: the intent must survive us.
func (r *Recorder) Fault(f FaultStep) error {
	r.append(FaultsFile, f, true)
	return r.Err()
}

func (r *Recorder) append(file string, v any, sync bool) {
	line, err := json.Marshal(v)
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.files[file]
	if l == nil { // closed: an agent's last words after the drain
		return
	}
	if err == nil {
		_, err = l.buf.Write(append(line, '\n'))
	}
	if err == nil && sync {
		if err = l.buf.Flush(); err == nil {
			err = l.file.Sync()
		}
	}
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("record %s: %w", file, err)
	}
}

// Err returns the first error of the recorder.
func (r *Recorder) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Flush writes what is buffered, so that a reader of the folder sees it.
func (r *Recorder) Flush() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, l := range r.files {
		if err := l.buf.Flush(); err != nil && r.err == nil {
			r.err = fmt.Errorf("record %s: %w", name, err)
		}
	}
	return r.err
}

// Close flushes and closes. What is appended afterwards is dropped.
func (r *Recorder) Close() error {
	err := r.Flush()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.files {
		err = errors.Join(err, l.file.Close())
	}
	r.files = map[string]*lines{}
	return err
}

// WriteManifest replaces drill.json.
func (r *Recorder) WriteManifest(m Manifest) error {
	return WriteJSON(filepath.Join(r.dir, ManifestFile), m)
}

// WriteJudgement replaces verdict.json in a drill's folder.
func WriteJudgement(dir string, j Judgement) error {
	return WriteJSON(filepath.Join(dir, JudgementFile), j)
}

// WriteJSON writes v as indented JSON so that a reader sees the old file or the new one, never half of it.
func WriteJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", filepath.Base(path), err)
	}
	return WriteFile(path, append(data, '\n'))
}

// WriteFile replaces a file atomically: temporary file, fsync, rename.
func WriteFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Chmod(0o644), tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return nil
}

// MS converts a time of the drill to the milliseconds that reports use.
func MS(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

package linode

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// States of a resource in the ledger.
const (
	wanted  = "wanted"  // about to be asked for: whatever happens now, this line is on the disk
	made    = "made"    // it is there, and costs
	refused = "refused" // the API said no: there is nothing
	gone    = "gone"    // deleted, or found to be so
)

// Entry is a line of the ledger.
type Entry struct {
	At    time.Time `json:"at"`
	Run   string    `json:"run"`
	Kind  string    `json:"kind"` // linode, firewall, placement group, VPC, record
	Label string    `json:"label"`
	ID    int       `json:"id,omitempty"`
	State string    `json:"state"`
}

// ledger is a file with a line for each create and each delete, synced before the one and after the other.
type ledger struct {
	mu   sync.Mutex
	file *os.File
}

func openLedger(path string) (*ledger, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("make folder of the ledger: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	return &ledger{file: f}, nil
}

// note writes a line and waits until it is on the disk. One write a line: several processes may share the file.
func (l *ledger) note(e Entry) error {
	e.At = time.Now().UTC()
	text, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.file.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	if err := l.file.Sync(); err != nil {
		return fmt.Errorf("sync ledger: %w", err)
	}
	return nil
}

// Outstanding reads a ledger and returns what was asked for and is not known to be gone. No file, nothing outstanding.
// A last line that was torn by a crash is one that had not been acted upon.
func Outstanding(path string) ([]Entry, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	defer f.Close()
	type key struct{ kind, label string }
	last := map[key]Entry{}
	var order []key
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var e Entry
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue
		}
		k := key{e.Kind, e.Label}
		before, known := last[k]
		if !known {
			order = append(order, k)
		}
		if e.ID == 0 {
			e.ID = before.ID
		}
		last[k] = e
	}
	var out []Entry
	for _, k := range order {
		if e := last[k]; e.State == wanted || e.State == made {
			out = append(out, e)
		}
	}
	return out, nil
}

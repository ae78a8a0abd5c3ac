package standin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// state is everything the stand-in knows. A published state is never changed: an update works on a copy, so that
// readers need no lock and the name server can go on serving an old one.
type state struct {
	LastID    int               `json:"last_id"`
	Zones     []*zone           `json:"zones"`
	Linodes   []*linode         `json:"linodes"`
	Leaving   map[int]string    `json:"leaving,omitempty"` // addresses of machines that are being deleted
	Guards    []*guard          `json:"guards"`
	VPCs      []*vpc            `json:"vpcs"`
	Groups    []*placementGroup `json:"groups"`
	Balancers []*balancing      `json:"balancers"`
	Tags      []string          `json:"tags"`
	Events    []*event          `json:"events"`
}

// nextID gives a number that no object had before.
func (s *state) nextID() int {
	s.LastID++
	return s.LastID
}

// Store keeps the state, in a file too when it has one. It is a dns.Zone.
type Store struct {
	mu     sync.Mutex // held by the one update that is under way
	path   string
	state  atomic.Pointer[state]
	frozen atomic.Pointer[state] // what the name server serves instead, when set
}

// OpenStore reads the state from path, if the file is there, and makes its folder if not. An empty path keeps it in memory only.
func OpenStore(path string) (*Store, error) {
	s := &Store{path: path}
	read := &state{}
	if path != "" {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, fmt.Errorf("make the folder of the stand-in's state: %w", err)
		}
		text, err := os.ReadFile(path)
		if err == nil {
			err = json.Unmarshal(text, read)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("read the stand-in's state %s: %w", path, err)
		}
	}
	s.state.Store(read)
	return s, nil
}

// update lets change work on a copy of the state, and publishes it when it is on disk. After an error nothing changed.
func (s *Store) update(change func(*state) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, err := json.Marshal(s.state.Load())
	if err != nil {
		return fmt.Errorf("copy the stand-in's state: %w", err)
	}
	next := &state{}
	if err := json.Unmarshal(text, next); err != nil {
		return fmt.Errorf("copy the stand-in's state: %w", err)
	}
	if err := change(next); err != nil {
		return err
	}
	if err := s.save(next); err != nil {
		return err
	}
	s.state.Store(next)
	return nil
}

// save replaces the file in one step. It is not synced: a killed process loses nothing without that, and the time
// of a sync would be added to every flip that a drill measures.
func (s *Store) save(next *state) error {
	if s.path == "" {
		return nil
	}
	text, err := json.MarshalIndent(next, "", " ")
	if err != nil {
		return fmt.Errorf("save the stand-in's state: %w", err)
	}
	temp := filepath.Join(filepath.Dir(s.path), "."+filepath.Base(s.path)+".new")
	if err := os.WriteFile(temp, text, 0o600); err != nil {
		return fmt.Errorf("save the stand-in's state: %w", err)
	}
	if err := os.Rename(temp, s.path); err != nil {
		return fmt.Errorf("save the stand-in's state: %w", err)
	}
	return nil
}

// freeze makes the name server serve today's state whatever changes, or the present one again.
func (s *Store) freeze(on bool) {
	if !on {
		s.frozen.Store(nil)
		return
	}
	s.frozen.CompareAndSwap(nil, s.state.Load())
}

// now is a time as the API writes it: UTC, without a zone.
func now() string { return time.Now().UTC().Format("2006-01-02T15:04:05") }

package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
)

// remembered is a process as it is kept over a reboot of the machine.
type remembered struct {
	agent.Process
	Wanted bool `json:"wanted"` // it was started, and nobody has stopped it
}

// remember keeps what is declared, and what is to run, on the disk: on a machine that is switched off and on again the
// agent starts it, as an init system starts what is enabled. It is called with the lock held, before the deed: a
// machine that goes down in between starts a process that was about to be started.
func (s *supervisor) remember() error {
	if s.state == "" {
		return nil
	}
	all := []remembered{}
	for _, name := range s.order {
		p := s.procs[name]
		all = append(all, remembered{p.spec, p.wanted})
	}
	text, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("remember processes: %w", err)
	}
	tmp := s.state + ".new"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("remember processes: %w", err)
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close(), os.Rename(tmp, s.state)); err != nil {
		return fmt.Errorf("remember processes: %w", err)
	}
	return nil
}

// startRemembered declares what an earlier life of this node had, and starts what was to run, in the order of the declarations.
// One that does not start does not keep the others from it.
func (s *supervisor) startRemembered() error {
	if s.state == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(s.state), 0o755); err != nil {
		return fmt.Errorf("read remembered processes: %w", err)
	}
	text, err := os.ReadFile(s.state)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var all []remembered
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		return fmt.Errorf("read remembered processes: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range all {
		p := &process{spec: r.Process, held: map[string]bool{}, wanted: r.Wanted, down: !r.Wanted}
		s.procs[r.Name], s.order = p, append(s.order, r.Name)
		if err := s.launch(p); err != nil {
			s.event(record.KindError, err.Error(), nil)
		}
	}
	return nil
}

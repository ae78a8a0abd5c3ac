package node

import (
	"fmt"
	"time"
)

// reviveWithin is how long after a heal a process that ran before the fault is still started again: a database that
// has met the error may take a moment to abort.
const reviveWithin = 10 * time.Second

// reviveAfter is the pause before that start.
const reviveAfter = 100 * time.Millisecond

// revive starts those again that ran before a fault and have ended under it. Their cause must be gone.
func (s *supervisor) revive(ran []target) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var proofs []string
	for _, t := range ran {
		if t.pid == 0 {
			continue
		}
		if t.proc.pid != 0 {
			t.proc.reviveUntil = time.Now().Add(reviveWithin)
			continue
		}
		if err := s.launch(t.proc); err != nil {
			return proofs, err
		}
		if t.proc.pid != 0 {
			proofs = append(proofs, fmt.Sprintf("%s had ended (%s) and is started again", t.name, t.proc.lastExit))
		}
	}
	return proofs, nil
}

// pauseBeforeRestart is how long after its end a process is started again; 0 means not at all. It is called with the
// lock held.
func (p *process) pauseBeforeRestart() time.Duration {
	if p.spec.Restart == 0 && time.Now().Before(p.reviveUntil) {
		p.reviveUntil = time.Time{} // once
		return reviveAfter
	}
	return p.spec.Restart
}

// supervised are all processes, as targets.
func (s *supervisor) supervised() []target {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []target
	for _, name := range s.order {
		p := s.procs[name]
		out = append(out, target{name: name, pid: p.pid, proc: p, isGo: goProgram(p.spec)})
	}
	return out
}

// keepers are the processes that keep data.
func (s *supervisor) keepers() []target {
	var out []target
	for _, t := range s.supervised() {
		s.mu.Lock()
		keeps := t.proc.spec.DataDir != ""
		s.mu.Unlock()
		if keeps {
			out = append(out, t)
		}
	}
	return out
}

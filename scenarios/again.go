package scenarios

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/firedrill/firedrill/harness/record"
)

// asideFolder has the records of drills that were held again, by drill and attempt. They are kept and not judged again.
const asideFolder = "aside"

// Again sets a finished drill aside and says that it is to be held again: it was inconclusive, this machine stalled while it was
// held, and it has not been held again as often as the run allows. A drill that failed is never held again: that is an answer.
// Neither is one that was interrupted or that left something behind.
func (r *Run) Again(d *Drill) (bool, error) {
	m := d.manifest
	r.mu.Lock()
	attempt := len(r.earlier[m.DrillID]) + 1
	r.mu.Unlock()
	if d.stalled == "" || m.Interrupted || len(m.Residue) > 0 || attempt > r.Config.Again {
		return false, nil
	}
	folder := filepath.Join(asideFolder, m.DrillID, strconv.Itoa(attempt))
	if err := os.MkdirAll(filepath.Dir(filepath.Join(r.Dir, folder)), 0o755); err != nil {
		return false, fmt.Errorf("set drill %s aside: %w", m.DrillID, err)
	}
	if err := os.Rename(d.dir, filepath.Join(r.Dir, folder)); err != nil {
		return false, fmt.Errorf("set drill %s aside: %w", m.DrillID, err)
	}
	r.mu.Lock()
	r.earlier[m.DrillID] = append(r.earlier[m.DrillID], record.Attempt{Folder: filepath.ToSlash(folder), Stall: d.stalled})
	r.mu.Unlock()
	r.progress(m.DrillID, d.now(), "held again: "+d.stalled)
	return true, nil
}

// attempts are those at a drill that were set aside.
func (r *Run) attempts(id string) []record.Attempt {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.earlier[id])
}

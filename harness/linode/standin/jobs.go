package standin

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/firedrill/firedrill/harness/wait"
)

// jobs are what goes on after an answer: machines that are made, booted, shut down. They end with the server.
type jobs struct {
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
}

func newJobs() *jobs {
	ctx, cancel := context.WithCancel(context.Background())
	return &jobs{ctx: ctx, cancel: cancel}
}

func (j *jobs) start(do func(ctx context.Context)) { j.running.Go(func() { do(j.ctx) }) }

// stop ends them all and waits for it.
func (j *jobs) stop() {
	j.cancel()
	j.running.Wait()
}

// provision makes the machine of a new instance, and boots it.
func (s *Server) provision(ctx context.Context, m Machine, eventID int, boot bool, order Provisioning) {
	began := time.Now()
	err := wait.Hold(ctx, time.Duration(order.DelayMS)*time.Millisecond)
	if err == nil && order.Mode == ProvisioningFails {
		err = errors.New("the Linode could not be created")
	}
	if err == nil {
		err = s.machines.Create(ctx, m)
	}
	if err == nil {
		err = s.filter(ctx, s.store.state.Load(), m.ID)
	}
	s.finish(m.ID, eventID, began, statusOffline, err)
	if s.store.state.Load().linodeOf(m.ID) == nil { // deleted meanwhile
		_ = s.machines.Delete(context.WithoutCancel(ctx), m.ID)
		return
	}
	if err == nil && boot {
		_, _ = s.power(m.ID, "linode_boot", statusBooting, statusRunning, s.machines.Boot)
	}
}

// finish closes a job: the instance's status, its event.
func (s *Server) finish(id, eventID int, began time.Time, status string, failure error) {
	err := s.store.update(func(next *state) error {
		if l := next.linodeOf(id); l != nil {
			l.Instance.Status, l.Busy = status, false
		}
		next.ended(eventID, began, failure)
		return nil
	})
	if err := errors.Join(err, failure); err != nil {
		s.log.Error("job", "linode", id, "err", err)
	}
}

var errBusy = &apiError{Status: http.StatusBadRequest, Reason: "Linode busy."}

// power starts a job on a machine. An instance has one at a time.
func (s *Server) power(id int, action, during, after string, do func(ctx context.Context, id int) error) (any, error) {
	var e *event
	err := s.store.update(func(next *state) error {
		l := next.linodeOf(id)
		switch {
		case l == nil:
			return errNotFound
		case l.Busy:
			return errBusy
		case action == "linode_boot" && l.Instance.Status == statusRunning:
			return &apiError{Status: http.StatusBadRequest, Reason: "Linode is already booted."} // the words are ours
		case action == "linode_shutdown" && l.Instance.Status == statusOffline:
			return &apiError{Status: http.StatusBadRequest, Reason: "Linode is already powered off."} // the words are ours
		}
		l.Busy, l.Instance.Status, l.Instance.Updated = true, during, now()
		e = next.begun(action, l.entity())
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.jobs.start(func(ctx context.Context) {
		began := time.Now()
		err := do(ctx, id)
		if err == nil && after == statusRunning {
			// A machine forgets these with its power.
			err = s.filter(ctx, s.store.state.Load(), id)
			if err == nil {
				err = s.join(ctx, s.store.state.Load(), id)
			}
		}
		if err != nil {
			after = statusOffline
		}
		s.finish(id, e.ID, began, after, err)
	})
	return struct{}{}, nil
}

func (s *Server) bootInstance(r *http.Request) (any, error) {
	id, err := pathID(r, "id")
	if err != nil {
		return nil, err
	}
	return s.power(id, "linode_boot", statusBooting, statusRunning, s.machines.Boot)
}

func (s *Server) shutdownInstance(r *http.Request) (any, error) {
	id, err := pathID(r, "id")
	if err != nil {
		return nil, err
	}
	return s.power(id, "linode_shutdown", statusShuttingDown, statusOffline, s.machines.Shutdown)
}

func (s *Server) rebootInstance(r *http.Request) (any, error) {
	id, err := pathID(r, "id")
	if err != nil {
		return nil, err
	}
	return s.power(id, "linode_reboot", statusRebooting, statusRunning, func(ctx context.Context, id int) error {
		if err := s.machines.Shutdown(ctx, id); err != nil {
			return err
		}
		return s.machines.Boot(ctx, id)
	})
}

// deleteInstance takes an instance out of everything at once; its machine goes in the background, whatever else is
// being done with it. The API lists one that is being deleted for a while; this one does not.
func (s *Server) deleteInstance(r *http.Request) (any, error) {
	var e *event
	var id int
	err := s.store.update(func(next *state) error {
		l, err := next.linode(r)
		if err != nil {
			return err
		}
		id, e = l.Instance.ID, next.begun("linode_delete", l.entity())
		next.leaveAll(id)
		if next.Leaving == nil {
			next.Leaving = map[int]string{}
		}
		next.Leaving[id] = l.Instance.IPv4[0]
		next.Linodes = slices.DeleteFunc(next.Linodes, func(o *linode) bool { return o == l })
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.jobs.start(func(ctx context.Context) {
		began := time.Now()
		// A server that ends must not leave a machine that nobody knows of.
		failure := s.machines.Delete(context.WithoutCancel(ctx), id)
		_ = s.store.update(func(next *state) error {
			delete(next.Leaving, id)
			return nil
		})
		s.finish(id, e.ID, began, "", failure)
	})
	return struct{}{}, nil
}

// Lassie boots an instance again that went down by itself, unless it did so too often.
const (
	lassieBoots  = 5
	lassieWithin = 15 * time.Minute
)

// watch follows the machines until the server ends.
func (s *Server) watch(ctx context.Context) {
	s.machines.Watch(ctx, func(id int) {
		again := false
		err := s.store.update(func(next *state) error {
			l := next.linodeOf(id)
			if l == nil || l.Busy || l.Instance.Status != statusRunning {
				return nil // a job of ours did it
			}
			l.Instance.Status = statusOffline
			oldest := time.Now().Add(-lassieWithin).Unix()
			l.Lassie = slices.DeleteFunc(l.Lassie, func(at int64) bool { return at < oldest })
			again = l.Instance.WatchdogEnabled && len(l.Lassie) < lassieBoots
			if again {
				l.Lassie = append(l.Lassie, time.Now().Unix())
			}
			return nil
		})
		if err == nil && again {
			_, err = s.power(id, "lassie_reboot", statusBooting, statusRunning, s.machines.Boot)
		}
		if err != nil {
			s.log.Error("watchdog", "linode", id, "err", err)
		}
	})
}

// recover puts right what a stand-in that was killed left half done: its jobs are gone.
func (s *Server) recover() error {
	return s.store.update(func(next *state) error {
		next.Leaving = nil
		for _, l := range next.Linodes {
			if l.Busy {
				l.Busy, l.Instance.Status = false, statusOffline
			}
		}
		for _, e := range next.Events {
			if e.Status == eventStarted {
				e.Status, e.Message = eventFailed, "the stand-in was restarted"
			}
		}
		return nil
	})
}

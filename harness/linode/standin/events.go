package standin

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// event is one line of the account's history, with the API's keys and no others.
type event struct {
	ID              int      `json:"id"`
	Created         string   `json:"created"`
	Seen            bool     `json:"seen"`
	Read            bool     `json:"read"`
	PercentComplete int      `json:"percent_complete"`
	TimeRemaining   *string  `json:"time_remaining"`
	Rate            *string  `json:"rate"`
	Duration        *float64 `json:"duration"` // seconds
	Action          string   `json:"action"`
	Username        string   `json:"username"`
	Entity          *entity  `json:"entity"`
	Status          string   `json:"status"`
	SecondaryEntity *entity  `json:"secondary_entity"`
	Message         string   `json:"message"`
}

// entity is what an event, a firewall or a device is about.
type entity struct {
	ID    int    `json:"id"`
	Label string `json:"label"`
	Type  string `json:"type"`
	URL   string `json:"url"`
}

// States of an event.
const (
	eventStarted      = "started"
	eventFinished     = "finished"
	eventFailed       = "failed"
	eventNotification = "notification"
)

// maxEvents bounds the history, which is copied with every change; the API forgets after 90 days.
const maxEvents = 200

// happened notes something that is over when it is told: a change of a record, a firewall, a tag.
func (s *state) happened(action string, about entity) *event {
	e := &event{
		ID: s.nextID(), Created: now(), PercentComplete: 100, Action: action, Username: "firedrill", Entity: &about, Status: eventNotification,
	}
	s.Events = append(s.Events, e)
	if over := len(s.Events) - maxEvents; over > 0 {
		s.Events = s.Events[over:]
	}
	return e
}

// begun notes something that takes a while.
func (s *state) begun(action string, about entity) *event {
	e := s.happened(action, about)
	e.Status, e.PercentComplete = eventStarted, 0
	return e
}

// ended closes an event that was begun at a time.
func (s *state) ended(id int, began time.Time, failure error) {
	for _, e := range s.Events {
		if e.ID != id {
			continue
		}
		took := time.Since(began).Seconds()
		e.Status, e.PercentComplete, e.Duration = eventFinished, 100, &took
		if failure != nil {
			e.Status, e.Message = eventFailed, failure.Error()
		}
	}
}

func (s *Server) eventRoutes() {
	s.route("/v4/account/events", map[string]endpoint{"GET": s.listEvents})
	s.route("/v4/account/events/{id}", map[string]endpoint{"GET": s.getEvent})
}

// listEvents gives the latest first, as the API does.
func (s *Server) listEvents(r *http.Request) (any, error) {
	events := slices.Clone(s.store.state.Load().Events)
	slices.Reverse(events)
	return list(r, events)
}

func (s *Server) getEvent(r *http.Request) (any, error) {
	return byID(r, "id", s.store.state.Load().Events, func(e *event) int { return e.ID })
}

// byID finds the object that the path names.
func byID[T any](r *http.Request, key string, objects []T, id func(T) int) (found T, err error) {
	want, err := pathID(r, key)
	if err != nil {
		return found, err
	}
	for _, o := range objects {
		if id(o) == want {
			return o, nil
		}
	}
	return found, errNotFound
}

// link is an entity's URL, as events and firewalls have it.
func link(path string, id int) string { return "/v4/" + path + "/" + strconv.Itoa(id) }

package restream

import (
	"errors"
	"fmt"
	"slices"

	"castnet/broadcaster/playback"
)

// Errors of adding and removing targets.
var (
	// ErrTooMany is wrapped with the limit.
	ErrTooMany = errors.New("the stream has as many targets as may be added")
	// ErrKnown says that a rendition is pushed to this address already.
	ErrKnown = errors.New("the stream is pushed there already")
	// ErrUnknown says that there is no such target.
	ErrUnknown = errors.New("the stream has no such target")
	// ErrFixed says that a target was there from the beginning: it is not for who has the stream's key to remove.
	ErrFixed = errors.New("the target is one of the configuration")
)

// append adds a target. The lock is held, but in New.
func (s *Server) append(t Target, fixed bool) *push {
	s.last++
	p := newPush(s, t, Status{ID: s.last, Fixed: fixed})
	s.targets[t.Stream] = append(s.targets[t.Stream], p)
	return p
}

// Targets is what there is to know of a stream's targets now, in their order.
func (s *Server) Targets(stream string) []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Status
	for _, p := range s.targets[stream] {
		list = append(list, p.read())
	}
	return list
}

// Add has a stream pushed to one more target: at once if it is live, and whenever it is. An error is ErrInvalid, ErrKnown or
// ErrTooMany, and shows no secret.
func (s *Server) Add(target Target) (Status, error) {
	if err := target.Check(); err != nil {
		return Status{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	added := 0
	for _, p := range s.targets[target.Stream] {
		if p.target == target {
			return Status{}, ErrKnown
		}
		if !p.read().Fixed {
			added++
		}
	}
	if added >= s.cfg.MaxAdded {
		return Status{}, fmt.Errorf("%w: %d", ErrTooMany, s.cfg.MaxAdded)
	}
	p := s.append(target, false)
	if hub := s.live[target.Stream]; hub != nil && s.run != nil {
		s.follow(p, hub)
	}
	p.log.Info("a target was added")
	return p.read(), nil
}

// follow has a hub pushed to a target. The lock is held, and Run runs.
func (s *Server) follow(p *push, hub *playback.Hub) {
	ctx := s.run
	s.running.Go(func() { p.follow(ctx, hub) })
}

// Remove ends the pushing to a target that was added; the server there is told goodbye. An error is ErrUnknown or ErrFixed.
func (s *Server) Remove(stream string, id int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	own := s.targets[stream]
	i := slices.IndexFunc(own, func(p *push) bool { return p.read().ID == id })
	switch {
	case i < 0:
		return ErrUnknown
	case own[i].read().Fixed:
		return ErrFixed
	}
	close(own[i].removed)
	own[i].log.Info("a target was removed")
	s.targets[stream] = slices.Delete(own, i, i+1)
	return nil
}

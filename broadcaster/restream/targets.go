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
	// ErrSoon is wrapped with how long places stay taken.
	ErrSoon = errors.New("the place of a target that was removed is not free yet")
	// ErrKnown says that this target was added already.
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

// Add has a stream pushed to one more target: at once if it is live, and whenever it is. An error is ErrInvalid, ErrTooMany,
// ErrSoon or ErrKnown, and shows no secret: that an address is one of the configuration is none of the caller's business.
func (s *Server) Add(target Target) (Status, error) {
	if err := target.Check(); err != nil {
		return Status{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	added, known := 0, false
	for _, p := range s.targets[target.Stream] {
		if !p.read().Fixed {
			added++
			known = known || p.target == target
		}
	}
	switch {
	case added >= s.cfg.MaxAdded:
		return Status{}, fmt.Errorf("%w: %d", ErrTooMany, s.cfg.MaxAdded)
	case added+s.leaving[target.Stream] >= s.cfg.MaxAdded:
		return Status{}, fmt.Errorf("%w: it is %v after the goodbye", ErrSoon, s.cfg.LongestPause)
	case known:
		return Status{}, ErrKnown
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
	p.follows.Add(1)
	s.running.Go(func() {
		defer p.follows.Done()
		p.follow(ctx, hub)
	})
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
	if s.run != nil {
		s.leave(own[i])
	}
	s.targets[stream] = slices.Delete(own, i, i+1)
	return nil
}

// leave keeps the place of a target that was removed until it is no longer pushed to, and for the longest pause then: who adds
// and removes in a loop calls servers no more often than who leaves the targets alone. The lock is held, and Run runs.
func (s *Server) leave(p *push) {
	ctx := s.run
	s.leaving[p.target.Stream]++
	s.running.Go(func() {
		p.follows.Wait()
		pause(ctx, s.cfg.LongestPause)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.leaving[p.target.Stream]--; s.leaving[p.target.Stream] == 0 {
			delete(s.leaving, p.target.Stream)
		}
	})
}

package broadcaster

import (
	"fmt"

	"castnet/broadcaster/free"
)

// newOwn has the renditions that publishers of the stream make themselves.
func (s *Stream) newOwn(losses *free.Losses) *free.Tracks {
	return free.New(free.Config{
		Hub: s.hub, Work: s.work, Losses: losses, Now: s.b.cfg.Now,
		Begun: func(rendition string) {
			s.b.metrics.own.Inc()
			s.note(AtInput, fmt.Sprintf("The publisher sends %s itself: nobody is paid for it.", rendition))
			s.log.Info("the publisher sends a rendition itself", "rendition", rendition)
		},
		Lost: func(rendition string, why error) {
			s.b.metrics.own.Dec()
			s.b.metrics.ownLost.Inc()
			s.trouble(AtInput, fmt.Sprintf("What the publisher sends no longer does for %s: %v. Orchestrators are asked for it.", rendition, why))
			s.log.Warn("the publisher's own rendition no longer fits", "rendition", rendition, "why", why)
			s.tellOwn()
			s.mu.Lock()
			l := s.lease
			s.mu.Unlock()
			if l != nil {
				l.amend()
			}
		},
		Ended: func(string) { s.b.metrics.own.Dec() },
	})
}

// tellOwn puts into the status what the publisher makes.
func (s *Stream) tellOwn() {
	names := s.own.Names()
	s.update(func(st *Status) { st.Own = names })
}

package whep

import (
	"net/http"
	"time"

	"castnet/internal/rtc"
)

const (
	// connectTimeout is how long a viewer may take from the answer to the first packet.
	connectTimeout = 10 * time.Second
	// displaceAfter is how long nobody takes the place of a viewer who has not connected yet. On most networks it takes half of a
	// second.
	displaceAfter = 2 * time.Second
)

// admit gives a session one of the places that a stream and an address have. Where all are taken, it gets one of somebody who has
// had time to connect and has not: offers alone, however many, keep nobody out.
func (s *Server) admit(v *session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if most := s.cfg.MaxPerAddress; most > 0 && s.places[v.place] >= most && !s.displace(func(o *session) bool { return o.place == v.place }) {
		return rtc.Refuse(http.StatusTooManyRequests, "%v has %d WebRTC viewers, the limit of one address (--max-viewers-per-address): watch by HLS", v.place, most)
	}
	if s.viewers[v.hub] >= s.cfg.MaxViewers && !s.displace(func(o *session) bool { return o.hub == v.hub }) {
		return rtc.Refuse(http.StatusServiceUnavailable, "stream %q has %d WebRTC viewers, its limit (--max-viewers): watch it by HLS", v.hub.ID(), s.cfg.MaxViewers)
	}
	s.sessions[v.id] = v
	s.viewers[v.hub]++
	s.places[v.place]++
	return nil
}

// displace ends the session that has waited longest for its viewer, among those that some place is wanted of, if there is one.
// The lock is held.
func (s *Server) displace(among func(*session) bool) bool {
	var longest *session
	for _, v := range s.sessions {
		if among(v) && !v.isConnected() && time.Since(v.born) > displaceAfter && (longest == nil || v.born.Before(longest.born)) {
			longest = v
		}
	}
	if longest == nil {
		return false
	}
	longest.close()
	s.vacate(longest)
	return true
}

// vacate frees a session's place, if it still has one. The lock is held.
func (s *Server) vacate(v *session) {
	if s.sessions[v.id] == nil {
		return
	}
	delete(s.sessions, v.id)
	if s.viewers[v.hub]--; s.viewers[v.hub] == 0 {
		delete(s.viewers, v.hub)
	}
	if s.places[v.place]--; s.places[v.place] == 0 {
		delete(s.places, v.place)
	}
}

// Package whep serves live streams to browsers by WebRTC (WHEP), a frame at a time as they come.
//
// Each rendition is packetized once; its viewers share the packets and the history that lost ones are repeated from.
// RTP timestamps are the units' PTS, without an offset, so that a picture can be told by its timestamp.
package whep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"castnet/broadcaster/playback"
	"castnet/internal/media"
	"castnet/internal/rtc"
)

// Directory finds a live stream by its public id.
type Directory interface {
	Hub(id string) (*playback.Hub, bool)
}

// Config is what the server needs.
type Config struct {
	// Directory, Metrics and Logger are required.
	Directory Directory
	Metrics   *playback.Metrics
	Logger    *slog.Logger
	// Host makes the connections; it is shared with whoever else speaks WebRTC in this process. Required.
	Host *rtc.Host
	// MaxViewers bounds the viewers of one stream, and MaxPerAddress those from one IPv4 address or IPv6 /64 network, of all
	// streams. Defaults: 1,000 and no bound.
	MaxViewers, MaxPerAddress int
	// ICEServers are announced to viewers.
	ICEServers rtc.ICEServers
	// Wait is how long an offer waits for a rendition's first picture. Default: 5 s.
	Wait time.Duration
}

func (c *Config) validate() error {
	if c.Directory == nil || c.Metrics == nil || c.Logger == nil || c.Host == nil {
		return errors.New("whep: Directory, Metrics, Logger and Host are required")
	}
	if c.MaxViewers == 0 {
		c.MaxViewers = 1000
	}
	if c.Wait == 0 {
		c.Wait = 5 * time.Second
	}
	if c.MaxViewers < 0 || c.MaxPerAddress < 0 || c.Wait < 0 {
		return fmt.Errorf("whep: MaxViewers %d, MaxPerAddress %d and Wait %v must not be negative", c.MaxViewers, c.MaxPerAddress, c.Wait)
	}
	return nil
}

// Server serves POST /whep/{id} and the sessions that come of it. It works while Run runs.
type Server struct {
	cfg   Config
	spawn chan func(context.Context)
	ended chan struct{} // closed when Run has

	mu       sync.Mutex
	feeds    map[*playback.Rendition]*feed
	sessions map[string]*session
	viewers  map[*playback.Hub]int // sessions of each stream, connected or not yet
	places   map[netip.Prefix]int  // the same by where they are
}

// NewServer makes a server of the streams in a directory.
func NewServer(cfg Config) (*Server, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Server{
		cfg: cfg, spawn: make(chan func(context.Context)), ended: make(chan struct{}),
		feeds: make(map[*playback.Rendition]*feed), sessions: make(map[string]*session),
		viewers: make(map[*playback.Hub]int), places: make(map[netip.Prefix]int),
	}, nil
}

// Run serves viewers until ctx is done; then it closes their connections.
func (s *Server) Run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	defer close(s.ended)
	for {
		select {
		case <-ctx.Done():
			return nil
		case run := <-s.spawn:
			all.Go(func() { run(ctx) })
		}
	}
}

// start hands a goroutine to Run, which takes it at once.
func (s *Server) start(ctx context.Context, run func(context.Context)) error {
	select {
	case s.spawn <- run:
		return nil
	case <-s.ended:
		return rtc.Refuse(http.StatusServiceUnavailable, "the server is going down")
	case <-ctx.Done(): // before Run
		return ctx.Err()
	}
}

// ServeHTTP answers below /whep/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Location, ETag, Link")
	path := strings.Split(strings.TrimPrefix(r.URL.Path, "/whep/"), "/")
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.Wait)
	defer cancel()
	var err error
	switch {
	case r.Method == http.MethodOptions:
		h.Set("Access-Control-Allow-Methods", "GET, POST, PATCH, DELETE, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "Content-Type, Authorization, If-Match")
		h.Set("Accept-Post", "application/sdp")
		s.cfg.ICEServers.Announce(h)
		w.WriteHeader(http.StatusNoContent)
	case len(path) == 1 && r.Method == http.MethodPost:
		err = s.offer(ctx, w, r, path[0])
	case len(path) == 1:
		h.Set("Allow", "POST, OPTIONS")
		err = rtc.Refuse(http.StatusMethodNotAllowed, "POST an offer to watch %q", path[0])
	case len(path) == 2 || len(path) == 3:
		err = s.resource(ctx, w, r, path[1:])
	default:
		err = rtc.Refuse(http.StatusNotFound, "no such page: POST an offer to /whep/{id}")
	}
	if err != nil {
		refusal := &rtc.Refusal{Status: http.StatusServiceUnavailable, Text: fmt.Sprintf("nothing came of the stream for %v: try again", s.cfg.Wait)}
		if !errors.As(err, &refusal) && !errors.Is(err, context.DeadlineExceeded) {
			s.cfg.Logger.Warn("WHEP", "error", err)
			refusal = &rtc.Refusal{Status: http.StatusInternalServerError, Text: "the session could not be set up"}
		}
		http.Error(w, refusal.Text, refusal.Status)
	}
}

// offer answers a viewer's offer with a new session.
func (s *Server) offer(ctx context.Context, w http.ResponseWriter, r *http.Request, id string) error {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/sdp" {
		return rtc.Refuse(http.StatusUnsupportedMediaType, "the offer's Content-Type is %q: application/sdp is needed", kind)
	}
	offer, err := rtc.ReadBody(w, r, s.cfg.Wait)
	if err != nil {
		return err
	}
	hub, ok := s.cfg.Directory.Hub(id)
	if !ok {
		return rtc.Refuse(http.StatusNotFound, "stream %q is not live", id)
	}
	wanted, err := choice(ctx, hub, r.URL.Query())
	if err != nil {
		return err
	}
	if wanted.pictures == nil && !strings.Contains(offer, "m=audio") {
		return rtc.Refuse(http.StatusBadRequest, "the offer has no audio section (m=audio), and the stream has nothing but sound")
	} else if wanted.pictures != nil && !strings.Contains(offer, "m=video") {
		return rtc.Refuse(http.StatusBadRequest, "the offer has no video section (m=video) to send pictures to")
	}
	v := newSession(hub, playback.PlaceOf(r.RemoteAddr), s.cfg.Logger)
	answer, err := s.connect(ctx, v, wanted, offer)
	if err != nil {
		return err
	}
	h := w.Header()
	s.cfg.ICEServers.Announce(h)
	v.links(h, "/whep/"+id+"/"+v.id)
	h.Set("Content-Type", "application/sdp")
	h.Set("Location", "/whep/"+id+"/"+v.id)
	h.Set("ETag", v.candidates.ETag())
	if wanted.pictures != nil {
		h.Set("Castnet-Rendition", wanted.pictures.Name())
	}
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, answer) //nolint:gosec // SDP, not a page; a viewer that has gone never connects
	return nil
}

// connect sets a session up and answers its offer at once: all candidates are our own and known.
func (s *Server) connect(ctx context.Context, v *session, w wish, offer string) (answer string, err error) {
	if err := s.admit(v); err != nil {
		return "", err
	}
	if answer, err = s.negotiate(ctx, v, w, offer); err == nil {
		err = s.start(ctx, func(ctx context.Context) {
			v.run(ctx, func(ctx context.Context) { s.amend(ctx, v) })
			s.forget(v)
		})
	}
	if err != nil {
		s.forget(v)
		return "", errors.Join(err, v.hangUp())
	}
	return answer, nil
}

func (s *Server) negotiate(ctx context.Context, v *session, w wish, offer string) (string, error) {
	if err := v.open(s.cfg.Host, w); err != nil {
		return "", err
	}
	if w.pictures != nil {
		if err := s.addLeg(ctx, v, siblings(v.hub, w.pictures), w.pictures, w.auto); err != nil {
			return "", err
		}
	}
	if w.sound != nil {
		if err := s.addLeg(ctx, v, []*playback.Rendition{w.sound}, w.sound, false); err != nil {
			return "", err
		}
	}
	answer, err := rtc.Answer(ctx, v.pc, offer)
	if err != nil && ctx.Err() == nil {
		return "", rtc.Refuse(http.StatusBadRequest, "%v", err)
	}
	v.candidates = rtc.NewCandidates(v.pc, answer)
	return answer, err
}

// addLeg makes a session's leg for pictures or for sound, which may come by any of these renditions: by first, or where auto is
// set by the one that the connection allows.
func (s *Server) addLeg(ctx context.Context, v *session, renditions []*playback.Rendition, first *playback.Rendition, auto bool) error {
	track := first.Track()
	var feeds []*feed
	var chosen *feed
	for _, r := range renditions {
		f, err := s.feed(ctx, v.hub, r, track.Codec)
		if err != nil {
			return err
		}
		v.feeds = append(v.feeds, f) // from now on they are released with the session
		feeds = append(feeds, f)
		if r == first && !auto {
			chosen = f
		}
	}
	return v.add(newLeg(v.hub.ID(), track), feeds, chosen)
}

// amend has a viewer's pictures come by the renditions that there are now, too.
func (s *Server) amend(ctx context.Context, v *session) {
	if v.pictures == nil {
		return
	}
	shown := v.pictures.shown().rendition
	var more []*feed
	for _, r := range siblings(v.hub, shown) {
		if slices.ContainsFunc(v.feeds, func(f *feed) bool { return f.rendition == r }) {
			continue
		}
		f, err := s.feed(ctx, v.hub, r, shown.Track().Codec)
		if err != nil {
			return // the server is going down
		}
		v.feeds = append(v.feeds, f)
		more = append(more, f)
	}
	v.pictures.amend(more)
}

// feed finds or starts the sending of a rendition, and counts one more user of it.
func (s *Server) feed(ctx context.Context, hub *playback.Hub, r *playback.Rendition, codec media.Codec) (*feed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.feeds[r]
	if f == nil {
		f = newFeed(s.cfg.Host, hub, r, codec, s.cfg.Metrics)
		if err := s.start(ctx, f.run); err != nil {
			return nil, err
		}
		s.feeds[r] = f
	}
	f.users++
	return f, nil
}

// release counts one user of a feed less and stops it with the last.
func (s *Server) release(f *feed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.users--; f.users == 0 {
		delete(s.feeds, f.rendition)
		close(f.unused)
	}
}

// forget takes back what a session has here.
func (s *Server) forget(v *session) {
	s.mu.Lock()
	s.vacate(v)
	s.mu.Unlock()
	for _, f := range v.feeds {
		s.release(f)
	}
}

// resource answers requests to a session, or to one of its extensions.
func (s *Server) resource(ctx context.Context, w http.ResponseWriter, r *http.Request, path []string) error {
	s.mu.Lock()
	v := s.sessions[path[0]]
	s.mu.Unlock()
	if v == nil {
		return rtc.Refuse(http.StatusNotFound, "no such session: it has ended")
	}
	if len(path) > 1 {
		switch path[1] {
		case "layer":
			return s.layer(w, r, v)
		case "events":
			return s.events(w, r, v, r.URL.Path)
		default:
			return rtc.Refuse(http.StatusNotFound, "a session has events and layer")
		}
	}
	switch r.Method {
	case http.MethodDelete:
		v.close()
		w.WriteHeader(http.StatusOK)
		return nil
	case http.MethodPatch:
		body, err := rtc.ReadBody(w, r, s.cfg.Wait)
		if err != nil {
			return err
		}
		// Many players name no ETag: theirs are candidates for the session as it is.
		return v.candidates.Patch(ctx, w, cmp.Or(r.Header.Get("If-Match"), v.candidates.ETag()), body)
	default:
		w.Header().Set("Allow", "PATCH, DELETE, OPTIONS")
		return rtc.Refuse(http.StatusMethodNotAllowed, "a session takes PATCH (candidates, ICE restart) and DELETE")
	}
}

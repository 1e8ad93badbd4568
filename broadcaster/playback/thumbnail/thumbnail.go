// Package thumbnail serves small pictures of live streams: GET /thumbnails/{id}.jpg is the newest key picture.
//
// A picture is made only when somebody asks for it, at most one every few seconds of a stream, in a worker process of the
// broadcaster's own. All who ask until the next one is due get the same.
package thumbnail

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"castnet/broadcaster/playback"
	"castnet/internal/media"
	"castnet/transcoder"
)

const (
	// side is the longer side of a picture, in pixels.
	side = 320
	// atOnce bounds the pictures in the making: of many streams they are made one after the other.
	atOnce = 2
	// sweep is how often the pictures of streams that are over are dropped.
	sweep = 10 * time.Second
)

// Directory finds a live stream by its public id.
type Directory interface {
	Hub(id string) (*playback.Hub, bool)
}

// Config is what a Server needs.
type Config struct {
	// Directory, Maker and Logger are required. Maker is asked for sessions of a StillJob.
	Directory Directory
	Maker     transcoder.Transcoder
	Logger    *slog.Logger
	// Interval is how long a picture stands for its stream. Default: 5 s.
	Interval time.Duration
	// Wait is how long a request waits for a picture, and how long making one may take. Default: 5 s.
	Wait time.Duration
}

func (c *Config) validate() error {
	if c.Directory == nil || c.Maker == nil || c.Logger == nil {
		return errors.New("thumbnail: Directory, Maker and Logger are required")
	}
	if c.Interval < 0 || c.Wait < 0 {
		return fmt.Errorf("thumbnail: Interval %v and Wait %v must be positive", c.Interval, c.Wait)
	}
	if c.Interval == 0 {
		c.Interval = 5 * time.Second
	}
	if c.Wait == 0 {
		c.Wait = 5 * time.Second
	}
	return nil
}

// Server answers below /thumbnails/. It works while Run runs.
type Server struct {
	cfg    Config
	making chan struct{} // a place in it is a picture in the making

	mu     sync.Mutex
	albums map[*playback.Hub]*album
}

// album is what is kept of one stream.
type album struct {
	turn chan struct{} // held, by a value in it, while what follows is read or made

	tried  time.Time // when the last one was begun, or had failed
	jpeg   []byte    // nil before the first
	tag    string
	failed error // why the last attempt gave none
}

// New makes a server of the streams in a directory.
func New(cfg Config) (*Server, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Server{cfg: cfg, making: make(chan struct{}, atOnce), albums: make(map[*playback.Hub]*album)}, nil
}

// Run drops what is no longer needed until ctx is done.
func (s *Server) Run(ctx context.Context) error {
	tick := time.NewTicker(sweep)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			s.sweep()
		}
	}
}

func (s *Server) sweep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for hub := range s.albums {
		select {
		case <-hub.Done():
			delete(s.albums, hub)
		default:
		}
	}
}

// ServeHTTP answers GET /thumbnails/{id}.jpg.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "a thumbnail can only be fetched", http.StatusMethodNotAllowed)
		return
	}
	id, isJPEG := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/thumbnails/"), ".jpg")
	hub, live := s.cfg.Directory.Hub(id)
	if !isJPEG || !live {
		h.Set("Cache-Control", "no-store")
		http.Error(w, fmt.Sprintf("stream %.80q is not live: thumbnails are at /thumbnails/{id}.jpg", id), http.StatusNotFound)
		return
	}
	if hub.AudioOnly() {
		h.Set("Cache-Control", "no-store")
		http.Error(w, fmt.Sprintf("stream %.80q has nothing but sound", id), http.StatusNotFound)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.Wait)
	defer cancel()
	jpeg, tag, err := s.newest(ctx, hub)
	if err != nil {
		s.cfg.Logger.Debug("no thumbnail", "stream", id, "err", err)
		h.Set("Cache-Control", "no-store")
		h.Set("Retry-After", fmt.Sprint(int(s.cfg.Interval.Seconds())))
		http.Error(w, fmt.Sprintf("there is no picture of stream %q now: try again in a moment", id), http.StatusServiceUnavailable)
		return
	}
	h.Set("Content-Type", "image/jpeg")
	h.Set("Cache-Control", fmt.Sprintf("public, max-age=%d", int(s.cfg.Interval.Seconds())))
	h.Set("ETag", tag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(jpeg))
}

// newest returns the stream's picture. It makes one where the last is too old; where that fails, the last one stands.
func (s *Server) newest(ctx context.Context, hub *playback.Hub) (jpeg []byte, tag string, err error) {
	s.mu.Lock()
	a := s.albums[hub]
	if a == nil {
		a = &album{turn: make(chan struct{}, 1)}
		s.albums[hub] = a
	}
	s.mu.Unlock()
	select {
	case <-ctx.Done():
		return nil, "", ctx.Err()
	case a.turn <- struct{}{}:
	}
	defer func() { <-a.turn }()
	if time.Since(a.tried) >= s.cfg.Interval {
		// It is made for all who ask: who hangs up does not stop it, or another one would be begun as often as somebody does.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Wait)
		defer cancel()
		var made []byte
		if made, a.failed = s.make(ctx, hub, a); a.failed == nil {
			a.jpeg, a.tag = made, fmt.Sprintf(`"%x"`, sha256.Sum256(made))
		}
	}
	if a.jpeg == nil {
		return nil, "", a.failed
	}
	return a.jpeg, a.tag, nil
}

// make makes a picture of the stream's newest key unit, and waits for the first where there is none yet. Only what takes a worker
// is a try.
func (s *Server) make(ctx context.Context, hub *playback.Hub, a *album) (jpeg []byte, err error) {
	item, err := hub.Source().NewReader(playback.StartNewestKey).Next(ctx)
	if err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case s.making <- struct{}{}:
	}
	defer func() { <-s.making }()
	a.tried = time.Now()
	defer func() {
		if err != nil {
			a.tried = time.Now()
		}
	}()
	width, height := size(item.Track)
	session, err := s.cfg.Maker.Open(ctx, transcoder.SessionConfig{
		ID: hub.ID() + "/thumbnail", Still: &transcoder.StillJob{From: item.Track, Width: width, Height: height},
	})
	if err != nil {
		return nil, err
	}
	defer func() { _ = session.Close() }() // what it made is here
	if err := session.Send(ctx, transcoder.WriteUnit{Unit: item.Unit}); err != nil {
		return nil, err
	}
	out, err := session.Recv(ctx)
	if err != nil {
		return nil, err
	}
	switch out := out.(type) {
	case transcoder.Rendered:
		return out.Unit.Payload, nil
	case transcoder.BadInput:
		return nil, fmt.Errorf("key picture %d cannot be decoded: %s", out.PTS, out.Reason)
	default:
		return nil, fmt.Errorf("%T in place of a picture", out)
	}
}

// size is that of a track's thumbnails: its shape, even numbers.
func size(t *media.Track) (width, height int) {
	long := max(t.Width, t.Height)
	if min(t.Width, t.Height) <= 0 {
		return side, side * 9 / 16
	}
	scale := func(n int) int { return max(2, (n*side/long+1)&^1) }
	return scale(t.Width), scale(t.Height)
}

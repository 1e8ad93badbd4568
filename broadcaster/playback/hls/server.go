// Package hls packages streams as multivariant low-latency HLS (RFC 8216bis) in fragmented MP4 and serves them.
//
// Each rendition is packaged once for all its viewers, in memory, from a stream's first request on. A part of about
// 200 ms can be fetched as soon as its last picture is there.
package hls

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"castnet/broadcaster/playback"
)

const (
	indexName = "index.m3u8"
	// briefly is the caching of playlists that change: a cache that many players ask at once asks once.
	briefly = "public, max-age=1"
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
	// PartDuration is what parts aim at. Default: 200 ms.
	PartDuration time.Duration
	// Window is how much of a stream playlists hold. Default: 20 s. Longer ones let viewers go back, and keep what they can go
	// back to in memory, of the source and every rendition.
	Window time.Duration
	// WindowBytes bounds the memory of each rendition's window: what it costs most is listed least long. Default: 512 MiB.
	WindowBytes int
	// MaxViewers bounds the players of one stream, which are told apart by address and User-Agent, up to 64 at one address.
	// Default: 10,000.
	MaxViewers int
	// Linger is how long a stream can be watched to its end after it is over. Default: 30 s.
	Linger time.Duration
	// Idle is how long a stream that nobody watches is packaged on. Default: 60 s.
	Idle time.Duration
	// Wait is how long a request waits for what is to come. Default: 10 s.
	Wait time.Duration
	// RungWait is how long the first playlist waits for the renditions' first pictures. Default: 250 ms.
	RungWait time.Duration
}

func (c *Config) validate() error {
	if c.Directory == nil || c.Metrics == nil || c.Logger == nil {
		return errors.New("hls: Directory, Metrics and Logger are required")
	}
	for _, d := range []struct {
		name  string
		value *time.Duration
		usual time.Duration
	}{
		{"PartDuration", &c.PartDuration, 200 * time.Millisecond},
		{"Window", &c.Window, 20 * time.Second},
		{"Linger", &c.Linger, 30 * time.Second},
		{"Idle", &c.Idle, time.Minute},
		{"Wait", &c.Wait, 10 * time.Second},
		{"RungWait", &c.RungWait, 250 * time.Millisecond},
	} {
		if *d.value == 0 {
			*d.value = d.usual
		}
		if *d.value < 0 {
			return fmt.Errorf("hls: %s is %v: it must be positive", d.name, *d.value)
		}
	}
	if c.WindowBytes == 0 {
		c.WindowBytes = 512 << 20
	}
	if c.WindowBytes < 0 {
		return fmt.Errorf("hls: WindowBytes is %d: it must be positive", c.WindowBytes)
	}
	if c.MaxViewers == 0 {
		c.MaxViewers = 10_000
	}
	if c.MaxViewers < 0 {
		return fmt.Errorf("hls: MaxViewers is %d: it must be positive", c.MaxViewers)
	}
	c.Idle = max(c.Idle, c.Window) // what viewers can go back to is kept for them to come back to
	return nil
}

// Server serves GET /hls/{id}/index.m3u8 and all that it refers to. It works while Run runs.
type Server struct {
	cfg   Config
	start chan *presentation

	mu    sync.Mutex
	shows map[string]*presentation // by stream id
}

// NewServer makes a server of the streams in a directory.
func NewServer(cfg Config) (*Server, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Server{cfg: cfg, start: make(chan *presentation), shows: make(map[string]*presentation)}, nil
}

// Run packages the streams that are asked for until ctx is done.
func (s *Server) Run(ctx context.Context) error {
	var shows sync.WaitGroup
	defer shows.Wait()
	for {
		select {
		case <-ctx.Done():
			return nil
		case show := <-s.start:
			shows.Go(func() {
				s.cfg.Logger.Debug("HLS packaging starts", "stream", show.hub.ID())
				show.run(ctx)
				s.remove(show)
				s.cfg.Logger.Debug("HLS packaging ends", "stream", show.hub.ID())
			})
		}
	}
}

func (s *Server) remove(show *presentation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shows[show.hub.ID()] == show {
		delete(s.shows, show.hub.ID())
	}
}

// presentation finds or starts the packaging of a stream. A stream that is over is found while it lingers.
func (s *Server) presentation(ctx context.Context, id string) (*presentation, error) {
	hub, live := s.cfg.Directory.Hub(id)
	s.mu.Lock()
	show, fresh := s.shows[id], false
	if live && (show == nil || show.hub != hub || show.ended()) {
		show, fresh = newPresentation(hub, &s.cfg), true
		s.shows[id] = show
	}
	s.mu.Unlock()
	if show == nil {
		return nil, &httpError{http.StatusNotFound, fmt.Sprintf("stream %q is not live", id)}
	}
	if fresh {
		select {
		case <-ctx.Done():
			s.remove(show)
			return nil, ctx.Err()
		case s.start <- show:
		}
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-show.ready:
		return show, nil
	case <-show.closed:
		return nil, &httpError{http.StatusNotFound, fmt.Sprintf("stream %q ended before its first picture", id)}
	}
}

type httpError struct {
	status int
	text   string
}

func (e *httpError) Error() string { return e.text }

// ServeHTTP answers below /hls/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		h.Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "*")
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		h.Set("Allow", "GET, HEAD, OPTIONS")
		http.Error(w, "a stream can only be fetched", http.StatusMethodNotAllowed)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.Wait)
	defer cancel()
	if err := s.serve(ctx, w, r); err != nil {
		h.Set("Cache-Control", "no-store")
		h.Del("Content-Type")
		refusal := &httpError{http.StatusServiceUnavailable, fmt.Sprintf("nothing came of the stream for %v: try again", s.cfg.Wait)}
		switch {
		case errors.As(err, &refusal), errors.Is(err, context.DeadlineExceeded):
		case errors.Is(err, errEnded), errors.Is(err, errNoFile):
			refusal = &httpError{http.StatusNotFound, err.Error()}
		}
		http.Error(w, refusal.text, refusal.status)
	}
}

func (s *Server) serve(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	path := strings.Split(strings.TrimPrefix(r.URL.Path, "/hls/"), "/")
	if len(path) != 2 && len(path) != 3 || len(path) == 2 && path[1] != indexName {
		return &httpError{http.StatusNotFound, "no such page: streams are at /hls/{id}/" + indexName}
	}
	show, err := s.presentation(ctx, path[0])
	if err != nil {
		return err
	}
	var v *variant // nil where all of them are asked for
	if len(path) == 3 {
		if v = show.variant(path[1]); v == nil {
			return &httpError{http.StatusNotFound, fmt.Sprintf("stream %q has no rendition %q", path[0], path[1])}
		}
	}
	if err := show.seen(r); err != nil {
		w.Header().Set("Retry-After", strconv.Itoa(int(viewerTimeout.Seconds())))
		return err
	}
	if v == nil {
		doc, err := show.multivariant(ctx)
		if err != nil {
			return err
		}
		return s.writePlaylist(w, r, doc, briefly)
	}
	if path[2] == indexName {
		as := whole
		if service, ok := textOf(path[1]); ok {
			as = words + view(service)
		}
		return s.serveMediaPlaylist(ctx, w, r, v, as)
	}
	return s.serveFile(ctx, w, r, v, path[2])
}

// serveMediaPlaylist answers at once, or (blocking reload) once the playlist holds the segment or part asked for.
func (s *Server) serveMediaPlaylist(ctx context.Context, w http.ResponseWriter, r *http.Request, v *variant, as view) error {
	v.rendition.MarkRead()
	query := r.URL.Query()
	ready := func(p *packager) bool {
		return p.nextPart > 0 && p.whole(p.late) // players need a whole segment to begin with
	}
	caching := briefly
	if query.Has("_HLS_msn") || query.Has("_HLS_part") {
		msn, part, err := reloadAt(query.Get("_HLS_msn"), query.Get("_HLS_part"), query.Has("_HLS_part"))
		if err != nil {
			return err
		}
		// Two segments ahead are far enough for any player, and a bound on how long a request stays.
		if newest, ok := v.report(); ok && msn > newest.msn+2 {
			return &httpError{http.StatusBadRequest, fmt.Sprintf("_HLS_msn=%d: the newest segment is %d", msn, newest.msn)}
		}
		ready = func(p *packager) bool { return p.nextPart > 0 && p.has(msn, part) }
		caching = fmt.Sprintf("public, max-age=%d", int(minTarget.Seconds())) // the answer to this question stays true
	}
	if err := v.wait(ctx, ready); err != nil {
		return err
	}
	if skip := query.Get("_HLS_skip"); as == whole && (skip == "YES" || skip == "v2") {
		as = delta
	}
	return s.writePlaylist(w, r, v.playlist(as), caching)
}

// reloadAt reads a blocking reload's directives. part is -1 where a whole segment is asked for.
func reloadAt(msnText, partText string, hasPart bool) (msn uint64, part int, err error) {
	msn, err = strconv.ParseUint(msnText, 10, 63)
	if err != nil {
		return 0, 0, &httpError{http.StatusBadRequest, fmt.Sprintf("_HLS_msn=%q: a media sequence number is needed", msnText)}
	}
	if !hasPart {
		return msn, -1, nil
	}
	n, err := strconv.ParseUint(partText, 10, 31)
	if err != nil {
		return 0, 0, &httpError{http.StatusBadRequest, fmt.Sprintf("_HLS_part=%q: a part number is needed", partText)}
	}
	return msn, int(n), nil
}

// serveFile sends an initialization, a segment or a part. They never change, so that caches may keep them.
func (s *Server) serveFile(ctx context.Context, w http.ResponseWriter, r *http.Request, v *variant, name string) error {
	rest, ours := strings.CutPrefix(name, v.show.tag+"-")
	stem, _, _ := strings.Cut(rest, ".")
	if !ours || len(stem) < 2 {
		return errNoFile
	}
	number, err := strconv.ParseUint(stem[1:], 10, 63)
	if err != nil || name != fileName(v.show.tag, stem[0], number) {
		return errNoFile
	}
	chunks, err := v.file(ctx, stem[0], number)
	if err != nil {
		return err
	}
	size := 0
	for _, chunk := range chunks {
		size += len(chunk)
	}
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=3600, immutable")
	h.Set("Content-Type", "video/mp4")
	if isWords(stem[0]) {
		h.Set("Content-Type", "text/vtt")
	}
	h.Set("Content-Length", strconv.Itoa(size))
	if r.Method != http.MethodHead {
		s.cfg.Metrics.AddBytes(playback.HLS, send(w, chunks))
	}
	return nil
}

// send writes the chunks until the player has gone, and returns how many bytes it took.
func send(w io.Writer, chunks [][]byte) (sent int) {
	for _, chunk := range chunks {
		n, err := w.Write(chunk)
		sent += n
		if err != nil {
			break
		}
	}
	return sent
}

func (s *Server) writePlaylist(w http.ResponseWriter, r *http.Request, doc document, caching string) error {
	h := w.Header()
	h.Set("Cache-Control", caching)
	h.Set("Content-Type", "application/vnd.apple.mpegurl")
	h.Set("Vary", "Accept-Encoding")
	body := doc.plain
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = doc.gzipped
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // an error is a player that has gone
	}
	return nil
}

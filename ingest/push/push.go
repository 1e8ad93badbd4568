// Package push takes streams in by HTTP, as segments of MPEG transport stream: PUT or POST /live/KEY/SEQ.ts, as encoders push
// them to Livepeer, and as ffmpeg's muxers hls and segment do. H264 and HEVC, with AAC or Opus.
//
// Units go on as they arrive, inside a segment too. What belongs to one key is one stream until its end is told, by DELETE
// /live/KEY or a playlist with EXT-X-ENDLIST, or nothing comes for too long.
package push

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/ingest"
)

// maxKey bounds a stream key.
const maxKey = 256

// Config is what a Server needs. Fields with a default may be left zero.
type Config struct {
	// Gate decides who may publish.
	Gate ingest.Gate
	// Logger gets a line for each publisher that comes, goes, or is sent away, and for segments that are missing.
	Logger *slog.Logger
	// Registerer gets the castnet_ingest_ metrics.
	Registerer prometheus.Registerer

	// MaxPublishers bounds the streams at once (1000).
	MaxPublishers int
	// MaxSegmentBytes bounds one segment (64 MiB).
	MaxSegmentBytes int64
	// ReorderWait is how long a segment waits for one before it that has not come (2 s).
	ReorderWait time.Duration
	// IdleTimeout ends a segment in which nothing comes for so long, and a stream after which no segment does. Segments
	// that are pushed once they are whole must be shorter (20 s).
	IdleTimeout time.Duration
	// Now is the clock (time.Now).
	Now func() time.Time
}

func (c *Config) validate() error {
	if c.Gate == nil || c.Logger == nil || c.Registerer == nil {
		return errors.New("push: Config needs Gate, Logger and Registerer")
	}
	if c.MaxPublishers < 0 || c.MaxSegmentBytes < 0 || c.ReorderWait < 0 || c.IdleTimeout < 0 {
		return fmt.Errorf("push: MaxPublishers %d, MaxSegmentBytes %d, ReorderWait %v and IdleTimeout %v must be positive, or 0 for the default",
			c.MaxPublishers, c.MaxSegmentBytes, c.ReorderWait, c.IdleTimeout)
	}
	if c.MaxPublishers == 0 {
		c.MaxPublishers = 1000
	}
	if c.MaxSegmentBytes == 0 {
		c.MaxSegmentBytes = 64 << 20
	}
	if c.ReorderWait == 0 {
		c.ReorderWait = 2 * time.Second
	}
	if c.IdleTimeout == 0 {
		c.IdleTimeout = 20 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}

// Server serves /live/. It works while Run runs.
type Server struct {
	cfg     Config
	metrics *ingest.Metrics

	mu       sync.Mutex
	run      context.Context //nolint:containedctx // streams outlive the requests that begin them, never Run
	requests sync.WaitGroup  // being served; added to while run is set
	sessions map[string]*session
}

// New makes a server.
func New(cfg Config) (*Server, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	metrics, err := ingest.NewMetrics(cfg.Registerer, "http")
	if err != nil {
		return nil, fmt.Errorf("push: metrics: %w", err)
	}
	return &Server{cfg: cfg, metrics: metrics, sessions: make(map[string]*session)}, nil
}

// Run takes segments until ctx ends, and ends streams that have fallen silent.
func (s *Server) Run(ctx context.Context) error {
	s.mu.Lock()
	s.run = ctx
	s.mu.Unlock()
	tick := time.NewTicker(s.cfg.IdleTimeout / 8)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
			for _, v := range s.all() {
				if v.silent() {
					s.end(v, false, errSilent)
				}
			}
		case <-ctx.Done():
		}
	}
	s.mu.Lock()
	s.run = nil
	s.mu.Unlock()
	s.requests.Wait() // ctx ends what they read
	for _, v := range s.all() {
		s.end(v, false, ingest.ErrUnavailable)
	}
	return nil
}

func (s *Server) all() []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*session, 0, len(s.sessions))
	for _, v := range s.sessions {
		all = append(all, v)
	}
	return all
}

// enter counts a request in, and returns what it is to be undone by. ctx ends with Run, and not with the connection: ffmpeg
// closes it behind its last segment and the playlist that ends the stream, without waiting for answers.
func (s *Server) enter() (ctx context.Context, leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run == nil {
		return nil, nil, ingest.ErrUnavailable
	}
	s.requests.Add(1)
	return s.run, s.requests.Done, nil
}

// answer is what the other end is told, by an HTTP status and its text.
type answer struct {
	status int
	text   string
}

// Error implements error.
func (a *answer) Error() string { return a.text }

func say(status int, format string, a ...any) error {
	return &answer{status, fmt.Sprintf(format, a...)}
}

// ServeHTTP answers at /live/ and below.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, leave, err := s.enter()
	if err == nil {
		defer leave()
		err = s.serve(ctx, w, r) //nolint:contextcheck // ctx is Run's
	}
	if err != nil {
		s.explain(w, err)
	}
}

func (s *Server) serve(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	key, name, _ := strings.Cut(strings.Trim(strings.TrimPrefix(r.URL.Path, "/live/"), "/"), "/")
	if key == "" || len(key) > maxKey || strings.Contains(name, "/") {
		return say(http.StatusNotFound, "push segments to /live/KEY/1.ts, /live/KEY/2.ts and so on; a key has 1 to %d bytes", maxKey)
	}
	sent := r.Method == http.MethodPut || r.Method == http.MethodPost
	playlist := strings.HasSuffix(name, ".m3u8")
	switch {
	case r.Method == http.MethodDelete && name == "":
		return s.goodbye(ctx, key, 0)
	case r.Method == http.MethodDelete: // ffmpeg takes back what its playlist no longer names
		return say(http.StatusOK, "segments are not kept here")
	case sent && playlist:
		return s.playlist(ctx, w, r, key)
	case sent && name != "":
		return s.segment(ctx, w, r, key, name)
	default:
		w.Header().Set("Allow", "PUT, POST, DELETE")
		return say(http.StatusMethodNotAllowed, "PUT or POST segments to /live/KEY/1.ts and so on, DELETE /live/KEY at the end; to watch, open the broadcaster's page")
	}
}

// explain answers with what came of a request, for the person who publishes.
func (s *Server) explain(w http.ResponseWriter, err error) {
	status := http.StatusServiceUnavailable
	if own, ok := errors.AsType[*answer](err); ok {
		status = own.status
	} else {
		code := ingest.CodeOf(err)
		s.metrics.Refused.WithLabelValues(string(code)).Inc()
		switch code {
		case ingest.CodeWrongKey:
			status = http.StatusForbidden
		case ingest.CodeKeyInUse:
			status = http.StatusConflict
		case ingest.CodeUnsupportedCodec, ingest.CodeBadData, ingest.CodeNoKeyFrame:
			status = http.StatusUnprocessableEntity
		case ingest.CodeLimit, ingest.CodeUnavailable:
		}
	}
	http.Error(w, err.Error(), status)
}

// session finds a key's stream, or asks the gate to let one begin, with the segment of this number.
func (s *Server) session(key, remote string, seq uint64) (*session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v := s.sessions[key]; v != nil {
		return v, nil
	}
	switch {
	case s.run == nil:
		return nil, ingest.ErrUnavailable
	case len(s.sessions) >= s.cfg.MaxPublishers:
		return nil, &ingest.Refusal{
			Code: ingest.CodeLimit, Message: "too many publishers by HTTP: try again later", Limit: fmt.Sprint(s.cfg.MaxPublishers),
		}
	}
	ctx, cancel := context.WithCancel(s.run)
	sink, err := s.cfg.Gate.Publish(ctx, ingest.Request{Protocol: "http", Key: key, Remote: remote, Bursts: true})
	if err != nil {
		cancel()
		s.cfg.Logger.Info("publisher refused", "remote", remote, "reason", err)
		return nil, err
	}
	v := newSession(s, key, sink, seq)
	v.cancel, v.log = cancel, s.cfg.Logger.With("remote", remote)
	s.sessions[key] = v
	s.metrics.Publishers.Inc()
	v.log.Info("publisher came in", "segment", seq)
	return v, nil
}

// end ends a stream, once; own says that the caller has its turn. It reports false where another has it.
func (s *Server) end(v *session, own bool, reason error) bool {
	if !v.close(own) {
		return false
	}
	s.mu.Lock()
	delete(s.sessions, v.key)
	s.mu.Unlock()
	s.metrics.Publishers.Dec()
	lasted := s.cfg.Now().Sub(v.began).Round(time.Millisecond)
	if reason == nil {
		v.log.Info("publisher ended its stream", "after", lasted)
	} else {
		v.log.Info("publisher is gone", "after", lasted, "reason", reason)
	}
	v.sink.Close(reason)
	v.cancel()
	return true
}

// goodbye ends a key's stream, after the segment last, because its publisher says so.
func (s *Server) goodbye(ctx context.Context, key string, last uint64) error {
	s.mu.Lock()
	v := s.sessions[key]
	s.mu.Unlock()
	if v == nil {
		return say(http.StatusNotFound, "no stream is being pushed with this key")
	}
	if err := v.rest(ctx, last); err != nil {
		return err
	}
	if !s.end(v, false, nil) {
		return say(http.StatusConflict, "another segment has begun: end the stream after it")
	}
	return say(http.StatusOK, "the stream has ended")
}

// Package restream pushes live streams on to other servers, by RTMP, RTMPS and SRT, and comes back to those that go away.
//
// A Server reads hubs as players do: a target that is slow or dead costs the stream nothing, and skips to a key frame once it
// is back. The Publisher, RTMP's client, serves others too.
package restream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/broadcaster/playback"
)

// Target is where a stream is pushed to.
type Target struct {
	// Stream is the id of the stream.
	Stream string
	// Rendition is what is pushed: playback.SourceName, or the name of a rung.
	Rendition string
	// URL is rtmp://host/app/KEY, rtmps://…, or srt://host:port?streamid=…&passphrase=…; it holds secrets.
	URL string
}

// Config is what a Server needs. Fields with a default may be left zero.
type Config struct {
	// Targets are those of all streams.
	Targets []Target
	// Logger gets a line for each target that comes and goes; never its key.
	Logger *slog.Logger
	// Registerer gets the castnet_restream_ metrics.
	Registerer prometheus.Registerer
	// FirstPause (1 s) is waited after a connection ends, and doubled up to LongestPause (60 s) while none lasts.
	FirstPause, LongestPause time.Duration
}

func (c *Config) validate() error {
	if c.Logger == nil || c.Registerer == nil {
		return errors.New("restream: Config needs Logger and Registerer")
	}
	if c.FirstPause == 0 {
		c.FirstPause = time.Second
	}
	if c.LongestPause == 0 {
		c.LongestPause = time.Minute
	}
	if c.FirstPause < 0 || c.LongestPause < c.FirstPause {
		return fmt.Errorf("restream: FirstPause is %v and LongestPause %v: both must be positive, and the first not the longer", c.FirstPause, c.LongestPause)
	}
	return nil
}

// Check says what is wrong with a target, without its key.
func (t Target) Check() error {
	u, err := url.Parse(t.URL)
	if err != nil {
		return fmt.Errorf("%w: the address cannot be read", ErrInvalid)
	}
	if u.Scheme == "srt" {
		_, err = parseSRT(t.URL)
	} else {
		_, err = parse(t.URL)
	}
	return err
}

// Server pushes streams to their targets. It works while Run runs.
type Server struct {
	cfg    Config
	pushes map[string][]*push // by stream

	mu      sync.Mutex
	run     context.Context //nolint:containedctx // pushes outlive the call that begins them, never Run
	running sync.WaitGroup
}

// New makes a server.
func New(cfg Config) (*Server, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, pushes: make(map[string][]*push)}
	for _, t := range cfg.Targets {
		if err := t.Check(); err != nil {
			return nil, fmt.Errorf("restream: stream %s: %w", t.Stream, err)
		}
		s.pushes[t.Stream] = append(s.pushes[t.Stream], newPush(s, t))
	}
	if err := cfg.Registerer.Register(newCollector(s)); err != nil {
		return nil, fmt.Errorf("restream: metrics: %w", err)
	}
	return s, nil
}

// Run pushes until ctx ends, and returns when the servers have been told goodbye.
func (s *Server) Run(ctx context.Context) error {
	s.mu.Lock()
	s.run = ctx
	s.mu.Unlock()
	<-ctx.Done()
	s.mu.Lock()
	s.run = nil
	s.mu.Unlock()
	s.running.Wait()
	return nil
}

// Begin has a stream that begins pushed to its targets, until it ends. It does not block.
func (s *Server) Begin(hub *playback.Hub) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run == nil {
		return
	}
	ctx := s.run
	for _, p := range s.pushes[hub.ID()] {
		s.running.Go(func() { p.follow(ctx, hub) })
	}
}

// Targets is what there is to know of a stream's targets now, in their order.
func (s *Server) Targets(stream string) []Status {
	var list []Status
	for _, p := range s.pushes[stream] {
		list = append(list, p.read())
	}
	return list
}

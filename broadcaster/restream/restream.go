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
	"strings"
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
	// Targets are those of all streams that are there from the beginning, for good.
	Targets []Target
	// MaxAdded bounds those of each stream that are added later. 0: none can be.
	MaxAdded int
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
	if c.MaxAdded < 0 {
		return fmt.Errorf("restream: MaxAdded is %d: must not be negative", c.MaxAdded)
	}
	if c.FirstPause < 0 || c.LongestPause < c.FirstPause {
		return fmt.Errorf("restream: FirstPause is %v and LongestPause %v: both must be positive, and the first not the longer", c.FirstPause, c.LongestPause)
	}
	return nil
}

// maxHost bounds a target's host and port, in bytes: names have 253 at most (RFC 1035, section 2.3.4).
const maxHost = 260

// Check says what is wrong with a target, without its key.
func (t Target) Check() error {
	u, err := url.Parse(t.URL)
	if err != nil {
		return fmt.Errorf("%w: the address cannot be read", ErrInvalid)
	}
	if len(u.Host) > maxHost || strings.ContainsFunc(u.Host, func(r rune) bool { return r <= ' ' || r > '~' }) { // it is shown, and a metric's label
		return fmt.Errorf("%w: the address's host must be printable ASCII, %d bytes at most; other letters are written in punycode", ErrInvalid, maxHost)
	}
	if u.Scheme == "srt" {
		_, err = parseSRT(t.URL)
	} else {
		_, err = parse(t.URL)
	}
	return err
}

// Server pushes streams to their targets. It works while Run runs. Its methods are safe for concurrent use.
type Server struct {
	cfg Config

	mu      sync.Mutex
	run     context.Context //nolint:containedctx // pushes outlive the call that begins them, never Run
	running sync.WaitGroup
	targets map[string][]*push       // by stream
	leaving map[string]int           // how many targets that were removed have their place still, by stream
	last    int                      // number of a target
	live    map[string]*playback.Hub // what each stream is pushed from now
}

// New makes a server.
func New(cfg Config) (*Server, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, targets: make(map[string][]*push), leaving: make(map[string]int), live: make(map[string]*playback.Hub)}
	for _, t := range cfg.Targets {
		if err := t.Check(); err != nil {
			return nil, fmt.Errorf("restream: stream %s: %w", t.Stream, err)
		}
		s.append(t, true)
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
	s.live[hub.ID()] = hub
	s.running.Go(func() { s.end(ctx, hub) })
	for _, p := range s.targets[hub.ID()] {
		s.follow(p, hub)
	}
}

// end waits for a hub's end: what is added then waits for the stream's next one.
func (s *Server) end(ctx context.Context, hub *playback.Hub) {
	select {
	case <-hub.Done():
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live[hub.ID()] == hub {
		delete(s.live, hub.ID())
	}
}

// Package rtmp takes streams in by RTMP, as OBS and ffmpeg push them: rtmp://host/live/KEY, H264 and AAC.
//
// It makes Annex B units on a 90 kHz clock out of what comes, and tells publishers in words why they cannot go on.
package rtmp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/ingest"
	"castnet/internal/media"
)

// Config is what a Server needs. Fields with a default may be left zero.
type Config struct {
	// Listener accepts the connections; the server closes it. For RTMPS hand in a TLS listener.
	Listener net.Listener
	// Gate decides who may publish.
	Gate ingest.Gate
	// Logger gets a line for each publisher that comes, goes, or is sent away.
	Logger *slog.Logger
	// Registerer gets the castnet_ingest_ metrics.
	Registerer prometheus.Registerer

	// Protocol names the server in requests and metrics: "rtmp" by default, "rtmps" for a TLS listener.
	Protocol string
	// MaxConnections bounds open connections in total (1000), MaxPerAddress those of one IPv4 address or IPv6 /64
	// network (100).
	MaxConnections, MaxPerAddress int
	// MaxUnitBytes bounds one coded frame (media.MaxUnitBytes).
	MaxUnitBytes int
	// HandshakeTimeout bounds the time from the connection to the publish command (10 s).
	HandshakeTimeout time.Duration
	// IdleTimeout ends a publisher that has not sent a whole frame or audio packet for so long (10 s).
	IdleTimeout time.Duration
	// Now is the clock (time.Now).
	Now func() time.Time
}

func (c *Config) validate() error {
	if c.Listener == nil || c.Gate == nil || c.Logger == nil || c.Registerer == nil {
		return errors.New("rtmp: Config needs Listener, Gate, Logger and Registerer")
	}
	if c.MaxConnections < 0 || c.MaxPerAddress < 0 || c.MaxUnitBytes < 0 || c.HandshakeTimeout < 0 || c.IdleTimeout < 0 {
		return fmt.Errorf("rtmp: MaxConnections %d, MaxPerAddress %d, MaxUnitBytes %d, HandshakeTimeout %v and IdleTimeout %v must be positive, or 0 for the default",
			c.MaxConnections, c.MaxPerAddress, c.MaxUnitBytes, c.HandshakeTimeout, c.IdleTimeout)
	}
	if c.MaxUnitBytes > media.MaxUnitBytes {
		return fmt.Errorf("rtmp: MaxUnitBytes is %d: at most %d are possible", c.MaxUnitBytes, media.MaxUnitBytes)
	}
	c.Protocol = cmp.Or(c.Protocol, "rtmp")
	c.MaxConnections = cmp.Or(c.MaxConnections, 1000)
	c.MaxPerAddress = cmp.Or(c.MaxPerAddress, 100)
	c.MaxUnitBytes = cmp.Or(c.MaxUnitBytes, media.MaxUnitBytes)
	c.HandshakeTimeout = cmp.Or(c.HandshakeTimeout, 10*time.Second)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, 10*time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}

// maxTurnedAway is how many connections beyond the limits are served at once just to be told so; more are closed
// without a word.
const maxTurnedAway = 16

// Server takes RTMP publishers in.
type Server struct {
	cfg     Config
	metrics *ingest.Metrics
	// greeting is what the handshake with every publisher begins with; wires are at rest.
	greeting []byte
	wires    sync.Pool

	mu         sync.Mutex
	open       int                  // connections within the limits
	byAddress  map[netip.Prefix]int // the same, by where they come from
	turnedAway int                  // connections beyond the limits
}

// New makes a server. It returns an error where the configuration cannot work.
func New(cfg Config) (*Server, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	metrics, err := ingest.NewMetrics(cfg.Registerer, cfg.Protocol)
	if err != nil {
		return nil, fmt.Errorf("rtmp: metrics: %w", err)
	}
	greeting, err := newGreeting()
	if err != nil {
		return nil, err
	}
	return &Server{
		cfg: cfg, metrics: metrics, greeting: greeting, wires: sync.Pool{New: func() any { return newWire() }},
		byAddress: make(map[netip.Prefix]int),
	}, nil
}

// Run serves until ctx ends, then tells the publishers, closes the listener and returns nil once all connections are
// gone. It returns an error where the listener fails.
func (s *Server) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var conns sync.WaitGroup
	defer conns.Wait()
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = s.cfg.Listener.Close() })
	defer stop()
	for {
		nc, err := s.accept(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil // the listener was closed to end Run
			}
			return fmt.Errorf("rtmp: accept: %w", err)
		}
		conns.Go(func() {
			defer nc.Close()
			from := origin(nc.RemoteAddr())
			over, admitted := s.enter(from)
			if !admitted {
				s.metrics.Refused.WithLabelValues(string(ingest.CodeLimit)).Inc()
				return
			}
			defer s.leave(from, over != nil)
			s.serve(ctx, nc, over)
		})
	}
}

// accept waits out what passes by itself: no file descriptors left, or a connection that was gone already.
func (s *Server) accept(ctx context.Context) (net.Conn, error) {
	for {
		nc, err := s.cfg.Listener.Accept()
		if err == nil || ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			return nc, err
		}
		s.cfg.Logger.Warn("cannot accept an RTMP connection", "error", err)
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// origin is what the limit per address counts by: an IPv6 user has a whole /64.
func origin(addr net.Addr) netip.Prefix {
	ap, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return netip.Prefix{}
	}
	ip, length := ap.Addr().Unmap(), 32
	if ip.Is6() {
		length = 64
	}
	prefix, err := ip.Prefix(length)
	if err != nil {
		return netip.Prefix{}
	}
	return prefix
}

// enter counts a connection. over says why it may not publish; it is not admitted at all where too many are being told.
func (s *Server) enter(from netip.Prefix) (over *ingest.Refusal, admitted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.open >= s.cfg.MaxConnections:
		over = tooMany("the server has too many publishers: try again later", s.cfg.MaxConnections, "--max-connections")
	case s.byAddress[from] >= s.cfg.MaxPerAddress:
		over = tooMany("too many connections from your address: close some", s.cfg.MaxPerAddress, "--max-connections-per-address")
	default:
		s.open++
		s.byAddress[from]++
		s.metrics.Connections.Inc()
		return nil, true
	}
	if s.turnedAway >= maxTurnedAway {
		return over, false
	}
	s.turnedAway++
	return over, true
}

func tooMany(message string, limit int, knob string) *ingest.Refusal {
	return &ingest.Refusal{Code: ingest.CodeLimit, Message: message, Limit: fmt.Sprint(limit), Knob: knob}
}

func (s *Server) leave(from netip.Prefix, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if over {
		s.turnedAway--
		return
	}
	s.open--
	s.metrics.Connections.Dec()
	if s.byAddress[from]--; s.byAddress[from] == 0 {
		delete(s.byAddress, from)
	}
}

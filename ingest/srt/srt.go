// Package srt takes streams in by SRT, as OBS, ffmpeg and contribution encoders push them: MPEG transport stream to
// srt://host:8890?streamid=publish:KEY (or #!::r=KEY,m=publish), encrypted where a passphrase is set.
package srt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	gosrt "github.com/datarhei/gosrt"
	"github.com/prometheus/client_golang/prometheus"

	"castnet/ingest"
	"castnet/ingest/tsstream"
)

// publish is what the stream id of a publisher begins with.
const publish = "publish:"

// maxKey bounds a stream key. The stream id has at most 512 bytes.
const maxKey = 256

// errVanished is what a sink is told where the connection ended without a goodbye.
var errVanished = errors.New("the publisher's connection ended without a goodbye")

// Config is what a Server needs. Fields with a default may be left zero.
type Config struct {
	// Address is the UDP port, host:port.
	Address string
	// Passphrase, of 10 to 79 bytes, is asked of every publisher; empty: nobody's stream is encrypted.
	Passphrase string
	// Gate decides who may publish.
	Gate ingest.Gate
	// Logger gets a line for each publisher that comes, goes, or is sent away.
	Logger *slog.Logger
	// Registerer gets the castnet_ingest_ metrics.
	Registerer prometheus.Registerer

	// MaxPublishers bounds the connections at once (1000).
	MaxPublishers int
	// Latency is how long a lost packet may be asked for again, at least (120 ms, SRT's default).
	Latency time.Duration
	// IdleTimeout ends a publisher that is silent for so long (10 s).
	IdleTimeout time.Duration
	// Now is the clock (time.Now).
	Now func() time.Time
}

func (c *Config) validate() error {
	if c.Address == "" || c.Gate == nil || c.Logger == nil || c.Registerer == nil {
		return errors.New("srt: Config needs Address, Gate, Logger and Registerer")
	}
	if n := len(c.Passphrase); n != 0 && (n < 10 || n > 79) {
		return fmt.Errorf("srt: the passphrase has %d bytes: 10 to 79 are allowed", n)
	}
	if c.MaxPublishers < 0 || c.Latency < 0 || c.IdleTimeout < 0 {
		return fmt.Errorf("srt: MaxPublishers %d, Latency %v and IdleTimeout %v must be positive, or 0 for the default",
			c.MaxPublishers, c.Latency, c.IdleTimeout)
	}
	c.MaxPublishers = cmp.Or(c.MaxPublishers, 1000)
	c.Latency = cmp.Or(c.Latency, 120*time.Millisecond)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, 10*time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}

// Server takes SRT publishers.
type Server struct {
	cfg      Config
	metrics  *ingest.Metrics
	listener gosrt.Listener
	goodbyes *goodbyes
	open     chan struct{} // a token for each connection
}

// New opens the port. Run serves it and closes it.
func New(cfg Config) (*Server, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	metrics, err := ingest.NewMetrics(cfg.Registerer, "srt")
	if err != nil {
		return nil, fmt.Errorf("srt: metrics: %w", err)
	}
	sc := gosrt.DefaultConfig()
	sc.ReceiverLatency, sc.PeerLatency = cfg.Latency, cfg.Latency
	sc.PeerIdleTimeout = cfg.IdleTimeout
	held := &goodbyes{readers: make(map[uint32]*reader)}
	sc.Logger = held
	listener, err := gosrt.Listen("srt", cfg.Address, sc)
	if err != nil {
		return nil, fmt.Errorf("srt: listen on %s: %w", cfg.Address, err)
	}
	return &Server{cfg: cfg, metrics: metrics, listener: listener, goodbyes: held, open: make(chan struct{}, cfg.MaxPublishers)}, nil
}

// Address is the port that is served, host:port.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Run serves until ctx ends; then it closes all connections. It returns an error where the port fails.
func (s *Server) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, s.listener.Close)
	defer stop()
	var all sync.WaitGroup
	defer all.Wait()
	for {
		request, err := s.accept()
		if request == nil && err == nil {
			continue
		}
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("srt: %w", err)
		}
		if s.goodbyes.asked < gosrt.MIN_MSS_SIZE { // for which the library would make a buffer of 4 GiB
			s.metrics.Refused.WithLabelValues(string(ingest.CodeBadData)).Inc()
			request.Reject(gosrt.REJ_ROGUE)
			continue
		}
		select {
		case s.open <- struct{}{}:
			all.Go(func() {
				defer func() { <-s.open }()
				s.serve(ctx, request)
			})
		default:
			s.metrics.Refused.WithLabelValues(string(ingest.CodeLimit)).Inc()
			request.Reject(gosrt.REJX_OVERLOAD)
		}
	}
}

// accept waits for the next request; nil is one that cannot be read. gosrt v0.11.0 panics on a handshake whose last
// extension is cut off, before it has done anything with it (packet.go, CIFHandshake.Unmarshal).
func (s *Server) accept() (request gosrt.ConnRequest, err error) {
	defer func() {
		if broken := recover(); broken != nil {
			s.metrics.Refused.WithLabelValues(string(ingest.CodeBadData)).Inc()
			s.cfg.Logger.Debug("broken SRT handshake", "why", broken)
		}
	}()
	return s.listener.Accept2()
}

// serve takes one connection from its request to its end.
func (s *Server) serve(ctx context.Context, request gosrt.ConnRequest) {
	remote := request.RemoteAddr().String()
	log := s.cfg.Logger.With("remote", remote)
	sink, err := s.admit(ctx, request, remote)
	if err != nil {
		s.metrics.Refused.WithLabelValues(string(ingest.CodeOf(err))).Inc()
		log.Info("publisher refused", "reason", err)
		request.Reject(rejection(err))
		return
	}
	conn, err := request.Accept()
	if err != nil {
		log.Info("publisher could not be accepted", "err", err)
		sink.Close(err)
		return
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // it ends either way
	defer stop()
	defer func() { _ = conn.Close() }()
	s.metrics.Connections.Inc()
	defer s.metrics.Connections.Dec()
	s.metrics.Publishers.Inc()
	defer s.metrics.Publishers.Dec()
	log.Info("publisher came in")
	began := s.cfg.Now()
	from, end := s.goodbyes.read(conn)
	watched := make(chan error, 1)
	go func() { watched <- from.watch(s.cfg.IdleTimeout) }()
	reason := tsstream.New(sink, s.metrics, s.cfg.Now).Read(from)
	end()
	if why := <-watched; why != nil {
		reason = why
	}
	lasted := s.cfg.Now().Sub(began).Round(time.Millisecond)
	_, refused := errors.AsType[*ingest.Refusal](reason)
	switch {
	case ctx.Err() != nil:
		reason = ingest.ErrUnavailable
	case refused:
		s.metrics.Refused.WithLabelValues(string(ingest.CodeOf(reason))).Inc()
		log.Warn("publisher refused", "after", lasted, "reason", reason)
	case (reason == nil || errors.Is(reason, io.EOF)) && from.said.Load(): // a connection that timed out ends alike
		reason = nil
		log.Info("publisher ended its stream", "after", lasted)
	default:
		reason = cmp.Or(reason, io.EOF)
		log.Info("publisher vanished", "after", lasted, "reason", reason)
		reason = fmt.Errorf("%w (%w)", errVanished, reason)
	}
	sink.Close(reason)
}

// admit reads who wants to publish, and asks the gate.
func (s *Server) admit(ctx context.Context, request gosrt.ConnRequest, remote string) (ingest.Sink, error) {
	key := keyOf(request.StreamId())
	if key == "" || len(key) > maxKey {
		return nil, &ingest.Refusal{
			Code: ingest.CodeWrongKey, Message: "publish with the stream id publish:KEY, or #!::r=KEY,m=publish", Asked: fmt.Sprintf("%.40q", request.StreamId()),
			Limit: fmt.Sprintf("a key of 1 to %d bytes", maxKey),
		}
	}
	switch {
	case s.cfg.Passphrase == "" && request.IsEncrypted():
		return nil, &ingest.Refusal{Code: ingest.CodeBadData, Message: "the stream is encrypted, and no passphrase is set here", Knob: "--srt-passphrase"}
	case s.cfg.Passphrase != "" && !request.IsEncrypted():
		return nil, &ingest.Refusal{Code: ingest.CodeBadData, Message: "a passphrase is asked for, and the stream is not encrypted", Knob: "--srt-passphrase"}
	case s.cfg.Passphrase != "":
		if err := request.SetPassphrase(s.cfg.Passphrase); err != nil {
			return nil, &ingest.Refusal{Code: ingest.CodeBadData, Message: "the passphrase is wrong"}
		}
	}
	return s.cfg.Gate.Publish(ctx, ingest.Request{Protocol: "srt", Key: key, Remote: remote})
}

// keyOf is the stream key in a publisher's stream id, empty where there is none: publish:KEY, or #!::r=KEY,m=publish as in
// SRT's access control guidelines.
func keyOf(id string) string {
	list, standard := strings.CutPrefix(id, "#!::")
	if !standard {
		key, _ := strings.CutPrefix(id, publish)
		if key == id {
			return ""
		}
		return key
	}
	var key, mode string
	for pair := range strings.SplitSeq(list, ",") {
		switch name, value, _ := strings.Cut(pair, "="); name {
		case "r":
			key = value
		case "m":
			mode = value
		}
	}
	if mode != "publish" {
		return ""
	}
	return strings.TrimPrefix(key, "live/")
}

// rejection is SRT's number for a refusal: there is no room for its words.
func rejection(err error) gosrt.RejectionReason {
	switch ingest.CodeOf(err) {
	case ingest.CodeWrongKey:
		return gosrt.REJX_FORBIDDEN
	case ingest.CodeKeyInUse:
		return gosrt.REJX_CONFLICT
	case ingest.CodeBadData:
		return gosrt.REJ_BADSECRET
	case ingest.CodeUnsupportedCodec, ingest.CodeNoKeyFrame, ingest.CodeLimit, ingest.CodeUnavailable:
		return gosrt.REJX_OVERLOAD
	default:
		return gosrt.REJX_UNACCEPTABLE
	}
}

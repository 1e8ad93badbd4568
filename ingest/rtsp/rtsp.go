// Package rtsp takes streams in by RTSP (ANNOUNCE and RECORD), as cameras, ffmpeg and GStreamer push them, to
// rtsp://host/live/KEY, over TCP or UDP: H264, HEVC, AV1, VP8 and VP9, with AAC or Opus. It owns the RTSP server; who plays
// from it (DESCRIBE and PLAY) is served by a Player. A Puller gets streams from other servers, cameras most often.
package rtsp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/liberrors"
	"github.com/prometheus/client_golang/prometheus"

	"castnet/ingest"
)

// app is where publishers push: rtsp://host/live/KEY. Everything else is for players.
const app = "live/"

// maxKey bounds a stream key.
const maxKey = 256

// tail is how long the last packets by UDP may still be on their way when the goodbye, by TCP, is here.
const tail = 100 * time.Millisecond

// Player serves those who watch. Its methods are safe for concurrent use.
type Player interface {
	// Describe tells what a path names, in SDP, and Stream is what sessions are set up with. An error is shown to the player.
	Describe(server *gortsplib.Server, path string) ([]byte, error)
	Stream(server *gortsplib.Server, path string) (*gortsplib.ServerStream, error)
	// Joined tells that a session begins to play, and has the Player send to it; Left that it has ended.
	Joined(session *gortsplib.ServerSession)
	Left(session *gortsplib.ServerSession)
}

// Config is what a Server needs. Fields with a default may be left zero.
type Config struct {
	// Listener accepts the connections; the server closes it.
	Listener net.Listener
	// RTP and RTCP, where set, let media come and go by UDP: an even port and the next one, see ListenUDP. The server
	// closes them.
	RTP, RTCP net.PacketConn
	// Gate decides who may publish.
	Gate ingest.Gate
	// Player serves those who watch; nil refuses them.
	Player Player
	// Logger gets a line for each publisher that comes, goes, or is sent away.
	Logger *slog.Logger
	// Registerer gets the castnet_ingest_ metrics.
	Registerer prometheus.Registerer

	// MaxConnections bounds open connections in total (1000), MaxPerAddress those of one IP address (100).
	MaxConnections, MaxPerAddress int
	// IdleTimeout ends a connection that is silent for so long (10 s).
	IdleTimeout time.Duration
	// Now is the clock (time.Now).
	Now func() time.Time
}

func (c *Config) validate() error {
	if c.Listener == nil || c.Gate == nil || c.Logger == nil || c.Registerer == nil {
		return errors.New("rtsp: Config needs Listener, Gate, Logger and Registerer")
	}
	if c.MaxConnections < 0 || c.MaxPerAddress < 0 || c.IdleTimeout < 0 {
		return fmt.Errorf("rtsp: MaxConnections %d, MaxPerAddress %d and IdleTimeout %v must be positive, or 0 for the default",
			c.MaxConnections, c.MaxPerAddress, c.IdleTimeout)
	}
	c.MaxConnections = cmp.Or(c.MaxConnections, 1000)
	c.MaxPerAddress = cmp.Or(c.MaxPerAddress, 100)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, 10*time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}

// Server takes RTSP publishers and players.
type Server struct {
	cfg     Config
	metrics *ingest.Metrics
	rtsp    *gortsplib.Server

	run context.Context //nolint:containedctx // sessions end with Run, not with the requests that begin them

	mu        sync.Mutex
	open      int // connections within the limits
	byAddress map[netip.Addr]int
	counted   map[*gortsplib.ServerConn]netip.Addr // those connections
	sessions  map[*gortsplib.ServerSession]*publisher
}

// New makes a server.
func New(cfg Config) (*Server, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	metrics, err := ingest.NewMetrics(cfg.Registerer, "rtsp")
	if err != nil {
		return nil, fmt.Errorf("rtsp: metrics: %w", err)
	}
	s := &Server{
		cfg: cfg, metrics: metrics, byAddress: make(map[netip.Addr]int), counted: make(map[*gortsplib.ServerConn]netip.Addr),
		sessions: make(map[*gortsplib.ServerSession]*publisher),
	}
	s.rtsp = &gortsplib.Server{
		RTSPAddress: cfg.Listener.Addr().String(), Handler: s, ReadTimeout: cfg.IdleTimeout, WriteTimeout: cfg.IdleTimeout, WriteQueueSize: 1024,
		Listen: func(string, string) (net.Listener, error) { return cfg.Listener, nil },
	}
	if cfg.RTP != nil {
		s.rtsp.UDPRTPAddress, s.rtsp.UDPRTCPAddress = cfg.RTP.LocalAddr().String(), cfg.RTCP.LocalAddr().String()
		s.rtsp.ListenPacket = func(_, address string) (net.PacketConn, error) {
			if address == s.rtsp.UDPRTPAddress {
				return cfg.RTP, nil
			}
			return cfg.RTCP, nil
		}
	}
	return s, nil
}

// ListenUDP opens an even UDP port of an address and the next one, as RTP wants them (RFC 3550, section 11).
func ListenUDP(ctx context.Context, address netip.AddrPort) (rtp, rtcp net.PacketConn, err error) {
	if address.Port()%2 != 0 {
		return nil, nil, fmt.Errorf("the first of the two UDP ports must be even, %d is not", address.Port())
	}
	var lc net.ListenConfig
	if rtp, err = lc.ListenPacket(ctx, "udp", address.String()); err != nil {
		return nil, nil, err
	}
	next := netip.AddrPortFrom(address.Addr(), address.Port()+1)
	if rtcp, err = lc.ListenPacket(ctx, "udp", next.String()); err != nil {
		return nil, nil, errors.Join(err, rtp.Close())
	}
	return rtp, rtcp, nil
}

// Run serves until ctx ends; then it closes all connections. It returns an error where the server fails.
func (s *Server) Run(ctx context.Context) error {
	s.run = ctx
	if err := s.rtsp.Start(); err != nil {
		return fmt.Errorf("rtsp: %w", err)
	}
	stop := context.AfterFunc(ctx, s.rtsp.Close)
	defer stop()
	err := s.rtsp.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// OnConnOpen implements gortsplib.ServerHandlerOnConnOpen.
func (s *Server) OnConnOpen(c *gortsplib.ServerHandlerOnConnOpenCtx) {
	s.metrics.Connections.Inc()
	remote, ok := c.Conn.NetConn().RemoteAddr().(*net.TCPAddr)
	if !ok {
		return
	}
	address := remote.AddrPort().Addr().Unmap()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open >= s.cfg.MaxConnections || s.byAddress[address] >= s.cfg.MaxPerAddress {
		s.metrics.Refused.WithLabelValues(string(ingest.CodeLimit)).Inc()
		c.Conn.Close()
		return
	}
	s.open++
	s.byAddress[address]++
	s.counted[c.Conn] = address
}

// OnConnClose implements gortsplib.ServerHandlerOnConnClose.
func (s *Server) OnConnClose(c *gortsplib.ServerHandlerOnConnCloseCtx) {
	s.metrics.Connections.Dec()
	s.mu.Lock()
	defer s.mu.Unlock()
	address, ok := s.counted[c.Conn]
	if !ok {
		return
	}
	delete(s.counted, c.Conn)
	s.open--
	if s.byAddress[address]--; s.byAddress[address] == 0 {
		delete(s.byAddress, address)
	}
}

// OnAnnounce admits a publisher. It implements gortsplib.ServerHandlerOnAnnounce.
func (s *Server) OnAnnounce(c *gortsplib.ServerHandlerOnAnnounceCtx) (*base.Response, error) {
	remote := c.Conn.NetConn().RemoteAddr().String()
	p, err := s.admit(c, remote)
	if err != nil {
		code := ingest.CodeOf(err)
		s.metrics.Refused.WithLabelValues(string(code)).Inc()
		s.cfg.Logger.Info("publisher refused", "remote", remote, "reason", err)
		return respond(err), nil
	}
	s.mu.Lock()
	s.sessions[c.Session] = p
	s.mu.Unlock()
	s.metrics.Publishers.Inc()
	p.log.Info("publisher came in")
	return &base.Response{StatusCode: base.StatusOK}, nil
}

func (s *Server) admit(c *gortsplib.ServerHandlerOnAnnounceCtx, remote string) (*publisher, error) {
	key, ok := strings.CutPrefix(strings.Trim(c.Path, "/"), app)
	if !ok || key == "" || len(key) > maxKey {
		return nil, &ingest.Refusal{
			Code: ingest.CodeWrongKey, Message: "publish to rtsp://HOST/live/KEY", Asked: fmt.Sprintf("%.40q", c.Path),
			Limit: fmt.Sprintf("a key of 1 to %d bytes", maxKey),
		}
	}
	plan, err := choose(c.Description)
	if err != nil {
		return nil, err
	}
	sink, err := s.cfg.Gate.Publish(s.run, ingest.Request{Protocol: "rtsp", Key: key, Remote: remote})
	if err != nil {
		return nil, err
	}
	p, err := newPublisher(sink, plan, s.metrics, s.cfg.Now)
	if err != nil {
		sink.Close(err)
		return nil, err
	}
	p.log = s.cfg.Logger.With("remote", remote)
	return p, nil
}

// respond puts a refusal into a status and its text, which is what ffmpeg and GStreamer show.
func respond(err error) *base.Response {
	r := &base.Response{StatusCode: base.StatusServiceUnavailable, StatusMessage: err.Error()}
	switch ingest.CodeOf(err) {
	case ingest.CodeWrongKey:
		r.StatusCode = base.StatusForbidden
	case ingest.CodeKeyInUse:
		r.StatusCode = base.StatusNotAcceptable
	case ingest.CodeUnsupportedCodec, ingest.CodeBadData, ingest.CodeNoKeyFrame:
		r.StatusCode = base.StatusUnsupportedMediaType
	case ingest.CodeLimit, ingest.CodeUnavailable:
	}
	return r
}

// OnDescribe implements gortsplib.ServerHandlerOnDescribe.
func (s *Server) OnDescribe(c *gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	if s.cfg.Player == nil {
		return notFound("RTSP is for publishing here"), nil, nil
	}
	described, err := s.cfg.Player.Describe(s.rtsp, strings.Trim(c.Path, "/"))
	if err != nil {
		return notFound(err.Error()), nil, nil // it is told to the player
	}
	return &base.Response{StatusCode: base.StatusOK, Body: described}, nil, nil
}

// OnSetup implements gortsplib.ServerHandlerOnSetup.
func (s *Server) OnSetup(c *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	switch {
	case c.Session.State() == gortsplib.ServerSessionStatePreRecord:
		return &base.Response{StatusCode: base.StatusOK}, nil, nil
	case s.cfg.Player == nil:
		return notFound("RTSP is for publishing here"), nil, nil
	case c.Session.SetuppedStream() != nil: // all tracks of a session are of one stream
		return &base.Response{StatusCode: base.StatusOK}, c.Session.SetuppedStream(), nil
	}
	stream, err := s.cfg.Player.Stream(s.rtsp, strings.Trim(c.Path, "/"))
	if err != nil {
		return notFound(err.Error()), nil, nil // it is told to the player
	}
	return &base.Response{StatusCode: base.StatusOK}, stream, nil
}

func notFound(why string) *base.Response {
	return &base.Response{StatusCode: base.StatusNotFound, StatusMessage: why}
}

// OnPlay implements gortsplib.ServerHandlerOnPlay.
func (s *Server) OnPlay(c *gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	s.cfg.Player.Joined(c.Session)
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// OnRecord begins to take packets. It implements gortsplib.ServerHandlerOnRecord.
func (s *Server) OnRecord(c *gortsplib.ServerHandlerOnRecordCtx) (*base.Response, error) {
	s.mu.Lock()
	p := s.sessions[c.Session]
	s.mu.Unlock()
	p.listen(c.Session, c.Session.Close) // which brings OnSessionClose
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// OnRequest holds a goodbye back until the packets before it are here. It implements gortsplib.ServerHandlerOnRequest.
func (s *Server) OnRequest(c *gortsplib.ServerConn, req *base.Request) {
	session := c.Session()
	if req.Method != base.Teardown || session == nil {
		return
	}
	s.mu.Lock()
	p := s.sessions[session]
	s.mu.Unlock()
	if transport := session.SetuppedTransport(); p != nil && transport != nil && *transport == gortsplib.TransportUDP {
		<-time.After(tail)
	}
}

// OnSessionClose implements gortsplib.ServerHandlerOnSessionClose.
func (s *Server) OnSessionClose(c *gortsplib.ServerHandlerOnSessionCloseCtx) {
	s.mu.Lock()
	p := s.sessions[c.Session]
	delete(s.sessions, c.Session)
	s.mu.Unlock()
	if s.cfg.Player != nil {
		s.cfg.Player.Left(c.Session)
	}
	if p != nil {
		s.metrics.Publishers.Dec()
		p.dismiss(c.Error)
	}
}

// torn reports whether a session ended by a goodbye.
func torn(err error) bool {
	var down liberrors.ErrServerSessionTornDown
	return errors.As(err, &down)
}

package rpc

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"castnet/internal/media"
	"castnet/internal/wire"
	"castnet/transcoder"
)

// PoolHandler is the orchestrator's side of remote transcoders.
type PoolHandler interface {
	// Enroll exchanges a token, once, for a client certificate (DER) of the key that signed csr (PKCS#10, DER).
	Enroll(ctx context.Context, token string, csr []byte) ([]byte, error)
	// Renew gives the holder of a certificate with this name another one, of the key that signed csr.
	Renew(ctx context.Context, name string, csr []byte) ([]byte, error)
	// Attach adds a transcoder that has dialled in, until detach is called.
	Attach(t transcoder.Transcoder) (detach func())
}

// openTimeout is how long a remote transcoder may take to open a session.
const openTimeout = 5 * time.Second

const sessionKey = "session" // metadata: which session a stream carries

// pool brings the sessions that the orchestrator asks for and the streams that remote transcoders open for them
// together.
type pool struct {
	handler PoolHandler
	log     *slog.Logger

	mu      sync.Mutex
	waiting map[string]*appointment // by session id
}

// appointment is a session that was asked for. The id is a secret of the two sides.
type appointment struct {
	member string
	stream chan *remoteSession // capacity 1
}

func newPool(h PoolHandler, log *slog.Logger) *pool {
	return &pool{handler: h, log: log, waiting: make(map[string]*appointment)}
}

func (p *pool) expect(member string) (id string, a *appointment) {
	id = rand.Text()
	a = &appointment{member: member, stream: make(chan *remoteSession, 1)}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting[id] = a
	return id, a
}

// take removes an appointment; it is nil for one that is not there.
func (p *pool) take(id string) *appointment {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.waiting[id]
	delete(p.waiting, id)
	return a
}

// poolService is the remote transcoders' side of the server. ctx ends with Run's.
type poolService struct {
	wire.UnimplementedPoolServer
	pool *pool
	ctx  context.Context //nolint:containedctx // it is Run's, which gRPC offers no way to pass
}

func (s *poolService) Enroll(ctx context.Context, m *wire.EnrollRequest) (*wire.EnrollReply, error) {
	if s.pool.handler == nil {
		return nil, status.Error(codes.Unimplemented, "this orchestrator takes no remote transcoders")
	}
	var certificate []byte
	var err error
	if name, stranger := clientName(ctx); m.GetToken() == "" && stranger == nil {
		certificate, err = s.pool.handler.Renew(ctx, name, m.GetCsr())
	} else {
		certificate, err = s.pool.handler.Enroll(ctx, m.GetToken(), m.GetCsr())
	}
	if err != nil {
		return nil, status.Error(codes.PermissionDenied, clip(err.Error()))
	}
	return &wire.EnrollReply{Certificate: certificate}, nil
}

// clientName is the name in the caller's verified certificate.
func clientName(ctx context.Context) (string, error) {
	if p, ok := peer.FromContext(ctx); ok {
		if info, ok := p.AuthInfo.(credentials.TLSInfo); ok && len(info.State.VerifiedChains) > 0 {
			return info.State.VerifiedChains[0][0].Subject.CommonName, nil
		}
	}
	return "", status.Error(codes.Unauthenticated,
		"a remote transcoder needs a certificate: enroll with a token from `castnet orchestrator token`")
}

func (s *poolService) Attach(stream grpc.BidiStreamingServer[wire.PoolReport, wire.PoolCommand]) error {
	name, err := clientName(stream.Context())
	if err != nil {
		return err
	}
	if s.pool.handler == nil {
		return status.Error(codes.Unimplemented, "this orchestrator takes no remote transcoders")
	}
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	m := &member{name: name, pool: s.pool, commands: make(chan string), gone: make(chan struct{})}
	m.report(first)
	defer close(m.gone)
	detach := s.pool.handler.Attach(m)
	defer detach()
	s.pool.log.Info("remote transcoder attached", "transcoder", name, "backend", first.GetBackend())
	defer s.pool.log.Info("remote transcoder left", "transcoder", name)

	left := make(chan struct{})
	go func() { // ends with the stream, at the latest when this handler returns
		for {
			r, err := stream.Recv()
			if err != nil {
				close(left)
				return
			}
			m.report(r)
		}
	}()
	for {
		select {
		case id := <-m.commands:
			if err := stream.Send(&wire.PoolCommand{OpenSession: id}); err != nil {
				return err
			}
		case <-left:
			return nil
		case <-s.ctx.Done():
			return status.Error(codes.Unavailable, "this orchestrator is shutting down")
		}
	}
}

func (s *poolService) Session(stream grpc.BidiStreamingServer[wire.FromTranscoder, wire.ToTranscoder]) error {
	name, err := clientName(stream.Context())
	if err != nil {
		return err
	}
	md, _ := metadata.FromIncomingContext(stream.Context())
	ids := md.Get(sessionKey)
	if len(ids) != 1 {
		return status.Error(codes.InvalidArgument, "a session names its id in the metadata")
	}
	a := s.pool.take(ids[0])
	if a == nil || a.member != name {
		return status.Error(codes.NotFound, "nobody asked for this session, or it came too late")
	}
	session := &remoteSession{name: name, stream: stream, closed: make(chan struct{})}
	a.stream <- session
	select {
	case <-session.closed:
	case <-stream.Context().Done():
		session.end()
	case <-s.ctx.Done():
		session.end()
	}
	return nil
}

// member is one remote transcoder that has dialled in, as the orchestrator's other code sees it.
type member struct {
	name     string
	pool     *pool
	commands chan string
	gone     chan struct{}

	mu   sync.Mutex
	caps transcoder.Capabilities
}

func (m *member) report(r *wire.PoolReport) {
	caps := transcoder.Capabilities{
		Name: m.name, Backend: transcoder.Backend(clip(r.GetBackend())), Decode: codecs(r.GetDecode()), Encode: codecs(r.GetEncode()),
		PixelsPerSecond: r.GetPixelsPerSecond(), FreePixelsPerSecond: r.GetFreePixelsPerSecond(),
		Sessions: int(r.GetSessions()), MaxSessions: int(r.GetMaxSessions()), Draining: r.GetDraining(),
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if caps.Draining && !m.caps.Draining {
		m.pool.log.Info("remote transcoder is draining", "transcoder", m.name, "sessions", caps.Sessions)
	}
	m.caps = caps
}

func codecs(in []uint32) []media.Codec {
	out := make([]media.Codec, 0, min(len(in), 16))
	for _, v := range in {
		if v <= math.MaxUint8 && len(out) < cap(out) {
			out = append(out, media.Codec(v))
		}
	}
	return out
}

// Capabilities is what the transcoder reported last.
func (m *member) Capabilities() transcoder.Capabilities {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.caps
}

// Open asks the transcoder to dial a session, and waits for it.
func (m *member) Open(ctx context.Context, cfg transcoder.SessionConfig) (transcoder.Session, error) {
	if m.Capabilities().Draining {
		return nil, fmt.Errorf("remote transcoder %s is draining: %w", m.name, transcoder.ErrBusy)
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	id, a := m.pool.expect(m.name)
	defer m.pool.take(id)
	select {
	case m.commands <- id:
	case <-m.gone:
		return nil, fmt.Errorf("remote transcoder %s has left: %w", m.name, transcoder.ErrBusy)
	case <-ctx.Done():
		return nil, fmt.Errorf("remote transcoder %s takes no commands: %w", m.name, transcoder.ErrBusy)
	}
	select {
	case session := <-a.stream:
		if err := session.open(ctx, cfg); err != nil {
			session.end()
			return nil, err
		}
		return session, nil
	case <-m.gone:
		return nil, fmt.Errorf("remote transcoder %s has left: %w", m.name, transcoder.ErrBusy)
	case <-ctx.Done():
		return nil, fmt.Errorf("remote transcoder %s did not open a session within %v: %w", m.name, openTimeout, transcoder.ErrBusy)
	}
}

// remoteSession is a transcoder.Session over a stream that a remote transcoder opened.
type remoteSession struct {
	name   string
	stream grpc.BidiStreamingServer[wire.FromTranscoder, wire.ToTranscoder]

	sending sync.Mutex
	once    sync.Once
	closed  chan struct{}
}

// end lets the gRPC handler return, which frees whoever is blocked in Send or Recv.
func (s *remoteSession) end() { s.once.Do(func() { close(s.closed) }) }

func (s *remoteSession) open(ctx context.Context, cfg transcoder.SessionConfig) error {
	defer context.AfterFunc(ctx, s.end)()
	m := &wire.ToTranscoder{Message: &wire.ToTranscoder_Open{Open: wire.EncodeOpen(cfg)}}
	if err := s.stream.Send(m); err != nil {
		return s.died(err)
	}
	reply, err := s.stream.Recv()
	if err != nil {
		return s.died(err)
	}
	return wire.DecodeOpened(reply)
}

func (s *remoteSession) died(err error) error {
	return fmt.Errorf("remote transcoder %s: %w: %w", s.name, transcoder.ErrWorkerDied, err)
}

// Send writes one input. A ctx that ends while it blocks ends the session.
func (s *remoteSession) Send(ctx context.Context, in transcoder.Input) error {
	m, err := wire.EncodeInput(in)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, s.end)()
	s.sending.Lock()
	defer s.sending.Unlock()
	if err := s.stream.Send(m); err != nil {
		return s.died(err)
	}
	return nil
}

// Recv reads one output. A ctx that ends while it blocks ends the session.
func (s *remoteSession) Recv(ctx context.Context) (transcoder.Output, error) {
	defer context.AfterFunc(ctx, s.end)()
	m, err := s.stream.Recv()
	if err != nil {
		return nil, s.died(err)
	}
	if failed := m.GetFailed(); failed != nil {
		return nil, s.died(wire.DecodeFailed(failed))
	}
	return wire.DecodeOutput(m)
}

// Close ends the session.
func (s *remoteSession) Close() error {
	s.end()
	return nil
}

package rpc

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"castnet/internal/identity"
	"castnet/internal/ports"
	"castnet/internal/wire"
)

// Handler is the orchestrator behind a Server. Its errors reach the peer as they are where they are a *Refusal, and as
// CodeInternal without their text where they are not.
type Handler interface {
	Quote(ctx context.Context, ask QuoteAsk) (SignedLease, error)
	// Transcode serves one lease. It calls Accept first, or returns a refusal. The stream ends when it returns.
	Transcode(ctx context.Context, open Open, stream *ServerStream) error
	Settle(ctx context.Context, ask SettleAsk) (SettleReply, error)
}

// ServerConfig is what a Server needs.
type ServerConfig struct {
	Handler Handler
	// Pool takes remote transcoders in; nil refuses them.
	Pool PoolHandler
	// ClientCAs verifies the certificates of remote transcoders.
	ClientCAs *x509.CertPool
	// Operator signs the server certificates, for ChainID.
	Operator identity.Signer
	ChainID  uint64
	// MaxConnections bounds all connections, MaxPerHost those of one IP address (default 4096 and 256). Above it a
	// new one is closed at once.
	MaxConnections, MaxPerHost int
	// MaxStreams bounds the calls at once on one connection (default 128).
	MaxStreams uint32
	// StallTimeout ends a lease whose broadcaster takes no data for so long (default 10 s).
	StallTimeout time.Duration
	// DrainTimeout is how long calls may take to end after Run's context has (default 1 s).
	DrainTimeout time.Duration
	Logger       *slog.Logger
	// Now tells the time; time.Now where it is nil.
	Now func() time.Time
}

func (c *ServerConfig) validate() error {
	setDefault(&c.MaxConnections, 4096)
	setDefault(&c.MaxPerHost, 256)
	setDefault(&c.MaxStreams, 128)
	setDefault(&c.StallTimeout, 10*time.Second)
	setDefault(&c.DrainTimeout, time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.ClientCAs == nil {
		c.ClientCAs = x509.NewCertPool()
	}
	if c.Handler == nil || c.Operator == nil || c.Logger == nil {
		return errors.New("rpc server: Handler, Operator and Logger are needed")
	}
	return nil
}

func setDefault[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// Server serves both wires on one port.
type Server struct {
	cfg   ServerConfig
	certs *certificates
	pool  *pool
}

// NewServer checks the configuration. Run serves.
func NewServer(cfg ServerConfig) (*Server, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Server{
		cfg:   cfg,
		certs: &certificates{operator: cfg.Operator, chainID: cfg.ChainID, now: cfg.Now},
		pool:  newPool(cfg.Pool, cfg.Logger),
	}, nil
}

// Run serves connections of ln, which it closes, until ctx ends. It returns when every call has ended.
func (s *Server) Run(ctx context.Context, ln net.Listener) error {
	if _, err := s.certs.get(nil); err != nil { // a key that cannot sign is found at start, not by the first peer
		return errors.Join(err, ln.Close())
	}
	g := grpc.NewServer(
		grpc.Creds(credentials.NewTLS(serverTLS(s.certs, s.cfg.ClientCAs))),
		grpc.InitialWindowSize(streamWindow),
		grpc.InitialConnWindowSize(connectionWindow),
		grpc.MaxRecvMsgSize(wire.MaxMessageBytes),
		grpc.MaxSendMsgSize(wire.MaxMessageBytes),
		grpc.MaxConcurrentStreams(s.cfg.MaxStreams),
		grpc.MaxHeaderListSize(16<<10),
		grpc.ConnectionTimeout(5*time.Second),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: keepaliveInterval, Timeout: keepaliveTimeout}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: keepaliveInterval, PermitWithoutStream: true}),
		grpc.WaitForHandlers(true),
	)
	var calls sync.WaitGroup // what outlives a gRPC handler for a moment
	wire.RegisterOrchestratorServer(g, &service{server: s, ctx: ctx, calls: &calls})
	wire.RegisterPoolServer(g, &poolService{pool: s.pool, ctx: ctx})

	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		hard := time.AfterFunc(s.cfg.DrainTimeout, g.Stop)
		defer hard.Stop()
		g.GracefulStop()
	})
	err := g.Serve(ports.Limit(ln, ports.Limits{All: s.cfg.MaxConnections, PerAddress: s.cfg.MaxPerHost, Log: s.cfg.Logger}))
	if stop() { // the listener failed, nobody asked for the end
		g.Stop()
	} else {
		<-stopped
		err = nil
	}
	calls.Wait()
	return err
}

// service is the network's side of the server. ctx ends with Run's.
type service struct {
	wire.UnimplementedOrchestratorServer
	server *Server
	ctx    context.Context //nolint:containedctx // it is Run's, which gRPC offers no way to pass
	calls  *sync.WaitGroup
}

func (s *service) Quote(ctx context.Context, m *wire.SignedQuoteRequest) (*wire.SignedLease, error) {
	ask, err := decodeQuoteAsk(m)
	if err != nil {
		return nil, s.status(err)
	}
	lease, err := s.server.cfg.Handler.Quote(ctx, ask)
	if err != nil {
		return nil, s.status(err)
	}
	return encodeLease(lease), nil
}

func (s *service) Settle(ctx context.Context, m *wire.SettleRequest) (*wire.SettleReply, error) {
	ask, err := decodeSettleAsk(m)
	if err != nil {
		return nil, s.status(err)
	}
	reply, err := s.server.cfg.Handler.Settle(ctx, ask)
	if err != nil {
		return nil, s.status(err)
	}
	out := &wire.SettleReply{}
	if reply.Result != nil {
		out.Result = encodeResult(*reply.Result)
	}
	for _, r := range reply.Unpaid {
		out.Unpaid = append(out.Unpaid, encodeReceipt(r))
	}
	return out, nil
}

func (s *service) Transcode(stream grpc.BidiStreamingServer[wire.TranscodeUp, wire.TranscodeDown]) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	open, err := decodeOpen(first.GetOpen())
	if err != nil {
		return s.status(err)
	}
	ctx, cancel := context.WithCancelCause(stream.Context())
	defer cancel(nil)
	defer context.AfterFunc(s.ctx, func() { cancel(errDown()) })()

	st := &ServerStream{stream: stream, ups: make(chan received), stalled: make(chan struct{}), limit: s.server.cfg.StallTimeout}
	done := make(chan error, 1)
	s.calls.Go(func() { st.pump(ctx) })
	s.calls.Go(func() { done <- s.server.cfg.Handler.Transcode(ctx, open, st) })
	select {
	case err = <-done:
		if cause := context.Cause(ctx); err != nil && cause != nil && errors.Is(err, context.Canceled) {
			err = cause
		}
	case <-st.stalled: // returning ends the gRPC stream, which frees the handler that is blocked in Send
		err = &Refusal{
			Code: CodeInvalid, Limit: st.limit.String(), Asked: "longer",
			Message: "the broadcaster took no data for too long; its link or its reader is too slow for the ladder",
		}
	}
	if err != nil {
		return s.status(err)
	}
	return nil
}

func errDown() error {
	return &Refusal{Code: CodeDown, Message: "this orchestrator is shutting down; move the stream to another"}
}

// status makes the gRPC error of err, with the refusal in its details.
func (s *service) status(err error) error {
	refusal := asRefusal(err)
	code := codes.FailedPrecondition
	if refusal.Code == CodeInternal {
		code = codes.Internal
		if !errors.Is(err, context.Canceled) {
			s.server.cfg.Logger.Error("call failed", "err", err)
		}
	}
	st, detailErr := status.New(code, refusal.Error()).WithDetails(encodeRefusal(refusal))
	if detailErr != nil {
		return status.Error(code, refusal.Error())
	}
	return st.Err()
}

// ServerStream is the orchestrator's end of a lease. Send is safe for concurrent use; Recv belongs to one goroutine.
type ServerStream struct {
	stream grpc.BidiStreamingServer[wire.TranscodeUp, wire.TranscodeDown]
	ups    chan received
	limit  time.Duration

	sending sync.Mutex
	stall   sync.Once
	stalled chan struct{}
}

type received struct {
	up  Up
	err error
}

// pump reads the gRPC stream, whose Recv takes no context. It ends with the stream, at the latest when the gRPC handler
// returns. It holds one message: flow control does the rest.
func (s *ServerStream) pump(ctx context.Context) {
	for {
		m, err := s.stream.Recv()
		r := received{err: err}
		if err == nil {
			r.up, r.err = decodeUp(m)
		}
		select {
		case s.ups <- r:
		case <-ctx.Done():
			return
		}
		if r.err != nil {
			return
		}
	}
}

// Accept tells the broadcaster that its lease is open.
func (s *ServerStream) Accept() error {
	return s.send(&wire.TranscodeDown{Message: &wire.TranscodeDown_Accepted{Accepted: &wire.Accepted{Version: Version}}})
}

// Send sends one message at once. It blocks while the broadcaster takes no more, for StallTimeout at most.
func (s *ServerStream) Send(down Down) error {
	m, err := encodeDown(down)
	if err != nil {
		return err
	}
	return s.send(m)
}

func (s *ServerStream) send(m *wire.TranscodeDown) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	timer := time.AfterFunc(s.limit, func() { s.stall.Do(func() { close(s.stalled) }) })
	defer timer.Stop()
	return s.stream.Send(m)
}

// Recv returns the next message, io.EOF after the broadcaster's CloseSend, or an error.
func (s *ServerStream) Recv(ctx context.Context) (Up, error) {
	select {
	case r := <-s.ups:
		if r.err != nil && !errors.Is(r.err, io.EOF) {
			return nil, fmt.Errorf("receive from the broadcaster: %w", r.err)
		}
		return r.up, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

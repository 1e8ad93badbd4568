package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"castnet/internal/wire"
)

// Flow-control windows of one stream and of one connection: a 2160p key frame fits a stream's window several times, so
// that no frame waits for a round trip.
const (
	streamWindow     = 4 << 20
	connectionWindow = 16 << 20
)

// Keepalive finds a dead peer in about interval + timeout; a stalled lease is noticed far earlier by its lag.
const (
	keepaliveInterval = 5 * time.Second
	keepaliveTimeout  = 3 * time.Second
)

// DialConfig says which orchestrator to talk to.
type DialConfig struct {
	// Address is host:port.
	Address string
	// Operator is the orchestrator's operator key as the chain's registry has it; another server is refused.
	Operator common.Address
	// ChainID is the chain that the operator is registered on.
	ChainID uint64
	// Certificate is a remote transcoder's client certificate; broadcasters have none.
	Certificate *tls.Certificate
	// Now tells the time; time.Now where it is nil.
	Now func() time.Time
}

func (c *DialConfig) validate() error {
	if c.Now == nil {
		c.Now = time.Now
	}
	switch {
	case c.Address == "":
		return errors.New("dial an orchestrator: no address")
	case c.Operator == common.Address{}:
		return fmt.Errorf("dial the orchestrator at %s: its operator is not known", c.Address)
	}
	return nil
}

// Client talks to one orchestrator over one connection. It is safe for concurrent use.
type Client struct {
	conn *grpc.ClientConn
	net  wire.OrchestratorClient
	pool wire.PoolClient
}

// Dial prepares a client. The connection is made by the first call, and again after it is lost; a failure to connect
// is that call's error.
func Dial(cfg DialConfig) (*Client, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	secure := clientTLS(cfg.Operator, cfg.ChainID, cfg.Now)
	if cfg.Certificate != nil {
		secure.Certificates = []tls.Certificate{*cfg.Certificate}
	}
	retry := backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second}
	conn, err := grpc.NewClient("passthrough:///"+cfg.Address,
		grpc.WithTransportCredentials(credentials.NewTLS(secure)),
		grpc.WithNoProxy(),
		grpc.WithInitialWindowSize(streamWindow),
		grpc.WithInitialConnWindowSize(connectionWindow),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: retry, MinConnectTimeout: 3 * time.Second}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 2 * keepaliveInterval, Timeout: keepaliveTimeout}),
		grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(wire.MaxMessageBytes), grpc.MaxCallSendMsgSize(wire.MaxMessageBytes)),
	)
	if err != nil {
		return nil, fmt.Errorf("dial the orchestrator at %s: %w", cfg.Address, err)
	}
	return &Client{conn: conn, net: wire.NewOrchestratorClient(conn), pool: wire.NewPoolClient(conn)}, nil
}

// Close ends the connection and every stream on it.
func (c *Client) Close() error { return c.conn.Close() }

// Quote asks for a lease. A refusal is a *Refusal.
func (c *Client) Quote(ctx context.Context, ask QuoteAsk) (SignedLease, error) {
	m, err := c.net.Quote(ctx, encodeQuoteAsk(ask))
	if err != nil {
		return SignedLease{}, fromStatus(err)
	}
	return decodeLease(m)
}

// Settle shows what is owed on a lease, and pays one receipt where a payment is set. It works for leases of a process
// that has died, and may be repeated.
func (c *Client) Settle(ctx context.Context, ask SettleAsk) (SettleReply, error) {
	req := &wire.SettleRequest{Lease: ask.Lease[:], IssuedAt: ask.IssuedAt, Signature: ask.Signature}
	if ask.Payment != nil {
		req.Payment = encodePayment(ask.Payment)
	}
	m, err := c.net.Settle(ctx, req)
	if err != nil {
		return SettleReply{}, fromStatus(err)
	}
	return decodeSettle(m)
}

func decodeSettle(m *wire.SettleReply) (SettleReply, error) {
	var reply SettleReply
	if m.GetResult() != nil {
		result, err := decodeResult(m.GetResult())
		if err != nil {
			return reply, err
		}
		reply.Result = &result
	}
	for _, r := range m.GetUnpaid() {
		signed, err := decodeReceipt(r)
		if err != nil {
			return reply, err
		}
		reply.Unpaid = append(reply.Unpaid, signed)
	}
	return reply, nil
}

// Transcode opens a lease and returns once the orchestrator has accepted it; a refusal is a *Refusal. The stream ends
// with ctx.
func (c *Client) Transcode(ctx context.Context, open Open) (*Stream, error) {
	ctx, cancel := context.WithCancel(ctx)
	stream, err := c.net.Transcode(ctx)
	if err == nil {
		err = stream.Send(&wire.TranscodeUp{Message: &wire.TranscodeUp_Open{Open: encodeOpen(open)}})
	}
	if err != nil && !errors.Is(err, io.EOF) { // io.EOF: the reason comes with the first message
		cancel()
		return nil, fromStatus(err)
	}
	first, err := stream.Recv()
	if err != nil {
		cancel()
		return nil, fromStatus(err)
	}
	switch m := first.GetMessage().(type) {
	case *wire.TranscodeDown_Accepted:
		if err := checkVersion(m.Accepted.GetVersion()); err != nil {
			cancel()
			return nil, err
		}
		return &Stream{stream: stream, cancel: cancel}, nil
	case *wire.TranscodeDown_Refusal:
		cancel()
		refusal := decodeRefusal(m.Refusal)
		return nil, &refusal
	default:
		cancel()
		return nil, fmt.Errorf("%w: unexpected message %T before the lease was accepted", wire.ErrInvalid, m)
	}
}

// Stream is one lease being served. Send is safe for concurrent use; Recv belongs to one goroutine.
type Stream struct {
	stream grpc.BidiStreamingClient[wire.TranscodeUp, wire.TranscodeDown]
	cancel context.CancelFunc

	sending sync.Mutex
}

// Send sends one message. It blocks while the orchestrator takes no more (flow control), until the stream's context
// ends. It returns io.EOF where the stream is over; Recv then says why.
func (s *Stream) Send(up Up) error {
	m, err := encodeUp(up)
	if err != nil {
		return err
	}
	s.sending.Lock()
	defer s.sending.Unlock()
	return s.stream.Send(m)
}

// CloseSend says that nothing more will be sent. The orchestrator finishes what was ended by EndSegment and answers
// what was paid, then ends the stream: Recv returns io.EOF.
func (s *Stream) CloseSend() error {
	s.sending.Lock()
	defer s.sending.Unlock()
	return s.stream.CloseSend()
}

// Recv returns the next message, io.EOF after a good end, or the error that ended the stream (a *Refusal where the
// orchestrator gave a reason).
func (s *Stream) Recv() (Down, error) {
	m, err := s.stream.Recv()
	if err != nil {
		return nil, fromStatus(err)
	}
	return decodeDown(m)
}

// Close ends the stream at once. It may be called more than once.
func (s *Stream) Close() { s.cancel() }

// fromStatus finds the refusal in a call's error.
func fromStatus(err error) error {
	st, ok := status.FromError(err)
	if !ok {
		return err
	}
	for _, detail := range st.Details() {
		if m, ok := detail.(*wire.Refusal); ok {
			refusal := decodeRefusal(m)
			return &refusal
		}
	}
	return err
}

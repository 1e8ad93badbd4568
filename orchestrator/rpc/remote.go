package rpc

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"castnet/internal/media"
	"castnet/internal/wire"
	"castnet/transcoder"
)

const tokenPrefix = "castnet-"

// Token lets one remote transcoder enroll, once. It also names the orchestrator, so that the transcoder knows whom it
// talks to.
type Token struct {
	Operator common.Address `json:"operator"`
	ChainID  uint64         `json:"chain"`
	Secret   string         `json:"secret"`
}

// String gives the token as people paste it.
func (t Token) String() string {
	b, err := json.Marshal(t) //nolint:gosec // a token is a secret on its way to its owner
	if err != nil {
		return "" // three plain fields always encode
	}
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(b)
}

// ParseToken reads a token as String wrote it.
func ParseToken(s string) (Token, error) {
	var t Token
	rest, ok := strings.CutPrefix(strings.TrimSpace(s), tokenPrefix)
	if !ok || len(rest) > 1024 {
		return t, fmt.Errorf("this is no token: one begins with %q; mint it by `castnet orchestrator token`", tokenPrefix)
	}
	b, err := base64.RawURLEncoding.DecodeString(rest)
	if err == nil {
		err = json.Unmarshal(b, &t)
	}
	if err != nil || t.Secret == "" {
		return Token{}, errors.New("token is damaged; copy it whole, or mint another by `castnet orchestrator token`")
	}
	return t, nil
}

// Credentials are what a remote transcoder keeps after it has enrolled (as JSON, in a file that only it can read).
type Credentials struct {
	Operator common.Address `json:"operator"`
	ChainID  uint64         `json:"chain"`
	// Certificate and Key are PEM.
	Certificate string `json:"certificate"`
	Key         string `json:"key"`
}

// Dial gives the configuration to reach the orchestrator at address with these credentials.
func (c *Credentials) Dial(address string) (DialConfig, error) {
	pair, err := tls.X509KeyPair([]byte(c.Certificate), []byte(c.Key))
	if err != nil {
		return DialConfig{}, fmt.Errorf("remote transcoder's certificate: %w; enroll again with a new token", err)
	}
	return DialConfig{Address: address, Operator: c.Operator, ChainID: c.ChainID, Certificate: &pair}, nil
}

// Enroll makes a key, and exchanges the token for a certificate of it from the orchestrator at address.
func Enroll(ctx context.Context, address string, token Token) (*Credentials, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	client, err := Dial(DialConfig{Address: address, Operator: token.Operator, ChainID: token.ChainID})
	if err != nil {
		return nil, err
	}
	defer func() { _ = client.Close() }()
	reply, err := client.pool.Enroll(ctx, &wire.EnrollRequest{Token: token.Secret, Csr: csr})
	if err != nil {
		return nil, fmt.Errorf("enroll at %s: %s", address, status.Convert(err).Message())
	}
	encode := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	return &Credentials{
		Operator: token.Operator, ChainID: token.ChainID,
		Certificate: encode("CERTIFICATE", reply.GetCertificate()), Key: encode("PRIVATE KEY", der),
	}, nil
}

// RemoteConfig is what a RemoteWorker needs.
type RemoteConfig struct {
	// Dial has the orchestrator's address and the client certificate (see Credentials.Dial).
	Dial DialConfig
	// Transcoder does the work.
	Transcoder transcoder.Transcoder
	// ReportEvery is how often capabilities are reported (default 500 ms).
	ReportEvery time.Duration
	// DrainTimeout is how long open sessions may go on after Run's context has ended (default 5 s).
	DrainTimeout time.Duration
	Logger       *slog.Logger
}

func (c *RemoteConfig) validate() error {
	setDefault(&c.ReportEvery, 500*time.Millisecond)
	setDefault(&c.DrainTimeout, 5*time.Second)
	if c.Transcoder == nil || c.Logger == nil || c.Dial.Certificate == nil {
		return errors.New("remote transcoder: Transcoder, Logger and a client certificate are needed")
	}
	return nil
}

// RemoteWorker lends a transcoder to an orchestrator: it dials in, reports what is free, and opens the sessions that it
// is asked for.
type RemoteWorker struct {
	cfg    RemoteConfig
	client *Client
}

// NewRemoteWorker checks the configuration. Run works.
func NewRemoteWorker(cfg RemoteConfig) (*RemoteWorker, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	client, err := Dial(cfg.Dial)
	if err != nil {
		return nil, err
	}
	return &RemoteWorker{cfg: cfg, client: client}, nil
}

// Backoff between attempts to reach the orchestrator.
const (
	firstRetry = 200 * time.Millisecond
	lastRetry  = 10 * time.Second
)

// Run stays attached until ctx ends, and reconnects where the connection is lost. After ctx it takes no more sessions
// and gives the open ones DrainTimeout to end.
func (w *RemoteWorker) Run(ctx context.Context) error {
	sessionCtx, cut := context.WithCancel(context.WithoutCancel(ctx))
	var sessions sync.WaitGroup
	defer func() {
		drained := time.AfterFunc(w.cfg.DrainTimeout, cut)
		sessions.Wait()
		drained.Stop()
		cut()
		_ = w.client.Close() // nothing is on it any more
	}()
	retry := firstRetry
	for {
		began := time.Now()
		err := w.attach(ctx, sessionCtx, &sessions)
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(began) > lastRetry {
			retry = firstRetry
		}
		w.cfg.Logger.Warn("orchestrator lost; dialling again", "orchestrator", w.cfg.Dial.Address, "err", err, "in", retry)
		select {
		case <-time.After(retry):
		case <-ctx.Done():
			return nil
		}
		retry = min(2*retry, lastRetry)
	}
}

// attach holds one Attach stream until it or ctx ends.
func (w *RemoteWorker) attach(ctx, sessionCtx context.Context, sessions *sync.WaitGroup) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := w.client.pool.Attach(ctx)
	if err != nil {
		return err
	}
	if err := stream.Send(w.report()); err != nil {
		return err
	}
	failed := make(chan error, 1)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer cancel()
	reading.Go(func() {
		for {
			m, err := stream.Recv()
			if err != nil {
				failed <- err
				return
			}
			sessions.Go(func() { w.session(sessionCtx, m.GetOpenSession()) })
		}
	})
	w.cfg.Logger.Info("attached to the orchestrator", "orchestrator", w.cfg.Dial.Address)
	tick := time.NewTicker(w.cfg.ReportEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := stream.Send(w.report()); err != nil {
				return err
			}
		case err := <-failed:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (w *RemoteWorker) report() *wire.PoolReport {
	c := w.cfg.Transcoder.Capabilities()
	return &wire.PoolReport{
		Name: c.Name, Backend: string(c.Backend), Decode: codecNumbers(c.Decode), Encode: codecNumbers(c.Encode),
		PixelsPerSecond: c.PixelsPerSecond, FreePixelsPerSecond: c.FreePixelsPerSecond,
		Sessions: uint32(c.Sessions), MaxSessions: uint32(c.MaxSessions),
	}
}

func codecNumbers(in []media.Codec) []uint32 {
	out := make([]uint32, len(in))
	for i, c := range in {
		out[i] = uint32(c)
	}
	return out
}

// session dials one session, opens it at the transcoder and carries its messages until either side ends.
func (w *RemoteWorker) session(ctx context.Context, id string) {
	ctx, cancel := context.WithCancel(metadata.AppendToOutgoingContext(ctx, sessionKey, id))
	defer cancel()
	stream, err := w.client.pool.Session(ctx)
	if err != nil {
		w.cfg.Logger.Warn("session not opened", "err", err)
		return
	}
	session, err := w.open(ctx, stream)
	if err != nil {
		w.cfg.Logger.Warn("session not opened", "err", err)
		// What of this the orchestrator does not get it learns from the end of the stream.
		_ = stream.Send(wire.EncodeFailed(err))
		_ = stream.CloseSend()
		_, _ = stream.Recv() // until it has read that and let go
		return
	}
	defer func() { _ = session.Close() }()

	var inputs sync.WaitGroup
	defer inputs.Wait()
	defer cancel()
	inputs.Go(func() {
		defer cancel() // the orchestrator has closed the session
		if err := feed(ctx, stream, session); ctx.Err() == nil {
			w.cfg.Logger.Debug("session input", "err", err)
		}
	})
	if err := drain(ctx, stream, session); ctx.Err() == nil {
		_ = stream.Send(wire.EncodeFailed(err)) // as above
	}
}

type sessionStream = grpc.BidiStreamingClient[wire.FromTranscoder, wire.ToTranscoder]

// open answers the first message of a session.
func (w *RemoteWorker) open(ctx context.Context, stream sessionStream) (transcoder.Session, error) {
	first, err := stream.Recv()
	if err != nil {
		return nil, err
	}
	cfg, err := wire.DecodeOpen(first.GetOpen())
	if err != nil {
		return nil, err
	}
	session, err := w.cfg.Transcoder.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := stream.Send(wire.EncodeOpened()); err != nil {
		return nil, errors.Join(err, session.Close())
	}
	return session, nil
}

// feed carries inputs to the session until either ends, and says why.
func feed(ctx context.Context, stream sessionStream, session transcoder.Session) error {
	for {
		m, err := stream.Recv()
		if err != nil {
			return err
		}
		in, err := wire.DecodeInput(m)
		if err != nil {
			return err
		}
		if err := session.Send(ctx, in); err != nil {
			return err
		}
	}
}

// drain carries outputs of the session until either ends, and says why.
func drain(ctx context.Context, stream sessionStream, session transcoder.Session) error {
	for {
		out, err := session.Recv(ctx)
		if err != nil {
			return err
		}
		m, err := wire.EncodeOutput(out)
		if err != nil {
			return err
		}
		if err := stream.Send(m); err != nil {
			return err
		}
	}
}

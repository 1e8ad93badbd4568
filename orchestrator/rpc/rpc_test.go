package rpc_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"castnet/internal/identity"
	"castnet/internal/media"
	"castnet/internal/receipt"
	"castnet/internal/wire"
	"castnet/orchestrator/rpc"
	payments "castnet/probabilistic-payments"
	"castnet/transcoder"
)

// handler is an orchestrator of functions.
type handler struct {
	transcode func(ctx context.Context, open rpc.Open, stream *rpc.ServerStream) error
	quoted    rpc.QuoteAsk
	settled   rpc.SettleAsk
}

func (h *handler) Quote(_ context.Context, ask rpc.QuoteAsk) (rpc.SignedLease, error) {
	h.quoted = ask
	return sampleLease(), nil
}

func (h *handler) Transcode(ctx context.Context, open rpc.Open, stream *rpc.ServerStream) error {
	return h.transcode(ctx, open, stream)
}

func (h *handler) Settle(_ context.Context, ask rpc.SettleAsk) (rpc.SettleReply, error) {
	h.settled = ask
	result := rpc.PaymentResult{Receipt: common.Hash{1}, Accepted: true, Unpaid: *uint256.NewInt(7)}
	return rpc.SettleReply{Result: &result, Unpaid: []rpc.SignedReceipt{sampleReceipt()}}, nil
}

// serve runs a server of h, and returns a client's configuration for it.
func serve(t *testing.T, h *handler, change ...func(*rpc.ServerConfig)) rpc.DialConfig {
	t.Helper()
	operator := newKey(t)
	cfg := rpc.ServerConfig{Handler: h, Operator: operator, ChainID: chainID, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))}
	for _, c := range change {
		c(&cfg)
	}
	server, err := rpc.NewServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return rpc.DialConfig{Address: ln.Addr().String(), Operator: operator.Address(), ChainID: chainID}
}

func dial(t *testing.T, cfg rpc.DialConfig) *rpc.Client {
	t.Helper()
	c, err := rpc.Dial(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func signature(b byte) []byte { return bytes.Repeat([]byte{b}, identity.SignatureBytes) }

func ladder() transcoder.Ladder {
	return transcoder.Ladder{
		{Name: "720p", Codec: media.H264, Width: 1280, Height: 720, Bitrate: 2_500_000, Divisor: 1},
		{Name: "360p", Codec: media.H264, Width: 640, Height: 360, Bitrate: 900_000, Divisor: 2},
	}
}

func track() *media.Track {
	return &media.Track{
		Codec: media.H264, ClockRate: media.VideoClockRate, Width: 1920, Height: 1080, FrameRate: 29.97, Reorder: 2, Config: []byte{1, 2},
	}
}

func sampleLease() rpc.SignedLease {
	wei := func(v uint64) uint256.Int { return *uint256.NewInt(v) }
	return rpc.SignedLease{
		Lease: receipt.Lease{
			Broadcaster: common.Address{1}, Orchestrator: common.Address{2}, Stream: common.Hash{3}, Lane: 4, Serial: 5,
			LadderHash:   receipt.LadderHash(rpc.Rungs(ladder())),
			Prices:       receipt.Prices{H264: wei(1), HEVC: wei(2), AV1: wei(3), Source: wei(0), MiB: wei(1 << 60)},
			MaxFaceValue: wei(6), MaxUnpaid: wei(7), Round: 8, Expiry: 9,
		},
		Signature: signature(1),
	}
}

func sampleReceipt() rpc.SignedReceipt {
	return rpc.SignedReceipt{
		Receipt: receipt.Receipt{
			Lease: common.Hash{1}, Seq: 2, Attempt: 3, Source: common.Hash{4},
			Renditions: []receipt.Rendition{{Profile: common.Hash{5}, Root: common.Hash{6}, Width: 7, Height: 8, Frames: 9, Bytes: 10}},
			Fee:        *uint256.NewInt(11),
			Ticket:     receipt.TicketTerms{Epoch: 12, RandHash: common.Hash{13}, FaceValue: *uint256.NewInt(14), Expiry: 15},
			Prev:       common.Hash{16},
		},
		Signature: signature(2),
	}
}

func samplePayment() rpc.Payment {
	return rpc.Payment{
		Ticket: payments.Ticket{
			ReceiptHash: common.Hash{1}, Sender: common.Address{2}, Recipient: common.Address{3}, Fee: *uint256.NewInt(4),
			FaceValue: *uint256.NewInt(5), RandHash: common.Hash{6}, Lane: 7, Nonce: 8, Round: 9, Expiry: 10,
		},
		Signature: [identity.SignatureBytes]byte(signature(3)),
	}
}

func sampleAsk() rpc.QuoteAsk {
	ask := rpc.QuoteAsk{
		Request: receipt.QuoteRequest{
			Broadcaster: common.Address{1}, Orchestrator: common.Address{2}, Stream: common.Hash{3}, Lane: 4, Serial: 5, IssuedAt: 6,
		},
		Ladder: ladder(), Source: track(), Signature: signature(4),
	}
	ask.Complete()
	return ask
}

func opening() rpc.Open {
	return rpc.Open{Lease: sampleLease(), Countersignature: signature(5), Ladder: ladder(), Source: track()}
}

func same(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestUnaryCallsCarryEverything(t *testing.T) {
	h := &handler{}
	c := dial(t, serve(t, h))
	lease, err := c.Quote(t.Context(), sampleAsk())
	if err != nil {
		t.Fatal(err)
	}
	same(t, lease, sampleLease())
	same(t, h.quoted, sampleAsk())

	payment := samplePayment()
	ask := rpc.SettleAsk{Settle: receipt.Settle{Lease: common.Hash{1}, IssuedAt: 7}, Signature: signature(9), Payment: &payment}
	reply, err := c.Settle(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	same(t, h.settled, ask)
	same(t, reply.Unpaid, []rpc.SignedReceipt{sampleReceipt()})
	same(t, *reply.Result, rpc.PaymentResult{Receipt: common.Hash{1}, Accepted: true, Unpaid: *uint256.NewInt(7)})
}

// sampleUnit has every field set.
func sampleUnit() *media.Unit {
	return &media.Unit{PTS: -1, DTS: -3001, Key: true, Discontinuity: true, Payload: []byte("picture")}
}

// sampleUps has every message up.
func sampleUps() []rpc.Up {
	return []rpc.Up{
		transcoder.StartSegment{Seq: 1, Attempt: 2, FirstPTS: -3, Track: track(), Fresh: true, ResumeAfter: []int64{-4, 5}},
		transcoder.WriteUnit{Unit: sampleUnit(), Prefix: true},
		transcoder.RequestKey{Rendition: 1},
		transcoder.CancelSegment{Seq: 6, Attempt: 7},
		rpc.EndSegment{
			Source: receipt.Source{
				Lease: common.Hash{1}, Seq: 2, Attempt: 3, ResumeAfter: []int64{-4, 5}, Root: common.Hash{6}, PTSRoot: common.Hash{7},
				Frames: 8, PrefixFrames: 9, Width: 10, Height: 11, Bytes: 12,
			},
			Signature: signature(6), Drain: true,
		},
		samplePayment(),
		rpc.Renew{QuoteAsk: sampleAsk()},
	}
}

// sampleDowns has every message down.
func sampleDowns() []rpc.Down {
	return []rpc.Down{
		transcoder.Rendered{Seq: 1, Attempt: 2, Rendition: 1, Unit: sampleUnit()},
		transcoder.Progress{Seq: 1, Attempt: 2, DecodedPTS: -3, OutputPTS: []int64{-4, 5}},
		sampleReceipt(),
		rpc.SignedBadInput{
			BadInput:  receipt.BadInput{Lease: common.Hash{1}, Seq: 2, Attempt: 3, Unit: -4, Reason: "why"},
			Signature: signature(7),
		},
		rpc.PaymentResult{Receipt: common.Hash{1}, Reason: "why", Unpaid: *uint256.NewInt(2)},
		rpc.Refusal{Code: rpc.CodeBusy, Message: "m", Limit: "l", Asked: "a", Seq: 1, Attempt: 2},
		rpc.Renewed{SignedLease: sampleLease()},
	}
}

// TestStreamCarriesEverything sends every message in both directions.
func TestStreamCarriesEverything(t *testing.T) {
	ups, downs := sampleUps(), sampleDowns()
	heard := make(chan rpc.Up, len(ups))
	h := &handler{transcode: func(ctx context.Context, open rpc.Open, stream *rpc.ServerStream) error {
		same(t, open, opening())
		if err := stream.Accept(); err != nil {
			return err
		}
		for _, down := range downs {
			if err := stream.Send(down); err != nil {
				return err
			}
		}
		for {
			up, err := stream.Recv(ctx)
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			heard <- up
		}
	}}
	stream, err := dial(t, serve(t, h)).Transcode(t.Context(), opening())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range downs {
		got, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, want)
	}
	for _, up := range ups {
		if err := stream.Send(up); err != nil {
			t.Fatal(err)
		}
		same(t, <-heard, up)
	}
	if err := stream.Send("nonsense"); err == nil {
		t.Fatal("sent nonsense")
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Fatalf("end: %v", err)
	}
}

// echo accepts and sends every unit back as rendition 0.
func echo(ctx context.Context, _ rpc.Open, stream *rpc.ServerStream) error {
	if err := stream.Accept(); err != nil {
		return err
	}
	for {
		up, err := stream.Recv(ctx)
		if err != nil {
			return err
		}
		if err := stream.Send(transcoder.Rendered{Unit: up.(transcoder.WriteUnit).Unit}); err != nil {
			return err
		}
	}
}

func TestLargestUnit(t *testing.T) {
	stream, err := dial(t, serve(t, &handler{transcode: echo})).Transcode(t.Context(), opening())
	if err != nil {
		t.Fatal(err)
	}
	unit := &media.Unit{Payload: bytes.Repeat([]byte("x"), media.MaxUnitBytes)}
	if err := stream.Send(transcoder.WriteUnit{Unit: unit}); err != nil {
		t.Fatal(err)
	}
	got, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	same(t, len(got.(transcoder.Rendered).Unit.Payload), media.MaxUnitBytes)

	larger := &media.Unit{Payload: append(unit.Payload, 'x')}
	if err := stream.Send(transcoder.WriteUnit{Unit: larger}); err != nil {
		t.Fatal(err)
	}
	_, err = stream.Recv()
	_ = code(t, err, rpc.CodeInvalid)
}

func code(t *testing.T, err error, want rpc.Code) *rpc.Refusal {
	t.Helper()
	var r *rpc.Refusal
	if !errors.As(err, &r) || r.Code != want {
		t.Fatalf("error %v, want a refusal of code %q", err, want)
	}
	return r
}

// raw speaks the wire itself, to say what a Client never would.
func raw(t *testing.T, cfg rpc.DialConfig) wire.OrchestratorClient {
	t.Helper()
	insecure := credentials.NewTLS(&tls.Config{InsecureSkipVerify: true})
	conn, err := grpc.NewClient("passthrough:///"+cfg.Address, grpc.WithTransportCredentials(insecure))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return wire.NewOrchestratorClient(conn)
}

func TestOtherVersions(t *testing.T) {
	cfg := serve(t, &handler{transcode: echo})
	client := raw(t, cfg)
	_, err := client.Quote(t.Context(), &wire.SignedQuoteRequest{Request: &wire.QuoteRequest{Version: 2}})
	says(t, err, "asked 2, limit 1")
	stream, err := client.Transcode(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&wire.TranscodeUp{Message: &wire.TranscodeUp_Open{Open: &wire.OpenLease{Version: 2}}}); err != nil {
		t.Fatal(err)
	}
	_, err = stream.Recv()
	says(t, err, "asked 2, limit 1")
}

func says(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("error %v, want one that says %q", err, want)
	}
}

// TestMalformed: nothing that a peer sends ends anything but its own call.
func TestMalformed(t *testing.T) {
	cfg := serve(t, &handler{transcode: echo})
	client := raw(t, cfg)
	openings := map[string]*wire.TranscodeUp{
		"nothing":        {},
		"no opening":     {Message: &wire.TranscodeUp_RequestKey{}},
		"no lease":       {Message: &wire.TranscodeUp_Open{Open: &wire.OpenLease{Version: rpc.Version, Countersignature: signature(1)}}},
		"no signature":   {Message: &wire.TranscodeUp_Open{Open: &wire.OpenLease{Version: rpc.Version}}},
		"short hashes":   {Message: &wire.TranscodeUp_Open{Open: &wire.OpenLease{Version: rpc.Version, Countersignature: signature(1), Lease: &wire.SignedLease{Lease: &wire.Lease{Stream: []byte{1}}}}}},
		"start, unasked": {Message: &wire.TranscodeUp_StartSegment{StartSegment: &wire.StartSegment{}}},
	}
	for name, m := range openings {
		t.Run(name, func(t *testing.T) {
			stream, err := client.Transcode(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := stream.Send(m); err != nil {
				t.Fatal(err)
			}
			_, err = stream.Recv()
			says(t, err, "invalid message")
		})
	}
	if _, err := client.Settle(t.Context(), &wire.SettleRequest{Lease: []byte("short")}); err == nil {
		t.Error("settled a lease of five bytes")
	}
	if _, err := client.Quote(t.Context(), &wire.SignedQuoteRequest{}); err == nil {
		t.Error("quoted nothing")
	}
	if _, err := dial(t, cfg).Transcode(t.Context(), opening()); err != nil {
		t.Errorf("others: %v", err)
	}
}

// TestStalledReader: a broadcaster that takes no data loses its lease after StallTimeout, and frees the handler.
func TestStalledReader(t *testing.T) {
	freed := make(chan struct{})
	flood := func(_ context.Context, _ rpc.Open, stream *rpc.ServerStream) error {
		err := stream.Accept()
		unit := &media.Unit{Payload: make([]byte, 1<<20)}
		for err == nil {
			err = stream.Send(transcoder.Rendered{Unit: unit})
		}
		close(freed)
		return err
	}
	cfg := serve(t, &handler{transcode: flood}, func(c *rpc.ServerConfig) { c.StallTimeout = 100 * time.Millisecond })
	stream, err := dial(t, cfg).Transcode(t.Context(), opening())
	if err != nil {
		t.Fatal(err)
	}
	<-freed // nobody has read
	for err == nil {
		_, err = stream.Recv()
	}
	_ = code(t, err, rpc.CodeInvalid)
}

// TestConnectionLimit: a host above its limit is turned away, and let in again when it has closed a connection.
func TestConnectionLimit(t *testing.T) {
	cfg := serve(t, &handler{}, func(c *rpc.ServerConfig) { c.MaxPerHost = 1 })
	first := dial(t, cfg)
	if _, err := first.Quote(t.Context(), sampleAsk()); err != nil {
		t.Fatal(err)
	}
	if _, err := dial(t, cfg).Quote(t.Context(), sampleAsk()); err == nil {
		t.Fatal("a second connection was let in")
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 2000 {
		if _, err := dial(t, cfg).Quote(t.Context(), sampleAsk()); err == nil {
			return
		}
		<-tick.C
	}
	t.Fatal("the place was never free again")
}

// TestHandlerFaultsStayHome: what goes wrong inside is logged, not told.
func TestHandlerFaultsStayHome(t *testing.T) {
	h := &handler{transcode: func(context.Context, rpc.Open, *rpc.ServerStream) error {
		return errors.New("password of the database: hunter2")
	}}
	_, err := dial(t, serve(t, h)).Transcode(t.Context(), opening())
	if r := code(t, err, rpc.CodeInternal); strings.Contains(r.Error(), "hunter2") {
		t.Fatal(r)
	}
}

// FuzzUp: a server survives any bytes, and what it takes means the same when it is written again.
func FuzzUp(f *testing.F) {
	for _, up := range append(sampleUps(), opening()) {
		seed(f, up, rpc.FormatUp)
	}
	f.Fuzz(func(t *testing.T, b []byte) { again(t, b, rpc.ParseUp, rpc.FormatUp) })
}

// FuzzDown is FuzzUp for clients.
func FuzzDown(f *testing.F) {
	for _, down := range sampleDowns() {
		seed(f, down, rpc.FormatDown)
	}
	f.Fuzz(func(t *testing.T, b []byte) { again(t, b, rpc.ParseDown, rpc.FormatDown) })
}

func seed[T any](f *testing.F, m T, format func(T) ([]byte, error)) {
	f.Helper()
	b, err := format(m)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
}

func again[T any](t *testing.T, b []byte, parse func([]byte) (T, error), format func(T) ([]byte, error)) {
	t.Helper()
	m, err := parse(b)
	if err != nil {
		return
	}
	written, err := format(m)
	if err != nil {
		t.Fatalf("%+v cannot be written: %v", m, err)
	}
	second, err := parse(written)
	if err != nil || !reflect.DeepEqual(m, second) {
		t.Fatalf("%+v became %+v, %v", m, second, err)
	}
}

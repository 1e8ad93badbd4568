// Package audits_test holds a broadcaster with its own worker against orchestrators that lie about pictures: everything
// but the chain is real.
package audits_test

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus"

	"castnet/broadcaster"
	"castnet/broadcaster/market"
	"castnet/broadcaster/playback"
	"castnet/ingest"
	"castnet/internal/eip712"
	"castnet/internal/identity"
	"castnet/internal/media"
	"castnet/internal/receipt"
	"castnet/orchestrator"
	"castnet/orchestrator/rpc"
	"castnet/orchestrator/store"
	payments "castnet/probabilistic-payments"
	"castnet/probabilistic-payments/store/sqlite"
	"castnet/test/clip"
	"castnet/test/program"
	"castnet/transcoder"
	"castnet/transcoder/worker"
)

const chainID = 1337

var domain = eip712.NewDomain(chainID, common.Address{0xbb})

// binary is the real worker, built once for all tests.
var binary = program.Worker()

func TestMain(m *testing.M) {
	os.Exit(program.Run(m, binary)) //nolint:forbidigo // a TestMain is a main
}

// rich is a chain on which everybody has money, and on which these orchestrators are.
type rich struct{ roster []market.Orchestrator }

func (rich) Account(context.Context, common.Address, common.Address, uint64) (payments.Account, error) {
	wei := *uint256.NewInt(1e18)
	return payments.Account{Deposit: wei, Reserve: wei, Share: wei}, nil
}

func (rich) GasPrice(context.Context) (uint256.Int, error) { return *uint256.NewInt(1), nil }

func (rich) Round(context.Context) (round, lastExpiry uint64, err error) { return 7, 0, nil }

func (r rich) Roster(context.Context) (market.Roster, error) {
	return market.Roster{Round: 7, Beacon: common.Hash{1}, Orchestrators: r.roster}, nil
}

func (rich) Prices(common.Address) (receipt.Prices, error) {
	return receipt.Prices{H264: *uint256.NewInt(1_000_000), Source: *uint256.NewInt(100_000), MiB: *uint256.NewInt(1000)}, nil
}

func (rich) Stream(key string) (string, bool) { return key, true }

// liar is a transcoder whose sessions see other inputs than they are given, or say other things than they made.
type liar struct {
	transcoder.Transcoder
	in  func(transcoder.Input) transcoder.Input
	out func(transcoder.Output) transcoder.Output
}

func (l liar) Open(ctx context.Context, cfg transcoder.SessionConfig) (transcoder.Session, error) {
	s, err := l.Transcoder.Open(ctx, cfg)
	return &lyingSession{s, l}, err
}

type lyingSession struct {
	transcoder.Session
	liar liar
}

func (s *lyingSession) Send(ctx context.Context, in transcoder.Input) error {
	return s.Session.Send(ctx, s.liar.in(in))
}

func (s *lyingSession) Recv(ctx context.Context) (transcoder.Output, error) {
	out, err := s.Session.Recv(ctx)
	if err != nil {
		return nil, err
	}
	return s.liar.out(out), nil
}

func truthIn(in transcoder.Input) transcoder.Input     { return in }
func truthOut(out transcoder.Output) transcoder.Output { return out }

// scene is a broadcaster and two orchestrators, of which the first has nearly all stake.
type scene struct {
	t     *testing.T
	pool  *worker.Pool
	chain rich
	idle  time.Duration // after which orchestrators end a lease; 0: as they do
}

func newScene(t *testing.T, first liar, change ...func(*scene)) *scene {
	t.Helper()
	path, err := binary()
	s := &scene{t: t}
	for _, c := range change {
		c(s)
	}
	s.check(err)
	s.pool, err = worker.New(worker.Config{Binary: path, Logger: slog.New(slog.DiscardHandler), MaxSessions: 16})
	s.check(err)
	s.run(s.pool.Run)
	first.Transcoder = s.pool
	s.orchestrator("Liar", 1e18, first)
	s.orchestrator("Honest", 1, s.pool)
	return s
}

func (s *scene) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// run runs something until the test ends.
func (s *scene) run(f func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	s.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Error(err)
		}
	})
}

func (s *scene) key() *identity.Key {
	key, err := identity.Generate()
	s.check(err)
	return key
}

func (s *scene) money(name string) *sqlite.Store {
	money, err := sqlite.Open(s.t.Context(), filepath.Join(s.t.TempDir(), name))
	s.check(err)
	s.t.Cleanup(func() { _ = money.Close() })
	return money
}

func (s *scene) orchestrator(name string, stake uint64, work transcoder.Transcoder) {
	log := slog.New(slog.DiscardHandler)
	operator, id := s.key(), common.BytesToAddress([]byte(name))
	recipient, err := payments.NewRecipient(s.t.Context(), payments.RecipientConfig{
		Domain: domain, Address: id, Store: s.money("recipient.db"), Accounts: s.chain, Gas: s.chain,
		Policy: payments.Policy{GasPriceFloor: *uint256.NewInt(1000)}, Log: log, Registerer: prometheus.NewRegistry(),
	})
	s.check(err)
	receipts, err := store.OpenSQLite(s.t.Context(), filepath.Join(s.t.TempDir(), "orchestrator.db"))
	s.check(err)
	s.t.Cleanup(func() { _ = receipts.Close() })
	fleet := &orchestrator.Fleet{}
	fleet.Add(work)
	authority, err := orchestrator.LoadAuthority(filepath.Join(s.t.TempDir(), "authority.pem"), receipts, fleet)
	s.check(err)
	o, err := orchestrator.New(orchestrator.Config{
		ID: id, Signer: operator, Domain: domain, Transcoder: fleet, Recipient: recipient, Rounds: s.chain, Store: receipts,
		Pricer: s.chain, Logger: log, Registerer: prometheus.NewRegistry(), Limits: orchestrator.Limits{IdleTimeout: s.idle},
	})
	s.check(err)
	server, err := rpc.NewServer(rpc.ServerConfig{
		Handler: o, Pool: authority, ClientCAs: authority.ClientCAs(), Operator: operator, ChainID: chainID, Logger: log,
	})
	s.check(err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	s.check(err)
	s.run(func(ctx context.Context) error { return server.Run(ctx, ln) })
	s.chain.roster = append(s.chain.roster, market.Orchestrator{
		ID: id, Operator: operator.Address(), Name: name, Address: ln.Addr().String(), Stake: *uint256.NewInt(stake),
	})
}

// publish pushes a clip in real time, and returns the stream's status once it is settled.
func (s *scene) publish(v *clip.Video) broadcaster.Status {
	s.t.Helper()
	p := s.publisher(v.Track)
	p.push(v.Units)
	return p.settled()
}

// publisher is one that is connected, and its stream.
type publisher struct {
	*scene
	sink   ingest.Sink
	stream *broadcaster.Stream
}

func (s *scene) publisher(track *media.Track) *publisher {
	s.t.Helper()
	account := s.key()
	sender, err := payments.NewSender(s.t.Context(), payments.SenderConfig{
		Signer: account, Domain: domain, Store: s.money("sender.db"), Accounts: s.chain, Holder: "test",
		Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	s.check(err)
	metrics, err := playback.NewMetrics(prometheus.NewRegistry())
	s.check(err)
	b, err := broadcaster.New(broadcaster.Config{
		Signer: account, Domain: domain, ChainID: chainID, Keys: s.chain, Network: s.chain, Payer: sender, Local: s.pool,
		Ladder: func(int, int) transcoder.Ladder {
			return transcoder.Ladder{{Name: "180p", Codec: media.H264, Width: 320, Height: 180, Bitrate: 300_000, Divisor: 1}}
		},
		LivenessFloor: time.Minute, AuditTimeout: time.Minute, // this is about pictures
		Linger:   time.Nanosecond,
		Playback: metrics, Registerer: prometheus.NewRegistry(), Logger: slog.New(slog.NewTextHandler(s.t.Output(), nil)),
	})
	s.check(err)
	s.run(b.Run)
	var sink ingest.Sink
	for sink == nil { // until it runs
		sink, err = b.Publish(s.t.Context(), ingest.Request{Key: "demo", Protocol: "rtmp"})
		if err != nil {
			<-time.After(time.Millisecond)
		}
	}
	s.check(sink.Start([]*media.Track{track}))
	stream, _ := b.Stream("demo")
	return &publisher{s, sink, stream}
}

func (p *publisher) push(units []*media.Unit) {
	p.t.Helper()
	tick := time.NewTicker(time.Second / 30)
	defer tick.Stop()
	for _, u := range units {
		<-tick.C
		u := *u
		u.Capture = time.Now()
		p.check(p.sink.Write(0, &u))
	}
}

// settled ends the stream, and returns its status once everything is paid.
func (p *publisher) settled() broadcaster.Status {
	p.t.Helper()
	p.sink.Close(nil)
	return p.until("settled", func(st broadcaster.Status) bool {
		return st.State == broadcaster.Ended && st.Verified+st.Failed+st.GivenUp >= st.Segments && st.Tickets == st.Verified && st.Accepted == st.Tickets
	})
}

func (p *publisher) until(what string, holds func(broadcaster.Status) bool) broadcaster.Status {
	p.t.Helper()
	for {
		if st := p.stream.Status(); holds(st) {
			return st
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-p.t.Context().Done():
			p.t.Fatal("the stream was not " + what)
		}
	}
}

func natural(t *testing.T, filter string) *clip.Video {
	t.Helper()
	v, err := clip.MakeCoded(t.Context(), clip.Coded{
		Codec: media.H264, Seconds: 4, Filter: "fps=30,scale=640:360," + filter + "setsar=1,format=yuv420p",
		Args: []string{"-c:v", "libx264", "-preset", "veryfast", "-bf", "0", "-g", "60", "-sc_threshold", "0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	v.Track.Width, v.Track.Height, v.Track.FrameRate = 640, 360, 30
	return v
}

// Honest work passes its audits, and all of it is paid.
func TestHonest(t *testing.T) {
	t.Parallel()
	v := natural(t, "")
	st := newScene(t, liar{in: truthIn, out: truthOut}).publish(v)
	if st.Verified != st.Segments || st.Failed != 0 || st.Tickets != st.Segments || st.Audited == 0 {
		t.Errorf("%d segments: %d verified, %d audited, %d failed, %d paid; %v",
			st.Segments, st.Verified, st.Audited, st.Failed, st.Tickets, st.Notes)
	}
}

// Who makes renditions of other pictures is not paid for the first segment, and the stream moves on.
func TestOtherPictures(t *testing.T) {
	t.Parallel()
	v, other := natural(t, ""), natural(t, "hflip,vflip,")
	byPTS := make(map[int64][]byte)
	for _, u := range other.Units {
		byPTS[u.PTS] = u.Payload
	}
	st := newScene(t, liar{out: truthOut, in: func(in transcoder.Input) transcoder.Input {
		if w, ok := in.(transcoder.WriteUnit); ok {
			u := *w.Unit
			u.Payload = byPTS[u.PTS]
			w.Unit = &u
			return w
		}
		return in
	}}).publish(v)
	caught(t, st, "likeness")
}

// Who says that good pictures are broken is found out.
func TestFalseBadInput(t *testing.T) {
	t.Parallel()
	st := newScene(t, liar{in: truthIn, out: func(out transcoder.Output) transcoder.Output {
		if r, ok := out.(transcoder.Rendered); ok {
			return transcoder.BadInput{Seq: r.Seq, Attempt: r.Attempt, PTS: r.Unit.PTS, Reason: "I don't like it"}
		}
		return out
	}}).publish(natural(t, ""))
	moved(t, st, "which our own worker can")
	if st.GivenUp != 0 || st.Verified != st.Segments {
		t.Errorf("%d segments: %d verified, %d given up; %v", st.Segments, st.Verified, st.GivenUp, st.Notes)
	}
}

// A picture that is broken is nobody's fault: its segment is given up, and the orchestrator stays.
func TestTrueBadInput(t *testing.T) {
	t.Parallel()
	v := natural(t, "")
	for i, u := range v.Units {
		if i == 70 { // in the second segment: a slice of nothing
			broken := *u
			broken.Payload = []byte{0, 0, 0, 1, 0x41, 0x9a}
			v.Units[i] = &broken
		}
	}
	st := newScene(t, liar{in: truthIn, out: truthOut}).publish(v)
	if st.GivenUp != 1 || st.Failed != 0 {
		t.Errorf("%d given up, %d failed: %v", st.GivenUp, st.Failed, st.Notes)
	}
	moved(t, st, "by us neither")
	for _, n := range st.Notes {
		if strings.Contains(n.Text, "failed") {
			t.Errorf("somebody was blamed: %s", n.Text)
		}
	}
}

// A publisher that is there and sends no pictures is nobody's fault. No lease is opened before it goes on, and then every
// picture is made.
func TestSilence(t *testing.T) {
	t.Parallel()
	v := natural(t, "")
	// Longer than a broadcaster must have sent nothing to believe it.
	idle := func(s *scene) { s.idle = 7 * time.Second }
	p := newScene(t, liar{in: truthIn, out: truthOut}, idle).publisher(v.Track)
	served := func(st broadcaster.Status) bool { return st.Serving != nil }
	p.push(v.Units[:30])
	p.until("served", served)
	silent := p.until("left", func(st broadcaster.Status) bool { return !served(st) })
	if note := silent.Notes[len(silent.Notes)-1]; note.Trouble {
		t.Errorf("the lease ended with %q", note.Text)
	}
	for range 50 {
		<-time.After(10 * time.Millisecond)
		if st := p.stream.Status(); served(st) {
			t.Fatalf("a lease for silence: %v", st.Notes)
		}
	}
	p.push(v.Units[30:])
	st := p.settled()
	if st.Verified != st.Segments || st.Failed != 0 || st.GivenUp != 0 {
		t.Errorf("%d segments: %d verified, %d failed, %d given up; %v", st.Segments, st.Verified, st.Failed, st.GivenUp, st.Notes)
	}
	for _, n := range st.Notes {
		if n.Trouble {
			t.Errorf("somebody was blamed: %s", n.Text)
		}
	}
}

func caught(t *testing.T, st broadcaster.Status, check string) {
	t.Helper()
	if st.Failed == 0 || st.FailedChecks[check] == 0 {
		t.Errorf("%d failed by %v, want %q; %v", st.Failed, st.FailedChecks, check, st.Notes)
	}
	if st.Tickets != st.Verified {
		t.Errorf("%d segments are paid, %d hold", st.Tickets, st.Verified)
	}
	moved(t, st, "is not what was sent")
}

func moved(t *testing.T, st broadcaster.Status, why string) {
	t.Helper()
	for _, n := range st.Notes {
		if n.Trouble && strings.Contains(n.Text, why) {
			return
		}
	}
	t.Errorf("no note says %q: %v", why, st.Notes)
}

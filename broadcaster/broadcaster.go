// Package broadcaster takes live streams through the network: it has each one transcoded under leases of staked
// orchestrators, moves the work when one fails, verifies what comes back, pays for it, and publishes it in the hub
// that players read.
//
// A stream is one publisher's visit (stream.go). Its segments wait in a worklist until their renditions are complete
// (worklist.go). A lease works the list off (lease.go, attempt.go); the ladder takes the next lease from the market
// (ladder.go); receipts are checked and paid (settle.go).
package broadcaster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/prometheus/client_golang/prometheus"

	"castnet/broadcaster/free"
	"castnet/broadcaster/health"
	"castnet/broadcaster/market"
	"castnet/broadcaster/playback"
	"castnet/ingest"
	"castnet/internal/eip712"
	"castnet/internal/identity"
	"castnet/internal/receipt"
	payments "castnet/probabilistic-payments"
	"castnet/transcoder"
)

// Payer makes the ticket that pays a receipt. payments.Sender is one.
type Payer interface {
	market.Purse
	// Pay returns the one ticket of (lease, seq, attempt), stored before it is returned; the same one when asked again.
	Pay(ctx context.Context, req *payments.PayRequest) (payments.SignedTicket, error)
}

// Books is told of the leases that are opened and of the work that was verified, for a ledger.
type Books interface {
	Opened(stream string, lease *receipt.Lease)
	Work(source *receipt.Source, renditions []receipt.Rendition)
}

// Keys knows the stream keys.
type Keys interface {
	// Stream returns the public id of the stream that a key publishes.
	Stream(key string) (id string, ok bool)
}

// Config is what a Broadcaster needs.
type Config struct {
	// Signer signs quotes, leases and sources for the account that pays: with its own key, or as a hot signer that it has
	// authorised on the chain. Domain is what it signs for.
	Signer identity.Signer
	Domain eip712.Domain
	// ChainID is checked in the certificates of orchestrators.
	ChainID uint64

	Keys    Keys
	Network market.Network
	Payer   Payer
	// Books may be nil.
	Books Books
	// Local is this broadcaster's own worker: it converts audio and audits what is paid for. Without it there is neither Opus
	// for WebRTC, nor does anybody look at pictures.
	Local transcoder.Transcoder
	// Ladder makes the renditions of a source of the given size. Default: transcoder.DefaultLadder. An empty ladder
	// passes the source through.
	Ladder func(width, height int) transcoder.Ladder

	// LivenessFloor is the least time that a rendition may stand still before the lease moves. Default: 300 ms.
	LivenessFloor time.Duration
	// AuditTimeout bounds an audit, and so how long the payment of a segment waits for it: an orchestrator works on for some
	// segments without money. Default: 4 s.
	AuditTimeout time.Duration
	// Audits is how many pieces of work this broadcaster looks at at once, over all streams: each takes a core for as long
	// as it lasts. What finds no place within half of AuditTimeout is not looked at. Default: half of the cores, one at least.
	Audits int
	// QuoteTimeout bounds the wait for quotes. Default: 2 s.
	QuoteTimeout time.Duration
	// Started, where set, is told of each stream that begins. It must not block.
	Started func(*playback.Hub)
	// Linger is how long an ended stream stays for viewers who are still reading. Default: 30 s.
	Linger time.Duration
	// ReconnectGrace is how long a publisher that is gone without an end may take to come back: its stream goes on then.
	// Default: 10 s; below 0 it ends at once. Orchestrators end a lease on which nothing comes for 30 s.
	ReconnectGrace time.Duration
	// MaxPublishers bounds those that are there at once, MaxPublishersPerAddress those of one IP address. Defaults: 1000
	// and 100.
	MaxPublishers, MaxPublishersPerAddress int

	Logger     *slog.Logger
	Registerer prometheus.Registerer
	// Playback counts viewers; hubs and players share it.
	Playback *playback.Metrics
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// maxGrace is what a lease of orchestrators with the usual settings outlasts.
const maxGrace = 20 * time.Second

func (c *Config) validate() error {
	var missing []string
	for name, absent := range map[string]bool{
		"Signer": c.Signer == nil, "Keys": c.Keys == nil, "Network": c.Network == nil, "Payer": c.Payer == nil,
		"Logger": c.Logger == nil, "Registerer": c.Registerer == nil, "Playback": c.Playback == nil,
	} {
		if absent {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return fmt.Errorf("broadcaster: missing in the configuration: %s", strings.Join(missing, ", "))
	}
	if c.Ladder == nil {
		c.Ladder = transcoder.DefaultLadder
	}
	if c.LivenessFloor == 0 {
		c.LivenessFloor = 300 * time.Millisecond
	}
	if c.AuditTimeout == 0 {
		c.AuditTimeout = 4 * time.Second
	}
	if c.Audits < 0 {
		return fmt.Errorf("broadcaster: Audits is %d: at least 1 is needed, or 0 for the default", c.Audits)
	}
	if c.Audits == 0 {
		c.Audits = max(runtime.NumCPU()/2, 1)
	}
	if c.QuoteTimeout == 0 {
		c.QuoteTimeout = 2 * time.Second
	}
	if c.Linger == 0 {
		c.Linger = 30 * time.Second
	}
	if c.MaxPublishers == 0 {
		c.MaxPublishers = 1000
	}
	if c.MaxPublishersPerAddress == 0 {
		c.MaxPublishersPerAddress = 100
	}
	if c.ReconnectGrace == 0 {
		c.ReconnectGrace = 10 * time.Second
	}
	if c.ReconnectGrace > maxGrace {
		return fmt.Errorf("broadcaster: ReconnectGrace is %v: at most %v are possible, as leases end when nothing comes for 30 s", c.ReconnectGrace, maxGrace)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}

// Broadcaster admits publishers and runs their streams. Its methods are safe for concurrent use.
type Broadcaster struct {
	cfg     Config
	metrics *metrics
	market  *market.Market
	looks   chan struct{} // the places of audits
	places  *places

	mu      sync.Mutex
	run     context.Context //nolint:containedctx // streams outlive their publisher's call, never Run
	streams map[string]*Stream
	losses  map[string]*free.Losses // by stream id
	running sync.WaitGroup
}

// New makes a broadcaster. Publishers are refused until Run.
func New(cfg Config) (*Broadcaster, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	m := newMetrics(cfg.Registerer)
	b := &Broadcaster{
		cfg: cfg, metrics: m, streams: make(map[string]*Stream), losses: make(map[string]*free.Losses), looks: make(chan struct{}, cfg.Audits),
		places: newPlaces(cfg.MaxPublishers, cfg.MaxPublishersPerAddress),
		market: market.New(market.Config{
			Signer: cfg.Signer, Domain: cfg.Domain, ChainID: cfg.ChainID, Network: cfg.Network, Purse: cfg.Payer,
			QuoteTimeout: cfg.QuoteTimeout, Logger: cfg.Logger, Now: cfg.Now,
		}),
	}
	cfg.Registerer.MustRegister(health.NewCollector(b.inputs))
	return b, nil
}

// Run lets publishers in until ctx ends, and returns when every stream has ended.
func (b *Broadcaster) Run(ctx context.Context) error {
	b.mu.Lock()
	b.run = ctx
	b.mu.Unlock()
	<-ctx.Done()
	b.mu.Lock()
	b.run = nil
	b.mu.Unlock()
	b.running.Wait()
	b.market.Close()
	return nil
}

// Publish admits a publisher: it implements ingest.Gate.
//
//nolint:contextcheck // the stream outlives the publisher's connection: its viewers see the end
func (b *Broadcaster) Publish(_ context.Context, req ingest.Request) (ingest.Sink, error) {
	id, ok := b.cfg.Keys.Stream(req.Key)
	if !ok {
		b.cfg.Logger.Warn("publisher refused: wrong stream key", "remote", req.Remote, "protocol", req.Protocol)
		return nil, ingest.ErrWrongKey
	}
	b.mu.Lock()
	present, running := b.streams[id], b.run != nil
	b.mu.Unlock()
	if present != nil && running {
		present.relieve()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.run == nil {
		return nil, ingest.ErrUnavailable
	}
	if err := b.places.take(req.Remote); err != nil {
		b.cfg.Logger.Warn("publisher refused", "stream", id, "remote", req.Remote, "err", err)
		return nil, err
	}
	k, err := b.admit(id, req)
	if err != nil {
		b.places.free(req.Remote)
		return nil, err
	}
	return k, nil
}

// admit lets a publisher into its stream, which is begun if it has to be. The lock is held.
func (b *Broadcaster) admit(id string, req ingest.Request) (*sink, error) {
	if old := b.streams[id]; old != nil {
		switch k, err := old.admit(req); {
		case err != nil:
			b.cfg.Logger.Warn("publisher refused: the key is in use", "stream", id, "remote", req.Remote)
			return nil, err
		case k != nil:
			return k, nil
		}
	}
	if b.losses[id] == nil {
		b.losses[id] = new(free.Losses)
	}
	s, err := newStream(b, id, req, b.losses[id])
	if err != nil {
		return nil, err
	}
	if old := b.streams[id]; old != nil {
		close(old.replaced)
	}
	b.streams[id] = s
	if b.cfg.Started != nil {
		b.cfg.Started(s.hub)
	}
	run := b.run
	b.running.Go(func() {
		s.run(run)
		b.remove(s)
	})
	return s.publisher, nil
}

// inBackground runs f beside the streams; Run waits for it.
func (b *Broadcaster) inBackground(f func(ctx context.Context)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if ctx := b.run; ctx != nil {
		b.running.Go(func() { f(ctx) })
	}
}

func (b *Broadcaster) remove(s *Stream) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.streams[s.id] == s {
		delete(b.streams, s.id)
	}
}

// Hub finds a stream's hub by its public id, for players.
func (b *Broadcaster) Hub(id string) (*playback.Hub, bool) {
	s, ok := b.Stream(id)
	if !ok {
		return nil, false
	}
	return s.hub, true
}

// Stream finds a stream by its public id. An ended one is found until its viewers have had time to see its end.
func (b *Broadcaster) Stream(id string) (*Stream, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, ok := b.streams[id]
	return s, ok
}

// Streams lists the streams by id.
func (b *Broadcaster) Streams() []*Stream {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]*Stream, 0, len(b.streams))
	for _, s := range b.streams {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *Stream) int { return strings.Compare(a.id, b.id) })
	return list
}

// inputs is what each live publisher sends, by stream.
func (b *Broadcaster) inputs() map[string]health.Input {
	inputs := make(map[string]health.Input)
	for _, s := range b.Streams() {
		if st := s.Status(); st.State == Live {
			inputs[st.ID] = st.Input
		}
	}
	return inputs
}

// Records is what this broadcaster has measured of each orchestrator it has used.
func (b *Broadcaster) Records() map[common.Address]market.Record { return b.market.Records() }

var errStopping = errors.New("the broadcaster is stopping")

// opened tells the books of a lease.
func (b *Broadcaster) opened(s *Stream, lease *receipt.Lease) {
	if b.cfg.Books != nil {
		b.cfg.Books.Opened(s.id, lease)
	}
}

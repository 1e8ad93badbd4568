package broadcaster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"castnet/broadcaster/selection"
	"castnet/internal/media"
	"castnet/internal/receipt"
	"castnet/orchestrator/rpc"
	payments "castnet/probabilistic-payments"
	"castnet/transcoder"
)

// quoteGrace is how long the others may take after the first quote.
const quoteGrace = 250 * time.Millisecond

// errNobody says that the draw had nobody to draw from.
var errNobody = errors.New("no orchestrator can be asked")

// Record is what this broadcaster has measured of one orchestrator.
type Record struct {
	selection.Record
	// Verified and Failed count segments and leases since this process began.
	Verified, Failed int
	LastFailure      string
	// Price is the last quoted price of 10^6 output pixels of H264, in wei.
	Price uint256.Int
}

// offer is a lease that an orchestrator has signed and nobody has opened.
type offer struct {
	orchestrator Orchestrator
	client       *rpc.Client
	lease        rpc.SignedLease
	why          string
	roundTrip    time.Duration
}

// market asks orchestrators for leases, and remembers how they did.
type market struct {
	cfg     *Config
	metrics *metrics

	mu      sync.Mutex
	records map[common.Address]Record
	clients map[Orchestrator]*rpc.Client
	serial  uint64
}

func newMarket(cfg *Config, m *metrics) *market {
	return &market{
		cfg: cfg, metrics: m,
		records: make(map[common.Address]Record), clients: make(map[Orchestrator]*rpc.Client),
	}
}

func (m *market) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.clients {
		if err := c.Close(); err != nil {
			m.cfg.Logger.Debug("connection to an orchestrator closed", "err", err)
		}
	}
	clear(m.clients)
}

// nextSerial is strictly increasing, over restarts too: it follows the clock in microseconds.
func (m *market) nextSerial() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.serial = max(m.serial+1, uint64(m.cfg.Now().UnixMicro()))
	return m.serial
}

// client returns the connection to an orchestrator; a new address or operator makes a new one.
func (m *market) client(o Orchestrator) (*rpc.Client, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c, ok := m.clients[o]; ok {
		return c, nil
	}
	c, err := rpc.Dial(rpc.DialConfig{Address: o.Address, Operator: o.Operator, ChainID: m.cfg.ChainID})
	if err != nil {
		return nil, fmt.Errorf("dial %s at %s: %w", o.Name, o.Address, err)
	}
	m.clients[o] = c
	return c, nil
}

// need is what a lease is asked for.
type need struct {
	stream common.Hash
	ladder transcoder.Ladder
	source *media.Track
}

// ask completes and signs the request for one orchestrator.
func (m *market) ask(o common.Address, serial uint64, n need) (rpc.QuoteAsk, error) {
	ask := rpc.QuoteAsk{
		Request: receipt.QuoteRequest{
			Broadcaster: m.cfg.Payer.Account(), Orchestrator: o, Stream: n.stream,
			Lane: m.cfg.Payer.Lane(), Serial: serial, IssuedAt: uint64(m.cfg.Now().Unix()),
		},
		Ladder: n.ladder, Source: n.source,
	}
	ask.Complete()
	sig, err := receipt.Sign(m.cfg.Signer, m.cfg.Domain, ask.Request.Hash())
	if err != nil {
		return ask, fmt.Errorf("sign quote request: %w", err)
	}
	ask.Signature = sig
	return ask, nil
}

// offers draws candidates by stake, asks them for quotes at once, and returns the leases that came, best first.
func (m *market) offers(ctx context.Context, n need) ([]offer, error) {
	roster, err := m.cfg.Network.Roster(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the active orchestrators: %w", err)
	}
	if len(roster.Orchestrators) == 0 {
		return nil, fmt.Errorf("%w: none is in the active set of round %d", errNobody, roster.Round)
	}
	serial := m.nextSerial()
	drawn, err := m.draw(roster, serial)
	if err != nil {
		return nil, err
	}
	quotes, refusals := m.quotes(ctx, drawn, serial, n)
	if len(quotes) == 0 {
		return nil, errors.Join(refusals...)
	}
	return m.rank(quotes, n)
}

// draw picks whom to ask: K by stake. In a network smaller than 2K half of it is drawn, so that stake still decides.
// Those in quarantine are left out while there is anybody else.
func (m *market) draw(roster Roster, serial uint64) ([]Orchestrator, error) {
	m.mu.Lock()
	records := maps.Clone(m.records)
	m.mu.Unlock()
	now := m.cfg.Now()
	byID := make(map[common.Address]Orchestrator, len(roster.Orchestrators))
	var candidates, resting []selection.Candidate
	for _, o := range roster.Orchestrators {
		byID[o.ID] = o
		c := selection.Candidate{ID: o.ID, Stake: o.Stake}
		if records[o.ID].Quarantine(now) > 0 {
			resting = append(resting, c)
			continue
		}
		candidates = append(candidates, c)
	}
	if len(candidates) == 0 {
		candidates = resting
	}
	set, err := selection.NewSet(candidates, 0)
	if err != nil {
		return nil, fmt.Errorf("active set: %w", err)
	}
	k := min(selection.K, (len(candidates)+1)/2)
	seed := selection.Seed(roster.Beacon, m.cfg.Payer.Account(), serial)
	var drawn []Orchestrator
	for _, c := range set.Draw(nil, seed, k) {
		drawn = append(drawn, byID[c.ID])
	}
	if len(drawn) == 0 {
		return nil, fmt.Errorf("%w: nobody in the active set has stake", errNobody)
	}
	return drawn, nil
}

// quotes asks all the drawn at once. A refusal counts against its sender only where it says nothing for itself.
func (m *market) quotes(ctx context.Context, drawn []Orchestrator, serial uint64, n need) ([]offer, []error) {
	ctx, cancel := context.WithTimeout(ctx, m.cfg.QuoteTimeout)
	defer cancel()
	offers, errs := make([]offer, len(drawn)), make([]error, len(drawn))
	var wg sync.WaitGroup
	for i, o := range drawn {
		wg.Go(func() {
			if offers[i], errs[i] = m.quote(ctx, o, serial, n); errs[i] == nil {
				time.AfterFunc(quoteGrace, cancel) // a stream that stands still doesn't wait for the slowest
			}
		})
	}
	wg.Wait()
	var got []offer
	var refusals []error
	for i, err := range errs {
		if err == nil {
			got = append(got, offers[i])
			continue
		}
		err = fmt.Errorf("%s: %w", drawn[i].Name, err)
		refusals = append(refusals, err)
		if faulty(err) && !errors.Is(ctx.Err(), context.Canceled) {
			m.failed(drawn[i].ID, err.Error())
		}
	}
	return got, refusals
}

// faulty reports whether a failed quote speaks against the orchestrator: a refusal that gives a reason does not, nor
// does money that we lack.
func faulty(err error) bool {
	if _, ours := errors.AsType[*payments.Refusal](err); ours {
		return false
	}
	var r *rpc.Refusal
	return !errors.As(err, &r) || r.Code == rpc.CodeInternal || r.Code == rpc.CodeInvalid
}

func (m *market) quote(ctx context.Context, o Orchestrator, serial uint64, n need) (offer, error) {
	client, err := m.client(o)
	if err != nil {
		return offer{}, err
	}
	ask, err := m.ask(o.ID, serial, n)
	if err != nil {
		return offer{}, err
	}
	began := m.cfg.Now()
	lease, err := client.Quote(ctx, ask)
	if err != nil {
		return offer{}, err
	}
	if err := m.checkLease(&ask.Request, o, lease); err != nil {
		return offer{}, err
	}
	if err := m.cfg.Payer.Check(ctx, o.ID, lease.Lease.Round, lease.Lease.MaxFaceValue); err != nil {
		return offer{}, err
	}
	return offer{orchestrator: o, client: client, lease: lease, roundTrip: m.cfg.Now().Sub(began)}, nil
}

// checkLease compares a lease with what was asked for.
func (m *market) checkLease(ask *receipt.QuoteRequest, o Orchestrator, signed rpc.SignedLease) error {
	l := &signed.Lease
	if l.Broadcaster != ask.Broadcaster || l.Orchestrator != o.ID || l.Stream != ask.Stream ||
		l.Lane != ask.Lane || l.Serial != ask.Serial || l.LadderHash != ask.LadderHash {
		return errors.New("the lease is not for what was asked")
	}
	if l.Expiry <= uint64(m.cfg.Now().Unix()) {
		return fmt.Errorf("the lease ended at %v already", time.Unix(int64(l.Expiry), 0).UTC())
	}
	if err := receipt.CheckSigner(m.cfg.Domain, l.Hash(), signed.Signature, o.Operator); err != nil {
		return fmt.Errorf("the lease's signature: %w", err)
	}
	return nil
}

func (m *market) rank(quotes []offer, n need) ([]offer, error) {
	m.mu.Lock()
	for _, q := range quotes {
		r := m.records[q.orchestrator.ID]
		r.Price = q.lease.Lease.Prices.H264
		m.records[q.orchestrator.ID] = r
	}
	bids := make([]selection.Bid, len(quotes))
	for i, q := range quotes {
		bids[i] = selection.Bid{
			ID: q.orchestrator.ID, Record: m.records[q.orchestrator.ID].Record, Price: pricePerSecond(&q.lease.Lease.Prices, n),
		}
	}
	m.mu.Unlock()
	var random [32]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, fmt.Errorf("randomness: %w", err)
	}
	ranked := selection.Rank(bids, m.cfg.Now(), random)
	out := make([]offer, len(ranked))
	for i, r := range ranked {
		out[i] = quotes[r.Index]
		out[i].why = r.Reason
	}
	return out, nil
}

// pricePerSecond estimates what a second of the stream costs, in wei, to compare quotes.
func pricePerSecond(p *receipt.Prices, n need) float64 {
	fps := n.source.FrameRate
	if fps <= 0 {
		fps = 30
	}
	total := p.Source.Float64() * float64(n.source.Width*n.source.Height) / 1e6 * fps
	for _, rung := range n.ladder {
		price := p.H264
		switch rung.Codec {
		case media.HEVC:
			price = p.HEVC
		case media.AV1:
			price = p.AV1
		default:
		}
		total += price.Float64() * float64(rung.Pixels()) / 1e6 * fps / float64(rung.Divisor)
		total += p.MiB.Float64() * float64(rung.Bitrate) / 8 / (1 << 20)
	}
	return total
}

// priceRoom is how much dearer a renewal may be than the lease that won in the market, as a divisor: prices in dollars
// follow the coin, and to begin anew with somebody else costs more than a quarter.
const priceRoom = 4

// dearer reports whether any of the new prices leaves the room.
func dearer(now, won *receipt.Prices) bool {
	for _, p := range [][2]*uint256.Int{
		{&now.H264, &won.H264}, {&now.HEVC, &won.HEVC}, {&now.AV1, &won.AV1}, {&now.Source, &won.Source}, {&now.MiB, &won.MiB},
	} {
		most := new(uint256.Int).Div(p[1], uint256.NewInt(priceRoom))
		if _, overflow := most.AddOverflow(most, p[1]); !overflow && p[0].Gt(most) {
			return true
		}
	}
	return false
}

// succeeded and failed keep an orchestrator's record.
func (m *market) succeeded(id common.Address, lag time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.records[id]
	r.Record = r.Succeeded(m.cfg.Now(), lag)
	r.Verified++
	m.records[id] = r
}

func (m *market) failed(id common.Address, why string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.records[id]
	r.Record = r.Record.Failed(m.cfg.Now())
	r.Failed++
	r.LastFailure = why
	m.records[id] = r
}

func (m *market) snapshot() map[common.Address]Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.records)
}

// Logger attributes that every line about an offer carries.
func (o *offer) attrs(log *slog.Logger) *slog.Logger {
	return log.With("orchestrator", o.orchestrator.Name, "lease", o.lease.Lease.Hash().TerminalString())
}

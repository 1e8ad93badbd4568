// Package market asks the network's orchestrators for leases, ranks what they offer, and remembers how they did.
//
// Orchestrators are drawn by stake; the drawn are asked for a quote at once; who serves is decided by price and by what
// this process has measured.
package market

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
	"castnet/internal/eip712"
	"castnet/internal/identity"
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

// Network tells who may be asked to transcode. It is safe for concurrent use.
type Network interface {
	// Roster returns the active orchestrators of the present round.
	Roster(ctx context.Context) (Roster, error)
}

// Roster is one round's orchestrators and the beacon that draws among them.
type Roster struct {
	Round         uint64
	Beacon        common.Hash
	Orchestrators []Orchestrator
}

// Orchestrator is one entry of the on-chain registry.
type Orchestrator struct {
	ID       common.Address // the owner's
	Operator common.Address // signs on the wire
	Name     string         // for people
	Address  string         // host:port
	Stake    uint256.Int    // wei of CAST
}

// Record is what this broadcaster has measured of one orchestrator.
type Record struct {
	selection.Record
	// Verified and Failed count segments and leases since this process began.
	Verified, Failed int
	LastFailure      string
	// Price is the last quoted price of 10^6 output pixels of H264, in wei.
	Price uint256.Int
}

// Offer is a lease that an orchestrator has signed and nobody has opened.
type Offer struct {
	Orchestrator Orchestrator
	Client       *rpc.Client
	Lease        rpc.SignedLease
	Why          string        // it was ranked where it is
	RoundTrip    time.Duration // of the quote
}

// Purse knows what can be paid. payments.Sender is one.
type Purse interface {
	// Check reports whether tickets of a face value could be paid to a recipient in a round; a *payments.Refusal says
	// what is missing.
	Check(ctx context.Context, recipient common.Address, round uint64, face uint256.Int) error
	// Account is the address that pays; Lane is the nonce lane of this process. Both are named in quotes.
	Account() common.Address
	Lane() uint64
}

// Config is what a Market needs. All of it is required.
type Config struct {
	// Signer signs requests for quotes, in Domain. ChainID is checked in the certificates of orchestrators.
	Signer  identity.Signer
	Domain  eip712.Domain
	ChainID uint64
	Network Network
	Purse   Purse
	// QuoteTimeout bounds the wait for quotes.
	QuoteTimeout time.Duration
	Logger       *slog.Logger
	Now          func() time.Time
}

// Market asks orchestrators for leases. Its methods are safe for concurrent use.
type Market struct {
	cfg Config

	mu      sync.Mutex
	records map[common.Address]Record
	clients map[Orchestrator]*rpc.Client
	serial  uint64
}

// New makes a market that nobody has been asked in.
func New(cfg Config) *Market {
	return &Market{cfg: cfg, records: make(map[common.Address]Record), clients: make(map[Orchestrator]*rpc.Client)}
}

// Close ends the connections to orchestrators.
func (m *Market) Close() {
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
func (m *Market) nextSerial() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.serial = max(m.serial+1, uint64(m.cfg.Now().UnixMicro()))
	return m.serial
}

// client returns the connection to an orchestrator; a new address or operator makes a new one.
func (m *Market) client(o Orchestrator) (*rpc.Client, error) {
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

// Need is what a lease is asked for.
type Need struct {
	Stream common.Hash
	Ladder transcoder.Ladder
	Source *media.Track
}

// Ask completes and signs the request for a renewal of an orchestrator's lease.
func (m *Market) Ask(o common.Address, n Need) (rpc.QuoteAsk, error) {
	return m.ask(o, m.nextSerial(), n)
}

// ask completes and signs the request for one orchestrator.
func (m *Market) ask(o common.Address, serial uint64, n Need) (rpc.QuoteAsk, error) {
	ask := rpc.QuoteAsk{
		Request: receipt.QuoteRequest{
			Broadcaster: m.cfg.Purse.Account(), Orchestrator: o, Stream: n.Stream,
			Lane: m.cfg.Purse.Lane(), Serial: serial, IssuedAt: uint64(m.cfg.Now().Unix()),
		},
		Ladder: n.Ladder, Source: n.Source,
	}
	ask.Complete()
	sig, err := receipt.Sign(m.cfg.Signer, m.cfg.Domain, ask.Request.Hash())
	if err != nil {
		return ask, fmt.Errorf("sign quote request: %w", err)
	}
	ask.Signature = sig
	return ask, nil
}

// Offers draws candidates by stake, asks them for quotes at once, and returns the leases that came, best first.
func (m *Market) Offers(ctx context.Context, n Need) ([]Offer, error) {
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
func (m *Market) draw(roster Roster, serial uint64) ([]Orchestrator, error) {
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
	seed := selection.Seed(roster.Beacon, m.cfg.Purse.Account(), serial)
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
func (m *Market) quotes(ctx context.Context, drawn []Orchestrator, serial uint64, n Need) ([]Offer, []error) {
	ctx, cancel := context.WithTimeout(ctx, m.cfg.QuoteTimeout)
	defer cancel()
	offers, errs := make([]Offer, len(drawn)), make([]error, len(drawn))
	var wg sync.WaitGroup
	for i, o := range drawn {
		wg.Go(func() {
			if offers[i], errs[i] = m.quote(ctx, o, serial, n); errs[i] == nil {
				time.AfterFunc(quoteGrace, cancel) // a stream that stands still doesn't wait for the slowest
			}
		})
	}
	wg.Wait()
	var got []Offer
	var refusals []error
	for i, err := range errs {
		if err == nil {
			got = append(got, offers[i])
			continue
		}
		err = fmt.Errorf("%s: %w", drawn[i].Name, err)
		refusals = append(refusals, err)
		if faulty(err) && !errors.Is(ctx.Err(), context.Canceled) {
			m.Failed(drawn[i].ID, err.Error())
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

func (m *Market) quote(ctx context.Context, o Orchestrator, serial uint64, n Need) (Offer, error) {
	client, err := m.client(o)
	if err != nil {
		return Offer{}, err
	}
	ask, err := m.ask(o.ID, serial, n)
	if err != nil {
		return Offer{}, err
	}
	began := m.cfg.Now()
	lease, err := client.Quote(ctx, ask)
	if err != nil {
		return Offer{}, err
	}
	if err := m.checkLease(&ask.Request, o, lease); err != nil {
		return Offer{}, err
	}
	if err := m.cfg.Purse.Check(ctx, o.ID, lease.Lease.Round, lease.Lease.MaxFaceValue); err != nil {
		return Offer{}, err
	}
	return Offer{Orchestrator: o, Client: client, Lease: lease, RoundTrip: m.cfg.Now().Sub(began)}, nil
}

// checkLease compares a lease with what was asked for.
func (m *Market) checkLease(ask *receipt.QuoteRequest, o Orchestrator, signed rpc.SignedLease) error {
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

func (m *Market) rank(quotes []Offer, n Need) ([]Offer, error) {
	m.mu.Lock()
	for _, q := range quotes {
		r := m.records[q.Orchestrator.ID]
		r.Price = q.Lease.Lease.Prices.H264
		m.records[q.Orchestrator.ID] = r
	}
	bids := make([]selection.Bid, len(quotes))
	for i, q := range quotes {
		bids[i] = selection.Bid{
			ID: q.Orchestrator.ID, Record: m.records[q.Orchestrator.ID].Record, Price: pricePerSecond(&q.Lease.Lease.Prices, n),
		}
	}
	m.mu.Unlock()
	var random [32]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, fmt.Errorf("randomness: %w", err)
	}
	ranked := selection.Rank(bids, m.cfg.Now(), random)
	out := make([]Offer, len(ranked))
	for i, r := range ranked {
		out[i] = quotes[r.Index]
		out[i].Why = r.Reason
	}
	return out, nil
}

// pricePerSecond estimates what a second of the stream costs, in wei, to compare quotes.
func pricePerSecond(p *receipt.Prices, n Need) float64 {
	fps := n.Source.FrameRate
	if fps <= 0 {
		fps = 30
	}
	total := p.Source.Float64() * float64(n.Source.Width*n.Source.Height) / 1e6 * fps
	for _, rung := range n.Ladder {
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

// Dearer reports whether a renewed lease's prices are higher than those that won in the market, by more than a quarter.
func Dearer(now, won *receipt.Prices) bool {
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

// Succeeded keeps that an orchestrator's segment was verified, and the median lag of its pictures.
func (m *Market) Succeeded(id common.Address, lag time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.records[id]
	r.Record = r.Succeeded(m.cfg.Now(), lag)
	r.Verified++
	m.records[id] = r
}

// Failed keeps that an orchestrator failed, and why.
func (m *Market) Failed(id common.Address, why string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.records[id]
	r.Record = r.Record.Failed(m.cfg.Now())
	r.Failed++
	r.LastFailure = why
	m.records[id] = r
}

// Records is what was measured of each orchestrator that was asked.
func (m *Market) Records() map[common.Address]Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.records)
}

// Log adds what every line about an offer carries.
func (o *Offer) Log(log *slog.Logger) *slog.Logger {
	return log.With("orchestrator", o.Orchestrator.Name, "lease", o.Lease.Lease.Hash().TerminalString())
}

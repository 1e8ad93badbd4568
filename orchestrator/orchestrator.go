// Package orchestrator sells transcoding: it answers quotes with signed leases, serves leases with a pool of
// transcoders, signs receipts for what was made, and takes the tickets that pay them.
package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus"

	"castnet/internal/identity"
	"castnet/internal/receipt"
	"castnet/orchestrator/rpc"
	payments "castnet/probabilistic-payments"
	"castnet/transcoder"
)

// Recipient is the money side; payments.Recipient is one. Its refusals are *payments.Refusal.
type Recipient interface {
	Quote(ctx context.Context, ask payments.Ask) (payments.Offer, error)
	OpenLease(ctx context.Context, terms payments.LeaseTerms) error
	CloseLease(lease common.Hash)
	Meter(lease common.Hash, work uint256.Int) error
	Bill(ctx context.Context, bill payments.Bill, sign func(payments.Terms) (common.Hash, error)) error
	Receive(ctx context.Context, ticket *payments.SignedTicket) (payments.Result, error)
	// Debtor is the sender that owes for a lease; false where nothing is owed.
	Debtor(lease common.Hash) (common.Address, bool)
}

// Rounds tells the chain's time.
type Rounds interface {
	// Round returns the current round, and the last Unix second at which a ticket of it can be redeemed (0: no bound).
	Round(ctx context.Context) (round, lastExpiry uint64, err error)
}

// Pricer says what a broadcaster is asked for now. An error says why nothing can be quoted.
type Pricer interface {
	Prices(broadcaster common.Address) (receipt.Prices, error)
}

// Books is told of the leases that are opened and of the work that was billed, for a ledger.
type Books interface {
	Opened(lease *receipt.Lease)
	Work(source *receipt.Source, renditions []receipt.Rendition)
}

// Store keeps what must survive this process. What a method did is durable when it returns without error.
type Store interface {
	// TakeSerial notes a broadcaster's serial until a time after which no request with it is fresh. It returns ErrStale for
	// one that is noted already. Requests overtake each other: the order of serials says nothing.
	TakeSerial(ctx context.Context, broadcaster common.Address, serial uint64, until time.Time) error
	// AddReceipt stores a receipt as unpaid.
	AddReceipt(ctx context.Context, r *rpc.SignedReceipt) error
	// CloseReceipt notes that a receipt, named by its struct hash, is paid or written off.
	CloseReceipt(ctx context.Context, hash common.Hash) error
	// UnpaidReceipts returns a lease's open receipts, oldest first.
	UnpaidReceipts(ctx context.Context, lease common.Hash, limit int) ([]rpc.SignedReceipt, error)
	// Prune removes what no longer matters at now: receipts whose tickets have expired, old serials and tokens.
	Prune(ctx context.Context, now time.Time) error
}

// ErrStale is returned by TakeSerial.
var ErrStale = errors.New("serial was used before")

// Limits are the knobs of admission. Zero means the default.
type Limits struct {
	// LeaseTTL is how long a lease lasts unless it is renewed (default 10 min).
	LeaseTTL time.Duration
	// Freshness is how far a quote request's clock may be off (default 60 s).
	Freshness time.Duration
	// OpenWithin is how long a quoted lease waits to be opened (default 30 s); OpenQuotes bounds those of one broadcaster
	// that wait, the oldest goes first (default 64).
	OpenWithin time.Duration
	OpenQuotes int
	// QuotesPerMinute bounds the quotes of one broadcaster (default 600).
	QuotesPerMinute int
	// OpenSegments bounds the segments of a lease that were begun and have no receipt yet (default 8).
	OpenSegments int
	// IdleTimeout ends a lease on which the broadcaster says nothing (default 30 s).
	IdleTimeout time.Duration
	// WorkerDeaths is how many workers a lease may lose in a minute before it is given up: a stream that kills every
	// worker is no accident (default 5).
	WorkerDeaths int
}

func (l *Limits) setDefaults() {
	setDefault(&l.LeaseTTL, 10*time.Minute)
	setDefault(&l.Freshness, time.Minute)
	setDefault(&l.OpenWithin, 30*time.Second)
	setDefault(&l.OpenQuotes, 64)
	setDefault(&l.QuotesPerMinute, 600)
	setDefault(&l.OpenSegments, 8)
	setDefault(&l.IdleTimeout, 30*time.Second)
	setDefault(&l.WorkerDeaths, 5)
}

func setDefault[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// Config is what an Orchestrator needs.
type Config struct {
	// ID is the orchestrator's owner address in Staking; Signer has its operator key.
	ID     common.Address
	Signer identity.Signer
	Domain receipt.Domain
	// Transcoder does the work: a local worker pool, or a Fleet.
	Transcoder transcoder.Transcoder
	Recipient  Recipient
	// Signers tells of hot keys that broadcasters sign with; nil: they sign with their accounts' own.
	Signers payments.Signers
	Rounds  Rounds
	Store   Store
	Pricer  Pricer
	// Books may be nil.
	Books      Books
	Limits     Limits
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	// Now tells the time; time.Now where it is nil.
	Now func() time.Time
}

func (c *Config) validate() error {
	c.Limits.setDefaults()
	if c.Now == nil {
		c.Now = time.Now
	}
	switch {
	case c.ID == common.Address{}:
		return errors.New("orchestrator: ID (the owner's address in Staking) is needed")
	case c.Signer == nil, c.Transcoder == nil, c.Recipient == nil, c.Rounds == nil, c.Store == nil, c.Pricer == nil:
		return errors.New("orchestrator: Signer, Transcoder, Recipient, Rounds, Store and Pricer are needed")
	case c.Logger == nil, c.Registerer == nil:
		return errors.New("orchestrator: Logger and Registerer are needed")
	}
	return nil
}

// Orchestrator serves leases. It is the rpc.Handler of an rpc.Server.
type Orchestrator struct {
	cfg     Config
	metrics *metrics
	rate    window
	wasted  wasted

	issued shelf
}

// New checks the configuration and registers the metrics.
func New(cfg Config) (*Orchestrator, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	m, err := newMetrics(cfg.Registerer)
	if err != nil {
		return nil, err
	}
	return &Orchestrator{
		cfg: cfg, metrics: m,
		rate:   window{length: time.Minute, limit: cfg.Limits.QuotesPerMinute, seen: make(map[common.Address]int)},
		issued: shelf{perBroadcaster: cfg.Limits.OpenQuotes, within: cfg.Limits.OpenWithin, by: make(map[common.Address][]issued)},
	}, nil
}

// pruneEvery is how often what is out of date is forgotten.
const pruneEvery = 10 * time.Minute

// Run keeps house until ctx ends. Leases are served by the rpc.Server's goroutines.
func (o *Orchestrator) Run(ctx context.Context) error {
	tick := time.NewTicker(pruneEvery)
	defer tick.Stop()
	for {
		if err := o.cfg.Store.Prune(ctx, o.cfg.Now()); err != nil && ctx.Err() == nil {
			o.cfg.Logger.Warn("store not pruned; it grows until it is", "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// Settle pays a receipt where a payment is set, and shows the lease's broadcaster what is unpaid on it. It works for
// leases of a process that has died.
func (o *Orchestrator) Settle(ctx context.Context, ask rpc.SettleAsk) (rpc.SettleReply, error) {
	var reply rpc.SettleReply
	if ask.Payment != nil {
		result, err := o.receive(ctx, ask.Payment)
		if err != nil {
			return reply, err
		}
		reply.Result = &result
	}
	debtor, owes := o.cfg.Recipient.Debtor(ask.Lease)
	if !owes || len(ask.Signature) == 0 {
		return reply, nil
	}
	if err := o.fresh(ask.IssuedAt, o.cfg.Now()); err != nil {
		return reply, err
	}
	if err := o.checkSigner(ctx, ask.Hash(), ask.Signature, debtor); err != nil {
		return reply, &rpc.Refusal{Code: rpc.CodeSignature, Message: "settle: " + err.Error()}
	}
	unpaid, err := o.cfg.Store.UnpaidReceipts(ctx, ask.Lease, rpc.MaxUnpaidReceipts)
	if err != nil {
		return reply, fmt.Errorf("unpaid receipts: %w", err)
	}
	reply.Unpaid = unpaid
	return reply, nil
}

// checkSigner refuses a signature that is neither the account's nor that of a hot key that it has authorised.
func (o *Orchestrator) checkSigner(ctx context.Context, hash common.Hash, signature []byte, account common.Address) error {
	signer, err := receipt.Recover(o.cfg.Domain, hash, signature)
	if err != nil || signer == account {
		return err
	}
	if o.cfg.Signers != nil {
		until, err := o.cfg.Signers.SignerUntil(ctx, account, signer)
		if err != nil {
			return fmt.Errorf("read whether %s may sign for %s: %w", signer, account, err)
		}
		if until > uint64(o.cfg.Now().Unix()) {
			return nil
		}
	}
	return fmt.Errorf("%w: it is %s's, it must be %s's or that of a signer that it has authorised", identity.ErrSignature, signer, account)
}

// receive takes one payment. What is wrong with it is in the result; an error is this side's.
func (o *Orchestrator) receive(ctx context.Context, payment *rpc.Payment) (rpc.PaymentResult, error) {
	result := rpc.PaymentResult{Receipt: payment.ReceiptHash}
	got, err := o.cfg.Recipient.Receive(ctx, payment)
	var refusal *payments.Refusal
	switch {
	case err == nil:
		result.Accepted, result.Unpaid = true, got.Unpaid
		o.metrics.payments.WithLabelValues("accepted").Inc()
	case errors.As(err, &refusal):
		result.Reason = refusal.Error()
		o.metrics.payments.WithLabelValues("refused").Inc()
	default:
		return result, fmt.Errorf("payment: %w", err)
	}
	if result.Accepted || refusal.Code == payments.CodeLate {
		if err := payments.Patiently(ctx, func() error { return o.cfg.Store.CloseReceipt(ctx, payment.ReceiptHash) }); err != nil {
			return result, fmt.Errorf("close receipt: %w", err)
		}
	}
	return result, nil
}

// window counts quotes by broadcaster in windows of fixed length: a count that is forgotten with the window cannot
// grow without bound.
type window struct {
	length time.Duration
	limit  int

	mu    sync.Mutex
	began time.Time
	seen  map[common.Address]int
}

func (w *window) allow(who common.Address, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now.Sub(w.began) >= w.length {
		w.began = now
		clear(w.seen)
	}
	w.seen[who]++
	return w.seen[who] <= w.limit
}

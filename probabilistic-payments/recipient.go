package payments

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

	"castnet/internal/eip712"
	"castnet/internal/identity"
)

// Charge is a receipt that was issued and asks for a ticket.
type Charge struct {
	PaymentKey
	// Receipt is the receipt's struct hash.
	Receipt     common.Hash
	Sender      common.Address
	Lane, Round uint64
	Fee         uint256.Int
	Terms       Terms
	// Deadline is when it is written off, in milliseconds of Unix time.
	Deadline int64
}

// ChargeState says how a charge ended.
type ChargeState uint8

// The states of a charge. Open is the only one that changes.
const (
	ChargeOpen       ChargeState = 0
	ChargePaid       ChargeState = 1
	ChargeWrittenOff ChargeState = 2
)

// ChargeRecord is a charge as it is stored.
type ChargeRecord struct {
	Charge
	State ChargeState
	// Ticket and Won are set when it is paid.
	Ticket SignedTicket
	Won    bool
}

// Winner is a ticket that pays, with the rand that proves it.
type Winner struct {
	SignedTicket
	Rand  common.Hash
	Lease common.Hash
	Seq   uint64
	Epoch uint64
}

// SenderRecord is what a recipient remembers of one sender over all leases, in wei.
type SenderRecord struct {
	// Paid is the fees that tickets answered, Owed those of open charges, WrittenOff those that were never answered.
	Paid, Owed, WrittenOff uint256.Int
	// Pending is what winners pay that are not resolved yet.
	Pending uint256.Int
}

// EpochID names one rand epoch of a lease.
type EpochID struct {
	Lease common.Hash
	Epoch uint64
}

// RecipientStore keeps what a recipient must not forget. What a method did is durable when it returns without error.
type RecipientStore interface {
	ChargeStore
	PromiseStore
}

// ChargeStore keeps what is asked of senders, and what they answered.
type ChargeStore interface {
	// Secret returns the secret that all rands derive from; it is made on first use and never changes.
	Secret(ctx context.Context) ([32]byte, error)
	// AddCharge stores an open charge, and adds to what its sender owes. ErrExists: this attempt has been billed before,
	// or the epoch is closed.
	AddCharge(ctx context.Context, c *Charge) error
	// Charge returns the charge of a receipt, or ErrNotFound.
	Charge(ctx context.Context, receipt common.Hash) (ChargeRecord, error)
	// Accept marks an open charge paid by a ticket that has its sender and its fee, and keeps the winner where it won (nil otherwise) until its epoch is
	// closed. ErrAnswered: the charge is not open. ErrNonceUsed: another accepted ticket of the sender has lane and nonce.
	Accept(ctx context.Context, t *SignedTicket, winner *Winner) error
	// OpenEpochs returns all epochs that have charges and are not closed, with their open charges.
	OpenEpochs(ctx context.Context) (map[EpochID][]Charge, error)
	// CloseEpoch writes open charges off, forbids new ones and lets the epoch's winners be redeemed, all at once and for
	// ever. It returns what was written off.
	CloseEpoch(ctx context.Context, id EpochID) ([]Charge, error)
	// Sender returns a sender's record; zero for one never met.
	Sender(ctx context.Context, sender common.Address) (SenderRecord, error)
}

// Errors of a RecipientStore.
var (
	ErrExists    = errors.New("billed before")
	ErrAnswered  = errors.New("the charge is not open")
	ErrNonceUsed = errors.New("nonce used before in this lane")
	// ErrEpochClosed is an ErrExists. The next epoch can be billed under.
	ErrEpochClosed = fmt.Errorf("%w: the epoch is closed", ErrExists)
)

// GasPrices tells what a unit of gas costs now, in wei.
type GasPrices interface {
	GasPrice(ctx context.Context) (uint256.Int, error)
}

// RecipientConfig is what a Recipient needs.
type RecipientConfig struct {
	// Domain is the TicketBroker's. Address is the recipient on the chain: the orchestrator's owner.
	Domain   eip712.Domain
	Address  common.Address
	Store    RecipientStore
	Accounts Accounts
	// Signers tells of senders' hot keys; nil: senders sign with their own.
	Signers Signers
	Gas     GasPrices
	Policy  Policy
	// TicketTTL is how long a ticket can be redeemed. Default 12 h.
	TicketTTL time.Duration
	// AnswerWithin is how long a receipt may be unpaid before it is written off. Default 30 s.
	AnswerWithin time.Duration
	// EpochReceipts and EpochDuration end a rand epoch, whichever comes first; its winners can then be redeemed.
	// Defaults 64 and 60 s.
	EpochReceipts int
	EpochDuration time.Duration

	// Observer is told of what was billed, received and written off; it may be nil. Now defaults to time.Now.
	Observer   Observer
	Now        func() time.Time
	Log        *slog.Logger
	Registerer prometheus.Registerer
}

func (c *RecipientConfig) validate() error {
	switch {
	case c.Domain == eip712.Domain{}:
		return errors.New("payments recipient: no signing domain")
	case c.Address == common.Address{}:
		return errors.New("payments recipient: no recipient address")
	case c.Store == nil:
		return errors.New("payments recipient: no store")
	case c.Accounts == nil || c.Gas == nil:
		return errors.New("payments recipient: no view of accounts or gas prices")
	case c.Log == nil || c.Registerer == nil:
		return errors.New("payments recipient: no logger or metrics registry")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	setDefault(&c.TicketTTL, 12*time.Hour)
	setDefault(&c.AnswerWithin, 30*time.Second)
	setDefault(&c.EpochReceipts, 64)
	setDefault(&c.EpochDuration, time.Minute)
	return c.Policy.validate()
}

func setDefault[T comparable](v *T, fallback T) {
	var zero T
	if *v == zero {
		*v = fallback
	}
}

// Recipient asks for tickets, validates and draws them, and meters what is owed. It is safe for concurrent use.
type Recipient struct {
	cfg     RecipientConfig
	secret  [32]byte
	metrics recipientMetrics
	hashers hashers

	mu      sync.Mutex
	leases  map[common.Hash]*lease
	senders map[common.Address]*senderCredit
	epochs  map[EpochID]*epoch
	open    map[common.Hash]*openCharge  // by receipt
	chances map[common.Address]time.Time // when a sender last got a second one
	over    map[common.Hash]bool         // leases whose promises are to be released
}

// NewRecipient reads the secret and what was open when the last process ended.
func NewRecipient(ctx context.Context, cfg RecipientConfig) (*Recipient, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	metrics, err := newRecipientMetrics(cfg.Registerer)
	if err != nil {
		return nil, err
	}
	secret, err := cfg.Store.Secret(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the recipient's secret: %w", err)
	}
	r := &Recipient{
		cfg: cfg, secret: secret, metrics: metrics,
		leases:  make(map[common.Hash]*lease),
		senders: make(map[common.Address]*senderCredit),
		epochs:  make(map[EpochID]*epoch),
		open:    make(map[common.Hash]*openCharge),
		chances: make(map[common.Address]time.Time),
		over:    make(map[common.Hash]bool),
	}
	if err := r.TakeOver(ctx); err != nil {
		return nil, fmt.Errorf("read open epochs: %w", err)
	}
	return r, nil
}

// Result says what a ticket was worth.
type Result struct {
	PaymentKey
	// Credited is the fee that it paid.
	Credited uint256.Int
	// Won reports that it pays: it is kept, and redeemed when its epoch is closed. Senders are not told.
	Won bool
	// Unpaid is what the lease still owes, in wei.
	Unpaid uint256.Int
}

// Receive validates a ticket against the receipt that it names, draws, and keeps it durably before it returns. A ticket
// that was accepted before gives its first result again. What is wrong with a ticket is told by a *Refusal.
func (r *Recipient) Receive(ctx context.Context, t *SignedTicket) (Result, error) {
	result, err := r.receive(ctx, t)
	if _, ok := errors.AsType[*Refusal](err); ok {
		r.metrics.refused.Inc()
	}
	return result, err
}

func (r *Recipient) receive(ctx context.Context, t *SignedTicket) (Result, error) {
	r.mu.Lock()
	charge := r.open[t.ReceiptHash]
	r.mu.Unlock()
	if charge == nil {
		return r.receivedBefore(ctx, t)
	}
	if now := r.cfg.Now().UnixMilli(); now > charge.Deadline {
		return Result{}, lateRefusal(&charge.Charge, now)
	}
	if err := restated(&charge.Charge, r.cfg.Address, &t.Ticket); err != nil {
		return Result{}, err
	}
	if err := r.checkSignature(ctx, t, charge.Sender); err != nil {
		return Result{}, err
	}
	h := r.hashers.get()
	winner := draw(h, t, charge)
	r.hashers.put(h)
	switch err := Patiently(ctx, func() error { return r.cfg.Store.Accept(ctx, t, winner) }); {
	case errors.Is(err, ErrAnswered):
		return r.receivedBefore(ctx, t)
	case errors.Is(err, ErrNotFound):
		r.answer(&charge.Charge)
		return Result{}, &Refusal{
			Code: CodeLate, Message: fmt.Sprintf("the store has lost the receipt of segment %d: it is written off", charge.Seq),
			Asked: t.ReceiptHash.Hex(), Limit: "a receipt that is stored",
		}
	case errors.Is(err, ErrNonceUsed):
		return Result{}, &Refusal{
			Code: CodeNonceUsed, Message: "another ticket in this lane has the nonce: only one of the two could be redeemed",
			Asked: fmt.Sprintf("lane %d nonce %d", t.Lane, t.Nonce), Limit: "a nonce of its own for each ticket",
		}
	case err != nil:
		return Result{}, fmt.Errorf("keep a ticket: %w", err)
	}
	return r.accepted(&charge.Charge, winner), nil
}

// restated refuses a ticket that says anything else than its receipt asked for.
func restated(c *Charge, recipient common.Address, t *Ticket) error {
	refuse := func(field string, asked, want any) error {
		return &Refusal{
			Code: CodeRestated, Message: "the ticket restates the receipt's " + field,
			Asked: fmt.Sprint(asked), Limit: fmt.Sprint(want),
		}
	}
	switch {
	case t.Recipient != recipient:
		return refuse("recipient", t.Recipient, recipient)
	case t.Sender != c.Sender:
		return refuse("sender", t.Sender, c.Sender)
	case t.Fee != c.Fee:
		return refuse("fee", t.Fee.Dec(), c.Fee.Dec())
	case t.FaceValue != c.Terms.FaceValue:
		return refuse("face value", t.FaceValue.Dec(), c.Terms.FaceValue.Dec())
	case t.RandHash != c.Terms.RandHash:
		return refuse("rand hash", t.RandHash, c.Terms.RandHash)
	case t.Expiry != c.Terms.Expiry:
		return refuse("expiry", t.Expiry, c.Terms.Expiry)
	case t.Round != c.Round:
		return refuse("round", t.Round, c.Round)
	case t.Lane != c.Lane:
		return refuse("lane", t.Lane, c.Lane)
	}
	return nil
}

// checkSignature accepts the sender's signature, and that of a hot key which stays authorised until the ticket expires.
func (r *Recipient) checkSignature(ctx context.Context, t *SignedTicket, want common.Address) error {
	h := r.hashers.get()
	digest := t.digest(h, r.cfg.Domain)
	r.hashers.put(h)
	got, err := identity.Recover(digest, t.Signature[:])
	if err != nil {
		return &Refusal{Code: CodeSignature, Message: err.Error()}
	}
	if got == want {
		return nil
	}
	if r.cfg.Signers != nil {
		until, err := r.cfg.Signers.SignerUntil(ctx, want, got)
		switch {
		case err != nil:
			return fmt.Errorf("read whether %s may sign for %s: %w", got, want, err)
		case until >= t.Expiry:
			return nil
		case until > 0:
			return &Refusal{
				Code: CodeSignature, Message: "the signer is revoked before the ticket expires",
				Asked: fmt.Sprint(t.Expiry), Limit: fmt.Sprint(until), Knob: "castnet deposit signer add",
			}
		}
	}
	return &Refusal{
		Code: CodeSignature, Message: "the ticket is not signed by its sender", Asked: got.Hex(), Limit: want.Hex(),
		Knob: "castnet deposit signer add",
	}
}

func lateRefusal(c *Charge, now int64) error {
	return &Refusal{
		Code: CodeLate, Message: fmt.Sprintf("the receipt of segment %d was to be paid in time and is written off", c.Seq),
		Asked: fmt.Sprintf("%d ms late", now-c.Deadline), Limit: "before its deadline", Knob: "the orchestrator's --answer-within",
	}
}

// draw returns the winner, or nil for a ticket that pays nothing.
func draw(h *eip712.Hasher, t *SignedTicket, c *openCharge) *Winner {
	if pays := t.Payout(); pays.IsZero() || !t.wins(h, c.epoch.rand) {
		return nil
	}
	return &Winner{SignedTicket: *t, Rand: c.epoch.rand, Lease: c.Lease, Seq: c.Seq, Epoch: c.Terms.Epoch}
}

// accepted accounts for a ticket that is durable.
func (r *Recipient) accepted(c *Charge, winner *Winner) Result {
	e := Event{
		Kind: EventReceived, At: r.cfg.Now(), Lease: c.Lease, Receipt: c.Receipt, Seq: c.Seq,
		Sender: c.Sender, Recipient: r.cfg.Address, Fee: c.Fee, Won: winner != nil,
	}
	if winner != nil {
		e.Amount = winner.Payout()
		r.metrics.won.Inc()
	}
	r.metrics.received.Inc()
	r.metrics.fees.Add(c.Fee.Float64())
	r.answer(c)
	r.observe(e)
	return Result{PaymentKey: c.PaymentKey, Credited: c.Fee, Won: winner != nil, Unpaid: r.Unpaid(c.Lease)}
}

// receivedBefore answers for a receipt that is not open: with the first result if this is the same ticket.
func (r *Recipient) receivedBefore(ctx context.Context, t *SignedTicket) (Result, error) {
	record, err := r.cfg.Store.Charge(ctx, t.ReceiptHash)
	if err == nil && record.State != ChargeOpen {
		r.answer(&record.Charge) // it was settled without this process, or before it heard so
	}
	switch {
	case errors.Is(err, ErrNotFound):
		return Result{}, &Refusal{Code: CodeUnknownReceipt, Message: "no such receipt was issued here", Asked: t.ReceiptHash.Hex()}
	case err != nil:
		return Result{}, fmt.Errorf("look up a receipt: %w", err)
	case record.State == ChargeWrittenOff:
		return Result{}, lateRefusal(&record.Charge, r.cfg.Now().UnixMilli())
	case record.State == ChargePaid && record.Ticket == *t:
		return Result{PaymentKey: record.PaymentKey, Credited: record.Fee, Won: record.Won, Unpaid: r.Unpaid(record.Lease)}, nil
	case record.State == ChargePaid:
		return Result{}, &Refusal{
			Code: CodeAnswered, Message: "the receipt was paid by another ticket: a receipt has one draw",
			Asked: fmt.Sprintf("nonce %d", t.Nonce), Limit: fmt.Sprintf("nonce %d", record.Ticket.Nonce),
		}
	default:
		return Result{}, fmt.Errorf("receipt %s is open in the store only: its bill has not returned yet", t.ReceiptHash)
	}
}

func (r *Recipient) observe(e Event) {
	if r.cfg.Observer != nil {
		r.cfg.Observer.Observe(e)
	}
}

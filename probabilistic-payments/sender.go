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

// nonceBlock is how many nonces are reserved durably at once: a crash wastes at most so many.
const nonceBlock = 1024

// Lane is a sequence of nonces that belongs to one process at a time. Term grows whenever it is taken; a process whose
// term is no longer the lane's can reserve nothing more.
type Lane struct{ ID, Term uint64 }

// PaymentKey names what is paid once: an attempt at a segment of a lease.
type PaymentKey struct {
	Lease   common.Hash
	Seq     uint64
	Attempt uint32
}

// SenderStore keeps what a sender must not forget. What a method did is durable when it returns without error.
type SenderStore interface {
	// TakeLane gives the lane of a holder, made on first use. Who held it before can reserve no more nonces.
	TakeLane(ctx context.Context, holder string) (Lane, error)
	// ReserveNonces returns the first of n nonces that nobody else will ever get in this lane, or ErrLaneTaken.
	ReserveNonces(ctx context.Context, lane Lane, n uint64) (first uint64, err error)
	// SaveTicket stores the ticket that pays key, unless one is stored: it returns the one that is stored now.
	SaveTicket(ctx context.Context, key PaymentKey, t *SignedTicket) (SignedTicket, error)
	// Ticket returns the ticket that pays key, or ErrNotFound.
	Ticket(ctx context.Context, key PaymentKey) (SignedTicket, error)
	// Outstanding returns the fees of tickets that expire after a Unix time, by the minute of expiry (Unix time / 60).
	Outstanding(ctx context.Context, after uint64) (map[uint64]uint256.Int, error)
}

// Errors of the stores.
var (
	ErrNotFound = errors.New("not found")
	// ErrUnavailable: the store is out of reach, or has lost what it was told. What was asked may be done or not; asking
	// again does no harm.
	ErrUnavailable = errors.New("the money store is unavailable")
	ErrLaneTaken   = errors.New("the nonce lane was taken over by another process with the same holder name")
)

// Limits bound what a sender signs. A zero amount means no limit.
type Limits struct {
	// MaxFee bounds one ticket's fee, MaxFaceValue its face value; MaxOutstanding the sum of the fees of all tickets
	// that have not expired. Wei.
	MaxFee, MaxFaceValue, MaxOutstanding uint256.Int
	// MaxValidity bounds how far ahead a ticket may expire. Default 48 h.
	MaxValidity time.Duration
	// ReserveParts bounds a face value to this many thousandths of the reserve: what one draw may take from all others.
	// Zero means no limit.
	ReserveParts uint64
	// WarnBelow: a deposit below it is warned of. Wei. WarnBefore: so is one that the last hour's tickets would use up in
	// that time. Default 24 h.
	WarnBelow  uint256.Int
	WarnBefore time.Duration
}

// SenderConfig is what a Sender needs.
type SenderConfig struct {
	// Signer signs the tickets of Account. Account defaults to the signer's own address.
	Signer  identity.Signer
	Account common.Address
	// Domain is the TicketBroker's.
	Domain   eip712.Domain
	Store    SenderStore
	Accounts Accounts
	// Holder names this process among those that share the store, the same after a restart: "broadcaster-1".
	Holder string
	Limits Limits

	// Observer is told of tickets sent; it may be nil. Now defaults to time.Now.
	Observer   Observer
	Now        func() time.Time
	Log        *slog.Logger
	Registerer prometheus.Registerer
}

func (c *SenderConfig) validate() error {
	switch {
	case c.Signer == nil:
		return errors.New("payments sender: no signer")
	case c.Store == nil:
		return errors.New("payments sender: no store")
	case c.Accounts == nil:
		return errors.New("payments sender: no view of accounts")
	case c.Holder == "":
		return errors.New("payments sender: no holder name for the nonce lane")
	case c.Domain == eip712.Domain{}:
		return errors.New("payments sender: no signing domain")
	case c.Log == nil || c.Registerer == nil:
		return errors.New("payments sender: no logger or metrics registry")
	}
	if c.Account == (common.Address{}) {
		c.Account = c.Signer.Address()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	setDefault(&c.Limits.MaxValidity, 48*time.Hour)
	setDefault(&c.Limits.WarnBefore, 24*time.Hour)
	return nil
}

// Sender signs exactly one ticket for each verified receipt. It is safe for concurrent use.
type Sender struct {
	cfg     SenderConfig
	lane    Lane
	metrics senderMetrics
	hashers hashers

	mu          sync.Mutex
	next, end   uint64                 // nonces that are reserved and unused: [next, end)
	outstanding map[uint64]uint256.Int // fees by minute of expiry
	spent       map[uint64]uint256.Int // fees by minute of signing, of the last hour
	warned      string                 // what was last warned of
}

// NewSender takes the holder's nonce lane and reads what is outstanding.
func NewSender(ctx context.Context, cfg SenderConfig) (*Sender, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	metrics, err := newSenderMetrics(cfg.Registerer)
	if err != nil {
		return nil, err
	}
	lane, err := cfg.Store.TakeLane(ctx, cfg.Holder)
	if err != nil {
		return nil, fmt.Errorf("take the nonce lane of %q: %w", cfg.Holder, err)
	}
	outstanding, err := cfg.Store.Outstanding(ctx, uint64(cfg.Now().Unix()))
	if err != nil {
		return nil, fmt.Errorf("read outstanding tickets: %w", err)
	}
	return &Sender{cfg: cfg, lane: lane, metrics: metrics, outstanding: outstanding, spent: make(map[uint64]uint256.Int)}, nil
}

// Lane is the lane that this sender's tickets, and its leases, carry.
func (s *Sender) Lane() uint64 { return s.lane.ID }

// Account is the address that pays.
func (s *Sender) Account() common.Address { return s.cfg.Account }

// PayRequest asks for the ticket that pays one verified receipt.
type PayRequest struct {
	PaymentKey
	// Receipt is the receipt's struct hash.
	Receipt   common.Hash
	Recipient common.Address
	Fee       uint256.Int
	// Round and MaxFaceValue are the lease's.
	Round        uint64
	MaxFaceValue uint256.Int
	Terms        Terms
}

// Check tells, before any work is asked for, whether tickets with this face value would be good money: a *Refusal that
// names what is missing, or nil.
func (s *Sender) Check(ctx context.Context, recipient common.Address, round uint64, face uint256.Int) error {
	account, err := s.cfg.Accounts.Account(ctx, s.cfg.Account, recipient, round)
	if err != nil {
		return fmt.Errorf("read the account of %s: %w", s.cfg.Account, err)
	}
	s.watch(&account)
	if account.Unlocking {
		return &Refusal{
			Code: CodeUnlocking, Message: "the funds of " + s.cfg.Account.Hex() + " are being withdrawn",
			Knob: "castnet deposit unlock --cancel",
		}
	}
	if parts := s.cfg.Limits.ReserveParts; parts != 0 {
		var most uint256.Int
		most.MulDivOverflow(&account.Reserve, uint256.NewInt(parts), uint256.NewInt(1000))
		if face.Gt(&most) {
			return &Refusal{
				Code: CodeFaceLimit, Message: fmt.Sprintf("the face value is above %d thousandths of the reserve", parts),
				Asked: FormatWei(&face), Limit: FormatWei(&most), Knob: "the broadcaster's --max-reserve-parts, or castnet deposit reserve",
			}
		}
	}
	var funds uint256.Int
	if _, overflow := funds.AddOverflow(&account.Deposit, &account.Share); !overflow && funds.Lt(&face) {
		return &Refusal{
			Code: CodeNoDeposit, Message: "deposit and reserve share of " + s.cfg.Account.Hex() + " cannot pay a winner",
			Asked: FormatWei(&face), Limit: FormatWei(&funds), Knob: "castnet deposit fund, castnet deposit reserve",
		}
	}
	return nil
}

// Pay returns the ticket for a receipt. It is stored durably before it is returned; asked again for the same lease,
// segment and attempt, it returns the same bytes. What is not paid is explained by a *Refusal.
func (s *Sender) Pay(ctx context.Context, req *PayRequest) (SignedTicket, error) {
	if err := s.refuse(ctx, req); err != nil {
		return s.paidBefore(ctx, req, err)
	}
	nonce, err := s.takeNonce(ctx)
	if err != nil {
		return SignedTicket{}, fmt.Errorf("reserve nonces in lane %d: %w", s.lane.ID, err)
	}
	signed := SignedTicket{Ticket: Ticket{
		ReceiptHash: req.Receipt, Sender: s.cfg.Account, Recipient: req.Recipient,
		Fee: req.Fee, FaceValue: req.Terms.FaceValue, RandHash: req.Terms.RandHash,
		Lane: s.lane.ID, Nonce: nonce, Round: req.Round, Expiry: req.Terms.Expiry,
	}}
	h := s.hashers.get()
	digest := signed.digest(h, s.cfg.Domain)
	s.hashers.put(h)
	if err := signed.sign(s.cfg.Signer, digest); err != nil {
		return SignedTicket{}, fmt.Errorf("sign a ticket: %w", err)
	}
	stored, err := s.cfg.Store.SaveTicket(ctx, req.PaymentKey, &signed)
	if err != nil {
		return SignedTicket{}, fmt.Errorf("store a ticket: %w", err)
	}
	if stored != signed { // a retry: the new one never leaves this function
		return stored, sameReceipt(&stored, req)
	}
	s.sent(req)
	return signed, nil
}

// refuse checks a request against the limits and the account.
func (s *Sender) refuse(ctx context.Context, req *PayRequest) error {
	now := s.cfg.Now()
	limits := &s.cfg.Limits
	face := &req.Terms.FaceValue
	latest := uint64(now.Add(limits.MaxValidity).Unix())
	switch {
	case exceeds(&req.Fee, &limits.MaxFee):
		return &Refusal{
			Code: CodeFeeLimit, Message: "fee above the limit for one ticket",
			Asked: FormatWei(&req.Fee), Limit: FormatWei(&limits.MaxFee), Knob: "the broadcaster's --max-fee",
		}
	case exceeds(face, &limits.MaxFaceValue):
		return &Refusal{
			Code: CodeFaceLimit, Message: "face value above the limit",
			Asked: FormatWei(face), Limit: FormatWei(&limits.MaxFaceValue), Knob: "the broadcaster's --max-face-value",
		}
	case face.Gt(&req.MaxFaceValue):
		return &Refusal{
			Code: CodeFaceLimit, Message: "face value above the lease's",
			Asked: FormatWei(face), Limit: FormatWei(&req.MaxFaceValue),
		}
	case req.Terms.Expiry <= uint64(now.Unix()):
		return &Refusal{
			Code: CodeExpiry, Message: "the ticket would have expired already",
			Asked: fmt.Sprint(req.Terms.Expiry), Limit: fmt.Sprint("after ", now.Unix()), Knob: "check the clocks",
		}
	case req.Terms.Expiry > latest:
		return &Refusal{
			Code: CodeExpiry, Message: "the ticket would be valid for too long",
			Asked: fmt.Sprint(req.Terms.Expiry), Limit: fmt.Sprint("until ", latest), Knob: "the broadcaster's --max-validity",
		}
	}
	if err := s.withinOutstanding(&req.Fee); err != nil {
		return err
	}
	return s.Check(ctx, req.Recipient, req.Round, payout(&req.Fee, face))
}

// payout is what a ticket pays if it wins.
func payout(fee, face *uint256.Int) uint256.Int {
	t := Ticket{Fee: *fee, FaceValue: *face}
	return t.Payout()
}

// exceeds reports whether v is above limit, zero being no limit.
func exceeds(v, limit *uint256.Int) bool { return !limit.IsZero() && v.Gt(limit) }

func (s *Sender) withinOutstanding(fee *uint256.Int) error {
	limit := &s.cfg.Limits.MaxOutstanding
	if limit.IsZero() {
		return nil
	}
	total := s.Outstanding()
	if _, overflow := total.AddOverflow(&total, fee); overflow || total.Gt(limit) {
		return &Refusal{
			Code: CodeOutstandingLimit, Message: "the fees of unexpired tickets would exceed the limit",
			Asked: FormatWei(&total), Limit: FormatWei(limit), Knob: "the broadcaster's --max-outstanding",
		}
	}
	return nil
}

// paidBefore turns a refusal into the stored ticket, where the request is only repeated.
func (s *Sender) paidBefore(ctx context.Context, req *PayRequest, refusal error) (SignedTicket, error) {
	stored, err := s.cfg.Store.Ticket(ctx, req.PaymentKey)
	if errors.Is(err, ErrNotFound) {
		s.metrics.refused.Inc()
		return SignedTicket{}, refusal
	}
	if err != nil {
		return SignedTicket{}, errors.Join(refusal, err)
	}
	return stored, sameReceipt(&stored, req)
}

// sameReceipt refuses to pay a second receipt for one segment attempt.
func sameReceipt(stored *SignedTicket, req *PayRequest) error {
	if stored.ReceiptHash == req.Receipt && stored.Recipient == req.Recipient {
		return nil
	}
	return &Refusal{
		Code: CodeOtherReceipt, Message: fmt.Sprintf("segment %d attempt %d was paid for another receipt", req.Seq, req.Attempt),
		Asked: req.Receipt.Hex(), Limit: stored.ReceiptHash.Hex(),
	}
}

// takeNonce returns the next nonce of the lane, below the ceiling that is persisted.
func (s *Sender) takeNonce(ctx context.Context) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == s.end {
		first, err := s.cfg.Store.ReserveNonces(ctx, s.lane, nonceBlock)
		if err != nil {
			return 0, err
		}
		s.next, s.end = first, first+nonceBlock
	}
	s.next++
	return s.next - 1, nil
}

// sent accounts for a new ticket.
func (s *Sender) sent(req *PayRequest) {
	minute := req.Terms.Expiry / 60
	s.mu.Lock()
	sum := s.outstanding[minute]
	sum.Add(&sum, &req.Fee)
	s.outstanding[minute] = sum
	now := uint64(s.cfg.Now().Unix()) / 60
	sum = s.spent[now]
	sum.Add(&sum, &req.Fee)
	s.spent[now] = sum
	s.mu.Unlock()
	s.metrics.sent.Inc()
	s.metrics.fees.Add(req.Fee.Float64())
	if s.cfg.Observer != nil {
		s.cfg.Observer.Observe(Event{
			Kind: EventSent, At: s.cfg.Now(), Lease: req.Lease, Receipt: req.Receipt, Seq: req.Seq,
			Sender: s.cfg.Account, Recipient: req.Recipient, Fee: req.Fee,
		})
	}
}

// Outstanding is the fees of all tickets that have not expired, in wei.
func (s *Sender) Outstanding() uint256.Int {
	now := uint64(s.cfg.Now().Unix()) / 60
	s.mu.Lock()
	defer s.mu.Unlock()
	var sum uint256.Int
	for minute, fees := range s.outstanding {
		if minute < now {
			delete(s.outstanding, minute)
			continue
		}
		sum.Add(&sum, &fees)
	}
	return sum
}

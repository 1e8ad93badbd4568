package payments

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus"
)

// OutcomeStatus says what became of a winner.
type OutcomeStatus uint8

// The outcomes of a redemption.
const (
	// StatusOpen: the chain has not paid it and may yet; Reason says what stands in the way.
	StatusOpen OutcomeStatus = iota
	// StatusPaid: the chain paid it, Paid wei in transaction Tx.
	StatusPaid
	// StatusLost: the chain will never pay it; Reason says why.
	StatusLost
)

// Outcome is what became of one winner.
type Outcome struct {
	Status OutcomeStatus
	Paid   uint256.Int
	Tx     common.Hash
	Reason string
}

// Broker is the TicketBroker contract, as a redeemer needs it.
type Broker interface {
	// Redeemed tells, for each ticket, whether the chain has paid it already: StatusPaid with amount and transaction, or
	// StatusOpen.
	Redeemed(ctx context.Context, tickets []Ticket) ([]Outcome, error)
	// Redeem takes winners to the chain in one transaction, and returns when it is final enough to rely on. It may be
	// called again with the same winners: the contract pays each nonce once.
	Redeem(ctx context.Context, winners []Winner) ([]Outcome, error)
}

// RedeemerStore is the durable queue of winners.
type RedeemerStore interface {
	// Redeemable returns up to limit winners of closed epochs that are not resolved, those that expire first at the head.
	Redeemable(ctx context.Context, limit int) ([]Winner, error)
	// Resolve durably records that a winner, by its receipt, was paid or lost; StatusOpen notes the reason and leaves it
	// in the queue.
	Resolve(ctx context.Context, receipt common.Hash, o Outcome) error
	// Queue counts the winners that are not resolved, those of closed epochs that expire before a Unix time, and all of
	// closed epochs.
	Queue(ctx context.Context, before uint64) (nearExpiry, ready int, err error)
}

// RedeemerConfig is what a Redeemer needs.
type RedeemerConfig struct {
	Store  RedeemerStore
	Broker Broker
	// Batch is the most winners in one transaction. Default 24.
	Batch int
	// Every is how often the queue is looked at. Default 2 s. MaxBackoff bounds the pause after failures. Default 2 min.
	Every, MaxBackoff time.Duration
	// WarnExpiry is how long before its expiry a queued winner is warned of. Default 1 h.
	WarnExpiry time.Duration

	// Observer is told of what was redeemed and lost; it may be nil. Now defaults to time.Now.
	Observer   Observer
	Now        func() time.Time
	Log        *slog.Logger
	Registerer prometheus.Registerer
}

func (c *RedeemerConfig) validate() error {
	switch {
	case c.Store == nil || c.Broker == nil:
		return errors.New("payments redeemer: no store or no broker")
	case c.Log == nil || c.Registerer == nil:
		return errors.New("payments redeemer: no logger or metrics registry")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	setDefault(&c.Batch, 24)
	setDefault(&c.Every, 2*time.Second)
	setDefault(&c.MaxBackoff, 2*time.Minute)
	setDefault(&c.WarnExpiry, time.Hour)
	return nil
}

// Redeemer takes the winners of closed epochs to the chain. Before each transaction it asks the chain what is paid
// already, and the contract pays a nonce once: so a crash between sending and recording costs nothing.
type Redeemer struct {
	cfg     RedeemerConfig
	metrics redeemerMetrics
}

// NewRedeemer checks the configuration.
func NewRedeemer(cfg RedeemerConfig) (*Redeemer, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	metrics, err := newRedeemerMetrics(cfg.Registerer)
	if err != nil {
		return nil, err
	}
	return &Redeemer{cfg: cfg, metrics: metrics}, nil
}

// Run redeems until ctx ends, pausing longer after each failure in a row. It returns nil.
func (r *Redeemer) Run(ctx context.Context) error {
	pause := r.cfg.Every
	for {
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
		_, err := r.Step(ctx)
		switch {
		case err == nil:
			pause = r.cfg.Every
		case ctx.Err() == nil:
			pause = min(2*pause, r.cfg.MaxBackoff)
			r.metrics.failures.Inc()
			r.cfg.Log.Warn("redeeming failed, trying again", "in", pause, "err", err)
		}
	}
}

// Step redeems at most one batch, and returns how many winners it resolved.
func (r *Redeemer) Step(ctx context.Context) (resolved int, err error) {
	if err := r.watchQueue(ctx); err != nil {
		return 0, err
	}
	winners, err := r.cfg.Store.Redeemable(ctx, r.cfg.Batch)
	if err != nil || len(winners) == 0 {
		return 0, err
	}
	tickets := make([]Ticket, len(winners))
	for i := range winners {
		tickets[i] = winners[i].Ticket
	}
	before, err := r.cfg.Broker.Redeemed(ctx, tickets)
	if err != nil {
		return 0, fmt.Errorf("ask the chain what is paid: %w", err)
	}
	open, resolved, err := r.resolve(ctx, winners, before)
	if err != nil || len(open) == 0 {
		return resolved, err
	}
	outcomes, err := r.cfg.Broker.Redeem(ctx, open)
	if err != nil {
		return resolved, fmt.Errorf("redeem %d winners: %w", len(open), err)
	}
	left, now, err := r.resolve(ctx, open, outcomes)
	if err == nil && now == 0 && len(left) > 0 {
		err = fmt.Errorf("%d winners could not be redeemed yet: %s", len(left), outcomes[0].Reason)
	}
	return resolved + now, err
}

// resolve records outcomes, and returns the winners that are still open.
func (r *Redeemer) resolve(ctx context.Context, winners []Winner, outcomes []Outcome) (open []Winner, resolved int, err error) {
	if len(outcomes) != len(winners) {
		return nil, 0, fmt.Errorf("the broker answered %d outcomes for %d winners", len(outcomes), len(winners))
	}
	now := uint64(r.cfg.Now().Unix())
	for i := range winners {
		w, o := &winners[i], outcomes[i]
		if o.Status == StatusOpen && w.Expiry < now {
			o.Status, o.Reason = StatusLost, "expired: "+o.Reason
		}
		if o.Status == StatusOpen {
			open = append(open, *w)
			if o.Reason == "" {
				continue
			}
		} else {
			resolved++
		}
		if err := r.cfg.Store.Resolve(ctx, w.ReceiptHash, o); err != nil {
			return nil, resolved, fmt.Errorf("record what became of a winner: %w", err)
		}
		r.tell(w, &o)
	}
	return open, resolved, nil
}

func (r *Redeemer) tell(w *Winner, o *Outcome) {
	e := Event{
		At: r.cfg.Now(), Lease: w.Lease, Receipt: w.ReceiptHash, Seq: w.Seq, Sender: w.Sender, Recipient: w.Recipient,
		Fee: w.Fee, Won: true, Tx: o.Tx, Reason: o.Reason,
	}
	switch o.Status {
	case StatusPaid:
		e.Kind, e.Amount = EventRedeemed, o.Paid
		r.metrics.redeemed.Inc()
		r.metrics.paid.Add(o.Paid.Float64())
		r.cfg.Log.Info("winner redeemed", "lease", w.Lease, "seq", w.Seq, "sender", w.Sender, "paid", wei(&o.Paid), "tx", o.Tx)
	case StatusLost:
		e.Kind, e.Amount = EventLost, w.Payout()
		r.metrics.lost.Inc()
		r.cfg.Log.Error("winner lost", "lease", w.Lease, "seq", w.Seq, "sender", w.Sender, "worth", wei(&e.Amount), "reason", o.Reason)
	default:
		return
	}
	if r.cfg.Observer != nil {
		r.cfg.Observer.Observe(e)
	}
}

// watchQueue keeps the gauges, and warns of winners that will expire.
func (r *Redeemer) watchQueue(ctx context.Context) error {
	near, ready, err := r.cfg.Store.Queue(ctx, uint64(r.cfg.Now().Add(r.cfg.WarnExpiry).Unix()))
	if err != nil {
		return fmt.Errorf("count the queue: %w", err)
	}
	r.metrics.queue.Set(float64(ready))
	r.metrics.nearExpiry.Set(float64(near))
	return nil
}

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
	// StatusSettling: the chain has paid it, in a block so young that it may yet be undone. Stores never see it.
	StatusSettling
	// StatusShort: the sender's deposit and reserve share cannot pay it in full now. Stores see it as StatusOpen.
	StatusShort
)

// Outcome is what became of one winner.
type Outcome struct {
	Status OutcomeStatus
	// Paid is what the chain paid. Gas is this winner's part of what its transaction cost; what an attempt that paid
	// nothing has cost counts too, so stores add it up. Wei.
	Paid, Gas uint256.Int
	Tx        common.Hash
	Reason    string
}

// Broker is the TicketBroker contract, as a redeemer needs it.
type Broker interface {
	// Redeemed tells, for each ticket, whether the chain has paid it already: StatusPaid with amount, gas and transaction
	// once its block is deep enough to rely on, StatusSettling before, StatusLost where another ticket took its nonce, else
	// StatusOpen; what was paid in part so far is in Paid.
	Redeemed(ctx context.Context, tickets []Ticket) ([]Outcome, error)
	// Redeem takes winners to the chain in one transaction, and returns when it is in a block. It may be called again with
	// the same winners: the contract pays each nonce once.
	Redeem(ctx context.Context, winners []Winner) ([]Outcome, error)
	// RedeemPartly takes one winner that is StatusShort for what there is, at least least wei; the rest stays due until it
	// expires.
	RedeemPartly(ctx context.Context, winner *Winner, least uint256.Int) (Outcome, error)
}

// RedeemerStore is the durable queue of winners.
type RedeemerStore interface {
	// Redeemable returns up to limit winners of closed epochs that are not resolved, those that expire first at the head.
	Redeemable(ctx context.Context, limit int) ([]Winner, error)
	// Resolve durably records that a winner, by its receipt, was paid or lost; StatusOpen notes the reason and leaves it
	// in the queue. Gas is added to what the winner has cost before.
	Resolve(ctx context.Context, receipt common.Hash, o Outcome) error
	// Queue counts the winners that are not resolved, those of closed epochs that expire before a Unix time, and all of
	// closed epochs.
	Queue(ctx context.Context, before uint64) (nearExpiry, ready int, err error)
}

// RedeemerConfig is what a Redeemer needs.
type RedeemerConfig struct {
	Store  RedeemerStore
	Broker Broker
	// Gas tells what gas costs; nil: winners are redeemed whatever it costs.
	Gas GasPrices
	// BatchGas is the gas of a transaction beside its winners, WinnerGas what each winner adds. Defaults 28,000 and
	// 39,000, as measured on the contract.
	BatchGas, WinnerGas uint64
	// MinReturn is how many times its gas a winner must pay; what pays less waits for cheaper gas. Default 4.
	MinReturn uint64
	// Hurry is how long before its expiry a winner is redeemed as soon as it pays more than its gas, and in part where the
	// sender's funds are short; the queue's are warned of. Default 1 h.
	Hurry time.Duration
	// Batch is the most winners in one transaction. An epoch's go together unless they are more. Default 64.
	Batch int
	// Every is how often the queue is looked at. Default 2 s. MaxBackoff bounds the pause after failures. Default 2 min.
	Every, MaxBackoff time.Duration

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
	setDefault(&c.BatchGas, 28_000)
	setDefault(&c.WinnerGas, 39_000)
	setDefault(&c.MinReturn, 4)
	setDefault(&c.Hurry, time.Hour)
	setDefault(&c.Batch, 64)
	setDefault(&c.Every, 2*time.Second)
	setDefault(&c.MaxBackoff, 2*time.Minute)
	return nil
}

// scanBatches is how far into the queue a step looks, in batches: what waits for gas or for its block to settle must not
// hide what is behind it.
const scanBatches = 16

// Redeemer takes the winners of closed epochs to the chain. It believes the chain's log alone, and only what is deep
// enough: before each transaction it asks what is paid already, and the contract pays a nonce once. So a crash between
// sending and recording costs nothing, and what a reorg undoes is found open and sent again.
type Redeemer struct {
	cfg     RedeemerConfig
	metrics redeemerMetrics
	reasons map[common.Hash]string // by receipt: why an open winner was not paid; used by Step alone
	near    int                    // winners that were warned of
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
	return &Redeemer{cfg: cfg, metrics: metrics, reasons: make(map[common.Hash]string)}, nil
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

// Step redeems at most one batch, and returns how many winners it resolved. An error says that nothing came of it, and
// why. It is not safe for concurrent use.
func (r *Redeemer) Step(ctx context.Context) (resolved int, err error) {
	if err := r.watchQueue(ctx); err != nil {
		return 0, err
	}
	queued, err := r.cfg.Store.Redeemable(ctx, scanBatches*r.cfg.Batch)
	if err != nil || len(queued) == 0 {
		return 0, err
	}
	open, resolved, err := r.reconcile(ctx, queued)
	if err != nil || len(open) == 0 {
		return resolved, err
	}
	price, err := r.gasPrice(ctx)
	if err != nil {
		return resolved, err
	}
	batch := r.choose(open, price)
	if len(batch) == 0 {
		return resolved, nil
	}
	sent, err := r.send(ctx, batch, price)
	return resolved + sent, err
}

// reconcile asks the chain what has become of winners, records it, and returns those that are open.
func (r *Redeemer) reconcile(ctx context.Context, winners []Winner) (open []Winner, resolved int, err error) {
	tickets := make([]Ticket, len(winners))
	for i := range winners {
		tickets[i] = winners[i].Ticket
	}
	outcomes, err := r.cfg.Broker.Redeemed(ctx, tickets)
	if err != nil {
		return nil, 0, fmt.Errorf("ask the chain what is paid: %w", err)
	}
	if len(outcomes) != len(winners) {
		return nil, 0, fmt.Errorf("the broker answered %d outcomes for %d winners", len(outcomes), len(winners))
	}
	now := uint64(r.cfg.Now().Unix())
	for i := range winners {
		w, o := &winners[i], outcomes[i]
		if o.Status == StatusOpen && w.Expiry < now {
			o.Status, o.Reason = StatusLost, "expired"
			if !o.Paid.IsZero() {
				o.Status, o.Reason = StatusPaid, "expired before the rest of it was paid"
			}
			if why := r.reasons[w.ReceiptHash]; why != "" {
				o.Reason += ": " + why
			}
		}
		switch o.Status {
		case StatusOpen, StatusShort:
			open = append(open, *w)
		case StatusSettling:
		case StatusPaid, StatusLost:
			if err := r.record(ctx, w, &o); err != nil {
				return nil, resolved, err
			}
			resolved++
		}
	}
	return open, resolved, nil
}

// send has a batch redeemed, and returns how many of it were resolved.
func (r *Redeemer) send(ctx context.Context, batch []Winner, price *uint256.Int) (resolved int, err error) {
	outcomes, err := r.cfg.Broker.Redeem(ctx, batch)
	if err != nil {
		return 0, fmt.Errorf("redeem %d winners: %w", len(batch), err)
	}
	if len(outcomes) != len(batch) {
		return 0, fmt.Errorf("the broker answered %d outcomes for %d winners", len(outcomes), len(batch))
	}
	var settling []Winner
	for i := range batch {
		w, o := &batch[i], outcomes[i]
		if o.Status == StatusShort && r.hurries(w) {
			if o, err = r.cfg.Broker.RedeemPartly(ctx, w, leastPayout(r.cost(price, 1))); err != nil {
				return resolved, fmt.Errorf("redeem a winner in part: %w", err)
			}
		}
		if o.Status == StatusSettling {
			settling = append(settling, *w)
			continue
		}
		if err := r.record(ctx, w, &o); err != nil {
			return resolved, err
		}
		if o.Status == StatusPaid || o.Status == StatusLost {
			resolved++
		}
	}
	if len(settling) > 0 {
		_, now, err := r.reconcile(ctx, settling)
		return resolved + now, err
	}
	if resolved == 0 {
		return 0, fmt.Errorf("%d winners could not be redeemed yet: %s", len(batch), outcomes[0].Reason)
	}
	return resolved, nil
}

// leastPayout is what a partial redemption must pay to be worth its gas.
func leastPayout(cost uint256.Int) uint256.Int {
	cost.AddUint64(&cost, 1)
	return cost
}

// record keeps an outcome durably, and tells of it.
func (r *Redeemer) record(ctx context.Context, w *Winner, o *Outcome) error {
	stored := *o
	if stored.Status == StatusShort {
		stored.Status = StatusOpen
	}
	if err := r.cfg.Store.Resolve(ctx, w.ReceiptHash, stored); err != nil {
		return fmt.Errorf("record what became of a winner: %w", err)
	}
	if stored.Status == StatusOpen {
		r.reasons[w.ReceiptHash] = o.Reason
	} else {
		delete(r.reasons, w.ReceiptHash)
	}
	r.tell(w, &stored)
	return nil
}

func (r *Redeemer) tell(w *Winner, o *Outcome) {
	e := Event{
		At: r.cfg.Now(), Lease: w.Lease, Receipt: w.ReceiptHash, Seq: w.Seq, Sender: w.Sender, Recipient: w.Recipient,
		Fee: w.Fee, Won: true, Gas: o.Gas, Tx: o.Tx, Reason: o.Reason,
	}
	switch o.Status {
	case StatusPaid:
		e.Kind, e.Amount = EventRedeemed, o.Paid
		pays := w.Payout()
		e.Short.Sub(&pays, &o.Paid)
		r.metrics.redeemed.Inc()
		r.metrics.paid.Add(o.Paid.Float64())
		r.cfg.Log.Info("winner redeemed", "lease", w.Lease, "seq", w.Seq, "sender", w.Sender, "paid", FormatWei(&o.Paid), "gas", FormatWei(&o.Gas), "tx", o.Tx)
	case StatusLost:
		e.Kind, e.Amount = EventLost, w.Payout()
		r.metrics.lost.Inc()
		r.cfg.Log.Error("winner lost", "lease", w.Lease, "seq", w.Seq, "sender", w.Sender, "worth", FormatWei(&e.Amount), "reason", o.Reason)
	default:
		e.Kind = EventTried
		r.cfg.Log.Warn("winner not redeemed, tried again", "lease", w.Lease, "seq", w.Seq, "sender", w.Sender, "reason", o.Reason)
	}
	r.metrics.gas.Add(o.Gas.Float64())
	if r.cfg.Observer != nil {
		r.cfg.Observer.Observe(e)
	}
}

// watchQueue keeps the gauges, and warns of winners that will expire.
func (r *Redeemer) watchQueue(ctx context.Context) error {
	near, ready, err := r.cfg.Store.Queue(ctx, uint64(r.cfg.Now().Add(r.cfg.Hurry).Unix()))
	if err != nil {
		return fmt.Errorf("count the queue: %w", err)
	}
	if near > r.near {
		r.cfg.Log.Warn("winners wait that will expire soon: check the chain, the gas price and the senders' funds",
			"winners", near, "within", r.cfg.Hurry)
	}
	r.near = near
	r.metrics.queue.Set(float64(ready))
	r.metrics.nearExpiry.Set(float64(near))
	return nil
}

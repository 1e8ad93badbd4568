package payments

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// A rand epoch is a run of receipts of one lease whose tickets all answer one rand. The rand is secret until the epoch
// is durably closed, and nobody can add a ticket to a closed one: so a sender cannot choose what wins.

// epoch is one that is not closed.
type epoch struct {
	rand     common.Hash
	began    time.Time
	issued   int   // receipts issued under it
	signing  int   // of them not yet stored
	open     int   // of them stored and unpaid
	deadline int64 // the last of its charges', ms of Unix time
	sealed   bool  // no further receipt gets it
}

// openCharge is a charge that is unpaid, with the epoch that it belongs to.
type openCharge struct {
	Charge
	epoch *epoch
}

// closeEvery is how often epochs are looked at.
const closeEvery = 250 * time.Millisecond

// takeOverEvery is how often epochs of processes that are gone are looked for.
const takeOverEvery = 10 * time.Second

// rand derives an epoch's rand: HMAC-SHA256(secret, lease ‖ epoch).
func (r *Recipient) rand(id EpochID) common.Hash {
	mac := hmac.New(sha256.New, r.secret[:])
	mac.Write(id.Lease[:])
	mac.Write(binary.BigEndian.AppendUint64(nil, id.Epoch))
	return common.Hash(mac.Sum(nil))
}

// Bill is a segment that was made and is to be paid.
type Bill struct {
	PaymentKey
	Fee uint256.Int
}

// Bill issues a receipt: it decides what the ticket must say, has sign make and sign the receipt with those terms and
// return its struct hash, and keeps the charge durably before it returns; only then may the receipt be sent. Each
// attempt at a segment is billed once: a second bill for it fails with ErrExists.
func (r *Recipient) Bill(ctx context.Context, bill Bill, sign func(Terms) (common.Hash, error)) error {
	l, err := r.leaseTerms(bill.Lease)
	if err != nil {
		return err
	}
	var face uint256.Int
	err = Patiently(ctx, func() error {
		var err error
		face, err = r.faceValue(ctx, &l, &bill.Fee)
		return err
	})
	if err != nil {
		return err
	}
	for retried := false; ; retried = true {
		err = r.bill(ctx, &bill, &l, face, sign)
		if !errors.Is(err, ErrEpochClosed) || retried {
			break // else the epoch was closed by others, who took this process for dead: there is a next one
		}
	}
	if err != nil {
		return fmt.Errorf("bill segment %d attempt %d: %w", bill.Seq, bill.Attempt, err)
	}
	return nil
}

// bill issues a receipt under the lease's present epoch.
func (r *Recipient) bill(ctx context.Context, bill *Bill, l *LeaseTerms, face uint256.Int, sign func(Terms) (common.Hash, error)) error {
	id, e, err := r.issue(bill.Lease)
	if err != nil {
		return err
	}
	terms := Terms{Epoch: id.Epoch, RandHash: randHash(e.rand), FaceValue: face, Expiry: r.expiry(l)}
	receipt, err := sign(terms)
	var charge *Charge
	if err == nil {
		charge, err = r.keepCharge(ctx, bill, l, receipt, terms)
	}
	r.billed(e, charge, errors.Is(err, ErrEpochClosed))
	return err
}

func (r *Recipient) leaseTerms(id common.Hash) (LeaseTerms, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.leases[id]
	if l == nil {
		return LeaseTerms{}, unknownLease(id)
	}
	return l.LeaseTerms, nil
}

func unknownLease(id common.Hash) error {
	return &Refusal{Code: CodeUnknownLease, Message: "the lease is not open here", Asked: id.Hex(), Limit: "a lease that was opened and not closed"}
}

// faceValue is the lease's, or what the sender's share still backs where that has become less.
func (r *Recipient) faceValue(ctx context.Context, l *LeaseTerms, fee *uint256.Int) (uint256.Int, error) {
	record, err := r.cfg.Store.Sender(ctx, l.Sender)
	if err != nil {
		return uint256.Int{}, fmt.Errorf("look up sender %s: %w", l.Sender, err)
	}
	available, err := r.available(ctx, l.Sender, l.Round, &record)
	if err != nil {
		return uint256.Int{}, err
	}
	if available.Lt(fee) {
		return uint256.Int{}, &Refusal{
			Code:    CodeReserveShort,
			Message: "what is left of the reserve share of " + l.Sender.Hex() + " does not back this segment",
			Asked:   FormatWei(fee), Limit: FormatWei(&available), Knob: "castnet deposit reserve, or castnet deposit allocate",
		}
	}
	if available.Lt(&l.MaxFaceValue) {
		return available, nil
	}
	return l.MaxFaceValue, nil
}

// issue takes a place in the lease's present epoch, or begins the next.
func (r *Recipient) issue(leaseID common.Hash) (EpochID, *epoch, error) {
	now := r.cfg.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.leases[leaseID]
	if l == nil {
		return EpochID{}, nil, unknownLease(leaseID)
	}
	if l.epoch != nil && (l.epoch.sealed || r.full(l.epoch, now)) {
		l.epoch.sealed = true
		l.epoch = nil
		l.epochNumber++
	}
	id := EpochID{leaseID, l.epochNumber}
	if l.epoch == nil {
		l.epoch = &epoch{rand: r.rand(id), began: now}
		r.epochs[id] = l.epoch
	}
	l.epoch.issued++
	l.epoch.signing++
	return id, l.epoch, nil
}

// full reports whether an epoch has had its receipts or its time.
func (r *Recipient) full(e *epoch, now time.Time) bool {
	return e.issued >= r.cfg.EpochReceipts || now.Sub(e.began) >= r.cfg.EpochDuration
}

// expiry is when tickets of a lease, asked for now, are to expire.
func (r *Recipient) expiry(l *LeaseTerms) uint64 {
	expiry := uint64(r.cfg.Now().Add(r.cfg.TicketTTL).Unix())
	if l.LastExpiry != 0 {
		expiry = min(expiry, l.LastExpiry)
	}
	return expiry
}

// keepCharge stores what a receipt asks for.
func (r *Recipient) keepCharge(ctx context.Context, bill *Bill, l *LeaseTerms, receipt common.Hash, terms Terms) (*Charge, error) {
	charge := &Charge{
		PaymentKey: bill.PaymentKey, Receipt: receipt, Sender: l.Sender, Lane: l.Lane, Round: l.Round,
		Fee: bill.Fee, Terms: terms, Deadline: r.cfg.Now().Add(r.cfg.AnswerWithin).UnixMilli(),
	}
	unsure := false
	err := Patiently(ctx, func() error {
		err := r.cfg.Store.AddCharge(ctx, charge)
		if unsure && errors.Is(err, ErrExists) && !errors.Is(err, ErrEpochClosed) {
			stored, missing := r.cfg.Store.Charge(ctx, receipt)
			if missing == nil && stored.Charge == *charge {
				return nil // the first try was done after all
			}
			return errors.Join(err, missing)
		}
		unsure = unsure || errors.Is(err, ErrUnavailable)
		return err
	})
	if err != nil {
		return nil, err
	}
	charge.Deadline = max(charge.Deadline, r.cfg.Now().Add(r.cfg.AnswerWithin).UnixMilli()) // it may have taken long
	return charge, nil
}

// billed counts a charge that is durable as owed; nil for one that came to nothing. closed says that its epoch takes no
// more.
func (r *Recipient) billed(e *epoch, c *Charge, closed bool) {
	r.mu.Lock()
	e.signing--
	e.sealed = e.sealed || closed
	if c == nil {
		r.mu.Unlock()
		return
	}
	e.open++
	e.deadline = max(e.deadline, c.Deadline)
	r.open[c.Receipt] = &openCharge{Charge: *c, epoch: e}
	if l := r.leases[c.Lease]; l != nil {
		l.unpaid.Add(&l.unpaid, &c.Fee)
		l.open++
	} else {
		r.sender(c.Sender).owe(&c.Fee, 1)
	}
	r.mu.Unlock()
	r.metrics.billed.Inc()
	r.observe(Event{
		Kind: EventBilled, At: r.cfg.Now(), Lease: c.Lease, Receipt: c.Receipt, Seq: c.Seq,
		Sender: c.Sender, Recipient: r.cfg.Address, Fee: c.Fee,
	})
}

// answer takes a charge off what is owed, once.
func (r *Recipient) answer(c *Charge) {
	r.mu.Lock()
	defer r.mu.Unlock()
	charge := r.open[c.Receipt]
	if charge == nil {
		return
	}
	delete(r.open, c.Receipt)
	charge.epoch.open--
	if l := r.leases[c.Lease]; l != nil {
		l.unpaid = saturatingSub(&l.unpaid, c.Fee)
		l.open--
		return
	}
	s := r.sender(c.Sender)
	s.dead = saturatingSub(&s.dead, c.Fee)
	s.open--
	r.forget(c.Sender)
}

// Run closes epochs, takes over those of processes that are gone, and keeps promises, until ctx ends. It returns nil.
func (r *Recipient) Run(ctx context.Context) error {
	tick := time.NewTicker(closeEvery)
	defer tick.Stop()
	takeOver := time.NewTicker(takeOverEvery)
	defer takeOver.Stop()
	keep := time.NewTicker(keepEvery)
	defer keep.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			r.CloseEpochs(ctx)
			if err := r.releasePromises(ctx); err != nil && ctx.Err() == nil {
				r.cfg.Log.Debug("tried again", "err", err)
			}
		case <-keep.C:
			if err := r.KeepPromises(ctx); err != nil && ctx.Err() == nil {
				r.cfg.Log.Warn("promises to open leases lapse soon; tried again", "err", err)
			}
		case <-takeOver.C:
			if err := r.TakeOver(ctx); err != nil && ctx.Err() == nil {
				r.cfg.Log.Warn("cannot see which epochs are open; tried again", "err", err)
			}
		}
	}
}

// TakeOver takes on the epochs of other processes with the same store that are gone: their receipts can be paid here, and
// their winners get to the chain. Run calls it. It must not run at once with CloseEpochs.
func (r *Recipient) TakeOver(ctx context.Context) error {
	open, err := r.cfg.Store.OpenEpochs(ctx)
	if err != nil {
		return err
	}
	// Nobody could pay while their process was gone: the time to answer begins anew.
	deadline := r.cfg.Now().Add(r.cfg.AnswerWithin).UnixMilli()
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, charges := range open {
		if r.epochs[id] != nil {
			continue
		}
		e := &epoch{rand: r.rand(id), sealed: true}
		r.epochs[id] = e
		for i := range charges {
			if charges[i].Terms.RandHash != randHash(e.rand) {
				r.cfg.Log.Error("a receipt was issued under another secret: it cannot be paid here", "receipt", charges[i].Receipt)
				continue
			}
			c := &openCharge{Charge: charges[i], epoch: e}
			c.Deadline = max(c.Deadline, deadline)
			e.deadline = max(e.deadline, c.Deadline)
			e.open++
			r.open[c.Receipt] = c
			r.sender(c.Sender).owe(&c.Fee, 1)
		}
	}
	return nil
}

// CloseEpochs closes every epoch that is due: sealed, or full by number or time, and each of its receipts answered or
// past its deadline. It returns how many it closed. Run calls it four times a second.
func (r *Recipient) CloseEpochs(ctx context.Context) int {
	closed := 0
	for _, id := range r.dueEpochs() {
		written, err := r.cfg.Store.CloseEpoch(ctx, id)
		if err != nil {
			r.cfg.Log.Error("closing a rand epoch failed, trying again", "lease", id.Lease, "epoch", id.Epoch, "err", err)
			continue
		}
		closed++
		for i := range written {
			r.writtenOff(&written[i])
		}
		r.forgetEpoch(id)
	}
	return closed
}

// forgetEpoch drops a closed epoch. Charges of it that the store did not write off now were settled without this process:
// paid at another one, or forgiven.
func (r *Recipient) forgetEpoch(id EpochID) {
	r.mu.Lock()
	e := r.epochs[id]
	delete(r.epochs, id)
	var left []*Charge
	for _, c := range r.open {
		if c.epoch == e {
			left = append(left, &c.Charge)
		}
	}
	r.mu.Unlock()
	for _, c := range left {
		r.answer(c)
	}
}

// dueEpochs seals and returns the epochs to close.
func (r *Recipient) dueEpochs() []EpochID {
	now := r.cfg.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	var due []EpochID
	for id, e := range r.epochs {
		over := e.sealed || r.full(e, now)
		answered := e.signing == 0 && (e.open == 0 || now.UnixMilli() > e.deadline)
		if over && answered {
			e.sealed = true
			due = append(due, id)
		}
	}
	r.metrics.openEpochs.Set(float64(len(r.epochs)))
	return due
}

func (r *Recipient) writtenOff(c *Charge) {
	r.answer(c)
	r.metrics.writtenOff.Inc()
	r.cfg.Log.Warn("a receipt was not paid in time and is written off", "lease", c.Lease, "seq", c.Seq, "sender", c.Sender, "fee", FormatWei(&c.Fee))
	r.observe(Event{
		Kind: EventWrittenOff, At: r.cfg.Now(), Lease: c.Lease, Receipt: c.Receipt, Seq: c.Seq,
		Sender: c.Sender, Recipient: r.cfg.Address, Fee: c.Fee,
	})
}

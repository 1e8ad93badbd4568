package payments

import (
	"context"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// What of a sender's share is promised to its open leases is in the store: so all processes of one recipient count it
// together. Each process keeps its own promises; those of one that has died lapse.

// Promise sets a part of a sender's reserve share aside for the tickets of a lease.
type Promise struct {
	Lease  common.Hash
	Sender common.Address
	// Amount is the lease's largest face value, in wei.
	Amount uint256.Int
	// Renews is the lease whose promise this one takes the place of; zero for none. Both last until that lease is closed,
	// and count as one before.
	Renews common.Hash
}

// PromiseStore keeps the promises of all processes of a recipient. One that is given or kept lasts until a time, to the
// millisecond.
type PromiseStore interface {
	// Promise gives one, if so much is free: of what backs the sender's tickets, less its winners that are pending, less
	// all promises but those of the lease itself and of the lease that it renews. It returns what was free: less than the
	// amount where nothing was promised.
	Promise(ctx context.Context, p *Promise, backed uint256.Int, now, till time.Time) (free uint256.Int, err error)
	// Promised sums up a sender's promises, one lease's left out.
	Promised(ctx context.Context, sender common.Address, except common.Hash, now time.Time) (uint256.Int, error)
	// KeepPromises has promises last until a time; those that the store does not know (any more) are given anew.
	KeepPromises(ctx context.Context, promises []Promise, till time.Time) error
	// ReleasePromises ends those of some leases.
	ReleasePromises(ctx context.Context, leases []common.Hash) error
}

// A promise that is not kept lapses after promiseFor: so long a process that has died holds a sender's share.
const (
	promiseFor = 20 * time.Second
	keepEvery  = 5 * time.Second
)

// promise gives a lease its promise. A *Refusal says that there is not enough.
func (r *Recipient) promise(ctx context.Context, l *LeaseTerms) error {
	backed, err := r.backed(ctx, l.Sender, l.Round)
	if err != nil {
		return err
	}
	if err := r.releasePromises(ctx); err != nil {
		return err
	}
	now := r.cfg.Now()
	p := Promise{Lease: l.Lease, Sender: l.Sender, Amount: l.MaxFaceValue, Renews: l.Renews}
	free, err := r.cfg.Store.Promise(ctx, &p, backed, now, now.Add(promiseFor))
	if err != nil {
		return fmt.Errorf("promise a part of the share of %s: %w", l.Sender, err)
	}
	if free.Lt(&l.MaxFaceValue) {
		return &Refusal{
			Code: CodeReserveShort, Message: "the reserve share of " + l.Sender.Hex() + " is promised to its other leases",
			Asked: FormatWei(&l.MaxFaceValue), Limit: FormatWei(&free), Knob: "ask for a new quote, or castnet deposit reserve",
		}
	}
	return nil
}

// free is what of a sender's share is neither pending nor promised to leases, except one.
func (r *Recipient) free(ctx context.Context, ask *Ask, record *SenderRecord) (uint256.Int, error) {
	backed, err := r.backed(ctx, ask.Sender, ask.Round)
	if err != nil {
		return uint256.Int{}, err
	}
	if err := r.releasePromises(ctx); err != nil {
		return uint256.Int{}, err
	}
	promised, err := r.cfg.Store.Promised(ctx, ask.Sender, ask.Renews, r.cfg.Now())
	if err != nil {
		return uint256.Int{}, fmt.Errorf("add up what %s is promised: %w", ask.Sender, err)
	}
	available := saturatingSub(&backed, record.Pending)
	return saturatingSub(&available, promised), nil
}

// releasePromises ends the promises of the leases that are over.
func (r *Recipient) releasePromises(ctx context.Context) error {
	r.mu.Lock()
	over := make([]common.Hash, 0, len(r.over))
	for lease := range r.over {
		over = append(over, lease)
	}
	r.mu.Unlock()
	if len(over) == 0 {
		return nil
	}
	if err := r.cfg.Store.ReleasePromises(ctx, over); err != nil {
		return fmt.Errorf("release what leases were promised that are over: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, lease := range over {
		delete(r.over, lease)
	}
	return nil
}

// KeepPromises keeps those of the open leases, and releases the others. Run calls it every 5 s.
func (r *Recipient) KeepPromises(ctx context.Context) error {
	r.mu.Lock()
	keep := make([]Promise, 0, len(r.leases))
	for id, l := range r.leases {
		keep = append(keep, Promise{Lease: id, Sender: l.Sender, Amount: l.MaxFaceValue})
	}
	r.mu.Unlock()
	if len(keep) > 0 {
		if err := r.cfg.Store.KeepPromises(ctx, keep, r.cfg.Now().Add(promiseFor)); err != nil {
			return fmt.Errorf("keep what leases are promised: %w", err)
		}
	}
	r.mu.Lock()
	for i := range keep {
		if r.leases[keep[i].Lease] == nil { // closed meanwhile, and perhaps released before it was kept
			r.over[keep[i].Lease] = true
		}
	}
	r.mu.Unlock()
	return r.releasePromises(ctx)
}

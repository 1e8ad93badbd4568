package main

import (
	"context"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	payments "castnet/probabilistic-payments"
)

// nowhere is a store that remembers only what both sides must be told again: it takes the store out of what is measured.
type nowhere struct {
	mu      sync.Mutex
	ceiling uint64
}

func newNowhere() *nowhere { return &nowhere{} }

// TakeLane gives the only lane.
func (*nowhere) TakeLane(context.Context, string) (payments.Lane, error) {
	return payments.Lane{ID: 1, Term: 1}, nil
}

// ReserveNonces gives the next ones.
func (n *nowhere) ReserveNonces(_ context.Context, _ payments.Lane, count uint64) (uint64, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ceiling += count
	return n.ceiling - count, nil
}

// SaveTicket takes every ticket for the first.
func (*nowhere) SaveTicket(_ context.Context, _ payments.PaymentKey, t *payments.SignedTicket) (payments.SignedTicket, error) {
	return *t, nil
}

// Ticket has none.
func (*nowhere) Ticket(context.Context, payments.PaymentKey) (payments.SignedTicket, error) {
	return payments.SignedTicket{}, payments.ErrNotFound
}

// Outstanding has none.
func (*nowhere) Outstanding(context.Context, uint64) (map[uint64]uint256.Int, error) {
	return make(map[uint64]uint256.Int), nil
}

// Secret is always the same.
func (*nowhere) Secret(context.Context) ([32]byte, error) { return [32]byte{1}, nil }

// AddCharge takes every charge.
func (*nowhere) AddCharge(context.Context, *payments.Charge) error { return nil }

// Charge has none.
func (*nowhere) Charge(context.Context, common.Hash) (payments.ChargeRecord, error) {
	return payments.ChargeRecord{}, payments.ErrNotFound
}

// Accept takes every ticket.
func (*nowhere) Accept(context.Context, *payments.SignedTicket, *payments.Winner) error { return nil }

// OpenEpochs has none.
func (*nowhere) OpenEpochs(context.Context) (map[payments.EpochID][]payments.Charge, error) {
	return nil, nil
}

// CloseEpoch has nothing to write off.
func (*nowhere) CloseEpoch(context.Context, payments.EpochID) ([]payments.Charge, error) {
	return nil, nil
}

// Sender knows nobody.
func (*nowhere) Sender(context.Context, common.Address) (payments.SenderRecord, error) {
	return payments.SenderRecord{}, nil
}

// Promise promises all that is asked for.
func (*nowhere) Promise(_ context.Context, _ *payments.Promise, backed uint256.Int, _, _ time.Time) (uint256.Int, error) {
	return backed, nil
}

// Promised has none.
func (*nowhere) Promised(context.Context, common.Address, common.Hash, time.Time) (uint256.Int, error) {
	return uint256.Int{}, nil
}

// KeepPromises has nothing to keep.
func (*nowhere) KeepPromises(context.Context, []payments.Promise, time.Time) error { return nil }

// ReleasePromises has nothing to release.
func (*nowhere) ReleasePromises(context.Context, []common.Hash) error { return nil }

package redis

import (
	"context"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	payments "castnet/probabilistic-payments"
	"castnet/probabilistic-payments/store/record"
)

func amount(v any, err error) (uint256.Int, error) {
	b, err := text(v, err)
	if err != nil {
		return uint256.Int{}, err
	}
	return record.ParseAmount([]byte(b))
}

// Promise implements payments.PromiseStore.
func (s *Store) Promise(ctx context.Context, p *payments.Promise, backed uint256.Int, now, till time.Time) (free uint256.Int, err error) {
	return amount(s.do(ctx, "promise",
		p.Lease[:], p.Renews[:], p.Sender[:], record.Amount(&p.Amount), record.Amount(&backed), now.UnixMilli(), till.UnixMilli()))
}

// Promised implements payments.PromiseStore.
func (s *Store) Promised(ctx context.Context, sender common.Address, except common.Hash, now time.Time) (uint256.Int, error) {
	return amount(s.do(ctx, "promised", sender[:], now.UnixMilli(), except[:]))
}

// KeepPromises implements payments.PromiseStore.
func (s *Store) KeepPromises(ctx context.Context, promises []payments.Promise, till time.Time) error {
	for len(promises) > 0 {
		part := promises[:min(len(promises), perCall)]
		promises = promises[len(part):]
		args := []any{till.UnixMilli()}
		for i := range part {
			args = append(args, part[i].Lease[:], part[i].Sender[:], record.Amount(&part[i].Amount))
		}
		if _, err := s.do(ctx, "keep", args...); err != nil {
			return err
		}
	}
	return nil
}

// ReleasePromises implements payments.PromiseStore.
func (s *Store) ReleasePromises(ctx context.Context, leases []common.Hash) error {
	for len(leases) > 0 {
		part := leases[:min(len(leases), perCall)]
		leases = leases[len(part):]
		args := make([]any, len(part))
		for i := range part {
			args[i] = part[i][:]
		}
		if _, err := s.do(ctx, "release", args...); err != nil {
			return err
		}
	}
	return nil
}

// perCall is how many promises one call is about at most: Lua takes some thousand arguments, and Redis stands still.
const perCall = 500

package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	payments "castnet/probabilistic-payments"
	"castnet/probabilistic-payments/store/record"
)

// Promise implements payments.PromiseStore.
func (s *Store) Promise(ctx context.Context, p *payments.Promise, backed uint256.Int, now, till time.Time) (free uint256.Int, err error) {
	err = s.commit(ctx, func(ctx context.Context, t *tx) error {
		books, err := t.sender(ctx, p.Sender)
		if err != nil {
			return err
		}
		if err := t.exec(ctx, `DELETE FROM promises WHERE till <= ?`, now.UnixMilli()); err != nil {
			return err
		}
		taken, err := promised(ctx, t, p.Sender, now, [2]common.Hash{p.Lease, p.Renews})
		if err != nil {
			return err
		}
		free.Clear()
		if _, overflow := taken.AddOverflow(&taken, &books.Pending); overflow || !backed.Gt(&taken) {
			return nil
		}
		if free.Sub(&backed, &taken); free.Lt(&p.Amount) {
			return nil
		}
		return keepPromise(ctx, t, p, till)
	})
	return free, err
}

func keepPromise(ctx context.Context, t *tx, p *payments.Promise, till time.Time) error {
	return t.exec(ctx, `INSERT INTO promises (lease, sender, amount, till) VALUES (?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET sender = excluded.sender, amount = excluded.amount, till = excluded.till`,
		p.Lease[:], p.Sender[:], record.Amount(&p.Amount), till.UnixMilli())
}

// promised sums up a sender's promises, without those of two leases.
func promised(ctx context.Context, q queryer, sender common.Address, now time.Time, except [2]common.Hash) (sum uint256.Int, err error) {
	err = each(ctx, q, func(rows *sql.Rows) error {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return err
		}
		amount, err := record.ParseAmount(b)
		if err != nil {
			return err
		}
		return add(&sum, &amount)
	}, `SELECT amount FROM promises WHERE sender = ? AND till > ? AND lease NOT IN (?, ?)`, sender[:], now.UnixMilli(), except[0][:], except[1][:])
	return sum, err
}

// Promised implements payments.PromiseStore.
func (s *Store) Promised(ctx context.Context, sender common.Address, except common.Hash, now time.Time) (uint256.Int, error) {
	return promised(ctx, s.read, sender, now, [2]common.Hash{except})
}

// KeepPromises implements payments.PromiseStore.
func (s *Store) KeepPromises(ctx context.Context, promises []payments.Promise, till time.Time) error {
	return s.commit(ctx, func(ctx context.Context, t *tx) error {
		for i := range promises {
			if err := keepPromise(ctx, t, &promises[i], till); err != nil {
				return err
			}
		}
		return nil
	})
}

// ReleasePromises implements payments.PromiseStore.
func (s *Store) ReleasePromises(ctx context.Context, leases []common.Hash) error {
	return s.commit(ctx, func(ctx context.Context, t *tx) error {
		for _, lease := range leases {
			if err := t.exec(ctx, `DELETE FROM promises WHERE lease = ?`, lease[:]); err != nil {
				return err
			}
		}
		return nil
	})
}

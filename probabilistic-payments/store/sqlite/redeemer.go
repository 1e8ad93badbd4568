package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	payments "castnet/probabilistic-payments"
	"castnet/probabilistic-payments/store/record"
)

// The states of a winner.
const (
	winnerReady = 1
	winnerPaid  = 2
	winnerLost  = 3
)

// Redeemable implements payments.RedeemerStore. Winners that were tried less often come first, so that one that cannot
// be redeemed yet does not stand in the way.
func (s *Store) Redeemable(ctx context.Context, limit int) (winners []payments.Winner, err error) {
	err = each(ctx, s.read, func(rows *sql.Rows) error {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return err
		}
		winner, err := record.ParseWinner(b)
		winners = append(winners, winner)
		return err
	}, `SELECT winner FROM winners WHERE state = 1 ORDER BY tries, expiry LIMIT ?`, limit)
	return winners, err
}

// Resolve implements payments.RedeemerStore.
func (s *Store) Resolve(ctx context.Context, receipt common.Hash, o payments.Outcome) error {
	return s.commit(ctx, func(ctx context.Context, t *tx) error {
		var state int
		var encoded, spent []byte
		err := t.QueryRowContext(ctx, `SELECT state, winner, gas FROM winners WHERE receipt = ?`, receipt[:]).Scan(&state, &encoded, &spent)
		if errors.Is(err, sql.ErrNoRows) {
			return payments.ErrNotFound
		}
		if err != nil {
			return err
		}
		if state != winnerReady {
			return payments.ErrAnswered
		}
		gas, err := costs(spent, &o.Gas)
		if err != nil {
			return err
		}
		if o.Status == payments.StatusOpen {
			return t.exec(ctx, `UPDATE winners SET tries = tries + 1, reason = ?, gas = ? WHERE receipt = ?`, o.Reason, record.Amount(&gas), receipt[:])
		}
		winner, err := record.ParseWinner(encoded)
		if err != nil {
			return err
		}
		state = winnerPaid
		if o.Status == payments.StatusLost {
			state = winnerLost
		}
		err = t.exec(ctx, `UPDATE winners SET state = ?, paid = ?, tx = ?, reason = ?, gas = ? WHERE receipt = ?`,
			state, record.Amount(&o.Paid), o.Tx[:], o.Reason, record.Amount(&gas), receipt[:])
		if err != nil {
			return err
		}
		return t.changeSender(ctx, winner.Sender, func(r *payments.SenderRecord) error {
			pays := winner.Payout()
			return sub(&r.Pending, &pays)
		})
	})
}

// costs adds gas, in wei, to what is stored: nothing at first.
func costs(stored []byte, gas *uint256.Int) (sum uint256.Int, err error) {
	if stored != nil {
		if sum, err = record.ParseAmount(stored); err != nil {
			return sum, err
		}
	}
	return sum, add(&sum, gas)
}

// Queue implements payments.RedeemerStore.
func (s *Store) Queue(ctx context.Context, before uint64) (nearExpiry, ready int, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT count(*) FILTER (WHERE expiry < ?), count(*) FROM winners WHERE state = 1`, int64(before)).
		Scan(&nearExpiry, &ready)
	return nearExpiry, ready, err
}

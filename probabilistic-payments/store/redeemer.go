package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/ethereum/go-ethereum/common"

	payments "castnet/probabilistic-payments"
)

// The states of a winner.
const (
	winnerReady = 1
	winnerPaid  = 2
	winnerLost  = 3
)

// Redeemable implements payments.RedeemerStore. Winners that were tried less often come first, so that one that cannot
// be redeemed yet does not stand in the way.
func (s *SQLite) Redeemable(ctx context.Context, limit int) (winners []payments.Winner, err error) {
	err = each(ctx, s.read, func(rows *sql.Rows) error {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return err
		}
		winner, err := decodeWinner(b)
		winners = append(winners, winner)
		return err
	}, `SELECT winner FROM winners WHERE state = 1 ORDER BY tries, expiry LIMIT ?`, limit)
	return winners, err
}

// Resolve implements payments.RedeemerStore.
func (s *SQLite) Resolve(ctx context.Context, receipt common.Hash, o payments.Outcome) error {
	return s.commit(ctx, func(ctx context.Context, c *sql.Conn) error {
		var state int
		var encoded []byte
		err := c.QueryRowContext(ctx, `SELECT state, winner FROM winners WHERE receipt = ?`, receipt[:]).Scan(&state, &encoded)
		if errors.Is(err, sql.ErrNoRows) {
			return payments.ErrNotFound
		}
		if err != nil {
			return err
		}
		if state != winnerReady {
			return payments.ErrAnswered
		}
		if o.Status == payments.StatusOpen {
			_, err := c.ExecContext(ctx, `UPDATE winners SET tries = tries + 1, reason = ? WHERE receipt = ?`, o.Reason, receipt[:])
			return err
		}
		winner, err := decodeWinner(encoded)
		if err != nil {
			return err
		}
		state = winnerPaid
		if o.Status == payments.StatusLost {
			state = winnerLost
		}
		_, err = c.ExecContext(ctx, `UPDATE winners SET state = ?, paid = ?, tx = ?, reason = ? WHERE receipt = ?`,
			state, amount(&o.Paid), o.Tx[:], o.Reason, receipt[:])
		if err != nil {
			return err
		}
		return changeSender(ctx, c, winner.Sender, func(r *payments.SenderRecord) error {
			pays := winner.Payout()
			return sub(&r.Pending, &pays)
		})
	})
}

// Queue implements payments.RedeemerStore.
func (s *SQLite) Queue(ctx context.Context, before uint64) (nearExpiry, ready int, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT count(*) FILTER (WHERE expiry < ?), count(*) FROM winners WHERE state = 1`, int64(before)).
		Scan(&nearExpiry, &ready)
	return nearExpiry, ready, err
}

package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"errors"

	"github.com/holiman/uint256"

	payments "castnet/probabilistic-payments"
	"castnet/probabilistic-payments/store/record"
)

// TakeLane implements payments.SenderStore. Names of lanes are drawn by chance: one that a lost file knew is not given
// again.
func (s *Store) TakeLane(ctx context.Context, holder string) (lane payments.Lane, err error) {
	var fresh [8]byte
	if _, err := rand.Read(fresh[:]); err != nil {
		return lane, err
	}
	err = s.commit(ctx, func(ctx context.Context, tx *tx) error {
		var id, term int64
		err := tx.QueryRowContext(ctx, `INSERT INTO lanes (id, holder, term, ceiling) VALUES (?, ?, 1, 0)
			ON CONFLICT (holder) DO UPDATE SET term = term + 1 RETURNING id, term`, int64(binary.BigEndian.Uint64(fresh[:])), holder).Scan(&id, &term)
		lane = payments.Lane{ID: uint64(id), Term: uint64(term)}
		return err
	})
	return lane, err
}

// ReserveNonces implements payments.SenderStore.
func (s *Store) ReserveNonces(ctx context.Context, lane payments.Lane, n uint64) (first uint64, err error) {
	err = s.commit(ctx, func(ctx context.Context, tx *tx) error {
		var ceiling int64
		err := tx.QueryRowContext(ctx, `UPDATE lanes SET ceiling = ceiling + ? WHERE id = ? AND term = ? RETURNING ceiling`,
			int64(n), int64(lane.ID), int64(lane.Term)).Scan(&ceiling)
		if errors.Is(err, sql.ErrNoRows) {
			return payments.ErrLaneTaken
		}
		first = uint64(ceiling) - n
		return err
	})
	return first, err
}

// SaveTicket implements payments.SenderStore.
func (s *Store) SaveTicket(ctx context.Context, key payments.PaymentKey, t *payments.SignedTicket) (stored payments.SignedTicket, err error) {
	err = s.commit(ctx, func(ctx context.Context, tx *tx) error {
		n, err := changed(tx.ExecContext(ctx, `INSERT INTO tickets (lease, seq, attempt, expiry, fee, ticket) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT DO NOTHING`, key.Lease[:], int64(key.Seq), key.Attempt, int64(t.Expiry), record.Amount(&t.Fee), record.Ticket(t)))
		if err != nil || n == 1 {
			stored = *t
			return err
		}
		stored, err = ticket(ctx, tx, key)
		return err
	})
	return stored, err
}

func ticket(ctx context.Context, q queryer, key payments.PaymentKey) (t payments.SignedTicket, err error) {
	var b []byte
	err = q.QueryRowContext(ctx, `SELECT ticket FROM tickets WHERE lease = ? AND seq = ? AND attempt = ?`,
		key.Lease[:], int64(key.Seq), key.Attempt).Scan(&b)
	if errors.Is(err, sql.ErrNoRows) {
		return t, payments.ErrNotFound
	}
	if err != nil {
		return t, err
	}
	return record.ParseTicket(b)
}

// Ticket implements payments.SenderStore.
func (s *Store) Ticket(ctx context.Context, key payments.PaymentKey) (payments.SignedTicket, error) {
	return ticket(ctx, s.read, key)
}

// Outstanding implements payments.SenderStore.
func (s *Store) Outstanding(ctx context.Context, after uint64) (map[uint64]uint256.Int, error) {
	sums := make(map[uint64]uint256.Int)
	err := each(ctx, s.read, func(rows *sql.Rows) error {
		var expiry int64
		var b []byte
		if err := rows.Scan(&expiry, &b); err != nil {
			return err
		}
		fee, err := record.ParseAmount(b)
		sum := sums[uint64(expiry)/60]
		sum.Add(&sum, &fee)
		sums[uint64(expiry)/60] = sum
		return err
	}, `SELECT expiry, fee FROM tickets WHERE expiry > ?`, int64(after))
	return sums, err
}

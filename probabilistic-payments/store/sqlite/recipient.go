package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	payments "castnet/probabilistic-payments"
	"castnet/probabilistic-payments/store/record"
)

// Secret implements payments.RecipientStore.
func (s *Store) Secret(ctx context.Context) (secret [32]byte, err error) {
	err = s.commit(ctx, func(ctx context.Context, c *sql.Conn) error {
		fresh := make([]byte, 32)
		if _, err := rand.Read(fresh); err != nil {
			return err
		}
		if _, err := c.ExecContext(ctx, `INSERT INTO meta (key, value) VALUES ('secret', ?) ON CONFLICT DO NOTHING`, fresh); err != nil {
			return err
		}
		var b []byte
		if err := c.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = 'secret'`).Scan(&b); err != nil {
			return err
		}
		if copy(secret[:], b) != 32 {
			return errors.New("the stored secret is not 32 bytes: the store is damaged")
		}
		return nil
	})
	return secret, err
}

// AddCharge implements payments.RecipientStore.
func (s *Store) AddCharge(ctx context.Context, charge *payments.Charge) error {
	return s.commit(ctx, func(ctx context.Context, c *sql.Conn) error {
		var closed, same int
		err := c.QueryRowContext(ctx, `SELECT
			(SELECT count(*) FROM epochs WHERE lease = ?1 AND epoch = ?2 AND closed = 1),
			(SELECT count(*) FROM charges WHERE (lease = ?1 AND seq = ?3 AND attempt = ?4) OR receipt = ?5)`,
			charge.Lease[:], int64(charge.Terms.Epoch), int64(charge.Seq), charge.Attempt, charge.Receipt[:]).Scan(&closed, &same)
		switch {
		case err != nil:
			return err
		case closed != 0:
			return payments.ErrEpochClosed
		case same != 0:
			return fmt.Errorf("%w: segment %d attempt %d", payments.ErrExists, charge.Seq, charge.Attempt)
		}
		_, err = c.ExecContext(ctx, `INSERT INTO epochs (lease, epoch, expiry) VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET expiry = excluded.expiry WHERE excluded.expiry > expiry`,
			charge.Lease[:], int64(charge.Terms.Epoch), int64(charge.Terms.Expiry))
		if err != nil {
			return err
		}
		_, err = c.ExecContext(ctx, `INSERT INTO charges (lease, seq, attempt, epoch, receipt, state, charge, expiry)
			VALUES (?, ?, ?, ?, ?, 0, ?, ?)`,
			charge.Lease[:], int64(charge.Seq), charge.Attempt, int64(charge.Terms.Epoch), charge.Receipt[:], record.Charge(charge),
			int64(charge.Terms.Expiry))
		if err != nil {
			return err
		}
		return changeSender(ctx, c, charge.Sender, func(r *payments.SenderRecord) error {
			return add(&r.Owed, &charge.Fee)
		})
	})
}

// Charge implements payments.RecipientStore.
func (s *Store) Charge(ctx context.Context, receipt common.Hash) (payments.ChargeRecord, error) {
	return charge(ctx, s.read, receipt)
}

func charge(ctx context.Context, q queryer, receipt common.Hash) (payments.ChargeRecord, error) {
	r, err := scanCharge(q.QueryRowContext(ctx, `SELECT state, won, charge, ticket FROM charges WHERE receipt = ?`, receipt[:]))
	if errors.Is(err, sql.ErrNoRows) {
		return r, payments.ErrNotFound
	}
	return r, err
}

// scanCharge reads state, won, charge and ticket.
func scanCharge(row interface{ Scan(to ...any) error }) (r payments.ChargeRecord, err error) {
	var encoded, ticket []byte
	if err := row.Scan(&r.State, &r.Won, &encoded, &ticket); err != nil {
		return r, err
	}
	if r.Charge, err = record.ParseCharge(encoded); err != nil {
		return r, err
	}
	if ticket != nil {
		r.Ticket, err = record.ParseTicket(ticket)
	}
	return r, err
}

// Accept implements payments.RecipientStore.
func (s *Store) Accept(ctx context.Context, t *payments.SignedTicket, winner *payments.Winner) error {
	return s.commit(ctx, func(ctx context.Context, c *sql.Conn) error {
		stored, err := charge(ctx, c, t.ReceiptHash)
		if err != nil {
			return err
		}
		if stored.State != payments.ChargeOpen {
			return payments.ErrAnswered
		}
		if err := useNonce(ctx, c, &t.Ticket); err != nil {
			return err
		}
		_, err = c.ExecContext(ctx, `UPDATE charges SET state = ?, won = ?, ticket = ? WHERE lease = ? AND seq = ? AND attempt = ?`,
			payments.ChargePaid, winner != nil, record.Ticket(t), stored.Lease[:], int64(stored.Seq), stored.Attempt)
		if err != nil {
			return err
		}
		if winner != nil {
			_, err = c.ExecContext(ctx, `INSERT INTO winners (receipt, lease, epoch, expiry, state, winner) VALUES (?, ?, ?, ?, 0, ?)`,
				t.ReceiptHash[:], winner.Lease[:], int64(winner.Epoch), int64(winner.Expiry), record.Winner(winner))
			if err != nil {
				return err
			}
		}
		return changeSender(ctx, c, t.Sender, func(r *payments.SenderRecord) error {
			if winner != nil {
				pays := winner.Payout()
				if err := add(&r.Pending, &pays); err != nil {
					return err
				}
			}
			return errors.Join(add(&r.Paid, &stored.Fee), sub(&r.Owed, &stored.Fee))
		})
	})
}

// nonceBits is the nonces in one row of the bitmap.
const nonceBits = 1024

// useNonce marks a ticket's nonce, or returns ErrNonceUsed before it has written anything.
func useNonce(ctx context.Context, c *sql.Conn, t *payments.Ticket) error {
	block, bit := t.Nonce/nonceBits, t.Nonce%nonceBits
	floor, pruned, err := floorOf(ctx, c, t.Sender, int64(t.Lane))
	if err != nil {
		return err
	}
	if pruned && t.Nonce <= floor {
		return payments.ErrNonceUsed
	}
	var bits []byte
	err = c.QueryRowContext(ctx, `SELECT bits FROM nonces WHERE sender = ? AND lane = ? AND block = ?`,
		t.Sender[:], int64(t.Lane), int64(block)).Scan(&bits)
	if errors.Is(err, sql.ErrNoRows) {
		bits = make([]byte, nonceBits/8)
	} else if err != nil {
		return err
	}
	if len(bits) != nonceBits/8 {
		return errors.New("a stored nonce bitmap has a wrong size: the store is damaged")
	}
	mask := byte(1) << (bit % 8)
	if bits[bit/8]&mask != 0 {
		return payments.ErrNonceUsed
	}
	bits[bit/8] |= mask
	_, err = c.ExecContext(ctx, `INSERT INTO nonces (sender, lane, block, bits, expiry) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET bits = excluded.bits, expiry = max(expiry, excluded.expiry)`,
		t.Sender[:], int64(t.Lane), int64(block), bits, int64(t.Expiry))
	return err
}

// OpenEpochs implements payments.RecipientStore.
func (s *Store) OpenEpochs(ctx context.Context) (map[payments.EpochID][]payments.Charge, error) {
	open := make(map[payments.EpochID][]payments.Charge)
	err := each(ctx, s.read, func(rows *sql.Rows) error {
		var lease, encoded []byte
		var epoch int64
		if err := rows.Scan(&lease, &epoch, &encoded); err != nil {
			return err
		}
		id := payments.EpochID{Lease: common.BytesToHash(lease), Epoch: uint64(epoch)}
		if encoded == nil { // all of its charges are answered
			open[id] = nil
			return nil
		}
		charge, err := record.ParseCharge(encoded)
		open[id] = append(open[id], charge)
		return err
	}, `SELECT e.lease, e.epoch, c.charge FROM epochs e
		LEFT JOIN charges c ON c.lease = e.lease AND c.epoch = e.epoch AND c.state = 0 WHERE e.closed = 0`)
	return open, err
}

// CloseEpoch implements payments.RecipientStore.
func (s *Store) CloseEpoch(ctx context.Context, id payments.EpochID) (written []payments.Charge, err error) {
	err = s.commit(ctx, func(ctx context.Context, c *sql.Conn) error {
		var err error
		written, err = closeEpoch(ctx, c, id, writeOff)
		return err
	})
	return written, err
}

// closeEpoch ends an epoch for ever; settle changes the books for each charge that is open.
func closeEpoch(
	ctx context.Context, c *sql.Conn, id payments.EpochID, settle func(*payments.SenderRecord, *payments.Charge) error,
) ([]payments.Charge, error) {
	open, err := openCharges(ctx, c, id)
	if err != nil {
		return nil, err
	}
	for _, query := range []string{
		`INSERT INTO epochs (lease, epoch, closed) VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET closed = 1`,
		`UPDATE charges SET state = 2 WHERE lease = ? AND epoch = ? AND state = 0`,
		`UPDATE winners SET state = 1 WHERE lease = ? AND epoch = ? AND state = 0`,
	} {
		if _, err := c.ExecContext(ctx, query, id.Lease[:], int64(id.Epoch)); err != nil {
			return nil, err
		}
	}
	for i := range open {
		err := changeSender(ctx, c, open[i].Sender, func(r *payments.SenderRecord) error { return settle(r, &open[i]) })
		if err != nil {
			return nil, err
		}
	}
	return open, nil
}

func openCharges(ctx context.Context, c *sql.Conn, id payments.EpochID) (charges []payments.Charge, err error) {
	err = each(ctx, c, func(rows *sql.Rows) error {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return err
		}
		charge, err := record.ParseCharge(b)
		charges = append(charges, charge)
		return err
	}, `SELECT charge FROM charges WHERE lease = ? AND epoch = ? AND state = 0`, id.Lease[:], int64(id.Epoch))
	return charges, err
}

// Sender implements payments.RecipientStore.
func (s *Store) Sender(ctx context.Context, sender common.Address) (payments.SenderRecord, error) {
	return senderRecord(ctx, s.read, sender)
}

func senderRecord(ctx context.Context, q queryer, sender common.Address) (r payments.SenderRecord, err error) {
	var columns [4][]byte
	err = q.QueryRowContext(ctx, `SELECT paid, owed, written_off, pending FROM senders WHERE sender = ?`, sender[:]).
		Scan(&columns[0], &columns[1], &columns[2], &columns[3])
	if errors.Is(err, sql.ErrNoRows) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	for i, field := range []*uint256.Int{&r.Paid, &r.Owed, &r.WrittenOff, &r.Pending} {
		if *field, err = record.ParseAmount(columns[i]); err != nil {
			return r, err
		}
	}
	return r, nil
}

// changeSender reads, changes and writes a sender's record inside a transaction.
func changeSender(ctx context.Context, c *sql.Conn, sender common.Address, change func(*payments.SenderRecord) error) error {
	r, err := senderRecord(ctx, c, sender)
	if err != nil {
		return err
	}
	if err := change(&r); err != nil {
		return fmt.Errorf("books of sender %s: %w", sender, err)
	}
	_, err = c.ExecContext(ctx, `INSERT INTO senders (sender, paid, owed, written_off, pending) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET paid = excluded.paid, owed = excluded.owed, written_off = excluded.written_off, pending = excluded.pending`,
		sender[:], record.Amount(&r.Paid), record.Amount(&r.Owed), record.Amount(&r.WrittenOff), record.Amount(&r.Pending))
	return err
}

// add is sum += v, in books that never wrap.
func add(sum, v *uint256.Int) error {
	if _, overflow := sum.AddOverflow(sum, v); overflow {
		return fmt.Errorf("%s wei more exceeds 256 bits", v.Dec())
	}
	return nil
}

// sub is sum −= v, in books that never wrap.
func sub(sum, v *uint256.Int) error {
	if sum.Lt(v) {
		return fmt.Errorf("%s wei less than %s: the books do not balance", v.Dec(), sum.Dec())
	}
	sum.Sub(sum, v)
	return nil
}

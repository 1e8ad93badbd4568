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
	err = s.commit(ctx, func(ctx context.Context, t *tx) error {
		fresh := make([]byte, 32)
		if _, err := rand.Read(fresh); err != nil {
			return err
		}
		if err := t.exec(ctx, `INSERT INTO meta (key, value) VALUES ('secret', ?) ON CONFLICT DO NOTHING`, fresh); err != nil {
			return err
		}
		var b []byte
		if err := t.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = 'secret'`).Scan(&b); err != nil {
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
	id := payments.EpochID{Lease: charge.Lease, Epoch: charge.Terms.Epoch}
	return s.commit(ctx, func(ctx context.Context, t *tx) error {
		e, err := t.epoch(ctx, id)
		if err != nil {
			return err
		}
		if e.closed {
			return payments.ErrEpochClosed
		}
		added, err := changed(t.ExecContext(ctx, `INSERT INTO charges (lease, seq, attempt, epoch, receipt, state, charge, expiry)
			VALUES (?, ?, ?, ?, ?, 0, ?, ?) ON CONFLICT DO NOTHING`,
			charge.Lease[:], int64(charge.Seq), charge.Attempt, int64(id.Epoch), charge.Receipt[:], record.Charge(charge),
			int64(charge.Terms.Expiry)))
		if err != nil {
			return err
		}
		if added == 0 {
			return fmt.Errorf("%w: segment %d attempt %d", payments.ErrExists, charge.Seq, charge.Attempt)
		}
		if expiry := int64(charge.Terms.Expiry); !e.known || e.expiry < expiry {
			e.known, e.expiry, e.changed = true, expiry, true
		}
		return t.changeSender(ctx, charge.Sender, func(r *payments.SenderRecord) error {
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
func (s *Store) Accept(ctx context.Context, ticket *payments.SignedTicket, winner *payments.Winner) error {
	return s.commit(ctx, func(ctx context.Context, t *tx) error {
		if err := pay(ctx, t, ticket, winner != nil); err != nil {
			return err
		}
		if winner != nil {
			if err := t.exec(ctx, `INSERT INTO winners (receipt, lease, epoch, expiry, state, winner) VALUES (?, ?, ?, ?, 0, ?)`,
				ticket.ReceiptHash[:], winner.Lease[:], int64(winner.Epoch), int64(winner.Expiry), record.Winner(winner)); err != nil {
				return err
			}
		}
		return t.changeSender(ctx, ticket.Sender, func(r *payments.SenderRecord) error {
			if winner != nil {
				pays := winner.Payout()
				if err := add(&r.Pending, &pays); err != nil {
					return err
				}
			}
			return errors.Join(add(&r.Paid, &ticket.Fee), sub(&r.Owed, &ticket.Fee))
		})
	})
}

// pay marks a ticket's nonce and its charge.
func pay(ctx context.Context, t *tx, ticket *payments.SignedTicket, won bool) error {
	nonces, err := t.nonce(ctx, &ticket.Ticket)
	if errors.Is(err, payments.ErrNonceUsed) {
		if why := answerable(ctx, t, ticket.ReceiptHash); why != nil {
			return why // its own, perhaps
		}
	}
	if err != nil {
		return err
	}
	n, err := changed(t.ExecContext(ctx, `UPDATE charges SET state = 1, won = ?, ticket = ? WHERE receipt = ? AND state = 0`,
		won, record.Ticket(ticket), ticket.ReceiptHash[:]))
	if err == nil && n == 0 {
		err = answerable(ctx, t, ticket.ReceiptHash)
	}
	if err == nil {
		nonces.use(&ticket.Ticket)
	}
	return err
}

// answerable says why a receipt takes no ticket; nil: it does.
func answerable(ctx context.Context, t *tx, receipt common.Hash) error {
	stored, err := charge(ctx, t, receipt)
	if err == nil && stored.State != payments.ChargeOpen {
		err = payments.ErrAnswered
	}
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
	err = s.commit(ctx, func(ctx context.Context, t *tx) error {
		var err error
		written, err = closeEpoch(ctx, t, id, writeOff)
		return err
	})
	return written, err
}

// closeEpoch ends an epoch for ever; settle changes the books for each charge that is open.
func closeEpoch(
	ctx context.Context, t *tx, id payments.EpochID, settle func(*payments.SenderRecord, *payments.Charge) error,
) ([]payments.Charge, error) {
	e, err := t.epoch(ctx, id)
	if err != nil {
		return nil, err
	}
	open, err := openCharges(ctx, t, id)
	if err != nil {
		return nil, err
	}
	for _, query := range []string{
		`UPDATE charges SET state = 2 WHERE lease = ? AND epoch = ? AND state = 0`,
		`UPDATE winners SET state = 1 WHERE lease = ? AND epoch = ? AND state = 0`,
	} {
		if err := t.exec(ctx, query, id.Lease[:], int64(id.Epoch)); err != nil {
			return nil, err
		}
	}
	for i := range open {
		if err := t.changeSender(ctx, open[i].Sender, func(r *payments.SenderRecord) error { return settle(r, &open[i]) }); err != nil {
			return nil, err
		}
	}
	e.known, e.closed, e.changed = true, true, true
	return open, nil
}

func openCharges(ctx context.Context, c queryer, id payments.EpochID) (charges []payments.Charge, err error) {
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

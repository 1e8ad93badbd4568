package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"math/bits"
	"time"

	"github.com/ethereum/go-ethereum/common"

	payments "castnet/probabilistic-payments"
)

// Prune forgets what is settled and has expired before a time, at most limit of each kind, and returns how many it was.
// Of a lane's nonces it keeps the highest: all up to it stay used.
func (s *Store) Prune(ctx context.Context, before time.Time, limit int) (removed int, err error) {
	err = s.commit(ctx, func(ctx context.Context, t *tx) error {
		removed = 0
		if err := t.write(ctx); err != nil {
			return err
		}
		t.forget()
		for _, prune := range []func(context.Context, *tx, int64, int) (int, error){pruneTickets, pruneCharges, pruneEpochs, pruneNonces} {
			n, err := prune(ctx, t, before.Unix(), limit)
			if err != nil {
				return err
			}
			removed += n
		}
		return nil
	})
	return removed, err
}

func pruneTickets(ctx context.Context, t *tx, before int64, limit int) (int, error) {
	return changed(t.ExecContext(ctx, `DELETE FROM tickets WHERE (lease, seq, attempt) IN
		(SELECT lease, seq, attempt FROM tickets WHERE expiry BETWEEN 0 AND ? - 1 LIMIT ?)`, before, limit))
}

func pruneEpochs(ctx context.Context, t *tx, before int64, limit int) (int, error) {
	return changed(t.ExecContext(ctx, `DELETE FROM epochs WHERE (lease, epoch) IN
		(SELECT lease, epoch FROM epochs WHERE closed = 1 AND expiry BETWEEN 0 AND ? - 1 LIMIT ?)`, before, limit))
}

func changed(result sql.Result, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// pruneCharges forgets charges with the winners that came of them, once those are resolved.
func pruneCharges(ctx context.Context, t *tx, before int64, limit int) (int, error) {
	var receipts [][]byte
	err := each(ctx, t, func(rows *sql.Rows) error {
		var receipt []byte
		err := rows.Scan(&receipt)
		receipts = append(receipts, receipt)
		return err
	}, `SELECT c.receipt FROM charges c LEFT JOIN winners w ON w.receipt = c.receipt
		WHERE c.state != 0 AND c.expiry BETWEEN 0 AND ? - 1 AND (w.state IS NULL OR w.state >= 2) LIMIT ?`, before, limit)
	for _, receipt := range receipts {
		err = errors.Join(err, t.exec(ctx, `DELETE FROM charges WHERE receipt = ?`, receipt), t.exec(ctx, `DELETE FROM winners WHERE receipt = ?`, receipt))
	}
	return len(receipts), err
}

// pruneNonces forgets bitmaps, and raises the floor of their lanes in their place.
func pruneNonces(ctx context.Context, t *tx, before int64, limit int) (int, error) {
	type row struct {
		sender      []byte
		lane, block int64
		bits        []byte
	}
	var old []row
	err := each(ctx, t, func(rows *sql.Rows) error {
		var r row
		err := rows.Scan(&r.sender, &r.lane, &r.block, &r.bits)
		old = append(old, r)
		return err
	}, `SELECT sender, lane, block, bits FROM nonces WHERE expiry BETWEEN 0 AND ? - 1 LIMIT ?`, before, limit)
	if err != nil {
		return 0, err
	}
	for _, r := range old {
		of := lane{common.BytesToAddress(r.sender), uint64(r.lane)}
		nonce := uint64(r.block)*nonceBits + highest(r.bits)
		floor, err := t.floor(ctx, of)
		if err == nil && (floor == nil || nonce > *floor) {
			t.floors[of] = &nonce
			err = t.exec(ctx, `INSERT INTO floors (sender, lane, nonce) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET nonce = excluded.nonce`,
				r.sender, r.lane, int64(nonce))
		}
		if err == nil {
			err = t.exec(ctx, `DELETE FROM nonces WHERE sender = ? AND lane = ? AND block = ?`, r.sender, r.lane, r.block)
		}
		if err != nil {
			return 0, err
		}
	}
	return len(old), nil
}

// highest is the highest bit that is set, counted from 0.
func highest(b []byte) uint64 {
	for i := len(b) - 1; i > 0; i-- {
		if b[i] != 0 {
			return uint64(i*8 + bits.Len8(b[i]) - 1)
		}
	}
	return uint64(max(bits.Len8(b[0])-1, 0))
}

// seal makes a store of the past safe to go on from. What came after it is not known: so no lane is used again, and no
// ticket is taken under a rand that may be known by now. Nobody is blamed for the receipts that can so not be paid.
func (s *Store) seal(ctx context.Context) error {
	open, err := s.OpenEpochs(ctx)
	if err != nil {
		return err
	}
	return s.commit(ctx, func(ctx context.Context, t *tx) error {
		for id := range open {
			if _, err := closeEpoch(ctx, t, id, forgive); err != nil {
				return err
			}
		}
		return t.exec(ctx, `DELETE FROM lanes; DELETE FROM promises`)
	})
}

// writeOff and forgive are what closing an epoch does to a charge that nobody paid.
func writeOff(r *payments.SenderRecord, c *payments.Charge) error {
	return errors.Join(add(&r.WrittenOff, &c.Fee), sub(&r.Owed, &c.Fee))
}

func forgive(r *payments.SenderRecord, c *payments.Charge) error { return sub(&r.Owed, &c.Fee) }

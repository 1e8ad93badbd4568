package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	payments "castnet/probabilistic-payments"
	"castnet/probabilistic-payments/store/record"
)

// tx is a transaction of several callers' changes. What many of them touch (a sender's books, a bitmap of nonces, an
// epoch) is read once, changed in memory, and written once, before the commit: a statement costs more than all else.
type tx struct {
	*sql.Conn
	senders map[common.Address]*books
	blocks  map[block]*bitmap
	floors  map[lane]*uint64 // nil: the lane has none
	epochs  map[payments.EpochID]*epoch
}

// books is a sender's record.
type books struct {
	payments.SenderRecord
	changed bool
}

// lane is a sequence of nonces of a sender, block a run of nonceBits of them.
type lane struct {
	sender common.Address
	id     uint64
}

type block struct {
	lane
	number uint64
}

// nonceBits is the nonces in one row of the bitmap.
const nonceBits = 1024

// bitmap tells which nonces of a block are used; expiry is when the last of their tickets expires.
type bitmap struct {
	bits    []byte
	expiry  int64
	changed bool
}

// epoch is a rand epoch; expiry is when the last of its tickets expires.
type epoch struct {
	known, closed, changed bool
	expiry                 int64
}

func newTx(c *sql.Conn) *tx {
	t := &tx{Conn: c}
	t.forget()
	return t
}

// forget drops what was read.
func (t *tx) forget() {
	t.senders = make(map[common.Address]*books)
	t.blocks = make(map[block]*bitmap)
	t.floors = make(map[lane]*uint64)
	t.epochs = make(map[payments.EpochID]*epoch)
}

// exec is a statement that returns nothing.
func (t *tx) exec(ctx context.Context, query string, args ...any) error {
	_, err := t.ExecContext(ctx, query, args...)
	return err
}

// write puts what was changed in memory into the file.
func (t *tx) write(ctx context.Context) error {
	for sender, b := range t.senders {
		if !b.changed {
			continue
		}
		b.changed = false
		if err := t.exec(ctx, `INSERT INTO senders (sender, paid, owed, written_off, pending) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET paid = excluded.paid, owed = excluded.owed, written_off = excluded.written_off, pending = excluded.pending`,
			sender[:], record.Amount(&b.Paid), record.Amount(&b.Owed), record.Amount(&b.WrittenOff), record.Amount(&b.Pending)); err != nil {
			return err
		}
	}
	for at, b := range t.blocks {
		if !b.changed {
			continue
		}
		b.changed = false
		if err := t.exec(ctx, `INSERT INTO nonces (sender, lane, block, bits, expiry) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET bits = excluded.bits, expiry = excluded.expiry`,
			at.sender[:], int64(at.id), int64(at.number), b.bits, b.expiry); err != nil {
			return err
		}
	}
	for id, e := range t.epochs {
		if !e.changed {
			continue
		}
		e.changed = false
		if err := t.exec(ctx, `INSERT INTO epochs (lease, epoch, closed, expiry) VALUES (?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET closed = excluded.closed, expiry = excluded.expiry`,
			id.Lease[:], int64(id.Epoch), e.closed, e.expiry); err != nil {
			return err
		}
	}
	return nil
}

// sender is a sender's books.
func (t *tx) sender(ctx context.Context, sender common.Address) (*books, error) {
	if b := t.senders[sender]; b != nil {
		return b, nil
	}
	r, err := senderRecord(ctx, t, sender)
	if err != nil {
		return nil, err
	}
	b := &books{SenderRecord: r}
	t.senders[sender] = b
	return b, nil
}

// changeSender changes a sender's books.
func (t *tx) changeSender(ctx context.Context, sender common.Address, change func(*payments.SenderRecord) error) error {
	b, err := t.sender(ctx, sender)
	if err != nil {
		return err
	}
	if err := change(&b.SenderRecord); err != nil {
		return fmt.Errorf("books of sender %s: %w", sender, err)
	}
	b.changed = true
	return nil
}

// epoch is what is known of an epoch: nothing at first.
func (t *tx) epoch(ctx context.Context, id payments.EpochID) (*epoch, error) {
	if e := t.epochs[id]; e != nil {
		return e, nil
	}
	e := new(epoch)
	err := t.QueryRowContext(ctx, `SELECT closed, expiry FROM epochs WHERE lease = ? AND epoch = ?`, id.Lease[:], int64(id.Epoch)).
		Scan(&e.closed, &e.expiry)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	e.known = err == nil
	t.epochs[id] = e
	return e, nil
}

// nonce is the bitmap that a ticket's nonce is in, or ErrNonceUsed where it is marked.
func (t *tx) nonce(ctx context.Context, ticket *payments.Ticket) (*bitmap, error) {
	of := lane{ticket.Sender, ticket.Lane}
	floor, err := t.floor(ctx, of)
	if err != nil {
		return nil, err
	}
	if floor != nil && ticket.Nonce <= *floor {
		return nil, payments.ErrNonceUsed
	}
	at := block{of, ticket.Nonce / nonceBits}
	b := t.blocks[at]
	if b == nil {
		b = new(bitmap)
		err := t.QueryRowContext(ctx, `SELECT bits, expiry FROM nonces WHERE sender = ? AND lane = ? AND block = ?`,
			at.sender[:], int64(at.id), int64(at.number)).Scan(&b.bits, &b.expiry)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			b.bits = make([]byte, nonceBits/8)
		case err != nil:
			return nil, err
		case len(b.bits) != nonceBits/8:
			return nil, errors.New("a stored nonce bitmap has a wrong size: the store is damaged")
		}
		t.blocks[at] = b
	}
	if bit := ticket.Nonce % nonceBits; b.bits[bit/8]&(1<<(bit%8)) != 0 {
		return nil, payments.ErrNonceUsed
	}
	return b, nil
}

// use marks a ticket's nonce.
func (b *bitmap) use(ticket *payments.Ticket) {
	bit := ticket.Nonce % nonceBits
	b.bits[bit/8] |= 1 << (bit % 8)
	b.expiry = max(b.expiry, int64(ticket.Expiry))
	b.changed = true
}

// floor is the nonce up to which all of a lane count as used, or nil.
func (t *tx) floor(ctx context.Context, of lane) (*uint64, error) {
	if floor, known := t.floors[of]; known {
		return floor, nil
	}
	var nonce int64
	var floor *uint64
	switch err := t.QueryRowContext(ctx, `SELECT nonce FROM floors WHERE sender = ? AND lane = ?`, of.sender[:], int64(of.id)).Scan(&nonce); {
	case err == nil:
		floor = new(uint64(nonce))
	case !errors.Is(err, sql.ErrNoRows):
		return nil, err
	}
	t.floors[of] = floor
	return floor, nil
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

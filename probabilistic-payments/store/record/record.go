// Package record encodes what stores of the money's state keep: fields in order, big-endian, of fixed size. There is
// nothing to parse, so there is nothing to go wrong.
package record

import (
	"encoding/binary"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	payments "castnet/probabilistic-payments"
)

// Sizes of the records, in bytes.
const (
	KeySize    = 32 + 8 + 4
	EpochSize  = 32 + 8
	TicketSize = 4*32 + 2*20 + 4*8 + 65
	ChargeSize = KeySize + 32 + 20 + 8 + 8 + 32 + termsSize + 8
	WinnerSize = TicketSize + 32 + 32 + 8 + 8
	SenderSize = 4 * 32
	termsSize  = 8 + 32 + 32 + 8
)

// writer appends fields.
type writer struct{ b []byte }

func (w *writer) bytes(p []byte) { w.b = append(w.b, p...) }
func (w *writer) u64(v uint64)   { w.b = binary.BigEndian.AppendUint64(w.b, v) }
func (w *writer) u32(v uint32)   { w.b = binary.BigEndian.AppendUint32(w.b, v) }
func (w *writer) wei(v *uint256.Int) {
	b := v.Bytes32()
	w.bytes(b[:])
}

func (w *writer) key(k *payments.PaymentKey) {
	w.bytes(k.Lease[:])
	w.u64(k.Seq)
	w.u32(k.Attempt)
}

// reader takes fields off; the record's length has been checked.
type reader struct{ b []byte }

func (r *reader) take(n int) []byte {
	p := r.b[:n]
	r.b = r.b[n:]
	return p
}
func (r *reader) hash() common.Hash    { return common.Hash(r.take(32)) }
func (r *reader) addr() common.Address { return common.Address(r.take(20)) }
func (r *reader) u64() uint64          { return binary.BigEndian.Uint64(r.take(8)) }
func (r *reader) u32() uint32          { return binary.BigEndian.Uint32(r.take(4)) }
func (r *reader) wei() (v uint256.Int) {
	v.SetBytes32(r.take(32))
	return v
}

func (r *reader) key() (k payments.PaymentKey) {
	k.Lease = r.hash()
	k.Seq = r.u64()
	k.Attempt = r.u32()
	return k
}

func sized(what string, b []byte, size int) (reader, error) {
	if len(b) != size {
		return reader{}, fmt.Errorf("stored %s has %d bytes, not %d: the store is damaged", what, len(b), size)
	}
	return reader{b}, nil
}

// Key encodes lease, sequence and attempt.
func Key(k *payments.PaymentKey) []byte {
	w := writer{make([]byte, 0, KeySize)}
	w.key(k)
	return w.b
}

// ParseKey decodes a Key.
func ParseKey(b []byte) (k payments.PaymentKey, err error) {
	r, err := sized("key", b, KeySize)
	if err != nil {
		return k, err
	}
	return r.key(), nil
}

// Epoch encodes the name of a rand epoch.
func Epoch(id payments.EpochID) []byte {
	w := writer{make([]byte, 0, EpochSize)}
	w.bytes(id.Lease[:])
	w.u64(id.Epoch)
	return w.b
}

// ParseEpoch decodes an Epoch.
func ParseEpoch(b []byte) (id payments.EpochID, err error) {
	r, err := sized("epoch", b, EpochSize)
	if err != nil {
		return id, err
	}
	return payments.EpochID{Lease: r.hash(), Epoch: r.u64()}, nil
}

// Ticket encodes a signed ticket.
func Ticket(t *payments.SignedTicket) []byte {
	w := writer{make([]byte, 0, WinnerSize)}
	w.bytes(t.ReceiptHash[:])
	w.bytes(t.Sender[:])
	w.bytes(t.Recipient[:])
	w.wei(&t.Fee)
	w.wei(&t.FaceValue)
	w.bytes(t.RandHash[:])
	w.u64(t.Lane)
	w.u64(t.Nonce)
	w.u64(t.Round)
	w.u64(t.Expiry)
	w.bytes(t.Signature[:])
	return w.b
}

// ParseTicket decodes a Ticket.
func ParseTicket(b []byte) (t payments.SignedTicket, err error) {
	r, err := sized("ticket", b, TicketSize)
	if err != nil {
		return t, err
	}
	return r.ticket(), nil
}

func (r *reader) ticket() (t payments.SignedTicket) {
	t.ReceiptHash = r.hash()
	t.Sender = r.addr()
	t.Recipient = r.addr()
	t.Fee = r.wei()
	t.FaceValue = r.wei()
	t.RandHash = r.hash()
	t.Lane = r.u64()
	t.Nonce = r.u64()
	t.Round = r.u64()
	t.Expiry = r.u64()
	t.Signature = [65]byte(r.take(65))
	return t
}

// Charge encodes a charge. The Redis store's functions know where in it the fee is.
func Charge(c *payments.Charge) []byte {
	w := writer{make([]byte, 0, ChargeSize)}
	w.key(&c.PaymentKey)
	w.bytes(c.Receipt[:])
	w.bytes(c.Sender[:])
	w.u64(c.Lane)
	w.u64(c.Round)
	w.wei(&c.Fee)
	w.u64(c.Terms.Epoch)
	w.bytes(c.Terms.RandHash[:])
	w.wei(&c.Terms.FaceValue)
	w.u64(c.Terms.Expiry)
	w.u64(uint64(c.Deadline))
	return w.b
}

// ParseCharge decodes a Charge.
func ParseCharge(b []byte) (c payments.Charge, err error) {
	r, err := sized("charge", b, ChargeSize)
	if err != nil {
		return c, err
	}
	c.PaymentKey = r.key()
	c.Receipt = r.hash()
	c.Sender = r.addr()
	c.Lane = r.u64()
	c.Round = r.u64()
	c.Fee = r.wei()
	c.Terms.Epoch = r.u64()
	c.Terms.RandHash = r.hash()
	c.Terms.FaceValue = r.wei()
	c.Terms.Expiry = r.u64()
	c.Deadline = int64(r.u64())
	return c, nil
}

// Winner encodes a winner.
func Winner(win *payments.Winner) []byte {
	w := writer{Ticket(&win.SignedTicket)}
	w.bytes(win.Rand[:])
	w.bytes(win.Lease[:])
	w.u64(win.Seq)
	w.u64(win.Epoch)
	return w.b
}

// ParseWinner decodes a Winner.
func ParseWinner(b []byte) (win payments.Winner, err error) {
	r, err := sized("winner", b, WinnerSize)
	if err != nil {
		return win, err
	}
	win.SignedTicket = r.ticket()
	win.Rand = r.hash()
	win.Lease = r.hash()
	win.Seq = r.u64()
	win.Epoch = r.u64()
	return win, nil
}

// ParseSender decodes a sender's books: paid, owed, written off, pending.
func ParseSender(b []byte) (s payments.SenderRecord, err error) {
	r, err := sized("books of a sender", b, SenderSize)
	if err != nil {
		return s, err
	}
	return payments.SenderRecord{Paid: r.wei(), Owed: r.wei(), WrittenOff: r.wei(), Pending: r.wei()}, nil
}

// Amount encodes wei.
func Amount(v *uint256.Int) []byte {
	b := v.Bytes32()
	return b[:]
}

// ParseAmount decodes an Amount.
func ParseAmount(b []byte) (v uint256.Int, err error) {
	r, err := sized("amount", b, 32)
	if err != nil {
		return v, err
	}
	return r.wei(), nil
}

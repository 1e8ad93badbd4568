package store

import (
	"encoding/binary"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	payments "castnet/probabilistic-payments"
)

// Records are stored as their fields in order, big-endian, of fixed size: nothing to parse, nothing to go wrong.

// writer appends fields.
type writer struct{ b []byte }

func (w *writer) bytes(p []byte) { w.b = append(w.b, p...) }
func (w *writer) u64(v uint64)   { w.b = binary.BigEndian.AppendUint64(w.b, v) }
func (w *writer) u32(v uint32)   { w.b = binary.BigEndian.AppendUint32(w.b, v) }
func (w *writer) wei(v *uint256.Int) {
	b := v.Bytes32()
	w.bytes(b[:])
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

const (
	ticketSize = 4*32 + 2*20 + 4*8 + 65
	chargeSize = 32 + 8 + 4 + 32 + 20 + 8 + 8 + 32 + termsSize + 8
	termsSize  = 8 + 32 + 32 + 8
	winnerSize = ticketSize + 32 + 32 + 8 + 8
)

func sized(what string, b []byte, size int) (reader, error) {
	if len(b) != size {
		return reader{}, fmt.Errorf("stored %s has %d bytes, not %d: the store is damaged", what, len(b), size)
	}
	return reader{b}, nil
}

func encodeTicket(t *payments.SignedTicket) []byte {
	w := writer{make([]byte, 0, winnerSize)}
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

func decodeTicket(b []byte) (t payments.SignedTicket, err error) {
	r, err := sized("ticket", b, ticketSize)
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

func encodeCharge(c *payments.Charge) []byte {
	w := writer{make([]byte, 0, chargeSize)}
	w.bytes(c.Lease[:])
	w.u64(c.Seq)
	w.u32(c.Attempt)
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

func decodeCharge(b []byte) (c payments.Charge, err error) {
	r, err := sized("charge", b, chargeSize)
	if err != nil {
		return c, err
	}
	c.Lease = r.hash()
	c.Seq = r.u64()
	c.Attempt = r.u32()
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

func encodeWinner(win *payments.Winner) []byte {
	w := writer{encodeTicket(&win.SignedTicket)}
	w.bytes(win.Rand[:])
	w.bytes(win.Lease[:])
	w.u64(win.Seq)
	w.u64(win.Epoch)
	return w.b
}

func decodeWinner(b []byte) (win payments.Winner, err error) {
	r, err := sized("winner", b, winnerSize)
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

// amount encodes wei for a column.
func amount(v *uint256.Int) []byte {
	b := v.Bytes32()
	return b[:]
}

// parseAmount decodes a column of wei.
func parseAmount(b []byte) (v uint256.Int, err error) {
	r, err := sized("amount", b, 32)
	if err != nil {
		return v, err
	}
	return r.wei(), nil
}

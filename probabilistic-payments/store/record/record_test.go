package record_test

import (
	"bytes"
	"testing"

	"castnet/probabilistic-payments/store/record"
)

// FuzzRecords: whatever a store holds, it is read or refused; what was read is written as it was.
func FuzzRecords(f *testing.F) {
	for _, size := range []int{0, 1, record.KeySize, record.EpochSize, record.TicketSize, record.ChargeSize, record.WinnerSize, record.SenderSize, 32} {
		f.Add(bytes.Repeat([]byte{0xa5}, size))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		same := func(again []byte, err error) {
			t.Helper()
			if err == nil && !bytes.Equal(again, b) {
				t.Errorf("read %x, wrote %x", b, again)
			}
		}
		key, err := record.ParseKey(b)
		same(record.Key(&key), err)
		epoch, err := record.ParseEpoch(b)
		same(record.Epoch(epoch), err)
		ticket, err := record.ParseTicket(b)
		same(record.Ticket(&ticket), err)
		charge, err := record.ParseCharge(b)
		same(record.Charge(&charge), err)
		winner, err := record.ParseWinner(b)
		same(record.Winner(&winner), err)
		amount, err := record.ParseAmount(b)
		same(record.Amount(&amount), err)
		books, err := record.ParseSender(b)
		if err == nil {
			same(bytes.Join([][]byte{
				record.Amount(&books.Paid), record.Amount(&books.Owed), record.Amount(&books.WrittenOff), record.Amount(&books.Pending),
			}, nil), nil)
		}
	})
}

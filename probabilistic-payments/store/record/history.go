package record

import (
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	payments "castnet/probabilistic-payments"
)

// What is stored, as the events that it was. Times are not kept.

// SentEvent is what a sender's ticket was.
func SentEvent(lease common.Hash, seq uint64, t *payments.SignedTicket) payments.Event {
	return payments.Event{
		Kind: payments.EventSent, Lease: lease, Receipt: t.ReceiptHash,
		Sender: t.Sender, Recipient: t.Recipient, Seq: seq, Fee: t.Fee,
	}
}

// TellCharge tells what a charge was, and what became of it.
func TellCharge(c *payments.ChargeRecord, observer payments.Observer) {
	e := payments.Event{Kind: payments.EventBilled, Lease: c.Lease, Receipt: c.Receipt, Sender: c.Sender, Seq: c.Seq, Fee: c.Fee}
	observer.Observe(e)
	switch c.State {
	case payments.ChargePaid:
		e.Kind, e.Recipient, e.Won = payments.EventReceived, c.Ticket.Recipient, c.Won
		if c.Won {
			e.Amount = c.Ticket.Payout()
		}
		observer.Observe(e)
	case payments.ChargeWrittenOff:
		e.Kind = payments.EventWrittenOff
		observer.Observe(e)
	case payments.ChargeOpen: // nothing has become of it yet
	}
}

// WinnerEvent is what became of a winner. One that was only tried (StatusOpen) tells its gas.
func WinnerEvent(w *payments.Winner, o *payments.Outcome) payments.Event {
	pays := w.Payout()
	e := payments.Event{
		Kind: payments.EventLost, Lease: w.Lease, Receipt: w.ReceiptHash, Sender: w.Sender, Recipient: w.Recipient,
		Seq: w.Seq, Fee: w.Fee, Won: true, Amount: pays, Gas: o.Gas, Tx: o.Tx, Reason: o.Reason,
	}
	switch o.Status {
	case payments.StatusPaid:
		e.Kind, e.Amount = payments.EventRedeemed, o.Paid
		e.Short.Sub(&pays, &o.Paid)
	case payments.StatusLost:
	default:
		e.Kind, e.Amount = payments.EventTried, uint256.Int{}
	}
	return e
}

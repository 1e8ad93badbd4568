package ledger

import (
	"github.com/holiman/uint256"

	payments "castnet/probabilistic-payments"
)

// Work is what was made and verified (by a broadcaster) or made and billed (by an orchestrator).
type Work struct {
	Segments uint64 `json:"segments"`
	// Pixels of renditions, of sources (prefix pictures included), and Bytes of renditions.
	Pixels       uint64 `json:"pixels"`
	SourcePixels uint64 `json:"source_pixels"`
	Bytes        uint64 `json:"bytes"`
}

// Totals is what happened so far, amounts in wei.
//
// A sender sees tickets sent, a recipient the rest. Always: Billed = Received + WrittenOff + Unpaid.
type Totals struct {
	Work
	// Sent and Received are fees: what tickets are worth on average, and exactly what receipts cost.
	TicketsSent     uint64      `json:"tickets_sent"`
	Sent            uint256.Int `json:"sent_wei"`
	Receipts        uint64      `json:"receipts"`
	Billed          uint256.Int `json:"billed_wei"`
	TicketsReceived uint64      `json:"tickets_received"`
	Received        uint256.Int `json:"received_wei"`
	// WrittenOff is the fees of receipts that were not paid in time, Unpaid of those that may still be.
	WrittenOff uint256.Int `json:"written_off_wei"`
	Unpaid     uint256.Int `json:"unpaid_wei"`
	// Won is what winners pay, Redeemed what the chain paid for them, Lost what it never will, Gas what redeeming cost. Where
	// the chain paid a winner in part, the rest is lost.
	TicketsWon      uint64      `json:"tickets_won"`
	TicketsRedeemed uint64      `json:"tickets_redeemed"`
	TicketsLost     uint64      `json:"tickets_lost"`
	Won             uint256.Int `json:"won_wei"`
	Redeemed        uint256.Int `json:"redeemed_wei"`
	Lost            uint256.Int `json:"lost_wei"`
	Gas             uint256.Int `json:"gas_wei"`
}

// Pending is what winners pay that are neither redeemed nor lost.
func (t *Totals) Pending() uint256.Int {
	return left(&t.Won, &t.Redeemed, &t.Lost)
}

// left is what remains of total without some of its parts, at least zero.
func left(total *uint256.Int, parts ...*uint256.Int) uint256.Int {
	rest := *total
	for _, p := range parts {
		if rest.Lt(p) {
			return uint256.Int{}
		}
		rest.Sub(&rest, p)
	}
	return rest
}

// apply adds an event.
func (t *Totals) apply(e *payments.Event) {
	switch e.Kind {
	case payments.EventSent:
		t.TicketsSent++
		t.Sent.Add(&t.Sent, &e.Fee)
	case payments.EventBilled:
		t.Receipts++
		t.Billed.Add(&t.Billed, &e.Fee)
	case payments.EventReceived:
		t.TicketsReceived++
		t.Received.Add(&t.Received, &e.Fee)
		if e.Won {
			t.TicketsWon++
			t.Won.Add(&t.Won, &e.Amount)
		}
	case payments.EventWrittenOff:
		t.WrittenOff.Add(&t.WrittenOff, &e.Fee)
	case payments.EventRedeemed:
		t.TicketsRedeemed++
		t.Redeemed.Add(&t.Redeemed, &e.Amount)
		t.Lost.Add(&t.Lost, &e.Short)
	case payments.EventLost:
		t.TicketsLost++
		t.Lost.Add(&t.Lost, &e.Amount)
	case payments.EventTried: // only its gas counts
	}
	t.Gas.Add(&t.Gas, &e.Gas)
	t.balance()
}

// balance makes Unpaid what the others leave.
func (t *Totals) balance() { t.Unpaid = left(&t.Billed, &t.Received, &t.WrittenOff) }

// Add is t += o, field by field.
func (t *Totals) Add(o *Totals) {
	counts, others := t.counts(), o.counts()
	for i := range counts {
		*counts[i] += *others[i]
	}
	amounts, more := t.amounts(), o.amounts()
	for i := range amounts {
		amounts[i].Add(amounts[i], more[i])
	}
	t.balance()
}

// atLeast raises every field to o's. All of them only ever grow, so of two views of one lease the larger is the newer.
func (t *Totals) atLeast(o *Totals) {
	counts, others := t.counts(), o.counts()
	for i := range counts {
		*counts[i] = max(*counts[i], *others[i])
	}
	amounts, more := t.amounts(), o.amounts()
	for i := range amounts {
		if amounts[i].Lt(more[i]) {
			*amounts[i] = *more[i]
		}
	}
	t.balance()
}

func (t *Totals) counts() [10]*uint64 {
	return [...]*uint64{
		&t.Segments, &t.Pixels, &t.SourcePixels, &t.Bytes,
		&t.TicketsSent, &t.Receipts, &t.TicketsReceived, &t.TicketsWon, &t.TicketsRedeemed, &t.TicketsLost,
	}
}

// amounts are all but Unpaid, which follows.
func (t *Totals) amounts() [8]*uint256.Int {
	return [...]*uint256.Int{&t.Sent, &t.Billed, &t.Received, &t.WrittenOff, &t.Won, &t.Redeemed, &t.Lost, &t.Gas}
}

package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	payments "castnet/probabilistic-payments"
)

// History tells all that is stored as the events that it was, so that a ledger can be made anew after a restart. Times
// are not kept; a winner's events come after its ticket's.
func (s *SQLite) History(ctx context.Context, observer payments.Observer) error {
	for _, part := range []struct {
		query string
		tell  func(*sql.Rows) error
	}{
		{`SELECT lease, seq, ticket FROM tickets`, func(r *sql.Rows) error { return tellSent(r, observer) }},
		{`SELECT state, won, charge, ticket FROM charges`, func(r *sql.Rows) error { return tellCharge(r, observer) }},
		{`SELECT state, winner, paid, tx, reason, gas FROM winners WHERE state >= 2 OR gas IS NOT NULL`, func(r *sql.Rows) error { return tellWinner(r, observer) }},
	} {
		if err := each(ctx, s.read, part.tell, part.query); err != nil {
			return fmt.Errorf("payments history: %w", err)
		}
	}
	return nil
}

func tellSent(rows *sql.Rows, observer payments.Observer) error {
	var lease, encoded []byte
	var seq int64
	if err := rows.Scan(&lease, &seq, &encoded); err != nil {
		return err
	}
	t, err := decodeTicket(encoded)
	if err != nil {
		return err
	}
	observer.Observe(payments.Event{
		Kind: payments.EventSent, Lease: common.BytesToHash(lease), Receipt: t.ReceiptHash,
		Sender: t.Sender, Recipient: t.Recipient, Seq: uint64(seq), Fee: t.Fee,
	})
	return nil
}

func tellCharge(rows *sql.Rows, observer payments.Observer) error {
	var state payments.ChargeState
	var won bool
	var encoded, ticket []byte
	if err := rows.Scan(&state, &won, &encoded, &ticket); err != nil {
		return err
	}
	c, err := decodeCharge(encoded)
	if err != nil {
		return err
	}
	e := payments.Event{Kind: payments.EventBilled, Lease: c.Lease, Receipt: c.Receipt, Sender: c.Sender, Seq: c.Seq, Fee: c.Fee}
	observer.Observe(e)
	switch state {
	case payments.ChargePaid:
		t, err := decodeTicket(ticket)
		if err != nil {
			return err
		}
		e.Kind, e.Recipient, e.Won = payments.EventReceived, t.Recipient, won
		if won {
			e.Amount = t.Payout()
		}
		observer.Observe(e)
	case payments.ChargeWrittenOff:
		e.Kind = payments.EventWrittenOff
		observer.Observe(e)
	case payments.ChargeOpen: // nothing has become of it yet
	}
	return nil
}

func tellWinner(rows *sql.Rows, observer payments.Observer) error {
	var state int
	var encoded, paid, tx, gas []byte
	var reason string
	if err := rows.Scan(&state, &encoded, &paid, &tx, &reason, &gas); err != nil {
		return err
	}
	w, err := decodeWinner(encoded)
	if err != nil {
		return err
	}
	e := payments.Event{
		Kind: payments.EventLost, Lease: w.Lease, Receipt: w.ReceiptHash, Sender: w.Sender, Recipient: w.Recipient,
		Seq: w.Seq, Fee: w.Fee, Won: true, Amount: w.Payout(), Tx: common.BytesToHash(tx), Reason: reason,
	}
	if e.Gas, err = costs(gas, new(uint256.Int)); err != nil {
		return err
	}
	switch state {
	case winnerPaid:
		e.Kind = payments.EventRedeemed
		if e.Amount, err = parseAmount(paid); err != nil {
			return err
		}
		pays := w.Payout()
		e.Short.Sub(&pays, &e.Amount)
	case winnerLost:
	default: // it waits, and has cost gas
		e.Kind, e.Amount = payments.EventTried, uint256.Int{}
	}
	observer.Observe(e)
	return nil
}

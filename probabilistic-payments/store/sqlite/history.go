package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	payments "castnet/probabilistic-payments"
	"castnet/probabilistic-payments/store/record"
)

// History tells all that is stored as the events that it was, so that a ledger can be made anew after a restart. Times
// are not kept; a winner's events come after its ticket's.
func (s *Store) History(ctx context.Context, observer payments.Observer) error {
	for _, part := range []struct {
		query string
		tell  func(*sql.Rows) error
	}{
		{`SELECT lease, seq, ticket FROM tickets`, func(r *sql.Rows) error { return tellSent(r, observer) }},
		{`SELECT state, won, charge, ticket FROM charges`, func(r *sql.Rows) error { return tellCharge(r, observer) }},
		{
			`SELECT state, winner, paid, tx, reason, gas FROM winners WHERE state >= 2 OR gas IS NOT NULL`,
			func(r *sql.Rows) error { return tellWinner(r, observer) },
		},
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
	t, err := record.ParseTicket(encoded)
	if err != nil {
		return err
	}
	observer.Observe(record.SentEvent(common.BytesToHash(lease), uint64(seq), &t))
	return nil
}

func tellCharge(rows *sql.Rows, observer payments.Observer) error {
	c, err := scanCharge(rows)
	if err != nil {
		return err
	}
	record.TellCharge(&c, observer)
	return nil
}

func tellWinner(rows *sql.Rows, observer payments.Observer) error {
	var state int
	var encoded, paid, tx, gas []byte
	var reason string
	if err := rows.Scan(&state, &encoded, &paid, &tx, &reason, &gas); err != nil {
		return err
	}
	w, err := record.ParseWinner(encoded)
	if err != nil {
		return err
	}
	o := payments.Outcome{Tx: common.BytesToHash(tx), Reason: reason}
	if o.Gas, err = costs(gas, new(uint256.Int)); err != nil {
		return err
	}
	switch state {
	case winnerPaid:
		o.Status = payments.StatusPaid
		if o.Paid, err = record.ParseAmount(paid); err != nil {
			return err
		}
	case winnerLost:
		o.Status = payments.StatusLost
	}
	observer.Observe(record.WinnerEvent(&w, &o))
	return nil
}

package redis

import (
	"context"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"

	payments "castnet/probabilistic-payments"
	"castnet/probabilistic-payments/store/record"
)

// each calls f for every field of a hash. Fields that come or go meanwhile may be missed.
func (s *Store) each(ctx context.Context, key string, f func(field, value string) error) error {
	fields, err := s.cfg.Client.HKeys(ctx, key).Result()
	if err != nil {
		return fmt.Errorf("%w: %w", payments.ErrUnavailable, err)
	}
	for part := range chunks(fields) {
		values, err := s.cfg.Client.HMGet(ctx, key, part...).Result()
		if err != nil {
			return fmt.Errorf("%w: %w", payments.ErrUnavailable, err)
		}
		for i, v := range values {
			value, ok := v.(string)
			if !ok {
				continue
			}
			if err := f(part[i], value); err != nil {
				return err
			}
		}
	}
	return nil
}

// History tells all that is stored as the events that it was, so that a ledger can be made anew after a restart. Times
// are not kept; a winner's events come after its ticket's.
func (s *Store) History(ctx context.Context, observer payments.Observer) error {
	return errors.Join(
		s.each(ctx, s.key("tickets"), func(field, value string) error {
			key, err := record.ParseKey([]byte(field))
			if err != nil {
				return err
			}
			t, err := record.ParseTicket([]byte(value))
			if err == nil {
				observer.Observe(record.SentEvent(key.Lease, key.Seq, &t))
			}
			return err
		}),
		s.each(ctx, s.key("charges"), func(_, value string) error {
			c, err := parseCharge([]byte(value))
			if err == nil {
				record.TellCharge(&c, observer)
			}
			return err
		}),
		s.each(ctx, s.key("winners"), func(_, value string) error {
			w, o, err := parseWinner([]byte(value))
			if err == nil && (o.Status != payments.StatusOpen || !o.Gas.IsZero()) {
				observer.Observe(record.WinnerEvent(&w, &o))
			}
			return err
		}),
	)
}

// winnerHead is the size of what is stored before a winner: state, gas, paid, tx.
const winnerHead = 1 + 3*32

// parseWinner decodes a winner, and what became of it.
func parseWinner(b []byte) (w payments.Winner, o payments.Outcome, err error) {
	if len(b) < winnerHead+record.WinnerSize {
		return w, o, fmt.Errorf("stored winner has %d bytes: the store is damaged", len(b))
	}
	switch b[0] {
	case 2:
		o.Status = payments.StatusPaid
	case 3:
		o.Status = payments.StatusLost
	}
	if o.Gas, err = record.ParseAmount(b[1:33]); err != nil {
		return w, o, err
	}
	if o.Paid, err = record.ParseAmount(b[33:65]); err != nil {
		return w, o, err
	}
	o.Tx = common.Hash(b[65:97])
	end := winnerHead + record.WinnerSize
	o.Reason = string(b[end:])
	w, err = record.ParseWinner(b[winnerHead:end])
	return w, o, err
}

package redis

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	goredis "github.com/redis/go-redis/v9"

	payments "castnet/probabilistic-payments"
	"castnet/probabilistic-payments/store/record"
)

const (
	nonceBits = 1024    // nonces in one bitmap
	latest    = 1 << 53 // scores are doubles: later times count as this one
)

// text takes what a function returned as bytes.
func text(v any, err error) (string, error) {
	if err != nil {
		return "", err
	}
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("redis gave a %T, not a string", v)
	}
	return s, nil
}

func list(v any, err error) ([]any, error) {
	if err != nil {
		return nil, err
	}
	l, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("redis gave a %T, not a list", v)
	}
	return l, nil
}

// TakeLane implements payments.SenderStore. Names of lanes are drawn by chance: one that Redis has forgotten is not
// given again.
func (s *Store) TakeLane(ctx context.Context, holder string) (lane payments.Lane, err error) {
	var fresh [8]byte
	if _, err := rand.Read(fresh[:]); err != nil {
		return lane, err
	}
	answer, err := list(s.do(ctx, "lane", holder, binary.BigEndian.Uint64(fresh[:])))
	if err != nil {
		return lane, err
	}
	if len(answer) != 2 {
		return lane, fmt.Errorf("redis gave %d values for a lane", len(answer))
	}
	for i, to := range []*uint64{&lane.ID, &lane.Term} {
		if *to, err = strconv.ParseUint(fmt.Sprint(answer[i]), 10, 64); err != nil {
			return lane, fmt.Errorf("lane of %q: %w", holder, err)
		}
	}
	return lane, nil
}

// ReserveNonces implements payments.SenderStore.
func (s *Store) ReserveNonces(ctx context.Context, lane payments.Lane, n uint64) (first uint64, err error) {
	s.mu.Lock()
	known := s.lanes[lane.ID]
	s.mu.Unlock()
	answer, err := text(s.do(ctx, "reserve", lane.ID, lane.Term, n, known))
	if err != nil {
		return 0, err
	}
	if first, err = strconv.ParseUint(answer, 10, 64); err != nil {
		return 0, fmt.Errorf("nonces of lane %d: %w", lane.ID, err)
	}
	s.mu.Lock()
	s.lanes[lane.ID] = max(s.lanes[lane.ID], first+n)
	s.mu.Unlock()
	return first, nil
}

// SaveTicket implements payments.SenderStore.
func (s *Store) SaveTicket(ctx context.Context, key payments.PaymentKey, t *payments.SignedTicket) (payments.SignedTicket, error) {
	stored, err := text(s.do(ctx, "save", record.Key(&key), record.Ticket(t), min(t.Expiry, latest)))
	if err != nil {
		return payments.SignedTicket{}, err
	}
	return record.ParseTicket([]byte(stored))
}

// found translates what a read gives.
func found(b []byte, err error) ([]byte, error) {
	switch {
	case errors.Is(err, goredis.Nil):
		return nil, payments.ErrNotFound
	case err != nil:
		return nil, fmt.Errorf("%w: %w", payments.ErrUnavailable, err)
	}
	return b, nil
}

// Ticket implements payments.SenderStore.
func (s *Store) Ticket(ctx context.Context, key payments.PaymentKey) (payments.SignedTicket, error) {
	b, err := found(s.cfg.Client.HGet(ctx, s.key("tickets"), string(record.Key(&key))).Bytes())
	if err != nil {
		return payments.SignedTicket{}, err
	}
	return record.ParseTicket(b)
}

// Outstanding implements payments.SenderStore.
func (s *Store) Outstanding(ctx context.Context, after uint64) (map[uint64]uint256.Int, error) {
	from := "(" + strconv.FormatUint(min(after, latest), 10)
	keys, err := s.cfg.Client.ZRangeByScore(ctx, s.key("due"), &goredis.ZRangeBy{Min: from, Max: "+inf"}).Result()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", payments.ErrUnavailable, err)
	}
	sums := make(map[uint64]uint256.Int)
	for part := range chunks(keys) {
		values, err := s.cfg.Client.HMGet(ctx, s.key("tickets"), part...).Result()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", payments.ErrUnavailable, err)
		}
		for _, v := range values {
			encoded, ok := v.(string)
			if !ok {
				continue // pruned since
			}
			t, err := record.ParseTicket([]byte(encoded))
			if err != nil {
				return nil, err
			}
			sum := sums[t.Expiry/60]
			sum.Add(&sum, &t.Fee)
			sums[t.Expiry/60] = sum
		}
	}
	return sums, nil
}

// chunks cuts a list, so that no command keeps Redis busy for long.
func chunks(list []string) func(yield func([]string) bool) {
	return func(yield func([]string) bool) {
		for len(list) > 0 {
			n := min(len(list), 1000)
			if !yield(list[:n]) {
				return
			}
			list = list[n:]
		}
	}
}

// Secret implements payments.RecipientStore.
func (s *Store) Secret(ctx context.Context) (secret [32]byte, err error) {
	fresh := make([]byte, 32)
	if _, err := rand.Read(fresh); err != nil {
		return secret, err
	}
	stored, err := text(s.do(ctx, "secret", fresh))
	if err != nil {
		return secret, err
	}
	if copy(secret[:], stored) != 32 || len(stored) != 32 {
		return secret, errors.New("the stored secret is not 32 bytes: the store is damaged")
	}
	s.leader <- struct{}{}
	s.secret = secret[:] // an emptied Redis gets it back
	<-s.leader
	return secret, nil
}

// AddCharge implements payments.RecipientStore.
func (s *Store) AddCharge(ctx context.Context, c *payments.Charge) error {
	id := payments.EpochID{Lease: c.Lease, Epoch: c.Terms.Epoch}
	_, err := s.doEpoch(ctx, id, "bill",
		c.Receipt[:], record.Key(&c.PaymentKey), record.Epoch(id), c.Sender[:], record.Charge(c), min(c.Terms.Expiry, latest))
	return err
}

// Charge implements payments.RecipientStore.
func (s *Store) Charge(ctx context.Context, receipt common.Hash) (payments.ChargeRecord, error) {
	b, err := found(s.cfg.Client.HGet(ctx, s.key("charges"), string(receipt[:])).Bytes())
	if err != nil {
		return payments.ChargeRecord{}, err
	}
	return parseCharge(b)
}

// parseCharge decodes state, won, charge and ticket.
func parseCharge(b []byte) (r payments.ChargeRecord, err error) {
	if len(b) < 2+record.ChargeSize {
		return r, fmt.Errorf("stored charge has %d bytes: the store is damaged", len(b))
	}
	r.State, r.Won = payments.ChargeState(b[0]), b[1] == 1
	if r.Charge, err = record.ParseCharge(b[2 : 2+record.ChargeSize]); err != nil {
		return r, err
	}
	if r.State == payments.ChargePaid {
		r.Ticket, err = record.ParseTicket(b[2+record.ChargeSize:])
	}
	return r, err
}

// Accept implements payments.RecipientStore.
func (s *Store) Accept(ctx context.Context, t *payments.SignedTicket, winner *payments.Winner) error {
	lane := binary.BigEndian.AppendUint64(append(make([]byte, 0, 28), t.Sender[:]...), t.Lane)
	block := binary.BigEndian.AppendUint64(nil, t.Nonce/nonceBits)
	var encoded, pays []byte
	if winner != nil {
		payout := winner.Payout()
		encoded, pays = record.Winner(winner), record.Amount(&payout)
	}
	_, err := s.do(ctx, "accept",
		t.ReceiptHash[:], record.Ticket(t), lane, block, t.Nonce%nonceBits, min(t.Expiry, latest), encoded, pays)
	return err
}

// OpenEpochs implements payments.RecipientStore. Those of processes that have been silent for 15 s become this one's.
func (s *Store) OpenEpochs(ctx context.Context) (map[payments.EpochID][]payments.Charge, error) {
	entries, err := list(s.do(ctx, "open"))
	if err != nil {
		return nil, err
	}
	open := make(map[payments.EpochID][]payments.Charge, len(entries))
	for _, entry := range entries {
		fields, err := list(entry, nil)
		if err != nil || len(fields) == 0 {
			return nil, errors.Join(err, errors.New("an epoch without a name"))
		}
		var id payments.EpochID
		for i, v := range fields {
			b, err := text(v, nil)
			if err != nil {
				return nil, err
			}
			if i == 0 {
				if id, err = record.ParseEpoch([]byte(b)); err != nil {
					return nil, err
				}
				open[id] = nil
				continue
			}
			c, err := record.ParseCharge([]byte(b))
			if err != nil {
				return nil, err
			}
			open[id] = append(open[id], c)
		}
	}
	return open, nil
}

// CloseEpoch implements payments.RecipientStore.
func (s *Store) CloseEpoch(ctx context.Context, id payments.EpochID) ([]payments.Charge, error) {
	entries, err := list(s.doEpoch(ctx, id, "close", record.Epoch(id)))
	if err != nil {
		return nil, err
	}
	var written []payments.Charge
	for _, v := range entries {
		b, err := text(v, nil)
		if err != nil {
			return nil, err
		}
		c, err := record.ParseCharge([]byte(b))
		if err != nil {
			return nil, err
		}
		written = append(written, c)
	}
	return written, nil
}

// Sender implements payments.RecipientStore.
func (s *Store) Sender(ctx context.Context, sender common.Address) (payments.SenderRecord, error) {
	b, err := found(s.cfg.Client.HGet(ctx, s.key("senders"), string(sender[:])).Bytes())
	if errors.Is(err, payments.ErrNotFound) {
		return payments.SenderRecord{}, nil
	}
	if err != nil {
		return payments.SenderRecord{}, err
	}
	return record.ParseSender(b)
}

// Redeemable implements payments.RedeemerStore. Of several processes one redeems: whoever asked first, until it has not
// asked for a minute, or its store has been silent for 10 s: Run says every 3 s that the process lives.
func (s *Store) Redeemable(ctx context.Context, limit int) (winners []payments.Winner, err error) {
	entries, err := list(s.do(ctx, "redeem", limit))
	if err != nil {
		return nil, err
	}
	for _, v := range entries {
		b, err := text(v, nil)
		if err != nil {
			return nil, err
		}
		w, err := record.ParseWinner([]byte(b))
		if err != nil {
			return nil, err
		}
		winners = append(winners, w)
	}
	return winners, nil
}

// Resolve implements payments.RedeemerStore.
func (s *Store) Resolve(ctx context.Context, receipt common.Hash, o payments.Outcome) error {
	b, err := found(s.cfg.Client.HGet(ctx, s.key("winners"), string(receipt[:])).Bytes())
	if err != nil {
		return err
	}
	w, _, err := parseWinner(b)
	if err != nil {
		return err
	}
	status := map[payments.OutcomeStatus]string{payments.StatusPaid: "paid", payments.StatusLost: "lost"}[o.Status]
	if status == "" {
		status = "open"
	}
	pays := w.Payout()
	_, err = s.do(ctx, "resolve",
		receipt[:], status, record.Amount(&o.Gas), record.Amount(&o.Paid), o.Tx[:], o.Reason, w.Sender[:], record.Amount(&pays),
		min(w.Expiry, latest))
	return err
}

// Queue implements payments.RedeemerStore.
func (s *Store) Queue(ctx context.Context, before uint64) (nearExpiry, ready int, err error) {
	pipe := s.cfg.Client.Pipeline()
	near := pipe.ZCount(ctx, s.key("expiring"), "-inf", "("+strconv.FormatUint(min(before, latest), 10))
	all := pipe.ZCard(ctx, s.key("expiring"))
	if _, err := pipe.Exec(ctx); err != nil {
		return 0, 0, fmt.Errorf("%w: %w", payments.ErrUnavailable, err)
	}
	return int(near.Val()), int(all.Val()), nil
}

// Prune forgets what is settled and has expired before a time, at most limit of each kind, and returns how many it was.
// Of a lane's nonces it keeps the highest: all up to it stay used.
func (s *Store) Prune(ctx context.Context, before time.Time, limit int) (int, error) {
	v, err := s.do(ctx, "prune",
		before.Unix(), limit)
	if err != nil {
		return 0, err
	}
	n, ok := v.(int64)
	if !ok {
		return 0, fmt.Errorf("redis gave a %T, not a number", v)
	}
	return int(n), nil
}

package store_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"

	payments "castnet/probabilistic-payments"
	"castnet/probabilistic-payments/store"
	"castnet/test/redisserver"
)

// fleet is processes of one orchestrator that share a Redis, and a broadcaster that has a file.
type fleet struct {
	t      *testing.T
	server *redisserver.Server
	sender store.Store
	chain  *faultChain
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{t: t, server: redisserver.Start(t), chain: &faultChain{filepath.Join(t.TempDir(), "chain"), func(string) {}}}
	f.sender = open(t, store.Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "sender.db")})
	return f
}

// process starts one, with a lease that it serves.
func (f *fleet) process(holder string) (s *sides, lease payments.LeaseTerms) {
	f.t.Helper()
	shared := open(f.t, store.Config{URL: f.server.URL, Name: "fleet", Holder: holder, Log: slog.New(slog.DiscardHandler)})
	quiet := func(string) {}
	s, err := newSides(f.t.Context(), [2]*faulty{{f.sender, quiet}, {shared, quiet}}, f.chain, io.Discard)
	must(f.t, err)
	lease = payments.LeaseTerms{
		Lease: crypto.Keccak256Hash([]byte(holder)), Sender: s.sender.Account(), Lane: s.sender.Lane(), Round: 1,
		MaxFaceValue: *uint256.NewInt(3 * faultFee), MaxUnpaid: *uint256.NewInt(4 * faultFee),
	}
	must(f.t, s.recipient.OpenLease(f.t.Context(), lease))
	return s, lease
}

// bill has a segment billed, and returns the charge as the sender sees it.
func (s *sides) bill(ctx context.Context, lease common.Hash, seq uint64) (*payments.Charge, error) {
	c := &payments.Charge{PaymentKey: payments.PaymentKey{Lease: lease, Seq: seq, Attempt: 1}, Fee: *uint256.NewInt(faultFee)}
	err := s.recipient.Bill(ctx, payments.Bill{PaymentKey: c.PaymentKey, Fee: c.Fee}, func(terms payments.Terms) (common.Hash, error) {
		c.Terms = terms
		c.Receipt = crypto.Keccak256Hash(lease[:], []byte{byte(seq)}, terms.RandHash[:])
		return c.Receipt, nil
	})
	return c, err
}

func (s *sides) ask() payments.Ask {
	return payments.Ask{Sender: s.sender.Account(), Round: 1, LargestFee: *uint256.NewInt(faultFee)}
}

// TestRedisGoneMidway: new money is refused with the reason, the running lease goes on within its limit, and all is well
// by itself once Redis is back.
func TestRedisGoneMidway(t *testing.T) {
	ctx := t.Context()
	f := newFleet(t)
	s, lease := f.process("a")
	first, err := s.bill(ctx, lease.Lease, 0)
	must(t, err)

	f.server.Kill()
	if _, err := s.recipient.Quote(ctx, s.ask()); !errors.Is(err, payments.ErrUnavailable) {
		t.Errorf("a quote without Redis: %v", err)
	}
	billed := make(chan error, 1)
	var second *payments.Charge
	go func() {
		var err error
		second, err = s.bill(ctx, lease.Lease, 1)
		billed <- err
	}()
	must(t, s.recipient.Meter(lease.Lease, *uint256.NewInt(2 * faultFee)))
	if err := s.recipient.Meter(lease.Lease, *uint256.NewInt(4 * faultFee)); !payments.IsRefusal(err, payments.CodeDebt) {
		t.Errorf("work above the limit while Redis is away: %v", err)
	}
	select {
	case err := <-billed:
		t.Fatalf("billed without a store (%v)", err)
	default:
	}

	f.server.Restart()
	must(t, <-billed)
	must(t, s.pay(ctx, first))
	must(t, s.pay(ctx, second))
	must(t, payments.Patiently(ctx, func() error {
		_, err := s.recipient.Quote(ctx, s.ask())
		return err
	}))
	s.recipient.CloseLease(lease.Lease)
	must(t, s.redeem(ctx))
	if owed := s.recipient.Owed(s.sender.Account()); !owed.IsZero() {
		t.Errorf("%s wei are owed in the end", owed.Dec())
	}
}

// TestRedisEmptiedMidway: what was open is lost, within the limit; the lease goes on under an epoch that was never used.
func TestRedisEmptiedMidway(t *testing.T) {
	ctx := t.Context()
	f := newFleet(t)
	s, lease := f.process("a")
	lost, err := s.bill(ctx, lease.Lease, 0)
	must(t, err)
	outside := f.server.Client()
	defer func() { must(t, outside.Close()) }()
	must(t, outside.FlushAll(ctx).Err())

	next, err := s.bill(ctx, lease.Lease, 1)
	must(t, err)
	if next.Terms.Epoch == lost.Terms.Epoch || next.Terms.RandHash == lost.Terms.RandHash {
		t.Error("an epoch of before goes on")
	}
	must(t, s.pay(ctx, next))
	if err := s.pay(ctx, lost); !payments.IsRefusal(err, payments.CodeLate) {
		t.Errorf("a receipt that Redis has lost was paid: %v", err)
	}
	s.recipient.CloseLease(lease.Lease)
	must(t, s.redeem(ctx))
	if owed := s.recipient.Owed(s.sender.Account()); !owed.IsZero() {
		t.Errorf("%s wei are owed in the end", owed.Dec())
	}
	_, err = store.Check(ctx, s.stores[1].Store)
	must(t, err)
}

// TestProcessOfAFleetDies: another one takes over its receipts and its winners.
func TestProcessOfAFleetDies(t *testing.T) {
	ctx := t.Context()
	f := newFleet(t)
	dead, lease := f.process("dead")
	living, own := f.process("living")
	var open []*payments.Charge
	for seq := range uint64(3) {
		c, err := dead.bill(ctx, lease.Lease, seq)
		must(t, err)
		open = append(open, c)
	}
	// What one process is owed counts at the other. A stranger has one second chance.
	_, err := living.recipient.Quote(ctx, living.ask())
	must(t, err)
	if _, err := living.recipient.Quote(ctx, living.ask()); !payments.IsRefusal(err, payments.CodeDebt) {
		t.Errorf("a stranger with three unpaid segments elsewhere gets a quote: %v", err)
	}
	must(t, living.recipient.TakeOver(ctx))
	if err := living.pay(ctx, open[0]); err == nil {
		t.Error("a payment for a lease of another process that lives was taken")
	}
	outside := f.server.Client()
	defer func() { must(t, outside.Close()) }()
	must(t, outside.HSet(ctx, "{castnet:fleet}:alive", "dead", 1).Err()) // last heard of in 1970
	must(t, living.recipient.TakeOver(ctx))
	for _, c := range open {
		must(t, living.pay(ctx, c))
	}
	living.recipient.CloseLease(own.Lease)
	must(t, living.redeem(ctx))
	report, err := store.Check(ctx, living.stores[1].Store)
	must(t, err)
	if report.Open != 0 || report.Waiting != 0 || report.Charges != 3 {
		t.Errorf("left over: %+v", report)
	}
}

package store_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	payments "castnet/probabilistic-payments"
	"castnet/probabilistic-payments/ledger"
	"castnet/probabilistic-payments/store"
	"castnet/probabilistic-payments/store/storetest"
	"castnet/test/redisserver"
)

// each runs a test over a store of each kind. place gives a configuration for a new and empty one.
func each(t *testing.T, test func(t *testing.T, place func(name string) store.Config)) {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	t.Run("sqlite", func(t *testing.T) {
		dir := t.TempDir()
		test(t, func(name string) store.Config {
			return store.Config{URL: "sqlite:" + filepath.Join(dir, name), Log: log}
		})
	})
	t.Run("redis", func(t *testing.T) {
		server := redisserver.Start(t)
		test(t, func(name string) store.Config {
			return store.Config{URL: server.URL, Name: name, Holder: "one", Log: log}
		})
	})
}

func open(t *testing.T, cfg store.Config) store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func epoch(n uint64) payments.EpochID {
	return payments.EpochID{Lease: storetest.NewCharge(0, 0).Lease, Epoch: n}
}

// fill leaves something of everything: segments 0 to n−1 are sent, billed and, but for the last, paid; every third wins.
// Those below n−2 are in epoch 0, which is closed; winner 0 is redeemed.
func fill(t *testing.T, s store.Store, n uint64) {
	t.Helper()
	ctx := t.Context()
	lane, err := s.TakeLane(ctx, "filler")
	must(t, err)
	_, err = s.ReserveNonces(ctx, lane, n)
	must(t, err)
	_, err = s.Secret(ctx)
	must(t, err)
	for seq := range n {
		number := uint64(0)
		if seq >= n-2 {
			number = 1
		}
		c := storetest.NewCharge(seq, number)
		ticket := storetest.NewTicket(c, seq)
		_, err := s.SaveTicket(ctx, c.PaymentKey, ticket)
		must(t, err)
		must(t, s.AddCharge(ctx, c))
		if seq == n-1 {
			continue
		}
		var winner *payments.Winner
		if seq%3 == 0 {
			winner = &payments.Winner{SignedTicket: *ticket, Lease: c.Lease, Seq: seq, Epoch: number}
		}
		must(t, s.Accept(ctx, ticket, winner))
	}
	_, err = s.CloseEpoch(ctx, epoch(0))
	must(t, err)
	must(t, s.Resolve(ctx, storetest.NewCharge(0, 0).Receipt, payments.Outcome{Status: payments.StatusPaid, Paid: storetest.Wei(4000), Gas: storetest.Wei(3)}))
}

func TestHistoryIsTheSameInEveryStore(t *testing.T) {
	var all []ledger.Totals
	each(t, func(t *testing.T, place func(string) store.Config) {
		t.Helper()
		s := open(t, place("a"))
		fill(t, s, 20)
		l := ledger.New()
		must(t, s.History(t.Context(), l))
		all = append(all, l.All())
	})
	if len(all) != 2 || all[0] != all[1] || all[0].TicketsWon != 7 || all[0].Gas != storetest.Wei(3) {
		t.Errorf("ledgers differ, or are wrong: %+v", all)
	}
}

func TestBackupRestoreCheck(t *testing.T) {
	each(t, func(t *testing.T, place func(string) store.Config) {
		t.Helper()
		ctx := t.Context()
		s := open(t, place("a"))
		const n = 20
		fill(t, s, n)
		before, err := store.Check(ctx, s)
		must(t, err)
		file := filepath.Join(t.TempDir(), "backup")
		must(t, s.Backup(ctx, file))
		if err := s.Backup(ctx, file); err == nil {
			t.Error("a backup was overwritten")
		}
		// What comes after the backup is not in it.
		later := storetest.NewCharge(100, 1)
		must(t, s.AddCharge(ctx, later))

		must(t, store.Restore(ctx, place("b"), file))
		if err := store.Restore(ctx, place("b"), file); err == nil {
			t.Error("a store was overwritten")
		}
		restored := open(t, place("b"))
		if _, err := restored.OpenEpochs(ctx); err != nil { // closes those of a time that is over
			t.Fatal(err)
		}
		after, err := store.Check(ctx, restored)
		must(t, err)
		if before.Open != 1 || after.Open != 0 || !after.Owed.IsZero() {
			t.Errorf("%d open charges before, %d after; their rand may be known by now", before.Open, after.Open)
		}
		if after.Winners != before.Winners || after.Pending != before.Pending || after.Tickets != n {
			t.Errorf("restored %+v, backed up %+v", after, before)
		}
		if winners, err := restored.Redeemable(ctx, 100); err != nil || len(winners) != before.Waiting {
			t.Errorf("%d winners can be redeemed, want %d (%v)", len(winners), before.Waiting, err)
		}
		books, err := restored.Sender(ctx, later.Sender)
		must(t, err)
		if !books.WrittenOff.IsZero() {
			t.Errorf("%s wei are blamed on the sender", books.WrittenOff.Dec())
		}
		secret, err := s.Secret(ctx)
		must(t, err)
		if again, err := restored.Secret(ctx); err != nil || again != secret {
			t.Errorf("another secret: winners of before have no rand (%v)", err)
		}
		old, err := s.TakeLane(ctx, "filler")
		must(t, err)
		lane, err := restored.TakeLane(ctx, "filler")
		must(t, err)
		if lane.ID == old.ID {
			t.Error("a lane is used again of which it is not known how far it was used")
		}
		if err := restored.AddCharge(ctx, storetest.NewCharge(200, 1)); !errors.Is(err, payments.ErrEpochClosed) {
			t.Errorf("an epoch of before goes on: %v", err)
		}
	})
}

func TestDamagedBackupIsNotRestored(t *testing.T) {
	each(t, func(t *testing.T, place func(string) store.Config) {
		t.Helper()
		s := open(t, place("a"))
		fill(t, s, 20)
		file := filepath.Join(t.TempDir(), "backup")
		must(t, s.Backup(t.Context(), file))
		whole, err := os.ReadFile(file)
		must(t, err)
		must(t, os.WriteFile(file, whole[:len(whole)/2], 0o600))
		if err := store.Restore(t.Context(), place("b"), file); err == nil {
			t.Error("half a backup was restored")
		}
	})
}

func TestCheckFindsWhatDoesNotBalance(t *testing.T) {
	each(t, func(t *testing.T, place func(string) store.Config) {
		t.Helper()
		s := open(t, place("a"))
		fill(t, s, 20)
		report, err := store.Check(t.Context(), cooked{s})
		if err == nil || !strings.Contains(err.Error(), "books") {
			t.Errorf("books that are a wei off were found in order: %+v, %v", report, err)
		}
	})
}

// cooked is a store whose books are a wei off.
type cooked struct{ store.Store }

func (c cooked) Sender(ctx context.Context, sender common.Address) (payments.SenderRecord, error) {
	r, err := c.Store.Sender(ctx, sender)
	r.Pending.AddUint64(&r.Pending, 1)
	return r, err
}

func TestPrune(t *testing.T) {
	each(t, func(t *testing.T, place func(string) store.Config) {
		t.Helper()
		ctx := t.Context()
		s := open(t, place("a"))
		const n = 30
		fill(t, s, n) // segment i expires at 60,000 + 60·i
		books, err := s.Sender(ctx, storetest.NewCharge(0, 0).Sender)
		must(t, err)
		at := func(seq int64) time.Time { return time.Unix(60_000+60*seq, 0) }

		if removed, err := s.Prune(ctx, at(0), 1000); err != nil || removed != 0 {
			t.Errorf("%d forgotten that have not expired (%v)", removed, err)
		}
		if removed, err := s.Prune(ctx, at(10), 3); err != nil || removed > 4*3 || removed == 0 {
			t.Errorf("%d forgotten, the limit is 3 of each kind (%v)", removed, err)
		}
		for range 10 {
			_, err := s.Prune(ctx, at(10), 3)
			must(t, err)
		}
		for seq := range uint64(n) {
			c := storetest.NewCharge(seq, 0)
			_, ticket := s.Ticket(ctx, c.PaymentKey)
			_, charge := s.Charge(ctx, c.Receipt)
			waits := seq%3 == 0 && seq != 0
			if gone := seq < 10; gone != errors.Is(ticket, payments.ErrNotFound) || (gone && !waits) != errors.Is(charge, payments.ErrNotFound) {
				t.Errorf("segment %d: ticket %v, charge %v", seq, ticket, charge)
			}
		}
		// Once all is settled and expired, nothing is left but the books and the highest nonce.
		must(t, s.Resolve(ctx, storetest.NewCharge(3, 0).Receipt, payments.Outcome{Status: payments.StatusLost}))
		_, err = s.CloseEpoch(ctx, epoch(1))
		must(t, err)
		winners, err := s.Redeemable(ctx, 100)
		must(t, err)
		for i := range winners {
			must(t, s.Resolve(ctx, winners[i].ReceiptHash, payments.Outcome{Status: payments.StatusPaid, Paid: storetest.Wei(5000)}))
		}
		_, err = s.Prune(ctx, at(1000), 1000)
		must(t, err)
		if removed, err := s.Prune(ctx, at(1000), 1000); err != nil || removed != 0 {
			t.Errorf("%d were left over (%v)", removed, err)
		}
		report, err := store.Check(ctx, s)
		must(t, err)
		if report != (store.Report{}) {
			t.Errorf("left: %+v", report)
		}
		after, err := s.Sender(ctx, storetest.NewCharge(0, 0).Sender)
		must(t, err)
		if after.Paid != books.Paid || !after.Pending.IsZero() {
			t.Errorf("the sender's books changed from %+v to %+v", books, after)
		}
		for nonce, want := range map[uint64]error{0: payments.ErrNonceUsed, n - 2: payments.ErrNonceUsed, n - 1: nil, 5000: nil} {
			c := storetest.NewCharge(1000+nonce, 7)
			must(t, s.AddCharge(ctx, c))
			if err := s.Accept(ctx, storetest.NewTicket(c, nonce), nil); !errors.Is(err, want) {
				t.Errorf("nonce %d after pruning: %v, want %v", nonce, err, want)
			}
		}
	})
}

// TestPrunedStoreStaysSmall: a store that is used and pruned does not grow.
func TestPrunedStoreStaysSmall(t *testing.T) {
	each(t, func(t *testing.T, place func(string) store.Config) {
		t.Helper()
		ctx := t.Context()
		s := open(t, place("a"))
		seq := uint64(0)
		for round := range uint64(8) {
			for range 20 {
				c := storetest.NewCharge(seq, round)
				ticket := storetest.NewTicket(c, seq)
				_, err := s.SaveTicket(ctx, c.PaymentKey, ticket)
				must(t, errors.Join(err, s.AddCharge(ctx, c), s.Accept(ctx, ticket, nil)))
				seq++
			}
			_, err := s.CloseEpoch(ctx, epoch(round))
			must(t, err)
			_, err = s.Prune(ctx, time.Unix(60_000+60*int64(seq), 0), 1000)
			must(t, err)
			report, err := store.Check(ctx, s)
			must(t, err)
			if report.Charges > 20 || report.Tickets > 20 {
				t.Fatalf("round %d: %d charges and %d tickets are kept", round, report.Charges, report.Tickets)
			}
		}
	})
}

func TestUnknownURLIsExplained(t *testing.T) {
	_, err := store.Open(t.Context(), store.Config{URL: "mysql://here", Log: slog.Default()})
	if err == nil || !strings.Contains(fmt.Sprint(err), "redis://") {
		t.Errorf("%v", err)
	}
}

package sqlite_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	payments "castnet/probabilistic-payments"
	"castnet/probabilistic-payments/ledger"
	"castnet/probabilistic-payments/store/sqlite"
	"castnet/probabilistic-payments/store/storetest"
)

func openAt(tb testing.TB, path string) *sqlite.Store {
	tb.Helper()
	s, err := sqlite.Open(tb.Context(), path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func TestSQLite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) (storetest.Store, func() storetest.Store) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "a dir with #", "money.db")
		return openAt(t, path), func() storetest.Store { return openAt(t, path) }
	})
}

func TestNewerSchemaIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "money.db")
	openAt(t, path)
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec("PRAGMA user_version = 99")
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), "newer") {
		t.Errorf("a newer store was opened: %v", err)
	}
}

// TestOneBadChangeDoesNotHurtOthers: a change that fails in the middle of a batch fails alone.
func TestOneBadChangeDoesNotHurtOthers(t *testing.T) {
	ctx := t.Context()
	s := openAt(t, filepath.Join(t.TempDir(), "money.db"))
	huge := storetest.NewCharge(0, 0)
	huge.Fee.SetAllOne()
	if err := s.AddCharge(ctx, huge); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range uint64(40) {
		wg.Go(func() {
			c := storetest.NewCharge(i+1, 0)
			if i%4 == 0 { // the sender's books overflow 256 bits: after rows were written
				if err := s.AddCharge(ctx, c); err == nil {
					t.Error("the books wrapped")
				}
				return
			}
			c.Sender[5] = byte(i) + 1
			if err := s.AddCharge(ctx, c); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i := range uint64(40) {
		_, err := s.Charge(ctx, storetest.NewCharge(i+1, 0).Receipt)
		if i%4 == 0 && !errors.Is(err, payments.ErrNotFound) || i%4 != 0 && err != nil {
			t.Errorf("charge %d: %v", i+1, err)
		}
	}
}

func TestHistoryMakesTheLedgerAnew(t *testing.T) {
	ctx := t.Context()
	s := openAt(t, filepath.Join(t.TempDir(), "money.db"))
	live := ledger.New()
	for seq := range uint64(6) {
		c := storetest.NewCharge(seq, 0)
		ticket := storetest.NewTicket(c, seq)
		e := payments.Event{Lease: c.Lease, Receipt: c.Receipt, Fee: c.Fee}
		tell := func(kind payments.EventKind) { e.Kind = kind; live.Observe(e) }
		if _, err := s.SaveTicket(ctx, c.PaymentKey, ticket); err != nil {
			t.Fatal(err)
		}
		tell(payments.EventSent)
		if err := s.AddCharge(ctx, c); err != nil {
			t.Fatal(err)
		}
		tell(payments.EventBilled)
		if seq == 5 {
			continue
		}
		var winner *payments.Winner
		if seq%2 == 0 {
			winner = &payments.Winner{SignedTicket: *ticket, Lease: c.Lease, Epoch: 0, Seq: seq}
			e.Won, e.Amount = true, winner.Payout()
		}
		if err := s.Accept(ctx, ticket, winner); err != nil {
			t.Fatal(err)
		}
		tell(payments.EventReceived)
	}
	written, err := s.CloseEpoch(ctx, payments.EpochID{Lease: storetest.NewCharge(0, 0).Lease})
	if err != nil {
		t.Fatal(err)
	}
	live.Observe(payments.Event{Kind: payments.EventWrittenOff, Lease: written[0].Lease, Fee: written[0].Fee})
	for seq, o := range map[uint64]payments.Outcome{
		0: {Status: payments.StatusPaid, Paid: storetest.Wei(5000)}, 2: {Status: payments.StatusLost},
	} {
		c := storetest.NewCharge(seq, 0)
		if err := s.Resolve(ctx, c.Receipt, o); err != nil {
			t.Fatal(err)
		}
		kind := map[payments.OutcomeStatus]payments.EventKind{payments.StatusPaid: payments.EventRedeemed, payments.StatusLost: payments.EventLost}[o.Status]
		live.Observe(payments.Event{Kind: kind, Lease: c.Lease, Amount: storetest.Wei(5000)})
	}
	anew := ledger.New()
	if err := s.History(ctx, anew); err != nil {
		t.Fatal(err)
	}
	if live.All() != anew.All() {
		t.Errorf("the ledger made anew:\n%+v\nthe live one:\n%+v", anew.All(), live.All())
	}
	all := anew.All()
	if pending := all.Pending(); all.TicketsWon != 3 || pending != storetest.Wei(5000) {
		t.Errorf("%d won, %s pending", all.TicketsWon, pending.Dec())
	}
}

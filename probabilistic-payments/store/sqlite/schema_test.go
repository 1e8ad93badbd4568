package sqlite_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	payments "castnet/probabilistic-payments"
	"castnet/probabilistic-payments/store/storetest"
)

// TestVersion1Opens: a file that the first version wrote is brought up to date, and goes on where it was.
func TestVersion1Opens(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "money.db")
	old, err := os.ReadFile("testdata/version1.sql")
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(ctx, string(old))
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}

	s := openAt(t, path)
	for seq := range uint64(4) {
		c := storetest.NewCharge(seq, seq/3)
		if ticket, err := s.Ticket(ctx, c.PaymentKey); err != nil || ticket != *storetest.NewTicket(c, seq) {
			t.Errorf("ticket %d: %v", seq, err)
		}
		if stored, err := s.Charge(ctx, c.Receipt); err != nil || stored.Charge != *c {
			t.Errorf("charge %d: %v", seq, err)
		}
	}
	lane, err := s.TakeLane(ctx, "broadcaster")
	if err != nil || lane != (payments.Lane{ID: 1, Term: 2}) {
		t.Errorf("lane %+v %v", lane, err)
	}
	if first, err := s.ReserveNonces(ctx, lane, 1); err != nil || first != 1024 {
		t.Errorf("nonces go on at %d: %v", first, err)
	}
	winners, err := s.Redeemable(ctx, 10)
	if err != nil || len(winners) != 1 || winners[0].Seq != 1 {
		t.Fatalf("winners %v %v", winners, err)
	}
	if err := s.Resolve(ctx, winners[0].ReceiptHash, payments.Outcome{Status: payments.StatusPaid, Gas: storetest.Wei(1)}); err != nil {
		t.Error(err)
	}
	last := storetest.NewCharge(3, 1)
	if err := s.Accept(ctx, storetest.NewTicket(last, 3), nil); err != nil {
		t.Error(err)
	}
	if n, err := s.Prune(ctx, time.Now(), 100); err != nil || n != 4 { // sent tickets have their expiry; the rest was dated anew
		t.Errorf("%d forgotten: %v", n, err)
	}
	if _, err := s.CloseEpoch(ctx, payments.EpochID{Lease: last.Lease, Epoch: 1}); err != nil {
		t.Error(err)
	}
	if n, err := s.Prune(ctx, time.Now().Add(49*time.Hour), 100); err != nil || n == 0 {
		t.Errorf("%d forgotten: %v", n, err)
	}
	if _, err := s.Charge(ctx, last.Receipt); !errors.Is(err, payments.ErrNotFound) {
		t.Errorf("old charges stay for ever: %v", err)
	}
	openAt(t, path) // a second time changes nothing
}

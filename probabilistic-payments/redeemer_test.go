package payments_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus"

	payments "castnet/probabilistic-payments"
)

// chain is a broker contract: it pays each nonce once, and checks what the real one checks.
type chain struct {
	mu      sync.Mutex
	paid    map[nonceKey]payments.Outcome
	short   map[common.Hash]bool // receipts that deposit and share can't pay now
	calls   int
	batches []int
	fail    func() error // called before and after a transaction takes effect
	total   uint256.Int
}

func newChain() *chain {
	return &chain{paid: map[nonceKey]payments.Outcome{}, short: map[common.Hash]bool{}, fail: func() error { return nil }}
}

func keyOf(t *payments.Ticket) nonceKey { return nonceKey{t.Sender, t.Lane, t.Nonce} }

func (c *chain) Redeemed(_ context.Context, tickets []payments.Ticket) ([]payments.Outcome, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	outcomes := make([]payments.Outcome, len(tickets))
	for i := range tickets {
		outcomes[i] = c.paid[keyOf(&tickets[i])]
	}
	return outcomes, nil
}

func (c *chain) Redeem(_ context.Context, winners []payments.Winner) ([]payments.Outcome, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	if err := c.fail(); err != nil { // the transaction was never sent
		return nil, err
	}
	c.batches = append(c.batches, len(winners))
	outcomes := make([]payments.Outcome, len(winners))
	for i := range winners {
		w := &winners[i]
		_, used := c.paid[keyOf(&w.Ticket)]
		switch {
		case used:
			outcomes[i].Reason = "used"
		case c.short[w.ReceiptHash]:
			outcomes[i].Reason = "deposit and share are too small"
		case !w.Wins(w.Rand):
			outcomes[i] = payments.Outcome{Status: payments.StatusLost, Reason: "lost the draw"}
		default:
			pays := w.Payout()
			c.total.Add(&c.total, &pays)
			outcomes[i] = payments.Outcome{Status: payments.StatusPaid, Paid: pays, Tx: common.Hash{byte(c.calls)}}
			c.paid[keyOf(&w.Ticket)] = outcomes[i]
		}
	}
	if err := c.fail(); err != nil { // it was mined, but nobody was told
		return nil, err
	}
	return outcomes, nil
}

// win fills the queue with n winners of a closed epoch.
func (m *market) win(n uint64) {
	m.t.Helper()
	for seq := range n {
		if !m.receive(m.pay(m.mustBill(m.lease, seq, m.lease.MaxFaceValue))).Won {
			m.t.Fatal("a certain ticket did not win")
		}
	}
	m.recipient.CloseLease(m.lease.Lease)
	m.recipient.CloseEpochs(m.t.Context())
}

func (m *market) newRedeemer(broker payments.Broker, batch int) *payments.Redeemer {
	m.t.Helper()
	r, err := payments.NewRedeemer(payments.RedeemerConfig{
		Store: m.receives, Broker: broker, Batch: batch, Observer: m.book,
		Now: m.world.Now, Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return r
}

func richMarket(tb testing.TB) *market {
	tb.Helper()
	m := newMarket(tb, nil)
	m.world.change(func(a *payments.Account) { a.Share = gwei(1e12) })
	return m
}

func TestWinnersAreRedeemedInBatches(t *testing.T) {
	m := richMarket(t)
	m.win(7)
	c := newChain()
	r := m.newRedeemer(c, 3)
	for range 4 {
		if _, err := r.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	all := m.book.All()
	if len(c.batches) != 3 || all.TicketsRedeemed != 7 || all.Redeemed != c.total || all.Redeemed != all.Won {
		t.Errorf("batches %v, ledger %+v, chain paid %s", c.batches, all, c.total.Dec())
	}
	record, err := m.receives.Sender(t.Context(), m.key.Address())
	if err != nil || !record.Pending.IsZero() {
		t.Errorf("pending %s (%v)", record.Pending.Dec(), err)
	}
}

var errKilled = errors.New("killed")

// TestEachWinnerIsRedeemedOnce, whether the process dies before its transaction is sent, or after it was mined and before
// it is recorded.
func TestEachWinnerIsRedeemedOnce(t *testing.T) {
	for at := range 6 { // the n-th fault point
		m := richMarket(t)
		m.win(4)
		c := newChain()
		point := 0
		c.fail = func() error {
			point++
			if point-1 == at {
				return errKilled
			}
			return nil
		}
		for range 6 { // each Step is a new process
			if _, err := m.newRedeemer(c, 3).Step(t.Context()); err != nil && !errors.Is(err, errKilled) {
				t.Fatal(err)
			}
		}
		all := m.book.All()
		if all.TicketsRedeemed != 4 || all.Redeemed != c.total || all.Won != c.total {
			t.Errorf("killed at %d: %d redeemed, ledger %s, chain %s", at, all.TicketsRedeemed, all.Redeemed.Dec(), c.total.Dec())
		}
	}
}

func TestOneThatIsShortDoesNotStopTheOthers(t *testing.T) {
	m := richMarket(t)
	m.win(3)
	c := newChain()
	winners, err := m.receives.Redeemable(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	c.short[winners[0].ReceiptHash] = true
	r := m.newRedeemer(c, 1)
	for i := range 3 {
		if _, err := r.Step(t.Context()); (err != nil) != (i == 0) {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	if n := m.book.All().TicketsRedeemed; n != 2 {
		t.Fatalf("%d redeemed, want 2", n)
	}
	c.short = nil
	if _, err := r.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := m.book.All().TicketsRedeemed; n != 3 {
		t.Errorf("%d redeemed once the deposit is filled, want 3", n)
	}
}

func TestExpiredWinnerIsLostWithItsReason(t *testing.T) {
	m := richMarket(t)
	m.win(2)
	c := newChain()
	winners, err := m.receives.Redeemable(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	c.short[winners[0].ReceiptHash] = true
	m.world.pass(13 * time.Hour)
	if _, err := m.newRedeemer(c, 5).Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := m.book.All()
	if all.TicketsLost != 2 || c.calls != 0 {
		t.Errorf("%d lost after %d transactions", all.TicketsLost, c.calls)
	}
	if pending := all.Pending(); !pending.IsZero() {
		t.Errorf("pending %s", pending.Dec())
	}
}

func TestRunBacksOffAndEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := richMarket(t)
		m.win(1)
		c := newChain()
		c.fail = func() error { return errKilled }
		r := m.newRedeemer(c, 5)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		<-time.After(10 * time.Minute)
		c.mu.Lock()
		calls := c.calls
		c.fail = func() error { return nil }
		c.mu.Unlock()
		if calls < 6 || calls > 12 { // 2, 4, 8, … 120, 120, 120 seconds
			t.Errorf("%d attempts in 10 minutes", calls)
		}
		<-time.After(2 * time.Minute)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n := m.book.All().TicketsRedeemed; n != 1 {
			t.Errorf("%d redeemed", n)
		}
	})
}

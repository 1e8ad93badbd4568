package payments_test

import (
	"context"
	"errors"
	"fmt"
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
	young   bool   // payments are in blocks that may yet be undone
	funds   uint64 // what a partial redemption finds, wei
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
		if c.young && outcomes[i].Status == payments.StatusPaid {
			outcomes[i] = payments.Outcome{Status: payments.StatusSettling}
		}
	}
	return outcomes, nil
}

// reorg undoes all payments.
func (c *chain) reorg() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.paid)
	c.total.Clear()
}

func (c *chain) RedeemPartly(_ context.Context, w *payments.Winner, least uint256.Int) (payments.Outcome, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if least.GtUint64(c.funds) {
		return payments.Outcome{Reason: "too little"}, nil
	}
	o := payments.Outcome{Paid: *uint256.NewInt(c.funds), Gas: gwei(1)} // open for the rest
	c.paid[keyOf(&w.Ticket)] = o
	c.total.Add(&c.total, &o.Paid)
	c.funds = 0
	return payments.Outcome{Status: payments.StatusSettling}, nil
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
		before, used := c.paid[keyOf(&w.Ticket)]
		switch {
		case used && before.Status == payments.StatusPaid:
			outcomes[i].Reason = "used"
		case c.short[w.ReceiptHash]:
			outcomes[i] = payments.Outcome{Status: payments.StatusShort, Reason: "deposit and share are too small"}
		case !w.Wins(w.Rand):
			outcomes[i] = payments.Outcome{Status: payments.StatusLost, Reason: "lost the draw"}
		default:
			pays := w.Payout()
			c.total.Add(&c.total, &pays)
			outcomes[i] = payments.Outcome{Status: payments.StatusPaid, Paid: pays, Gas: *uint256.NewInt(3), Tx: common.Hash{byte(c.calls)}}
			c.paid[keyOf(&w.Ticket)] = outcomes[i]
			if c.young {
				outcomes[i] = payments.Outcome{Status: payments.StatusSettling}
			}
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
	return m.tunedRedeemer(broker, func(c *payments.RedeemerConfig) { c.Batch = batch })
}

func (m *market) tunedRedeemer(broker payments.Broker, tune func(*payments.RedeemerConfig)) *payments.Redeemer {
	m.t.Helper()
	cfg := payments.RedeemerConfig{
		Store: m.receives, Broker: broker, Observer: m.book,
		Now: m.world.Now, Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	}
	tune(&cfg)
	r, err := payments.NewRedeemer(cfg)
	if err != nil {
		m.t.Fatal(err)
	}
	return r
}

func richMarket(tb testing.TB) *market {
	tb.Helper()
	m := newMarket(tb, nil)
	m.world.change(func(a *payments.Account) { a.Reserve, a.Share = gwei(1e12), gwei(1e12) })
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

func TestThreatExpiredTickets(t *testing.T) {
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

// TestThreatReorgUndoesARedemption: what a reorg undoes is found open and redeemed again; the ledger counts it once.
func TestThreatReorgUndoesARedemption(t *testing.T) {
	m := richMarket(t)
	m.win(3)
	c := newChain()
	c.young = true
	r := m.newRedeemer(c, 10)
	for range 3 {
		if n, err := r.Step(t.Context()); n != 0 || err != nil {
			t.Fatalf("%d resolved by blocks that may be undone, %v", n, err)
		}
	}
	if c.calls != 1 {
		t.Errorf("sent %d times while the first was settling", c.calls)
	}
	c.reorg()
	c.young = false
	if n, err := r.Step(t.Context()); n != 3 || err != nil {
		t.Fatalf("%d redeemed after the reorg, %v", n, err)
	}
	if all := m.book.All(); c.calls != 2 || all.TicketsRedeemed != 3 || all.Redeemed != c.total {
		t.Errorf("%d transactions, ledger %+v", c.calls, all)
	}
}

// TestThreatGasPriceSpike: winners wait while their gas costs too much of them, those that are close to their expiry go
// as soon as they pay more than they cost, and nothing is redeemed at a loss.
func TestThreatGasPriceSpike(t *testing.T) {
	m := richMarket(t)
	m.win(4) // 1,300,000 gwei each: 33 gwei a gas for the 39,000 of a winner
	c := newChain()
	r := m.tunedRedeemer(c, func(c *payments.RedeemerConfig) { c.Gas = m.world })
	step := func(price uint64, want int) {
		t.Helper()
		m.world.gasPrice = gwei(price)
		if n, err := r.Step(t.Context()); n != want || err != nil {
			t.Fatalf("at %d gwei a gas %d were resolved, want %d; %v", price, n, want, err)
		}
	}
	step(20, 0)
	m.world.pass(11*time.Hour + 30*time.Minute) // they live for 12
	step(40, 0)
	step(20, 4)
	if all := m.book.All(); all.TicketsRedeemed != 4 || all.Gas != *uint256.NewInt(12) {
		t.Errorf("ledger %+v", all)
	}
}

// TestPartialRedemptionNearExpiry: what the sender's funds cannot pay in full is taken for what there is before it
// expires, and the ledger knows the rest as lost.
func TestPartialRedemptionNearExpiry(t *testing.T) {
	m := richMarket(t)
	m.win(1)
	c := newChain()
	c.funds = 1000
	winners, err := m.receives.Redeemable(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	c.short[winners[0].ReceiptHash] = true
	r := m.newRedeemer(c, 1)
	if n, err := r.Step(t.Context()); n != 0 || err == nil {
		t.Fatalf("%d resolved long before its expiry, %v", n, err)
	}
	m.world.pass(11*time.Hour + 30*time.Minute)
	if n, err := r.Step(t.Context()); n != 0 || err != nil || c.funds != 0 {
		t.Fatalf("%d resolved, %d wei left to take, %v", n, c.funds, err)
	}
	if n, err := r.Step(t.Context()); n != 0 || err == nil {
		t.Fatalf("%d resolved while the rest is due, %v", n, err)
	}
	m.world.pass(time.Hour)
	if n, err := r.Step(t.Context()); n != 1 || err != nil {
		t.Fatalf("%d resolved after its expiry, %v", n, err)
	}
	all := m.book.All()
	if pending := all.Pending(); all.Redeemed != *uint256.NewInt(1000) || !pending.IsZero() || all.Gas != gwei(1) {
		t.Errorf("ledger %+v", all)
	}
}

// TestEpochsGoTogether: the winners of an epoch share a transaction, and a small epoch fills up what a large one leaves.
func TestEpochsGoTogether(t *testing.T) {
	m := richMarket(t)
	for n, size := range []uint64{3, 4, 1} {
		m.lease = m.open(uint64(10 + n))
		m.world.pass(time.Second) // the order of their expiry
		m.win(size)
	}
	c := newChain()
	r := m.newRedeemer(c, 5)
	for range 2 {
		if _, err := r.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if fmt.Sprint(c.batches) != "[4 4]" { // 3 + 1, then 4
		t.Errorf("batches %v", c.batches)
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

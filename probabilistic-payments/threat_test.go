package payments_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus"

	payments "castnet/probabilistic-payments"
)

// The threats of the ticket system, one test each; those that belong to one side are in its file.

// TestThreatWithdrawingWithTicketsOutstanding: once a sender has announced to withdraw it gets nothing more, from anybody;
// what it has promised is redeemed, since funds unlock more slowly than tickets expire.
func TestThreatWithdrawingWithTicketsOutstanding(t *testing.T) {
	m := richMarket(t)
	owed := m.mustBill(m.lease, 1, m.lease.MaxFaceValue)
	m.receive(m.pay(owed))
	m.world.change(func(a *payments.Account) { a.Unlocking = true })
	_, err := m.recipient.Quote(t.Context(), payments.Ask{Sender: m.key.Address(), Round: 3, LargestFee: gwei(1)})
	refused(t, err, payments.CodeUnlocking)
	l := m.lease
	l.Lease = common.Hash{9}
	refused(t, m.recipient.OpenLease(t.Context(), l), payments.CodeUnlocking)
	_, err = m.bill(t.Context(), m.lease, 2, gwei(1))
	refused(t, err, payments.CodeUnlocking)
	refused(t, m.sender.Check(t.Context(), recipient, 3, gwei(1)), payments.CodeUnlocking)
	m.recipient.CloseLease(m.lease.Lease)
	m.recipient.CloseEpochs(t.Context())
	if n, err := m.newRedeemer(newChain(), 5).Step(t.Context()); n != 1 || err != nil {
		t.Errorf("%d redeemed, %v", n, err)
	}
}

// TestThreatParallelQuotesOverpromiseTheReserve: a thousand quotes at once promise nothing; of the leases that are then
// opened at once, the face values fit into the share together.
func TestThreatParallelQuotesOverpromiseTheReserve(t *testing.T) {
	m := newMarket(t, nil)
	m.recipient.CloseLease(m.lease.Lease)
	const n = 1000
	var offers [n]payments.Offer
	each := func(f func(i int)) {
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() { f(i) })
		}
		wg.Wait()
	}
	each(func(i int) {
		var err error
		if offers[i], err = m.recipient.Quote(t.Context(), payments.Ask{Sender: m.key.Address(), Round: 3, LargestFee: gwei(10)}); err != nil {
			t.Error(err)
		}
	})
	var opened [n]bool
	each(func(i int) {
		l := m.lease
		l.Lease, l.MaxFaceValue = common.Hash{2, byte(i), byte(i >> 8)}, offers[i].MaxFaceValue
		err := m.recipient.OpenLease(t.Context(), l)
		opened[i] = err == nil
		if err != nil && !payments.IsRefusal(err, payments.CodeReserveShort) {
			t.Error(err)
		}
	})
	var promised uint256.Int
	leases := 0
	for i := range n {
		if opened[i] {
			promised.Add(&promised, &offers[i].MaxFaceValue)
			leases++
		}
	}
	if share := gwei(1e8); promised.Gt(&share) || leases < 70 {
		t.Errorf("%d leases promise %s of %s", leases, promised.Dec(), share.Dec())
	}
}

// TestThreatClockSkew: clocks that differ by minutes change nothing; a sender whose clock is beyond the ticket's life
// refuses, and names the clocks.
func TestThreatClockSkew(t *testing.T) {
	for skew, code := range map[time.Duration]string{
		0: "", 10 * time.Minute: "", -10 * time.Minute: "", 11 * time.Hour: "", -30 * time.Hour: "",
		13 * time.Hour: payments.CodeExpiry, -40 * time.Hour: payments.CodeExpiry,
	} {
		m := newMarket(t, nil) // tickets live for 12 h, senders sign up to 48 h ahead
		req := m.mustBill(m.lease, 1, gwei(10))
		s, err := payments.NewSender(t.Context(), payments.SenderConfig{
			Signer: m.key, Domain: domain, Store: m.sends, Accounts: m.world, Holder: "a",
			Now: func() time.Time { return start.Add(skew) }, Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
		})
		if err != nil {
			t.Fatal(err)
		}
		ticket, err := s.Pay(t.Context(), req)
		if code != "" {
			refused(t, err, code)
			continue
		}
		if err != nil {
			t.Fatalf("%v off: %v", skew, err)
		}
		m.receive(ticket)
	}
}

// TestThreatLyingNode: whatever a node says, nothing is redeemed twice, nothing is given up before it has expired, and no
// gas price makes face values collapse.
func TestThreatLyingNode(t *testing.T) {
	m := richMarket(t)
	m.win(2)
	c := newChain()
	lies := &liar{chain: c, says: func([]payments.Outcome) []payments.Outcome { return nil }}
	r := m.newRedeemer(lies, 5)
	if _, err := r.Step(t.Context()); err == nil {
		t.Error("a node that answers nothing was believed")
	}
	settled := payments.Outcome{Status: payments.StatusSettling}
	lies.says = func(o []payments.Outcome) []payments.Outcome { return []payments.Outcome{settled, settled}[:len(o)] }
	if n, _ := r.Step(t.Context()); n != 0 || c.calls != 0 {
		t.Errorf("resolved %d on the word of a node that says that they settle", n)
	}
	lies.says = func(o []payments.Outcome) []payments.Outcome { return make([]payments.Outcome, len(o)) } // nothing is ever paid
	for range 3 {
		_, _ = r.Step(t.Context())
	}
	if len(c.paid) != 2 {
		t.Fatalf("the contract has paid %d times", len(c.paid))
	}
	lies.says = nil // the truth
	if n, err := r.Step(t.Context()); n != 0 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if all := m.book.All(); all.TicketsRedeemed+all.TicketsLost != 2 || all.Redeemed != c.total {
		t.Errorf("ledger %+v, chain paid %s", all, c.total.Dec())
	}

	m.world.gasPrice = uint256.Int{}
	offer, err := m.recipient.Quote(t.Context(), payments.Ask{Sender: m.key.Address(), Round: 3, LargestFee: gwei(1)})
	if err != nil || offer.MaxFaceValue != gwei(65_000*20) {
		t.Errorf("at a gas price of 0: %s wei, %v", offer.MaxFaceValue.Dec(), err)
	}
	m.world.err = errors.New("no answer")
	if _, err := m.recipient.Quote(t.Context(), payments.Ask{Sender: m.key.Address(), Round: 3, LargestFee: gwei(1)}); err == nil {
		t.Error("quoted without a view of the reserve")
	}
}

// liar is a node that changes what the chain says of payments.
type liar struct {
	*chain
	says func([]payments.Outcome) []payments.Outcome
}

func (l *liar) Redeemed(ctx context.Context, tickets []payments.Ticket) ([]payments.Outcome, error) {
	outcomes, err := l.chain.Redeemed(ctx, tickets)
	if l.says != nil {
		outcomes = l.says(outcomes)
	}
	return outcomes, err
}

// TestThreatIntegerExtremes: amounts at the ends of 256 bits go through both sides, or are refused; none wraps.
func TestThreatIntegerExtremes(t *testing.T) {
	var most, half uint256.Int
	most.SetAllOne()
	half.Lsh(uint256.NewInt(1), 255)
	one, none := *uint256.NewInt(1), uint256.Int{}
	for _, c := range []struct {
		fee, face uint256.Int
		won       int // 1: certainly, 0: certainly not, -1: as it falls
	}{
		{none, half, 0},
		{none, none, 0},
		{one, half, -1},
		{half, half, 1},
		{one, most, -1},
		{most, most, 1},
		{*new(uint256.Int).SubUint64(&most, 1), most, -1},
		{most, one, 1},
	} {
		m := newMarket(t, nil)
		m.recipient.CloseLease(m.lease.Lease)
		m.world.change(func(a *payments.Account) { a.Deposit, a.Reserve, a.Share = none, most, most })
		l := m.lease
		l.Lease, l.MaxFaceValue, l.MaxUnpaid = common.Hash{7}, c.face, most
		if err := m.recipient.OpenLease(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		req := m.mustBill(l, 1, c.fee)
		result := m.receive(m.pay(req))
		if result.Credited != c.fee || c.won >= 0 && result.Won != (c.won == 1) {
			t.Errorf("fee %s of %s: %+v", c.fee.Dec(), c.face.Dec(), result)
		}
		if err := m.recipient.Meter(l.Lease, most); err != nil {
			t.Errorf("work of all there is, within a limit of all there is: %v", err)
		}
	}
}

// hotKeys are signers with the second at which they end.
type hotKeys map[common.Address]uint64

func (h hotKeys) SignerUntil(_ context.Context, _, signer common.Address) (uint64, error) {
	return h[signer], nil
}

// TestThreatRevokedSigner: a hot key's ticket is good only where the key stays authorised until the ticket expires.
func TestThreatRevokedSigner(t *testing.T) {
	hot, expiry := newKey(t), uint64(start.Add(12*time.Hour).Unix())
	for until, ok := range map[uint64]bool{0: false, expiry - 1: false, expiry: true, 1 << 60: true} {
		m := newMarket(t, func(c *payments.RecipientConfig) { c.Signers = hotKeys{hot.Address(): until} })
		req := m.mustBill(m.lease, 1, gwei(10))
		s, err := payments.NewSender(t.Context(), payments.SenderConfig{
			Signer: hot, Account: m.key.Address(), Domain: domain, Store: m.sends, Accounts: m.world, Holder: "a",
			Now: m.world.Now, Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
		})
		if err != nil {
			t.Fatal(err)
		}
		ticket, err := s.Pay(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		_, err = m.recipient.Receive(t.Context(), &ticket)
		if ok && err != nil {
			t.Errorf("until %d: %v", until, err)
		}
		if !ok {
			refused(t, err, payments.CodeSignature)
		}
	}
}

// TestWriteOffIsNoLockout: a sender whose receipts were written off gets a small second chance now and then, and paying
// wins the trust back.
func TestWriteOffIsNoLockout(t *testing.T) {
	m := newMarket(t, nil)
	fee := gwei(100)
	for seq := range uint64(8) {
		m.mustBill(m.lease, seq, fee)
	}
	m.recipient.CloseLease(m.lease.Lease)
	m.world.pass(time.Minute)
	m.recipient.CloseEpochs(t.Context())
	ask := payments.Ask{Sender: m.key.Address(), Round: 3, LargestFee: fee}
	offer, err := m.recipient.Quote(t.Context(), ask)
	if err != nil || offer.MaxUnpaid != gwei(200) {
		t.Fatalf("second chance: %s, %v", offer.MaxUnpaid.Dec(), err)
	}
	_, err = m.recipient.Quote(t.Context(), ask)
	refused(t, err, payments.CodeDebt)
	m.world.pass(time.Hour)
	if _, err = m.recipient.Quote(t.Context(), ask); err != nil {
		t.Fatal(err)
	}
	l := m.open(50)
	for seq := range uint64(80) {
		m.receive(m.pay(m.mustBill(l, seq, fee)))
	}
	if offer, err = m.recipient.Quote(t.Context(), ask); err != nil || offer.MaxUnpaid != gwei(800) {
		t.Errorf("after paying: %s, %v", offer.MaxUnpaid.Dec(), err)
	}
}

// TestFundsAreWatched: how long the deposit lasts follows the last hour's tickets, and a warning comes before it ends.
func TestFundsAreWatched(t *testing.T) {
	m := richMarket(t)
	m.world.change(func(a *payments.Account) { a.Deposit = gwei(1000) })
	funds := func() payments.Funds {
		t.Helper()
		f, err := m.sender.Funds(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	if f := funds(); f.Warning != "" || f.Lasts != 0 {
		t.Errorf("%+v", f)
	}
	for seq := range uint64(10) {
		m.pay(m.mustBill(m.lease, seq, gwei(10)))
	}
	if f := funds(); f.HourlyFees != gwei(100) || f.Lasts != 10*time.Hour || f.Warning == "" {
		t.Errorf("%+v", f)
	}
	m.world.pass(61 * time.Minute)
	if f := funds(); f.Warning != "" || f.Lasts != 0 {
		t.Errorf("an hour later %+v", f)
	}
	m.world.change(func(a *payments.Account) { a.Reserve = uint256.Int{} })
	if f := funds(); f.Warning == "" {
		t.Error("no reserve, no warning")
	}
}

// TestReserveParts: no ticket may take more of the reserve than the sender allows.
func TestReserveParts(t *testing.T) {
	m := newMarket(t, nil)
	s := m.newSender("b", payments.Limits{ReserveParts: 1}) // of a reserve of 10^9 gwei
	if err := s.Check(t.Context(), recipient, 3, gwei(1_000_000)); err != nil {
		t.Error(err)
	}
	refused(t, s.Check(t.Context(), recipient, 3, gwei(1_000_001)), payments.CodeFaceLimit)
}

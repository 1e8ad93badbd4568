package payments_test

import (
	"context"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"

	"castnet/internal/eip712"
	"castnet/internal/identity"
	payments "castnet/probabilistic-payments"
)

func TestTicketPaysItsReceipt(t *testing.T) {
	m := newMarket(t, nil)
	req := m.mustBill(m.lease, 1, gwei(10))
	if owed := m.recipient.Unpaid(m.lease.Lease); owed != gwei(10) {
		t.Errorf("owed %s after the bill", owed.Dec())
	}
	result := m.receive(m.pay(req))
	if result.Credited != gwei(10) || result.PaymentKey != req.PaymentKey || !result.Unpaid.IsZero() {
		t.Errorf("result %+v", result)
	}
	all := m.book.All()
	if all.Sent != all.Received || all.Billed != all.Received || !all.Unpaid.IsZero() {
		t.Errorf("ledger %+v", all)
	}
}

func TestSameTicketTwiceHasTheSameResult(t *testing.T) {
	m := newMarket(t, nil)
	ticket := m.pay(m.mustBill(m.lease, 1, gwei(10)))
	if first, again := m.receive(ticket), m.receive(ticket); first != again {
		t.Errorf("first %+v, then %+v", first, again)
	}
	m.recipient = m.newRecipient() // after a restart
	if result := m.receive(ticket); result.Credited != gwei(10) {
		t.Errorf("after a restart: %+v", result)
	}
	if n := m.book.All().TicketsReceived; n != 1 {
		t.Errorf("%d tickets in the ledger", n)
	}
}

// TestThreatRestatedTerms: whatever a validly signed ticket says other than its receipt asked for, it is refused.
func TestThreatRestatedTerms(t *testing.T) {
	for name, change := range map[string]func(t *payments.Ticket){
		"lower price":        func(t *payments.Ticket) { t.Fee.SubUint64(&t.Fee, 1) },
		"higher price":       func(t *payments.Ticket) { t.Fee.AddUint64(&t.Fee, 1) },
		"lower face value":   func(t *payments.Ticket) { t.FaceValue.SubUint64(&t.FaceValue, 1) },
		"higher face value":  func(t *payments.Ticket) { t.FaceValue.AddUint64(&t.FaceValue, 1) },
		"expiry":             func(t *payments.Ticket) { t.Expiry-- },
		"round":              func(t *payments.Ticket) { t.Round++ },
		"lane":               func(t *payments.Ticket) { t.Lane++ },
		"rand of another":    func(t *payments.Ticket) { t.RandHash[0]++ },
		"recipient":          func(t *payments.Ticket) { t.Recipient[0]++ },
		"another as sender":  func(t *payments.Ticket) { t.Sender[0]++ },
		"integer extremes":   func(t *payments.Ticket) { t.FaceValue.SetAllOne() },
		"nothing at all":     func(t *payments.Ticket) { t.Fee.Clear() },
		"for certain":        func(t *payments.Ticket) { t.FaceValue = t.Fee },
		"expired before now": func(t *payments.Ticket) { t.Expiry = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			m := newMarket(t, nil)
			ticket := m.pay(m.mustBill(m.lease, 1, gwei(10)))
			change(&ticket.Ticket)
			signed := m.sign(ticket.Ticket, domain)
			_, err := m.recipient.Receive(t.Context(), &signed)
			refused(t, err, payments.CodeRestated)
			if owed := m.recipient.Unpaid(m.lease.Lease); owed != gwei(10) {
				t.Error("a refused ticket changed what is owed")
			}
		})
	}
}

func TestThreatReplayAcrossChainAndContract(t *testing.T) {
	for name, other := range map[string]eip712.Domain{
		"chain":    eip712.NewDomain(1, domain.Contract()),
		"contract": eip712.NewDomain(domain.ChainID(), common.HexToAddress("0xb1")),
	} {
		t.Run(name, func(t *testing.T) {
			m := newMarket(t, nil)
			signed := m.sign(m.pay(m.mustBill(m.lease, 1, gwei(10))).Ticket, other)
			_, err := m.recipient.Receive(t.Context(), &signed)
			refused(t, err, payments.CodeSignature)
		})
	}
}

func TestThreatReplayAcrossLeaseReceiptAndEpoch(t *testing.T) {
	m := newMarket(t, func(c *payments.RecipientConfig) { c.EpochReceipts = 1 })
	second := m.open(2)
	ticket := m.pay(m.mustBill(m.lease, 1, gwei(10)))
	m.receive(ticket)
	for name, req := range map[string]*payments.PayRequest{
		"receipt and epoch": m.mustBill(m.lease, 2, gwei(10)),
		"lease":             m.mustBill(second, 1, gwei(10)),
	} {
		replayed := ticket
		replayed.ReceiptHash = req.Receipt // with the old signature
		_, err := m.recipient.Receive(t.Context(), &replayed)
		refused(t, err, payments.CodeRestated) // each epoch has a rand of its own
		replayed.RandHash = req.Terms.RandHash
		_, err = m.recipient.Receive(t.Context(), &replayed)
		refused(t, err, payments.CodeSignature)
		t.Log(name)
	}
	unknown := m.sign(payments.Ticket{ReceiptHash: common.Hash{9}}, domain)
	_, err := m.recipient.Receive(t.Context(), &unknown)
	refused(t, err, payments.CodeUnknownReceipt)
}

func TestThreatForgedAndMalleableSignatures(t *testing.T) {
	m := newMarket(t, nil)
	good := m.pay(m.mustBill(m.lease, 1, gwei(10)))
	mirrored := good
	order, _ := uint256.FromBig(crypto.S256().Params().N)
	var s uint256.Int
	s.SetBytes32(good.Signature[32:64])
	s.Sub(order, &s)
	b := s.Bytes32()
	copy(mirrored.Signature[32:], b[:])
	mirrored.Signature[64] ^= 1
	forged := good
	sig, err := newKey(t).SignHash(domain.Digest(good.Hash()))
	if err != nil {
		t.Fatal(err)
	}
	forged.Signature = [65]byte(sig)
	for name, ticket := range map[string]payments.SignedTicket{
		"malleable": mirrored, "forged": forged, "none": {Ticket: good.Ticket},
		"v 27": func() payments.SignedTicket { t := good; t.Signature[64] += 27; return t }(),
	} {
		_, err := m.recipient.Receive(t.Context(), &ticket)
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		refused(t, err, payments.CodeSignature)
	}
	m.receive(good)
}

// TestThreatSecondDraw: neither side gets another draw for a receipt. The sender, by signing again; the recipient, by
// claiming not to have received (the sender re-sends the same bytes, see TestThreatNotReceivedGetsNoSecondDraw).
func TestThreatSecondDraw(t *testing.T) {
	m := newMarket(t, nil)
	req := m.mustBill(m.lease, 1, gwei(10))
	m.receive(m.pay(req))
	ground := m.pay(req).Ticket
	ground.Nonce += 77
	signed := m.sign(ground, domain)
	_, err := m.recipient.Receive(t.Context(), &signed)
	refused(t, err, payments.CodeAnswered)
}

func TestThreatNonceReuse(t *testing.T) {
	m := newMarket(t, nil)
	first := m.pay(m.mustBill(m.lease, 1, gwei(10)))
	m.receive(first)
	reused := m.pay(m.mustBill(m.lease, 2, gwei(10))).Ticket
	reused.Nonce = first.Nonce
	signed := m.sign(reused, domain)
	_, err := m.recipient.Receive(t.Context(), &signed)
	refused(t, err, payments.CodeNonceUsed)
}

// TestThreatGrindingAfterTheRandIsKnown: what could be redeemed, and so show the rand, is out of reach of new tickets.
func TestThreatGrindingAfterTheRandIsKnown(t *testing.T) {
	m := newMarket(t, func(c *payments.RecipientConfig) { c.EpochReceipts = 3 })
	fee := m.lease.MaxFaceValue // certain to win
	reqs := []*payments.PayRequest{m.mustBill(m.lease, 1, gwei(10)), m.mustBill(m.lease, 2, fee), m.mustBill(m.lease, 3, gwei(10))}
	ready := func() int {
		winners, err := m.receives.Redeemable(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(winners)
	}
	if !m.receive(m.pay(reqs[1])).Won {
		t.Fatal("a fee of the face value wins")
	}
	m.receive(m.pay(reqs[0]))
	if m.recipient.CloseEpochs(t.Context()); ready() != 0 {
		t.Fatal("a winner can be redeemed while a receipt of its epoch is open")
	}
	late := m.pay(reqs[2])
	m.world.pass(31 * time.Second)
	if m.recipient.CloseEpochs(t.Context()) != 1 || ready() != 1 {
		t.Fatal("the epoch is past its deadline and not closed")
	}
	_, err := m.recipient.Receive(t.Context(), &late)
	refused(t, err, payments.CodeLate)
	next := m.mustBill(m.lease, 4, gwei(10))
	if next.Terms.Epoch == reqs[0].Terms.Epoch || next.Terms.RandHash == reqs[0].Terms.RandHash {
		t.Error("a closed epoch was opened again")
	}
	all := m.book.All()
	if all.WrittenOff != gwei(10) || !m.recipientOwes(gwei(10)) {
		t.Errorf("ledger %+v", all)
	}
}

func (m *market) recipientOwes(want uint256.Int) bool {
	return m.recipient.Owed(m.key.Address()) == want
}

func TestEpochEndsByTimeWithoutFurtherReceipts(t *testing.T) {
	m := newMarket(t, func(c *payments.RecipientConfig) { c.EpochDuration = 2 * time.Second })
	m.receive(m.pay(m.mustBill(m.lease, 1, m.lease.MaxFaceValue)))
	if m.recipient.CloseEpochs(t.Context()) != 0 {
		t.Fatal("closed before its time")
	}
	m.world.pass(2 * time.Second)
	if m.recipient.CloseEpochs(t.Context()) != 1 {
		t.Fatal("not closed at its time")
	}
	if req := m.mustBill(m.lease, 2, gwei(10)); req.Terms.Epoch != 1 {
		t.Errorf("the next receipt is in epoch %d", req.Terms.Epoch)
	}
}

func TestLeaseEndClosesItsEpoch(t *testing.T) {
	m := newMarket(t, nil)
	req := m.mustBill(m.lease, 1, gwei(10))
	m.recipient.CloseLease(m.lease.Lease)
	if m.recipient.CloseEpochs(t.Context()) != 0 || !m.recipientOwes(gwei(10)) {
		t.Fatal("an open receipt keeps its epoch open, and stays a debt")
	}
	m.receive(m.pay(req)) // Settle, after the lease
	if m.recipient.CloseEpochs(t.Context()) != 1 || !m.recipientOwes(uint256.Int{}) {
		t.Error("answered, and not closed")
	}
	if _, err := m.bill(t.Context(), m.lease, 2, gwei(10)); !payments.IsRefusal(err, payments.CodeUnknownLease) {
		t.Errorf("a bill after the lease's end: %v", err)
	}
}

func TestRestartKeepsWhatIsOpen(t *testing.T) {
	m := newMarket(t, nil)
	paid, open, lost := m.mustBill(m.lease, 1, m.lease.MaxFaceValue), m.mustBill(m.lease, 2, gwei(20)), m.mustBill(m.lease, 3, gwei(30))
	m.receive(m.pay(paid))
	m.recipient = m.newRecipient()
	if !m.recipientOwes(gwei(50)) {
		owed := m.recipient.Owed(m.key.Address())
		t.Fatalf("owed after a restart: %s", owed.Dec())
	}
	m.receive(m.pay(open))
	if unpaid := m.recipient.Unpaid(m.lease.Lease); unpaid != gwei(30) {
		t.Errorf("unpaid of the old lease: %s", unpaid.Dec())
	}
	if m.recipient.CloseEpochs(t.Context()) != 0 {
		t.Fatal("the epoch has an open receipt")
	}
	m.world.pass(time.Minute)
	if m.recipient.CloseEpochs(t.Context()) != 1 || !m.recipientOwes(uint256.Int{}) {
		t.Error("the old epoch is not closed after its deadline")
	}
	late := m.pay(lost)
	_, err := m.recipient.Receive(t.Context(), &late)
	refused(t, err, payments.CodeLate)
}

// TestRestartAfterTheDeadline: who could not pay because the recipient was not there pays when it is back.
func TestRestartAfterTheDeadline(t *testing.T) {
	m := newMarket(t, nil)
	ticket := m.pay(m.mustBill(m.lease, 1, gwei(10)))
	m.world.pass(time.Hour)
	m.recipient = m.newRecipient()
	if m.recipient.CloseEpochs(t.Context()) != 0 {
		t.Fatal("a receipt was written off that nobody could pay")
	}
	if result := m.receive(ticket); result.Credited != gwei(10) {
		t.Errorf("result %+v", result)
	}
	if m.recipient.CloseEpochs(t.Context()) != 1 {
		t.Error("the epoch stays open")
	}
}

func TestThreatReceiptClaimedTwice(t *testing.T) {
	m := newMarket(t, nil)
	m.mustBill(m.lease, 1, gwei(10))
	if _, err := m.bill(t.Context(), m.lease, 1, gwei(10)); err == nil {
		t.Error("a second receipt for one attempt")
	}
	if !m.recipientOwes(gwei(10)) {
		t.Error("a failed bill is owed")
	}
}

func TestThreatPaymentWithoutTickets(t *testing.T) {
	m := newMarket(t, nil) // limit 1000 gwei
	other := m.open(2)
	check := func(l payments.LeaseTerms, work uint64, ok bool) {
		t.Helper()
		err := m.recipient.Meter(l.Lease, gwei(work))
		if (err == nil) != ok {
			t.Fatalf("work %d gwei: %v", work, err)
		}
		if err != nil {
			refused(t, err, payments.CodeDebt)
		}
	}
	check(m.lease, 1000, true)
	check(m.lease, 1001, false)
	req := m.mustBill(m.lease, 1, gwei(600))
	check(m.lease, 400, true)
	check(m.lease, 401, false)
	check(other, 1000, true) // a running lease has a limit of its own
	m.recipient.CloseLease(m.lease.Lease)
	check(other, 401, false) // but debt of a lease that is over follows the sender
	m.receive(m.pay(req))
	check(other, 1000, true)
	err := m.recipient.Meter(common.Hash{1}, gwei(1))
	refused(t, err, payments.CodeUnknownLease)
}

func TestThreatFreeRidingByNewLeases(t *testing.T) {
	m := newMarket(t, nil)
	fee := gwei(100)
	quote := func() error {
		_, err := m.recipient.Quote(t.Context(), payments.Ask{Sender: m.key.Address(), Round: 3, LargestFee: fee})
		return err
	}
	for n := uint64(10); ; n++ {
		if err := quote(); err != nil {
			refused(t, err, payments.CodeDebt)
			if n > 13 {
				t.Errorf("an unknown sender got %d leases without paying", n-10)
			}
			break
		}
		if n > 100 {
			t.Fatal("free-riding by endless new leases")
		}
		l := m.open(n)
		m.mustBill(l, 1, fee)
		m.recipient.CloseLease(l.Lease)
		m.world.pass(time.Minute) // written off, and tried again
		m.recipient.CloseEpochs(t.Context())
	}
	l := m.open(1000)
	for seq := range uint64(20) { // paying wins the trust back
		m.receive(m.pay(m.mustBill(l, seq, fee)))
	}
	if err := quote(); err != nil {
		t.Errorf("a sender that pays is refused: %v", err)
	}
}

func TestUnknownSenderHasALowLimit(t *testing.T) {
	m := newMarket(t, nil)
	offer := func() payments.Offer {
		t.Helper()
		o, err := m.recipient.Quote(t.Context(), payments.Ask{Sender: m.key.Address(), Round: 3, LargestFee: gwei(100)})
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	if o := offer(); o.MaxUnpaid != gwei(200) {
		t.Errorf("a stranger may owe %s", o.MaxUnpaid.Dec())
	}
	m.receive(m.pay(m.mustBill(m.lease, 1, gwei(100))))
	if o := offer(); o.MaxUnpaid != gwei(800) {
		t.Errorf("a payer may owe %s", o.MaxUnpaid.Dec())
	}
}

func TestQuote(t *testing.T) {
	target := gwei(65_000 * 20) // 65k gas at the floor of 1 gwei is 5 %
	for name, c := range map[string]struct {
		change func(*world)
		fee    uint256.Int
		face   uint256.Int
		code   string
	}{
		"gas decides":            {func(*world) {}, gwei(10), target, ""},
		"idle chain":             {func(w *world) { w.gasPrice = *uint256.NewInt(3) }, gwei(10), target, ""},
		"gas-price spike":        {func(w *world) { w.gasPrice = gwei(50) }, gwei(10), gwei(65_000 * 20 * 50), ""},
		"large segment":          {func(*world) {}, gwei(2_000_000), gwei(2_000_000), ""},
		"share clamps":           {func(w *world) { w.account.Share = gwei(1_300_000 + 500_000) }, gwei(10), gwei(500_000), ""},
		"share below gas":        {func(w *world) { w.account.Share = gwei(1_300_000 + 100_000) }, gwei(10), uint256.Int{}, payments.CodeReserveShort},
		"share below fee":        {func(w *world) { w.account.Share = gwei(1_300_000 + 500_000) }, gwei(500_001), uint256.Int{}, payments.CodeReserveShort},
		"reserve withdrawn":      {func(w *world) { w.account.Reserve = uint256.Int{} }, gwei(10), uint256.Int{}, payments.CodeReserveShort},
		"no reserve":             {func(w *world) { w.account.Share = uint256.Int{} }, gwei(10), uint256.Int{}, payments.CodeReserveShort},
		"withdrawal announced":   {func(w *world) { w.account.Unlocking = true }, gwei(10), uint256.Int{}, payments.CodeUnlocking},
		"deposit is no security": {func(w *world) { w.account.Share, w.account.Deposit = uint256.Int{}, gwei(1e12) }, gwei(10), uint256.Int{}, payments.CodeReserveShort},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMarket(t, nil) // an open lease has promised 1,300,000 gwei already
			c.change(m.world)
			offer, err := m.recipient.Quote(t.Context(), payments.Ask{Sender: m.key.Address(), Round: 3, LargestFee: c.fee})
			if c.code != "" {
				refused(t, err, c.code)
				return
			}
			if err != nil || offer.MaxFaceValue != c.face {
				t.Errorf("face value %s (%v), want %s", offer.MaxFaceValue.Dec(), err, c.face.Dec())
			}
		})
	}
}

// TestThreatParallelLeasesOverpromiseTheReserve: the face values of all open leases stay within the share.
func TestThreatParallelLeasesOverpromiseTheReserve(t *testing.T) {
	m := newMarket(t, nil)
	promised := m.lease.MaxFaceValue
	leases := 0
	for n := range uint64(1000) {
		offer, err := m.recipient.Quote(t.Context(), payments.Ask{Sender: m.key.Address(), Round: 3, LargestFee: gwei(10)})
		if err != nil {
			refused(t, err, payments.CodeReserveShort)
			break
		}
		l := m.lease
		l.Lease, l.MaxFaceValue = common.Hash{1, byte(n), byte(n >> 8)}, offer.MaxFaceValue
		if err := m.recipient.OpenLease(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		promised.Add(&promised, &offer.MaxFaceValue)
		leases++
	}
	if share := gwei(1e8); promised.Gt(&share) || leases < 70 {
		t.Errorf("%d leases promise %s of %s", leases, promised.Dec(), share.Dec())
	}
}

// TestRenewalOnTheLastOfTheShare: a lease that took the whole share can be renewed, also into the next round. Another lease
// has to wait: a share is for a period of rounds.
func TestRenewalOnTheLastOfTheShare(t *testing.T) {
	m := newMarket(t, nil)
	m.world.change(func(a *payments.Account) { a.Share = m.lease.MaxFaceValue })
	ask := payments.Ask{Sender: m.key.Address(), Round: m.lease.Round, LargestFee: gwei(10)}
	for range 2 {
		ask.Renews = common.Hash{}
		_, err := m.recipient.Quote(t.Context(), ask)
		refused(t, err, payments.CodeReserveShort)
		ask.Renews = m.lease.Lease
		if offer, err := m.recipient.Quote(t.Context(), ask); err != nil || offer.MaxFaceValue != m.lease.MaxFaceValue {
			t.Errorf("round %d: %s wei, %v", ask.Round, offer.MaxFaceValue.Dec(), err)
		}
		ask.Round++
	}
}

// TestRenewalDoesNotDoubleTheCredit: what a lease owes counts against the one that renews it from its first picture on.
func TestRenewalDoesNotDoubleTheCredit(t *testing.T) {
	m := newMarket(t, nil)
	m.mustBill(m.lease, 1, m.lease.MaxUnpaid)
	next := m.lease
	next.Lease, next.Renews = common.Hash{0x77}, m.lease.Lease
	if err := m.recipient.OpenLease(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	for range 2 { // while both are open, and after
		refused(t, m.recipient.Meter(next.Lease, gwei(1)), payments.CodeDebt)
		m.recipient.CloseLease(m.lease.Lease)
	}
}

// TestPendingWinnersLowerTheFaceValue: what winners will claim is not promised again.
func TestPendingWinnersLowerTheFaceValue(t *testing.T) {
	m := newMarket(t, nil)
	m.world.change(func(a *payments.Account) { a.Share = gwei(2_000_000) })
	won := m.mustBill(m.lease, 1, m.lease.MaxFaceValue)
	m.receive(m.pay(won))
	if req := m.mustBill(m.lease, 2, gwei(10)); req.Terms.FaceValue != gwei(700_000) {
		t.Errorf("face value %s with 700,000 gwei left", req.Terms.FaceValue.Dec())
	}
	_, err := m.bill(t.Context(), m.lease, 3, gwei(700_001))
	refused(t, err, payments.CodeReserveShort)
}

// TestWinRate: with real signatures and fixed seeds, payments come to what is owed. 3 σ.
func TestWinRate(t *testing.T) {
	const n, p = 4000, 0.2
	m := newMarket(t, nil)
	m.lease.MaxFaceValue = gwei(50)
	m.recipient.CloseLease(m.lease.Lease)
	if err := m.recipient.OpenLease(t.Context(), m.lease); err != nil {
		t.Fatal(err)
	}
	for seq := range uint64(n) {
		m.receive(m.pay(m.mustBill(m.lease, seq, gwei(10))))
	}
	all := m.book.All()
	sigma := math.Sqrt(n * p * (1 - p))
	if off := math.Abs(float64(all.TicketsWon)-n*p) / sigma; off > 3 {
		t.Errorf("%d of %d won: %.1f σ from %v", all.TicketsWon, n, off, n*p)
	}
	if all.Sent != all.Received || all.Received != gwei(10*n) {
		t.Errorf("EV sent %s, received %s", all.Sent.Dec(), all.Received.Dec())
	}
	if want := gwei(50 * all.TicketsWon); all.Won != want {
		t.Errorf("won %s, want %s", all.Won.Dec(), want.Dec())
	}
}

func TestParallelLeasesUnderRace(t *testing.T) {
	m := newMarket(t, func(c *payments.RecipientConfig) { c.EpochReceipts = 5 })
	ctx := context.WithoutCancel(t.Context())
	var wg sync.WaitGroup
	done := make(chan struct{})
	var closer sync.WaitGroup
	closer.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				m.recipient.CloseEpochs(ctx)
			}
		}
	})
	for n := range uint64(8) {
		l := m.open(100 + n)
		wg.Go(func() {
			for seq := range uint64(30) {
				req, err := m.bill(ctx, l, seq, gwei(1))
				if err != nil {
					t.Error(err)
					return
				}
				ticket, err := m.sender.Pay(ctx, req)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := m.recipient.Receive(ctx, &ticket); err != nil {
					t.Error(err)
				}
			}
			m.recipient.CloseLease(l.Lease)
		})
	}
	wg.Wait()
	close(done)
	closer.Wait()
	m.recipient.CloseEpochs(ctx)
	if all := m.book.All(); all.TicketsReceived != 240 || !all.Unpaid.IsZero() || !all.WrittenOff.IsZero() || !m.recipientOwes(uint256.Int{}) {
		t.Errorf("ledger %+v", all)
	}
	if open, err := m.receives.OpenEpochs(ctx); err != nil || len(open) != 0 {
		t.Errorf("%d epochs stayed open (%v)", len(open), err)
	}
}

func FuzzReceive(f *testing.F) {
	m := newMarket(f, nil)
	req := m.mustBill(m.lease, 1, gwei(10))
	good := m.pay(req)
	f.Add(good.ReceiptHash[:], good.Signature[:], uint64(0))
	f.Fuzz(func(t *testing.T, receipt, sig []byte, nonce uint64) {
		ticket := good
		ticket.ReceiptHash = common.BytesToHash(receipt)
		copy(ticket.Signature[:], sig)
		ticket.Nonce = nonce
		if _, err := m.recipient.Receive(context.Background(), &ticket); err == nil && ticket != good {
			t.Errorf("a mutated ticket was accepted: %+v", ticket)
		}
	})
}

// BenchmarkCreate and BenchmarkReceive measure all but the store, beside the bare signature operation in the same run.
func BenchmarkCreate(b *testing.B) {
	m := newMarket(b, nil)
	b.Run("bare=sign", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			if _, err := m.key.SignHash(common.Hash{byte(i)}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ticket", func(b *testing.B) {
		b.ReportAllocs()
		seq := uint64(0)
		req := payments.PayRequest{
			PaymentKey: payments.PaymentKey{Lease: m.lease.Lease}, Receipt: common.Hash{1}, Recipient: recipient, Fee: gwei(1),
			MaxFaceValue: gwei(2), Terms: payments.Terms{FaceValue: gwei(2), Expiry: uint64(start.Unix()) + 60},
		}
		for range b.N {
			seq++
			req.Seq = seq
			if _, err := m.sender.Pay(b.Context(), &req); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkReceive(b *testing.B) {
	m := newMarket(b, nil)
	b.Run("bare=ecrecover", func(b *testing.B) {
		digest := common.Hash{1}
		sig, err := m.key.SignHash(digest)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for range b.N {
			if _, err := identity.Recover(digest, sig); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ticket", func(b *testing.B) {
		m := newMarket(b, nil)
		tickets := make([]payments.SignedTicket, b.N)
		for i := range tickets {
			tickets[i] = m.pay(m.mustBill(m.lease, uint64(i), gwei(1)))
		}
		b.ReportAllocs()
		b.ResetTimer()
		for i := range tickets {
			if _, err := m.recipient.Receive(b.Context(), &tickets[i]); err != nil {
				b.Fatal(fmt.Errorf("ticket %d: %w", i, err))
			}
		}
	})
}

package payments_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus"

	payments "castnet/probabilistic-payments"
)

func TestThreatNotReceivedGetsNoSecondDraw(t *testing.T) {
	m := newMarket(t, nil)
	req := m.mustBill(m.lease, 1, gwei(10))
	first := m.pay(req)
	if again := m.pay(req); again != first {
		t.Error("asked again, the sender signed another ticket")
	}
	m.sender = m.newSender("a", payments.Limits{}) // after a crash
	if again := m.pay(req); again != first {
		t.Error("after a restart, the sender signed another ticket")
	}
	m.world.change(func(a *payments.Account) { a.Deposit, a.Share = uint256.Int{}, uint256.Int{} })
	if again := m.pay(req); again != first {
		t.Error("a ticket that exists must be given again, whatever the limits say now")
	}
	if n := m.book.All().TicketsSent; n != 1 {
		t.Errorf("%d tickets in the ledger, want 1", n)
	}
}

func TestOneTicketPerAttemptUnderConcurrency(t *testing.T) {
	m := newMarket(t, nil)
	req := m.mustBill(m.lease, 1, gwei(10))
	tickets := make([]payments.SignedTicket, 20)
	var wg sync.WaitGroup
	for i := range tickets {
		wg.Go(func() {
			var err error
			if tickets[i], err = m.sender.Pay(context.WithoutCancel(t.Context()), req); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, ticket := range tickets {
		if ticket != tickets[0] {
			t.Fatal("one attempt has two tickets")
		}
	}
}

func TestThreatRecipientAbandonsLosers(t *testing.T) {
	m := newMarket(t, nil)
	req := m.mustBill(m.lease, 1, gwei(10))
	m.pay(req)
	other := *req
	other.Receipt = common.Hash{1}
	_, err := m.sender.Pay(t.Context(), &other)
	refused(t, err, payments.CodeOtherReceipt)
}

func TestSenderRefusals(t *testing.T) {
	limits := payments.Limits{MaxFee: gwei(20), MaxFaceValue: gwei(1_400_000), MaxOutstanding: gwei(45), MaxValidity: time.Hour}
	for code, change := range map[string]func(m *market, r *payments.PayRequest){
		payments.CodeFeeLimit:  func(_ *market, r *payments.PayRequest) { r.Fee = gwei(21) },
		payments.CodeFaceLimit: func(_ *market, r *payments.PayRequest) { r.Terms.FaceValue = gwei(1_400_001) },
		payments.CodeExpiry:    func(_ *market, r *payments.PayRequest) { r.Terms.Expiry = uint64(start.Unix()) },
		payments.CodeNoDeposit: func(m *market, _ *payments.PayRequest) {
			m.world.change(func(a *payments.Account) { a.Deposit, a.Share = gwei(100), gwei(50) })
		},
		payments.CodeUnlocking: func(m *market, _ *payments.PayRequest) {
			m.world.change(func(a *payments.Account) { a.Unlocking = true })
		},
		payments.CodeOutstandingLimit: func(m *market, r *payments.PayRequest) {
			for seq := range uint64(4) {
				sent := *r
				sent.Seq, sent.Receipt = 100+seq, common.Hash{byte(seq)}
				m.pay(&sent)
			}
		},
	} {
		t.Run(code, func(t *testing.T) {
			m := newMarket(t, func(c *payments.RecipientConfig) { c.TicketTTL = 30 * time.Minute })
			m.sender = m.newSender("b", limits)
			req := m.mustBill(m.lease, 1, gwei(10))
			change(m, req)
			_, err := m.sender.Pay(t.Context(), req)
			refused(t, err, code)
		})
	}
	t.Run("above the lease's face value", func(t *testing.T) {
		m := newMarket(t, nil)
		req := m.mustBill(m.lease, 1, gwei(10))
		req.MaxFaceValue.SubUint64(&req.MaxFaceValue, 1)
		_, err := m.sender.Pay(t.Context(), req)
		refused(t, err, payments.CodeFaceLimit)
	})
	t.Run("valid for too long", func(t *testing.T) {
		m := newMarket(t, nil)
		m.sender = m.newSender("b", limits)
		_, err := m.sender.Pay(t.Context(), m.mustBill(m.lease, 1, gwei(10)))
		refused(t, err, payments.CodeExpiry)
	})
}

func TestOutstandingEndsWithExpiryAndSurvivesRestart(t *testing.T) {
	m := newMarket(t, func(c *payments.RecipientConfig) { c.TicketTTL = time.Hour })
	m.pay(m.mustBill(m.lease, 1, gwei(10)))
	m.world.pass(30 * time.Minute)
	m.pay(m.mustBill(m.lease, 2, gwei(5)))
	for _, s := range []*payments.Sender{m.sender, m.newSender("a", payments.Limits{})} {
		if got := s.Outstanding(); got != gwei(15) {
			t.Errorf("outstanding %s", got.Dec())
		}
	}
	m.world.pass(35 * time.Minute)
	if got := m.sender.Outstanding(); got != gwei(5) {
		t.Errorf("outstanding after the first has expired: %s", got.Dec())
	}
}

func TestThreatNonceReuseAcrossProcesses(t *testing.T) {
	m := newMarket(t, nil)
	seen := map[[2]uint64]bool{}
	seq := uint64(0)
	pay := func(n int) {
		for range n {
			seq++
			req := &payments.PayRequest{
				PaymentKey: payments.PaymentKey{Lease: m.lease.Lease, Seq: seq}, Receipt: common.Hash{byte(seq), byte(seq >> 8)},
				Recipient: recipient, Fee: gwei(1), MaxFaceValue: gwei(2), Terms: payments.Terms{FaceValue: gwei(2), Expiry: uint64(start.Unix()) + 60},
			}
			ticket := m.pay(req)
			key := [2]uint64{ticket.Lane, ticket.Nonce}
			if seen[key] {
				t.Fatalf("lane %d nonce %d twice", ticket.Lane, ticket.Nonce)
			}
			seen[key] = true
		}
	}
	pay(1500)
	old := m.sender
	m.sender = m.newSender("a", payments.Limits{}) // a crash in the middle of a block
	pay(10)
	m.sender = m.newSender("b", payments.Limits{}) // another process
	pay(10)
	m.sender = old // a thawed old process: what it has reserved is its own, more it cannot get
	_, err := m.payUntil(2000, &seq)
	if !errors.Is(err, payments.ErrLaneTaken) {
		t.Errorf("the old process goes on: %v", err)
	}
}

// payUntil pays up to n receipts, or to the first error.
func (m *market) payUntil(n int, seq *uint64) (int, error) {
	for i := range n {
		*seq++
		_, err := m.sender.Pay(m.t.Context(), &payments.PayRequest{
			PaymentKey: payments.PaymentKey{Lease: m.lease.Lease, Seq: *seq},
			Receipt:    common.Hash{1}, Recipient: recipient, Fee: gwei(1), MaxFaceValue: gwei(2),
			Terms: payments.Terms{FaceValue: gwei(2), Expiry: uint64(start.Unix()) + 60},
		})
		if err != nil {
			return i, err
		}
	}
	return n, nil
}

// failing is a store whose disk is full.
type failing struct{ payments.SenderStore }

var errDisk = errors.New("disk full")

func (failing) SaveTicket(context.Context, payments.PaymentKey, *payments.SignedTicket) (payments.SignedTicket, error) {
	return payments.SignedTicket{}, errDisk
}

func TestTicketIsStoredBeforeItIsGiven(t *testing.T) {
	m := newMarket(t, nil)
	s, err := payments.NewSender(t.Context(), payments.SenderConfig{
		Signer: m.key, Domain: domain, Store: failing{m.sends}, Accounts: m.world,
		Holder: "a", Now: m.world.Now, Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	ticket, err := s.Pay(t.Context(), m.mustBill(m.lease, 1, gwei(10)))
	if !errors.Is(err, errDisk) || ticket != (payments.SignedTicket{}) {
		t.Errorf("a ticket that could not be stored was given: %v", err)
	}
}

func TestDepositIsWarnedOfOnce(t *testing.T) {
	m := newMarket(t, nil)
	var out strings.Builder
	s, err := payments.NewSender(t.Context(), payments.SenderConfig{
		Signer: m.key, Domain: domain, Store: m.sends, Accounts: m.world,
		Holder: "a", Limits: payments.Limits{WarnBelow: gwei(1000)}, Now: m.world.Now,
		Log: slog.New(slog.NewTextHandler(&out, nil)), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, deposit := range []uint64{2000, 999, 500, 0, 1500, 10} {
		m.world.change(func(a *payments.Account) { a.Deposit = gwei(deposit) })
		if err := s.Check(t.Context(), recipient, 3, gwei(5)); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(out.String(), "running out"); n != 2 {
		t.Errorf("warned %d times, want 2:\n%s", n, out.String())
	}
}

func TestSenderConfigIsChecked(t *testing.T) {
	if _, err := payments.NewSender(t.Context(), payments.SenderConfig{}); err == nil {
		t.Error("an empty configuration was taken")
	}
	if _, err := payments.NewRecipient(t.Context(), payments.RecipientConfig{}); err == nil {
		t.Error("an empty configuration was taken")
	}
	if _, err := payments.NewRedeemer(payments.RedeemerConfig{}); err == nil {
		t.Error("an empty configuration was taken")
	}
}

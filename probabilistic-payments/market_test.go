package payments_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus"

	"castnet/internal/eip712"
	"castnet/internal/identity"
	payments "castnet/probabilistic-payments"
	"castnet/probabilistic-payments/ledger"
)

var (
	domain    = eip712.NewDomain(31337, common.HexToAddress("0xb0"))
	recipient = common.HexToAddress("0x0cc")
	start     = time.Unix(1_800_000_000, 0)
)

func gwei(v uint64) uint256.Int {
	var w uint256.Int
	w.Mul(uint256.NewInt(v), uint256.NewInt(1_000_000_000))
	return w
}

// world is the chain and the clock as everybody sees them.
type world struct {
	mu       sync.Mutex
	now      time.Time
	account  payments.Account
	gasPrice uint256.Int
	err      error // of reading the chain
}

func newWorld() *world {
	return &world{
		now: start, gasPrice: gwei(1),
		account: payments.Account{Deposit: gwei(1e9), Reserve: gwei(1e9), Share: gwei(1e8)},
	}
}

func (w *world) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) Account(context.Context, common.Address, common.Address, uint64) (payments.Account, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.account, w.err
}

func (w *world) GasPrice(context.Context) (uint256.Int, error) { return w.gasPrice, nil }

func (w *world) change(f func(*payments.Account)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(&w.account)
}

func newKey(tb testing.TB) *identity.Key {
	tb.Helper()
	key, err := identity.Generate()
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// fixedKey gives the same key, and so the same signatures, in every run.
func fixedKey(tb testing.TB, n byte) *identity.Key {
	tb.Helper()
	private, err := crypto.ToECDSA(common.LeftPadBytes([]byte{n}, 32))
	if err != nil {
		tb.Fatal(err)
	}
	return identity.NewKey(private)
}

// market is one sender and one recipient with a lease between them.
type market struct {
	t         testing.TB
	world     *world
	book      *ledger.Ledger
	key       *identity.Key
	sends     *memory
	receives  *memory
	sender    *payments.Sender
	recipient *payments.Recipient
	lease     payments.LeaseTerms
	tune      func(*payments.RecipientConfig)
}

func newMarket(tb testing.TB, tune func(*payments.RecipientConfig)) *market {
	tb.Helper()
	m := &market{t: tb, world: newWorld(), book: ledger.New(), key: fixedKey(tb, 1), sends: newMemory(), receives: newMemory(), tune: tune}
	m.sender = m.newSender("a", payments.Limits{})
	m.recipient = m.newRecipient()
	m.lease = m.open(1)
	return m
}

func (m *market) newSender(holder string, limits payments.Limits) *payments.Sender {
	m.t.Helper()
	s, err := payments.NewSender(m.t.Context(), payments.SenderConfig{
		Signer: m.key, Domain: domain, Store: m.sends, Accounts: m.world,
		Holder: holder, Limits: limits, Observer: m.book, Now: m.world.Now, Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return s
}

func (m *market) newRecipient() *payments.Recipient {
	m.t.Helper()
	cfg := payments.RecipientConfig{
		Domain: domain, Address: recipient, Store: m.receives, Accounts: m.world, Gas: m.world,
		Observer: m.book, Now: m.world.Now, Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	}
	if m.tune != nil {
		m.tune(&cfg)
	}
	r, err := payments.NewRecipient(m.t.Context(), cfg)
	if err != nil {
		m.t.Fatal(err)
	}
	return r
}

// open opens a lease; n names it.
func (m *market) open(n uint64) payments.LeaseTerms {
	m.t.Helper()
	l := payments.LeaseTerms{
		Lease: crypto.Keccak256Hash(fmt.Append(nil, "lease ", n)), Sender: m.key.Address(), Lane: m.sender.Lane(), Round: 3,
		MaxFaceValue: gwei(1_300_000), MaxUnpaid: gwei(1000),
	}
	if err := m.recipient.OpenLease(m.t.Context(), l); err != nil {
		m.t.Fatal(err)
	}
	return l
}

// bill issues the receipt of a segment.
func (m *market) bill(ctx context.Context, l payments.LeaseTerms, seq uint64, fee uint256.Int) (*payments.PayRequest, error) {
	req := &payments.PayRequest{
		PaymentKey: payments.PaymentKey{Lease: l.Lease, Seq: seq, Attempt: 1}, Recipient: recipient, Fee: fee,
		Round: l.Round, MaxFaceValue: l.MaxFaceValue,
	}
	err := m.recipient.Bill(ctx, payments.Bill{PaymentKey: req.PaymentKey, Fee: fee}, func(terms payments.Terms) (common.Hash, error) {
		req.Terms = terms
		req.Receipt = crypto.Keccak256Hash(fmt.Append(nil, "receipt ", l.Lease, seq))
		return req.Receipt, nil
	})
	return req, err
}

func (m *market) mustBill(l payments.LeaseTerms, seq uint64, fee uint256.Int) *payments.PayRequest {
	m.t.Helper()
	req, err := m.bill(m.t.Context(), l, seq, fee)
	if err != nil {
		m.t.Fatal(err)
	}
	return req
}

func (m *market) pay(req *payments.PayRequest) payments.SignedTicket {
	m.t.Helper()
	ticket, err := m.sender.Pay(m.t.Context(), req)
	if err != nil {
		m.t.Fatal(err)
	}
	return ticket
}

func (m *market) receive(ticket payments.SignedTicket) payments.Result {
	m.t.Helper()
	result, err := m.recipient.Receive(m.t.Context(), &ticket)
	if err != nil {
		m.t.Fatal(err)
	}
	return result
}

// sign signs a ticket with the sender's key, as a cheating sender would.
func (m *market) sign(ticket payments.Ticket, in eip712.Domain) payments.SignedTicket {
	m.t.Helper()
	sig, err := m.key.SignHash(in.Digest(ticket.Hash()))
	if err != nil {
		m.t.Fatal(err)
	}
	return payments.SignedTicket{Ticket: ticket, Signature: [65]byte(sig)}
}

// refused checks that an error is a Refusal that explains itself.
func refused(tb testing.TB, err error, code string) {
	tb.Helper()
	var r *payments.Refusal
	if !errors.As(err, &r) || r.Code != code {
		tb.Fatalf("got %v, want a refusal with code %q", err, code)
	}
	if strings.TrimSpace(r.Message) == "" {
		tb.Errorf("refusal %q has no words", code)
	}
}

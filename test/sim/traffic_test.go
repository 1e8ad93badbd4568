// Package sim_test plays long stretches of traffic on a simulated clock.
package sim_test

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
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
	"castnet/probabilistic-payments/store/sqlite"
)

const (
	senders    = 10
	leases     = 100 // of each sender, one after the other
	step       = 2 * time.Second
	shortDay   = 20 * time.Minute
	samples    = 24 // times at which memory and queue are looked at
	confirms   = 3  // steps until a payment counts
	feeOfOne   = 40_000
	faceOfOne  = 400_000
	lostOf1000 = 10 // tickets of a thousand that never arrive
	twiceOf    = 10 // and that arrive twice
)

// length is how long is simulated: 20 minutes, or CASTNET_SIM_HOURS.
func length(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("CASTNET_SIM_HOURS")
	if text == "" {
		return shortDay
	}
	hours, err := strconv.Atoi(text)
	if err != nil || hours < 1 || hours > 1000 {
		t.Fatalf("CASTNET_SIM_HOURS is %q: allowed are 1 to 1000", text)
	}
	return time.Duration(hours) * time.Hour
}

// world is the clock, the chain and the contract.
type world struct {
	mu    sync.Mutex
	now   time.Time
	steps uint64
	paid  map[payer]map[uint64]uint64 // by nonce: the step in which it was paid
	total uint256.Int
}

type payer struct {
	sender common.Address
	lane   uint64
}

func (w *world) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) tick() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(step)
	w.steps++
	for _, nonces := range w.paid { // what is settled is asked for no more
		for nonce, at := range nonces {
			if w.steps > at+20*confirms {
				delete(nonces, nonce)
			}
		}
	}
}

func (w *world) Account(context.Context, common.Address, common.Address, uint64) (payments.Account, error) {
	rich := *uint256.NewInt(1 << 60)
	return payments.Account{Deposit: rich, Reserve: rich, Share: rich}, nil
}

func (w *world) GasPrice(context.Context) (uint256.Int, error) { return *uint256.NewInt(1), nil }

func (w *world) Redeemed(_ context.Context, tickets []payments.Ticket) ([]payments.Outcome, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	outcomes := make([]payments.Outcome, len(tickets))
	for i := range tickets {
		t := &tickets[i]
		at, ok := w.paid[payer{t.Sender, t.Lane}][t.Nonce]
		switch {
		case ok && w.steps >= at+confirms:
			outcomes[i] = payments.Outcome{Status: payments.StatusPaid, Paid: t.Payout(), Gas: *uint256.NewInt(1)}
		case ok:
			outcomes[i].Status = payments.StatusSettling
		}
	}
	return outcomes, nil
}

func (w *world) Redeem(_ context.Context, winners []payments.Winner) ([]payments.Outcome, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	outcomes := make([]payments.Outcome, len(winners))
	for i := range winners {
		t := &winners[i].Ticket
		key := payer{t.Sender, t.Lane}
		if w.paid[key] == nil {
			w.paid[key] = make(map[uint64]uint64)
		}
		if _, used := w.paid[key][t.Nonce]; used || !winners[i].Wins(winners[i].Rand) {
			return nil, fmt.Errorf("nonce %d is used, or has lost", t.Nonce)
		}
		w.paid[key][t.Nonce] = w.steps
		pays := t.Payout()
		w.total.Add(&w.total, &pays)
		outcomes[i].Status = payments.StatusSettling
	}
	return outcomes, nil
}

func (w *world) RedeemPartly(context.Context, *payments.Winner, uint256.Int) (payments.Outcome, error) {
	return payments.Outcome{}, fmt.Errorf("nobody is short here")
}

// side is one broadcaster with its present lease.
type side struct {
	key    *identity.Key
	sender *payments.Sender
	random *rand.Rand
	lease  payments.LeaseTerms
	seq    uint64
}

// traffic is everybody.
type traffic struct {
	world     *world
	recipient *payments.Recipient
	redeemer  *payments.Redeemer
	money     *sqlite.Store
	book      *ledger.Ledger
	sides     []*side
}

func newTraffic(t *testing.T) *traffic {
	t.Helper()
	tr := &traffic{world: &world{now: time.Unix(1_800_000_000, 0), paid: make(map[payer]map[uint64]uint64)}, book: ledger.New()}
	open := func(name string) *sqlite.Store {
		s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	var err error
	check := func() {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	log, domain := slog.New(slog.DiscardHandler), eip712.NewDomain(31337, common.HexToAddress("0xb0"))
	tr.money = open("recipient.db")
	tr.recipient, err = payments.NewRecipient(t.Context(), payments.RecipientConfig{
		Domain: domain, Address: common.HexToAddress("0x0cc"), Store: tr.money, Accounts: tr.world, Gas: tr.world,
		Policy:   payments.Policy{MaxFaceValue: *uint256.NewInt(faceOfOne)},
		Observer: tr.book, Now: tr.world.Now, Log: log, Registerer: prometheus.NewRegistry(),
	})
	check()
	tr.redeemer, err = payments.NewRedeemer(payments.RedeemerConfig{
		Store: tr.money, Broker: tr.world, Observer: tr.book, Now: tr.world.Now, Log: log, Registerer: prometheus.NewRegistry(),
	})
	check()
	sends := open("senders.db")
	for n := range byte(senders) {
		private, err := crypto.ToECDSA(common.LeftPadBytes([]byte{n + 1}, 32))
		if err != nil {
			t.Fatal(err)
		}
		s := &side{key: identity.NewKey(private), random: rand.New(rand.NewPCG(uint64(n), 24))}
		s.sender, err = payments.NewSender(t.Context(), payments.SenderConfig{
			Signer: s.key, Domain: domain, Store: sends, Accounts: tr.world, Holder: fmt.Sprint("sender ", n),
			Observer: tr.book, Now: tr.world.Now, Log: log, Registerer: prometheus.NewRegistry(),
		})
		if err != nil {
			t.Fatal(err)
		}
		tr.sides = append(tr.sides, s)
	}
	return tr
}

// renew takes the next lease of a side, on the recipient's terms.
func (tr *traffic) renew(ctx context.Context, s *side, n int) error {
	if s.lease.Lease != (common.Hash{}) {
		tr.recipient.CloseLease(s.lease.Lease)
	}
	offer, err := tr.recipient.Quote(ctx, payments.Ask{Sender: s.key.Address(), Round: 1, LargestFee: *uint256.NewInt(2 * feeOfOne)})
	if err != nil {
		return err
	}
	s.lease = payments.LeaseTerms{
		Lease: crypto.Keccak256Hash(s.key.Address().Bytes(), fmt.Append(nil, n)), Sender: s.key.Address(), Lane: s.sender.Lane(), Round: 1,
		MaxFaceValue: offer.MaxFaceValue, MaxUnpaid: offer.MaxUnpaid,
	}
	s.seq = 0
	return tr.recipient.OpenLease(ctx, s.lease)
}

// segment makes, bills and pays one segment, unless the limit is reached.
func (tr *traffic) segment(ctx context.Context, s *side) error {
	fee := *uint256.NewInt(feeOfOne/2 + s.random.Uint64N(feeOfOne))
	if err := tr.recipient.Meter(s.lease.Lease, fee); err != nil {
		if payments.IsRefusal(err, payments.CodeDebt) {
			return nil
		}
		return err
	}
	s.seq++
	req := &payments.PayRequest{
		PaymentKey: payments.PaymentKey{Lease: s.lease.Lease, Seq: s.seq, Attempt: 1}, Recipient: common.HexToAddress("0x0cc"), Fee: fee,
		Receipt: crypto.Keccak256Hash(s.lease.Lease[:], fmt.Append(nil, s.seq)), Round: 1, MaxFaceValue: s.lease.MaxFaceValue,
	}
	err := tr.recipient.Bill(ctx, payments.Bill{PaymentKey: req.PaymentKey, Fee: fee}, func(terms payments.Terms) (common.Hash, error) {
		req.Terms = terms
		return req.Receipt, nil
	})
	if err == nil {
		err = tr.recipient.Meter(s.lease.Lease, uint256.Int{})
	}
	if err != nil && !payments.IsRefusal(err, payments.CodeDebt) {
		return err
	}
	ticket, err := s.sender.Pay(ctx, req)
	if err != nil {
		return err
	}
	times := 1
	switch chance := s.random.IntN(1000); {
	case chance < lostOf1000:
		times = 0
	case chance < lostOf1000+twiceOf:
		times = 2
	}
	for range times {
		if _, err := tr.recipient.Receive(ctx, &ticket); err != nil {
			return err
		}
	}
	return nil
}

// sample is what must stay flat.
type sample struct {
	heap  float64 // MiB
	queue int
}

// TestDayOfTraffic: ten senders with a hundred leases each, one segment every two seconds, some tickets lost and some
// repeated, winners redeemed as they come. Memory and the queue stay flat, every winner is redeemed once, the books
// balance, and what is paid is what is owed.
func TestDayOfTraffic(t *testing.T) {
	tr := newTraffic(t)
	total := int(length(t) / step)
	var taken []sample
	for n := range total {
		errs := make([]error, senders)
		var wg sync.WaitGroup
		for i, s := range tr.sides {
			wg.Go(func() {
				// Each in its own time, so that leases do not all end at once.
				if at := n + i*total/leases/senders; n == 0 || at*leases/total != (at-1)*leases/total {
					if errs[i] = tr.renew(t.Context(), s, n); errs[i] != nil {
						return
					}
				}
				errs[i] = tr.segment(t.Context(), s)
			})
		}
		wg.Wait()
		for _, err := range errs {
			if err != nil {
				t.Fatalf("step %d: %v", n, err)
			}
		}
		tr.world.tick()
		tr.settle(t)
		if (n+1)%(total/samples) == 0 {
			taken = append(taken, tr.sample(t))
		}
	}
	tr.finish(t)
	checkFlat(t, taken)
	tr.checkBooks(t)
}

// settle does what runs in the background.
func (tr *traffic) settle(t *testing.T) {
	t.Helper()
	tr.recipient.CloseEpochs(t.Context())
	if _, err := tr.redeemer.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (tr *traffic) sample(t *testing.T) sample {
	t.Helper()
	_, queue, err := tr.money.Queue(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return sample{float64(m.HeapAlloc) / (1 << 20), queue}
}

// finish ends the leases and lets everything be written off or redeemed.
func (tr *traffic) finish(t *testing.T) {
	t.Helper()
	for _, s := range tr.sides {
		tr.recipient.CloseLease(s.lease.Lease)
	}
	for range 200 {
		tr.world.tick()
		tr.settle(t)
	}
}

func checkFlat(t *testing.T, taken []sample) {
	t.Helper()
	early, late := sample{}, sample{}
	for i, s := range taken {
		switch {
		case i >= samples/8 && i < samples/3:
			early.heap, early.queue = max(early.heap, s.heap), max(early.queue, s.queue)
		case i >= 2*samples/3:
			late.heap, late.queue = max(late.heap, s.heap), max(late.queue, s.queue)
		}
	}
	t.Logf("heap %.1f MiB and %d queued early, %.1f MiB and %d late", early.heap, early.queue, late.heap, late.queue)
	// A thousand lines of the ledger and the collector's mood are allowed for.
	if late.heap > 1.3*early.heap+4 {
		t.Errorf("the heap grew from %.1f to %.1f MiB", early.heap, late.heap)
	}
	if late.queue > 2*early.queue+200 {
		t.Errorf("the queue grew from %d to %d winners", early.queue, late.queue)
	}
}

func (tr *traffic) checkBooks(t *testing.T) {
	t.Helper()
	all := tr.book.All()
	sum := all.Received
	sum.Add(&sum, &all.WrittenOff)
	if sum != all.Billed || all.Sent != all.Billed || !all.Unpaid.IsZero() {
		t.Errorf("the books do not balance: %+v", all)
	}
	if _, queue, err := tr.money.Queue(t.Context(), 0); queue != 0 || err != nil {
		t.Errorf("%d winners are left, %v", queue, err)
	}
	if all.Redeemed != tr.world.total || all.Won != all.Redeemed || all.TicketsLost != 0 {
		t.Errorf("won %s, redeemed %s, the chain paid %s", all.Won.Dec(), all.Redeemed.Dec(), tr.world.total.Dec())
	}
	anew := ledger.New()
	if err := tr.money.History(t.Context(), anew); err != nil {
		t.Fatal(err)
	}
	if again := anew.All(); again.Redeemed != all.Redeemed || again.Received != all.Received || again.WrittenOff != all.WrittenOff || again.Gas != all.Gas {
		t.Errorf("the ledger made anew: %+v\nthe live one: %+v", again, all)
	}
	// n tickets of fee f and face F: variance n·f·(F−f), fees between half and one and a half of the mean.
	owed := all.Received.Float64()
	sigma := math.Sqrt(owed * faceOfOne)
	if off := all.Won.Float64() - owed; math.Abs(off) > 4*sigma {
		t.Errorf("won %s for %s", all.Won.Dec(), all.Received.Dec())
	}
	t.Logf("%d tickets, %d won, %d written off; paid/owed %.4f", all.TicketsReceived, all.TicketsWon,
		all.Receipts-all.TicketsReceived, all.Won.Float64()/owed)
}

// Package storetest is the one suite that every store of the money's state must pass.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"

	payments "castnet/probabilistic-payments"
)

// Store is all that a store does.
type Store interface {
	payments.SenderStore
	payments.RecipientStore
	payments.RedeemerStore
}

// Open opens an empty store. reopen gives what a process sees that starts after this one was killed: the first store is
// not closed, and not used any more.
type Open func(t *testing.T) (s Store, reopen func() Store)

// Run runs the suite.
func Run(t *testing.T, open Open) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Open){
		"lanes":                 testLanes,
		"tickets":               testTickets,
		"outstanding":           testOutstanding,
		"secret":                testSecret,
		"charges":               testCharges,
		"nonces":                testNonces,
		"epochs":                testEpochs,
		"winners":               testWinners,
		"promises":              testPromises,
		"promises at once":      testPromisesAtOnce,
		"concurrent":            testConcurrent,
		"one ticket":            testOneTicket,
		"survives being killed": testKilled,
	} {
		t.Run(name, func(t *testing.T) { test(t, open) })
	}
}

// Wei is an amount.
func Wei(v uint64) uint256.Int { return *uint256.NewInt(v) }

func hash(parts ...any) common.Hash { return crypto.Keccak256Hash(fmt.Append(nil, parts...)) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
}

// The parties of all charges.
func leaseID() common.Hash        { return hash("lease") }
func senderID() common.Address    { return common.Address{1} }
func recipientID() common.Address { return common.Address{2} }

// NewCharge makes the charge of a segment in an epoch.
func NewCharge(seq, epoch uint64) *payments.Charge {
	return &payments.Charge{
		PaymentKey: payments.PaymentKey{Lease: leaseID(), Seq: seq, Attempt: 1}, Receipt: hash("receipt", seq), Sender: senderID(), Lane: 3, Round: 9,
		Fee: Wei(100 + seq), Deadline: 1234,
		Terms: payments.Terms{Epoch: epoch, RandHash: hash("rand", epoch), FaceValue: Wei(5000), Expiry: 60_000 + 60*seq},
	}
}

// NewTicket makes a ticket for a charge. Its signature is arbitrary bytes.
func NewTicket(c *payments.Charge, nonce uint64) *payments.SignedTicket {
	t := &payments.SignedTicket{Ticket: payments.Ticket{
		ReceiptHash: c.Receipt, Sender: c.Sender, Recipient: recipientID(), Fee: c.Fee, FaceValue: c.Terms.FaceValue,
		RandHash: c.Terms.RandHash, Lane: c.Lane, Nonce: nonce, Round: c.Round, Expiry: c.Terms.Expiry,
	}}
	for i := range t.Signature {
		t.Signature[i] = byte(i) ^ byte(nonce)
	}
	return t
}

func winnerOf(c *payments.Charge, t *payments.SignedTicket) *payments.Winner {
	return &payments.Winner{SignedTicket: *t, Rand: hash("preimage"), Lease: c.Lease, Seq: c.Seq, Epoch: c.Terms.Epoch}
}

func testLanes(t *testing.T, open Open) {
	t.Helper()
	ctx := t.Context()
	s, _ := open(t)
	a, err := s.TakeLane(ctx, "a")
	must(t, err)
	b, err := s.TakeLane(ctx, "b")
	must(t, err)
	if a.ID == b.ID {
		t.Fatalf("two holders share lane %d", a.ID)
	}
	first, err := s.ReserveNonces(ctx, a, 1024)
	must(t, err)
	again, err := s.TakeLane(ctx, "a")
	must(t, err)
	if again.ID != a.ID {
		t.Errorf("the holder's lane changed from %d to %d", a.ID, again.ID)
	}
	next, err := s.ReserveNonces(ctx, again, 10)
	must(t, err)
	if first != 0 || next != 1024 {
		t.Errorf("blocks begin at %d and %d, want 0 and 1024", first, next)
	}
	_, err = s.ReserveNonces(ctx, a, 1)
	wantErr(t, err, payments.ErrLaneTaken)
	if other, err := s.ReserveNonces(ctx, b, 1); err != nil || other != 0 {
		t.Errorf("lane b begins at %d (%v)", other, err)
	}
}

func testTickets(t *testing.T, open Open) {
	t.Helper()
	ctx := t.Context()
	s, _ := open(t)
	c := NewCharge(1, 0)
	_, err := s.Ticket(ctx, c.PaymentKey)
	wantErr(t, err, payments.ErrNotFound)
	first, second := NewTicket(c, 1), NewTicket(c, 2)
	for _, ticket := range []*payments.SignedTicket{first, second} {
		stored, err := s.SaveTicket(ctx, c.PaymentKey, ticket)
		must(t, err)
		if stored != *first {
			t.Fatal("the first ticket for a key must stay")
		}
	}
	stored, err := s.Ticket(ctx, c.PaymentKey)
	must(t, err)
	if stored != *first {
		t.Errorf("stored %+v, want %+v", stored, *first)
	}
	other := c.PaymentKey
	other.Attempt++
	if stored, err := s.SaveTicket(ctx, other, second); err != nil || stored != *second {
		t.Errorf("another attempt has a ticket of its own: %v", err)
	}
}

func testOutstanding(t *testing.T, open Open) {
	t.Helper()
	ctx := t.Context()
	s, _ := open(t)
	for seq := range uint64(4) {
		c := NewCharge(seq, 0) // expires at minute 1000 + seq, costs 100 + seq
		_, err := s.SaveTicket(ctx, c.PaymentKey, NewTicket(c, seq))
		must(t, err)
	}
	extra := NewCharge(3, 0)
	extra.Attempt = 2
	_, err := s.SaveTicket(ctx, extra.PaymentKey, NewTicket(extra, 9))
	must(t, err)
	sums, err := s.Outstanding(ctx, 60_000+60)
	must(t, err)
	if len(sums) != 2 || sums[1002] != Wei(102) || sums[1003] != Wei(206) {
		t.Errorf("outstanding %v", sums)
	}
}

func testSecret(t *testing.T, open Open) {
	t.Helper()
	s, reopen := open(t)
	first, err := s.Secret(t.Context())
	must(t, err)
	again, err := reopen().Secret(t.Context())
	must(t, err)
	if first != again || first == [32]byte{} {
		t.Error("the secret must be random once, and stay")
	}
}

func testCharges(t *testing.T, open Open) {
	t.Helper()
	ctx := t.Context()
	s, _ := open(t)
	c := NewCharge(1, 0)
	_, err := s.Charge(ctx, c.Receipt)
	wantErr(t, err, payments.ErrNotFound)
	must(t, s.AddCharge(ctx, c))
	wantErr(t, s.AddCharge(ctx, c), payments.ErrExists)
	second := *c
	second.Receipt = hash("a second receipt for one attempt")
	wantErr(t, s.AddCharge(ctx, &second), payments.ErrExists)
	same := *NewCharge(2, 0)
	same.Receipt = c.Receipt
	wantErr(t, s.AddCharge(ctx, &same), payments.ErrExists)

	ticket := NewTicket(c, 1)
	must(t, s.Accept(ctx, ticket, nil))
	wantErr(t, s.Accept(ctx, NewTicket(c, 2), nil), payments.ErrAnswered)
	record, err := s.Charge(ctx, c.Receipt)
	must(t, err)
	if want := (payments.ChargeRecord{Charge: *c, State: payments.ChargePaid, Ticket: *ticket}); record != want {
		t.Errorf("stored %+v\nwant %+v", record, want)
	}
	books(t, s, payments.SenderRecord{Paid: c.Fee})
}

func books(t *testing.T, s Store, want payments.SenderRecord) {
	t.Helper()
	got, err := s.Sender(t.Context(), senderID())
	must(t, err)
	if got != want {
		t.Errorf("books: paid %s owed %s written off %s pending %s, want %s %s %s %s", got.Paid.Dec(), got.Owed.Dec(), got.WrittenOff.Dec(),
			got.Pending.Dec(), want.Paid.Dec(), want.Owed.Dec(), want.WrittenOff.Dec(), want.Pending.Dec())
	}
}

func testNonces(t *testing.T, open Open) {
	t.Helper()
	ctx := t.Context()
	s, _ := open(t)
	nonces := []uint64{0, 1, 1023, 1024, 7, 1 << 40, ^uint64(0)}
	for i, nonce := range nonces {
		c := NewCharge(uint64(i), 0)
		must(t, s.AddCharge(ctx, c))
		must(t, s.Accept(ctx, NewTicket(c, nonce), nil))
	}
	for i, nonce := range nonces {
		c := NewCharge(uint64(100+i), 0)
		must(t, s.AddCharge(ctx, c))
		wantErr(t, s.Accept(ctx, NewTicket(c, nonce), nil), payments.ErrNonceUsed)
		record, err := s.Charge(ctx, c.Receipt)
		must(t, err)
		if record.State != payments.ChargeOpen {
			t.Fatal("a refused ticket changed the charge")
		}
	}
	otherLane := NewCharge(200, 0)
	otherLane.Lane = 4
	must(t, s.AddCharge(ctx, otherLane))
	must(t, s.Accept(ctx, NewTicket(otherLane, 7), nil))
}

func testEpochs(t *testing.T, open Open) {
	t.Helper()
	ctx := t.Context()
	s, _ := open(t)
	id := payments.EpochID{Lease: leaseID(), Epoch: 0}
	paid, open1, open2, later := NewCharge(1, 0), NewCharge(2, 0), NewCharge(3, 0), NewCharge(4, 1)
	for _, c := range []*payments.Charge{paid, open1, open2, later} {
		must(t, s.AddCharge(ctx, c))
	}
	ticket := NewTicket(paid, 1)
	must(t, s.Accept(ctx, ticket, winnerOf(paid, ticket)))
	epochs, err := s.OpenEpochs(ctx)
	must(t, err)
	if len(epochs) != 2 || len(epochs[id]) != 2 {
		t.Fatalf("open epochs: %v", epochs)
	}
	if ready, err := s.Redeemable(ctx, 10); err != nil || len(ready) != 0 {
		t.Fatalf("%d winners of an open epoch can be redeemed (%v): its rand would be public", len(ready), err)
	}
	written, err := s.CloseEpoch(ctx, id)
	must(t, err)
	if len(written) != 2 {
		t.Errorf("%d charges written off, want 2", len(written))
	}
	if again, err := s.CloseEpoch(ctx, id); err != nil || len(again) != 0 {
		t.Errorf("closing twice: %v %v", again, err)
	}
	wantErr(t, s.Accept(ctx, NewTicket(open1, 2), nil), payments.ErrAnswered)
	wantErr(t, s.AddCharge(ctx, NewCharge(5, 0)), payments.ErrExists)
	if ready, err := s.Redeemable(ctx, 10); err != nil || len(ready) != 1 || ready[0] != *winnerOf(paid, ticket) {
		t.Errorf("redeemable after closing: %v (%v)", ready, err)
	}
	epochs, err = s.OpenEpochs(ctx)
	must(t, err)
	if len(epochs) != 1 || len(epochs[payments.EpochID{Lease: leaseID(), Epoch: 1}]) != 1 {
		t.Errorf("open epochs after closing: %v", epochs)
	}
	books(t, s, payments.SenderRecord{Paid: paid.Fee, Owed: later.Fee, WrittenOff: Wei(102 + 103), Pending: Wei(5000)})
}

func testWinners(t *testing.T, open Open) {
	t.Helper()
	ctx := t.Context()
	s, _ := open(t)
	for seq := range uint64(3) { // the higher the later it expires
		c := NewCharge(seq, 0)
		must(t, s.AddCharge(ctx, c))
		ticket := NewTicket(c, seq)
		must(t, s.Accept(ctx, ticket, winnerOf(c, ticket)))
	}
	wantErr(t, s.Resolve(ctx, NewCharge(0, 0).Receipt, payments.Outcome{Status: payments.StatusPaid}), payments.ErrAnswered)
	_, err := s.CloseEpoch(ctx, payments.EpochID{Lease: leaseID(), Epoch: 0})
	must(t, err)
	order := func(want ...uint64) {
		t.Helper()
		winners, err := s.Redeemable(ctx, 10)
		must(t, err)
		var got []uint64
		for _, w := range winners {
			got = append(got, w.Seq)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("queue %v, want %v", got, want)
		}
	}
	order(0, 1, 2)
	near, ready, err := s.Queue(ctx, 60_000+61)
	must(t, err)
	if near != 2 || ready != 3 {
		t.Errorf("%d near expiry, %d ready; want 2 and 3", near, ready)
	}
	must(t, s.Resolve(ctx, NewCharge(0, 0).Receipt, payments.Outcome{Status: payments.StatusOpen, Reason: "short", Gas: Wei(7)}))
	order(1, 2, 0)
	must(t, s.Resolve(ctx, NewCharge(1, 0).Receipt, payments.Outcome{Status: payments.StatusPaid, Paid: Wei(5000), Tx: hash("tx")}))
	wantErr(t, s.Resolve(ctx, NewCharge(1, 0).Receipt, payments.Outcome{Status: payments.StatusPaid}), payments.ErrAnswered)
	must(t, s.Resolve(ctx, NewCharge(2, 0).Receipt, payments.Outcome{Status: payments.StatusLost, Reason: "expired"}))
	wantErr(t, s.Resolve(ctx, hash("nobody"), payments.Outcome{Status: payments.StatusPaid}), payments.ErrNotFound)
	order(0)
	books(t, s, payments.SenderRecord{Paid: Wei(100 + 101 + 102), Pending: Wei(5000)})
}

// testPromises: what leases are promised together is no more than what backs it; who keeps a promise has it.
func testPromises(t *testing.T, open Open) {
	t.Helper()
	ctx := t.Context()
	s, reopen := open(t)
	now, backed := time.Unix(70_000, 0), Wei(100)
	till := now.Add(time.Minute)
	promise := func(lease string, amount uint64) *payments.Promise {
		return &payments.Promise{Lease: hash(lease), Sender: senderID(), Amount: Wei(amount)}
	}
	give := func(p *payments.Promise, free uint64) {
		t.Helper()
		if got, err := s.Promise(ctx, p, backed, now, till); err != nil || got != Wei(free) {
			t.Errorf("%s wei were free (%v), want %d", got.Dec(), err, free)
		}
	}
	sum := func(want uint64) {
		t.Helper()
		if got, err := s.Promised(ctx, senderID(), common.Hash{}, now); err != nil || got != Wei(want) {
			t.Errorf("%s wei are promised (%v), want %d", got.Dec(), err, want)
		}
	}
	give(promise("a", 60), 100)
	give(promise("b", 50), 40) // no
	give(promise("b", 40), 40)
	give(promise("b", 40), 40) // told twice, it counts once
	sum(100)
	other := promise("c", 100)
	other.Sender = common.Address{7}
	give(other, 100)
	next := promise("d", 60)
	next.Renews = hash("a")
	give(next, 60)
	sum(160)
	must(t, s.ReleasePromises(ctx, []common.Hash{hash("a"), hash("nobody")}))
	sum(100)
	if got, err := s.Promised(ctx, senderID(), hash("d"), now); err != nil || got != Wei(40) {
		t.Errorf("without one lease's %s wei are promised (%v)", got.Dec(), err)
	}
	s = reopen() // the process is killed: b is kept by the next one, d by nobody
	now, till = till.Add(-time.Millisecond), till.Add(time.Minute)
	sum(100)
	must(t, s.KeepPromises(ctx, []payments.Promise{*promise("b", 40), *promise("forgotten", 1)}, till))
	now = now.Add(time.Millisecond)
	sum(41)
	// Winners that are pending take from what backs leases, too.
	c := NewCharge(1, 0)
	must(t, s.AddCharge(ctx, c))
	ticket := NewTicket(c, 1)
	must(t, s.Accept(ctx, ticket, winnerOf(c, ticket))) // pays 5000
	give(promise("e", 1), 0)
	backed = Wei(5000 + 41 + 9)
	give(promise("e", 9), 9)
	sum(50)
}

// testPromisesAtOnce: of many at once exactly those are given that fit.
func testPromisesAtOnce(t *testing.T, open Open) {
	t.Helper()
	ctx := t.Context()
	s, _ := open(t)
	now := time.Unix(70_000, 0)
	var given atomic.Int32
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			p := payments.Promise{Lease: hash("lease", i), Sender: senderID(), Amount: Wei(10)}
			free, err := s.Promise(ctx, &p, Wei(75), now, now.Add(time.Minute))
			if err != nil {
				t.Error(err)
			}
			if !free.Lt(&p.Amount) {
				given.Add(1)
			}
		})
	}
	wg.Wait()
	if sum, err := s.Promised(ctx, senderID(), common.Hash{}, now); given.Load() != 7 || err != nil || sum != Wei(70) {
		t.Errorf("%d of 60 were promised 10 wei of 75, %s together (%v)", given.Load(), sum.Dec(), err)
	}
}

// testConcurrent: many tickets at once, and of two with one nonce exactly one is accepted.
func testConcurrent(t *testing.T, open Open) {
	t.Helper()
	ctx := t.Context()
	s, _ := open(t)
	const n = 50
	var accepted [n / 2]atomic.Int32
	var wg sync.WaitGroup
	for i := range uint64(n) {
		wg.Go(func() {
			c := NewCharge(i, 0)
			if err := s.AddCharge(ctx, c); err != nil {
				t.Error(err)
			}
			switch err := s.Accept(ctx, NewTicket(c, i/2), nil); {
			case err == nil:
				accepted[i/2].Add(1)
			case !errors.Is(err, payments.ErrNonceUsed):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for nonce := range accepted {
		if times := accepted[nonce].Load(); times != 1 {
			t.Errorf("nonce %d was accepted %d times", nonce, times)
		}
	}
	var paid, owed uint256.Int
	for i := range uint64(n) {
		record, err := s.Charge(ctx, NewCharge(i, 0).Receipt)
		must(t, err)
		sum := &owed
		if record.State == payments.ChargePaid {
			sum = &paid
		}
		sum.Add(sum, &record.Fee)
	}
	books(t, s, payments.SenderRecord{Paid: paid, Owed: owed})
}

// testOneTicket: many tickets for one key at once, and all callers are given the same one.
func testOneTicket(t *testing.T, open Open) {
	t.Helper()
	ctx := t.Context()
	s, _ := open(t)
	c := NewCharge(1, 0)
	var stored [20]payments.SignedTicket
	var wg sync.WaitGroup
	for i := range stored {
		wg.Go(func() {
			var err error
			if stored[i], err = s.SaveTicket(ctx, c.PaymentKey, NewTicket(c, uint64(i))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i := range stored {
		if stored[i] != stored[0] {
			t.Fatal("one key has two tickets")
		}
	}
}

// testKilled: what was acknowledged is there for the next process, which goes on from it.
func testKilled(t *testing.T, open Open) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	s, reopen := open(t)
	lane, err := s.TakeLane(ctx, "a")
	must(t, err)
	_, err = s.ReserveNonces(ctx, lane, 1024)
	must(t, err)
	c, unpaid := NewCharge(1, 0), NewCharge(2, 0)
	ticket := NewTicket(c, 1)
	_, err = s.SaveTicket(ctx, c.PaymentKey, ticket)
	must(t, err)
	must(t, s.AddCharge(ctx, c))
	must(t, s.AddCharge(ctx, unpaid))
	must(t, s.Accept(ctx, ticket, winnerOf(c, ticket)))

	s = reopen()
	if stored, err := s.Ticket(ctx, c.PaymentKey); err != nil || stored != *ticket {
		t.Errorf("the ticket is lost: %v", err)
	}
	next, err := s.TakeLane(ctx, "a")
	must(t, err)
	if first, err := s.ReserveNonces(ctx, next, 1); err != nil || first != 1024 {
		t.Errorf("nonces go on at %d (%v), want 1024", first, err)
	}
	epochs, err := s.OpenEpochs(ctx)
	must(t, err)
	if open := epochs[payments.EpochID{Lease: leaseID()}]; len(open) != 1 || open[0] != *unpaid {
		t.Errorf("open charges: %v", epochs)
	}
	_, err = s.CloseEpoch(ctx, payments.EpochID{Lease: leaseID()})
	must(t, err)

	s = reopen()
	winners, err := s.Redeemable(ctx, 10)
	must(t, err)
	if len(winners) != 1 || winners[0] != *winnerOf(c, ticket) {
		t.Errorf("winners: %v", winners)
	}
	must(t, s.Resolve(ctx, c.Receipt, payments.Outcome{Status: payments.StatusPaid, Paid: Wei(5000)}))

	s = reopen()
	if winners, err := s.Redeemable(ctx, 10); err != nil || len(winners) != 0 {
		t.Errorf("a redeemed winner is back: %v %v", winners, err)
	}
	books(t, s, payments.SenderRecord{Paid: c.Fee, WrittenOff: unpaid.Fee})
}

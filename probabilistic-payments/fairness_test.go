package payments_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"

	payments "castnet/probabilistic-payments"
)

// tally adds up what is owed and what was paid, and how far the two may be apart by chance.
type tally struct{ owed, paid, variance float64 }

// add counts one ticket: it pays face with probability fee/face.
func (s *tally) add(fee, face, paid float64) {
	s.owed += fee
	s.paid += paid
	if fee < face {
		s.variance += fee * (face - fee)
	}
}

func (s *tally) check(t *testing.T) {
	t.Helper()
	sigmas := (s.paid - s.owed) / math.Sqrt(s.variance)
	if math.Abs(sigmas) > 3 {
		t.Errorf("paid/owed is %.6f, %.2f σ from 1", s.paid/s.owed, sigmas)
	}
	t.Logf("paid/owed is %.6f, %.2f σ from 1", s.paid/s.owed, sigmas)
}

// TestFairness: over a million leases with a deterministic stand-in for signatures, and ten thousand with real ones
// through both sides, what winners are paid is what was owed, to 3 σ.
func TestFairness(t *testing.T) {
	t.Run("stand-in", func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		var sum tally
		for range 1_000_000 {
			var s payments.SignedTicket
			face := 1 + r.Uint64N(1<<50)
			fee := r.Uint64N(face + face/16) // one in 17 is paid for certain
			s.FaceValue, s.Fee = *uint256.NewInt(face), *uint256.NewInt(fee)
			for i := 0; i < 64; i += 8 {
				binary.LittleEndian.PutUint64(s.Signature[i:], r.Uint64())
			}
			var secret common.Hash
			binary.LittleEndian.PutUint64(secret[:], r.Uint64())
			paid := 0.0
			if s.Wins(secret) {
				pays := s.Payout()
				paid = pays.Float64()
			}
			sum.add(float64(fee), float64(face), paid)
		}
		sum.check(t)
	})
	t.Run("real", func(t *testing.T) {
		m := richMarket(t)
		r := rand.New(rand.NewPCG(3, 4))
		var sum tally
		for n := range uint64(10_000) {
			l := m.open(1000 + n)
			fee := gwei(1 + r.Uint64N(400_000))
			req := m.mustBill(l, 1, fee)
			paid := 0.0
			if m.receive(m.pay(req)).Won {
				paid = req.Terms.FaceValue.Float64()
			}
			sum.add(fee.Float64(), req.Terms.FaceValue.Float64(), paid)
			m.recipient.CloseLease(l.Lease)
		}
		sum.check(t)
		if all := m.book.All(); all.Sent != all.Received || !all.Unpaid.IsZero() {
			t.Errorf("ledger %+v", all)
		}
	})
}

// The fates of one segment's messages in the bounded model.
const (
	allGood       = iota
	receiptLost   // the sender never hears of it
	receiptTwice  //
	ticketLost    // on the lease, and whenever it is sent again
	ticketTwice   //
	ticketLate    // it comes after its receipt was written off
	resultLost    // the sender sends the ticket again, after the lease
	fates         //
	modelSegments = 3
)

// TestBoundedModel enumerates what can become of the messages of a lease of three segments: each segment's fate out of
// seven, times the orders in which tickets can arrive. Whatever happens, the recipient is not out of pocket by more than
// the lease's limit, and the sender pays no more than what it got, once.
func TestBoundedModel(t *testing.T) {
	orders := [][modelSegments]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}
	for pattern := range fates * fates * fates {
		fate := [modelSegments]int{pattern % fates, pattern / fates % fates, pattern / fates / fates}
		for _, order := range orders {
			if err := modelLease(t, fate, order); err != nil {
				t.Fatalf("fates %v, order %v: %v", fate, order, err)
			}
		}
	}
}

// modelLease plays one lease. Work is metered: a segment is made only while the limit allows it.
func modelLease(t *testing.T, fate, order [modelSegments]int) error {
	t.Helper()
	m := newMarket(t, nil)
	fee, limit := gwei(10), gwei(25) // two segments and a half
	l := m.lease
	l.Lease, l.MaxUnpaid = common.Hash{1}, limit
	if err := m.recipient.OpenLease(t.Context(), l); err != nil {
		return err
	}
	var made, got, sent uint256.Int // fees of segments made, tickets accepted, tickets signed
	tickets := make(map[int]payments.SignedTicket)
	outOfPocket := func() error {
		short := made
		short.Sub(&short, &got)
		if short.Gt(&limit) {
			return fmt.Errorf("the recipient has worked for %s wei that are not paid", short.Dec())
		}
		if sent.Gt(&made) {
			return fmt.Errorf("the sender has paid %s wei for %s wei of work", sent.Dec(), made.Dec())
		}
		return nil
	}
	deliver := func(seq int) error {
		ticket := tickets[seq]
		result, err := m.recipient.Receive(t.Context(), &ticket)
		if err != nil {
			return err
		}
		if owed := m.recipient.Unpaid(l.Lease); result.Credited != fee || result.Unpaid != owed {
			return fmt.Errorf("segment %d: %+v", seq, result)
		}
		return nil
	}
	for seq, f := range fate {
		if err := m.recipient.Meter(l.Lease, fee); err != nil {
			break // no more work until it is paid
		}
		made.Add(&made, &fee)
		req := m.mustBill(l, uint64(seq), fee)
		if err := m.recipient.Meter(l.Lease, uint256.Int{}); err != nil {
			return err
		}
		if f == receiptLost {
			continue
		}
		tickets[seq] = m.pay(req)
		sent.Add(&sent, &fee)
		if f == receiptTwice && m.pay(req) != tickets[seq] {
			return fmt.Errorf("a second ticket for segment %d", seq)
		}
		if err := outOfPocket(); err != nil {
			return err
		}
	}
	for _, seq := range order {
		if _, ok := tickets[seq]; !ok || fate[seq] == ticketLost || fate[seq] == ticketLate {
			continue
		}
		times := 1
		if fate[seq] == ticketTwice {
			times = 2
		}
		for range times {
			if err := deliver(seq); err != nil {
				return err
			}
		}
		got.Add(&got, &fee)
		if err := outOfPocket(); err != nil {
			return err
		}
	}
	return modelEnd(m, l.Lease, fate, tickets, deliver)
}

// modelEnd ends the lease, lets what is unpaid be written off, and sends what comes late.
func modelEnd(
	m *market, lease common.Hash, fate [modelSegments]int, tickets map[int]payments.SignedTicket, deliver func(int) error,
) error {
	for seq := range tickets {
		if fate[seq] == resultLost {
			if err := deliver(seq); err != nil { // again, by Settle
				return err
			}
		}
	}
	m.recipient.CloseLease(lease)
	m.world.pass(31e9)
	m.recipient.CloseEpochs(m.t.Context())
	for seq := range tickets {
		if fate[seq] == ticketLate {
			if err := deliver(seq); !payments.IsRefusal(err, payments.CodeLate) {
				return fmt.Errorf("a late ticket: %w", err)
			}
		}
	}
	all := m.book.All()
	sum := all.Received
	sum.Add(&sum, &all.WrittenOff)
	if all.Billed != sum || !all.Unpaid.IsZero() {
		return fmt.Errorf("the ledger does not balance: %+v", all)
	}
	return nil
}

// TestThreatChoosingSender: a sender that does not know the rand cannot choose what wins, whatever it chooses between:
// nonces, lanes, receipts, or the random number in its signature. The draws of what it prefers are as even as any: χ²
// over 16 bins, at p = 0.001.
func TestThreatChoosingSender(t *testing.T) {
	const tickets, choices, bins, limit = 1500, 4, 16, 37.7 // 15 degrees of freedom
	m := newMarket(t, nil)
	r := seeded(99)
	for name, vary := range map[string]func(*payments.Ticket, uint64){
		"nonces":           func(t *payments.Ticket, n uint64) { t.Nonce = n },
		"lanes":            func(t *payments.Ticket, n uint64) { t.Lane = n },
		"receipts":         func(t *payments.Ticket, n uint64) { t.ReceiptHash[31] = byte(n) },
		"retry signatures": nil,
	} {
		t.Run(name, func(t *testing.T) {
			var counts [bins]float64
			wins := 0.0
			for i := range uint64(tickets) {
				secret := r.hash()
				ticket := payments.Ticket{
					ReceiptHash: r.hash(), Sender: m.key.Address(), Recipient: recipient, Fee: gwei(1), FaceValue: gwei(4),
					RandHash: crypto.Keccak256Hash(secret[:]), Lane: 1, Nonce: i, Round: 3, Expiry: 4_000_000_000,
				}
				var best payments.SignedTicket
				for n := range uint64(choices) {
					var signed payments.SignedTicket
					if vary == nil {
						signed = signAgain(t, &ticket, r.hash())
					} else {
						vary(&ticket, i*choices+n)
						signed = m.sign(ticket, domain)
					}
					// It prefers what looks smallest: the draw hashes exactly these bytes.
					if n == 0 || string(signed.Signature[:64]) < string(best.Signature[:64]) {
						best = signed
					}
				}
				draw := crypto.Keccak256(best.Signature[:64], secret[:])
				counts[draw[0]/(256/bins)]++
				if best.Wins(secret) {
					wins++
				}
			}
			chi, want := 0.0, float64(tickets)/bins
			for _, n := range counts {
				chi += (n - want) * (n - want) / want
			}
			if sigma := math.Sqrt(tickets * 0.25 * 0.75); chi > limit || math.Abs(wins-tickets*0.25) > 3*sigma {
				t.Errorf("χ² is %.1f, %v of %d won", chi, wins, tickets)
			}
		})
	}
}

// signAgain signs with the key 0x…01 and a random number of the signer's choice: (r, s) with s = (z + r)/k.
func signAgain(t *testing.T, ticket *payments.Ticket, k common.Hash) payments.SignedTicket {
	t.Helper()
	curve := crypto.S256()
	order := curve.Params().N
	z := new(big.Int).SetBytes(domain.Digest(ticket.Hash()).Bytes())
	x, _ := curve.ScalarBaseMult(k[:])
	rr := new(big.Int).Mod(x, order)
	s := new(big.Int).Add(z, rr) // the private key is 1
	s.Mul(s, new(big.Int).ModInverse(k.Big(), order)).Mod(s, order)
	if s.Cmp(new(big.Int).Rsh(order, 1)) > 0 {
		s.Sub(order, s)
	}
	signed := payments.SignedTicket{Ticket: *ticket}
	rr.FillBytes(signed.Signature[:32])
	s.FillBytes(signed.Signature[32:64])
	return signed
}

package ledger_test

import (
	"math/rand/v2"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	payments "castnet/probabilistic-payments"
	"castnet/probabilistic-payments/ledger"
)

func wei(v uint64) uint256.Int { return *uint256.NewInt(v) }

// play tells n random but consistent events of some leases.
func play(l *ledger.Ledger, seed uint64, n int) {
	r := rand.New(rand.NewPCG(seed, 1))
	for range n {
		e := payments.Event{Lease: common.Hash{byte(r.IntN(5))}, Fee: wei(r.Uint64N(1000))}
		tell := func(k payments.EventKind) { e.Kind = k; l.Observe(e) }
		tell(payments.EventSent)
		tell(payments.EventBilled)
		switch r.IntN(4) {
		case 0:
			tell(payments.EventWrittenOff)
		case 1:
			tell(payments.EventReceived)
		case 2:
			e.Won, e.Amount = true, wei(5000)
			tell(payments.EventReceived)
			tell([]payments.EventKind{payments.EventRedeemed, payments.EventLost, payments.EventReceived}[r.IntN(2)])
		}
	}
}

func sum(t *testing.T, lines []ledger.Totals) (s ledger.Totals) {
	t.Helper()
	for _, l := range lines {
		s.TicketsSent += l.TicketsSent
		s.TicketsReceived += l.TicketsReceived
		s.TicketsWon += l.TicketsWon
		s.Sent.Add(&s.Sent, &l.Sent)
		s.Won.Add(&s.Won, &l.Won)
		s.Unpaid.Add(&s.Unpaid, &l.Unpaid)
	}
	return s
}

// TestLinesAddUp: leases add up to streams, streams to all, whenever a lease is assigned; and the books balance.
func TestLinesAddUp(t *testing.T) {
	for seed := range uint64(20) {
		l := ledger.New()
		l.Assign(common.Hash{0}, "a")
		play(l, seed, 100)
		for i := byte(1); i < 5; i++ {
			l.Assign(common.Hash{i}, string(rune('a'+i%3)))
			play(l, seed+100, 20)
		}
		var leases, streams []ledger.Totals
		for i := range byte(5) {
			leases = append(leases, l.Lease(common.Hash{i}))
		}
		for _, s := range l.Streams() {
			streams = append(streams, s.Totals)
			if got := l.Stream(s.Stream); got != s.Totals {
				t.Errorf("stream %q has two totals", s.Stream)
			}
		}
		if len(streams) != 3 {
			t.Fatalf("%d streams", len(streams))
		}
		all := l.All()
		if a, b := sum(t, leases), sum(t, streams); a != b || a.Sent != all.Sent || a.Won != all.Won || a.Unpaid != all.Unpaid || a.TicketsWon != all.TicketsWon {
			t.Errorf("seed %d: leases %+v\nstreams %+v\nall %+v", seed, a, b, all)
		}
		balance := all.Received
		balance.Add(&balance, &all.WrittenOff)
		balance.Add(&balance, &all.Unpaid)
		if balance != all.Billed {
			t.Errorf("seed %d: billed %s, accounted for %s", seed, all.Billed.Dec(), balance.Dec())
		}
		pending := all.Pending()
		pending.Add(&pending, &all.Redeemed)
		pending.Add(&pending, &all.Lost)
		if pending != all.Won {
			t.Errorf("seed %d: won %s, accounted for %s", seed, all.Won.Dec(), pending.Dec())
		}
	}
}

func TestChangesAreCoalesced(t *testing.T) {
	l := ledger.New()
	changes, stop := l.Changes()
	for range 3 {
		l.Observe(payments.Event{Kind: payments.EventSent})
	}
	<-changes
	select {
	case <-changes:
		t.Error("a second token without a change")
	default:
	}
	l.Observe(payments.Event{Kind: payments.EventSent})
	<-changes
	stop()
	l.Observe(payments.Event{Kind: payments.EventSent})
	select {
	case <-changes:
		t.Error("a token after the end")
	default:
	}
}

func TestUnknownNamesAreZero(t *testing.T) {
	l := ledger.New()
	if l.Stream("x") != (ledger.Totals{}) || l.Lease(common.Hash{1}) != (ledger.Totals{}) || len(l.Streams()) != 0 {
		t.Error("totals out of nothing")
	}
}

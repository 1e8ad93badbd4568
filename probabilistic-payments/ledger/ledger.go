// Package ledger adds up who owes whom: totals by stream and by lease, in exact integers, from the events that package
// payments tells.
package ledger

import (
	"cmp"
	"slices"
	"sync"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	payments "castnet/probabilistic-payments"
)

// Totals is what happened so far, amounts in wei.
//
// A sender sees tickets sent, a recipient the rest. Always: Billed = Received + WrittenOff + Unpaid.
type Totals struct {
	// Sent and Received are fees: what tickets are worth on average, and exactly what receipts cost.
	TicketsSent     uint64
	Sent            uint256.Int
	Receipts        uint64
	Billed          uint256.Int
	TicketsReceived uint64
	Received        uint256.Int
	// WrittenOff is the fees of receipts that were not paid in time, Unpaid of those that may still be.
	WrittenOff, Unpaid uint256.Int
	// Won is what winners pay, Redeemed what the chain paid for them, Lost what it never will.
	// Gas is what redeeming cost. Where the chain paid a winner in part, the rest is lost.
	TicketsWon, TicketsRedeemed, TicketsLost uint64
	Won, Redeemed, Lost, Gas                 uint256.Int
}

// Pending is what winners pay that are neither redeemed nor lost.
func (t *Totals) Pending() uint256.Int {
	pending := t.Won
	pending.Sub(&pending, &t.Redeemed)
	pending.Sub(&pending, &t.Lost)
	return pending
}

// apply adds an event.
func (t *Totals) apply(e *payments.Event) {
	switch e.Kind {
	case payments.EventSent:
		t.TicketsSent++
		t.Sent.Add(&t.Sent, &e.Fee)
	case payments.EventBilled:
		t.Receipts++
		t.Billed.Add(&t.Billed, &e.Fee)
		t.Unpaid.Add(&t.Unpaid, &e.Fee)
	case payments.EventReceived:
		t.TicketsReceived++
		t.Received.Add(&t.Received, &e.Fee)
		t.Unpaid.Sub(&t.Unpaid, &e.Fee)
		if e.Won {
			t.TicketsWon++
			t.Won.Add(&t.Won, &e.Amount)
		}
	case payments.EventWrittenOff:
		t.WrittenOff.Add(&t.WrittenOff, &e.Fee)
		t.Unpaid.Sub(&t.Unpaid, &e.Fee)
	case payments.EventRedeemed:
		t.TicketsRedeemed++
		t.Redeemed.Add(&t.Redeemed, &e.Amount)
		t.Lost.Add(&t.Lost, &e.Short)
	case payments.EventLost:
		t.TicketsLost++
		t.Lost.Add(&t.Lost, &e.Amount)
	case payments.EventTried: // only its gas counts
	}
	t.Gas.Add(&t.Gas, &e.Gas)
}

// Ledger holds the totals. It is safe for concurrent use; the zero value is not: use New.
type Ledger struct {
	mu      sync.Mutex
	all     Totals
	leases  map[common.Hash]*lease
	streams map[string]*Totals
	waiting map[chan struct{}]struct{}
}

type lease struct {
	totals Totals
	stream string // empty until Assign
}

// New returns an empty ledger.
func New() *Ledger {
	return &Ledger{
		leases:  make(map[common.Hash]*lease),
		streams: make(map[string]*Totals),
		waiting: make(map[chan struct{}]struct{}),
	}
}

// Assign says which stream a lease belongs to; its totals so far are added to the stream's.
func (l *Ledger) Assign(id common.Hash, stream string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	entry := l.lease(id)
	if entry.stream == stream {
		return
	}
	entry.stream = stream
	l.restate()
	l.signal()
}

// lease returns a lease's entry, made on first use.
func (l *Ledger) lease(id common.Hash) *lease {
	entry := l.leases[id]
	if entry == nil {
		entry = &lease{}
		l.leases[id] = entry
	}
	return entry
}

// restate adds up the streams anew from their leases.
func (l *Ledger) restate() {
	clear(l.streams)
	for _, entry := range l.leases {
		if entry.stream == "" {
			continue
		}
		l.stream(entry.stream).add(&entry.totals)
	}
}

func (l *Ledger) stream(name string) *Totals {
	totals := l.streams[name]
	if totals == nil {
		totals = &Totals{}
		l.streams[name] = totals
	}
	return totals
}

// add is t += o, field by field.
func (t *Totals) add(o *Totals) {
	counts, others := t.counts(), o.counts()
	for i := range counts {
		*counts[i] += *others[i]
	}
	amounts, more := t.amounts(), o.amounts()
	for i := range amounts {
		amounts[i].Add(amounts[i], more[i])
	}
}

func (t *Totals) counts() [6]*uint64 {
	return [...]*uint64{&t.TicketsSent, &t.Receipts, &t.TicketsReceived, &t.TicketsWon, &t.TicketsRedeemed, &t.TicketsLost}
}

func (t *Totals) amounts() [9]*uint256.Int {
	return [...]*uint256.Int{&t.Sent, &t.Billed, &t.Received, &t.WrittenOff, &t.Unpaid, &t.Won, &t.Redeemed, &t.Lost, &t.Gas}
}

// Observe implements payments.Observer.
func (l *Ledger) Observe(e payments.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	entry := l.lease(e.Lease)
	entry.totals.apply(&e)
	if entry.stream != "" {
		l.stream(entry.stream).apply(&e)
	}
	l.all.apply(&e)
	l.signal()
}

// All is the totals over all leases.
func (l *Ledger) All() Totals {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all
}

// Stream is the totals of one stream.
func (l *Ledger) Stream(name string) Totals {
	l.mu.Lock()
	defer l.mu.Unlock()
	if totals := l.streams[name]; totals != nil {
		return *totals
	}
	return Totals{}
}

// Lease is the totals of one lease.
func (l *Ledger) Lease(id common.Hash) Totals {
	l.mu.Lock()
	defer l.mu.Unlock()
	if entry := l.leases[id]; entry != nil {
		return entry.totals
	}
	return Totals{}
}

// StreamTotals is one stream's line.
type StreamTotals struct {
	Stream string
	Totals
}

// Streams is the totals of each stream, by name.
func (l *Ledger) Streams() []StreamTotals {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := make([]StreamTotals, 0, len(l.streams))
	for name, totals := range l.streams {
		lines = append(lines, StreamTotals{name, *totals})
	}
	slices.SortFunc(lines, func(a, b StreamTotals) int { return cmp.Compare(a.Stream, b.Stream) })
	return lines
}

// Changes returns a channel that holds a token whenever something has changed since it was last read, and a function
// that ends the subscription.
func (l *Ledger) Changes() (changes <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	l.mu.Lock()
	l.waiting[c] = struct{}{}
	l.mu.Unlock()
	return c, func() {
		l.mu.Lock()
		delete(l.waiting, c)
		l.mu.Unlock()
	}
}

// signal wakes subscribers. The caller holds mu.
func (l *Ledger) signal() {
	for c := range l.waiting {
		select {
		case c <- struct{}{}:
		default: // it has not read the last token yet
		}
	}
}

package payments_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	payments "castnet/probabilistic-payments"
	"castnet/probabilistic-payments/store/storetest"
)

// memory is a store without a disk: for tests, and for measuring what is not the store. It survives a "restart" of its
// user, as a disk would.
type memory struct {
	mu      sync.Mutex
	lanes   map[string]*memoryLane
	tickets map[payments.PaymentKey]payments.SignedTicket
	charges map[common.Hash]*payments.ChargeRecord
	keys    map[payments.PaymentKey]bool
	closed  map[payments.EpochID]bool // known epochs
	nonces  map[nonceKey]bool
	senders map[common.Address]payments.SenderRecord
	winners map[common.Hash]*memoryWinner

	promises map[common.Hash]memoryPromise
}

type memoryPromise struct {
	payments.Promise
	till time.Time
}

type memoryLane struct {
	payments.Lane
	ceiling uint64
}

type nonceKey struct {
	sender      common.Address
	lane, nonce uint64
}

type memoryWinner struct {
	payments.Winner
	tries    int
	resolved bool
	outcome  payments.Outcome
}

func newMemory() *memory {
	return &memory{
		lanes: map[string]*memoryLane{}, tickets: map[payments.PaymentKey]payments.SignedTicket{},
		charges: map[common.Hash]*payments.ChargeRecord{}, keys: map[payments.PaymentKey]bool{}, closed: map[payments.EpochID]bool{},
		nonces: map[nonceKey]bool{}, senders: map[common.Address]payments.SenderRecord{}, winners: map[common.Hash]*memoryWinner{},
		promises: map[common.Hash]memoryPromise{},
	}
}

func TestMemoryStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) (storetest.Store, func() storetest.Store) {
		m := newMemory()
		return m, func() storetest.Store { return m }
	})
}

func (m *memory) TakeLane(_ context.Context, holder string) (payments.Lane, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.lanes[holder]
	if l == nil {
		l = &memoryLane{Lane: payments.Lane{ID: uint64(len(m.lanes)) + 1}}
		m.lanes[holder] = l
	}
	l.Term++
	return l.Lane, nil
}

func (m *memory) ReserveNonces(_ context.Context, lane payments.Lane, n uint64) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range m.lanes {
		if l.Lane == lane {
			l.ceiling += n
			return l.ceiling - n, nil
		}
	}
	return 0, payments.ErrLaneTaken
}

func (m *memory) SaveTicket(_ context.Context, key payments.PaymentKey, t *payments.SignedTicket) (payments.SignedTicket, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if stored, ok := m.tickets[key]; ok {
		return stored, nil
	}
	m.tickets[key] = *t
	return *t, nil
}

func (m *memory) Ticket(_ context.Context, key payments.PaymentKey) (payments.SignedTicket, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.tickets[key]
	if !ok {
		return t, payments.ErrNotFound
	}
	return t, nil
}

func (m *memory) Outstanding(_ context.Context, after uint64) (map[uint64]uint256.Int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	sums := map[uint64]uint256.Int{}
	for _, t := range m.tickets {
		if t.Expiry > after {
			sum := sums[t.Expiry/60]
			sum.Add(&sum, &t.Fee)
			sums[t.Expiry/60] = sum
		}
	}
	return sums, nil
}

func (m *memory) Secret(context.Context) ([32]byte, error) {
	return sha256.Sum256([]byte("secret")), nil
}

func (m *memory) AddCharge(_ context.Context, c *payments.Charge) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := payments.EpochID{Lease: c.Lease, Epoch: c.Terms.Epoch}
	if m.charges[c.Receipt] != nil || m.keys[c.PaymentKey] || m.closed[id] {
		return payments.ErrExists
	}
	m.charges[c.Receipt] = &payments.ChargeRecord{Charge: *c}
	m.keys[c.PaymentKey] = true
	m.closed[id] = false
	r := m.senders[c.Sender]
	r.Owed.Add(&r.Owed, &c.Fee)
	m.senders[c.Sender] = r
	return nil
}

func (m *memory) Charge(_ context.Context, receipt common.Hash) (payments.ChargeRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.charges[receipt]; r != nil {
		return *r, nil
	}
	return payments.ChargeRecord{}, payments.ErrNotFound
}

func (m *memory) Accept(_ context.Context, t *payments.SignedTicket, w *payments.Winner) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.charges[t.ReceiptHash]
	nonce := nonceKey{t.Sender, t.Lane, t.Nonce}
	switch {
	case c == nil:
		return payments.ErrNotFound
	case c.State != payments.ChargeOpen:
		return payments.ErrAnswered
	case m.nonces[nonce]:
		return payments.ErrNonceUsed
	}
	m.nonces[nonce] = true
	c.State, c.Ticket, c.Won = payments.ChargePaid, *t, w != nil
	r := m.senders[c.Sender]
	r.Owed.Sub(&r.Owed, &c.Fee)
	r.Paid.Add(&r.Paid, &c.Fee)
	if w != nil {
		pays := w.Payout()
		r.Pending.Add(&r.Pending, &pays)
		m.winners[t.ReceiptHash] = &memoryWinner{Winner: *w}
	}
	m.senders[c.Sender] = r
	return nil
}

func (m *memory) OpenEpochs(context.Context) (map[payments.EpochID][]payments.Charge, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	open := map[payments.EpochID][]payments.Charge{}
	for id, closed := range m.closed {
		if !closed {
			open[id] = nil
		}
	}
	for _, c := range m.charges {
		if c.State == payments.ChargeOpen {
			id := payments.EpochID{Lease: c.Lease, Epoch: c.Terms.Epoch}
			open[id] = append(open[id], c.Charge)
		}
	}
	return open, nil
}

func (m *memory) CloseEpoch(_ context.Context, id payments.EpochID) ([]payments.Charge, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed[id] = true
	var written []payments.Charge
	for _, c := range m.charges {
		if c.State == payments.ChargeOpen && c.Lease == id.Lease && c.Terms.Epoch == id.Epoch {
			c.State = payments.ChargeWrittenOff
			written = append(written, c.Charge)
			r := m.senders[c.Sender]
			r.Owed.Sub(&r.Owed, &c.Fee)
			r.WrittenOff.Add(&r.WrittenOff, &c.Fee)
			m.senders[c.Sender] = r
		}
	}
	return written, nil
}

func (m *memory) Sender(_ context.Context, sender common.Address) (payments.SenderRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.senders[sender], nil
}

// ready reports whether a winner can be redeemed. The caller holds mu.
func (m *memory) ready(w *memoryWinner) bool {
	return !w.resolved && m.closed[payments.EpochID{Lease: w.Lease, Epoch: w.Epoch}]
}

func (m *memory) Redeemable(_ context.Context, limit int) ([]payments.Winner, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var queue []*memoryWinner
	for _, w := range m.winners {
		if m.ready(w) {
			queue = append(queue, w)
		}
	}
	slices.SortFunc(queue, func(a, b *memoryWinner) int {
		return cmp.Or(cmp.Compare(a.tries, b.tries), cmp.Compare(a.Expiry, b.Expiry), cmp.Compare(a.Seq, b.Seq))
	})
	var winners []payments.Winner
	for _, w := range queue[:min(limit, len(queue))] {
		winners = append(winners, w.Winner)
	}
	return winners, nil
}

func (m *memory) Resolve(_ context.Context, receipt common.Hash, o payments.Outcome) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.winners[receipt]
	switch {
	case w == nil:
		return payments.ErrNotFound
	case !m.ready(w):
		return payments.ErrAnswered
	case o.Status == payments.StatusOpen:
		w.tries++
		return nil
	}
	w.resolved, w.outcome = true, o
	r := m.senders[w.Sender]
	pays := w.Payout()
	r.Pending.Sub(&r.Pending, &pays)
	m.senders[w.Sender] = r
	return nil
}

func (m *memory) Queue(_ context.Context, before uint64) (near, ready int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, w := range m.winners {
		if m.ready(w) {
			ready++
			if w.Expiry < before {
				near++
			}
		}
	}
	return near, ready, nil
}

func (m *memory) Promise(_ context.Context, p *payments.Promise, backed uint256.Int, now, till time.Time) (uint256.Int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	taken := m.promised(p.Sender, now, p.Lease, p.Renews)
	pending := m.senders[p.Sender].Pending
	taken.Add(&taken, &pending)
	var free uint256.Int
	if backed.Gt(&taken) {
		free.Sub(&backed, &taken)
	}
	if !free.Lt(&p.Amount) {
		m.promises[p.Lease] = memoryPromise{*p, till}
	}
	return free, nil
}

// promised is the sum of what leases of a sender are promised, except some. The caller holds mu.
func (m *memory) promised(sender common.Address, now time.Time, except ...common.Hash) (sum uint256.Int) {
	for lease, p := range m.promises {
		if p.Sender == sender && p.till.After(now) && !slices.Contains(except, lease) {
			sum.Add(&sum, &p.Amount)
		}
	}
	return sum
}

func (m *memory) Promised(_ context.Context, sender common.Address, except common.Hash, now time.Time) (uint256.Int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.promised(sender, now, except), nil
}

func (m *memory) KeepPromises(_ context.Context, promises []payments.Promise, till time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range promises {
		m.promises[p.Lease] = memoryPromise{p, till}
	}
	return nil
}

func (m *memory) ReleasePromises(_ context.Context, leases []common.Hash) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, lease := range leases {
		delete(m.promises, lease)
	}
	return nil
}

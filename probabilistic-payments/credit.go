package payments

import (
	"context"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// Policy decides on face values and on credit.
type Policy struct {
	// RedeemGas is the gas of redeeming one winner. Default 65,000 (a batch of ten: 39,000 each).
	RedeemGas uint64
	// GasPriceFloor keeps an idle chain from making face values collapse. Wei; default 1 gwei.
	GasPriceFloor uint256.Int
	// GasShare is the part of a face value that redemption may cost, as a divisor. Default 20: 5 %.
	GasShare uint64
	// MinFaceValue and MaxFaceValue bound the face value asked for, beside gas and reserve. Wei; zero is no bound.
	MinFaceValue, MaxFaceValue uint256.Int
	// UnpaidSegments bounds unpaid work of a lease, in largest segment fees. Default 8.
	UnpaidSegments uint64
	// UnknownSegments is the bound for a sender that has not paid a single receipt yet. Default 2.
	UnknownSegments uint64
	// SecondChance is how often a sender whose unpaid work leaves no room gets UnknownSegments all the same: what was written
	// off can be somebody's bad day, and only who is served can pay. Default 1 h.
	SecondChance time.Duration
}

func (p *Policy) validate() error {
	setDefault(&p.RedeemGas, 65_000)
	setDefault(&p.GasPriceFloor, *uint256.NewInt(1_000_000_000))
	setDefault(&p.GasShare, 20)
	setDefault(&p.UnpaidSegments, 8)
	setDefault(&p.UnknownSegments, 2)
	setDefault(&p.SecondChance, time.Hour)
	if exceeds(&p.MinFaceValue, &p.MaxFaceValue) {
		return fmt.Errorf("payments policy: min face value %s is above max face value %s",
			FormatWei(&p.MinFaceValue), FormatWei(&p.MaxFaceValue))
	}
	return nil
}

// FaceValue is what a winner should pay at a gas price: the redemption's gas is 1/GasShare of it.
func (p *Policy) FaceValue(gasPrice uint256.Int) uint256.Int {
	if gasPrice.Lt(&p.GasPriceFloor) {
		gasPrice = p.GasPriceFloor
	}
	var face uint256.Int
	if _, overflow := face.MulOverflow(&gasPrice, uint256.NewInt(p.RedeemGas*p.GasShare)); overflow {
		face.SetAllOne()
	}
	if face.Lt(&p.MinFaceValue) {
		face = p.MinFaceValue
	}
	if exceeds(&face, &p.MaxFaceValue) {
		face = p.MaxFaceValue
	}
	return face
}

// Offer is the money side of a quote.
type Offer struct{ MaxFaceValue, MaxUnpaid uint256.Int }

// Ask is what a lease is wanted for.
type Ask struct {
	Sender common.Address
	// Round is the one whose reserve share backs the lease.
	Round uint64
	// LargestFee is the fee of the largest segment that the lease can have, in wei.
	LargestFee uint256.Int
	// Renews is the open lease that this one takes over from; zero for a new one.
	Renews common.Hash
}

// Quote decides on what terms a sender gets a lease. A *Refusal names what the sender lacks.
func (r *Recipient) Quote(ctx context.Context, ask Ask) (Offer, error) {
	sender, largestFee := ask.Sender, ask.LargestFee
	record, err := r.cfg.Store.Sender(ctx, sender)
	if err != nil {
		return Offer{}, fmt.Errorf("look up sender %s: %w", sender, err)
	}
	free, err := r.free(ctx, &ask, &record)
	if err != nil {
		return Offer{}, err
	}
	gasPrice, err := r.cfg.Gas.GasPrice(ctx)
	if err != nil {
		return Offer{}, fmt.Errorf("read the gas price: %w", err)
	}
	face := r.cfg.Policy.FaceValue(gasPrice)
	if face.Lt(&largestFee) {
		face = largestFee
	}
	if free.Lt(&face) {
		face = free // worth less to redeem, but good money still
	}
	// The gas of a redemption must not eat the winner: at least twice the gas, and the largest segment's fee.
	least := r.cfg.Policy.FaceValue(gasPrice)
	least.Div(&least, uint256.NewInt(max(1, r.cfg.Policy.GasShare/2)))
	if least.Lt(&largestFee) {
		least = largestFee
	}
	if face.Lt(&least) {
		missing := saturatingSub(&least, free)
		return Offer{}, &Refusal{
			Code:    CodeReserveShort,
			Message: "the reserve share of " + sender.Hex() + " is too small for a ticket",
			Asked:   FormatWei(&least), Limit: FormatWei(&free),
			Knob: "castnet deposit reserve: add " + FormatWei(&missing) + " for each orchestrator of the active set; or castnet deposit allocate",
		}
	}
	unpaid, err := r.creditLimit(sender, &record, &largestFee)
	return Offer{MaxFaceValue: face, MaxUnpaid: unpaid}, err
}

// backed is what stands behind a sender's tickets: what is left of its share in the round. The share is of the reserve as
// the round began; what has been withdrawn or claimed since backs nothing.
func (r *Recipient) backed(ctx context.Context, sender common.Address, round uint64) (uint256.Int, error) {
	account, err := r.cfg.Accounts.Account(ctx, sender, r.cfg.Address, round)
	if err != nil {
		return uint256.Int{}, fmt.Errorf("read the account of %s: %w", sender, err)
	}
	if account.Unlocking {
		return uint256.Int{}, &Refusal{Code: CodeUnlocking, Message: sender.Hex() + " is withdrawing its funds", Knob: "castnet deposit unlock --cancel"}
	}
	if account.Reserve.Lt(&account.Share) {
		return account.Reserve, nil
	}
	return account.Share, nil
}

// available is what a sender's share can still back: what backs it, less winners not redeemed yet.
func (r *Recipient) available(ctx context.Context, sender common.Address, round uint64, record *SenderRecord) (uint256.Int, error) {
	backed, err := r.backed(ctx, sender, round)
	return saturatingSub(&backed, record.Pending), err
}

// creditLimit bounds a lease's unpaid work: two segments for a stranger, less what it left unpaid before.
func (r *Recipient) creditLimit(sender common.Address, record *SenderRecord, largestFee *uint256.Int) (uint256.Int, error) {
	segments := r.cfg.Policy.UnpaidSegments
	if record.Paid.IsZero() {
		segments = r.cfg.Policy.UnknownSegments
	}
	limit := scaled(largestFee, segments)
	// What was written off counts until nine times as much has been paid since: endless new leases get nowhere.
	bad := record.WrittenOff
	forgiven := record.Paid
	forgiven.Div(&forgiven, uint256.NewInt(9))
	bad = saturatingSub(&bad, forgiven)
	debt := record.Owed // at all processes that share the store
	debt.Add(&debt, &bad)
	left := saturatingSub(&limit, debt)
	if left.Lt(largestFee) {
		if r.secondChance(sender) {
			debt = scaled(largestFee, r.cfg.Policy.UnknownSegments)
			if _, overflow := debt.AddOverflow(&debt, &record.Owed); !overflow {
				return debt, nil
			}
		}
		return uint256.Int{}, &Refusal{
			Code: CodeDebt, Message: "unpaid work of " + sender.Hex() + " leaves no room for another segment",
			Asked: FormatWei(largestFee), Limit: FormatWei(&left), Knob: "pay the open receipts, or come back in " + r.cfg.Policy.SecondChance.String() + "; the orchestrator's --unpaid-segments, --unknown-segments, --second-chance",
		}
	}
	return limit, nil
}

// maxChances bounds the senders whose last second chance is remembered.
const maxChances = 4096

// secondChance reports whether a sender's last one is long enough ago, and uses it up.
func (r *Recipient) secondChance(sender common.Address) bool {
	now := r.cfg.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if last, ok := r.chances[sender]; ok && now.Sub(last) < r.cfg.Policy.SecondChance {
		return false
	}
	if len(r.chances) >= maxChances {
		for who, last := range r.chances {
			if now.Sub(last) >= r.cfg.Policy.SecondChance {
				delete(r.chances, who)
			}
		}
	}
	if len(r.chances) >= maxChances {
		return false
	}
	r.chances[sender] = now
	return true
}

// LeaseTerms is what a Recipient has to know of a lease.
type LeaseTerms struct {
	Lease       common.Hash
	Sender      common.Address
	Lane, Round uint64
	// MaxFaceValue and MaxUnpaid are the lease's, as offered by Quote; wei.
	MaxFaceValue, MaxUnpaid uint256.Int
	// Renews is the open lease that this one takes over from, as in Ask.
	Renews common.Hash
	// LastExpiry, unless 0, is the latest expiry (Unix seconds) that the chain allows a ticket of the round.
	LastExpiry uint64
}

// lease is the credit of an open lease.
type lease struct {
	LeaseTerms
	unpaid      uint256.Int // fees of open charges
	open        int         // open charges
	work        uint256.Int // work that is in no receipt yet
	epoch       *epoch      // where the next receipt belongs; nil before the first
	epochNumber uint64
}

// senderCredit is what one sender owes beside its open leases.
type senderCredit struct {
	dead   uint256.Int // fees of open charges of leases that are over
	open   int         // their number
	leases int         // open leases
}

// owe adds open charges of leases that are over.
func (s *senderCredit) owe(fees *uint256.Int, charges int) {
	s.dead.Add(&s.dead, fees)
	s.open += charges
}

// sender returns a sender's credit, made on first use. The caller holds mu (or is alone).
func (r *Recipient) sender(a common.Address) *senderCredit {
	s := r.senders[a]
	if s == nil {
		s = &senderCredit{}
		r.senders[a] = s
	}
	return s
}

// forget drops a sender that has nothing open. The caller holds mu.
func (r *Recipient) forget(a common.Address) {
	if s := r.senders[a]; s != nil && s.leases == 0 && s.open == 0 {
		delete(r.senders, a)
	}
}

// OpenLease begins to meter a lease. Quotes promise nothing: it is here that the face values of a sender's open leases, at
// all processes of this recipient, must fit into its share together. A *Refusal says that they don't.
func (r *Recipient) OpenLease(ctx context.Context, terms LeaseTerms) error {
	if _, err := r.leaseTerms(terms.Lease); err == nil {
		return fmt.Errorf("lease %s is open already", terms.Lease)
	}
	if err := r.promise(ctx, &terms); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.over, terms.Lease)
	r.leases[terms.Lease] = &lease{LeaseTerms: terms}
	r.sender(terms.Sender).leases++
	return nil
}

// CloseLease ends a lease. Its open receipts can still be paid, and stay its sender's debt until then.
func (r *Recipient) CloseLease(id common.Hash) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.leases[id]
	if l == nil {
		return
	}
	delete(r.leases, id)
	r.over[id] = true
	if l.epoch != nil {
		l.epoch.sealed = true
	}
	s := r.sender(l.Sender)
	s.leases--
	s.owe(&l.unpaid, l.open)
	r.forget(l.Sender)
}

// Meter says how much work a lease has in hand that is in no receipt yet, in wei; it replaces what was said before. A
// *Refusal says that work and unpaid receipts, those of the sender's earlier leases included, exceed the limit: take no
// more until it is paid.
func (r *Recipient) Meter(id common.Hash, work uint256.Int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.leases[id]
	if l == nil {
		return unknownLease(id)
	}
	l.work = work
	owed := r.owedBy(l)
	if owed.Gt(&l.MaxUnpaid) {
		return &Refusal{
			Code: CodeDebt, Message: "unpaid work has reached the lease's limit", Asked: FormatWei(&owed), Limit: FormatWei(&l.MaxUnpaid),
			Knob: "pay the open receipts; the orchestrator's --unpaid-segments",
		}
	}
	return nil
}

// owedBy is all that counts against a lease's limit: what its predecessor owes, too, while that one is open. The caller
// holds mu.
func (r *Recipient) owedBy(l *lease) uint256.Int {
	owed := r.sender(l.Sender).dead
	if before := r.leases[l.Renews]; before != nil {
		owed.Add(&owed, &before.unpaid)
	}
	owed.Add(&owed, &l.unpaid)
	owed.Add(&owed, &l.work)
	return owed
}

// Unpaid is what a lease owes for receipts, in wei; of a lease that is over it is counted from its open charges.
func (r *Recipient) Unpaid(id common.Hash) uint256.Int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l := r.leases[id]; l != nil {
		return l.unpaid
	}
	var sum uint256.Int
	for _, c := range r.open {
		if c.Lease == id {
			sum.Add(&sum, &c.Fee)
		}
	}
	return sum
}

// Debtor is the sender that owes for receipts of a lease; false where nothing is owed.
func (r *Recipient) Debtor(id common.Hash) (common.Address, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.open {
		if c.Lease == id {
			return c.Sender, true
		}
	}
	return common.Address{}, false
}

// Owed is what a sender owes for receipts over all leases, in wei.
func (r *Recipient) Owed(sender common.Address) uint256.Int {
	r.mu.Lock()
	defer r.mu.Unlock()
	var sum uint256.Int
	if s := r.senders[sender]; s != nil {
		sum = s.dead
	}
	for _, l := range r.leases {
		if l.Sender == sender {
			sum.Add(&sum, &l.unpaid)
		}
	}
	return sum
}

// saturatingSub is max(0, a − b).
func saturatingSub(a *uint256.Int, b uint256.Int) uint256.Int {
	var d uint256.Int
	if a.Gt(&b) {
		d.Sub(a, &b)
	}
	return d
}

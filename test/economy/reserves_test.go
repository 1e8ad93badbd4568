package economy_test

import (
	"maps"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
)

// one is the whole of a budget, in the unit of fractions.
const one = 1e18

const maxRoots = 64

// sender is a broadcaster's account, without its money, which the books have.
type sender struct {
	unlockAt, period uint64
	budgets          map[uint64]budget
	promises         map[rootID]map[common.Address]num // what is under a root
	claims           map[enrolment]claim
}

type rootID struct{ period, index uint64 }

type enrolment struct {
	period uint64
	who    common.Address
}

type budget struct {
	total, spent num
	roots        uint64
}

type claim struct {
	spent, allotted num
	roots           uint64
}

// nonce is what can be paid once.
type nonce struct {
	sender, recipient common.Address
	lane, number      uint64
}

// paid is what was paid of a ticket.
type paid struct {
	full bool
	part num
}

// ticket is a ticket as the model judges it.
type ticket struct {
	nonce
	fee, face     num
	round, expiry uint64
	signer        common.Address
	draw          common.Hash
	wrongRand     bool
}

func newSender() *sender {
	return &sender{budgets: map[uint64]budget{}, promises: map[rootID]map[common.Address]num{}, claims: map[enrolment]claim{}}
}

func (s *sender) clone() *sender {
	c := *s
	c.budgets, c.promises, c.claims = maps.Clone(s.budgets), maps.Clone(s.promises), maps.Clone(s.claims)
	return &c
}

func (m *model) period() uint64 { return m.round() / m.periodRounds }

// isLive tells whether a ticket of a period may still be good.
func (m *model) isLive(period uint64) bool {
	return m.now <= m.genesis+(period+1)*m.periodRounds*m.roundLength+m.validity
}

// total is a budget: as written down, or as it began since.
func (m *model) total(who common.Address, period uint64) num {
	s, current := m.senders[who], m.period()
	b := s.budgets[period]
	begun := period > s.period && period <= current
	if !begun || b.roots != 0 {
		return b.total
	}
	if s.unlockAt != 0 || period+1 < current {
		return num{}
	}
	held := m.wei.of(reserve(who))
	before := sub(m.total(who, period-1), s.budgets[period-1].spent)
	return minOf(div(held, n(2)), sub(held, before))
}

// promised is what tickets may still claim of a reserve, or was allocated ahead.
func (m *model) promised(who common.Address) num {
	s, current := m.senders[who], m.period()
	sum := add(sub(m.total(who, current), s.budgets[current].spent), s.budgets[current+1].total)
	if current != 0 && m.isLive(current-1) {
		sum = add(sum, sub(m.total(who, current-1), s.budgets[current-1].spent))
	}
	return sum
}

// begin writes the budgets down that have begun; it comes before every change of reserve, lock or budget.
func (m *model) begin(who common.Address) uint64 {
	s, current := m.senders[who], m.period()
	if s.period == current {
		return current
	}
	from := current
	if s.period+1 != current {
		from--
	}
	for period := from; period <= current; period++ {
		b := s.budgets[period]
		b.total = m.total(who, period)
		s.budgets[period] = b
	}
	s.period = current
	return current
}

// raise lets the present budget grow to what the reserve allows.
func (m *model) raise(who common.Address) {
	s, current := m.senders[who], m.period()
	b := s.budgets[current]
	if b.roots != 0 {
		return
	}
	held := m.wei.of(reserve(who))
	half := div(add(held, b.spent), n(2))
	most := sub(add(b.total, held), m.promised(who))
	b.total = maxOf(b.total, minOf(half, most))
	s.budgets[current] = b
}

func (m *model) fund(who common.Address, toDeposit, toReserve, value num) error {
	if add(toDeposit, toReserve) != value {
		return refusal("ValueMismatch")
	}
	if value.IsZero() {
		return refusal("NoFunds")
	}
	m.begin(who)
	m.wei.post(wallet(who), deposit(who), toDeposit)
	m.wei.post(wallet(who), reserve(who), toReserve)
	m.senders[who].unlockAt = 0
	m.raise(who)
	return nil
}

func (m *model) allocate(who common.Address, period uint64, promises map[common.Address]num, value num) error {
	s := m.senders[who]
	if s.unlockAt != 0 {
		return refusal("AlreadyUnlocking")
	}
	current := m.begin(who)
	if period != current && period != current+1 {
		return refusal("NotCurrentPeriod")
	}
	b := s.budgets[period]
	if b.roots == 0 && !b.total.IsZero() {
		return refusal("SharedEqually")
	}
	if b.roots == maxRoots {
		return refusal("TooManyRoots")
	}
	m.wei.post(wallet(who), reserve(who), value)
	var sum num
	for _, p := range promises {
		sum = add(sum, p)
	}
	if less(sub(m.wei.of(reserve(who)), m.promised(who)), sum) {
		return refusal("OverPromised")
	}
	s.promises[rootID{period, b.roots}] = promises
	b.total, b.roots = add(b.total, sum), b.roots+1
	s.budgets[period] = b
	return nil
}

func (m *model) allot(who common.Address, period, index uint64, recipient common.Address, amount num) error {
	s := m.senders[who]
	if promise, ok := s.promises[rootID{period, index}][recipient]; !ok || promise != amount {
		return refusal("InvalidProof")
	}
	c := s.claims[enrolment{period, recipient}]
	if c.roots&(1<<index) != 0 {
		return refusal("AlreadyAllotted")
	}
	c.roots |= 1 << index
	c.allotted = add(c.allotted, amount)
	s.claims[enrolment{period, recipient}] = c
	return nil
}

func (m *model) unlockFunds(who common.Address) error {
	s := m.senders[who]
	if sum := add(m.wei.of(deposit(who)), m.wei.of(reserve(who))); sum.IsZero() {
		return refusal("NoFunds")
	}
	if s.unlockAt != 0 {
		return refusal("AlreadyUnlocking")
	}
	if next := m.begin(who) + 1; s.budgets[next].roots != 0 {
		return refusal("AllocatedAhead")
	}
	s.unlockAt = m.now + m.unlock
	return nil
}

func (m *model) cancelUnlock(who common.Address) error {
	s := m.senders[who]
	if s.unlockAt == 0 {
		return refusal("Locked")
	}
	m.begin(who)
	s.unlockAt = 0
	m.raise(who)
	return nil
}

func (m *model) withdrawFunds(who common.Address) error {
	s := m.senders[who]
	if s.unlockAt == 0 || m.now < s.unlockAt {
		return refusal("Locked")
	}
	m.begin(who)
	m.wei.post(deposit(who), wallet(who), m.wei.of(deposit(who)))
	m.wei.post(reserve(who), wallet(who), m.wei.of(reserve(who)))
	s.unlockAt = 0
	return nil
}

func (m *model) enrol(round uint64, who common.Address) error {
	e := enrolment{round / m.periodRounds, who}
	if round < m.round() || e.period > m.period()+1 {
		return refusal("NotCurrentRound")
	}
	if f := m.fractions[e]; !f.IsZero() {
		return nil
	}
	if i := m.place(who); i < 0 || m.active[i].from > m.round() {
		return refusal("NotEligible")
	}
	size := uint64(len(m.active))
	given := m.given[e.period]
	m.fractions[e] = minOf(n(one/(size+size/4+1)), div(sub(n(one), given), n(2)))
	m.given[e.period] = add(given, m.fractions[e])
	return nil
}

// promise is what a sender's reserve guarantees to a recipient for a period, and what of it was claimed.
func (m *model) promise(who, recipient common.Address, period uint64) (share, claimed num) {
	s, e := m.senders[who], enrolment{period, recipient}
	claimed = s.claims[e].spent
	switch {
	case !m.isLive(period):
	case s.budgets[period].roots != 0:
		share = s.claims[e].allotted
	default:
		share = mulDiv(m.total(who, period), m.fractions[e], n(one))
	}
	return share, claimed
}

// Why a ticket is not paid, as the contract numbers it.
const (
	good = iota
	used
	expired
	wrongRound
	wrongRand
	wrongSigner
	notWinning
	insufficient
	wrongRelayer
)

// judge says what is wrong with a ticket, apart from money.
func (m *model) judge(caller common.Address, t ticket) int {
	relayer := m.relayers[t.recipient]
	if relayer != (common.Address{}) && caller != relayer && caller != t.recipient {
		return wrongRelayer
	}
	if m.tickets[t.nonce].full {
		return used
	}
	if m.now > t.expiry {
		return expired
	}
	if t.round > m.round() || t.expiry > m.genesis+(t.round+1)*m.roundLength+m.validity {
		return wrongRound
	}
	if t.wrongRand {
		return wrongRand
	}
	if t.signer == (common.Address{}) || (t.signer != t.sender && m.now > m.signers[pair{t.sender, t.signer}]) {
		return wrongSigner
	}
	if !t.wins() {
		return notWinning
	}
	return good
}

// wins is the draw by the word of the document: below ⌈fee · 2^256 / face value⌉.
func (t ticket) wins() bool {
	if t.fee.IsZero() {
		return false
	}
	if !less(t.fee, t.face) {
		return true
	}
	scaled := new(big.Int).Lsh(t.fee.ToBig(), 256)
	chance, rest := scaled.DivMod(scaled, t.face.ToBig(), new(big.Int))
	if rest.Sign() != 0 {
		chance.Add(chance, big.NewInt(1))
	}
	return t.draw.Big().Cmp(chance) < 0
}

// funds is where the money of a winner comes from, and what stays due.
func (m *model) funds(t ticket) (fromDeposit, fromReserve, left num) {
	due := over(maxOf(t.fee, t.face), m.tickets[t.nonce].part)
	fromDeposit = minOf(due, m.wei.of(deposit(t.sender)))
	left = sub(due, fromDeposit)
	if !left.IsZero() {
		share, claimed := m.promise(t.sender, t.recipient, t.round/m.periodRounds)
		fromReserve = minOf(left, sub(share, claimed))
		left = sub(left, fromReserve)
	}
	return fromDeposit, fromReserve, left
}

// pay moves the money of a ticket.
func (m *model) pay(t ticket) {
	fromDeposit, fromReserve, left := m.funds(t)
	state := m.tickets[t.nonce]
	state.full = left.IsZero()
	state.part = add(state.part, add(fromDeposit, fromReserve))
	if state.full {
		state.part = num{}
	}
	m.tickets[t.nonce] = state
	m.wei.post(deposit(t.sender), owed(t.recipient), fromDeposit)
	if fromReserve.IsZero() {
		return
	}
	m.begin(t.sender)
	s, e := m.senders[t.sender], enrolment{t.round / m.periodRounds, t.recipient}
	b, c := s.budgets[e.period], s.claims[e]
	b.spent, c.spent = add(b.spent, fromReserve), add(c.spent, fromReserve)
	s.budgets[e.period], s.claims[e] = b, c
	m.wei.post(reserve(t.sender), owed(t.recipient), fromReserve)
}

func rejected(reason int) refusal { return refusal("TicketRejected " + string(rune('0'+reason))) }

func (m *model) redeem(caller common.Address, t ticket, least num) error {
	if reason := m.judge(caller, t); reason != good {
		return rejected(reason)
	}
	fromDeposit, fromReserve, _ := m.funds(t)
	payable := add(fromDeposit, fromReserve)
	if payable.IsZero() {
		return rejected(insufficient)
	}
	if less(payable, least) {
		return refusal("PayoutTooLow")
	}
	m.pay(t)
	return nil
}

// redeemAll is a batch: what cannot be paid in full is passed over.
func (m *model) redeemAll(caller common.Address, tickets []ticket) error {
	for _, t := range tickets {
		if m.judge(caller, t) != good {
			continue
		}
		fromDeposit, fromReserve, left := m.funds(t)
		if sum := add(fromDeposit, fromReserve); left.IsZero() && !sum.IsZero() {
			m.pay(t)
		}
	}
	return nil
}

func (m *model) sweep(recipient common.Address) error {
	if amount := m.wei.of(owed(recipient)); !amount.IsZero() {
		m.depositFees(recipient, owed(recipient), amount)
	}
	return nil
}

func (m *model) revokeSigner(who, signer common.Address) error {
	if m.signers[pair{who, signer}] == ^uint64(0) {
		m.signers[pair{who, signer}] = m.now + m.unlock
	}
	return nil
}

// commitment is a challenger's.
type commitment struct {
	who  common.Address
	hash common.Hash
}

// offence is what evidence proves.
type offence struct {
	orchestrator, broadcaster, signer common.Address
	round                             uint64
	lease                             common.Hash
}

func (m *model) commit(c commitment, value num) error {
	if value != m.bond {
		return refusal("WrongBond")
	}
	if m.committed[c] != 0 {
		return refusal("AlreadyCommitted")
	}
	m.committed[c] = m.now
	m.wei.post(wallet(c.who), bonds, value)
	return nil
}

func (m *model) reveal(c commitment, o offence) error {
	made := m.committed[c]
	switch {
	case made == 0:
		return refusal("NotCommitted")
	case m.now < made+m.revealDelay || m.now > made+m.revealWindow:
		return refusal("NotNow")
	case o.round > m.round() || made > m.genesis+(o.round+1)*m.roundLength+m.evidencePeriod:
		return refusal("OutOfTime")
	case m.pools[o.orchestrator].operatorAt(o.round) != o.signer:
		return refusal("NotTheOperator")
	case m.punished[o.lease]:
		return refusal("AlreadyPunished")
	}
	delete(m.committed, c)
	m.punished[o.lease] = true
	stake := at(m.pools[o.orchestrator].history, o.round, num{})
	period := enrolment{o.round / m.periodRounds, o.orchestrator}
	part := min(m.slashPart, m.periodPart-m.penalties[period])
	m.penalties[period] += part
	taken, own := m.slash(o.orchestrator, mulDiv(stake, n(part), n(ppm)))
	m.jail(o.orchestrator, m.round()+m.jailRounds)
	toChallenger, toBroadcaster := mulDiv(own, n(m.challengerPart), n(ppm)), mulDiv(own, n(m.broadcasterPart), n(ppm))
	m.cast.post(transit, wallet(c.who), toChallenger)
	m.cast.post(transit, wallet(o.broadcaster), toBroadcaster)
	m.cast.post(transit, wallet(m.treasury), sub(taken, add(toChallenger, toBroadcaster)))
	m.wei.post(bonds, wallet(c.who), m.bond)
	return nil
}

func (m *model) forfeit(c commitment) error {
	made := m.committed[c]
	if made == 0 {
		return refusal("NotCommitted")
	}
	if m.now <= made+m.revealWindow {
		return refusal("NotNow")
	}
	delete(m.committed, c)
	m.wei.post(bonds, wallet(m.treasury), m.bond)
	return nil
}

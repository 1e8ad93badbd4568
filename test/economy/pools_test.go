package economy_test

import (
	"slices"

	"github.com/ethereum/go-ethereum/common"
)

// pool is one orchestrator, without its money, which the books have.
type pool struct {
	registered          bool
	shares, mark        num // mark: perStake when it took its emission last
	rewardCut, feeShare uint64
	nextReward, nextFee uint64
	cutsAt              uint64 // when the announced cuts hold; 0: announced none
	feePerShare         num    // wei ever, × 2^96
	jailedUntil         uint64
	exitShares, ownExit num
	history             []since // stake by round
	survival            []since // of delegated stake, × 10^27, by time
	operators           []key
}

// since is a value that holds from a round or a time on.
type since struct {
	from  uint64
	value num
}

type key struct {
	from uint64
	who  common.Address
}

type position struct{ shares, mark, fees num }

type lock struct {
	pool    common.Address
	release uint64
	shares  num
}

type move struct {
	from             common.Address
	amount, survival num
	until            uint64 // 0: none
}

// whole is what no slash has touched yet.
var whole = mul(n(1e9), mul(n(1e9), n(1e9)))

var all = sub(num{}, n(1))

func (p *pool) clone() *pool {
	c := *p
	c.history, c.survival, c.operators = slices.Clone(p.history), slices.Clone(p.survival), slices.Clone(p.operators)
	return &c
}

// at is the last value that holds at a time.
func at(list []since, time uint64, otherwise num) num {
	for _, s := range slices.Backward(list) {
		if s.from <= time {
			return s.value
		}
	}
	return otherwise
}

func push(list []since, s since) []since {
	if last := len(list) - 1; last >= 0 && list[last].from == s.from {
		list[last] = s
		return list
	}
	return append(list, s)
}

func (p *pool) survives() num { return at(p.survival, ^uint64(0), whole) }

func (p *pool) operatorAt(round uint64) (who common.Address) {
	for _, k := range p.operators {
		if k.from <= round {
			who = k.who
		}
	}
	return who
}

// prepare is how transactions about a pool begin: it must exist, the round's emission comes in, and it takes its part.
func (m *model) prepare(id common.Address) error {
	if !m.pools[id].registered {
		return refusal("NotRegistered")
	}
	m.collect()
	m.settle(id)
	return nil
}

// due is what a pool has coming of the emission, and the owner's cut of it.
func (m *model) due(id common.Address) (amount, cut num) {
	p := m.pools[id]
	if !m.isActive(id) {
		return num{}, num{}
	}
	amount = shr(mul(m.cast.of(bonded(id)), sub(m.perStake, p.mark)), 64)
	return amount, mulDiv(amount, n(p.rewardCut), n(ppm))
}

// settle gives a pool its part of the emission; cuts that were announced hold for what comes after.
func (m *model) settle(id common.Address) num {
	p := m.pools[id]
	amount, cut := m.due(id)
	if !amount.IsZero() {
		p.mark = m.perStake
		m.cast.post(emission, commission(id), cut)
		m.cast.post(emission, bonded(id), sub(amount, cut))
	}
	if p.cutsAt != 0 && m.now >= p.cutsAt {
		p.rewardCut, p.feeShare, p.cutsAt = p.nextReward, p.nextFee, 0
	}
	return amount
}

func (m *model) record(id common.Address) {
	p := m.pools[id]
	p.history = push(p.history, since{m.nextRound(), m.cast.of(bonded(id))})
}

func (m *model) worth(id, who common.Address) num {
	p, mine := m.pools[id], m.positions[pair{id, who}]
	if mine.shares.IsZero() {
		return num{}
	}
	return mulDiv(mine.shares, m.cast.of(bonded(id)), p.shares)
}

// sold is how many shares of a pot go for an amount.
func sold(amount, stake, shares num) num { return mulDivUp(amount, shares, stake) }

func bought(amount, stake, shares num) num {
	if shares.IsZero() {
		return amount
	}
	return mulDiv(amount, shares, stake)
}

// buy puts CAST of an account into a pool for somebody; the fees of the position stay what they were.
func (m *model) buy(id, who common.Address, from account, amount num) error {
	p, mine := m.pools[id], m.positions[pair{id, who}]
	shares := bought(amount, m.cast.of(bonded(id)), p.shares)
	if shares.IsZero() {
		return refusal("ZeroAmount")
	}
	// Neither are there more than 2^96 shares, nor is one sold that is worth more than 2^24 CAST units.
	if total := add(p.shares, shares); total.BitLen() > 96 || less(p.shares, shr(m.cast.of(bonded(id)), 24)) {
		return refusal("PoolWornOut")
	}
	if mine.mark != p.feePerShare {
		missed := mul(mine.shares, sub(p.feePerShare, mine.mark))
		mine.mark = sub(p.feePerShare, div(missed, add(mine.shares, shares)))
	}
	mine.shares, p.shares = add(mine.shares, shares), add(p.shares, shares)
	m.positions[pair{id, who}] = mine
	m.cast.post(from, bonded(id), amount)
	m.record(id)
	return nil
}

// sell takes an amount out of a pool for shares; the fees of the position are set aside.
func (m *model) sell(id, who common.Address, to account, amount, shares num) {
	p, mine := m.pools[id], m.positions[pair{id, who}]
	mine.fees = add(mine.fees, m.unclaimed(id, who))
	mine.shares, mine.mark = sub(mine.shares, shares), p.feePerShare
	p.shares = sub(p.shares, shares)
	m.positions[pair{id, who}] = mine
	m.cast.post(bonded(id), to, amount)
	m.record(id)
}

func (m *model) unclaimed(id, who common.Address) num {
	mine := m.positions[pair{id, who}]
	return mulDiv(mine.shares, sub(m.pools[id].feePerShare, mine.mark), shl(n(1), 96))
}

func (m *model) joinIfFree(id common.Address) {
	fit := !m.isActive(id) && len(m.active) < m.maxActive && m.round() >= m.pools[id].jailedUntil
	if fit && !less(m.worth(id, id), m.minSelfStake) {
		m.enter(id)
	}
}

func (m *model) enter(id common.Address) {
	m.active = append(m.active, member{id, m.nextRound()})
	m.pools[id].mark = m.perStake
}

func (m *model) leave(id common.Address) {
	if i := m.place(id); i >= 0 {
		m.active = slices.Delete(m.active, i, i+1)
	}
}

func (m *model) leaveIfUnfit(id common.Address) {
	if less(m.worth(id, id), m.minSelfStake) {
		m.leave(id)
	}
}

// exit is where stake waits on its way out of a pool, and its shares.
func (m *model) exit(id, who common.Address) (account, *num) {
	if who == id {
		return ownLeaving(id), &m.pools[id].ownExit
	}
	return leaving(id), &m.pools[id].exitShares
}

func (m *model) delegate(who, id common.Address, amount num) error {
	if err := m.prepare(id); err != nil {
		return err
	}
	if err := m.buy(id, who, wallet(who), amount); err != nil {
		return err
	}
	if who == id {
		m.joinIfFree(id)
	}
	if left := m.cast.of(wallet(who)); left.BitLen() > 128 { // overdrawn
		return refusal("ERC20InsufficientBalance")
	}
	return nil
}

// take sells what somebody asks for of its position, or all that may leave, into transit.
func (m *model) take(id, who common.Address, amount num) (num, error) {
	m.settleMove(id, who)
	p, running, worth := m.pools[id], m.moves[pair{id, who}], m.worth(id, who)
	free := over(worth, running.amount)
	if amount == all {
		amount = free
	}
	switch {
	case less(worth, amount):
		return num{}, refusal("InsufficientStake")
	case less(free, amount), free.IsZero() && !worth.IsZero():
		return num{}, refusal("MoveRunning")
	case amount.IsZero():
		return num{}, refusal("ZeroAmount")
	}
	shares := m.positions[pair{id, who}].shares
	if amount != worth {
		shares = sold(amount, m.cast.of(bonded(id)), p.shares)
	}
	m.sell(id, who, transit, amount, shares)
	return amount, nil
}

// transit is between two accounts of one action.
var transit = account{what: "transit"}

func (m *model) unbond(who, id common.Address, amount num) error {
	if err := m.prepare(id); err != nil {
		return err
	}
	amount, err := m.take(id, who, amount)
	if err != nil {
		return err
	}
	pot, shares := m.exit(id, who)
	got := bought(amount, m.cast.of(pot), *shares)
	*shares = add(*shares, got)
	m.cast.post(transit, pot, amount)
	m.locks[who] = append(m.locks[who], lock{id, m.now + m.unbonding, got})
	if who == id {
		m.leaveIfUnfit(id)
	}
	return nil
}

// open ends an unbonding and puts what is left of it into transit.
func (m *model) open(who common.Address, id, time uint64) (from common.Address, amount num, err error) {
	if id >= uint64(len(m.locks[who])) || m.locks[who][id].shares.IsZero() || time < m.locks[who][id].release {
		return from, amount, refusal("NotReleased")
	}
	l := m.locks[who][id]
	pot, shares := m.exit(l.pool, who)
	amount = mulDiv(l.shares, m.cast.of(pot), *shares)
	*shares = sub(*shares, l.shares)
	m.locks[who][id] = lock{}
	m.cast.post(pot, transit, amount)
	return l.pool, amount, nil
}

func (m *model) rebond(who common.Address, id uint64) error {
	to, amount, err := m.open(who, id, ^uint64(0))
	if err != nil {
		return err
	}
	m.collect()
	m.settle(to)
	if err := m.buy(to, who, transit, amount); err != nil {
		return err
	}
	if who == to {
		m.joinIfFree(to)
	}
	return nil
}

func (m *model) withdraw(who common.Address, id uint64) error {
	_, amount, err := m.open(who, id, m.now)
	m.cast.post(transit, wallet(who), amount)
	return err
}

func (m *model) move(who, from, to common.Address, amount num) error {
	if from == to {
		return refusal("SamePool")
	}
	if from == who || to == who {
		return refusal("OwnerCannotMove")
	}
	if !m.pools[from].registered || !m.pools[to].registered {
		return refusal("NotRegistered")
	}
	m.collect()
	m.settle(from)
	m.settle(to)
	m.settleMove(to, who)
	if m.moves[pair{to, who}].until != 0 {
		return refusal("MoveRunning")
	}
	amount, err := m.take(from, who, amount)
	if err != nil {
		return err
	}
	if err := m.buy(to, who, transit, amount); err != nil {
		return err
	}
	m.moves[pair{to, who}] = move{from, amount, m.pools[from].survives(), m.now + m.unbonding}
	return nil
}

func (m *model) settleMoveOf(id, who common.Address) error {
	if err := m.prepare(id); err != nil {
		return err
	}
	m.settleMove(id, who)
	return nil
}

// settleMove burns what slashes of the former pool cost what was moved.
func (m *model) settleMove(id, who common.Address) {
	running := m.moves[pair{id, who}]
	if running.until == 0 {
		return
	}
	survives := at(m.pools[running.from].survival, min(running.until, m.now), whole)
	left := mulDiv(running.amount, survives, running.survival)
	lost := sub(running.amount, left)
	ended := m.now >= running.until
	if lost.IsZero() && !ended {
		return
	}
	if !lost.IsZero() {
		stake, shares := m.cast.of(bonded(id)), m.positions[pair{id, who}].shares
		if worth := m.worth(id, who); !less(lost, worth) {
			lost = worth
		} else {
			shares = sold(lost, stake, m.pools[id].shares)
		}
		if !shares.IsZero() {
			m.sell(id, who, burnt, lost, shares)
		}
	}
	if ended {
		delete(m.moves, pair{id, who})
		return
	}
	running.amount, running.survival = left, survives
	m.moves[pair{id, who}] = running
}

func (m *model) reward(id common.Address) error {
	m.collect()
	if amount := m.settle(id); !amount.IsZero() {
		return nil
	}
	if !m.isActive(id) {
		return refusal("NotActive")
	}
	return refusal("AlreadyRewarded")
}

func (m *model) checkpoint(id common.Address) error {
	if err := m.prepare(id); err != nil {
		return err
	}
	m.record(id)
	return nil
}

func (m *model) claimCommission(who, to common.Address) error {
	if err := m.prepare(who); err != nil {
		return err
	}
	m.cast.post(commission(who), wallet(to), m.cast.of(commission(who)))
	return nil
}

func (m *model) claimFees(who, id, to common.Address) error {
	mine := m.positions[pair{id, who}]
	m.wei.post(shared(id), wallet(to), add(mine.fees, m.unclaimed(id, who)))
	mine.fees, mine.mark = num{}, m.pools[id].feePerShare
	m.positions[pair{id, who}] = mine
	if who == id {
		m.wei.post(ownersFees(id), wallet(to), m.wei.of(ownersFees(id)))
	}
	return nil
}

func (m *model) register(who, operator common.Address, rewardCut, feeShare uint64, stake num) error {
	p := m.pools[who]
	if p.registered {
		return refusal("AlreadyRegistered")
	}
	p.registered = true
	if err := m.nameOperator(who, operator, m.round()); err != nil {
		return err
	}
	if rewardCut > ppm || feeShare > ppm {
		return refusal("InvalidCut")
	}
	p.rewardCut, p.feeShare = rewardCut, feeShare
	if stake.IsZero() {
		return nil
	}
	return m.delegate(who, who, stake)
}

func (m *model) setOperator(who, operator common.Address) error {
	if !m.pools[who].registered {
		return refusal("NotRegistered")
	}
	return m.nameOperator(who, operator, m.round()+1)
}

// nameOperator is without consent of the key: then a key is the first owner's who names it.
func (m *model) nameOperator(who, operator common.Address, from uint64) error {
	owner := m.operators[operator]
	if operator == (common.Address{}) || operator == who || (owner != common.Address{} && owner != who) {
		return refusal("InvalidOperator")
	}
	m.operators[operator] = who
	p := m.pools[who]
	if last := len(p.operators) - 1; last >= 0 && p.operators[last].from == from {
		p.operators = p.operators[:last]
	}
	p.operators = append(p.operators, key{from, operator})
	return nil
}

func (m *model) setCuts(who common.Address, rewardCut, feeShare uint64) error {
	if !m.pools[who].registered {
		return refusal("NotRegistered")
	}
	if rewardCut > ppm || feeShare > ppm {
		return refusal("InvalidCut")
	}
	m.collect()
	m.settle(who)
	p := m.pools[who]
	p.nextReward, p.nextFee, p.cutsAt = rewardCut, feeShare, m.now+m.unbonding
	return nil
}

func (m *model) join(who, victim common.Address) error {
	p := m.pools[who]
	switch {
	case !p.registered:
		return refusal("NotRegistered")
	case m.isActive(who):
		return refusal("AlreadyActive")
	case m.round() < p.jailedUntil:
		return refusal("InJail")
	case less(m.worth(who, who), m.minSelfStake):
		return refusal("SelfStakeTooLow")
	}
	m.collect()
	if len(m.active) == m.maxActive {
		m.settle(victim)
		if !m.isActive(victim) || !less(m.cast.of(bonded(victim)), m.cast.of(bonded(who))) {
			return refusal("SetFull")
		}
		m.leave(victim)
	}
	m.enter(who)
	return nil
}

func (m *model) leaveSet(who common.Address) error {
	if !m.isActive(who) {
		return refusal("NotActive")
	}
	m.collect()
	m.settle(who)
	m.leave(who)
	return nil
}

// slash takes CAST from the owner first, then from everybody left, into transit.
func (m *model) slash(id common.Address, amount num) (taken, own num) {
	m.collect()
	m.settle(id)
	p := m.pools[id]
	atMost := func(amount, stake num) num { return minOf(amount, mulDiv(stake, n(m.maxSlash), n(ppm))) }
	// A share stays worth 2^-24 CAST units.
	spare := func(amount, stake, shares num) num { return minOf(amount, over(stake, add(shr(shares, 24), n(1)))) }

	self, exiting := m.worth(id, id), m.cast.of(ownLeaving(id))
	if due := atMost(amount, add(self, exiting)); !due.IsZero() {
		bondedPart := mulDiv(due, self, add(self, exiting))
		if !bondedPart.IsZero() {
			m.sell(id, id, transit, bondedPart, sold(bondedPart, m.cast.of(bonded(id)), p.shares))
		}
		exitPart := spare(sub(due, bondedPart), exiting, p.ownExit)
		m.cast.post(ownLeaving(id), transit, exitPart)
		own = add(bondedPart, exitPart)
	}
	taken = own
	if rest := sub(amount, own); !rest.IsZero() {
		stake, exiting := m.cast.of(bonded(id)), m.cast.of(leaving(id))
		everything := add(stake, exiting)
		due := atMost(rest, everything)
		part, of := due, everything
		if everything.IsZero() {
			part, of = n(m.maxSlash), n(ppm)
		}
		survives := maxOf(n(1), mulDiv(p.survives(), sub(of, part), of))
		p.survival = push(p.survival, since{m.now, survives})
		if !due.IsZero() {
			ofPool := mulDiv(due, stake, everything)
			fromExit := spare(sub(due, ofPool), exiting, p.exitShares)
			if ofPool = spare(ofPool, stake, p.shares); !ofPool.IsZero() {
				m.cast.post(bonded(id), transit, ofPool)
				m.record(id)
			}
			m.cast.post(leaving(id), transit, fromExit)
			taken = add(taken, add(ofPool, fromExit))
		}
	}
	m.leaveIfUnfit(id)
	return taken, own
}

func (m *model) jail(id common.Address, until uint64) {
	m.pools[id].jailedUntil = max(m.pools[id].jailedUntil, until)
	if m.isActive(id) {
		m.collect()
		m.settle(id)
		m.leave(id)
	}
}

// depositFees shares ether that came for a pool.
func (m *model) depositFees(id common.Address, from account, amount num) {
	p := m.pools[id]
	share := p.feeShare
	if p.cutsAt != 0 && m.now >= p.cutsAt {
		share = p.nextFee
	}
	var toShares num
	if !less(p.shares, n(1<<30)) {
		toShares = mulDiv(amount, n(share), n(ppm))
		p.feePerShare = add(p.feePerShare, div(shl(toShares, 96), p.shares))
	}
	m.wei.post(from, shared(id), toShares)
	m.wei.post(from, ownersFees(id), sub(amount, toShares))
}

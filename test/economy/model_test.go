package economy_test

import (
	"maps"
	"slices"

	"github.com/ethereum/go-ethereum/common"
)

// refusal is the name of the error with which a contract refuses.
type refusal string

func (r refusal) Error() string { return string(r) }

const ppm = 1_000_000

// terms are the constants of the deployment.
type terms struct {
	genesis, roundLength            uint64
	cap                             num
	change, maxInflation            uint64 // parts per billion
	targetBonding, treasuryCut      uint64 // ppm
	minSelfStake                    num
	unbonding                       uint64 // seconds
	maxActive                       int
	maxSlash                        uint64 // ppm
	validity, unlock, periodRounds  uint64
	bond                            num
	revealDelay, revealWindow       uint64
	evidencePeriod                  uint64
	challengerPart, broadcasterPart uint64 // ppm
	slashPart                       uint64 // ppm
	periodPart                      uint64 // ppm that all offences of a period cost together at most
	jailRounds                      uint64
	treasury                        common.Address
}

// model is the economy as the documents have it. It speaks to no chain; its time is that of the block it follows.
type model struct {
	terms
	now       uint64
	cast, wei books

	touched   uint64 // the last round whose emission was made
	inflation uint64 // parts per billion

	collected uint64 // the last round whose emission was shared out
	perStake  num    // CAST ever per CAST staked, × 2^64
	active    []member
	pools     map[common.Address]*pool
	positions map[pair]position
	moves     map[pair]move
	locks     map[common.Address][]lock
	operators map[common.Address]common.Address // hot key → owner

	senders   map[common.Address]*sender
	fractions map[enrolment]num
	given     map[uint64]num // fractions of a period
	tickets   map[nonce]paid
	signers   map[pair]uint64 // of a sender: until when
	relayers  map[common.Address]common.Address

	committed map[commitment]uint64 // since
	punished  map[common.Hash]bool
	penalties map[enrolment]uint64 // ppm that offences of an orchestrator in a period have cost
}

// pair is whom something lies with, and whose it is.
type pair struct{ at, who common.Address }

type member struct {
	who  common.Address
	from uint64 // round
}

func newModel(t terms) *model {
	return &model{
		terms: t, cast: books{}, wei: books{}, pools: map[common.Address]*pool{}, positions: map[pair]position{}, moves: map[pair]move{},
		locks: map[common.Address][]lock{}, operators: map[common.Address]common.Address{}, senders: map[common.Address]*sender{},
		fractions: map[enrolment]num{}, given: map[uint64]num{}, tickets: map[nonce]paid{}, signers: map[pair]uint64{},
		relayers: map[common.Address]common.Address{}, committed: map[commitment]uint64{}, punished: map[common.Hash]bool{}, penalties: map[enrolment]uint64{},
	}
}

// clone is the model again, for an action that may be refused half way.
func (m *model) clone() *model {
	c := *m
	c.cast, c.wei = maps.Clone(m.cast), maps.Clone(m.wei)
	c.active = slices.Clone(m.active)
	c.positions, c.moves, c.operators = maps.Clone(m.positions), maps.Clone(m.moves), maps.Clone(m.operators)
	c.fractions, c.given, c.tickets = maps.Clone(m.fractions), maps.Clone(m.given), maps.Clone(m.tickets)
	c.signers, c.relayers = maps.Clone(m.signers), maps.Clone(m.relayers)
	c.committed, c.punished, c.penalties = maps.Clone(m.committed), maps.Clone(m.punished), maps.Clone(m.penalties)
	c.pools = make(map[common.Address]*pool, len(m.pools))
	for id, p := range m.pools {
		c.pools[id] = p.clone()
	}
	c.locks = make(map[common.Address][]lock, len(m.locks))
	for who, l := range m.locks {
		c.locks[who] = slices.Clone(l)
	}
	c.senders = make(map[common.Address]*sender, len(m.senders))
	for who, s := range m.senders {
		c.senders[who] = s.clone()
	}
	return &c
}

func (m *model) round() uint64 { return (m.now - m.genesis) / m.roundLength }

// nextRound is when a change of now begins to count; round 0 has no past.
func (m *model) nextRound() uint64 {
	if r := m.round(); r != 0 {
		return r + 1
	}
	return 0
}

// supply is what was made and not burnt.
func (m *model) supply() num {
	return sub(sub(num{}, m.cast.of(minted)), m.cast.of(burnt))
}

func (m *model) activeStake() (sum num) {
	for _, a := range m.active {
		sum = add(sum, m.cast.of(bonded(a.who)))
	}
	return sum
}

func (m *model) place(who common.Address) int {
	return slices.IndexFunc(m.active, func(a member) bool { return a.who == who })
}

func (m *model) isActive(who common.Address) bool { return m.place(who) >= 0 }

// touch makes the emission of the rounds since the last touch, of each at its own inflation, which moves by its step each round
// towards the target.
func (m *model) touch() {
	count := m.round() - m.touched
	if count == 0 {
		return
	}
	m.touched += count
	staked, supply := m.activeStake(), m.supply()
	target := mulDiv(supply, n(m.targetBonding), n(ppm))
	var rate uint64
	for range count {
		switch staked.Cmp(&target) {
		case -1:
			m.inflation = min(m.inflation+m.change, m.maxInflation)
		case 1:
			m.inflation -= min(m.change, m.inflation)
		}
		rate += m.inflation
	}
	if staked.IsZero() {
		return
	}
	made := minOf(mulDiv(supply, n(rate), n(1e9)), sub(m.cap, supply))
	treasury := mulDiv(made, n(m.treasuryCut), n(ppm))
	m.cast.post(minted, wallet(m.treasury), treasury)
	m.cast.post(minted, uncollected, sub(made, treasury))
}

// collect shares the emission that waits out over the active stake, once a round.
func (m *model) collect() {
	if m.collected == m.round() {
		return
	}
	m.collected = m.round()
	m.touch()
	amount, staked := m.cast.of(uncollected), m.activeStake()
	m.cast.post(uncollected, emission, amount)
	if !amount.IsZero() && !staked.IsZero() {
		m.perStake = add(m.perStake, div(shl(amount, 64), staked))
	}
}

// transfer moves CAST between wallets.
func (m *model) transfer(from, to common.Address, amount num) error {
	if less(m.cast.of(wallet(from)), amount) {
		return refusal("ERC20InsufficientBalance")
	}
	m.cast.post(wallet(from), wallet(to), amount)
	return nil
}

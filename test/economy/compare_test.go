package economy_test

import (
	"fmt"

	"github.com/ethereum/go-ethereum/common"

	"castnet/contracts/bindings"
)

// questions are all balances that there are, with the model's answers: who holds what, the contracts' own holdings, and every
// position, lock, budget and promise.
func (w *world) questions(m *model) []question {
	list := w.holdings(m)
	list = append(list, w.stakes(m)...)
	return append(list, w.reserves(m)...)
}

func word(a common.Address) (z num) { z.SetBytes(a[:]); return z }

func flag(b bool) num {
	if b {
		return n(1)
	}
	return num{}
}

func (w *world) holdings(m *model) []question {
	token := bindings.NewCastToken()
	var list []question
	hold := func(name string, who common.Address, cast, wei num) {
		list = append(list,
			question{name + ": CAST", w.net.at.Token, token.PackBalanceOf(who), []num{cast}},
			question{name + ": ether", who, nil, []num{wei}})
	}
	for _, a := range w.everybody {
		hold(a.name, a.Address, m.cast.of(wallet(a.Address)), m.wei.of(wallet(a.Address)))
	}
	coinbase := common.Address{}
	hold("coinbase", coinbase, num{}, m.wei.of(wallet(coinbase)))
	hold("Staking", w.net.at.Staking,
		m.cast.sum("bonded", "leaving", "owner leaving", "commission", "uncollected", "emission"), m.wei.sum("shared fees", "owner's fees"))
	hold("TicketBroker", w.net.at.Broker, num{}, m.wei.sum("deposit", "reserve", "owed"))
	hold("Disputes", w.net.at.Disputes, num{}, m.wei.of(bonds))
	return append(list, question{"supply", w.net.at.Token, token.PackTotalSupply(), []num{m.supply()}})
}

func (w *world) stakes(m *model) []question {
	staking, views := bindings.NewStaking(), bindings.NewStakingViews()
	at := w.net.at.Staking
	list := []question{
		{"active stake", at, staking.PackTotalActiveStake(), []num{m.activeStake()}},
		{"active set", at, staking.PackActiveCount(), []num{n(uint64(len(m.active)))}},
		{"uncollected emission", w.net.at.Rounds, bindings.NewRounds().PackUncollected(), []num{m.cast.of(uncollected)}},
	}
	for _, o := range w.owners {
		id, p := o.Address, m.pools[o.Address]
		amount, cut := m.due(id)
		pending := sub(amount, cut)
		stake := add(m.cast.of(bonded(id)), pending)
		worth := func(who common.Address) num {
			if s := m.positions[pair{id, who}].shares; !s.IsZero() {
				return mulDiv(s, stake, p.shares)
			}
			return num{}
		}
		var from num
		if i := m.place(id); i >= 0 {
			from = n(m.active[i].from)
		}
		list = append(list, question{o.name + ": listing", at, views.PackOrchestratorInfo(id), []num{
			n(32), word(id), word(p.operatorAt(m.round())), stake, atRound(p, m.round()), worth(id), add(m.cast.of(commission(id)), cut),
			n(p.rewardCut), n(p.feeShare), n(p.nextReward), n(p.nextFee), n(p.cutsAt), flag(m.isActive(id)), from, n(p.jailedUntil),
		}}, question{o.name + ": pool", at, views.PackPoolInfo(id), []num{
			p.shares, p.feePerShare, add(m.cast.of(leaving(id)), m.cast.of(ownLeaving(id))), p.survives(),
		}})
		list = append(list, question{o.name + ": penalty", w.net.at.Disputes, bindings.NewDisputes().PackPenaltyOf(id, m.round()), []num{
			n(m.penalties[enrolment{m.period(), id}]),
		}})
		for _, d := range w.stakers {
			who := d.Address
			fees := add(m.positions[pair{id, who}].fees, m.unclaimed(id, who))
			if who == id {
				fees = add(fees, m.wei.of(ownersFees(id)))
			}
			running := m.moves[pair{id, who}]
			list = append(list, question{
				fmt.Sprintf("%s with %s", d.name, o.name), at, views.PackPositionInfo(id, who),
				[]num{worth(who), m.positions[pair{id, who}].shares, fees},
			})
			list = append(list, question{
				fmt.Sprintf("move of %s to %s", d.name, o.name), at, views.PackMoveInfo(id, who),
				[]num{word(running.from), running.amount, n(running.until)},
			})
		}
	}
	for _, d := range w.stakers {
		words := []num{n(32), n(uint64(len(m.locks[d.Address])))}
		for _, l := range m.locks[d.Address] {
			var amount num
			if !l.shares.IsZero() {
				pot, shares := m.exit(l.pool, d.Address)
				amount = mulDiv(l.shares, m.cast.of(pot), *shares)
			}
			words = append(words, word(l.pool), n(l.release), amount)
		}
		list = append(list, question{"unbondings of " + d.name, at, views.PackUnbondings(d.Address), words})
	}
	return list
}

func atRound(p *pool, round uint64) num { return at(p.history, round, num{}) }

func (w *world) reserves(m *model) []question {
	broker, to := bindings.NewTicketBroker(), w.net.at.Broker
	var list []question
	for _, o := range w.owners {
		list = append(list, question{"owed to " + o.name, to, broker.PackOwed(o.Address), []num{m.wei.of(owed(o.Address))}})
	}
	for _, b := range w.broadcasters {
		who := b.Address
		list = append(list, question{b.name, to, broker.PackSenderInfo(who), []num{m.wei.of(deposit(who)), m.wei.of(reserve(who)), n(m.senders[who].unlockAt)}},
			question{"free reserve of " + b.name, to, broker.PackFreeReserve(who), []num{sub(m.wei.of(reserve(who)), m.promised(who))}})
		for period := max(1, m.period()) - 1; period <= m.period()+1; period++ {
			x := m.senders[who].budgets[period]
			list = append(list, question{
				fmt.Sprintf("budget of %s for %d", b.name, period), to, broker.PackBudgetOf(who, period),
				[]num{m.total(who, period), x.spent, n(x.roots)},
			})
			for _, o := range w.owners {
				share, claimed := m.promise(who, o.Address, period)
				list = append(list, question{
					fmt.Sprintf("promise of %s to %s for %d", b.name, o.name, period), to,
					broker.PackReserveShare(who, o.Address, period*m.periodRounds),
					[]num{share, claimed},
				})
			}
		}
	}
	return list
}

package economy_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"castnet/contracts/bindings"
)

// deeds are what may happen, and how often.
func deeds() []deed {
	return []deed{
		{14, (*world).delegate},
		{9, (*world).unbond},
		{4, (*world).rebond},
		{5, (*world).withdraw},
		{7, (*world).move},
		{2, (*world).settleMove},
		{6, (*world).reward},
		{2, (*world).checkpoint},
		{1, (*world).touch},
		{5, (*world).claimFees},
		{2, (*world).claimCommission},
		{2, (*world).setCuts},
		{2, (*world).setOperator},
		{4, (*world).join},
		{1, (*world).leaveSet},
		{1, (*world).register},
		{7, (*world).fund},
		{4, (*world).allocate},
		{3, (*world).allot},
		{1, (*world).unlock},
		{1, (*world).cancelUnlock},
		{3, (*world).withdrawFunds},
		{9, (*world).enrol},
		{16, (*world).redeem},
		{5, (*world).redeemAll},
		{5, (*world).sweep},
		{1, (*world).setRelayer},
		{1, (*world).setSigner},
		{3, (*world).commit},
		{4, (*world).reveal},
		{1, (*world).forfeit},
		{2, (*world).pay},
	}
}

type deed struct {
	weight int
	do     func(w *world, t *testing.T)
}

// act does something.
func (w *world) act(t *testing.T) {
	t.Helper()
	list, sum := deeds(), 0
	for _, d := range list {
		sum += d.weight
	}
	left := w.random.IntN(sum)
	for _, d := range list {
		if left -= d.weight; left < 0 {
			d.do(w, t)
			return
		}
	}
}

// settleIn is what everybody does first: allowances, registrations, funds.
func (w *world) settleIn(t *testing.T) {
	t.Helper()
	allow := bindings.NewCastToken().PackApprove(w.net.at.Staking, new(all).ToBig())
	for _, a := range w.stakers {
		w.do(t, "approve", a, call{to: w.net.at.Token, data: allow}, func(*model) error { return nil })
	}
	for _, o := range w.owners[:4] {
		w.registerOwner(t, o, add(ether(10), w.below(ether(200))))
	}
	for _, b := range w.broadcasters {
		w.fundBy(t, b, w.below(ether(2)), ether(20), false)
	}
}

func (w *world) chance(percent int) bool { return w.random.IntN(100) < percent }

func pick[T any](w *world, list []T) T { return list[w.random.IntN(len(list))] }

// below is an amount less than x.
func (w *world) below(x num) num { return mulDiv(x, n(w.random.Uint64()), shl(n(1), 64)) }

// part is an amount up to x, often all of it, now and then too much or nothing.
func (w *world) part(x num) num {
	switch k := w.random.IntN(20); {
	case k == 0:
		return add(x, n(1))
	case k == 1:
		return num{}
	case k == 2:
		return n(w.random.Uint64N(3) + 1)
	case k < 6:
		return x
	default:
		return w.below(x)
	}
}

func (w *world) staking(t *testing.T, what string, from *actor, data []byte, inModel func(m *model) error) {
	t.Helper()
	w.do(t, what, from, call{to: w.net.at.Staking, data: data}, inModel)
}

// held is a position, one that has shares where there is one.
func (w *world) held() (pool, who *actor) {
	for range 50 {
		pool, who = pick(w, w.owners), pick(w, w.stakers)
		if s := w.model.positions[pair{pool.Address, who.Address}].shares; !s.IsZero() {
			break
		}
	}
	return pool, who
}

func (w *world) delegate(t *testing.T) {
	t.Helper()
	who, pool := pick(w, w.stakers), pick(w, w.owners)
	if w.chance(20) {
		who = pool
	}
	amount := w.part(div(w.model.cast.of(wallet(who.Address)), n(4)))
	if w.chance(3) {
		amount = add(w.model.cast.of(wallet(who.Address)), n(1))
	}
	data := bindings.NewStaking().PackDelegate(pool.Address, amount.ToBig())
	w.staking(t, "delegate", who, data, func(m *model) error { return m.delegate(who.Address, pool.Address, amount) })
}

func (w *world) amountOf(pool, who *actor) num {
	if w.chance(20) {
		return all
	}
	return w.part(w.model.worth(pool.Address, who.Address))
}

func (w *world) unbond(t *testing.T) {
	t.Helper()
	pool, who := w.held()
	if pool == who && w.chance(60) { // owners seldom leave their own pool
		who = pick(w, w.delegators)
	}
	amount := w.amountOf(pool, who)
	data := bindings.NewStaking().PackUnbond(pool.Address, amount.ToBig())
	w.staking(t, "unbond", who, data, func(m *model) error { return m.unbond(who.Address, pool.Address, amount) })
}

// locked is an unbonding, one that has not ended where there is one; released if it may be.
func (w *world) locked(released bool) (who *actor, id uint64) {
	type found struct {
		who *actor
		id  uint64
	}
	var list []found
	for _, a := range w.stakers {
		for i, l := range w.model.locks[a.Address] {
			if !l.shares.IsZero() && (!released || l.release <= w.model.now) {
				list = append(list, found{a, uint64(i)})
			}
		}
	}
	if len(list) == 0 || w.chance(10) {
		return pick(w, w.stakers), w.random.Uint64N(3)
	}
	f := pick(w, list)
	return f.who, f.id
}

func (w *world) rebond(t *testing.T) {
	t.Helper()
	who, id := w.locked(false)
	data := bindings.NewStaking().PackRebond(new(n(id)).ToBig())
	w.staking(t, "rebond", who, data, func(m *model) error { return m.rebond(who.Address, id) })
}

func (w *world) withdraw(t *testing.T) {
	t.Helper()
	who, id := w.locked(true)
	data := bindings.NewStaking().PackWithdraw(new(n(id)).ToBig())
	w.staking(t, "withdraw", who, data, func(m *model) error { return m.withdraw(who.Address, id) })
}

func (w *world) move(t *testing.T) {
	t.Helper()
	from, who := w.held()
	to := pick(w, w.owners)
	amount := w.amountOf(from, who)
	data := bindings.NewStaking().PackMove(from.Address, to.Address, amount.ToBig())
	w.staking(t, "move", who, data, func(m *model) error { return m.move(who.Address, from.Address, to.Address, amount) })
}

func (w *world) settleMove(t *testing.T) {
	t.Helper()
	pool, who := w.held()
	var running []pair
	for _, o := range w.owners {
		for _, d := range w.stakers {
			if p := (pair{o.Address, d.Address}); w.model.moves[p].until != 0 {
				running = append(running, p)
			}
		}
	}
	if len(running) > 0 && !w.chance(10) {
		p := pick(w, running)
		pool, who = w.actor(p.at), w.actor(p.who)
	}
	data := bindings.NewStaking().PackSettleMove(pool.Address, who.Address)
	w.staking(t, "settleMove", pick(w, w.everybody), data, func(m *model) error { return m.settleMoveOf(pool.Address, who.Address) })
}

func (w *world) actor(address common.Address) *actor {
	return w.everybody[slices.IndexFunc(w.everybody, func(a *actor) bool { return a.Address == address })]
}

func (w *world) reward(t *testing.T) {
	t.Helper()
	pool := pick(w, w.owners)
	data := bindings.NewStaking().PackReward(pool.Address)
	w.staking(t, "reward", pick(w, w.everybody), data, func(m *model) error { return m.reward(pool.Address) })
}

func (w *world) checkpoint(t *testing.T) {
	t.Helper()
	pool := pick(w, w.owners)
	data := bindings.NewStaking().PackCheckpoint(pool.Address)
	w.staking(t, "checkpoint", pick(w, w.everybody), data, func(m *model) error { return m.checkpoint(pool.Address) })
}

func (w *world) touch(t *testing.T) {
	t.Helper()
	data := bindings.NewRounds().PackTouch()
	w.do(t, "touch", pick(w, w.everybody), call{to: w.net.at.Rounds, data: data}, func(m *model) error {
		m.touch()
		return nil
	})
}

func (w *world) claimFees(t *testing.T) {
	t.Helper()
	pool, who := w.held()
	if w.chance(30) {
		who = pool
	}
	to := pick(w, []*actor{who, pick(w, w.everybody)})
	data := bindings.NewStaking().PackClaimFees(pool.Address, to.Address)
	w.staking(t, "claimFees", who, data, func(m *model) error { return m.claimFees(who.Address, pool.Address, to.Address) })
}

func (w *world) claimCommission(t *testing.T) {
	t.Helper()
	who, to := pick(w, w.owners), pick(w, w.everybody)
	data := bindings.NewStaking().PackClaimCommission(to.Address)
	w.staking(t, "claimCommission", who, data, func(m *model) error { return m.claimCommission(who.Address, to.Address) })
}

// cut is parts per million, now and then more than there are.
func (w *world) cut() uint64 { return w.random.Uint64N(ppm + ppm/20) }

func (w *world) setCuts(t *testing.T) {
	t.Helper()
	who, rewardCut, feeShare := pick(w, w.owners), w.cut(), w.cut()
	data := bindings.NewStaking().PackSetCuts(uint32(rewardCut), uint32(feeShare))
	w.staking(t, "setCuts", who, data, func(m *model) error { return m.setCuts(who.Address, rewardCut, feeShare) })
}

// hotKey is the operator key of a number; numbers come again, so that keys do.
func hotKey(number uint64) *actor { return newActor(fmt.Sprintf("operator %d", number)) }

func (w *world) setOperator(t *testing.T) {
	t.Helper()
	if !w.chance(20) {
		w.hotKeys++
	}
	who, operator := pick(w, w.owners), hotKey(w.hotKeys)
	data := bindings.NewStaking().PackSetOperator(operator.Address, nil)
	w.staking(t, "setOperator", who, data, func(m *model) error { return m.setOperator(who.Address, operator.Address) })
}

// operatorOf finds the actor behind an operator's key.
func (w *world) operatorOf(key common.Address) *actor {
	for number := range w.hotKeys + 1 {
		if a := hotKey(number); a.Address == key {
			return a
		}
	}
	return hotKey(0)
}

func (w *world) join(t *testing.T) {
	t.Helper()
	who, victim := pick(w, w.owners), pick(w, w.owners)
	if i := slices.IndexFunc(w.owners, func(o *actor) bool { return !w.model.isActive(o.Address) }); i >= 0 && !w.chance(20) {
		who = w.owners[i]
	}
	data := bindings.NewStaking().PackJoin(victim.Address)
	w.staking(t, "join", who, data, func(m *model) error { return m.join(who.Address, victim.Address) })
}

func (w *world) leaveSet(t *testing.T) {
	t.Helper()
	who := pick(w, w.owners)
	w.staking(t, "leaveSet", who, bindings.NewStaking().PackLeaveSet(), func(m *model) error { return m.leaveSet(who.Address) })
}

func (w *world) register(t *testing.T) {
	t.Helper()
	who := pick(w, w.owners)
	if last := w.owners[4]; !w.model.pools[last.Address].registered {
		who = last
	}
	w.registerOwner(t, who, w.part(ether(100)))
}

func (w *world) registerOwner(t *testing.T, who *actor, stake num) {
	t.Helper()
	w.hotKeys++
	operator, rewardCut, feeShare := hotKey(w.hotKeys), w.cut()%ppm, w.cut()%ppm
	data := bindings.NewStaking().PackRegister(bindings.Registration{
		Operator: operator.Address, RewardCut: uint32(rewardCut), FeeShare: uint32(feeShare), ServiceURI: "https://" + operator.name,
		Capabilities: new(n(1)).ToBig(),
	}, stake.ToBig(), nil)
	w.staking(t, "register", who, data, func(m *model) error {
		return m.register(who.Address, operator.Address, rewardCut, feeShare, stake)
	})
}

// pay moves CAST or ether between wallets.
func (w *world) pay(t *testing.T) {
	t.Helper()
	from, to := pick(w, w.everybody), pick(w, w.everybody)
	if w.chance(30) {
		amount := w.below(ether(1))
		w.do(t, "pay ether", from, call{to: to.Address, value: amount}, func(m *model) error {
			m.wei.post(wallet(from.Address), wallet(to.Address), amount)
			return nil
		})
		return
	}
	amount := w.part(div(w.model.cast.of(wallet(from.Address)), n(10)))
	data := bindings.NewCastToken().PackTransfer(to.Address, amount.ToBig())
	w.do(t, "pay CAST", from, call{to: w.net.at.Token, data: data}, func(m *model) error {
		return m.transfer(from.Address, to.Address, amount)
	})
}

// report tells what was played.
func (w *world) report(t *testing.T) {
	t.Helper()
	for _, what := range slices.Sorted(maps.Keys(w.counted)) {
		t.Logf("%5d %s", w.counted[what], what)
	}
	t.Logf("supply %v, burnt %v, inflation %d; %v wei redeemed and not swept", new(w.model.supply()).Dec(), new(w.model.cast.of(burnt)).Dec(),
		w.model.inflation, new(w.model.wei.sum("owed")).Dec())
}

func (w *world) genesis(t *testing.T) uint64 {
	t.Helper()
	broker := bindings.NewTicketBroker()
	raw, err := w.net.eth.CallContract(t.Context(), message(w.net.at.Broker, broker.PackGenesis()), nil)
	if err != nil {
		t.Fatal(err)
	}
	genesis, err := broker.UnpackGenesis(raw)
	if err != nil {
		t.Fatal(err)
	}
	return genesis
}

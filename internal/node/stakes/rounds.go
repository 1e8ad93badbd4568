package stakes

import (
	"math/big"
	"time"

	"castnet/broadcaster/api"
	"castnet/contracts/chain"
	"castnet/contracts/chain/registry"
)

// clock places rounds in time: they are equally long.
type clock struct {
	now    chain.Round
	length time.Duration
}

func (c clock) startOf(round uint64) time.Time {
	return c.now.Start.Add(-time.Duration(c.now.Number-round) * c.length)
}

// roundAt is the round of a time that has been.
func (c clock) roundAt(t time.Time) uint64 {
	if !t.Before(c.now.Start) || c.length <= 0 {
		return c.now.Number
	}
	ago := uint64((c.now.Start.Sub(t) + c.length - 1) / c.length)
	return c.now.Number - min(ago, c.now.Number)
}

// history is what each whole round from `first` on brought. Emission that was collected late, for several rounds at once, is
// spread over the rounds that it is for; rounds whose emission nobody has collected yet are left out, because they would
// look as if there was none. What was collected first in the history may be for rounds before it, so it begins after that,
// unless the history is from the orchestrator's first day on.
func history(earnings []registry.RoundEarnings, slashes []registry.Slash, c clock, first uint64) []api.RoundView {
	begin, end := first, c.now.Number // of the whole rounds that are told of, end not included
	var collected []int               // rounds with emission
	for i := range earnings {
		if e := &earnings[i]; e.Rewards.Sign() > 0 && e.Round < c.now.Number {
			collected = append(collected, i)
		}
	}
	if len(collected) > 0 {
		end = earnings[collected[len(collected)-1]].Round + 1
		if begin > 0 && earnings[collected[0]].Round+1 < end && c.now.Number-first >= yieldRounds {
			begin = earnings[collected[0]].Round + 1
		}
	}
	if begin >= end || len(earnings) == 0 {
		return nil
	}
	list := make([]api.RoundView, 0, end-begin)
	next, stake := 0, earnings[0].Stake
	for round := begin; round < end; round++ {
		for next < len(earnings) && earnings[next].Round < round {
			stake = earnings[next].Stake
			next++
		}
		v := api.RoundView{
			Round: round, StartedAt: c.startOf(round), FeesWei: "0", OwnerFeesWei: "0",
			SlashedWei: weiOf(lostWithin(slashes, c.startOf(round), c.startOf(round+1))),
		}
		if next < len(earnings) && earnings[next].Round == round {
			e := &earnings[next]
			stake = e.Stake
			v.FeesWei, v.OwnerFeesWei = weiOf(e.FeesShared), weiOf(new(big.Int).Sub(e.Fees, e.FeesShared))
		}
		v.StakeWei = weiOf(stake)
		shared, kept := emissionOf(earnings, round, begin)
		v.EmissionWei, v.EmissionCutWei = weiOf(shared), weiOf(kept)
		list = append(list, v)
	}
	return list
}

// emissionOf is a round's part of the emission that was collected in it or at the next occasion after it.
func emissionOf(earnings []registry.RoundEarnings, round, begin uint64) (shared, kept *big.Int) {
	since := begin // the first round that the collection is for
	for i := range earnings {
		e := &earnings[i]
		if e.Rewards.Sign() == 0 {
			continue
		}
		if e.Round >= round {
			rounds := new(big.Int).SetUint64(e.Round - since + 1)
			shared = new(big.Int).Sub(e.Rewards, e.RewardsKept)
			return shared.Div(shared, rounds), new(big.Int).Div(e.RewardsKept, rounds)
		}
		since = max(since, e.Round+1)
	}
	return new(big.Int), new(big.Int)
}

// lostWithin is what delegators lost in slashings of a time.
func lostWithin(slashes []registry.Slash, from, to time.Time) *big.Int {
	lost := new(big.Int)
	for i := range slashes {
		if at := slashes[i].Time; !at.Before(from) && at.Before(to) {
			lost.Add(lost, slashes[i].Amount)
			lost.Sub(lost, slashes[i].Self)
		}
	}
	return lost
}

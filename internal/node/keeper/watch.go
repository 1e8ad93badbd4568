package keeper

import (
	"context"
	"fmt"
	"math/big"
	"strings"

	"github.com/ethereum/go-ethereum/params"

	"castnet/contracts/chain"
	"castnet/internal/node/amount"
)

// nearPercent is how close to the least stake of a full set a place is in danger.
const nearPercent = 5

// watch looks at the operator's balance and the place in the active set, and tells what has changed.
func (k *Keeper) watch(ctx context.Context) {
	client := k.cfg.Client
	held, err := client.Balance(ctx, client.Self())
	if err != nil {
		return // the client warns of a node that does not answer
	}
	o, ok, err := client.Staking().Orchestrator(ctx, k.cfg.Owner)
	if err != nil || !ok {
		return
	}
	set, err := client.Staking().Orchestrators(ctx)
	if err != nil {
		return
	}
	k.metrics.balance.Set(units(held.Ether))
	k.metrics.active.Set(0)
	if o.Active {
		k.metrics.active.Set(1)
	}
	margin := k.margin(o, set)
	k.metrics.margin.Set(units(margin))

	var worries []string
	if held.Ether.Cmp(k.cfg.LowBalance) < 0 {
		worries = append(worries, fmt.Sprintf("the operator has %s left for gas, less than %s: send some to %s",
			amount.Brief(held.Ether, amount.ETH), amount.Format(k.cfg.LowBalance, amount.ETH), client.Self()))
	}
	if worry := k.place(o, set, margin); worry != "" {
		worries = append(worries, worry)
	}
	k.tell(worries)
}

// tell logs worries when they change, by kind: a sinking balance is one worry, not one a minute.
func (k *Keeper) tell(worries []string) {
	kinds := make([]string, len(worries))
	for i, w := range worries {
		kinds[i], _, _ = strings.Cut(w, ",")
		kinds[i] = strings.Join(strings.FieldsFunc(kinds[i], func(r rune) bool { return r >= '0' && r <= '9' || r == '.' }), "")
	}
	state := strings.Join(kinds, ";")
	if state == k.state {
		return
	}
	if len(worries) == 0 {
		k.cfg.Log.Info("the orchestrator's place and balance are in order again")
	}
	for _, w := range worries {
		k.cfg.Log.Warn(w)
	}
	k.state = state
}

// margin is how much more stake it has than whoever could be replaced next.
func (k *Keeper) margin(o chain.Orchestrator, set []chain.Orchestrator) *big.Int {
	if !o.Active {
		return new(big.Int)
	}
	if len(set) < k.cfg.Client.Parameters().MaxActive {
		return o.Stake
	}
	least := o.Stake
	for _, other := range set {
		if other.ID != o.ID && (least == o.Stake || other.Stake.Cmp(least) < 0) {
			least = other.Stake
		}
	}
	return new(big.Int).Sub(o.Stake, least)
}

// place says what is wrong with the place in the active set, or "".
func (k *Keeper) place(o chain.Orchestrator, set []chain.Orchestrator, margin *big.Int) string {
	p := k.cfg.Client.Parameters()
	switch {
	case o.Active && len(set) < p.MaxActive:
		return ""
	case o.Active:
		near := new(big.Int).Mul(o.Stake, big.NewInt(nearPercent))
		if near.Div(near, big.NewInt(100)).Cmp(margin) <= 0 {
			return ""
		}
		return fmt.Sprintf("the place in the active set is in danger, it is full and the stake is only %s above the least: 'castnet stake bond' adds some",
			amount.Brief(margin, amount.CAST))
	case o.JailedUntil > k.round.Number:
		return fmt.Sprintf("not in the active set, the orchestrator is jailed until round %d begins; then 'castnet orchestrator join'", o.JailedUntil)
	case o.SelfStake.Cmp(p.MinSelfStake) < 0:
		return fmt.Sprintf("not in the active set, the owner's own stake of %s is below %s: 'castnet stake bond'",
			amount.Brief(o.SelfStake, amount.CAST), amount.Format(p.MinSelfStake, amount.CAST))
	default:
		return "not in the active set, nobody asks for work: 'castnet orchestrator join' takes a place"
	}
}

// units is an amount as a number of whole units, for a gauge.
func units(v *big.Int) float64 {
	f, _ := new(big.Float).Quo(new(big.Float).SetInt(v), big.NewFloat(params.Ether)).Float64()
	return f
}

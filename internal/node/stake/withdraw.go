package stake

import (
	"context"
	"fmt"
	"math/big"
	"slices"

	"castnet/contracts/chain"
	"castnet/internal/node/account"
	"castnet/internal/node/amount"
	"castnet/internal/node/console"
)

// Withdraw is the command `castnet stake withdraw`.
type Withdraw struct {
	account.Signing `embed:""`
	ID              []uint64 `arg:"" optional:"" help:"Numbers of unbondings, as 'castnet stake status' shows them; without any, all that are unlocked."`
}

// Withdrawn is what --json tells of a withdrawal.
type Withdrawn struct {
	Cast       string   `json:"cast"` // in the smallest unit
	Unbondings []uint64 `json:"unbondings"`
}

// Run takes home what is unlocked.
func (w *Withdraw) Run(ctx context.Context, con *console.Console) error {
	return w.Open(ctx, con, func(ctx context.Context, s *account.Session) error {
		all, err := s.Staking().Unbondings(ctx, s.Self)
		if err != nil {
			return err
		}
		ready, err := w.choose(s, all)
		if err != nil {
			return err
		}
		sum := new(big.Int)
		details := Withdrawn{Unbondings: []uint64{}}
		plan := account.Plan{}
		for _, u := range ready {
			sum.Add(sum, u.Amount)
			details.Unbondings = append(details.Unbondings, u.ID)
			plan.Facts = append(plan.Facts, console.Field{
				Label: fmt.Sprintf("Unbonding %d", u.ID), Value: amount.Format(u.Amount, amount.CAST) + ", unlocked since " + u.ReleaseAt.Format("2006-01-02 15:04 MST"),
			})
			plan.Actions = append(plan.Actions, s.Staking().Withdraw(u.ID))
		}
		details.Cast = sum.String()
		plan.Title, plan.Details = "Withdraw "+amount.Format(sum, amount.CAST), details
		return s.Carry(ctx, plan)
	})
}

// choose finds the unbondings that are meant, and refuses those that are locked.
func (w *Withdraw) choose(s *account.Session, all []chain.Unbonding) ([]chain.Unbonding, error) {
	if len(all) == 0 {
		return nil, fmt.Errorf("%s has nothing on its way out: 'castnet stake unbond' begins it", s.Self)
	}
	var ready []chain.Unbonding
	next := all[0]
	for _, u := range all {
		if !u.ReleaseAt.After(s.Now) {
			ready = append(ready, u)
		}
		if u.ReleaseAt.Before(next.ReleaseAt) {
			next = u
		}
	}
	if len(w.ID) == 0 {
		if len(ready) == 0 {
			return nil, fmt.Errorf("nothing is unlocked yet: the next is unbonding %d, %s, at %s", next.ID, amount.Format(next.Amount, amount.CAST), s.When(next.ReleaseAt))
		}
		return ready, nil
	}
	var chosen []chain.Unbonding
	for _, id := range w.ID {
		u, err := find(all, id)
		if err != nil {
			return nil, err
		}
		if u.ReleaseAt.After(s.Now) {
			return nil, fmt.Errorf("unbonding %d, %s, is locked until %s", id, amount.Format(u.Amount, amount.CAST), s.When(u.ReleaseAt))
		}
		chosen = append(chosen, u)
	}
	return chosen, nil
}

func find(all []chain.Unbonding, id uint64) (chain.Unbonding, error) {
	i := slices.IndexFunc(all, func(u chain.Unbonding) bool { return u.ID == id })
	if i < 0 {
		return chain.Unbonding{}, fmt.Errorf("there is no unbonding %d on its way out: 'castnet stake status' shows them", id)
	}
	return all[i], nil
}

package stake

import (
	"context"
	"fmt"
	"math/big"

	"castnet/contracts/chain"
	"castnet/internal/node/account"
	"castnet/internal/node/amount"
	"castnet/internal/node/console"
)

// Rebond is the command `castnet stake rebond`.
type Rebond struct {
	account.Signing `embed:""`
	ID              uint64 `arg:"" help:"The number of the unbonding, as 'castnet stake status' shows it."`
}

// Run cancels an unbonding.
func (r *Rebond) Run(ctx context.Context, con *console.Console) error {
	return r.Open(ctx, con, func(ctx context.Context, s *account.Session) error {
		all, err := s.Staking().Unbondings(ctx, s.Self)
		if err != nil {
			return err
		}
		u, err := find(all, r.ID)
		if err != nil {
			return err
		}
		o, err := s.Orchestrator(ctx, u.Orchestrator.Hex())
		if err != nil {
			return err
		}
		plan := account.Plan{
			Details: Change{Orchestrator: o.ID, Name: account.Name(o), Cast: u.Amount.String()}, Actions: []chain.Action{s.Staking().Rebond(u.ID)},
		}
		plan.Title = fmt.Sprintf("Put %s, on its way out, back behind %s", amount.Format(u.Amount, amount.CAST), account.Name(o))
		plan.Facts = []console.Field{
			{Label: "Orchestrator", Value: fmt.Sprintf("%s, %s", account.Name(o), o.ID)},
			{Label: "Its stake", Value: poolOf(o)},
			{Label: "May lose", Value: mayLose(s, o.ID == s.Self)},
			{Label: "Comes back", Value: account.Lasting(s.Parameters().UnbondingPeriod) + " after it is unbonded again: the time that has passed is lost"},
		}
		plan.Warnings = warnings(s, o)
		return s.Carry(ctx, plan)
	})
}

// Move is the command `castnet stake move`.
type Move struct {
	account.Signing `embed:""`
	From            string           `arg:"" help:"The orchestrator whose the stake is: its name, or its owner's address."`
	To              string           `arg:"" help:"The orchestrator that gets it."`
	Amount          amount.CastOrAll `arg:"" help:"How much, for example 12.5 CAST, or 'all'."`
}

// Run takes stake from one pool to another.
func (m *Move) Run(ctx context.Context, con *console.Console) error {
	return m.Open(ctx, con, func(ctx context.Context, s *account.Session) error {
		from, err := s.Orchestrator(ctx, m.From)
		if err != nil {
			return err
		}
		to, err := s.Orchestrator(ctx, m.To)
		if err != nil {
			return err
		}
		position, err := s.Staking().Position(ctx, from.ID, s.Self)
		if err != nil {
			return err
		}
		there, err := s.Staking().Position(ctx, to.ID, s.Self)
		if err != nil {
			return err
		}
		switch {
		case from.ID == to.ID:
			return fmt.Errorf("both are %s: name two orchestrators", account.Name(from))
		case from.ID == s.Self:
			return fmt.Errorf("an owner's stake in its own pool is what it answers with: it can be unbonded, not moved")
		case to.ID == s.Self:
			return fmt.Errorf("an owner's stake in its own pool answers for nobody else: nothing moves there. Unbond it from %s ('castnet stake unbond'), then 'castnet stake bond'", account.Name(from))
		case there.Move != nil && there.Move.Until.After(s.Now):
			return fmt.Errorf("%s that moved to %s before answer for their former pool until %s: one move at a time, or delegate CAST that is not staked",
				amount.Format(there.Move.Liable, amount.CAST), account.Name(to), s.When(there.Move.Until))
		}
		cast, asked, err := taken(s, from, position, m.Amount)
		if err != nil {
			return err
		}
		until := s.Now.Add(s.Parameters().UnbondingPeriod)
		mine, pool := new(big.Int).Add(there.Stake, cast), new(big.Int).Add(to.Stake, cast)
		plan := account.Plan{
			Details: Change{Orchestrator: from.ID, Name: account.Name(from), To: &to.ID, Cast: cast.String(), ReleaseAt: until.UTC().Format(timeFormat)},
			Actions: []chain.Action{s.Staking().Move(from.ID, to.ID, asked)},
		}
		plan.Title = fmt.Sprintf("Move %s from %s to %s", amount.Format(cast, amount.CAST), account.Name(from), account.Name(to))
		plan.Facts = []console.Field{
			{Label: "From", Value: fmt.Sprintf("%s, %s; %s stay there", account.Name(from), from.ID, amount.Format(new(big.Int).Sub(position.Stake, cast), amount.CAST))},
			{Label: "To", Value: fmt.Sprintf("%s, %s", account.Name(to), to.ID)},
			{Label: "Its stake", Value: poolOf(to)},
			{Label: "Your part", Value: fmt.Sprintf("%s, %s of its stake", amount.Brief(mine, amount.CAST), percent(mine, pool))},
			{Label: "May earn", Value: mayEarn(to, mine, pool, false)},
			{Label: "May lose", Value: mayLose(s, false) + fmt.Sprintf("; until %s what moved answers for %s too", s.When(until), account.Name(from))},
			{Label: "Comes back", Value: fmt.Sprintf("what moved stays at least until %s; then %s after 'castnet stake unbond'", s.When(until), account.Lasting(s.Parameters().UnbondingPeriod))},
		}
		plan.Warnings = warnings(s, to)
		return s.Carry(ctx, plan)
	})
}

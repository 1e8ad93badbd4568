// Package stake is the command `castnet stake`: CAST behind orchestrators, what it earns, and the way back.
package stake

import (
	"context"
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"

	"castnet/contracts/chain"
	"castnet/internal/node/account"
	"castnet/internal/node/amount"
	"castnet/internal/node/console"
)

// Change is what --json tells of a change of stake; fields that do not apply are left out.
type Change struct {
	Orchestrator common.Address  `json:"orchestrator"`
	Name         string          `json:"name"`
	To           *common.Address `json:"to,omitempty"` // where moved stake goes
	Cast         string          `json:"cast"`         // in the smallest unit
	ReleaseAt    string          `json:"releaseAt,omitempty"`
}

// Delegate is the command `castnet stake delegate`.
type Delegate struct {
	account.Signing `embed:""`
	Orchestrator    string      `arg:"" help:"The orchestrator: its name, or its owner's address."`
	Amount          amount.Cast `arg:"" help:"How much, for example 12.5 CAST."`
}

// Run puts CAST behind an orchestrator.
func (d *Delegate) Run(ctx context.Context, con *console.Console) error {
	return d.Open(ctx, con, func(ctx context.Context, s *account.Session) error {
		o, err := s.Orchestrator(ctx, d.Orchestrator)
		if err != nil {
			return err
		}
		return bond(ctx, s, o, d.Amount.Int)
	})
}

// Bond is the command `castnet stake bond`.
type Bond struct {
	account.Signing `embed:""`
	Amount          amount.Cast `arg:"" help:"How much, for example 12.5 CAST."`
}

// Run adds to the account's own orchestrator.
func (b *Bond) Run(ctx context.Context, con *console.Console) error {
	return b.Open(ctx, con, func(ctx context.Context, s *account.Session) error {
		o, ok, err := s.Staking().Orchestrator(ctx, s.Self)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("%s is no orchestrator's owner: 'castnet orchestrator register' makes it one; to stake behind somebody else, 'castnet stake delegate'", s.Self)
		}
		return bond(ctx, s, o, b.Amount.Int)
	})
}

// bond puts CAST behind an orchestrator, somebody else's or one's own.
func bond(ctx context.Context, s *account.Session, o chain.Orchestrator, cast *big.Int) error {
	if cast.Sign() == 0 {
		return errNothing
	}
	held, err := s.Balance(ctx, s.Self)
	if err != nil {
		return err
	}
	if held.Cast.Cmp(cast) < 0 {
		return fmt.Errorf("%s has %s, this takes %s: stake less, or get more CAST",
			s.Self, amount.Format(held.Cast, amount.CAST), amount.Format(cast, amount.CAST))
	}
	position, err := s.Staking().Position(ctx, o.ID, s.Self)
	if err != nil {
		return err
	}
	mine, pool := new(big.Int).Add(position.Stake, cast), new(big.Int).Add(o.Stake, cast)
	own := o.ID == s.Self
	plan := account.Plan{Details: Change{Orchestrator: o.ID, Name: account.Name(o), Cast: cast.String()}}
	plan.Title = fmt.Sprintf("Delegate %s to %s", amount.Format(cast, amount.CAST), account.Name(o))
	if own {
		plan.Title = fmt.Sprintf("Bond %s to your own orchestrator, %s", amount.Format(cast, amount.CAST), account.Name(o))
	}
	plan.Facts = []console.Field{
		{Label: "Orchestrator", Value: fmt.Sprintf("%s, %s", account.Name(o), o.ID)},
		{Label: "Its stake", Value: poolOf(o)},
		{Label: "Your part", Value: fmt.Sprintf("%s, %s of its stake", amount.Brief(mine, amount.CAST), percent(mine, pool))},
		{Label: "May earn", Value: mayEarn(o, mine, pool, own)},
		{Label: "May lose", Value: mayLose(s, own)},
		{Label: "Comes back", Value: fmt.Sprintf("%s after you ask for it with 'castnet stake unbond'", account.Lasting(s.Parameters().UnbondingPeriod))},
	}
	plan.Warnings = warnings(s, o)
	plan.Actions = []chain.Action{s.Staking().Delegate(o.ID, cast)}
	return s.Carry(ctx, plan)
}

// errNothing refuses what would change nothing.
var errNothing = errors.New("nothing to do: give an amount above zero")

// warnings says what speaks against staking behind an orchestrator now.
func warnings(s *account.Session, o chain.Orchestrator) []string {
	var list []string
	if !o.Active {
		list = append(list, account.Name(o)+" is not in the active set: it gets no work, and this stake earns nothing, until it is.")
	}
	if o.JailedUntil > 0 {
		list = append(list, fmt.Sprintf("%s was proved to have lied and jailed; it may join the active set from round %d on.", account.Name(o), o.JailedUntil))
	}
	if a := o.Announced; a != nil {
		list = append(list, fmt.Sprintf("From %s on its stake gets %s of rewards and %s of fees.",
			s.When(a.From), amount.FormatPercent(1_000_000-a.RewardCut), amount.FormatPercent(a.FeeShare)))
	}
	return list
}

// poolOf says how much stake an orchestrator has, and whose.
func poolOf(o chain.Orchestrator) string {
	delegated := new(big.Int).Sub(o.Stake, o.SelfStake)
	text := fmt.Sprintf("%s, its owner's %s and delegators' %s",
		amount.Brief(o.Stake, amount.CAST), amount.Brief(o.SelfStake, amount.CAST), amount.Brief(delegated, amount.CAST))
	if o.Active {
		return text + "; in the active set"
	}
	return text
}

// mayEarn says what part of which earnings a stake gets.
func mayEarn(o chain.Orchestrator, mine, pool *big.Int, own bool) string {
	text := fmt.Sprintf("%s of what its stake gets: %s of its rewards and %s of its fees",
		percent(mine, pool), amount.FormatPercent(1_000_000-o.RewardCut), amount.FormatPercent(o.FeeShare))
	if own {
		text += ", and the rest of both as its owner"
	}
	return text + "; 'castnet stake simulate' reckons it in money"
}

// mayLose says what a slash can take.
func mayLose(s *account.Session, own bool) string {
	most := amount.FormatPercent(s.Parameters().MaxSlashPpm)
	if own {
		return "up to " + most + " each time your orchestrator is proved to have lied: an owner's stake is slashed first"
	}
	return "up to " + most + " each time the orchestrator is proved to have lied: its owner's stake is slashed first, then its delegators'"
}

// percent writes part / whole.
func percent(part, whole *big.Int) string {
	if whole.Sign() == 0 {
		return "0%"
	}
	ppm := new(big.Int).Mul(part, big.NewInt(1_000_000))
	ppm.Div(ppm, whole)
	switch {
	case ppm.Sign() == 0 && part.Sign() > 0:
		return "less than 0.0001%"
	case ppm.Cmp(big.NewInt(10_000)) < 0:
		return amount.FormatPercent(uint32(ppm.Uint64()))
	}
	hundredths := ppm.Uint64() / 100 // of a percent: two decimals are enough from 1 % on
	return amount.FormatPercent(uint32(hundredths * 100))
}

// Unbond is the command `castnet stake unbond`.
type Unbond struct {
	account.Signing `embed:""`
	Orchestrator    string           `arg:"" help:"The orchestrator: its name, or its owner's address."`
	Amount          amount.CastOrAll `arg:"" help:"How much, for example 12.5 CAST, or 'all'."`
}

// Run begins to take CAST out of a pool.
func (u *Unbond) Run(ctx context.Context, con *console.Console) error {
	return u.Open(ctx, con, func(ctx context.Context, s *account.Session) error {
		o, err := s.Orchestrator(ctx, u.Orchestrator)
		if err != nil {
			return err
		}
		position, err := s.Staking().Position(ctx, o.ID, s.Self)
		if err != nil {
			return err
		}
		cast, asked, err := taken(s, o, position, u.Amount)
		if err != nil {
			return err
		}
		release := s.Now.Add(s.Parameters().UnbondingPeriod)
		plan := account.Plan{
			Details: Change{Orchestrator: o.ID, Name: account.Name(o), Cast: cast.String(), ReleaseAt: release.Format(timeFormat)},
			Actions: []chain.Action{s.Staking().Unbond(o.ID, asked)},
		}
		plan.Title = fmt.Sprintf("Unbond %s from %s", amount.Format(cast, amount.CAST), account.Name(o))
		plan.Facts = []console.Field{
			{Label: "Orchestrator", Value: fmt.Sprintf("%s, %s", account.Name(o), o.ID)},
			{Label: "Stays there", Value: amount.Format(new(big.Int).Sub(position.Stake, cast), amount.CAST)},
			{Label: "Unlocks", Value: s.When(release) + ", then 'castnet stake withdraw'; until then 'castnet stake rebond' takes it back"},
			{Label: "Earns", Value: "nothing from now on; what it earned so far stays yours to claim"},
			{Label: "May lose", Value: "until it unlocks as much as before, if the orchestrator is proved to have lied while this stake stood behind it"},
		}
		if o.ID == s.Self && new(big.Int).Sub(o.SelfStake, cast).Cmp(s.Parameters().MinSelfStake) < 0 {
			plan.Warnings = append(plan.Warnings, fmt.Sprintf(
				"Your own stake falls below %s, the least for the active set: your orchestrator loses its place, its work and its delegators' earnings.",
				amount.Format(s.Parameters().MinSelfStake, amount.CAST)))
		}
		return s.Carry(ctx, plan)
	})
}

// taken is how much CAST leaves a position, and what to ask the contract for: nil is all that may leave, since rewards may come in
// between.
func taken(s *account.Session, o chain.Orchestrator, p chain.Position, want amount.CastOrAll) (cast, asked *big.Int, err error) {
	free, held := p.Stake, ""
	if p.Move != nil {
		free = new(big.Int).Sub(p.Stake, p.Move.Liable)
		held = fmt.Sprintf("; %s that moved here answer for their former pool and stay until %s",
			amount.Format(p.Move.Liable, amount.CAST), s.When(p.Move.Until))
	}
	switch {
	case !want.All && want.Sign() == 0:
		return nil, nil, errNothing
	case p.Stake.Sign() == 0:
		return nil, nil, fmt.Errorf("%s has no stake behind %s: 'castnet stake status' shows where it has", s.Self, account.Name(o))
	case want.All && free.Sign() > 0:
		return free, nil, nil
	case want.All || want.Cmp(free) > 0:
		asked := "all"
		if !want.All {
			asked = amount.Format(want.Int, amount.CAST)
		}
		return nil, nil, fmt.Errorf("%s asked for, but %s behind %s may leave: take less, or 'all'%s",
			asked, amount.Format(free, amount.CAST), account.Name(o), held)
	}
	return want.Int, want.Int, nil
}

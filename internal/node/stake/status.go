package stake

import (
	"context"
	"fmt"
	"io"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"castnet/contracts/chain"
	"castnet/contracts/chain/registry"
	"castnet/internal/node/account"
	"castnet/internal/node/amount"
	"castnet/internal/node/console"
)

// timeFormat is how JSON tells times: RFC 3339, UTC, seconds.
const timeFormat = time.RFC3339

// Status is the command `castnet stake status`.
type Status struct {
	account.Reading `embed:""`
}

// Report is what --json tells.
type Report struct {
	Account    common.Address    `json:"account"`
	Time       string            `json:"time"` // by the chain's clock
	Wei        string            `json:"wei"`
	Cast       string            `json:"cast"` // not staked
	Positions  []PositionReport  `json:"positions"`
	Unbondings []UnbondingReport `json:"unbondings"`
}

// PositionReport is the stake behind one orchestrator.
type PositionReport struct {
	Orchestrator common.Address `json:"orchestrator"`
	Name         string         `json:"name"`
	Active       bool           `json:"active"`
	Cast         string         `json:"cast"`
	Wei          string         `json:"wei"`                 // fees that a claim would pay
	RewardCutPpm uint32         `json:"rewardCutPpm"`        // of rewards, kept by the owner
	FeeSharePpm  uint32         `json:"feeSharePpm"`         // of fees, shared over the stake
	HeldCast     string         `json:"heldCast,omitempty"`  // moved here, and answers for its former pool
	HeldUntil    string         `json:"heldUntil,omitempty"` // until then
}

// UnbondingReport is stake on its way out.
type UnbondingReport struct {
	ID           uint64         `json:"id"`
	Orchestrator common.Address `json:"orchestrator"`
	Cast         string         `json:"cast"`
	ReleaseAt    string         `json:"releaseAt"`
	Unlocked     bool           `json:"unlocked"`
}

// Run shows what an account has where.
func (st *Status) Run(ctx context.Context, con *console.Console) error {
	return st.Open(ctx, con, func(ctx context.Context, s *account.Session) error {
		held, err := s.Balance(ctx, s.Self)
		if err != nil {
			return err
		}
		list, err := positions(ctx, s, "")
		if err != nil {
			return err
		}
		unbondings, err := s.Staking().Unbondings(ctx, s.Self)
		if err != nil {
			return err
		}
		return s.Answer(report(s, held, list, unbondings), func(w io.Writer) { say(w, s, held, list, unbondings) })
	})
}

// position is the account's stake behind one orchestrator.
type position struct {
	orchestrator chain.Orchestrator
	stake, fees  *big.Int
	move         *chain.RunningMove
}

// positions lists where the account has stake or fees: behind who, or behind everybody.
func positions(ctx context.Context, s *account.Session, who string) ([]position, error) {
	pools, err := candidates(ctx, s, who)
	if err != nil {
		return nil, err
	}
	var list []position
	for _, o := range pools {
		p, err := s.Staking().Position(ctx, o.ID, s.Self)
		if err != nil {
			return nil, err
		}
		if p.Stake.Sign() > 0 || p.Fees.Sign() > 0 {
			list = append(list, position{o, p.Stake, p.Fees, p.Move})
		}
	}
	return list, nil
}

// candidates are the pools in which the account may have something.
func candidates(ctx context.Context, s *account.Session, who string) ([]chain.Orchestrator, error) {
	if who != "" {
		o, err := s.Orchestrator(ctx, who)
		return []chain.Orchestrator{o}, err
	}
	ids := []common.Address{s.Self} // an owner has fees and commission even without stake
	err := s.History(ctx, func(ctx context.Context, books registry.Reader) error {
		d, err := books.Delegator(ctx, s.Self)
		for _, p := range d.Positions {
			if p.Orchestrator != s.Self {
				ids = append(ids, p.Orchestrator)
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	var list []chain.Orchestrator
	for _, id := range ids {
		o, ok, err := s.Staking().Orchestrator(ctx, id)
		if err != nil {
			return nil, err
		}
		if ok {
			list = append(list, o)
		}
	}
	return list, nil
}

func report(s *account.Session, held chain.Balance, list []position, unbondings []chain.Unbonding) Report {
	r := Report{
		Account: s.Self, Time: s.Now.UTC().Format(timeFormat), Wei: held.Ether.String(), Cast: held.Cast.String(),
		Positions: []PositionReport{}, Unbondings: []UnbondingReport{},
	}
	for _, p := range list {
		o := p.orchestrator
		entry := PositionReport{
			Orchestrator: o.ID, Name: account.Name(o), Active: o.Active, Cast: p.stake.String(), Wei: p.fees.String(),
			RewardCutPpm: o.RewardCut, FeeSharePpm: o.FeeShare,
		}
		if p.move != nil {
			entry.HeldCast, entry.HeldUntil = p.move.Liable.String(), p.move.Until.UTC().Format(timeFormat)
		}
		r.Positions = append(r.Positions, entry)
	}
	for _, u := range unbondings {
		r.Unbondings = append(r.Unbondings, UnbondingReport{
			u.ID, u.Orchestrator, u.Amount.String(), u.ReleaseAt.UTC().Format(timeFormat), !u.ReleaseAt.After(s.Now),
		})
	}
	return r
}

func say(w io.Writer, s *account.Session, held chain.Balance, list []position, unbondings []chain.Unbonding) {
	console.Fields(w, []console.Field{
		{Label: "Account", Value: s.Self.Hex()},
		{Label: "Holds", Value: amount.Format(held.Cast, amount.CAST) + " not staked, and " + amount.Format(held.Ether, amount.ETH)},
	})
	if len(list) == 0 {
		_, _ = fmt.Fprint(w, "\n  No stake. 'castnet stake delegate ORCHESTRATOR AMOUNT' puts some behind an orchestrator.\n")
	} else {
		rows := make([][]string, 0, len(list))
		for _, p := range list {
			o := p.orchestrator
			state := "active"
			if !o.Active {
				state = "not active: it earns nothing"
			}
			if p.move != nil && p.move.Until.After(s.Now) {
				state += fmt.Sprintf("; %s moved here, held until %s", amount.Format(p.move.Liable, amount.CAST), s.When(p.move.Until))
			}
			rows = append(rows, []string{
				account.Name(o), o.ID.Hex(), amount.Format(p.stake, amount.CAST), amount.Format(p.fees, amount.ETH),
				amount.FormatPercent(1_000_000 - o.RewardCut), amount.FormatPercent(o.FeeShare), state,
			})
		}
		_, _ = fmt.Fprintln(w)
		console.Table(w, []string{"ORCHESTRATOR", "ADDRESS", "STAKE", "FEES TO CLAIM", "REWARDS SHARED", "FEES SHARED", "STATE"}, rows)
	}
	if len(unbondings) == 0 {
		return
	}
	rows := make([][]string, 0, len(unbondings))
	for _, u := range unbondings {
		state := "unlocks " + s.When(u.ReleaseAt)
		if !u.ReleaseAt.After(s.Now) {
			state = "unlocked: 'castnet stake withdraw' takes it home"
		}
		rows = append(rows, []string{fmt.Sprint(u.ID), u.Orchestrator.Hex(), amount.Format(u.Amount, amount.CAST), state})
	}
	_, _ = fmt.Fprintln(w)
	console.Table(w, []string{"UNBONDING", "FROM", "AMOUNT", "STATE"}, rows)
}

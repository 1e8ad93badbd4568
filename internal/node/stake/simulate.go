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

// Simulate is the command `castnet stake simulate`.
type Simulate struct {
	account.Reading `embed:""`
	Orchestrator    string        `arg:"" help:"The orchestrator: its name, or its owner's address."`
	Amount          amount.Cast   `arg:"" help:"How much would be delegated, for example 100 CAST."`
	Over            time.Duration `default:"720h" help:"Look back so far."`
}

// Simulation is what --json tells.
type Simulation struct {
	Orchestrator common.Address `json:"orchestrator"`
	Name         string         `json:"name"`
	Cast         string         `json:"cast"`
	FromRound    uint64         `json:"fromRound"`
	ToRound      uint64         `json:"toRound"`
	Wei          string         `json:"wei"`         // fees that the stake would have got
	RewardsCast  string         `json:"rewardsCast"` // rewards that it would have got
	SlashedCast  string         `json:"slashedCast"` // what slashes in that time would have taken of it
	Slashes      int            `json:"slashes"`
}

// sums are what a stake would have got and lost.
type sums struct {
	fees             *big.Int // wei
	rewards, slashed *big.Int // CAST
}

// Run reckons what a delegation would have earned.
func (m *Simulate) Run(ctx context.Context, con *console.Console) error {
	reading := m.Reading
	if reading.Account == "" {
		reading.Account = common.Address{}.Hex() // nobody's: it is a question
	}
	return reading.Open(ctx, con, func(ctx context.Context, s *account.Session) error {
		o, err := s.Orchestrator(ctx, m.Orchestrator)
		if err != nil {
			return err
		}
		round, err := s.Round(ctx)
		if err != nil {
			return err
		}
		back := uint64(m.Over / s.Parameters().RoundLength)
		sim := Simulation{
			Orchestrator: o.ID, Name: account.Name(o), Cast: m.Amount.String(), FromRound: round.Number - min(back, round.Number), ToRound: round.Number,
		}
		var got sums
		err = s.History(ctx, func(ctx context.Context, books registry.Reader) error {
			earned, err := books.Earnings(ctx, o.ID, sim.FromRound)
			if err != nil {
				return err
			}
			got.fees, got.rewards = share(earned, m.Amount.Int)
			all, err := books.Slashes(ctx, o.ID)
			got.slashed, sim.Slashes = losses(all, o, m.Amount.Int, s.Now.Add(-m.Over))
			return err
		})
		if err != nil {
			return err
		}
		sim.Wei, sim.RewardsCast, sim.SlashedCast = got.fees.String(), got.rewards.String(), got.slashed.String()
		return s.Answer(sim, func(w io.Writer) { m.say(w, s, sim, got) })
	})
}

// share is what a stake would have got of what came in, had it been there in addition to the rest.
func share(earned []registry.RoundEarnings, stake *big.Int) (fees, rewards *big.Int) {
	fees, rewards = new(big.Int), new(big.Int)
	for _, e := range earned {
		whole := new(big.Int).Add(e.Stake, stake)
		if whole.Sign() == 0 {
			continue
		}
		part := func(v *big.Int) *big.Int { return new(big.Int).Div(new(big.Int).Mul(v, stake), whole) }
		fees.Add(fees, part(e.FeesShared))
		rewards.Add(rewards, part(new(big.Int).Sub(e.Rewards, e.RewardsKept)))
	}
	return fees, rewards
}

// losses is what slashes since a time would have taken: delegators bear what the owner's stake did not.
func losses(all []registry.Slash, o chain.Orchestrator, stake *big.Int, since time.Time) (cast *big.Int, n int) {
	cast = new(big.Int)
	for _, slash := range all {
		if slash.Time.Before(since) {
			continue
		}
		n++
		whole := new(big.Int).Add(new(big.Int).Sub(o.Stake, o.SelfStake), stake)
		if whole.Sign() > 0 {
			delegated := new(big.Int).Sub(slash.Amount, slash.Self)
			cast.Add(cast, delegated.Div(delegated.Mul(delegated, stake), whole))
		}
	}
	return cast, n
}

func (m *Simulate) say(w io.Writer, s *account.Session, sim Simulation, got sums) {
	lasted := time.Duration(int64(sim.ToRound-sim.FromRound+1) * int64(s.Parameters().RoundLength))
	_, _ = fmt.Fprintf(w, "%s behind %s, over the last %s (rounds %d to %d):\n\n",
		amount.Format(m.Amount.Int, amount.CAST), sim.Name, account.Lasting(lasted), sim.FromRound, sim.ToRound)
	console.Fields(w, []console.Field{
		{Label: "Fees", Value: amount.Brief(got.fees, amount.ETH)},
		{Label: "Rewards", Value: fmt.Sprintf("%s, %s of the stake", amount.Brief(got.rewards, amount.CAST), percent(got.rewards, m.Amount.Int))},
		{Label: "Slashed", Value: fmt.Sprintf("%s, in %s", amount.Brief(got.slashed, amount.CAST), slashes(sim.Slashes))},
		{Label: "In a year", Value: fmt.Sprintf("%s and %s, if it went on like this", amount.Brief(yearly(got.fees, lasted), amount.ETH), amount.Brief(yearly(got.rewards, lasted), amount.CAST))},
	})
	_, _ = fmt.Fprint(w, "\nReckoned from what came in, as if this stake had been there besides. What will come in nobody knows.\n")
}

func slashes(n int) string {
	if n == 1 {
		return "1 slash"
	}
	return fmt.Sprintf("%d slashes", n)
}

// yearly scales what came in over a time to a year.
func yearly(v *big.Int, over time.Duration) *big.Int {
	const year = 365 * 24 * time.Hour
	scaled := new(big.Int).Mul(v, big.NewInt(int64(year/time.Second)))
	return scaled.Div(scaled, big.NewInt(max(1, int64(over/time.Second))))
}

package registry

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"castnet/contracts/chain"
	"castnet/internal/node/account"
	"castnet/internal/node/amount"
	"castnet/internal/node/console"
)

// Status is the command `castnet orchestrator status`.
type Status struct {
	account.Reading `embed:""`
	Orchestrator    string `arg:"" optional:"" help:"The orchestrator, by name or owner's address; without it the account's own. 'all' lists the active set."`
}

// Report is what --json tells of an orchestrator.
type Report struct {
	Orchestrator  common.Address `json:"orchestrator"`
	Name          string         `json:"name"`
	ServiceURI    string         `json:"serviceUri"`
	Operator      common.Address `json:"operator"`
	OperatorWei   string         `json:"operatorWei"` // what it pays gas from
	Active        bool           `json:"active"`
	Cast          string         `json:"cast"`
	SelfCast      string         `json:"selfCast"`
	RewardCutPpm  uint32         `json:"rewardCutPpm"`
	FeeSharePpm   uint32         `json:"feeSharePpm"`
	ReceivedWei   string         `json:"receivedWei"`   // fees, ever
	UnclaimedWei  string         `json:"unclaimedWei"`  // of them, not paid out to owner and delegators
	OwedWei       string         `json:"owedWei"`       // redeemed, not swept into the stake pool
	EnrolledRound bool           `json:"enrolledRound"` // takes part in reserves in the present round
	Round         uint64         `json:"round"`
	Commission    string         `json:"commission"`            // CAST of the owner's cut of rewards, not claimed
	Relayer       common.Address `json:"relayer"`               // who alone redeems its winners; the zero address: anybody
	JailedUntil   uint64         `json:"jailedUntil,omitempty"` // the first round in which it may join again
	Announced     *Announced     `json:"announced,omitempty"`   // cuts that come into force
}

// Announced is what --json tells of cuts that are not in force yet.
type Announced struct {
	RewardCutPpm uint32 `json:"rewardCutPpm"`
	FeeSharePpm  uint32 `json:"feeSharePpm"`
	From         string `json:"from"`
}

// Run shows an orchestrator, or the whole active set.
func (st *Status) Run(ctx context.Context, con *console.Console) error {
	reading := st.Reading
	if st.Orchestrator != "" && reading.Account == "" {
		reading.Account = common.Address{}.Hex() // nobody's: the question is about somebody else
	}
	return reading.Open(ctx, con, func(ctx context.Context, s *account.Session) error {
		if st.Orchestrator == "all" {
			return all(ctx, s)
		}
		var o chain.Orchestrator
		var err error
		if st.Orchestrator == "" {
			o, err = own(ctx, s)
		} else {
			o, err = s.Orchestrator(ctx, st.Orchestrator)
		}
		if err != nil {
			return err
		}
		return one(ctx, s, o)
	})
}

func one(ctx context.Context, s *account.Session, o chain.Orchestrator) error {
	r := Report{
		Orchestrator: o.ID, Name: account.Name(o), ServiceURI: o.ServiceURI, Operator: o.Operator, Active: o.Active,
		Cast: o.Stake.String(), SelfCast: o.SelfStake.String(), RewardCutPpm: o.RewardCut, FeeSharePpm: o.FeeShare,
	}
	r.Commission, r.JailedUntil = o.Commission.String(), o.JailedUntil
	split := fmt.Sprintf("keeps %s of rewards, shares %s of fees", amount.FormatPercent(o.RewardCut), amount.FormatPercent(o.FeeShare))
	if a := o.Announced; a != nil {
		r.Announced = &Announced{a.RewardCut, a.FeeShare, a.From.UTC().Format(time.RFC3339)}
		split += fmt.Sprintf("; from %s on %s and %s", s.When(a.From), amount.FormatPercent(a.RewardCut), amount.FormatPercent(a.FeeShare))
	}
	held, err := s.Balance(ctx, o.Operator)
	if err != nil {
		return err
	}
	pool, err := s.Staking().Pool(ctx, o.ID)
	if err != nil {
		return err
	}
	owed, err := s.Broker().Owed(ctx, o.ID)
	if err != nil {
		return err
	}
	if r.Relayer, err = s.Broker().Relayer(ctx, o.ID); err != nil {
		return err
	}
	round, err := s.Round(ctx)
	if err != nil {
		return err
	}
	if r.EnrolledRound, err = s.Broker().Enrolled(ctx, o.ID, round.Number); err != nil {
		return err
	}
	r.OperatorWei, r.OwedWei, r.Round = held.Ether.String(), owed.String(), round.Number
	r.ReceivedWei, r.UnclaimedWei = pool.FeesReceived.String(), pool.FeesUnpaid.String()
	return s.Answer(r, func(w io.Writer) {
		state := "active: it is drawn for work"
		switch {
		case o.JailedUntil > round.Number:
			state = fmt.Sprintf("jailed: it may join the active set again from round %d on; it is round %d", o.JailedUntil, round.Number)
		case !o.Active:
			state = "not in the active set: no work, no rewards"
		}
		reserves := fmt.Sprintf("takes part in reserves in round %d", round.Number)
		if !r.EnrolledRound {
			reserves = fmt.Sprintf("not enrolled in round %d: no reserve secures its tickets until 'castnet orchestrator run' enrols it", round.Number)
		}
		console.Fields(w, []console.Field{
			{Label: "Orchestrator", Value: r.Name + ", " + o.ID.Hex()},
			{Label: "State", Value: state},
			{Label: "Reached at", Value: o.ServiceURI},
			{Label: "Operator", Value: o.Operator.Hex() + ", holds " + amount.Brief(held.Ether, amount.ETH) + " for gas"},
			{Label: "Winners", Value: redeemedBy(r.Relayer)},
			{Label: "Stake", Value: amount.Format(o.Stake, amount.CAST) + ", of it its owner's " + amount.Format(o.SelfStake, amount.CAST)},
			{Label: "Cuts", Value: split},
			{Label: "Commission", Value: amount.Format(o.Commission, amount.CAST) + " of the owner's cut of rewards, not claimed yet"},
			{Label: "Fees", Value: fmt.Sprintf("%s received, %s of it not claimed yet; %s redeemed and not swept",
				amount.Format(pool.FeesReceived, amount.ETH), amount.Format(pool.FeesUnpaid, amount.ETH), amount.Format(owed, amount.ETH))},
			{Label: "Reserves", Value: reserves},
		})
	})
}

// Listed is what --json tells of a member of the active set.
type Listed struct {
	Orchestrator common.Address `json:"orchestrator"`
	Name         string         `json:"name"`
	ServiceURI   string         `json:"serviceUri"`
	Cast         string         `json:"cast"`
	SelfCast     string         `json:"selfCast"`
	RewardCutPpm uint32         `json:"rewardCutPpm"`
	FeeSharePpm  uint32         `json:"feeSharePpm"`
}

func all(ctx context.Context, s *account.Session) error {
	list, err := s.Staking().Orchestrators(ctx)
	if err != nil {
		return err
	}
	listed := make([]Listed, 0, len(list))
	rows := make([][]string, 0, len(list))
	for _, o := range list {
		name := account.Name(o)
		listed = append(listed, Listed{o.ID, name, o.ServiceURI, o.Stake.String(), o.SelfStake.String(), o.RewardCut, o.FeeShare})
		rows = append(rows, []string{
			name, o.ID.Hex(), amount.Format(o.Stake, amount.CAST), amount.Format(o.SelfStake, amount.CAST),
			amount.FormatPercent(1_000_000 - o.RewardCut), amount.FormatPercent(o.FeeShare),
		})
	}
	return s.Answer(listed, func(w io.Writer) {
		console.Table(w, []string{"ORCHESTRATOR", "ADDRESS", "STAKE", "OWNER'S PART", "REWARDS SHARED", "FEES SHARED"}, rows)
	})
}

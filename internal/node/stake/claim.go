package stake

import (
	"context"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"

	"castnet/internal/node/account"
	"castnet/internal/node/amount"
	"castnet/internal/node/console"
)

// Claim is the command `castnet stake claim`.
type Claim struct {
	account.Signing `embed:""`
	Orchestrator    string `arg:"" optional:"" help:"The orchestrator whose fees to take; without it all of them."`
}

// Claimed is what --json tells of a claim.
type Claimed struct {
	Wei        string        `json:"wei"`
	Pools      []ClaimedPool `json:"pools"`
	Commission string        `json:"commission"` // CAST of the owner's cut of rewards, in the smallest unit
}

// ClaimedPool is a claim's part from one orchestrator.
type ClaimedPool struct {
	Orchestrator common.Address `json:"orchestrator"`
	Name         string         `json:"name"`
	Wei          string         `json:"wei"`
}

// Run takes fees home.
func (c *Claim) Run(ctx context.Context, con *console.Console) error {
	return c.Open(ctx, con, func(ctx context.Context, s *account.Session) error {
		pools, err := positions(ctx, s, c.Orchestrator)
		if err != nil {
			return err
		}
		details := Claimed{Pools: []ClaimedPool{}}
		sum := new(big.Int)
		plan := account.Plan{}
		for _, p := range pools {
			if p.fees.Sign() == 0 {
				continue
			}
			sum.Add(sum, p.fees)
			details.Pools = append(details.Pools, ClaimedPool{p.orchestrator.ID, account.Name(p.orchestrator), p.fees.String()})
			plan.Facts = append(plan.Facts, console.Field{Label: "From " + account.Name(p.orchestrator), Value: amount.Format(p.fees, amount.ETH)})
			plan.Actions = append(plan.Actions, s.Staking().ClaimFees(p.orchestrator.ID))
		}
		plan.Title = "Claim " + amount.Brief(sum, amount.ETH) + " of fees"
		commission, err := commissionOf(ctx, s)
		if err != nil {
			return err
		}
		if commission.Sign() > 0 {
			plan.Title += " and " + amount.Brief(commission, amount.CAST) + " of commission"
			plan.Facts = append(plan.Facts, console.Field{Label: "Commission", Value: amount.Format(commission, amount.CAST) + ", your cut of rewards as an owner"})
			plan.Actions = append(plan.Actions, s.Staking().ClaimCommission())
		}
		if len(plan.Actions) == 0 {
			return fmt.Errorf("%s has nothing to claim: fees come in when an orchestrator's tickets win and are swept into its stake pool", s.Self)
		}
		details.Wei, details.Commission = sum.String(), commission.String()
		plan.Details = details
		return s.Carry(ctx, plan)
	})
}

// commissionOf is what an owner's cut of rewards has brought in.
func commissionOf(ctx context.Context, s *account.Session) (*big.Int, error) {
	o, ok, err := s.Staking().Orchestrator(ctx, s.Self)
	if err != nil || !ok {
		return new(big.Int), err
	}
	return o.Commission, nil
}

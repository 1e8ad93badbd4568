package registry

import (
	"context"
	"fmt"

	"github.com/ethereum/go-ethereum/common"

	"castnet/contracts/chain"
	"castnet/internal/node/account"
	"castnet/internal/node/console"
)

// SetRelayer is the command `castnet orchestrator set-relayer`.
type SetRelayer struct {
	account.Signing `embed:""`
	Relayer         string `arg:"" help:"The account that redeems winners, the operator's or a redeemer's: a key file's name, an address, or 'anybody'."`
}

// RelayerChange is what --json tells of it.
type RelayerChange struct {
	Orchestrator common.Address `json:"orchestrator"`
	Relayer      common.Address `json:"relayer"` // the zero address: anybody
}

// Run names who alone may redeem tickets of the account.
func (r *SetRelayer) Run(ctx context.Context, con *console.Console) error {
	relayer, err := relayerOf(r.Relayer, r.Signing, con)
	if err != nil {
		return err
	}
	return r.Open(ctx, con, func(ctx context.Context, s *account.Session) error {
		now, err := s.Broker().Relayer(ctx, s.Self)
		if err != nil {
			return err
		}
		plan := account.Plan{
			Details: RelayerChange{s.Self, relayer}, Actions: []chain.Action{s.Broker().SetRelayer(relayer)},
		}
		plan.Facts = []console.Field{{Label: "Now", Value: redeemedBy(now)}, {Label: "Then", Value: redeemedBy(relayer)}}
		if relayer == (common.Address{}) {
			plan.Title = fmt.Sprintf("Let anybody redeem tickets of %s", s.Self)
			plan.Warnings = []string{"A sender that sees a redemption coming can spend the winner's nonce on a ticket worth 1 wei before it is in a block."}
			return s.Carry(ctx, plan)
		}
		plan.Title = fmt.Sprintf("Let %s alone redeem tickets of %s", relayer, s.Self)
		plan.Facts = append(plan.Facts,
			console.Field{Label: "It may", Value: "take winners to the chain, and pays the gas; what they pay goes to " + s.Self.Hex() + " all the same"},
			console.Field{Label: "Others", Value: "may not: else a sender could spend a winner's nonce on a ticket worth 1 wei before it is in a block"})
		return s.Carry(ctx, plan)
	})
}

// anybody is what is said instead of an account, where none is to be named.
const anybody = "anybody"

// relayerOf finds the account that shall redeem; zero for anybody.
func relayerOf(relayer string, signing account.Signing, con *console.Console) (common.Address, error) {
	if relayer == anybody {
		return common.Address{}, nil
	}
	key, err := operatorOf(relayer, signing, con)
	return key.address, err
}

// redeemedBy says who takes winners to the chain.
func redeemedBy(relayer common.Address) string {
	if relayer == (common.Address{}) {
		return "redeemed by anybody, which lets a sender spoil them: better name an account"
	}
	return "redeemed by " + relayer.Hex() + " alone, and the owner"
}

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
	Relayer         string `arg:"" help:"The account that redeems winners, the operator's or a redeemer's: a key file's name or an address."`
}

// RelayerChange is what --json tells of it.
type RelayerChange struct {
	Orchestrator common.Address `json:"orchestrator"`
	Relayer      common.Address `json:"relayer"`
}

// Run names who alone may redeem tickets of the account.
func (r *SetRelayer) Run(ctx context.Context, con *console.Console) error {
	key, err := operatorOf(r.Relayer, r.Signing, con)
	if err != nil {
		return err
	}
	return r.Open(ctx, con, func(ctx context.Context, s *account.Session) error {
		plan := account.Plan{
			Details: RelayerChange{s.Self, key.address}, Actions: []chain.Action{s.Broker().SetRelayer(key.address)},
		}
		plan.Title = fmt.Sprintf("Let %s alone redeem tickets of %s", key.address, s.Self)
		plan.Facts = []console.Field{
			{Label: "It may", Value: "take winners to the chain, and pays the gas; what they pay goes to " + s.Self.Hex() + " all the same"},
			{Label: "Others", Value: "may not: else a sender could spend a winner's nonce on a ticket worth 1 wei before it is in a block"},
		}
		return s.Carry(ctx, plan)
	})
}

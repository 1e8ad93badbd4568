package chain

import (
	"context"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"castnet/contracts/bindings"
)

// listPage is how many orchestrators one call asks for.
const listPage = 256

// Staking reads and changes stake.
type Staking struct {
	client *Client
	abi    *bindings.Staking
}

func (s *Staking) address() common.Address { return s.client.cfg.Addresses.Staking }

// Orchestrators lists the active set.
func (s *Staking) Orchestrators(ctx context.Context) ([]Orchestrator, error) {
	var list []Orchestrator
	for {
		data := s.abi.PackOrchestrators(big.NewInt(int64(len(list))), big.NewInt(listPage))
		page, err := view(ctx, s.client, s.address(), data, s.abi.UnpackOrchestrators)
		if err != nil {
			return nil, fmt.Errorf("chain: orchestrators: %w", err)
		}
		for _, listing := range page {
			list = append(list, orchestratorOf(listing))
		}
		if len(page) < listPage {
			return list, nil
		}
	}
}

// Orchestrator reads one entry; ok is false when nobody registered under id.
func (s *Staking) Orchestrator(ctx context.Context, id common.Address) (o Orchestrator, ok bool, err error) {
	listing, err := view(ctx, s.client, s.address(), s.abi.PackOrchestratorInfo(id), s.abi.UnpackOrchestratorInfo)
	if err != nil {
		return Orchestrator{}, false, fmt.Errorf("chain: orchestrator %v: %w", id, err)
	}
	return orchestratorOf(listing), listing.ServiceURI != "", nil
}

func orchestratorOf(l bindings.StakingListing) Orchestrator {
	return Orchestrator{
		ID:         l.Id,
		Operator:   l.Operator,
		ServiceURI: l.ServiceURI,
		Stake:      l.Stake,
		SelfStake:  l.SelfStake,
		RewardCut:  l.RewardCut,
		FeeShare:   l.FeeShare,
		Active:     l.Active,
		ActiveFrom: l.ActiveFrom,
	}
}

// Pool reads an orchestrator's fees.
func (s *Staking) Pool(ctx context.Context, orchestrator common.Address) (Pool, error) {
	info, err := view(ctx, s.client, s.address(), s.abi.PackPoolInfo(orchestrator), s.abi.UnpackPoolInfo)
	if err != nil {
		return Pool{}, fmt.Errorf("chain: pool of %v: %w", orchestrator, err)
	}
	return Pool{FeesReceived: info.Received, FeesUnpaid: new(big.Int).Sub(info.Received, info.Paid)}, nil
}

// Position reads a delegator's part of a pool.
func (s *Staking) Position(ctx context.Context, orchestrator, delegator common.Address) (Position, error) {
	info, err := view(ctx, s.client, s.address(), s.abi.PackPositionInfo(orchestrator, delegator), s.abi.UnpackPositionInfo)
	if err != nil {
		return Position{}, fmt.Errorf("chain: position of %v with %v: %w", delegator, orchestrator, err)
	}
	return Position{Stake: info.Stake, Fees: info.Fees}, nil
}

// Unbondings lists a delegator's stake on its way out.
func (s *Staking) Unbondings(ctx context.Context, delegator common.Address) ([]Unbonding, error) {
	all, err := view(ctx, s.client, s.address(), s.abi.PackUnbondings(delegator), s.abi.UnpackUnbondings)
	if err != nil {
		return nil, fmt.Errorf("chain: unbondings of %v: %w", delegator, err)
	}
	var open []Unbonding
	for id, u := range all {
		if u.Amount.Sign() == 0 {
			continue
		}
		open = append(open, Unbonding{
			ID: uint64(id), Orchestrator: u.Orchestrator, Amount: u.Amount, ReleaseAt: time.Unix(int64(u.ReleaseAt), 0).UTC(),
		})
	}
	return open, nil
}

// Register enters the account as an orchestrator and bonds its first stake.
func (s *Staking) Register(r Registration) Action {
	stake := orZero(r.Stake)
	return s.bonding(stake, s.abi.PackRegister(bindings.StakingRegistration{
		Operator: r.Operator, RewardCut: r.RewardCut, FeeShare: r.FeeShare, ServiceURI: r.ServiceURI,
	}, stake))
}

// Join puts the account's orchestrator into the active set; where the set is full it takes the place of victim, a member with
// less stake.
func (s *Staking) Join(victim common.Address) Action { return s.action(s.abi.PackJoin(victim)) }

// Bond adds CAST to the account's own stake.
func (s *Staking) Bond(amount *big.Int) Action { return s.Delegate(s.client.Self(), amount) }

// Delegate puts the account's CAST behind an orchestrator.
func (s *Staking) Delegate(orchestrator common.Address, amount *big.Int) Action {
	if err := positive(amount, "CAST"); err != nil {
		return s.senseless(err)
	}
	return s.bonding(amount, s.abi.PackDelegate(orchestrator, amount))
}

// Unbond begins to take stake out of a pool.
func (s *Staking) Unbond(orchestrator common.Address, amount *big.Int) Action {
	if err := positive(amount, "CAST"); err != nil {
		return s.senseless(err)
	}
	return s.action(s.abi.PackUnbond(orchestrator, amount))
}

// Withdraw pays out an unbonding whose time has come.
func (s *Staking) Withdraw(id uint64) Action {
	return s.action(s.abi.PackWithdraw(new(big.Int).SetUint64(id)))
}

// ClaimFees pays the account's fees from one pool to the account.
func (s *Staking) ClaimFees(orchestrator common.Address) Action {
	return s.action(s.abi.PackClaimFees(orchestrator, s.client.Self()))
}

// SetServiceURI changes where the account's orchestrator is reached.
func (s *Staking) SetServiceURI(uri string) Action { return s.action(s.abi.PackSetServiceURI(uri)) }

// SetOperator changes the operator key of the account's orchestrator, from the next round on.
func (s *Staking) SetOperator(operator common.Address) Action {
	return s.action(s.abi.PackSetOperator(operator))
}

// SetCuts changes the reward cut and fee share of the account's orchestrator, both ppm.
func (s *Staking) SetCuts(rewardCut, feeShare uint32) Action {
	return s.action(s.abi.PackSetCuts(rewardCut, feeShare))
}

// Reward mints an orchestrator's share of the emission; anyone may call it.
func (s *Staking) Reward(orchestrator common.Address) Action {
	return s.action(s.abi.PackReward(orchestrator))
}

func (s *Staking) action(data []byte) Action {
	return Action{client: s.client, call: call{to: target(s.address()), data: data}}
}

// bonding is an action that takes CAST from the account.
func (s *Staking) bonding(amount *big.Int, data []byte) Action {
	a := s.action(data)
	a.approve = amount
	return a
}

func (s *Staking) senseless(err error) Action { return Action{client: s.client, err: err} }

// positive checks an amount before it is packed.
func positive(amount *big.Int, unit string) error {
	if amount == nil || amount.Sign() <= 0 {
		return fmt.Errorf("chain: an amount of %s > 0 is needed", unit)
	}
	return nil
}

func orZero(v *big.Int) *big.Int {
	if v == nil {
		return new(big.Int)
	}
	return v
}

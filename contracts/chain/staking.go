package chain

import (
	"context"
	"errors"
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

// Register enters the signer as an orchestrator and bonds its first stake, approving the token transfer where needed.
func (s *Staking) Register(ctx context.Context, r Registration) (Receipt, error) {
	stake := orZero(r.Stake)
	if err := s.approve(ctx, stake); err != nil {
		return Receipt{}, err
	}
	return s.execute(ctx, s.abi.PackRegister(bindings.StakingRegistration{
		Operator: r.Operator, RewardCut: r.RewardCut, FeeShare: r.FeeShare, ServiceURI: r.ServiceURI,
	}, stake))
}

// Join puts the signer's orchestrator into the active set; where the set is full it takes the place of victim, a member with
// less stake.
func (s *Staking) Join(ctx context.Context, victim common.Address) (Receipt, error) {
	return s.execute(ctx, s.abi.PackJoin(victim))
}

// Bond adds to the signer's own stake.
func (s *Staking) Bond(ctx context.Context, amount *big.Int) (Receipt, error) {
	return s.Delegate(ctx, s.client.Self(), amount)
}

// Delegate puts the signer's CAST behind an orchestrator.
func (s *Staking) Delegate(ctx context.Context, orchestrator common.Address, amount *big.Int) (Receipt, error) {
	if err := s.approve(ctx, amount); err != nil {
		return Receipt{}, err
	}
	return s.execute(ctx, s.abi.PackDelegate(orchestrator, amount))
}

// Unbond begins to take stake out of a pool.
func (s *Staking) Unbond(ctx context.Context, orchestrator common.Address, amount *big.Int) (Receipt, error) {
	return s.execute(ctx, s.abi.PackUnbond(orchestrator, amount))
}

// Withdraw pays out an unbonding whose time has come.
func (s *Staking) Withdraw(ctx context.Context, id uint64) (Receipt, error) {
	return s.execute(ctx, s.abi.PackWithdraw(new(big.Int).SetUint64(id)))
}

// ClaimFees pays the signer's fees from one pool to the signer.
func (s *Staking) ClaimFees(ctx context.Context, orchestrator common.Address) (Receipt, error) {
	return s.execute(ctx, s.abi.PackClaimFees(orchestrator, s.client.Self()))
}

// SetServiceURI changes where the signer's orchestrator is reached.
func (s *Staking) SetServiceURI(ctx context.Context, uri string) (Receipt, error) {
	return s.execute(ctx, s.abi.PackSetServiceURI(uri))
}

// SetOperator changes the signer's operator key, from the next round on.
func (s *Staking) SetOperator(ctx context.Context, operator common.Address) (Receipt, error) {
	return s.execute(ctx, s.abi.PackSetOperator(operator))
}

// SetCuts changes the signer's reward cut and fee share, both ppm.
func (s *Staking) SetCuts(ctx context.Context, rewardCut, feeShare uint32) (Receipt, error) {
	return s.execute(ctx, s.abi.PackSetCuts(rewardCut, feeShare))
}

// Reward mints an orchestrator's share of the present round's emission; anyone may call it, once per round.
func (s *Staking) Reward(ctx context.Context, orchestrator common.Address) (Receipt, error) {
	return s.execute(ctx, s.abi.PackReward(orchestrator))
}

func (s *Staking) execute(ctx context.Context, data []byte) (Receipt, error) {
	return s.client.execute(ctx, call{to: target(s.address()), data: data})
}

// approve lets Staking take amount of the signer's CAST, unless it may already.
func (s *Staking) approve(ctx context.Context, amount *big.Int) error {
	if amount == nil || amount.Sign() < 0 {
		return errors.New("chain: an amount of CAST ≥ 0 is needed")
	}
	c := s.client
	token := c.cfg.Addresses.Token
	allowed, err := view(ctx, c, token, c.token.PackAllowance(c.Self(), s.address()), c.token.UnpackAllowance)
	if err != nil {
		return fmt.Errorf("chain: allowance: %w", err)
	}
	if allowed.Cmp(amount) >= 0 {
		return nil
	}
	_, err = c.execute(ctx, call{to: &token, data: c.token.PackApprove(s.address(), amount)})
	return err
}

func orZero(v *big.Int) *big.Int {
	if v == nil {
		return new(big.Int)
	}
	return v
}

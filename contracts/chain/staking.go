package chain

import (
	"context"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"castnet/contracts/bindings"
)

// listPage is how many orchestrators one call asks for.
const listPage = 256

// Staking reads and changes stake.
type Staking struct {
	client *Client
	abi    *bindings.Staking
	views  *bindings.StakingViews // answers at the same address
	fees   feeBooks
}

func (s *Staking) address() common.Address { return s.client.cfg.Addresses.Staking }

// Orchestrators lists the active set.
func (s *Staking) Orchestrators(ctx context.Context) ([]Orchestrator, error) {
	var list []Orchestrator
	for {
		data := s.views.PackOrchestrators(big.NewInt(int64(len(list))), big.NewInt(listPage))
		page, err := view(ctx, s.client, s.address(), data, s.views.UnpackOrchestrators)
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
	listing, err := view(ctx, s.client, s.address(), s.views.PackOrchestratorInfo(id), s.views.UnpackOrchestratorInfo)
	if err != nil {
		return Orchestrator{}, false, fmt.Errorf("chain: orchestrator %v: %w", id, err)
	}
	return orchestratorOf(listing), listing.ServiceURI != "", nil
}

func orchestratorOf(l bindings.Listing) Orchestrator {
	o := Orchestrator{
		ID: l.Id, Operator: l.Operator, ServiceURI: l.ServiceURI, Capabilities: l.Capabilities,
		Stake: l.Stake, Weight: l.Weight, SelfStake: l.SelfStake, Commission: l.Commission,
		RewardCut: l.RewardCut, FeeShare: l.FeeShare,
		Active: l.Active, ActiveFrom: l.ActiveFrom, JailedUntil: l.JailedUntil,
	}
	if l.CutsAt != 0 {
		o.Announced = &AnnouncedCuts{RewardCut: l.NextRewardCut, FeeShare: l.NextFeeShare, From: time.Unix(int64(l.CutsAt), 0).UTC()}
	}
	return o
}

// OperatorAt reads which key signs for an orchestrator in a round; zero if it was not registered then.
func (s *Staking) OperatorAt(ctx context.Context, id common.Address, round uint64) (common.Address, error) {
	operator, err := view(ctx, s.client, s.address(), s.views.PackOperatorAt(id, round), s.views.UnpackOperatorAt)
	if err != nil {
		return common.Address{}, fmt.Errorf("chain: operator of %v: %w", id, err)
	}
	return operator, nil
}

// StakeAt reads the stake by which draws, evidence and votes of a round count an orchestrator.
func (s *Staking) StakeAt(ctx context.Context, id common.Address, round uint64) (*big.Int, error) {
	stake, err := view(ctx, s.client, s.address(), s.views.PackStakeAt(id, round), s.views.UnpackStakeAt)
	if err != nil {
		return nil, fmt.Errorf("chain: stake of %v: %w", id, err)
	}
	return stake, nil
}

// Position reads a delegator's part of a pool.
func (s *Staking) Position(ctx context.Context, orchestrator, delegator common.Address) (Position, error) {
	info, err := view(ctx, s.client, s.address(), s.views.PackPositionInfo(orchestrator, delegator), s.views.UnpackPositionInfo)
	if err != nil {
		return Position{}, fmt.Errorf("chain: position of %v with %v: %w", delegator, orchestrator, err)
	}
	p := Position{Stake: info.Stake, Fees: info.Fees}
	move, err := view(ctx, s.client, s.address(), s.views.PackMoveInfo(orchestrator, delegator), s.views.UnpackMoveInfo)
	if err != nil {
		return Position{}, fmt.Errorf("chain: position of %v with %v: %w", delegator, orchestrator, err)
	}
	if move.Until != 0 {
		p.Move = &RunningMove{From: move.From, Liable: move.Liable, Until: time.Unix(int64(move.Until), 0).UTC()}
	}
	return p, nil
}

// Unbondings lists a delegator's stake on its way out.
func (s *Staking) Unbondings(ctx context.Context, delegator common.Address) ([]Unbonding, error) {
	all, err := view(ctx, s.client, s.address(), s.views.PackUnbondings(delegator), s.views.UnpackUnbondings)
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
	return s.bonding(stake, s.abi.PackRegister(bindings.Registration{
		Operator: r.Operator, RewardCut: r.RewardCut, FeeShare: r.FeeShare, ServiceURI: r.ServiceURI, Capabilities: orZero(r.Capabilities),
	}, stake, r.Consent))
}

// ConsentDigest is what an operator key signs (r ‖ s ‖ v) to agree to serve an orchestrator, so that no other owner can name it:
// OperatorConsent(address orchestrator) by EIP-712, in the domain of the Staking contract.
func (s *Staking) ConsentDigest(orchestrator common.Address) common.Hash {
	domain := crypto.Keccak256(
		crypto.Keccak256([]byte("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")),
		crypto.Keccak256([]byte("Castnet")), crypto.Keccak256([]byte("1")),
		common.BigToHash(new(big.Int).SetUint64(s.client.ChainID())).Bytes(), common.LeftPadBytes(s.address().Bytes(), common.HashLength),
	)
	consent := crypto.Keccak256(
		crypto.Keccak256([]byte("OperatorConsent(address orchestrator)")), common.LeftPadBytes(orchestrator[:], common.HashLength),
	)
	return crypto.Keccak256Hash([]byte{0x19, 0x01}, domain, consent)
}

// Join puts the account's orchestrator into the active set; where the set is full it takes the place of victim, a member with
// less stake.
func (s *Staking) Join(victim common.Address) Action { return s.action(s.abi.PackJoin(victim)) }

// LeaveSet takes the account's orchestrator out of the active set; its stake stays.
func (s *Staking) LeaveSet() Action { return s.action(s.abi.PackLeaveSet()) }

// Bond adds CAST to the account's own stake.
func (s *Staking) Bond(amount *big.Int) Action { return s.Delegate(s.client.Self(), amount) }

// Delegate puts the account's CAST behind an orchestrator.
func (s *Staking) Delegate(orchestrator common.Address, amount *big.Int) Action {
	if err := positive(amount, "CAST"); err != nil {
		return s.senseless(err)
	}
	return s.bonding(amount, s.abi.PackDelegate(orchestrator, amount))
}

// Unbond begins to take stake out of a pool; nil: all that may leave.
func (s *Staking) Unbond(orchestrator common.Address, amount *big.Int) Action {
	if amount == nil {
		amount = everything()
	}
	if err := positive(amount, "CAST"); err != nil {
		return s.senseless(err)
	}
	return s.action(s.abi.PackUnbond(orchestrator, amount))
}

// Rebond cancels an unbonding: what is left of it goes back behind the same orchestrator.
func (s *Staking) Rebond(id uint64) Action {
	return s.action(s.abi.PackRebond(new(big.Int).SetUint64(id)))
}

// Move takes stake from one pool to another without a gap; nil: all that may leave. It earns there at once, answers for the former
// pool for an unbonding period, and can't leave before.
func (s *Staking) Move(from, to common.Address, amount *big.Int) Action {
	if amount == nil {
		amount = everything()
	}
	if err := positive(amount, "CAST"); err != nil {
		return s.senseless(err)
	}
	return s.action(s.abi.PackMove(from, to, amount))
}

// SettleMove takes from what a delegator moved to an orchestrator what slashes of its former pool cost it; anyone may call it.
func (s *Staking) SettleMove(orchestrator, delegator common.Address) Action {
	return s.action(s.abi.PackSettleMove(orchestrator, delegator))
}

// Withdraw pays out an unbonding whose time has come.
func (s *Staking) Withdraw(id uint64) Action {
	return s.action(s.abi.PackWithdraw(new(big.Int).SetUint64(id)))
}

// ClaimFees pays the account's fees from one pool to the account; an owner's include its part of the fees.
func (s *Staking) ClaimFees(orchestrator common.Address) Action {
	return s.action(s.abi.PackClaimFees(orchestrator, s.client.Self()))
}

// ClaimCommission pays an owner its cuts of emission.
func (s *Staking) ClaimCommission() Action {
	return s.action(s.abi.PackClaimCommission(s.client.Self()))
}

// SetServiceURI changes where the account's orchestrator is reached.
func (s *Staking) SetServiceURI(uri string) Action { return s.action(s.abi.PackSetServiceURI(uri)) }

// SetCapabilities changes what the account's orchestrator says it can do, a bit for each thing.
func (s *Staking) SetCapabilities(capabilities *big.Int) Action {
	return s.action(s.abi.PackSetCapabilities(orZero(capabilities)))
}

// SetOperator changes the operator key of the account's orchestrator, from the next round on. consent is the key's signature of
// ConsentDigest, or nil.
func (s *Staking) SetOperator(operator common.Address, consent []byte) Action {
	return s.action(s.abi.PackSetOperator(operator, consent))
}

// SetCuts announces the reward cut and fee share of the account's orchestrator, both ppm: they come into force an unbonding period
// later.
func (s *Staking) SetCuts(rewardCut, feeShare uint32) Action {
	return s.action(s.abi.PackSetCuts(rewardCut, feeShare))
}

// Reward gives an orchestrator its part of the emission up to now, of missed rounds too; anyone may call it.
func (s *Staking) Reward(orchestrator common.Address) Action {
	return s.action(s.abi.PackReward(orchestrator))
}

// Checkpoint writes an orchestrator's stake, with the emission that it took, down for the next round's draws; anyone may call it.
func (s *Staking) Checkpoint(orchestrator common.Address) Action {
	return s.action(s.abi.PackCheckpoint(orchestrator))
}

func (s *Staking) action(data []byte) Action {
	return Action{client: s.client, call: call{to: new(s.address()), data: data}}
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

// everything is the largest amount, which stands for all that there is.
func everything() *big.Int {
	const bits = 256
	v := new(big.Int).Lsh(big.NewInt(1), bits)
	return v.Sub(v, big.NewInt(1))
}

func orZero(v *big.Int) *big.Int {
	if v == nil {
		return new(big.Int)
	}
	return v
}

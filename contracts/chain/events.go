package chain

import (
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"castnet/contracts/bindings"
)

// What happens to stake, one struct an event, with the fields that the Staking contract gives it.
type (
	// Registered says: an orchestrator entered the registry.
	Registered = bindings.StakingRegistered
	// OperatorSet says: a key signs for an orchestrator from a round on.
	OperatorSet = bindings.StakingOperatorSet
	// ServiceURISet says: where an orchestrator is reached.
	ServiceURISet = bindings.StakingServiceURISet
	// CapabilitiesSet says: what an orchestrator says it can do.
	CapabilitiesSet = bindings.StakingCapabilitiesSet
	// CutsAnnounced says: cuts that come into force later.
	CutsAnnounced = bindings.StakingCutsAnnounced
	// CutsSet says: cuts that are in force.
	CutsSet = bindings.StakingCutsSet
	// Joined says: an orchestrator is in the active set.
	Joined = bindings.StakingJoined
	// Left says: it is no longer.
	Left = bindings.StakingLeft
	// Bonded says: stake came into a pool.
	Bonded = bindings.StakingBonded
	// Unbonded says: stake began to leave a pool.
	Unbonded = bindings.StakingUnbonded
	// Rebonded says: an unbonding was cancelled.
	Rebonded = bindings.StakingRebonded
	// Withdrawn says: an unbonding was paid out.
	Withdrawn = bindings.StakingWithdrawn
	// Moved says: stake changed pools.
	Moved = bindings.StakingMoved
	// MoveSettled says: what a slash of the former pool took of moved stake.
	MoveSettled = bindings.StakingMoveSettled
	// Rewarded says: a pool took its part of the emission.
	Rewarded = bindings.StakingRewarded
	// CommissionClaimed says: an owner took its cuts of emission.
	CommissionClaimed = bindings.StakingCommissionClaimed
	// FeesDeposited says: fees arrived for a pool.
	FeesDeposited = bindings.StakingFeesDeposited
	// FeesClaimed says: fees were paid out.
	FeesClaimed = bindings.StakingFeesClaimed
	// Slashed says: stake was taken away.
	Slashed = bindings.StakingSlashed
	// Jailed says: an orchestrator may not join the active set before a round.
	Jailed = bindings.StakingJailed
)

// StakeEvents reads the log of a Staking contract.
type StakeEvents struct {
	staking common.Address
	byTopic map[common.Hash]func(*types.Log) (any, error)
}

// NewStakeEvents makes a reader of one deployment's log.
func NewStakeEvents(a Addresses) (*StakeEvents, error) {
	parsed, err := abi.JSON(strings.NewReader(bindings.StakingMetaData.ABI))
	if err != nil {
		return nil, fmt.Errorf("chain: bindings: %w", err)
	}
	s := bindings.NewStaking()
	e := &StakeEvents{staking: a.Staking, byTopic: make(map[common.Hash]func(*types.Log) (any, error))}
	for name, decode := range map[string]func(*types.Log) (any, error){
		"Registered": decoder(s.UnpackRegisteredEvent), "OperatorSet": decoder(s.UnpackOperatorSetEvent),
		"ServiceURISet": decoder(s.UnpackServiceURISetEvent), "CapabilitiesSet": decoder(s.UnpackCapabilitiesSetEvent),
		"CutsAnnounced": decoder(s.UnpackCutsAnnouncedEvent), "CutsSet": decoder(s.UnpackCutsSetEvent),
		"Joined": decoder(s.UnpackJoinedEvent), "Left": decoder(s.UnpackLeftEvent),
		"Bonded": decoder(s.UnpackBondedEvent), "Unbonded": decoder(s.UnpackUnbondedEvent),
		"Rebonded": decoder(s.UnpackRebondedEvent), "Withdrawn": decoder(s.UnpackWithdrawnEvent),
		"Moved": decoder(s.UnpackMovedEvent), "MoveSettled": decoder(s.UnpackMoveSettledEvent),
		"Rewarded": decoder(s.UnpackRewardedEvent), "CommissionClaimed": decoder(s.UnpackCommissionClaimedEvent),
		"FeesDeposited": decoder(s.UnpackFeesDepositedEvent), "FeesClaimed": decoder(s.UnpackFeesClaimedEvent),
		"Slashed": decoder(s.UnpackSlashedEvent), "Jailed": decoder(s.UnpackJailedEvent),
	} {
		event, ok := parsed.Events[name]
		if !ok {
			return nil, fmt.Errorf("chain: bindings: Staking has no event %s", name)
		}
		e.byTopic[event.ID] = decode
	}
	return e, nil
}

func decoder[T any](unpack func(*types.Log) (*T, error)) func(*types.Log) (any, error) {
	return func(entry *types.Log) (any, error) { return unpack(entry) }
}

// Decode reads one log: a pointer to one of the event types, or nil for what says nothing about stake.
func (e *StakeEvents) Decode(entry *types.Log) (any, error) {
	if entry.Address != e.staking || len(entry.Topics) == 0 {
		return nil, nil
	}
	decode, ok := e.byTopic[entry.Topics[0]]
	if !ok {
		return nil, nil
	}
	event, err := decode(entry)
	if err != nil {
		return nil, fmt.Errorf("chain: event in %v: %w", entry.TxHash, err)
	}
	return event, nil
}

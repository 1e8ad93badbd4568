package chain

import (
	"context"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

// Signer signs on behalf of one account. SignHash returns 65 bytes, r ‖ s ‖ v with v 0 or 1 and s in the lower half.
type Signer interface {
	Address() common.Address
	SignHash(hash common.Hash) ([]byte, error)
}

// TransactionSigner is a Signer that is shown each transaction as a whole, as hardware wallets and clef want it. The result must
// be the same transaction, signed by Address.
type TransactionSigner interface {
	Signer
	SignTransaction(ctx context.Context, tx *types.Transaction, chainID *big.Int) (*types.Transaction, error)
}

// Head is one block as far as a follower cares.
type Head struct {
	Number  uint64
	Hash    common.Hash
	Time    time.Time
	BaseFee *big.Int // wei per gas
}

// Round is a period of the network's clock. It holds Start ≤ t < End.
type Round struct {
	Number uint64
	Start  time.Time
	End    time.Time
	// Beacon is the round's public randomness. Until BeaconRecorded it is only the value derived from the last recorded one and
	// changes when somebody touches the round (see Client.TouchRound).
	Beacon         common.Hash
	BeaconRecorded bool
}

// Parameters are the constants that the contracts were deployed with.
type Parameters struct {
	RoundLength     time.Duration
	TicketValidity  time.Duration // a ticket of round n may expire at the latest this long after the end of n
	UnlockPeriod    time.Duration // of a sender's funds
	UnbondingPeriod time.Duration // of stake
	MinSelfStake    *big.Int      // CAST that an owner must bond to be active
	MaxActive       int           // size limit of the active set
}

// Orchestrator is one entry of the registry.
type Orchestrator struct {
	ID         common.Address // the owner's address: the recipient of tickets
	Operator   common.Address // the hot key that signs on the wire
	ServiceURI string
	Stake      *big.Int // CAST, own and delegated
	SelfStake  *big.Int // CAST, the owner's own part of Stake
	RewardCut  uint32   // ppm of emission that the owner keeps before delegators
	FeeShare   uint32   // ppm of fees that are shared over all stake; the rest is the owner's
	Active     bool     // in the active set
	ActiveFrom uint64   // first round in which it can be enrolled for reserve shares; meaningful while Active
}

// Registration is what an owner states when it enters the registry.
type Registration struct {
	Operator   common.Address // must differ from the owner and from every other operator
	ServiceURI string         // for example https://orchestrator.example:8935, at most 256 bytes
	RewardCut  uint32         // ppm
	FeeShare   uint32         // ppm
	Stake      *big.Int       // CAST to bond with it; nil for none
}

// Pool is the money side of an orchestrator's stake pool, in wei.
type Pool struct {
	FeesReceived *big.Int // everything that was ever deposited for this orchestrator
	FeesUnpaid   *big.Int // of it, what the owner and the delegators have not claimed yet, rounding dust included
}

// Position is one delegator's part of one pool. The owner's self-stake is a position like any other.
type Position struct {
	Stake *big.Int // CAST, at the present share price
	Fees  *big.Int // wei that ClaimFees would pay: for the owner its cut included
}

// Unbonding is stake on its way out.
type Unbonding struct {
	ID           uint64
	Orchestrator common.Address
	Amount       *big.Int // CAST
	ReleaseAt    time.Time
}

// SenderAccount is what a sender of tickets holds in the broker.
type SenderAccount struct {
	Deposit   *big.Int  // wei; pays first
	Reserve   *big.Int  // wei; the recipients' security
	Unlocking bool      // an unlock is running: accept nothing from this sender
	UnlockAt  time.Time // when the funds may be withdrawn; zero unless Unlocking
}

// ReserveShare is what the reserve of a sender guarantees to one recipient in one round.
type ReserveShare struct {
	Round    uint64
	Enrolled bool     // false: the share is zero until Broker.Enrol has been called in this round
	Share    *big.Int // wei, what may be claimed in this round in all; zero unless Enrolled
	Claimed  *big.Int // wei, claimed of it so far (payments out of the deposit don't count)
}

// Left is Share − Claimed, at least zero.
func (s ReserveShare) Left() *big.Int {
	left := new(big.Int).Sub(s.Share, s.Claimed)
	if left.Sign() < 0 {
		left.SetInt64(0)
	}
	return left
}

// Balance is what an account holds outside the contracts.
type Balance struct {
	Ether *big.Int // wei
	Cast  *big.Int // CAST
}

// Receipt says where a transaction ended up.
type Receipt struct {
	TxHash  common.Hash
	Block   uint64
	GasUsed uint64
	Cost    *big.Int // wei: gas used × effective price
}

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
	Genesis         time.Time // when round 0 began
	RoundLength     time.Duration
	TicketValidity  time.Duration // a ticket of round n may expire at the latest this long after the end of n
	UnlockPeriod    time.Duration // of a sender's funds
	PeriodRounds    uint64        // rounds in a period, for which a reserve is promised: round n is in period n / PeriodRounds
	UnbondingPeriod time.Duration // of stake
	MinSelfStake    *big.Int      // CAST that an owner must bond to be active
	MaxActive       int           // size limit of the active set
	MaxSlashPpm     uint32        // ppm of its stake that a holder loses by one slash at most
}

// Orchestrator is one entry of the registry.
type Orchestrator struct {
	ID           common.Address // the owner's address: the recipient of tickets
	Operator     common.Address // the hot key that signs on the wire in the present round
	ServiceURI   string
	Capabilities *big.Int       // what it says it can do, a bit for each thing
	Stake        *big.Int       // CAST, own and delegated, with the emission that it has coming
	Weight       *big.Int       // CAST by which the present round's draws count it
	SelfStake    *big.Int       // CAST, the owner's own part of Stake
	Commission   *big.Int       // CAST of the owner's cut of emission, not claimed yet
	RewardCut    uint32         // ppm of emission that the owner keeps before delegators
	FeeShare     uint32         // ppm of fees that are shared over all stake; the rest is the owner's
	Announced    *AnnouncedCuts // nil if none
	Active       bool           // in the active set
	ActiveFrom   uint64         // first round in which it can be enrolled for reserve shares; meaningful while Active
	JailedUntil  uint64         // first round in which it may join the active set again; 0 if it was never jailed
}

// AnnouncedCuts replace an orchestrator's cuts. Who begins to leave when they are announced never pays them.
type AnnouncedCuts struct {
	RewardCut uint32 // ppm
	FeeShare  uint32 // ppm
	From      time.Time
}

// Registration is what an owner states when it enters the registry.
type Registration struct {
	Operator     common.Address // must differ from the owner and from every other operator
	ServiceURI   string         // for example https://orchestrator.example:8935, at most 256 bytes
	Capabilities *big.Int       // a bit for each thing it can do; nil for none
	RewardCut    uint32         // ppm
	FeeShare     uint32         // ppm
	Stake        *big.Int       // CAST to bond with it; nil for none
	Consent      []byte         // the operator key's signature of Staking.ConsentDigest; nil for none
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

	Move *RunningMove // by which stake came from another pool; nil if none
}

// RunningMove is stake that answers for the pool that it came from.
type RunningMove struct {
	From   common.Address
	Liable *big.Int  // CAST that can't leave before Until
	Until  time.Time // when it is over it still has to be settled; any change of the position does
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

// Budget is what a sender's reserve promises to all recipients together for one period.
type Budget struct {
	Period      uint64
	Total       *big.Int // wei promised
	Spent       *big.Int // wei of it that was claimed
	Allocations uint64   // of the sender's own; 0: the budget is shared equally among those who are enrolled
	Free        *big.Int // wei of the reserve that are promised to nobody in any period: what may be allocated now
}

// ReserveShare is what the reserve of a sender guarantees to one recipient in the period that a round is in.
type ReserveShare struct {
	Round    uint64
	Enrolled bool     // false: the share is zero unless the sender allocates, until Broker.Enrol has been called for the period
	Share    *big.Int // wei, what may be claimed in this period in all
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

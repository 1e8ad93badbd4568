package chain

import (
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"
)

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

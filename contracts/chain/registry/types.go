// Package registry is the read model of stake: every orchestrator, delegation and unbonding with its history, folded from the
// chain's events, so that a page or a command can show what a node's views alone cannot tell.
package registry

import (
	"context"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"
)

// Reader answers questions about stake as of one block, the last that was followed. Amounts are never nil.
type Reader interface {
	// Head is the block that the answers are of; its zero value says that nothing was followed yet.
	Head(ctx context.Context) (Block, error)
	// Orchestrators lists everybody who ever registered: the active ones first, then by stake.
	Orchestrators(ctx context.Context) ([]Orchestrator, error)
	// Orchestrator is one of them; ok is false for who never registered.
	Orchestrator(ctx context.Context, id common.Address) (o Orchestrator, ok bool, err error)
	// Cuts lists every announcement of cuts, the oldest first.
	Cuts(ctx context.Context, id common.Address) ([]CutChange, error)
	// Earnings lists what came in from round `from` on, by round; rounds without any are left out.
	Earnings(ctx context.Context, id common.Address, from uint64) ([]RoundEarnings, error)
	// Slashes lists what was taken away, the oldest first.
	Slashes(ctx context.Context, id common.Address) ([]Slash, error)
	// Delegator is what one account has in the pools and on its way out of them.
	Delegator(ctx context.Context, account common.Address) (Delegator, error)
}

// Block is when and where something happened.
type Block struct {
	Number uint64
	Hash   common.Hash
	Time   time.Time
}

// Cuts are how earnings are split, in parts per million.
type Cuts struct {
	RewardCut uint32 // of emission, which the owner keeps before the shares
	FeeShare  uint32 // of fees, which goes to the shares; the rest is the owner's
}

// Orchestrator is one entry of the registry and its pool.
type Orchestrator struct {
	ID         common.Address // the owner's address
	Operator   common.Address // the hot key that was named last; it may hold from the next round on only
	ServiceURI string         // https://host:port#Name
	Registered time.Time

	Capabilities *big.Int // what it says it can do, a bit for each thing

	Stake      *big.Int // CAST, own and delegated, with the emission that was given to the pool
	SelfStake  *big.Int // CAST, the owner's part of it
	SelfShares *big.Int // the owner's shares
	Commission *big.Int // CAST of the owner's cut of emission, not claimed yet
	Delegators int      // accounts with shares, the owner among them

	Cuts      Cuts
	Announced *CutChange // cuts that are not in force yet; nil if none

	Active      bool      // in the active set
	ActiveSince time.Time // when it joined the set last; zero unless Active
	JailedUntil uint64    // the first round in which it may join again; 0 if it was never jailed

	FeesReceived *big.Int // wei, ever
	Rewards      *big.Int // CAST, ever
	Slashed      *big.Int // CAST, ever
}

// CutChange is one announcement of cuts.
type CutChange struct {
	Cuts
	Announced time.Time
	Effective time.Time // equal to Announced for the cuts of the registration
}

// RoundEarnings is what came in for one orchestrator in one round. Fees and emission are apart: the one is paid for work, the
// other dilutes everybody.
type RoundEarnings struct {
	Round       uint64
	Fees        *big.Int // wei in all
	FeesShared  *big.Int // wei of it that went to the shares
	Rewards     *big.Int // CAST in all
	RewardsKept *big.Int // CAST of it that the owner's cut took
	Stake       *big.Int // CAST in the pool after the last of these; yield = earnings of the shares / Stake
}

// Slash is stake that was taken away.
type Slash struct {
	Block
	Amount *big.Int // CAST
	Self   *big.Int // CAST of it out of the owner's own stake
}

// Delegator is one account's stake.
type Delegator struct {
	Positions  []Position
	Unbondings []Unbonding // those that were not withdrawn or cancelled
}

// Position is one account's part of one pool. The owner's self-stake is a position like any other.
type Position struct {
	Orchestrator common.Address
	Stake        *big.Int // CAST at the present share price
	Shares       *big.Int
	Fees         *big.Int // wei that a claim would pay; the owner's cut included
	Since        time.Time
}

// Unbonding is stake on its way out of a pool.
type Unbonding struct {
	ID           uint64
	Orchestrator common.Address
	Amount       *big.Int  // CAST
	ReleaseAt    time.Time // from then on it can be withdrawn
}

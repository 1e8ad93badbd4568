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

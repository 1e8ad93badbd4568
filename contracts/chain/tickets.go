package chain

import (
	"math/big"

	"github.com/ethereum/go-ethereum/common"
)

// Ticket is the EIP-712 type Ticket of the broker, field by field.
type Ticket struct {
	ReceiptHash common.Hash
	Sender      common.Address
	Recipient   common.Address // the orchestrator's owner
	Fee         *big.Int       // wei
	FaceValue   *big.Int       // wei
	RandHash    common.Hash    // keccak256 of the recipient's random number
	Lane        uint64
	Nonce       uint64
	Round       uint64
	Expiry      uint64 // unix seconds; valid up to and including it
}

// Winner is a ticket with everything that redeeming it takes.
type Winner struct {
	Ticket        Ticket
	Signature     []byte      // the sender's, r ‖ s ‖ v; v 0, 1, 27 or 28
	RecipientRand common.Hash // the preimage of Ticket.RandHash
}

// SkipReason says why the broker did not pay a ticket.
type SkipReason uint8

// The reasons, as the contract numbers them.
const (
	NotSkipped       SkipReason = iota
	SkipUsed                    // this nonce has been redeemed before: the ticket has been paid already
	SkipExpired                 // past its expiry
	SkipRound                   // names a round that has not begun, or an expiry too far after it
	SkipRand                    // the random number does not answer the ticket's hash
	SkipSignature               // not signed by the sender or a signer of its
	SkipNotWinning              // lost the draw
	SkipInsufficient            // deposit and share cannot pay it in full: redeem it alone with a lower minimum, or later
	SkipRelayer                 // the recipient lets only another account redeem
)

// Outcome is what a batch did with one ticket.
type Outcome struct {
	Paid        *big.Int // wei credited to the recipient; zero when skipped
	FromReserve *big.Int // wei of Paid that came out of the reserve
	Left        *big.Int // wei that are still due, after a ticket was redeemed partly
	Skipped     SkipReason
}

// Redemption is a paid ticket as the chain's log tells it.
type Redemption struct {
	Sender      common.Address
	Recipient   common.Address
	ReceiptHash common.Hash
	FaceValue   *big.Int // wei, as the ticket says
	Paid        *big.Int // wei
	FromReserve *big.Int // wei
	Left        *big.Int // wei that were still due afterwards
	Lane        uint64
	Nonce       uint64
	Round       uint64
	Block       uint64
	LogIndex    uint
	TxHash      common.Hash
}

// RedemptionQuery selects redemptions. Zero addresses match everybody.
type RedemptionQuery struct {
	Sender    common.Address
	Recipient common.Address
	Receipts  []common.Hash // any of these; nil: all
	FromBlock uint64        // 0: from the contracts' deployment
	ToBlock   uint64        // 0: up to the latest block
}

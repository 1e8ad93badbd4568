// Package payments pays for verified work with probabilistic tickets: the sender signs one exact ticket for each receipt,
// the recipient draws and keeps the winners, the redeemer takes them to the chain. The files are in the money's order:
// ticket.go, sender.go, recipient.go, redeemer.go. A receipt is 32 bytes to it: money knows nothing of media.
package payments

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// Account is a sender's money on the chain, as one recipient may count on it in one round.
type Account struct {
	// Deposit pays first; it can be spent on anybody and is no security. Wei.
	Deposit uint256.Int
	// Reserve is the security behind all of the sender's tickets; Share what is left of this recipient's part of it in
	// the round (claims made in the round subtracted). Wei.
	Reserve, Share uint256.Int
	// Unlocking says that the sender has announced to withdraw: nothing new is accepted.
	Unlocking bool
}

// Accounts reads senders' accounts from the chain. It is asked once for each ticket, so implementations answer from a
// cache that is at most a few seconds old.
type Accounts interface {
	Account(ctx context.Context, sender, recipient common.Address, round uint64) (Account, error)
}

// Signers tells of hot keys that sign for an account.
type Signers interface {
	// SignerUntil returns the last second (Unix) at which signer may sign for account; 0: it may not.
	SignerUntil(ctx context.Context, account, signer common.Address) (uint64, error)
}

// Terms is what a recipient asks the ticket for a receipt to say; they travel inside the signed receipt.
type Terms struct {
	// Epoch numbers the recipient's rands within a lease; RandHash is keccak256 of the epoch's rand.
	Epoch    uint64
	RandHash common.Hash
	// FaceValue is what a winner pays, in wei.
	FaceValue uint256.Int
	// Expiry is the last second (Unix) in which the ticket can be redeemed.
	Expiry uint64
}

// A Refusal explains why money was not given, or not taken: what was asked, what is allowed, and which knob changes it.
type Refusal struct { //nolint:errname // it is what the other side is told, and reads as such
	// Code is stable, for programs: one of the Code constants.
	Code string
	// Message is one sentence for people; Asked and Limit are its numbers, Knob is what changes the limit.
	Message, Asked, Limit, Knob string
}

// The codes of refusals.
const (
	CodeFeeLimit         = "fee-limit"         // the fee is above the sender's limit for one ticket
	CodeFaceLimit        = "face-limit"        // the face value is above the sender's or the lease's limit
	CodeOutstandingLimit = "outstanding-limit" // the fees of unexpired tickets would exceed the sender's limit
	CodeExpiry           = "expiry"            // the ticket would be, or is, expired, or be valid for too long
	CodeNoDeposit        = "no-deposit"        // deposit and reserve share cannot pay a winner
	CodeOtherReceipt     = "other-receipt"     // this segment attempt has been paid, for another receipt
	CodeReserveShort     = "reserve-short"     // the sender's reserve share is too small
	CodeUnlocking        = "unlocking"         // the sender is withdrawing its funds
	CodeDebt             = "debt"              // unpaid work has reached its limit
	CodeUnknownReceipt   = "unknown-receipt"   // no such receipt was issued here
	CodeUnknownLease     = "unknown-lease"     // no such lease is open here
	CodeLate             = "late"              // the receipt's deadline has passed, it was written off
	CodeAnswered         = "answered"          // the receipt was paid by another ticket before
	CodeRestated         = "restated"          // the ticket says other than the receipt asked for
	CodeSignature        = "signature"         // not the sender's signature, or not in its one valid form
	CodeNonceUsed        = "nonce-used"        // another ticket in the lane has this nonce
)

// Error joins what is known into one line.
func (r *Refusal) Error() string {
	s := r.Message
	if r.Asked != "" || r.Limit != "" {
		s += fmt.Sprintf(": asked %s, allowed %s", r.Asked, r.Limit)
	}
	if r.Knob != "" {
		s += " (" + r.Knob + ")"
	}
	return s
}

// IsRefusal reports whether err is a Refusal with the given code.
func IsRefusal(err error, code string) bool {
	r, ok := errors.AsType[*Refusal](err)
	return ok && r.Code == code
}

// FormatWei writes an amount for people, exactly: "0.0012 ETH (1200000 gwei)", "900 wei".
func FormatWei(v *uint256.Int) string {
	const gwei, eth = 9, 18 // digits behind the point
	if v.LtUint64(1_000_000_000) {
		return v.Dec() + " wei"
	}
	return decimal(v, eth) + " ETH (" + decimal(v, gwei) + " gwei)"
}

// decimal is v / 10^digits, without needless zeros.
func decimal(v *uint256.Int, digits int) string {
	s := v.Dec()
	s = strings.Repeat("0", max(0, digits+1-len(s))) + s
	whole, fraction := s[:len(s)-digits], strings.TrimRight(s[len(s)-digits:], "0")
	if fraction == "" {
		return whole
	}
	return whole + "." + fraction
}

// EventKind says what an Event tells.
type EventKind uint8

// The kinds of events. Amounts are in wei.
const (
	// EventSent: a ticket worth Fee was signed and stored (sender).
	EventSent EventKind = iota + 1
	// EventBilled: a receipt over Fee was issued and is unpaid (recipient).
	EventBilled
	// EventReceived: a valid ticket worth Fee answered its receipt (recipient); Won and Amount say what it pays.
	EventReceived
	// EventWrittenOff: a receipt over Fee was not paid in time (recipient).
	EventWrittenOff
	// EventRedeemed: the chain paid Amount for a winner, in transaction Tx.
	EventRedeemed
	// EventLost: a winner over Amount can never be redeemed; Reason says why.
	EventLost
	// EventTried: an attempt to redeem a winner came to nothing; Gas is what it cost, Reason says why.
	EventTried
)

// Event is one movement of money, for ledgers. Events are told after they are durable.
type Event struct {
	Kind              EventKind
	At                time.Time
	Lease, Receipt    common.Hash
	Sender, Recipient common.Address
	Seq               uint64
	Fee, Amount       uint256.Int
	// Gas is what redeeming cost. Short is what a winner that was redeemed is worth more than the chain paid. Wei.
	Gas, Short uint256.Int
	Won        bool
	Tx         common.Hash
	Reason     string
}

// Observer is told of events. It must not block.
type Observer interface{ Observe(e Event) }

// askAgain is the pause before a store that is unavailable is asked again.
const askAgain = 250 * time.Millisecond

// Patiently tries until it is not for want of the store that it fails, or ctx ends: so leases that run go on, within their
// limits, while the store is away for a while.
func Patiently(ctx context.Context, try func() error) error {
	for {
		err := try()
		if !errors.Is(err, ErrUnavailable) {
			return err
		}
		pause := time.NewTimer(askAgain)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return err
		}
	}
}

// Package rpc carries leases over the network: client and server of both wires (broadcaster to orchestrator, remote
// transcoder to orchestrator), gRPC over TLS 1.3 that is bound to the operator's key. It moves and checks messages; what
// they mean is decided in package orchestrator and package broadcaster.
package rpc

import (
	"fmt"
	"math"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"castnet/internal/media"
	"castnet/internal/receipt"
	payments "castnet/probabilistic-payments"
	"castnet/transcoder"
)

// Version is the version of the network protocol. It is in the first message of every exchange; a peer that speaks
// another one is refused with CodeVersion.
const Version = 1

// Up is a message from broadcaster to orchestrator: transcoder.StartSegment, transcoder.WriteUnit,
// transcoder.RequestKey, transcoder.CancelSegment, EndSegment, Payment or Renew. Anything else is an error of Send.
type Up any

// Down is a message from orchestrator to broadcaster: transcoder.Rendered, transcoder.Progress, SignedReceipt,
// SignedBadInput, PaymentResult, Refusal or Renewed. Anything else is an error of Send.
type Down any

// EndSegment closes the open segment with the broadcaster's signed word of what was sent.
type EndSegment struct {
	Source    receipt.Source
	Signature []byte // by the broadcaster
	// Drain is as in transcoder.EndSegment.
	Drain bool
}

// Payment pays one receipt.
type Payment = payments.SignedTicket

// PaymentResult answers a Payment.
type PaymentResult struct {
	// Receipt is the struct hash of the receipt that was to be paid.
	Receipt  common.Hash
	Accepted bool
	Reason   string // why not, for people
	// Unpaid is what the broadcaster owes now, in wei.
	Unpaid uint256.Int
}

// QuoteAsk asks for a lease.
type QuoteAsk struct {
	Request receipt.QuoteRequest
	Ladder  transcoder.Ladder
	// Source is the largest source expected.
	Source    *media.Track
	Signature []byte // by the broadcaster, over Request
}

// Renew asks for a lease that replaces the one being served. Segments are opened under the new one as soon as a Source
// names it, which is its countersignature.
type Renew struct{ QuoteAsk }

// Renewed answers Renew.
type Renewed struct{ SignedLease }

// SignedLease is an orchestrator's bid.
type SignedLease struct {
	Lease     receipt.Lease
	Signature []byte // by the operator key
}

// SignedReceipt is an orchestrator's word of what it made.
type SignedReceipt struct {
	Receipt   receipt.Receipt
	Signature []byte // by the operator key
}

// SignedBadInput is an orchestrator's word that a unit cannot be decoded.
type SignedBadInput struct {
	BadInput  receipt.BadInput
	Signature []byte // by the operator key
}

// Open opens a lease.
type Open struct {
	Lease            SignedLease
	Countersignature []byte // by the broadcaster, over the lease
	Ladder           transcoder.Ladder
	Source           *media.Track
}

// SettleAsk asks what is owed on a lease, and pays one receipt where Payment is set.
type SettleAsk struct {
	receipt.Settle
	// Signature is the broadcaster's, over Settle. Receipts are shown to nobody else; a payment needs none.
	Signature []byte
	Payment   *Payment
}

// SettleReply shows what is owed on a lease.
type SettleReply struct {
	// Result answers the payment, where one was sent.
	Result *PaymentResult
	// Unpaid are the receipts not paid yet, oldest first, at most MaxUnpaidReceipts of them.
	Unpaid []SignedReceipt
}

// MaxUnpaidReceipts bounds a SettleReply: at 8 rungs a receipt has about 1 KiB.
const MaxUnpaidReceipts = 256

// Refusal says why something was not done. It is an error; a message that refuses is one too.
type Refusal struct { //nolint:errname // it is a message first, and reads as one
	Code Code
	// Message says what was asked, what was allowed and which knob changes it.
	Message string
	// Limit and Asked are the two figures that did not fit, where there are any.
	Limit, Asked string
	// Seq and Attempt name the segment attempt that is refused. Attempts count from 1: 0 refuses the lease itself.
	Seq     uint64
	Attempt uint32
}

// Error gives the message with its figures.
func (r *Refusal) Error() string {
	if r.Limit == "" && r.Asked == "" {
		return fmt.Sprintf("refused (%s): %s", r.Code, r.Message)
	}
	return fmt.Sprintf("refused (%s): %s (asked %s, limit %s)", r.Code, r.Message, r.Asked, r.Limit)
}

// Code is the kind of a refusal, for programs.
type Code string

// The codes of refusals.
const (
	CodeVersion      Code = "version"       // the peer speaks another version of the protocol
	CodeInvalid      Code = "invalid"       // the message breaks a rule of the protocol
	CodeSignature    Code = "signature"     // a signature is not the expected party's
	CodeStale        Code = "stale"         // a request too old, or a serial not above the last one
	CodeRate         Code = "rate"          // too many requests from one broadcaster
	CodeBusy         Code = "busy"          // no transcoder has headroom; try another orchestrator
	CodeReserve      Code = "reserve"       // the sender's reserve share does not carry the largest ticket
	CodeUnpaid       Code = "unpaid"        // too much work is not paid yet
	CodeUnknownLease Code = "unknown_lease" // not issued by this process, used already, or expired
	CodeExpired      Code = "expired"       // the lease is over; renew it or ask for another
	CodeSource       Code = "source"        // the Source is not what was received
	CodeWorkerDied   Code = "worker_died"   // the attempt is lost; send attempt + 1 on the same lease
	CodeDown         Code = "down"          // the orchestrator is shutting down
	CodeInternal     Code = "internal"      // a fault of the orchestrator's own
)

// Rungs gives a ladder as it is hashed into a lease.
func Rungs(l transcoder.Ladder) []receipt.Rung {
	rungs := make([]receipt.Rung, len(l))
	for i, p := range l {
		rungs[i] = receipt.Rung{
			Codec: p.Codec, Width: uint32(p.Width), Height: uint32(p.Height), Bitrate: uint32(p.Bitrate),
			Divisor: uint8(p.Divisor),
		}
	}
	return rungs
}

// Complete fills the fields of Request that follow from the ladder and the source. Both sides use it: the broadcaster
// before it signs, the orchestrator before it checks the signature.
func (a *QuoteAsk) Complete() {
	a.Request.LadderHash = receipt.LadderHash(Rungs(a.Ladder))
	a.Request.Width, a.Request.Height = uint32(a.Source.Width), uint32(a.Source.Height)
	a.Request.FrameRateMilli = uint32(math.Round(a.Source.FrameRate * 1000))
}

// Package receipt holds the signed objects of the network (QuoteRequest, Lease, Source, Receipt, BadInput) and the
// Merkle roots of coded frames that they bind. Hashes are EIP-712 struct hashes, so that a contract can check the same
// signatures; see types.go for the exact type strings.
package receipt

import (
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"castnet/internal/media"
)

// Prices is the price vector of a lease, in wei: per 10^6 output pixels by codec, per 10^6 source pixels (prefix
// pictures included), and per MiB of renditions sent.
type Prices struct {
	H264, HEVC, AV1, Source, MiB uint256.Int
}

// QuoteRequest asks one orchestrator for a lease. The serial is strictly increasing per broadcaster.
type QuoteRequest struct {
	Broadcaster, Orchestrator common.Address
	Stream                    common.Hash
	Lane, Serial              uint64
	LadderHash                common.Hash
	// Width, Height and FrameRateMilli are the largest source expected (pictures a second × 1000).
	Width, Height, FrameRateMilli uint32
	IssuedAt                      uint64 // Unix seconds
}

// Lease is the orchestrator's signed bid, valid once, countersigned by the broadcaster to open it.
type Lease struct {
	Broadcaster, Orchestrator common.Address
	Stream                    common.Hash
	Lane, Serial              uint64
	LadderHash                common.Hash
	Prices                    Prices
	// MaxFaceValue bounds a ticket's face value, MaxUnpaid the fees of work not paid yet; both in wei.
	MaxFaceValue, MaxUnpaid uint256.Int
	// Round is the round whose stake, keys and reserve shares judge this lease; Expiry is in Unix seconds.
	Round, Expiry uint64
}

// Rung is a ladder's profile as it is hashed into the lease. Names are not part of it.
type Rung struct {
	Codec                  media.Codec
	Width, Height, Bitrate uint32
	Divisor                uint8
}

// Source is the broadcaster's signed word of what one attempt at a segment was given.
type Source struct {
	Lease   common.Hash
	Seq     uint64
	Attempt uint32
	// ResumeAfter, where it is not empty, has a PTS for each rendition: only pictures after it were asked for.
	ResumeAfter []int64
	// Root is the Merkle root over the segment's units, prefix units left out; PTSRoot over their PTS in PTS order.
	Root, PTSRoot        common.Hash
	Frames, PrefixFrames uint32
	Width, Height        uint32
	// Bytes is the sum of the payloads sent, prefix units included.
	Bytes uint64
}

// Rendition is what one rung of one segment came out as.
type Rendition struct {
	Profile       common.Hash // hash of the Rung
	Root          common.Hash
	Width, Height uint32
	Frames        uint32
	Bytes         uint64
}

// TicketTerms is what the ticket that pays a receipt must say.
type TicketTerms struct {
	Epoch     uint64
	RandHash  common.Hash
	FaceValue uint256.Int
	Expiry    uint64 // Unix seconds
}

// Receipt is the orchestrator's signed word of what it made of a Source, and what that costs.
type Receipt struct {
	Lease      common.Hash
	Seq        uint64
	Attempt    uint32
	Source     common.Hash // struct hash of the Source
	Renditions []Rendition
	Fee        uint256.Int
	Ticket     TicketTerms
	// Prev is the struct hash of the receipt before it on this lease; zero for the first.
	Prev common.Hash
}

// Settle asks what is owed on a lease: receipts are shown to the broadcaster alone.
type Settle struct {
	Lease    common.Hash
	IssuedAt uint64 // Unix seconds
}

// BadInput is the orchestrator's signed word that a source unit cannot be decoded.
type BadInput struct {
	Lease   common.Hash
	Seq     uint64
	Attempt uint32
	Unit    int64 // PTS
	Reason  string
}

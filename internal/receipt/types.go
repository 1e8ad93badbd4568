package receipt

import (
	"fmt"

	"github.com/ethereum/go-ethereum/common"

	"castnet/internal/eip712"
	"castnet/internal/identity"
)

// The EIP-712 types of everything that is signed here (a ticket's is in package payments).
const (
	PricesType       = "Prices(uint256 h264,uint256 hevc,uint256 av1,uint256 source,uint256 mib)"
	RungType         = "Rung(uint8 codec,uint32 width,uint32 height,uint32 bitrate,uint8 divisor)"
	LadderType       = "Ladder(Rung[] rungs)" + RungType
	TicketTermsType  = "TicketTerms(uint64 epoch,bytes32 randHash,uint256 faceValue,uint64 expiry)"
	RenditionType    = "Rendition(bytes32 profile,bytes32 root,uint32 width,uint32 height,uint32 frames,uint64 payloadBytes)"
	QuoteRequestType = "QuoteRequest(address broadcaster,address orchestrator,bytes32 stream,uint64 lane,uint64 serial," +
		"bytes32 ladderHash,uint32 width,uint32 height,uint32 frameRateMilli,uint64 issuedAt)"
	LeaseType = "Lease(address broadcaster,address orchestrator,bytes32 stream,uint64 lane,uint64 serial," +
		"bytes32 ladderHash,Prices prices,uint256 maxFaceValue,uint256 maxUnpaid,uint64 round,uint64 expiry)" + PricesType
	SourceType = "Source(bytes32 lease,uint64 seq,uint32 attempt,int64[] resumeAfter,bytes32 root,bytes32 ptsRoot," +
		"uint32 frames,uint32 prefixFrames,uint32 width,uint32 height,uint64 payloadBytes)"
	ReceiptType = "Receipt(bytes32 lease,uint64 seq,uint32 attempt,bytes32 source,Rendition[] renditions,uint256 fee," +
		"TicketTerms ticket,bytes32 prev)" + RenditionType + TicketTermsType
	SettleType   = "Settle(bytes32 lease,uint64 issuedAt)"
	BadInputType = "BadInput(bytes32 lease,uint64 seq,uint32 attempt,int64 unit,string reason)"
)

// Hash is the struct hash of the request.
func (q *QuoteRequest) Hash() common.Hash {
	e := eip712.New(eip712.HashString(QuoteRequestType))
	e.Address(q.Broadcaster)
	e.Address(q.Orchestrator)
	e.Hash(q.Stream)
	e.Uint64(q.Lane)
	e.Uint64(q.Serial)
	e.Hash(q.LadderHash)
	e.Uint64(uint64(q.Width))
	e.Uint64(uint64(q.Height))
	e.Uint64(uint64(q.FrameRateMilli))
	e.Uint64(q.IssuedAt)
	return e.Sum()
}

// Hash is the struct hash of the price vector.
func (p *Prices) Hash() common.Hash {
	e := eip712.New(eip712.HashString(PricesType))
	e.Uint256(&p.H264)
	e.Uint256(&p.HEVC)
	e.Uint256(&p.AV1)
	e.Uint256(&p.Source)
	e.Uint256(&p.MiB)
	return e.Sum()
}

// Hash is the struct hash of the lease: its name in sources, receipts and bad-input statements.
func (l *Lease) Hash() common.Hash {
	e := eip712.New(eip712.HashString(LeaseType))
	e.Address(l.Broadcaster)
	e.Address(l.Orchestrator)
	e.Hash(l.Stream)
	e.Uint64(l.Lane)
	e.Uint64(l.Serial)
	e.Hash(l.LadderHash)
	e.Hash(l.Prices.Hash())
	e.Uint256(&l.MaxFaceValue)
	e.Uint256(&l.MaxUnpaid)
	e.Uint64(l.Round)
	e.Uint64(l.Expiry)
	return e.Sum()
}

// Hash is the struct hash of the rung: the id of the rendition made to it.
func (r *Rung) Hash() common.Hash {
	e := eip712.New(eip712.HashString(RungType))
	e.Uint64(uint64(r.Codec))
	e.Uint64(uint64(r.Width))
	e.Uint64(uint64(r.Height))
	e.Uint64(uint64(r.Bitrate))
	e.Uint64(uint64(r.Divisor))
	return e.Sum()
}

// LadderHash is the struct hash of the rungs in their order.
func LadderHash(rungs []Rung) common.Hash {
	array := eip712.NewArray(len(rungs))
	for i := range rungs {
		array.Hash(rungs[i].Hash())
	}
	e := eip712.New(eip712.HashString(LadderType))
	e.Hash(array.Sum())
	return e.Sum()
}

// Hash is the struct hash of the source statement.
func (s *Source) Hash() common.Hash {
	resume := eip712.NewArray(len(s.ResumeAfter))
	for _, pts := range s.ResumeAfter {
		resume.Int64(pts)
	}
	e := eip712.New(eip712.HashString(SourceType))
	e.Hash(s.Lease)
	e.Uint64(s.Seq)
	e.Uint64(uint64(s.Attempt))
	e.Hash(resume.Sum())
	e.Hash(s.Root)
	e.Hash(s.PTSRoot)
	e.Uint64(uint64(s.Frames))
	e.Uint64(uint64(s.PrefixFrames))
	e.Uint64(uint64(s.Width))
	e.Uint64(uint64(s.Height))
	e.Uint64(s.Bytes)
	return e.Sum()
}

// Hash is the struct hash of one rendition of a receipt.
func (r *Rendition) Hash() common.Hash {
	e := eip712.New(eip712.HashString(RenditionType))
	e.Hash(r.Profile)
	e.Hash(r.Root)
	e.Uint64(uint64(r.Width))
	e.Uint64(uint64(r.Height))
	e.Uint64(uint64(r.Frames))
	e.Uint64(r.Bytes)
	return e.Sum()
}

// Hash is the struct hash of the ticket's terms.
func (t *TicketTerms) Hash() common.Hash {
	e := eip712.New(eip712.HashString(TicketTermsType))
	e.Uint64(t.Epoch)
	e.Hash(t.RandHash)
	e.Uint256(&t.FaceValue)
	e.Uint64(t.Expiry)
	return e.Sum()
}

// Hash is the struct hash of the receipt: what its ticket names, and what the next receipt's Prev is.
func (r *Receipt) Hash() common.Hash {
	renditions := eip712.NewArray(len(r.Renditions))
	for i := range r.Renditions {
		renditions.Hash(r.Renditions[i].Hash())
	}
	e := eip712.New(eip712.HashString(ReceiptType))
	e.Hash(r.Lease)
	e.Uint64(r.Seq)
	e.Uint64(uint64(r.Attempt))
	e.Hash(r.Source)
	e.Hash(renditions.Sum())
	e.Uint256(&r.Fee)
	e.Hash(r.Ticket.Hash())
	e.Hash(r.Prev)
	return e.Sum()
}

// Hash is the struct hash of the request to be shown what is owed.
func (s *Settle) Hash() common.Hash {
	e := eip712.New(eip712.HashString(SettleType))
	e.Hash(s.Lease)
	e.Uint64(s.IssuedAt)
	return e.Sum()
}

// Hash is the struct hash of the bad-input statement.
func (b *BadInput) Hash() common.Hash {
	e := eip712.New(eip712.HashString(BadInputType))
	e.Hash(b.Lease)
	e.Uint64(b.Seq)
	e.Uint64(uint64(b.Attempt))
	e.Int64(b.Unit)
	e.Hash(eip712.HashString(b.Reason))
	return e.Sum()
}

// Sign signs an object's struct hash in a domain: 65 bytes r ‖ s ‖ v.
func Sign(signer identity.Signer, domain Domain, structHash common.Hash) ([]byte, error) {
	return signer.SignHash(domain.Digest(structHash))
}

// Recover returns the account that signed an object's struct hash in a domain.
func Recover(domain Domain, structHash common.Hash, sig []byte) (common.Address, error) {
	return identity.Recover(domain.Digest(structHash), sig)
}

// CheckSigner refuses a signature over an object's struct hash that is not want's.
func CheckSigner(domain Domain, structHash common.Hash, sig []byte, want common.Address) error {
	got, err := Recover(domain, structHash, sig)
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("%w: it is %s's, it must be %s's", identity.ErrSignature, got, want)
	}
	return nil
}

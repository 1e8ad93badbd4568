package rpc

import (
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"castnet/internal/identity"
	"castnet/internal/media"
	"castnet/internal/receipt"
	"castnet/internal/wire"
	payments "castnet/probabilistic-payments"
	"castnet/transcoder"
)

// maxReason bounds text from a peer, in bytes.
const maxReason = 1024

// decoder converts fields of fixed size and keeps the first error, so that a message reads as the list of its fields.
type decoder struct{ err error }

func (d *decoder) fixed(field string, b []byte, n int) []byte {
	if len(b) == n {
		return b
	}
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s of %d bytes: it has %d", wire.ErrInvalid, field, len(b), n)
	}
	return make([]byte, n)
}

func (d *decoder) hash(field string, b []byte) common.Hash {
	return common.BytesToHash(d.fixed(field, b, common.HashLength))
}

func (d *decoder) address(field string, b []byte) common.Address {
	return common.BytesToAddress(d.fixed(field, b, common.AddressLength))
}

func (d *decoder) signature(b []byte) []byte { return d.fixed("signature", b, identity.SignatureBytes) }

func (d *decoder) wei(field string, b []byte) (v uint256.Int) {
	if len(b) > 32 {
		d.fixed(field, b, 32)
		return v
	}
	v.SetBytes(b)
	return v
}

func (d *decoder) message(field string, present bool) {
	if !present && d.err == nil {
		d.err = fmt.Errorf("%w: %s is missing", wire.ErrInvalid, field)
	}
}

func clip(s string) string {
	if len(s) > maxReason {
		return s[:maxReason]
	}
	return s
}

func encodeQuoteAsk(a QuoteAsk) *wire.SignedQuoteRequest {
	r := &a.Request
	return &wire.SignedQuoteRequest{
		Request: &wire.QuoteRequest{
			Version: Version, Broadcaster: r.Broadcaster[:], Orchestrator: r.Orchestrator[:], Stream: r.Stream[:],
			Lane: r.Lane, Serial: r.Serial, Ladder: wire.EncodeLadder(a.Ladder), Source: wire.EncodeTrack(a.Source),
			IssuedAt: r.IssuedAt,
		},
		Signature: a.Signature,
	}
}

func decodeQuoteAsk(m *wire.SignedQuoteRequest) (QuoteAsk, error) {
	var d decoder
	r := m.GetRequest()
	d.message("quote request", r != nil)
	if d.err != nil {
		return QuoteAsk{}, d.err
	}
	if err := checkVersion(r.GetVersion()); err != nil {
		return QuoteAsk{}, err
	}
	ask := QuoteAsk{
		Request: receipt.QuoteRequest{
			Broadcaster:  d.address("broadcaster", r.GetBroadcaster()),
			Orchestrator: d.address("orchestrator", r.GetOrchestrator()),
			Stream:       d.hash("stream", r.GetStream()), Lane: r.GetLane(), Serial: r.GetSerial(), IssuedAt: r.GetIssuedAt(),
		},
		Signature: d.signature(m.GetSignature()),
	}
	if d.err != nil {
		return QuoteAsk{}, d.err
	}
	var err error
	if ask.Ladder, err = wire.DecodeLadder(r.GetLadder()); err != nil {
		return QuoteAsk{}, err
	}
	if ask.Source, err = wire.DecodeTrack(r.GetSource()); err != nil {
		return QuoteAsk{}, err
	}
	ask.Complete()
	return ask, nil
}

func checkVersion(v uint32) error {
	if v == Version {
		return nil
	}
	return &Refusal{
		Code: CodeVersion, Asked: fmt.Sprint(v), Limit: fmt.Sprint(Version),
		Message: "this side speaks another version of the network protocol; run releases that share one",
	}
}

func encodePrices(p *receipt.Prices) *wire.Prices {
	return &wire.Prices{
		H264: p.H264.Bytes(), Hevc: p.HEVC.Bytes(), Av1: p.AV1.Bytes(), Source: p.Source.Bytes(), Mib: p.MiB.Bytes(),
	}
}

func encodeLease(l SignedLease) *wire.SignedLease {
	v := &l.Lease
	return &wire.SignedLease{
		Lease: &wire.Lease{
			Broadcaster: v.Broadcaster[:], Orchestrator: v.Orchestrator[:], Stream: v.Stream[:], Lane: v.Lane,
			Serial: v.Serial, LadderHash: v.LadderHash[:], Prices: encodePrices(&v.Prices),
			MaxFaceValue: v.MaxFaceValue.Bytes(), MaxUnpaid: v.MaxUnpaid.Bytes(), Round: v.Round, Expiry: v.Expiry,
		},
		Signature: l.Signature,
	}
}

func decodeLease(m *wire.SignedLease) (SignedLease, error) {
	var d decoder
	v, p := m.GetLease(), m.GetLease().GetPrices()
	d.message("lease", v != nil)
	d.message("prices", p != nil)
	l := SignedLease{
		Lease: receipt.Lease{
			Broadcaster: d.address("broadcaster", v.GetBroadcaster()), Orchestrator: d.address("orchestrator", v.GetOrchestrator()),
			Stream: d.hash("stream", v.GetStream()), Lane: v.GetLane(), Serial: v.GetSerial(),
			LadderHash: d.hash("ladder hash", v.GetLadderHash()),
			Prices: receipt.Prices{
				H264: d.wei("price", p.GetH264()), HEVC: d.wei("price", p.GetHevc()), AV1: d.wei("price", p.GetAv1()),
				Source: d.wei("price", p.GetSource()), MiB: d.wei("price", p.GetMib()),
			},
			MaxFaceValue: d.wei("face value", v.GetMaxFaceValue()), MaxUnpaid: d.wei("unpaid limit", v.GetMaxUnpaid()),
			Round: v.GetRound(), Expiry: v.GetExpiry(),
		},
		Signature: d.signature(m.GetSignature()),
	}
	return l, d.err
}

func encodeOpen(o Open) *wire.OpenLease {
	return &wire.OpenLease{
		Version: Version, Lease: encodeLease(o.Lease), Countersignature: o.Countersignature,
		Ladder: wire.EncodeLadder(o.Ladder), Source: wire.EncodeTrack(o.Source),
	}
}

func decodeOpen(m *wire.OpenLease) (Open, error) {
	if m == nil {
		return Open{}, fmt.Errorf("%w: the first message opens the lease", wire.ErrInvalid)
	}
	if err := checkVersion(m.GetVersion()); err != nil {
		return Open{}, err
	}
	var d decoder
	o := Open{Countersignature: d.signature(m.GetCountersignature())}
	if d.err != nil {
		return o, d.err
	}
	var err error
	if o.Lease, err = decodeLease(m.GetLease()); err != nil {
		return o, err
	}
	if o.Ladder, err = wire.DecodeLadder(m.GetLadder()); err != nil {
		return o, err
	}
	o.Source, err = wire.DecodeTrack(m.GetSource())
	return o, err
}

func encodeEnd(e EndSegment) *wire.SegmentEnd {
	s := &e.Source
	return &wire.SegmentEnd{
		Source: &wire.Source{
			Lease: s.Lease[:], Seq: s.Seq, Attempt: s.Attempt, ResumeAfter: s.ResumeAfter, Root: s.Root[:], Frames: s.Frames,
			PrefixFrames: s.PrefixFrames, Width: s.Width, Height: s.Height, BytesSent: s.Bytes, PtsRoot: s.PTSRoot[:],
		},
		Signature: e.Signature, Drain: e.Drain,
	}
}

func decodeEnd(m *wire.SegmentEnd) (EndSegment, error) {
	var d decoder
	s := m.GetSource()
	d.message("source", s != nil)
	if n := len(s.GetResumeAfter()); n > transcoder.MaxRungs {
		return EndSegment{}, fmt.Errorf("%w: source resumes %d renditions: allowed are %d", wire.ErrInvalid, n, transcoder.MaxRungs)
	}
	e := EndSegment{
		Source: receipt.Source{
			Lease: d.hash("lease", s.GetLease()), Seq: s.GetSeq(), Attempt: s.GetAttempt(), ResumeAfter: s.GetResumeAfter(),
			Root: d.hash("root", s.GetRoot()), PTSRoot: d.hash("PTS root", s.GetPtsRoot()), Frames: s.GetFrames(),
			PrefixFrames: s.GetPrefixFrames(), Width: s.GetWidth(), Height: s.GetHeight(), Bytes: s.GetBytesSent(),
		},
		Signature: d.signature(m.GetSignature()), Drain: m.GetDrain(),
	}
	return e, d.err
}

func encodeReceipt(r SignedReceipt) *wire.SignedReceipt {
	v := &r.Receipt
	renditions := make([]*wire.Rendition, len(v.Renditions))
	for i := range v.Renditions {
		x := &v.Renditions[i]
		renditions[i] = &wire.Rendition{
			Profile: x.Profile[:], Root: x.Root[:], Width: x.Width, Height: x.Height, Frames: x.Frames, Bytes: x.Bytes,
		}
	}
	return &wire.SignedReceipt{
		Receipt: &wire.Receipt{
			Lease: v.Lease[:], Seq: v.Seq, Attempt: v.Attempt, Source: v.Source[:], Renditions: renditions, Fee: v.Fee.Bytes(),
			Ticket: &wire.TicketTerms{
				Epoch: v.Ticket.Epoch, RandHash: v.Ticket.RandHash[:], FaceValue: v.Ticket.FaceValue.Bytes(), Expiry: v.Ticket.Expiry,
			},
			Prev: v.Prev[:],
		},
		Signature: r.Signature,
	}
}

func decodeReceipt(m *wire.SignedReceipt) (SignedReceipt, error) {
	var d decoder
	v := m.GetReceipt()
	t := v.GetTicket()
	d.message("receipt", v != nil)
	d.message("ticket terms", t != nil)
	if n := len(v.GetRenditions()); n > transcoder.MaxRungs {
		return SignedReceipt{}, fmt.Errorf("%w: receipt of %d renditions: allowed are %d", wire.ErrInvalid, n, transcoder.MaxRungs)
	}
	r := SignedReceipt{
		Receipt: receipt.Receipt{
			Lease: d.hash("lease", v.GetLease()), Seq: v.GetSeq(), Attempt: v.GetAttempt(), Source: d.hash("source", v.GetSource()),
			Renditions: make([]receipt.Rendition, len(v.GetRenditions())), Fee: d.wei("fee", v.GetFee()),
			Ticket: receipt.TicketTerms{
				Epoch: t.GetEpoch(), RandHash: d.hash("rand hash", t.GetRandHash()), FaceValue: d.wei("face value", t.GetFaceValue()),
				Expiry: t.GetExpiry(),
			},
			Prev: d.hash("previous receipt", v.GetPrev()),
		},
		Signature: d.signature(m.GetSignature()),
	}
	for i, x := range v.GetRenditions() {
		r.Receipt.Renditions[i] = receipt.Rendition{
			Profile: d.hash("profile", x.GetProfile()), Root: d.hash("root", x.GetRoot()), Width: x.GetWidth(),
			Height: x.GetHeight(), Frames: x.GetFrames(), Bytes: x.GetBytes(),
		}
	}
	return r, d.err
}

func encodeBadInput(b SignedBadInput) *wire.SignedBadInput {
	v := &b.BadInput
	return &wire.SignedBadInput{
		BadInput:  &wire.BadInput{Lease: v.Lease[:], Seq: v.Seq, Attempt: v.Attempt, Unit: v.Unit, Reason: v.Reason},
		Signature: b.Signature,
	}
}

func decodeBadInput(m *wire.SignedBadInput) (SignedBadInput, error) {
	var d decoder
	v := m.GetBadInput()
	d.message("bad input", v != nil)
	if n := len(v.GetReason()); n > maxReason { // signed as it is, so it cannot be clipped
		return SignedBadInput{}, fmt.Errorf("%w: reason of %d bytes: allowed are %d", wire.ErrInvalid, n, maxReason)
	}
	b := SignedBadInput{
		BadInput: receipt.BadInput{
			Lease: d.hash("lease", v.GetLease()), Seq: v.GetSeq(), Attempt: v.GetAttempt(), Unit: v.GetUnit(), Reason: v.GetReason(),
		},
		Signature: d.signature(m.GetSignature()),
	}
	return b, d.err
}

func encodePayment(p *Payment) *wire.Payment {
	t := &p.Ticket
	return &wire.Payment{
		Ticket: &wire.Ticket{
			ReceiptHash: t.ReceiptHash[:], Sender: t.Sender[:], Recipient: t.Recipient[:], Fee: t.Fee.Bytes(),
			FaceValue: t.FaceValue.Bytes(), RandHash: t.RandHash[:], Lane: t.Lane, Nonce: t.Nonce, Round: t.Round, Expiry: t.Expiry,
		},
		Signature: p.Signature[:],
	}
}

func decodeSettleAsk(m *wire.SettleRequest) (SettleAsk, error) {
	var d decoder
	ask := SettleAsk{Signature: m.GetSignature()}
	ask.Lease, ask.IssuedAt = d.hash("lease", m.GetLease()), m.GetIssuedAt()
	if d.err != nil || m.GetPayment() == nil {
		return ask, d.err
	}
	payment, err := decodePayment(m.GetPayment())
	ask.Payment = &payment
	return ask, err
}

func decodePayment(m *wire.Payment) (Payment, error) {
	var d decoder
	t := m.GetTicket()
	d.message("ticket", t != nil)
	p := Payment{
		Ticket: payments.Ticket{
			ReceiptHash: d.hash("receipt hash", t.GetReceiptHash()), Sender: d.address("sender", t.GetSender()),
			Recipient: d.address("recipient", t.GetRecipient()), Fee: d.wei("fee", t.GetFee()),
			FaceValue: d.wei("face value", t.GetFaceValue()), RandHash: d.hash("rand hash", t.GetRandHash()),
			Lane: t.GetLane(), Nonce: t.GetNonce(), Round: t.GetRound(), Expiry: t.GetExpiry(),
		},
		Signature: [identity.SignatureBytes]byte(d.signature(m.GetSignature())),
	}
	return p, d.err
}

func encodeResult(r PaymentResult) *wire.PaymentResult {
	return &wire.PaymentResult{
		ReceiptHash: r.Receipt[:], Accepted: r.Accepted, Reason: clip(r.Reason), Unpaid: r.Unpaid.Bytes(),
	}
}

func decodeResult(m *wire.PaymentResult) (PaymentResult, error) {
	var d decoder
	r := PaymentResult{
		Receipt: d.hash("receipt hash", m.GetReceiptHash()), Accepted: m.GetAccepted(), Reason: clip(m.GetReason()),
		Unpaid: d.wei("unpaid", m.GetUnpaid()),
	}
	return r, d.err
}

func encodeRefusal(r *Refusal) *wire.Refusal {
	return &wire.Refusal{
		Code: string(r.Code), Message: clip(r.Message), Limit: clip(r.Limit), Asked: clip(r.Asked), Seq: r.Seq, Attempt: r.Attempt,
	}
}

func decodeRefusal(m *wire.Refusal) Refusal {
	return Refusal{
		Code: Code(clip(m.GetCode())), Message: clip(m.GetMessage()), Limit: clip(m.GetLimit()), Asked: clip(m.GetAsked()),
		Seq: m.GetSeq(), Attempt: m.GetAttempt(),
	}
}

// asRefusal gives what a peer is told of err: the refusal in it, or one made of its text.
func asRefusal(err error) *Refusal {
	var r *Refusal
	switch {
	case errors.As(err, &r):
		return r
	case errors.Is(err, wire.ErrInvalid), errors.Is(err, media.ErrUnitTooLarge):
		return &Refusal{Code: CodeInvalid, Message: err.Error()}
	default:
		return &Refusal{Code: CodeInternal, Message: "the orchestrator failed; its log says why"}
	}
}

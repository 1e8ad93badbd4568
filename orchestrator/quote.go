package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"castnet/internal/media"
	"castnet/internal/receipt"
	"castnet/orchestrator/rpc"
	payments "castnet/probabilistic-payments"
	"castnet/transcoder"
)

const (
	// assumedFrameRate is what a source is taken for that does not say: high, so that the terms are large enough.
	assumedFrameRate = 60
	// usualFrameRate is what capacity is set aside for then: what is really used is measured.
	usualFrameRate = 30
	// largestSegment is the length that the terms of a lease must allow for: segments are cut within 3 s, and a picture
	// or two later where pictures are out of order.
	largestSegment = 3200 * time.Millisecond
	// largestPrefix is how far before a segment its decoding may have to begin: what hubs keep.
	largestPrefix = 12 * time.Second
	// peakRate is the bytes of a segment over those of its target bitrate, at most.
	peakRate = 1.5
)

// Quote answers a request with a signed lease, or a refusal that says why not.
func (o *Orchestrator) Quote(ctx context.Context, ask rpc.QuoteAsk) (rpc.SignedLease, error) {
	lease, err := o.quote(ctx, &ask, common.Hash{}, o.admit)
	result := "leased"
	var refusal *rpc.Refusal
	switch {
	case errors.As(err, &refusal):
		result = string(refusal.Code)
		o.cfg.Logger.Debug("quote refused", "broadcaster", ask.Request.Broadcaster, "stream", short(ask.Request.Stream), "why", err)
	case err != nil:
		result = "error"
	}
	o.metrics.quotes.WithLabelValues(result).Inc()
	return lease, err
}

// quote checks a request, cheapest checks first, and signs a lease. renews is the lease that it takes over from, if any;
// admit decides on capacity.
func (o *Orchestrator) quote(
	ctx context.Context, ask *rpc.QuoteAsk, renews common.Hash, admit func(*rpc.QuoteAsk) error,
) (rpc.SignedLease, error) {
	req := &ask.Request
	if req.Orchestrator != o.cfg.ID {
		return rpc.SignedLease{}, &rpc.Refusal{
			Code: rpc.CodeInvalid, Asked: req.Orchestrator.Hex(), Limit: o.cfg.ID.Hex(),
			Message: "the request is for another orchestrator",
		}
	}
	if err := o.checkSigner(ctx, req.Hash(), ask.Signature, req.Broadcaster); err != nil {
		return rpc.SignedLease{}, &rpc.Refusal{Code: rpc.CodeSignature, Message: "quote request: " + err.Error()}
	}
	now := o.cfg.Now()
	if err := o.fresh(req.IssuedAt, now); err != nil {
		return rpc.SignedLease{}, err
	}
	if !o.rate.allow(req.Broadcaster, now) {
		return rpc.SignedLease{}, &rpc.Refusal{
			Code: rpc.CodeRate, Limit: fmt.Sprintf("%d a minute", o.cfg.Limits.QuotesPerMinute), Asked: "more",
			Message: "too many quotes of one broadcaster; the orchestrator's --quotes-per-minute",
		}
	}
	if err := admit(ask); err != nil {
		return rpc.SignedLease{}, err
	}
	lease, lastExpiry, err := o.terms(ctx, ask, renews, now)
	if err != nil {
		return rpc.SignedLease{}, err
	}
	if refusal := o.wasted.refusal(req.Broadcaster, &lease.MaxUnpaid, now); refusal != nil {
		return rpc.SignedLease{}, refusal
	}
	// The request is fresh until Freshness after IssuedAt, which may be as much ahead of now.
	switch err := o.cfg.Store.TakeSerial(ctx, req.Broadcaster, req.Serial, now.Add(2*o.cfg.Limits.Freshness)); {
	case errors.Is(err, ErrStale):
		return rpc.SignedLease{}, &rpc.Refusal{
			Code: rpc.CodeStale, Asked: fmt.Sprint(req.Serial), Limit: "one that was not used",
			Message: "a broadcaster uses a serial once",
		}
	case err != nil:
		return rpc.SignedLease{}, moneyRefusal(fmt.Errorf("note the serial: %w", err))
	}
	signature, err := receipt.Sign(o.cfg.Signer, o.cfg.Domain, lease.Hash())
	if err != nil {
		return rpc.SignedLease{}, fmt.Errorf("sign the lease: %w", err)
	}
	if err := o.issued.put(issued{hash: lease.Hash(), lease: lease, lastExpiry: lastExpiry, renews: renews, at: now}); err != nil {
		return rpc.SignedLease{}, err
	}
	return rpc.SignedLease{Lease: lease, Signature: signature}, nil
}

func (o *Orchestrator) fresh(issuedAt uint64, now time.Time) error {
	off := now.Unix() - int64(issuedAt)
	limit := int64(o.cfg.Limits.Freshness / time.Second)
	if off <= limit && off >= -limit {
		return nil
	}
	return &rpc.Refusal{
		Code: rpc.CodeStale, Asked: fmt.Sprintf("%d s", off), Limit: fmt.Sprintf("%d s", limit),
		Message: "the request is too old, or the clocks of the two sides differ (the orchestrator's --clock-tolerance)",
	}
}

// admit checks that the ladder can be made, and that there is room for it now.
func (o *Orchestrator) admit(ask *rpc.QuoteAsk) error {
	caps := o.cfg.Transcoder.Capabilities()
	if !ask.Source.Codec.IsVideo() || !slices.Contains(caps.Decode, ask.Source.Codec) {
		return &rpc.Refusal{
			Code: rpc.CodeInvalid, Asked: ask.Source.Codec.String(), Limit: codecNames(caps.Decode),
			Message: "no transcoder here decodes the source's codec",
		}
	}
	var needed int64 // pixels a second to encode: what capacity is measured in
	for _, p := range ask.Ladder {
		if !slices.Contains(caps.Encode, p.Codec) {
			return &rpc.Refusal{
				Code: rpc.CodeInvalid, Asked: p.Codec.String(), Limit: codecNames(caps.Encode),
				Message: "no transcoder here encodes the codec of rung " + p.Name,
			}
		}
		if p.Width > ask.Source.Width || p.Height > ask.Source.Height {
			return &rpc.Refusal{
				Code: rpc.CodeInvalid, Asked: fmt.Sprintf("%dx%d", p.Width, p.Height),
				Limit:   fmt.Sprintf("%dx%d", ask.Source.Width, ask.Source.Height),
				Message: "rung " + p.Name + " is larger than the source",
			}
		}
		needed += int64(float64(p.Pixels()) * usualRate(ask.Source) / float64(p.Divisor))
	}
	switch {
	case caps.MaxSessions > 0 && caps.Sessions >= caps.MaxSessions:
		return &rpc.Refusal{
			Code: rpc.CodeBusy, Asked: fmt.Sprint(caps.Sessions + 1), Limit: fmt.Sprint(caps.MaxSessions),
			Message: "all transcoding sessions are taken; try another orchestrator (the orchestrator's --workers)",
		}
	case caps.PixelsPerSecond > 0 && caps.FreePixelsPerSecond < needed:
		return &rpc.Refusal{
			Code: rpc.CodeBusy, Asked: fmt.Sprintf("%d pixels/s", needed), Limit: fmt.Sprintf("%d pixels/s", caps.FreePixelsPerSecond),
			Message: "there is no headroom for the ladder; try another orchestrator or a smaller ladder (castnet bench transcoder measures what there is; the orchestrator's --megapixels, --workers)",
		}
	}
	return nil
}

func codecNames(list []media.Codec) string {
	names := make([]string, len(list))
	for i, c := range list {
		names[i] = c.String()
	}
	return strings.Join(names, ", ")
}

func usualRate(t *media.Track) float64 {
	if t.FrameRate > 0 {
		return t.FrameRate
	}
	return usualFrameRate
}

func frameRate(t *media.Track) float64 {
	if t.FrameRate > 0 {
		return t.FrameRate
	}
	return assumedFrameRate
}

// terms decides what the lease says, and the last second at which its tickets can be redeemed.
func (o *Orchestrator) terms(ctx context.Context, ask *rpc.QuoteAsk, renews common.Hash, now time.Time) (receipt.Lease, uint64, error) {
	req := &ask.Request
	round, lastExpiry, err := o.cfg.Rounds.Round(ctx)
	if err != nil {
		return receipt.Lease{}, 0, fmt.Errorf("read the round: %w", err)
	}
	prices, err := o.cfg.Pricer.Prices(req.Broadcaster)
	if err != nil {
		return receipt.Lease{}, 0, &rpc.Refusal{Code: rpc.CodeBusy, Message: "no price can be quoted now: " + err.Error()}
	}
	largest, err := largestFee(&prices, ask.Ladder, ask.Source)
	if err != nil {
		return receipt.Lease{}, 0, err
	}
	offer, err := o.cfg.Recipient.Quote(ctx, payments.Ask{Sender: req.Broadcaster, Round: round, LargestFee: largest, Renews: renews})
	if err != nil {
		return receipt.Lease{}, 0, moneyRefusal(err)
	}
	return receipt.Lease{
		Broadcaster: req.Broadcaster, Orchestrator: o.cfg.ID, Stream: req.Stream, Lane: req.Lane, Serial: req.Serial,
		LadderHash: req.LadderHash, Prices: prices, MaxFaceValue: offer.MaxFaceValue, MaxUnpaid: offer.MaxUnpaid,
		Round: round, Expiry: uint64(now.Add(o.cfg.Limits.LeaseTTL).Unix()),
	}, lastExpiry, nil
}

// largestFee is the fee of the largest segment that a lease can have.
func largestFee(prices *receipt.Prices, ladder transcoder.Ladder, source *media.Track) (uint256.Int, error) {
	rate := frameRate(source)
	frames := func(d time.Duration) uint32 { return uint32(math.Ceil(d.Seconds() * rate)) }
	src := receipt.Source{
		Frames: frames(largestSegment), PrefixFrames: frames(largestPrefix),
		Width: uint32(source.Width), Height: uint32(source.Height),
	}
	renditions := make([]receipt.Rendition, len(ladder))
	for i, p := range ladder {
		renditions[i].Frames = src.Frames/uint32(p.Divisor) + 1
		renditions[i].Bytes = uint64(float64(p.Bitrate) / 8 * largestSegment.Seconds() * peakRate)
	}
	return receipt.Fee(prices, rpc.Rungs(ladder), &src, renditions)
}

// moneyRefusal gives a refusal of the money side as the broadcaster is told it.
func moneyRefusal(err error) error {
	var r *payments.Refusal
	switch {
	case errors.As(err, &r):
	case errors.Is(err, payments.ErrUnavailable):
		return &rpc.Refusal{
			Code: rpc.CodeBusy, Asked: "new work", Limit: "none until the store is back",
			Message: "payments cannot be recorded here now; try another orchestrator (" + err.Error() + ")",
		}
	default:
		return err
	}
	code := rpc.CodeInvalid
	switch r.Code {
	case payments.CodeReserveShort, payments.CodeNoDeposit, payments.CodeUnlocking:
		code = rpc.CodeReserve
	case payments.CodeDebt:
		code = rpc.CodeUnpaid
	}
	message := r.Message
	if r.Knob != "" {
		message += " (" + r.Knob + ")"
	}
	return &rpc.Refusal{Code: code, Message: message, Limit: r.Limit, Asked: r.Asked}
}

// redeem takes an issued lease, once, from the broadcaster that countersigned it.
func (o *Orchestrator) redeem(ctx context.Context, open *rpc.Open) (issued, error) {
	hash := open.Lease.Lease.Hash()
	if open.Lease.Lease.LadderHash != receipt.LadderHash(rpc.Rungs(open.Ladder)) {
		return issued{}, &rpc.Refusal{Code: rpc.CodeInvalid, Message: "the ladder is not the one that the lease was quoted for"}
	}
	if err := o.checkSigner(ctx, hash, open.Countersignature, open.Lease.Lease.Broadcaster); err != nil {
		return issued{}, &rpc.Refusal{Code: rpc.CodeSignature, Message: "countersignature of the lease: " + err.Error()}
	}
	return o.take(&open.Lease.Lease)
}

// take removes a lease from those that may be opened. A serial is taken once by all processes of this orchestrator, so
// no other one has issued the same lease.
func (o *Orchestrator) take(lease *receipt.Lease) (issued, error) {
	now, hash := o.cfg.Now(), lease.Hash()
	i, ok := o.issued.take(lease.Broadcaster, hash, now)
	if !ok {
		return issued{}, &rpc.Refusal{
			Code: rpc.CodeUnknownLease, Asked: short(hash), Limit: "opened within " + o.issued.within.String(),
			Message: "this process has not issued the lease, it was opened before, or it has waited too long; ask for a new quote (the orchestrator's --open-within)",
		}
	}
	if uint64(now.Unix()) >= i.lease.Expiry {
		return issued{}, expired(&i.lease, now)
	}
	return i, nil
}

func expired(l *receipt.Lease, now time.Time) *rpc.Refusal {
	return &rpc.Refusal{
		Code: rpc.CodeExpired, Asked: now.UTC().Format(time.RFC3339), Limit: time.Unix(int64(l.Expiry), 0).UTC().Format(time.RFC3339),
		Message: "the lease has expired; renew it in time, or ask for a new quote (the orchestrator's --lease-ttl)",
	}
}

// short is a hash as logs show it.
func short(h common.Hash) string { return h.Hex()[2:14] }

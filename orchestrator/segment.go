package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"castnet/internal/receipt"
	"castnet/orchestrator/rpc"
	payments "castnet/probabilistic-payments"
	"castnet/transcoder"
)

// maxSegmentUnits bounds the units of one segment, prefix included: 15 s at 240 pictures a second.
const maxSegmentUnits = 3600

// attempt is one attempt at a segment, from its start to its receipt.
type attempt struct {
	seq    uint64
	number uint32
	begin  transcoder.StartSegment

	// Of inputs, until the segment has ended.
	source *receipt.Merkle
	pts    []int64
	held   bool // begin is sent with the first unit, once it is known to be a key

	// Of outputs, until the session is done with it.
	renditions []*receipt.Merkle

	// Guarded by lease.mu.
	counted receipt.Source      // frames and bytes so far
	output  []receipt.Rendition // frames and bytes so far
	due     []uint32            // of each rung: the source's pictures so far that it shows, before its divisor
	end     *rpc.EndSegment
	endedAt time.Time
	prices  receipt.Prices // of the lease that the Source names
	made    bool           // the session is done with it
	off     bool           // cancelled: no receipt
}

func (l *lease) newAttempt(m *transcoder.StartSegment) *attempt {
	a := &attempt{
		seq: m.Seq, number: m.Attempt, begin: *m, source: receipt.NewMerkle(receipt.SourceID()),
		renditions: make([]*receipt.Merkle, len(l.rungs)), output: make([]receipt.Rendition, len(l.rungs)),
		due: make([]uint32, len(l.rungs)),
	}
	a.counted.Width, a.counted.Height = uint32(m.Track.Width), uint32(m.Track.Height)
	for i := range l.rungs {
		a.renditions[i] = receipt.NewMerkle(l.rungs[i].Hash())
	}
	return a
}

// find returns an open attempt; nil for one that is over.
func (l *lease) find(seq uint64, number uint32) *attempt {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a := l.open[seq]; a != nil && a.number == number {
		return a
	}
	return nil
}

// start begins an attempt. An error ends the lease; what only concerns the attempt is refused to the broadcaster.
func (l *lease) start(ctx context.Context, m transcoder.StartSegment) error {
	if err := l.admissible(&m); err != nil {
		return err
	}
	l.mu.Lock()
	unfinished, older := l.writing, l.open[m.Seq]
	l.mu.Unlock()
	for _, a := range []*attempt{unfinished, older} {
		if a != nil {
			l.drop(ctx, a, "cancelled")
		}
	}
	if refusal := l.startRefusal(); refusal != nil {
		l.log.Warn("segment refused", "seq", m.Seq, "attempt", m.Attempt, "why", refusal)
		return l.refuse(m.Seq, m.Attempt, refusal, "refused")
	}
	a := l.newAttempt(&m)
	session, err := l.register(ctx, a)
	if err != nil || a.held {
		return err
	}
	return l.sent(session, session.Send(ctx, m))
}

// admissible refuses a start that breaks the protocol.
func (l *lease) admissible(m *transcoder.StartSegment) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch last := l.last[m.Seq]; {
	case m.Attempt == 0:
		return &rpc.Refusal{Code: rpc.CodeInvalid, Asked: "attempt 0", Limit: "from 1", Message: "attempts count from 1"}
	case m.Attempt <= last:
		return &rpc.Refusal{
			Code: rpc.CodeInvalid, Asked: fmt.Sprintf("segment %d attempt %d", m.Seq, m.Attempt), Limit: fmt.Sprintf("above %d", last),
			Message: "an attempt is made once",
		}
	case m.Seq+attemptWindow < l.highest:
		return &rpc.Refusal{
			Code: rpc.CodeInvalid, Asked: fmt.Sprintf("segment %d", m.Seq), Limit: fmt.Sprintf("%d before %d", attemptWindow, l.highest),
			Message: "the segment is too long ago",
		}
	case m.ResumeAfter != nil && len(m.ResumeAfter) != len(l.rungs):
		return &rpc.Refusal{
			Code: rpc.CodeInvalid, Asked: fmt.Sprint(len(m.ResumeAfter)), Limit: fmt.Sprint(len(l.rungs)),
			Message: "a resumed segment names a timestamp for each rendition",
		}
	}
	l.last[m.Seq] = m.Attempt
	l.highest = max(l.highest, m.Seq)
	if len(l.last) > 2*attemptWindow {
		for seq := range l.last {
			if seq+attemptWindow < l.highest {
				delete(l.last, seq)
			}
		}
	}
	return nil
}

// startRefusal says why no segment can begin now; nil where one can.
func (l *lease) startRefusal() *rpc.Refusal {
	now := l.o.cfg.Now()
	l.mu.Lock()
	open, over := len(l.open), uint64(now.Unix()) >= l.terms.lease.Expiry && l.renewed == nil
	current := l.terms.lease
	l.mu.Unlock()
	if over {
		return expired(&current, now)
	}
	if refusal := l.o.wasted.refusal(current.Broadcaster, &current.MaxUnpaid, now); refusal != nil {
		return refusal
	}
	if limit := l.o.cfg.Limits.OpenSegments; open >= limit {
		return &rpc.Refusal{
			Code: rpc.CodeInvalid, Asked: fmt.Sprint(open + 1), Limit: fmt.Sprint(limit),
			Message: "too many segments are open at once; wait for their receipts (the orchestrator's --open-segments)",
		}
	}
	var refusal *rpc.Refusal
	if err := l.meter(); errors.As(err, &refusal) {
		return refusal
	}
	return nil
}

// register makes a the attempt that units belong to. It waits for a session where there is none.
func (l *lease) register(ctx context.Context, a *attempt) (transcoder.Session, error) {
	for {
		l.mu.Lock()
		if l.session != nil {
			defer l.mu.Unlock()
			l.open[a.seq], l.writing = a, a
			a.held = l.lost && !a.begin.Fresh
			if a.begin.Fresh {
				l.lost = false
			}
			return l.session, nil
		}
		ready := l.ready
		l.mu.Unlock()
		select {
		case <-ready:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// drop gives up an attempt: no more of it is made, and nothing is owed for it. It is a call of inputs.
func (l *lease) drop(ctx context.Context, a *attempt, result string) {
	l.mu.Lock()
	writing, session := l.writing == a, l.session
	if writing {
		l.writing, l.lost = nil, true
	}
	work := l.cost(a, a.output)
	open := l.giveUp(a)
	l.mu.Unlock()
	if open {
		l.waste(&work)
	}
	if open && result != "" {
		l.o.metrics.segments.WithLabelValues(result).Inc()
	}
	if (open || writing) && session != nil && !a.held {
		if err := l.sent(session, session.Send(ctx, transcoder.CancelSegment{Seq: a.seq, Attempt: a.number})); err != nil {
			l.log.Debug("cancel", "seq", a.seq, "attempt", a.number, "err", err)
		}
	}
}

// giveUp takes an attempt out of the books, and reports whether it was in them. The lock is held.
func (l *lease) giveUp(a *attempt) bool {
	if a.off || l.open[a.seq] != a {
		return false
	}
	a.off = true
	delete(l.open, a.seq)
	if a.end != nil {
		l.settle(1)
	}
	return true
}

func (l *lease) cancelled(ctx context.Context, m transcoder.CancelSegment) error {
	l.mu.Lock()
	a := l.open[m.Seq]
	if w := l.writing; w != nil && w.seq == m.Seq {
		a = w
	}
	l.mu.Unlock()
	if a != nil && a.number == m.Attempt {
		l.drop(ctx, a, "cancelled")
	}
	return nil
}

// unit hands one source picture in. The session gets it first: hashing and metering can wait, pictures cannot.
func (l *lease) unit(ctx context.Context, m transcoder.WriteUnit) error {
	l.mu.Lock()
	a, session := l.writing, l.session
	idle := a == nil || a.off
	l.mu.Unlock()
	if idle {
		return nil // of an attempt that was refused, has failed or has died
	}
	if a.held {
		if !m.Unit.Key {
			l.drop(ctx, a, "")
			return l.refuse(a.seq, a.number, workerDied(), "worker_died")
		}
		if err := l.startHeld(ctx, a, session); err != nil {
			return err
		}
	}
	if err := l.sent(session, session.Send(ctx, m)); err != nil {
		return err
	}
	if !m.Prefix {
		a.source.Add(m.Unit)
		a.pts = append(a.pts, m.Unit.PTS)
	}
	l.o.metrics.units.WithLabelValues("source").Inc()
	l.o.metrics.bytes.WithLabelValues("source").Add(float64(len(m.Unit.Payload)))
	l.mu.Lock()
	if m.Prefix {
		a.counted.PrefixFrames++
	} else {
		a.counted.Frames++
		for i := range a.due {
			if a.begin.ResumeAfter == nil || m.Unit.PTS > a.begin.ResumeAfter[i] {
				a.due[i]++
			}
		}
	}
	a.counted.Bytes += uint64(len(m.Unit.Payload))
	units := a.counted.Frames + a.counted.PrefixFrames
	l.mu.Unlock()
	if units > maxSegmentUnits {
		return &rpc.Refusal{
			Code: rpc.CodeInvalid, Asked: fmt.Sprint(units), Limit: fmt.Sprint(maxSegmentUnits),
			Message: "the segment has too many pictures; segments are about 2 s long",
		}
	}
	return l.metered(ctx, a)
}

// startHeld begins an attempt that starts at a key picture in a session whose decoder has lost its place.
func (l *lease) startHeld(ctx context.Context, a *attempt, session transcoder.Session) error {
	a.held = false
	a.begin.Fresh = true
	l.mu.Lock()
	if l.session == session {
		l.lost = false
	}
	l.mu.Unlock()
	return l.sent(session, session.Send(ctx, a.begin))
}

// metered refuses the attempt where unpaid work has reached its limit.
func (l *lease) metered(ctx context.Context, a *attempt) error {
	err := l.meter()
	var refusal *rpc.Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	l.drop(ctx, a, "")
	l.log.Warn("segment refused", "seq", a.seq, "attempt", a.number, "why", refusal)
	return l.refuse(a.seq, a.number, refusal, "refused")
}

// end closes the segment being written, if the broadcaster's word of it is true.
func (l *lease) end(ctx context.Context, m rpc.EndSegment) error {
	l.mu.Lock()
	a, session := l.writing, l.session
	failed := a != nil && a.off
	l.mu.Unlock()
	if a == nil {
		return nil // of an attempt that was refused or has died
	}
	if failed {
		l.drop(ctx, a, "") // so that the session takes the next
		return nil
	}
	if err := l.checkSource(ctx, a, &m); err != nil {
		l.log.Warn("source refused", "seq", a.seq, "attempt", a.number, "why", err)
		return err
	}
	l.mu.Lock()
	if l.writing != a || a.off { // meanwhile it has died or failed
		l.mu.Unlock()
		l.drop(ctx, a, "")
		return nil
	}
	a.end, a.endedAt = &m, l.o.cfg.Now()
	a.counted = m.Source
	l.unsettled++
	l.writing = nil
	if l.renewed != nil && m.Source.Lease == l.renewed.hash {
		l.terms, l.renewed = *l.renewed, nil
	}
	a.prices = l.terms.lease.Prices
	l.mu.Unlock()
	return l.sent(session, session.Send(ctx, transcoder.EndSegment{Seq: a.seq, Attempt: a.number, Drain: m.Drain}))
}

// checkSource compares the broadcaster's signed word with what was received.
func (l *lease) checkSource(ctx context.Context, a *attempt, m *rpc.EndSegment) error {
	s := &m.Source
	l.mu.Lock()
	known := s.Lease == l.terms.hash || l.renewed != nil && s.Lease == l.renewed.hash
	broadcaster, counted := l.terms.lease.Broadcaster, a.counted
	l.mu.Unlock()
	refuse := func(field string, asked, limit any) error {
		return &rpc.Refusal{
			Code: rpc.CodeSource, Asked: fmt.Sprint(asked), Limit: fmt.Sprint(limit), Seq: a.seq, Attempt: a.number,
			Message: "the source's " + field + " is not that of what was received",
		}
	}
	switch {
	case !known:
		return refuse("lease", short(s.Lease), "the lease that is open")
	case s.Seq != a.seq || s.Attempt != a.number:
		return refuse("segment", fmt.Sprintf("%d/%d", s.Seq, s.Attempt), fmt.Sprintf("%d/%d", a.seq, a.number))
	case s.Frames != counted.Frames || s.PrefixFrames != counted.PrefixFrames:
		return refuse("frame count", fmt.Sprintf("%d+%d", s.PrefixFrames, s.Frames), fmt.Sprintf("%d+%d", counted.PrefixFrames, counted.Frames))
	case s.Frames == 0:
		return refuse("frame count", 0, "at least 1")
	case s.Bytes != counted.Bytes:
		return refuse("size", s.Bytes, counted.Bytes)
	case s.Width != counted.Width || s.Height != counted.Height:
		return refuse("picture size", fmt.Sprintf("%dx%d", s.Width, s.Height), fmt.Sprintf("%dx%d", counted.Width, counted.Height))
	case !slices.Equal(s.ResumeAfter, a.begin.ResumeAfter):
		return refuse("resume points", s.ResumeAfter, a.begin.ResumeAfter)
	case s.Root != a.source.Root():
		return refuse("root", s.Root, a.source.Root())
	case s.PTSRoot != receipt.PTSRoot(a.pts):
		return refuse("PTS root", s.PTSRoot, receipt.PTSRoot(a.pts))
	}
	if err := l.o.checkSigner(ctx, s.Hash(), m.Signature, broadcaster); err != nil {
		return &rpc.Refusal{Code: rpc.CodeSignature, Message: "source: " + err.Error(), Seq: a.seq, Attempt: a.number}
	}
	return nil
}

// rendered passes one picture on, and then hashes it for the receipt.
func (l *lease) rendered(m transcoder.Rendered) error {
	a := l.find(m.Seq, m.Attempt)
	if a == nil {
		return nil // given up
	}
	if m.Rendition >= len(l.rungs) {
		return fmt.Errorf("%w: it made rendition %d of %d", transcoder.ErrWorkerDied, m.Rendition, len(l.rungs))
	}
	if err := l.stream.Send(m); err != nil {
		return err
	}
	l.o.metrics.units.WithLabelValues("rendition").Inc()
	l.o.metrics.bytes.WithLabelValues("rendition").Add(float64(len(m.Unit.Payload)))
	tree := a.renditions[m.Rendition]
	tree.Add(m.Unit)
	l.mu.Lock()
	defer l.mu.Unlock()
	a.output[m.Rendition].Frames, a.output[m.Rendition].Bytes = tree.Frames(), tree.Bytes()
	return nil
}

// done has a finished segment billed.
func (l *lease) done(ctx context.Context, m transcoder.SegmentDone) error {
	a := l.find(m.Seq, m.Attempt)
	if a == nil {
		return nil // given up
	}
	l.mu.Lock()
	end := a.end
	a.made = end != nil
	l.mu.Unlock()
	if end == nil {
		return fmt.Errorf("%w: it says that segment %d is done before its end", transcoder.ErrWorkerDied, m.Seq)
	}
	if claimed, found := uint64(end.Source.Width)*uint64(end.Source.Height), uint64(m.Width)*uint64(m.Height); claimed < found {
		return &rpc.Refusal{
			Code: rpc.CodeSource, Seq: m.Seq, Attempt: m.Attempt,
			Asked: fmt.Sprintf("%dx%d", end.Source.Width, end.Source.Height), Limit: fmt.Sprintf("%dx%d", m.Width, m.Height),
			Message: "the source's pictures are larger than it says",
		}
	}
	return l.do(ctx, func(ctx context.Context) error { return l.bill(ctx, a) })
}

// bill signs a segment's receipt, has it stored, and sends it.
func (l *lease) bill(ctx context.Context, a *attempt) error {
	l.mu.Lock()
	off := a.off || l.open[a.seq] != a
	delete(l.open, a.seq) // from here on the charge counts, not the work
	l.mu.Unlock()
	if off {
		return nil
	}
	if a.end.Source.Lease != l.billing {
		// Segments end in order: nothing more comes under it, nor under one between the two that never had a receipt.
		for next := slices.Index(l.credits, a.end.Source.Lease); next > 0; next-- {
			l.o.cfg.Recipient.CloseLease(l.credits[0])
			l.credits = l.credits[1:]
		}
		l.billing, l.prev = a.end.Source.Lease, common.Hash{}
	}
	signed := rpc.SignedReceipt{Receipt: receipt.Receipt{
		Lease: l.billing, Seq: a.seq, Attempt: a.number, Source: a.end.Source.Hash(), Renditions: l.made(a), Prev: l.prev,
	}}
	r := &signed.Receipt
	var err error
	if r.Fee, err = receipt.Fee(&a.prices, l.rungs, &a.end.Source, r.Renditions); err != nil {
		return err
	}
	bill := payments.Bill{PaymentKey: payments.PaymentKey{Lease: r.Lease, Seq: r.Seq, Attempt: r.Attempt}, Fee: r.Fee}
	err = l.o.cfg.Recipient.Bill(ctx, bill, func(t payments.Terms) (common.Hash, error) {
		r.Ticket = receipt.TicketTerms{Epoch: t.Epoch, RandHash: t.RandHash, FaceValue: t.FaceValue, Expiry: t.Expiry}
		hash := r.Hash()
		var err error
		signed.Signature, err = receipt.Sign(l.o.cfg.Signer, l.o.cfg.Domain, hash)
		return hash, err
	})
	var refusal *rpc.Refusal
	if err := moneyRefusal(err); errors.As(err, &refusal) {
		l.log.Warn("segment made and not billed", "seq", a.seq, "why", refusal)
		l.settled()
		return l.refuse(a.seq, a.number, refusal, "refused")
	}
	if err != nil {
		return fmt.Errorf("bill segment %d: %w", a.seq, err)
	}
	if err := payments.Patiently(ctx, func() error { return l.o.cfg.Store.AddReceipt(ctx, &signed) }); err != nil {
		return fmt.Errorf("store the receipt of segment %d: %w", a.seq, err)
	}
	if books := l.o.cfg.Books; books != nil {
		books.Work(&a.end.Source, r.Renditions)
	}
	l.prev = r.Hash()
	l.receipts++
	defer l.settled()
	l.o.metrics.segments.WithLabelValues("receipt").Inc()
	l.o.metrics.fees.Add(r.Fee.Float64())
	l.o.wasted.billed(l.broadcaster, &r.Fee, l.o.cfg.Now())
	l.o.metrics.receiptDelay.Observe(l.o.cfg.Now().Sub(a.endedAt).Seconds())
	return l.stream.Send(signed)
}

func (l *lease) settled() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settle(1)
}

// made lists what came of an attempt.
func (l *lease) made(a *attempt) []receipt.Rendition {
	out := make([]receipt.Rendition, len(l.rungs))
	for i := range l.rungs {
		out[i] = receipt.Rendition{
			Profile: l.rungs[i].Hash(), Root: a.renditions[i].Root(), Width: l.rungs[i].Width, Height: l.rungs[i].Height,
			Frames: a.renditions[i].Frames(), Bytes: a.renditions[i].Bytes(),
		}
	}
	return out
}

// badInput signs the word that a unit cannot be decoded, and gives the segment up.
func (l *lease) badInput(m transcoder.BadInput) error {
	l.mu.Lock()
	a := l.open[m.Seq]
	if a == nil || a.number != m.Attempt {
		l.mu.Unlock()
		return nil
	}
	l.giveUp(a) // inputs closes it, where it is still being written
	l.lost = true
	hash, work := l.terms.hash, l.cost(a, a.output)
	l.mu.Unlock()
	l.waste(&work)
	l.o.metrics.segments.WithLabelValues("bad_input").Inc()
	l.log.Warn("source cannot be decoded", "seq", m.Seq, "attempt", m.Attempt, "pts", m.PTS, "reason", m.Reason)
	signed := rpc.SignedBadInput{BadInput: receipt.BadInput{
		Lease: hash, Seq: m.Seq, Attempt: m.Attempt, Unit: m.PTS, Reason: m.Reason,
	}}
	var err error
	if signed.Signature, err = receipt.Sign(l.o.cfg.Signer, l.o.cfg.Domain, signed.BadInput.Hash()); err != nil {
		return fmt.Errorf("sign bad input: %w", err)
	}
	return l.stream.Send(signed)
}

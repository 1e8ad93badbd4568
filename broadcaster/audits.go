package broadcaster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"castnet/broadcaster/audit"
	"castnet/broadcaster/verify"
	"castnet/broadcaster/worklist"
	"castnet/internal/media"
	"castnet/orchestrator/rpc"
	"castnet/transcoder"
)

// maxLooks is how many audits and doubts of a lease may wait; what is more is not looked at.
const maxLooks = 2

// look is something that this broadcaster's own worker has to see before it is decided: a segment before it is paid for,
// or a picture that an orchestrator calls broken.
type look func(ctx context.Context) error

// work is a verified segment with what it is to be paid.
type work struct {
	*attempt
	signed *rpc.SignedReceipt
	prefix []*media.Unit // what decoding it begins with
	due    due
	lag    time.Duration
}

// auditDrawn reports whether the next verified segment is audited. The receipt is here already: nobody knew before.
func (l *lease) auditDrawn() bool {
	if l.s.b.cfg.Local == nil {
		return false
	}
	record := l.s.b.market.Records()[l.Orchestrator.ID]
	chance := verify.AuditChance(l.verified, record.Bad)
	l.verified++
	return rand.Float64() < chance //nolint:gosec // drawn from the system's randomness, and never shown
}

// later has something looked at while the lease goes on. It reports false where too much waits already.
func (l *lease) later(f look) bool {
	select {
	case l.looks <- f:
		return true
	default:
		return false
	}
}

// looking waits for one of the places in which this broadcaster looks at things, for half of the time that there is: who
// finds one later would only hold it without coming to an end.
func (b *Broadcaster) looking(ctx context.Context) (done func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, b.cfg.AuditTimeout/2)
	defer cancel()
	select {
	case b.looks <- struct{}{}:
		return func() { <-b.looks }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("all %d places to look at work are taken (--audits): %w", cap(b.looks), ctx.Err())
	}
}

// lookAll does what later was given, until the lease ends; what is left then is done without looking.
func (l *lease) lookAll(ctx context.Context) error {
	for {
		select {
		case f := <-l.looks:
			if err := f(ctx); err != nil {
				return err
			}
		case <-ctx.Done():
			for len(l.looks) > 0 {
				_ = (<-l.looks)(ctx)
			}
			return nil
		}
	}
}

// audit compares one rendition of a segment with its source, and has the segment paid unless it shows something else.
func (l *lease) audit(ctx context.Context, w work) error {
	i := rand.IntN(len(w.rungs)) //nolint:gosec // as in auditDrawn
	rung := w.rungs[i]
	ctx, cancel := context.WithTimeout(ctx, l.s.b.cfg.AuditTimeout)
	defer cancel()
	var failures []verify.Failure
	done, err := l.s.b.looking(ctx)
	if err == nil {
		failures, err = audit.Compare(ctx, l.s.b.cfg.Local, l.s.seen(w.seg, w.prefix), &audit.Rendition{
			Codec: rung.Codec, Width: int(rung.Width), Height: int(rung.Height), Units: w.made[i],
		})
		done()
	}
	if err == nil {
		l.s.update(func(st *Status) { st.Audited++ })
	}
	switch {
	case err != nil: // says nothing about the orchestrator
		l.s.b.metrics.audits.WithLabelValues("inconclusive").Inc()
		l.log.Info("audit without a result", "seq", w.seg.Seq, "err", err)
	case len(failures) > 0:
		l.s.b.metrics.audits.WithLabelValues("failed").Inc()
		l.unpaid(w.due)
		return l.refuse(w.seg.Seq, failures, "what it made of segment %d is not what was sent (%s)")
	default:
		l.s.b.metrics.audits.WithLabelValues("passed").Inc()
	}
	return l.accept(w)
}

// seen is a segment as our own worker looks at it.
func (s *Stream) seen(seg *worklist.Segment, prefix []*media.Unit) *audit.Segment {
	return &audit.Segment{
		ID: fmt.Sprintf("%s/audit/%d", s.id, seg.Seq), Track: seg.Track, FirstPTS: seg.FirstPTS, Prefix: prefix, Source: s.work.Units(seg),
	}
}

// prefix is the kept pictures that decoding a segment begins with, nil where it begins with its own.
func (s *Stream) prefix(seg *worklist.Segment) []*media.Unit {
	units := s.work.Units(seg)
	if seg.StartsAtKey() || len(units) == 0 {
		return nil
	}
	kept := s.hub.Retained(seg.DecodeFrom)
	for i, u := range kept {
		if u == units[0] {
			return kept[:i]
		}
	}
	return nil
}

// unpaid forgets a receipt that will not be paid.
func (l *lease) unpaid(d due) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.pending, d.hash)
	l.signal()
}

// doubt has our own worker decode what an orchestrator says is undecodable. Where that is so the segment is given up, and
// nobody is to blame; where it is not, the orchestrator is.
func (l *lease) doubt(ctx context.Context, a *attempt, reason string) error {
	defer l.doubts.Add(-1)
	ctx, cancel := context.WithTimeout(ctx, l.s.b.cfg.AuditTimeout)
	defer cancel()
	var bad *transcoder.BadInput
	done, err := l.s.b.looking(ctx)
	if err == nil {
		bad, err = audit.Decodable(ctx, l.s.b.cfg.Local, l.s.seen(a.seg, l.s.prefix(a.seg)))
		done()
	}
	switch {
	case err != nil:
		l.log.Info("no check of a picture that is called broken", "seq", a.seg.Seq, "err", err)
		return l.undecodable(a, reason)
	case bad == nil:
		l.s.b.metrics.badInputs.WithLabelValues("refuted").Inc()
		return &failure{plain: fmt.Sprintf("it says that it cannot decode segment %d (%s), which our own worker can", a.seg.Seq, reason)}
	}
	l.s.b.metrics.badInputs.WithLabelValues("confirmed").Inc()
	l.s.giveUp(a.seg, fmt.Sprintf("A picture of segment %d cannot be decoded, by us neither: %s", a.seg.Seq, bad.Reason))
	l.forget(a)
	l.mu.Lock()
	l.meter = l.newMeter(a.seg, nil) // its pictures are due no more
	l.mu.Unlock()
	return nil
}

// errSecondOpinion ends a lease without speaking against the orchestrator: the source may be broken.
var errSecondOpinion = errors.New("another orchestrator is asked")

// undecodable believes the second orchestrator that says so: the first may lie, or be broken itself.
func (l *lease) undecodable(a *attempt, reason string) error {
	l.s.b.metrics.badInputs.WithLabelValues("unchecked").Inc()
	if l.s.work.Undecodable(a.seg) < maxUndecodable {
		return &failure{plain: "it says that it cannot decode the source", cause: errSecondOpinion}
	}
	l.s.giveUp(a.seg, fmt.Sprintf("%s could not decode a picture of segment %d: %s", l.Orchestrator.Name, a.seg.Seq, reason))
	l.forget(a)
	return nil
}

package broadcaster

import (
	"errors"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"castnet/broadcaster/playback"
	"castnet/broadcaster/verify"
	"castnet/broadcaster/worklist"
	"castnet/internal/media"
	"castnet/internal/receipt"
	"castnet/orchestrator/rpc"
	"castnet/transcoder"
)

// attempt is one try at a segment under one lease: what was sent, what came back, and the right to publish it. The
// lease's lock guards it; prefix units are added before anything is received.
type attempt struct {
	l           *lease
	seg         *worklist.Segment
	number      uint32
	grant       *playback.Grant
	lease       receipt.Lease // the one that this segment is made under
	leaseHash   common.Hash
	resumeAfter []int64 // by rendition; nil for all pictures
	rungs       []receipt.Rung

	sent     *verify.Sent
	received []*verify.Received
	made     [][]*media.Unit // what was received, by rendition
	source   receipt.Source
	last     int64     // the highest PTS sent
	ended    time.Time // when the source was signed
	output   time.Time // when the last picture came
}

func newAttempt(l *lease, seg *worklist.Segment, number uint32, grant *playback.Grant) *attempt {
	a := &attempt{
		l: l, seg: seg, number: number, grant: grant, lease: l.current, leaseHash: l.hash, last: seg.FirstPTS,
		rungs: rpc.Rungs(l.ladder), sent: verify.NewSent(),
	}
	for _, r := range a.rungs {
		a.received = append(a.received, verify.NewReceived(r))
	}
	a.made = make([][]*media.Unit, len(a.rungs))
	// Where a part of this very segment is published already, only the rest is asked for.
	for _, pts := range grant.ResumeAfter() {
		if pts >= seg.FirstPTS {
			a.resumeAfter = grant.ResumeAfter()
		}
	}
	return a
}

func (a *attempt) start(fresh bool) transcoder.StartSegment {
	return transcoder.StartSegment{
		Seq: a.seg.Seq, Attempt: a.number, FirstPTS: a.seg.FirstPTS, Track: a.seg.Track, Fresh: fresh, ResumeAfter: a.resumeAfter,
	}
}

func (a *attempt) add(u *media.Unit) {
	a.sent.Add(u)
	a.last = max(a.last, u.PTS)
}

func (a *attempt) addPrefix(u *media.Unit) {
	a.l.mu.Lock()
	defer a.l.mu.Unlock()
	a.sent.AddPrefix(u)
}

// close makes the source that is signed.
func (a *attempt) close(now time.Time) receipt.Source {
	a.l.mu.Lock()
	defer a.l.mu.Unlock()
	a.source = a.sent.Source(receipt.Source{
		Lease: a.leaseHash, Seq: a.seg.Seq, Attempt: a.number, ResumeAfter: a.resumeAfter,
		Width: uint32(a.seg.Track.Width), Height: uint32(a.seg.Track.Height),
	})
	a.ended = now
	return a.source
}

// verify judges the receipt, and gives what is wrong with it in plain words.
func (a *attempt) verify(signed *rpc.SignedReceipt, prev common.Hash) []verify.Failure {
	a.l.mu.Lock()
	defer a.l.mu.Unlock()
	if a.ended.IsZero() {
		return []verify.Failure{{Check: verify.CheckNames, Want: "a receipt after the segment's end", Got: "one before it"}}
	}
	verdict := verify.Receipt(&verify.Attempt{
		Domain: a.l.s.b.cfg.Domain, Operator: a.l.Orchestrator.Operator, Lease: a.lease, Rungs: a.rungs,
		Source: a.source, Sent: a.sent, Received: a.received, Prev: prev, Deadline: a.receiptDue(),
	}, &signed.Receipt, signed.Signature, a.l.now())
	return verdict.Failures
}

// receiptDue is when the receipt has to be here. Pictures that still come put it off: who is slow may be watched by
// its lag, and is not also late.
func (a *attempt) receiptDue() time.Time {
	from := a.ended
	if a.output.After(from) {
		from = a.output
	}
	return from.Add(receiptTimeout)
}

// length is how long the segment plays, from its first picture to the last.
func (a *attempt) length() time.Duration { return videoTime(a.last - a.seg.FirstPTS) }

// rendered publishes a unit as it comes; whether it is paid for is decided when the segment is whole.
func (l *lease) rendered(m *transcoder.Rendered) error {
	a := l.attempt(m.Seq, m.Attempt)
	if a == nil {
		return nil // of an attempt that was moved
	}
	if m.Rendition < 0 || m.Rendition >= len(a.received) {
		return &failure{plain: fmt.Sprintf("it sent rendition %d of a ladder of %d", m.Rendition, len(a.received))}
	}
	now := l.now()
	l.mu.Lock()
	a.received[m.Rendition].Add(m.Unit)
	a.made[m.Rendition] = append(a.made[m.Rendition], m.Unit)
	a.output = now
	lag := l.meter.Output(m.Rendition, m.Unit.PTS, now)
	l.mu.Unlock()
	if lag > 0 {
		l.s.b.metrics.lag.Observe(lag.Seconds())
	}
	err := a.grant.Publish(m.Rendition, m.Unit)
	switch {
	case err == nil, errors.Is(err, playback.ErrFenced), errors.Is(err, playback.ErrClosed):
		return nil
	default:
		return &failure{plain: "it sent a picture that does not belong there", cause: err}
	}
}

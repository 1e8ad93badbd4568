package broadcaster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"castnet/broadcaster/lag"
	"castnet/broadcaster/market"
	"castnet/broadcaster/worklist"
	"castnet/internal/receipt"
	"castnet/orchestrator/rpc"
	"castnet/transcoder"
)

const (
	// watchInterval is how often a lease's liveness is judged.
	watchInterval = 50 * time.Millisecond
	// starved is how late the watch may be before it is this machine that stood still, not the orchestrator.
	starved = 3 * watchInterval
	// receiptTimeout is how long a receipt may take after the segment's end, or its last picture where that came later.
	receiptTimeout = 5 * time.Second
	// goodbyeTimeout is how long a finished lease waits for the orchestrator's end of the stream.
	goodbyeTimeout = time.Second
	// renewPause is the least time between two requests for a renewal: one may be refused, or too dear.
	renewPause = 5 * time.Second
	// maxDeaths is how many workers a lease may lose in deathsForgiven; after that it is no accident.
	maxDeaths      = 5
	deathsForgiven = time.Minute
	// silenceFrom is how long an orchestrator must have been sent no picture before its word that nothing came is taken.
	silenceFrom = 5 * time.Second
	// answerTimeout is how long a payment may be without an answer.
	answerTimeout = 5 * time.Second
	// maxUndecodable is how many orchestrators' words it takes that a segment cannot be decoded. (The first may lie, or
	// be broken itself.)
	maxUndecodable = 2
	// renewAhead is the part of a lease's life after which it is renewed.
	renewAhead = 2.0 / 3
)

// lease is one opened lease: it feeds the worklist's segments to the orchestrator, publishes what comes back, and has
// each receipt settled.
type lease struct {
	s *Stream
	*market.Offer
	rungs  []int // of the hub, in the ladder's order
	ladder transcoder.Ladder
	stream *rpc.Stream
	log    *slog.Logger
	keys   chan int // wishes for key pictures, by rendition
	owed   chan due // verified receipts on their way to the payer
	looks  chan look

	verified int           // receipts so far; the receiver's
	doubts   atomic.Int32  // pictures of which we find out whether they are broken: nothing is due meanwhile
	leaving  atomic.Bool   // all is done and paid: the stream may end
	left     chan struct{} // closed when nothing more is received

	mu       sync.Mutex
	opened   receipt.Prices              // those that won in the market
	hash     common.Hash                 // of the newest lease
	current  receipt.Lease               // the newest lease: renewals replace it
	prev     map[common.Hash]common.Hash // the last receipt of each lease
	attempts map[uint64]*attempt
	meter    *lag.Meter
	again    context.CancelCauseFunc // begins the feed anew with the next attempts
	pending  map[common.Hash]due     // payments without an answer
	changed  chan struct{}           // closed and replaced when attempts or payments are done
	idle     time.Time               // since when there is nothing to send; zero while there is
	next     place                   // of the unit that is waited for then
	deaths   int                     // workers that the orchestrator lost since died
	died     time.Time
}

// place is where a unit stands, or will: the i-th of a segment.
type place struct {
	seg *worklist.Segment // nil: before the first
	i   int
}

// openLease countersigns an offer and opens it. The lease lives until ctx ends.
func openLease(ctx context.Context, s *Stream, rungs []int, o *market.Offer) (*lease, error) {
	hash := o.Lease.Lease.Hash()
	countersign, err := receipt.Sign(s.b.cfg.Signer, s.b.cfg.Domain, hash)
	if err != nil {
		return nil, fmt.Errorf("countersign lease: %w", err)
	}
	n := s.need(rungs)
	stream, err := o.Client.Transcode(ctx, rpc.Open{
		Lease: o.Lease, Countersignature: countersign, Ladder: n.Ladder, Source: n.Source,
	})
	if err != nil {
		return nil, fmt.Errorf("open lease: %w", err)
	}
	s.b.opened(s, &o.Lease.Lease)
	return &lease{
		s: s, Offer: o, rungs: rungs, ladder: n.Ladder, stream: stream, log: o.Log(s.log), keys: make(chan int, 8), owed: make(chan due, worklist.MaxSegments),
		looks:  make(chan look, maxLooks),
		left:   make(chan struct{}),
		opened: o.Lease.Lease.Prices, hash: hash, current: o.Lease.Lease, prev: make(map[common.Hash]common.Hash),
		attempts: make(map[uint64]*attempt), pending: make(map[common.Hash]due), changed: make(chan struct{}),
	}, nil
}

// run works the lease until the stream is over and settled (nil), or the lease has failed. cancel ends ctx, which the
// rpc stream lives by.
func (l *lease) run(ctx context.Context, cancel context.CancelCauseFunc) error {
	var wg sync.WaitGroup
	part := func(f func(context.Context) error) {
		wg.Go(func() {
			if err := f(ctx); err != nil {
				cancel(err)
			}
		})
	}
	part(l.receive)
	part(l.watch)
	part(l.settle)
	part(l.lookAll)
	part(l.passKeys)
	part(l.renew)
	err := l.feedAll(ctx)
	if err == nil || errors.Is(err, errAmended) {
		l.sayGoodbye(ctx)
	}
	cancel(err)
	l.stream.Close()
	wg.Wait()
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// finish waits until every receipt is there and every payment answered.
func (l *lease) finish(ctx context.Context) error {
	for {
		l.mu.Lock()
		over, changed := len(l.attempts) == 0 && len(l.pending) == 0, l.changed
		l.mu.Unlock()
		if over {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// sayGoodbye ends the stream in good order: the orchestrator answers by ending it too.
func (l *lease) sayGoodbye(ctx context.Context) {
	l.leaving.Store(true)
	if err := l.stream.CloseSend(); err != nil {
		return // it is over already, and everything is paid
	}
	select {
	case <-l.left:
	case <-time.After(goodbyeTimeout):
	case <-ctx.Done():
	}
}

// signal wakes finish. The lock is held.
func (l *lease) signal() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// feedAll feeds until the stream is over and settled, again from the segment that was lost whenever the orchestrator
// lost its worker.
func (l *lease) feedAll(ctx context.Context) error {
	for from := uint64(0); ; {
		pass, again := context.WithCancelCause(ctx)
		l.mu.Lock()
		l.again = again
		l.mu.Unlock()
		err := l.feed(pass, from)
		if err == nil {
			err = l.finish(pass)
		}
		if errors.Is(err, errAmended) || errors.Is(context.Cause(pass), errAmended) {
			again(nil)
			return l.handOver(ctx)
		}
		again(nil)
		var died *workerDiedError
		if !errors.As(context.Cause(pass), &died) {
			return err
		}
		from = died.seq
		l.log.Warn("the orchestrator lost its worker; the segment is sent again", "seq", from)
	}
}

// workerDiedError says which segment was the oldest in a worker that died.
type workerDiedError struct{ seq uint64 }

func (*workerDiedError) Error() string { return "worker died" }

// feed sends the open segments in order, beginning with the first one numbered from or higher.
func (l *lease) feed(ctx context.Context, from uint64) error {
	for next, fresh := from, true; ; {
		l.wait(place{})
		seg, ok := l.s.work.After(ctx, next)
		l.busy()
		switch {
		case ok:
		case ctx.Err() != nil:
			return context.Cause(ctx)
		default:
			return nil
		}
		if !l.serves(seg) {
			return errAmended
		}
		// A decoder goes on only where no segment was left out.
		fresh = fresh || seg.Seq != next
		if why := l.hopeless(seg, fresh); why != "" {
			l.s.giveUp(seg, why)
			next, fresh = seg.Seq+1, true
			continue
		}
		if err := l.feedSegment(ctx, seg, fresh); err != nil {
			return err
		}
		next, fresh = seg.Seq+1, false
	}
}

// maxAttempts is how often a segment is tried, by whomever: one that ends every worker must not hold the stream up.
const maxAttempts = 16

// hopeless says why a segment is not tried (again), "" where it is.
func (l *lease) hopeless(seg *worklist.Segment, fresh bool) string {
	switch {
	case l.s.work.Tried(seg) >= maxAttempts:
		return fmt.Sprintf("Segment %d was given up after %d attempts.", seg.Seq, maxAttempts)
	case fresh && !seg.StartsAtKey() && l.s.hub.Retained(seg.DecodeFrom) == nil:
		return fmt.Sprintf("Segment %d was given up: the key picture that it needs is no longer kept. Set a key frame interval of 2 s.", seg.Seq)
	default:
		return ""
	}
}

// feedSegment sends one attempt at a segment, as its units come.
func (l *lease) feedSegment(ctx context.Context, seg *worklist.Segment, fresh bool) error {
	a, err := l.begin(ctx, seg, fresh)
	if err != nil {
		return err
	}
	if err := l.stream.Send(a.start(fresh)); err != nil {
		return l.sendFailed(ctx, err)
	}
	if fresh && !seg.StartsAtKey() {
		if err := l.feedPrefix(ctx, a); err != nil {
			return err
		}
	}
	for i := 0; ; i++ {
		l.wait(place{seg, i})
		u, err := l.s.work.Unit(ctx, seg, i)
		l.busy()
		if err != nil {
			return err
		}
		if u == nil {
			break
		}
		l.mu.Lock()
		a.add(u)
		l.meter.Send(u.PTS, l.now())
		l.mu.Unlock()
		if err := l.stream.Send(transcoder.WriteUnit{Unit: u}); err != nil {
			return l.sendFailed(ctx, err)
		}
	}
	if l.s.work.GivenUp(seg) {
		l.forget(a)
		return l.sendFailed(ctx, l.stream.Send(transcoder.CancelSegment{Seq: seg.Seq, Attempt: a.number}))
	}
	return l.end(ctx, a)
}

// wait notes that there is nothing to send before a unit comes in some place, or a segment begins.
func (l *lease) wait(next place) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.idle, l.next = l.now(), next
}

// busy notes that there is something to send.
func (l *lease) busy() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.idle = time.Time{}
}

// feedPrefix sends the pictures from the key picture that the segment's first one needs.
func (l *lease) feedPrefix(ctx context.Context, a *attempt) error {
	first, err := l.s.work.Unit(ctx, a.seg, 0)
	if err != nil || first == nil {
		return err
	}
	for _, u := range l.s.hub.Retained(a.seg.DecodeFrom) {
		if u == first {
			return nil
		}
		a.addPrefix(u)
		if err := l.stream.Send(transcoder.WriteUnit{Unit: u, Prefix: true}); err != nil {
			return l.sendFailed(ctx, err)
		}
	}
	return fmt.Errorf("segment %d: the pictures before it are no longer kept", a.seg.Seq)
}

// end signs what was sent and closes the segment.
func (l *lease) end(ctx context.Context, a *attempt) error {
	source := a.close(l.now())
	sig, err := receipt.Sign(l.s.b.cfg.Signer, l.s.b.cfg.Domain, source.Hash())
	if err != nil {
		return fmt.Errorf("sign source: %w", err)
	}
	drain := l.s.work.Drains(a.seg)
	if drain {
		l.mu.Lock()
		l.meter.Flush(l.now())
		l.mu.Unlock()
	}
	return l.sendFailed(ctx, l.stream.Send(rpc.EndSegment{Source: source, Signature: sig, Drain: drain}))
}

// sendFailed gives the reason why nothing can be sent any more: the receiver knows it.
func (l *lease) sendFailed(ctx context.Context, err error) error {
	if err == nil || !errors.Is(err, io.EOF) {
		return err
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(time.Second):
		return &failure{plain: "it ended the lease"}
	}
}

// begin opens the next attempt at a segment: the hub fences the one before it. It fails once the pass is over: a
// segment must not overtake one that has to be made again.
func (l *lease) begin(ctx context.Context, seg *worklist.Segment, fresh bool) (*attempt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	grant := l.s.hub.Admit(seg.Seq, l.rungs...)
	a := newAttempt(l, seg, l.s.work.NewAttempt(seg), grant)
	if fresh {
		l.meter = l.newMeter(seg, a.resumeAfter)
	}
	l.attempts[seg.Seq] = a
	return a, nil
}

// newMeter measures the units that are sent from now on.
func (l *lease) newMeter(seg *worklist.Segment, resumeAfter []int64) *lag.Meter {
	divisors := make([]int, len(l.ladder))
	for i, p := range l.ladder {
		divisors[i] = p.Divisor
	}
	return lag.New(l.s.b.cfg.LivenessFloor, divisors, seg.Track.Reorder, resumeAfter)
}

// forget drops an attempt that will have no receipt.
func (l *lease) forget(a *attempt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.attempts[a.seg.Seq] == a {
		delete(l.attempts, a.seg.Seq)
		l.signal()
	}
}

// attempt finds the attempt that a message is about; nil where it has been superseded.
func (l *lease) attempt(seq uint64, number uint32) *attempt {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a := l.attempts[seq]; a != nil && a.number == number {
		return a
	}
	return nil
}

// receive handles what the orchestrator sends until the lease ends.
func (l *lease) receive(ctx context.Context) error {
	defer close(l.left)
	for {
		down, err := l.stream.Recv()
		if err != nil {
			if ctx.Err() != nil || l.leaving.Load() {
				return nil // it was ended on purpose
			}
			return l.lost(err)
		}
		if err := l.handle(down); err != nil {
			return err
		}
	}
}

// lost says why the orchestrator's stream ended. Its word that nothing came is taken where it owed nothing, and there was
// nothing to send.
func (l *lease) lost(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	refusal, ok := errors.AsType[*rpc.Refusal](err)
	silent := l.now().Sub(l.idle)
	if !ok || refusal.Code != rpc.CodeExpired || l.idle.IsZero() || silent < silenceFrom || l.owes() {
		return &failure{plain: lostBecause(err), cause: err}
	}
	return &silentError{lasted: silent, next: l.next}
}

// owes reports whether the orchestrator owes a receipt, or the answer to a payment. The caller holds mu.
func (l *lease) owes() bool {
	for _, a := range l.attempts {
		if !a.ended.IsZero() {
			return true
		}
	}
	return len(l.pending) > 0
}

func (l *lease) handle(down rpc.Down) error {
	switch m := down.(type) {
	case transcoder.Rendered:
		return l.rendered(&m)
	case transcoder.Progress:
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.meter != nil {
			l.meter.Progress(m.DecodedPTS, l.now())
		}
	case rpc.SignedReceipt:
		return l.receipt(&m)
	case rpc.SignedBadInput:
		return l.badInput(&m)
	case rpc.PaymentResult:
		return l.answered(&m)
	case rpc.Renewed:
		l.renewed(m.SignedLease)
	case rpc.Refusal:
		return l.refused(&m)
	}
	return nil
}

func (l *lease) refused(r *rpc.Refusal) error {
	if r.Attempt == 0 { // a renewal: the lease goes on to its end, and is asked for again before
		l.log.Warn("the lease is not renewed", "err", r)
		return nil
	}
	a := l.attempt(r.Seq, r.Attempt)
	if a == nil {
		return nil // about an attempt that was given up
	}
	if r.Code != rpc.CodeWorkerDied {
		return r
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := l.now(); now.Sub(l.died) > deathsForgiven {
		l.deaths, l.died = 0, now
	}
	if l.deaths++; l.deaths > maxDeaths {
		return &failure{plain: "it lost its workers too often"}
	}
	l.s.trouble(AtOrchestrator, fmt.Sprintf("A worker of %s died: the segment is made again from the first picture that is missing.", l.Orchestrator.Name))
	for seq := range l.attempts { // those before it have left the worker: their receipts come
		if seq >= r.Seq {
			delete(l.attempts, seq)
		}
	}
	l.again(&workerDiedError{seq: r.Seq})
	return nil
}

func (l *lease) badInput(m *rpc.SignedBadInput) error {
	a := l.attempt(m.BadInput.Seq, m.BadInput.Attempt)
	if a == nil {
		return nil
	}
	if err := receipt.CheckSigner(l.s.b.cfg.Domain, m.BadInput.Hash(), m.Signature, l.Orchestrator.Operator); err != nil {
		return &failure{plain: "its word of a broken picture is not signed", cause: err}
	}
	l.log.Warn("source cannot be decoded, says the orchestrator", "seq", m.BadInput.Seq, "pts", m.BadInput.Unit, "reason", m.BadInput.Reason)
	if l.s.b.cfg.Local != nil && l.later(func(ctx context.Context) error { return l.doubt(ctx, a, m.BadInput.Reason) }) {
		l.doubts.Add(1)
		return nil
	}
	return l.undecodable(a, m.BadInput.Reason)
}

// watch ends the lease when its output stands still, or a receipt does not come.
func (l *lease) watch(ctx context.Context) error {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	last, calm := l.now(), 0
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now := l.now()
		if now.Sub(last) > starved {
			calm = 0 // this machine stood still: whoever is late may be so for the same reason
		}
		last = now
		if calm++; calm <= int(l.s.b.cfg.LivenessFloor/watchInterval) {
			continue
		}
		if err := l.judge(now); err != nil {
			return err
		}
	}
}

func (l *lease) judge(now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.meter == nil || l.doubts.Load() > 0 {
		return nil
	}
	if still, late := l.meter.Stalled(now); late {
		return &failure{plain: fmt.Sprintf("its pictures stood still for %d ms, %d ms are allowed", still.Milliseconds(), l.meter.Deadline().Milliseconds())}
	}
	for _, a := range l.attempts {
		if !a.ended.IsZero() && now.After(a.receiptDue()) {
			return &failure{plain: fmt.Sprintf("it sent no receipt for segment %d within %d s", a.seg.Seq, int(receiptTimeout.Seconds()))}
		}
	}
	for _, d := range l.pending {
		if d.ticket != nil && now.Sub(d.sent) > answerTimeout {
			return &failure{plain: fmt.Sprintf("it did not answer the payment of segment %d within %d s", d.receipt.Seq, int(answerTimeout.Seconds()))}
		}
	}
	return nil
}

func (l *lease) passKeys(ctx context.Context) error {
	for {
		select {
		case r := <-l.keys:
			if err := l.stream.Send(transcoder.RequestKey{Rendition: r}); err != nil {
				return nil //nolint:nilerr // the receiver says why
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// renew asks for the next lease when most of this one's life is over.
func (l *lease) renew(ctx context.Context) error {
	for {
		l.mu.Lock()
		left := time.Unix(int64(l.current.Expiry), 0).Sub(l.now())
		l.mu.Unlock()
		if left <= 0 {
			return &failure{plain: "its lease ended and was not renewed"}
		}
		select {
		case <-time.After(max(time.Duration(float64(left)*renewAhead), renewPause)):
		case <-ctx.Done():
			return nil
		}
		ask, err := l.s.b.market.Ask(l.Orchestrator.ID, l.s.need(l.rungs))
		if err != nil {
			return err
		}
		if err := l.stream.Send(rpc.Renew{QuoteAsk: ask}); err != nil {
			return nil //nolint:nilerr // the receiver says why
		}
	}
}

// renewed takes the new lease for the segments that begin from now on.
func (l *lease) renewed(signed rpc.SignedLease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := &signed.Lease
	if n.Orchestrator != l.current.Orchestrator || n.Broadcaster != l.current.Broadcaster || n.Stream != l.current.Stream ||
		n.LadderHash != l.current.LadderHash || n.Lane != l.current.Lane ||
		market.Dearer(&n.Prices, &l.opened) || // a higher price has to win in the market
		receipt.CheckSigner(l.s.b.cfg.Domain, n.Hash(), signed.Signature, l.Orchestrator.Operator) != nil {
		l.log.Warn("the renewed lease is not for what was asked, dearer, or not signed: the old one goes on")
		return
	}
	l.current, l.hash = *n, n.Hash()
	l.s.b.opened(l.s, n)
	l.log.Info("lease renewed", "next", l.hash.TerminalString())
}

func (l *lease) now() time.Time { return l.s.b.cfg.Now() }

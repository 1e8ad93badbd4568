package orchestrator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"castnet/internal/receipt"
	"castnet/orchestrator/rpc"
	payments "castnet/probabilistic-payments"
	"castnet/transcoder"
)

// jobQueue is how many receipts and payments of a lease may wait for the store before its units do.
const jobQueue = 16

// deathsForgiven is how long the deaths of workers count together.
const deathsForgiven = time.Minute

// attemptWindow is how many segments back a new attempt may be.
const attemptWindow = 64

// errFinished ends a lease that the broadcaster has finished.
var errFinished = errors.New("finished")

// terms is a lease that is being served.
type terms struct {
	hash  common.Hash
	lease receipt.Lease
}

// lease serves one lease with three goroutines, so that neither direction of media waits for the other, nor for the
// disk: inputs (broadcaster → session), outputs (session → broadcaster) and money (receipts, payments, renewals).
type lease struct {
	o           *Orchestrator
	stream      *rpc.ServerStream
	log         *slog.Logger
	broadcaster common.Address
	config      transcoder.SessionConfig
	rungs       []receipt.Rung
	idle        *time.Timer // ends the lease unless inputs resets it
	jobs        chan func(context.Context) error
	drained     chan struct{} // closed when the broadcaster is done and every receipt is sent

	// Of money alone: the last receipt of the lease that is being billed.
	billing, prev common.Hash
	receipts      int
	credits       []common.Hash // leases opened at the recipient

	mu        sync.Mutex
	terms     terms
	renewed   *terms
	session   transcoder.Session // nil while a new one is opened
	ready     chan struct{}      // closed when session is set again
	lost      bool               // the session's decoder has not seen what comes before the next unit
	open      map[uint64]*attempt
	last      map[uint64]uint32 // the last attempt at recent segments
	highest   uint64            // segment
	writing   *attempt          // whose units are being received; nil: they are dropped
	unsettled int               // attempts that were ended and have neither receipt nor refusal
	closing   bool              // the broadcaster sends no more
	deaths    int               // since died
	died      time.Time
}

// Transcode serves one lease until the broadcaster finishes it, it expires unused, or something fails.
func (o *Orchestrator) Transcode(ctx context.Context, open rpc.Open, stream *rpc.ServerStream) error {
	taken, err := o.redeem(ctx, &open)
	if err != nil {
		return err
	}
	hash := taken.lease.Hash()
	config := transcoder.SessionConfig{
		ID: short(taken.lease.Stream) + "/" + short(hash), Customer: taken.lease.Broadcaster.Hex(), Ladder: open.Ladder,
	}
	session, err := o.cfg.Transcoder.Open(ctx, config)
	if err != nil {
		return sessionRefusal(err)
	}
	l := &lease{
		o: o, stream: stream, log: o.cfg.Logger.With("stream", short(taken.lease.Stream), "lease", short(hash)),
		broadcaster: taken.lease.Broadcaster, config: config, rungs: rpc.Rungs(open.Ladder), jobs: make(chan func(context.Context) error, jobQueue),
		drained: make(chan struct{}), terms: terms{hash, taken.lease}, session: session, lost: true,
		open: make(map[uint64]*attempt), last: make(map[uint64]uint32), billing: hash,
	}
	defer l.closeSession()
	if err := l.openCredit(ctx, hash, &taken); err != nil {
		return err
	}
	defer l.closeCredits()
	if err := stream.Accept(); err != nil {
		return err
	}
	o.metrics.leases.Inc()
	defer o.metrics.leases.Dec()
	l.log.Info("lease opened", "broadcaster", taken.lease.Broadcaster, "rungs", len(l.rungs))
	err = l.run(ctx)
	if err != nil {
		if byBroadcaster(err) || errors.Is(context.Cause(ctx), context.Canceled) { // it broke a rule, or left
			l.mu.Lock()
			work := l.work()
			l.mu.Unlock()
			l.waste(&work)
		}
		l.log.Info("lease broken off", "receipts", l.receipts, "why", err)
		return err
	}
	l.log.Info("lease finished", "receipts", l.receipts)
	return nil
}

func (l *lease) openCredit(ctx context.Context, hash common.Hash, i *issued) error {
	err := l.o.cfg.Recipient.OpenLease(ctx, payments.LeaseTerms{
		Lease: hash, Sender: i.lease.Broadcaster, Lane: i.lease.Lane, Round: i.lease.Round,
		MaxFaceValue: i.lease.MaxFaceValue, MaxUnpaid: i.lease.MaxUnpaid, LastExpiry: i.lastExpiry, Renews: i.renews,
	})
	if err == nil {
		l.credits = append(l.credits, hash)
		if books := l.o.cfg.Books; books != nil {
			books.Opened(&i.lease)
		}
	}
	return moneyRefusal(err)
}

// closeCredits ends the metering of every lease that this one was or was renewed to. Closing one twice does no harm.
func (l *lease) closeCredits() {
	for _, hash := range l.credits {
		l.o.cfg.Recipient.CloseLease(hash)
	}
}

func sessionRefusal(err error) error {
	if errors.Is(err, transcoder.ErrBusy) || errors.Is(err, transcoder.ErrDevice) {
		return &rpc.Refusal{Code: rpc.CodeBusy, Message: "no transcoder takes the session now; try another orchestrator"}
	}
	return fmt.Errorf("open a transcoding session: %w", err)
}

func (l *lease) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	l.idle = time.AfterFunc(l.o.cfg.Limits.IdleTimeout, func() {
		cancel(&rpc.Refusal{
			Code: rpc.CodeExpired, Asked: "silence", Limit: l.o.cfg.Limits.IdleTimeout.String(),
			Message: "nothing came on the lease for too long; the orchestrator's --idle-timeout",
		})
	})
	defer l.idle.Stop()
	var wg sync.WaitGroup
	for _, part := range []func(context.Context) error{l.inputs, l.outputs, l.money} {
		wg.Go(func() {
			if err := part(ctx); err != nil {
				cancel(err)
			}
		})
	}
	<-ctx.Done()
	wg.Wait()
	if err := context.Cause(ctx); !errors.Is(err, errFinished) {
		return err
	}
	return nil
}

func (l *lease) closeSession() {
	l.mu.Lock()
	session := l.session
	l.mu.Unlock()
	if session != nil {
		if err := session.Close(); err != nil {
			l.log.Debug("session closed", "err", err)
		}
	}
}

// inputs carries what the broadcaster sends.
func (l *lease) inputs(ctx context.Context) error {
	for {
		up, err := l.stream.Recv(ctx)
		if errors.Is(err, io.EOF) {
			return l.finish(ctx)
		}
		if err != nil {
			return err
		}
		l.idle.Reset(l.o.cfg.Limits.IdleTimeout)
		if err := l.input(ctx, up); err != nil {
			return err
		}
	}
}

func (l *lease) input(ctx context.Context, up rpc.Up) error {
	switch m := up.(type) {
	case transcoder.WriteUnit:
		return l.unit(ctx, m)
	case transcoder.StartSegment:
		return l.start(ctx, m)
	case rpc.EndSegment:
		return l.end(ctx, m)
	case transcoder.CancelSegment:
		return l.cancelled(ctx, m)
	case transcoder.RequestKey:
		l.mu.Lock()
		session := l.session
		l.mu.Unlock()
		if session == nil || m.Rendition >= len(l.rungs) {
			return nil // a new session begins with key pictures
		}
		return l.sent(session, session.Send(ctx, m))
	case rpc.Payment:
		return l.do(ctx, func(ctx context.Context) error { return l.pay(ctx, &m) })
	case rpc.Renew:
		return l.do(ctx, func(ctx context.Context) error { return l.renew(ctx, &m.QuoteAsk) })
	}
	return nil // rpc has no other
}

// finish waits for the receipts of all that was ended, and for the answers to all payments.
func (l *lease) finish(ctx context.Context) error {
	l.mu.Lock()
	abandoned := l.writing
	l.mu.Unlock()
	if abandoned != nil {
		l.drop(ctx, abandoned, "cancelled")
	}
	l.mu.Lock()
	l.closing = true
	l.settle(0)
	l.mu.Unlock()
	select {
	case <-l.drained:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err := l.do(ctx, func(context.Context) error { return errFinished }); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// settle counts n attempts as settled, and tells finish when it was the last. The lock is held.
func (l *lease) settle(n int) {
	l.unsettled -= n
	if l.closing && l.unsettled == 0 {
		close(l.drained)
		l.closing = false // once
	}
}

// sent handles what a session said to an input. A session that failed is closed, so that outputs, which has the say
// over it, sees its end.
func (l *lease) sent(session transcoder.Session, err error) error {
	var broken *transcoder.InputError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &broken):
		return &rpc.Refusal{Code: rpc.CodeInvalid, Message: broken.Error()}
	default:
		l.log.Debug("session input", "err", err)
		if err := session.Close(); err != nil {
			l.log.Debug("session closed", "err", err)
		}
		return nil
	}
}

// outputs carries what the session makes, over all sessions that the lease needs.
func (l *lease) outputs(ctx context.Context) error {
	for {
		l.mu.Lock()
		session := l.session
		l.mu.Unlock()
		out, err := session.Recv(ctx)
		if err == nil {
			err = l.output(ctx, out)
			if err == nil {
				continue
			}
			if !errors.Is(err, transcoder.ErrWorkerDied) {
				return err
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := l.reopen(ctx, session, err); err != nil {
			return err
		}
	}
}

func (l *lease) output(ctx context.Context, out transcoder.Output) error {
	switch m := out.(type) {
	case transcoder.Rendered:
		return l.rendered(m)
	case transcoder.Progress:
		if l.find(m.Seq, m.Attempt) == nil {
			return nil
		}
		return l.stream.Send(m)
	case transcoder.SegmentDone:
		return l.done(ctx, m)
	case transcoder.BadInput:
		return l.badInput(m)
	}
	return fmt.Errorf("%w: unknown output %T", transcoder.ErrWorkerDied, out)
}

// reopen refuses the attempts that died with a session, and opens the next session on the same lease.
func (l *lease) reopen(ctx context.Context, dead transcoder.Session, cause error) error {
	l.mu.Lock()
	l.session, l.ready = nil, make(chan struct{})
	l.writing, l.lost = nil, true
	victims := make([]*attempt, 0, len(l.open))
	for _, a := range l.open {
		if a.made {
			continue // its receipt is on the way
		}
		victims = append(victims, a)
		l.giveUp(a)
	}
	if now := l.o.cfg.Now(); now.Sub(l.died) > deathsForgiven {
		l.deaths, l.died = 0, now
	}
	l.deaths++
	deaths := l.deaths
	l.mu.Unlock()

	l.o.metrics.workerDeaths.Inc()
	l.log.Warn("transcoding session lost", "err", cause, "attempts", len(victims))
	if err := dead.Close(); err != nil {
		l.log.Debug("session closed", "err", err)
	}
	// In their order: the broadcaster begins again at the first one that it is told of.
	slices.SortFunc(victims, func(a, b *attempt) int { return cmp.Compare(a.seq, b.seq) })
	for _, a := range victims {
		if err := l.refuse(a.seq, a.number, workerDied(), "worker_died"); err != nil {
			return err
		}
	}
	if deaths > l.o.cfg.Limits.WorkerDeaths {
		return &rpc.Refusal{
			Code: rpc.CodeWorkerDied, Asked: fmt.Sprint(deaths), Limit: fmt.Sprint(l.o.cfg.Limits.WorkerDeaths),
			Message: "the stream has ended too many workers; the orchestrator's --worker-deaths",
		}
	}
	session, err := l.o.cfg.Transcoder.Open(ctx, l.config)
	if err != nil {
		return sessionRefusal(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.session = session
	close(l.ready)
	return nil
}

func workerDied() *rpc.Refusal {
	return &rpc.Refusal{
		Code: rpc.CodeWorkerDied, Message: "the decoder has lost its place; send the next attempt, from a key picture, on the same lease",
	}
}

// refuse tells the broadcaster that an attempt is off.
func (l *lease) refuse(seq uint64, number uint32, r *rpc.Refusal, result string) error {
	l.o.metrics.segments.WithLabelValues(result).Inc()
	r.Seq, r.Attempt = seq, number
	return l.stream.Send(*r)
}

// do queues a job of the money side.
func (l *lease) do(ctx context.Context, job func(context.Context) error) error {
	select {
	case l.jobs <- job:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// money does what waits for the disk, in order.
func (l *lease) money(ctx context.Context) error {
	for {
		select {
		case job := <-l.jobs:
			if err := job(ctx); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (l *lease) pay(ctx context.Context, p *rpc.Payment) error {
	result, err := l.o.receive(ctx, p)
	if err != nil {
		return err
	}
	if !result.Accepted {
		l.log.Warn("payment refused", "receipt", short(p.ReceiptHash), "why", result.Reason)
	}
	return l.stream.Send(result)
}

// renew quotes the next lease. It is adopted when a Source names it.
func (l *lease) renew(ctx context.Context, ask *rpc.QuoteAsk) error {
	l.mu.Lock()
	renews, old := l.terms.hash, l.terms.lease
	l.mu.Unlock()
	signed, err := l.o.quote(ctx, ask, renews, func(ask *rpc.QuoteAsk) error {
		if ask.Request.Broadcaster != old.Broadcaster || ask.Request.Stream != old.Stream || ask.Request.LadderHash != old.LadderHash {
			return &rpc.Refusal{Code: rpc.CodeInvalid, Message: "a renewal is for the same broadcaster, stream and ladder; ask for a quote instead"}
		}
		return nil // the session is there already
	})
	var taken issued
	if err == nil {
		taken, err = l.o.take(&signed.Lease)
	}
	next := terms{signed.Lease.Hash(), signed.Lease}
	if err == nil {
		err = l.openCredit(ctx, next.hash, &taken)
	}
	if refusal, ok := errors.AsType[*rpc.Refusal](err); ok {
		l.log.Warn("renewal refused", "why", refusal)
		return l.stream.Send(*refusal)
	}
	if err != nil {
		return err
	}
	l.mu.Lock()
	unused := l.renewed
	l.renewed = &next
	l.mu.Unlock()
	if unused != nil {
		l.o.cfg.Recipient.CloseLease(unused.hash)
	}
	l.log.Debug("lease renewed", "next", short(next.hash))
	return l.stream.Send(rpc.Renewed{SignedLease: signed})
}

// byBroadcaster reports whether a lease ended by what the broadcaster did, or did not do.
func byBroadcaster(err error) bool {
	var r *rpc.Refusal
	if !errors.As(err, &r) {
		return false
	}
	switch r.Code {
	case rpc.CodeInvalid, rpc.CodeSignature, rpc.CodeSource, rpc.CodeExpired:
		return true
	default:
		return false
	}
}

// waste notes work that will have no receipt by the broadcaster's doing.
func (l *lease) waste(work *uint256.Int) { l.o.wasted.lost(l.broadcaster, work, l.o.cfg.Now()) }

// work is what the open attempts will cost if no more comes: what is still being made is counted as if it were made, but
// for its bytes. The lock is held.
func (l *lease) work() uint256.Int {
	var sum uint256.Int
	for _, a := range l.open {
		will := slices.Clone(a.output)
		for i := range will {
			divisor := uint32(l.rungs[i].Divisor)
			will[i].Frames = max(will[i].Frames, (a.due[i]+divisor-1)/divisor)
		}
		cost := l.cost(a, will)
		saturatingAdd(&sum, &cost)
	}
	return sum
}

// cost is what an attempt with that output costs: all there is where it cannot be counted, for then it cannot be owed.
// The lock is held.
func (l *lease) cost(a *attempt, output []receipt.Rendition) uint256.Int {
	fee, err := receipt.Fee(&l.terms.lease.Prices, l.rungs, &a.counted, output)
	if err != nil {
		fee.SetAllOne()
	}
	return fee
}

// meter tells the credit what is in hand. A refusal says that it is too much.
func (l *lease) meter() error {
	l.mu.Lock()
	hash, work := l.terms.hash, l.work()
	l.mu.Unlock()
	return moneyRefusal(l.o.cfg.Recipient.Meter(hash, work))
}

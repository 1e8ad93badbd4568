package broadcaster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"castnet/broadcaster/market"
	"castnet/broadcaster/playback"
	"castnet/broadcaster/worklist"
	"castnet/orchestrator/rpc"
)

// Pauses before the market is asked again when it had nothing, growing by half each time.
const (
	firstPause  = 200 * time.Millisecond
	longestWait = 2 * time.Second
	// openTimeout bounds the wait for an orchestrator to open a lease that it has quoted.
	openTimeout = 3 * time.Second
)

// runLadder keeps the stream under a lease until its work is done: it asks the market, serves the best offer, and when
// a lease fails, goes on with another at the first picture that is missing.
func (s *Stream) runLadder(ctx context.Context) {
	pause := firstPause
	for {
		seg, ok := s.work.After(ctx, 0)
		if !ok || ctx.Err() != nil {
			return // the stream is over and its work done
		}
		rungs := s.inOrder(s.work.Rungs(seg))
		offers, err := s.b.market.Offers(ctx, s.need(rungs))
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.unserved(err)
			if !wait(ctx, pause) {
				return
			}
			pause = min(pause*3/2, longestWait)
		default:
			pause = firstPause
			if s.serveBest(ctx, rungs, offers) {
				return
			}
		}
	}
}

// serveBest opens the best offer that can be opened, and works under it to its end. It reports whether all is done.
func (s *Stream) serveBest(ctx context.Context, rungs []int, offers []market.Offer) (done bool) {
	for i := range offers {
		opened, err := s.serve(ctx, rungs, &offers[i])
		if err == nil || ctx.Err() != nil {
			return true
		}
		if errors.Is(err, errAmended) {
			s.b.metrics.leases.WithLabelValues("amended").Inc()
			s.note(AtOrchestrator, fmt.Sprintf("The lease with %s ended: other renditions are needed. The next one begins where it stopped.", offers[i].Orchestrator.Name))
			offers[i].Log(s.log).Info("lease ended: other renditions are needed")
			return false
		}
		if silent, ok := errors.AsType[*silentError](err); ok {
			return s.awaitPictures(ctx, &offers[i], silent) != nil
		}
		s.failedOver(&offers[i], err)
		if opened {
			return false // what the others offered is old by now
		}
	}
	return false
}

// need is what a lease for rungs of the hub is asked for.
func (s *Stream) need(rungs []int) market.Need {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := market.Need{Stream: s.hash, Source: s.tracks[s.video]}
	for _, i := range rungs {
		n.Ladder = append(n.Ladder, s.hub.Rung(i).Profile())
	}
	return n
}

// inOrder brings rungs of the hub into the order of a ladder, largest first.
func (s *Stream) inOrder(rungs []int) []int {
	pixels := func(i int) int64 { return s.hub.Rung(i).Profile().Pixels() }
	return slices.SortedStableFunc(slices.Values(rungs), func(a, b int) int { return cmp.Compare(pixels(b), pixels(a)) })
}

// serve opens an offer and works the stream's segments under it. nil means that the stream is over and settled.
func (s *Stream) serve(ctx context.Context, rungs []int, o *market.Offer) (opened bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := time.AfterFunc(openTimeout, func() {
		cancel(&failure{plain: fmt.Sprintf("it did not open the lease within %v", openTimeout)})
	})
	l, err := openLease(ctx, s, rungs, o)
	late.Stop()
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if err != nil {
		return false, err
	}
	s.setLease(l)
	defer s.setLease(nil)
	s.update(func(st *Status) {
		st.Problem = ""
		st.Serving = &Serving{
			Orchestrator: o.Orchestrator, Lease: o.Lease, Why: o.Why, Since: s.b.cfg.Now(), RoundTrip: o.RoundTrip,
		}
	})
	s.note(AtOrchestrator, fmt.Sprintf("%s serves this stream: %s.", o.Orchestrator.Name, o.Why))
	l.log.Info("lease opened", "why", o.Why)
	s.b.metrics.leases.WithLabelValues("opened").Inc()
	err = l.run(ctx, cancel)
	s.update(func(st *Status) { st.Serving = nil })
	l.settleRest() //nolint:contextcheck // what is owed is paid although the lease is over
	return true, err
}

// failedOver records why a lease failed.
func (s *Stream) failedOver(o *market.Offer, err error) {
	name := o.Orchestrator.Name
	if !errors.Is(err, errSecondOpinion) {
		s.b.market.Failed(o.Orchestrator.ID, plainly(err))
	}
	s.b.metrics.leases.WithLabelValues("failed").Inc()
	s.trouble(AtOrchestrator, fmt.Sprintf("%s failed: %s. The stream moves to another orchestrator, at the first picture that is missing.",
		name, plainly(err)))
	o.Log(s.log).Warn("lease failed, moving the stream", "err", err)
	s.update(func(st *Status) { st.Problem = "" })
}

// silentError ends a lease under which the publisher sent no pictures for too long, although it is there. Nobody is to
// blame.
type silentError struct {
	lasted time.Duration
	next   place
}

func (e *silentError) Error() string {
	return fmt.Sprintf("there were no pictures to send for %v", e.lasted.Round(time.Second))
}

// awaitPictures waits until there is work again after silence, or no more in the segment that it fell into: the next
// lease would end as this one did.
func (s *Stream) awaitPictures(ctx context.Context, o *market.Offer, silent *silentError) error {
	s.b.metrics.leases.WithLabelValues("silent").Inc()
	s.note(AtOrchestrator, fmt.Sprintf("The lease with %s ended: %v. The next picture begins another.", o.Orchestrator.Name, silent))
	o.Log(s.log).Info("lease ended: the publisher sends no pictures", "for", silent.lasted)
	if silent.next.seg == nil {
		return nil // runLadder waits for the first
	}
	_, err := s.work.Unit(ctx, silent.next.seg, silent.next.i)
	return err
}

// giveUp takes a segment off the list that will have no renditions, and says why.
func (s *Stream) giveUp(seg *worklist.Segment, why string) {
	s.work.GiveUp(seg)
	s.b.metrics.givenUp.Inc()
	s.update(func(st *Status) { st.GivenUp++ })
	s.trouble(AtSegments, why)
	s.log.Warn("segment given up", "seq", seg.Seq, "why", why)
}

// unserved says why nobody serves.
func (s *Stream) unserved(err error) {
	s.b.metrics.leases.WithLabelValues("none").Inc()
	problem := fmt.Sprintf("Nobody transcodes this stream: %v", err)
	s.update(func(st *Status) {
		if st.Problem == "" { // once for an outage, not for each try
			s.log.Warn("no lease", "err", err)
		}
		st.Serving = nil
		st.Problem = problem
	})
}

// wait returns false where ctx ended before the pause did.
func wait(ctx context.Context, pause time.Duration) bool {
	select {
	case <-time.After(pause):
		return true
	case <-ctx.Done():
		return false
	}
}

func (s *Stream) setLease(l *lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lease = l
}

// requestKey passes a player's wish for a key picture on to who makes the rendition. It does not block.
func (s *Stream) requestKey(rendition int) {
	if rendition == playback.SourceIndex {
		return // RTMP has no way to ask the encoder
	}
	s.mu.Lock()
	l := s.lease
	s.mu.Unlock()
	if l == nil {
		return
	}
	i := slices.Index(l.rungs, rendition)
	if i < 0 {
		return // the publisher makes it
	}
	select {
	case l.keys <- i:
	default: // one is on its way already
	}
}

// failure is why a lease ended, for people; cause is for the log.
type failure struct {
	plain string
	cause error
}

func (f *failure) Error() string {
	if f.cause == nil {
		return f.plain
	}
	return fmt.Sprintf("%s: %v", f.plain, f.cause)
}

func (f *failure) Unwrap() error { return f.cause }

// plainly says an error to people.
func plainly(err error) string {
	var f *failure
	var refusal *rpc.Refusal
	switch {
	case errors.As(err, &f):
		return f.plain
	case errors.As(err, &refusal):
		return refusal.Message
	default:
		return err.Error()
	}
}

// lostBecause says why nothing more is received.
func lostBecause(err error) string {
	var refusal *rpc.Refusal
	switch {
	case errors.As(err, &refusal):
		return refusal.Message
	case errors.Is(err, io.EOF):
		return "it ended the lease"
	default:
		return "its connection was lost"
	}
}

package broadcaster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"castnet/broadcaster/playback"
)

// Pauses before the market is asked again when it had nothing, growing by half each time.
const (
	firstPause  = 200 * time.Millisecond
	longestWait = 2 * time.Second
)

// runLadder keeps the stream under a lease until its work is done: it asks the market, serves the best offer, and when
// a lease fails, goes on with another at the first picture that is missing.
func (s *Stream) runLadder(ctx context.Context) {
	leases, pause := 0, firstPause
	for {
		if _, ok := s.work.after(ctx, 0); !ok || ctx.Err() != nil {
			return // the stream is over and its work done
		}
		offers, err := s.b.market.offers(ctx, s.need())
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			s.unserved(fmt.Sprintf("Nobody transcodes this stream: %v", err))
			s.log.Warn("no lease", "err", err)
			s.b.metrics.leases.WithLabelValues("none").Inc()
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return
			}
			pause = min(pause*3/2, longestWait)
			continue
		}
		for i := range offers {
			opened, err := s.serve(ctx, &offers[i], leases)
			if err == nil || ctx.Err() != nil {
				return
			}
			s.failedOver(&offers[i], err)
			if opened {
				leases++
				pause = firstPause
				break // what the others offered is old by now
			}
		}
	}
}

func (s *Stream) need() need {
	s.mu.Lock()
	defer s.mu.Unlock()
	return need{stream: s.hash, ladder: s.ladder, source: s.tracks[s.video]}
}

// serve opens an offer and works the stream's segments under it. nil means that the stream is over and settled.
func (s *Stream) serve(ctx context.Context, o *offer, earlier int) (opened bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	l, err := openLease(ctx, s, o)
	if err != nil {
		return false, err
	}
	s.setLease(l)
	defer s.setLease(nil)
	s.update(func(st *Status) {
		st.Problem = ""
		st.Serving = &Serving{
			Orchestrator: o.orchestrator, Lease: o.lease, Why: o.why, Since: s.b.cfg.Now(), RoundTrip: o.roundTrip, Leases: earlier + 1,
		}
	})
	s.note(AtOrchestrator, fmt.Sprintf("%s serves this stream: %s.", o.orchestrator.Name, o.why))
	l.log.Info("lease opened", "why", o.why)
	s.b.metrics.leases.WithLabelValues("opened").Inc()
	err = l.run(ctx, cancel)
	s.update(func(st *Status) { st.Serving = nil })
	l.settleRest()
	return true, err
}

// failedOver records why a lease failed.
func (s *Stream) failedOver(o *offer, err error) {
	name := o.orchestrator.Name
	s.b.market.failed(o.orchestrator.ID, err.Error())
	s.b.metrics.leases.WithLabelValues("failed").Inc()
	s.trouble(AtOrchestrator, fmt.Sprintf("%s failed (%v): the stream moves to another orchestrator, at the first picture that is missing.", name, err))
	o.attrs(s.log).Warn("lease failed, moving the stream", "err", err)
	s.update(func(st *Status) { st.Problem = "" })
}

// unserved says why nobody serves.
func (s *Stream) unserved(problem string) {
	s.update(func(st *Status) {
		st.Serving = nil
		st.Problem = problem
	})
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
	select {
	case l.keys <- rendition:
	default: // one is on its way already
	}
}

// errStalled ends a lease whose output stands still.
var errStalled = errors.New("output stands still")

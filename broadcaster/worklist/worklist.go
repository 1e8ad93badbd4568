// Package worklist holds the segments of one stream whose renditions are not complete yet.
//
// The stream appends, a lease works them off; after a failure another lease begins again at the oldest.
package worklist

import (
	"context"
	"math"
	"slices"
	"sync"

	"castnet/internal/media"
)

// Segment is one segment of the source on its way through the network. Its units are the hub's own, shared.
type Segment struct {
	media.Segment

	// The list's lock guards what follows.
	rungs    []int         // of the ladder, to be made by orchestrators; none where the publisher makes all of them
	made     bool          // they are out, or were given up
	units    []*media.Unit // in decoding order
	bytes    int
	ended    bool
	drain    bool   // nothing later refers to its pictures
	attempts uint32 // given out so far
	done     bool   // off the list
	bad      int    // how often an orchestrator could not decode it
}

// Bounds of the work that waits for an orchestrator; what is beyond them is given up, oldest segment first. They match
// what the hub retains, since a replacement decodes from there.
const (
	maxBytes = 24 << 20
	// MaxSegments is how many segments wait at most.
	MaxSegments = 8
)

// All holds no segment back.
const All = math.MaxUint64

// List is the segments, oldest first. Its methods are safe for concurrent use.
type List struct {
	mu      sync.Mutex
	open    []*Segment
	held    uint64 // of the segments from this one on, the publisher still makes renditions
	bytes   int
	ended   bool
	changed chan struct{} // closed and replaced at every change
}

// New makes an empty list.
func New() *List {
	return &List{held: All, changed: make(chan struct{})}
}

// signal wakes all who wait. The lock is held.
func (w *List) signal() {
	close(w.changed)
	w.changed = make(chan struct{})
}

// Start opens a segment, ending the one before it, and returns how many segments were given up to make room. rungs are the
// renditions that orchestrators shall make of it.
func (w *List) Start(seg *media.Segment, rungs []int) (givenUp int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.open); n > 0 {
		last := w.open[n-1]
		last.ended, last.drain = true, seg.StartsAtKey()
	}
	w.open = append(w.open, &Segment{Segment: *seg, rungs: rungs})
	w.tidy()
	for len(w.open) > 1 && (len(w.open) > MaxSegments || w.bytes > maxBytes) {
		w.drop(0)
		givenUp++
	}
	w.signal()
	return givenUp
}

// Add appends a unit to the newest segment.
func (w *List) Add(u *media.Unit) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.open)
	if n == 0 || w.open[n-1].ended {
		return
	}
	w.open[n-1].units = append(w.open[n-1].units, u)
	w.open[n-1].bytes += len(u.Payload)
	w.bytes += len(u.Payload)
	w.signal()
}

// Pause closes the newest segment: its publisher is gone, another may follow.
func (w *List) Pause() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closeNewest()
	w.signal()
}

// End closes the newest segment and says that no other follows.
func (w *List) End() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closeNewest()
	w.ended = true
	w.signal()
}

// closeNewest ends the newest segment, which nothing refers to any more. The lock is held.
func (w *List) closeNewest() {
	if n := len(w.open); n > 0 {
		w.open[n-1].ended, w.open[n-1].drain = true, true
	}
	w.tidy()
}

// Finish says that rungs of a segment are made. Where orchestrators have others to make by now, it stays to be worked on.
func (w *List) Finish(seg *Segment, rungs []int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if slices.Equal(seg.rungs, slices.Sorted(slices.Values(rungs))) {
		w.settle(seg)
	}
}

// GiveUp says that orchestrators shall make nothing more of a segment.
func (w *List) GiveUp(seg *Segment) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.settle(seg)
}

// settle says that there is nothing more to be made of a segment. The lock is held.
func (w *List) settle(seg *Segment) {
	seg.made = true
	w.tidy()
	w.signal()
}

// Hold says that of the segments numbered from so on, the publisher still makes renditions: they stay on the list until those
// are complete too.
func (w *List) Hold(from uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if from != w.held {
		w.held = from
		w.tidy()
		w.signal()
	}
}

// Amend has a rung made by orchestrators from a segment on that somebody else was to make.
func (w *List) Amend(from uint64, rung int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.open {
		if s.Seq >= from && !slices.Contains(s.rungs, rung) {
			s.rungs = slices.Sorted(slices.Values(append(slices.Clone(s.rungs), rung)))
			s.made = false
		}
	}
	w.signal()
}

// Rungs is what orchestrators are to make of a segment, as of now.
func (w *List) Rungs(seg *Segment) []int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return seg.rungs
}

// Needs reports whether a rung is still to be made of a segment before the given one.
func (w *List) Needs(rung int, before uint64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.open, func(s *Segment) bool {
		return s.Seq < before && !s.made && slices.Contains(s.rungs, rung)
	})
}

// tidy takes the segments off the list that are complete. The lock is held.
func (w *List) tidy() {
	for i := 0; i < len(w.open); {
		if s := w.open[i]; s.Seq < w.held && (s.made || s.ended && len(s.rungs) == 0) {
			w.drop(i)
		} else {
			i++
		}
	}
}

func (w *List) drop(i int) {
	w.open[i].done = true
	w.bytes -= w.open[i].bytes
	w.open = append(w.open[:i:i], w.open[i+1:]...)
}

// NewAttempt numbers the next attempt at a segment, from 1.
func (w *List) NewAttempt(seg *Segment) uint32 {
	w.mu.Lock()
	defer w.mu.Unlock()
	seg.attempts++
	return seg.attempts
}

// Tried is how many attempts at a segment have begun.
func (w *List) Tried(seg *Segment) uint32 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return seg.attempts
}

// After waits for the first segment with a number of at least seq that orchestrators have to make something of. ok is false
// when the stream ended before.
func (w *List) After(ctx context.Context, seq uint64) (seg *Segment, ok bool) {
	for ctx.Err() == nil {
		w.mu.Lock()
		for _, s := range w.open {
			if s.Seq >= seq && !s.made && len(s.rungs) > 0 {
				w.mu.Unlock()
				return s, true
			}
		}
		ended, changed := w.ended, w.changed
		w.mu.Unlock()
		if ended {
			return nil, false
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
	return nil, false
}

// Unit waits for the i-th unit of a segment. It returns nil where the segment has ended before it, or was given up.
func (w *List) Unit(ctx context.Context, seg *Segment, i int) (*media.Unit, error) {
	for ctx.Err() == nil {
		w.mu.Lock()
		if i < len(seg.units) {
			u := seg.units[i]
			w.mu.Unlock()
			return u, nil
		}
		over, changed := seg.ended || seg.made || seg.done, w.changed
		w.mu.Unlock()
		if over {
			return nil, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
	return nil, ctx.Err()
}

// Units is what a segment holds so far, in decoding order.
func (w *List) Units(seg *Segment) []*media.Unit {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clip(seg.units)
}

// GivenUp reports whether a segment was given up before its end: nobody shall pay for it.
func (w *List) GivenUp(seg *Segment) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return (seg.made || seg.done) && !seg.ended
}

// Drains reports whether nothing after an ended segment refers to its pictures.
func (w *List) Drains(seg *Segment) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return seg.drain
}

// Undecodable counts one more orchestrator's word that it cannot decode a segment.
func (w *List) Undecodable(seg *Segment) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	seg.bad++
	return seg.bad
}

// Drained waits until nothing is open and the stream has ended.
func (w *List) Drained(ctx context.Context) error {
	for {
		w.mu.Lock()
		over, changed := w.ended && len(w.open) == 0, w.changed
		w.mu.Unlock()
		if over {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

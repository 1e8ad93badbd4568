package broadcaster

import (
	"context"
	"slices"
	"sync"

	"castnet/internal/media"
)

// segment is one segment of the source on its way through the network. Its units are the hub's own, shared.
type segment struct {
	media.Segment

	// The worklist's lock guards what follows.
	units    []*media.Unit // in decoding order
	bytes    int
	ended    bool
	drain    bool   // nothing later refers to its pictures
	attempts uint32 // given out so far
	done     bool   // every rendition is out, or it was given up
	bad      int    // how often an orchestrator could not decode it
}

// place is where a unit stands, or will: the i-th of a segment.
type place struct {
	seg *segment // nil: before the first
	i   int
}

// Bounds of the work that waits for an orchestrator; what is beyond them is given up, oldest segment first. They match
// what the hub retains, since a replacement decodes from there.
const (
	maxWaitingBytes    = 24 << 20
	maxWaitingSegments = 8
)

// worklist holds the segments whose renditions are not complete yet, oldest first. The stream appends, a lease works
// them off; after a failure another lease begins again at the oldest.
type worklist struct {
	mu      sync.Mutex
	open    []*segment
	bytes   int
	ended   bool
	changed chan struct{} // closed and replaced at every change
}

func newWorklist() *worklist {
	return &worklist{changed: make(chan struct{})}
}

// signal wakes all who wait. The lock is held.
func (w *worklist) signal() {
	close(w.changed)
	w.changed = make(chan struct{})
}

// start opens a segment, ending the one before it, and returns how many segments were given up to make room.
func (w *worklist) start(seg *media.Segment) (givenUp int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.open); n > 0 {
		last := w.open[n-1]
		last.ended, last.drain = true, seg.StartsAtKey()
	}
	w.open = append(w.open, &segment{Segment: *seg})
	for len(w.open) > 1 && (len(w.open) > maxWaitingSegments || w.bytes > maxWaitingBytes) {
		w.drop(0)
		givenUp++
	}
	w.signal()
	return givenUp
}

// add appends a unit to the newest segment.
func (w *worklist) add(u *media.Unit) {
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

// pause closes the newest segment: its publisher is gone, another may follow.
func (w *worklist) pause() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closeNewest()
	w.signal()
}

// end closes the newest segment and says that no other follows.
func (w *worklist) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closeNewest()
	w.ended = true
	w.signal()
}

// closeNewest ends the newest segment, which nothing refers to any more. The lock is held.
func (w *worklist) closeNewest() {
	if n := len(w.open); n > 0 {
		w.open[n-1].ended, w.open[n-1].drain = true, true
	}
}

// finish takes a segment off the list.
func (w *worklist) finish(seg *segment) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, s := range w.open {
		if s == seg {
			w.drop(i)
			w.signal()
			return
		}
	}
}

func (w *worklist) drop(i int) {
	w.open[i].done = true
	w.bytes -= w.open[i].bytes
	w.open = append(w.open[:i:i], w.open[i+1:]...)
}

// newAttempt numbers the next attempt at a segment, from 1.
func (w *worklist) newAttempt(seg *segment) uint32 {
	w.mu.Lock()
	defer w.mu.Unlock()
	seg.attempts++
	return seg.attempts
}

// tried is how many attempts at a segment have begun.
func (w *worklist) tried(seg *segment) uint32 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return seg.attempts
}

// after waits for the first open segment with a number of at least seq. ok is false when the stream ended before.
func (w *worklist) after(ctx context.Context, seq uint64) (seg *segment, ok bool) {
	for ctx.Err() == nil {
		w.mu.Lock()
		for _, s := range w.open {
			if s.Seq >= seq {
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

// unit waits for the i-th unit of a segment. It returns nil where the segment has ended before it, or was given up.
func (w *worklist) unit(ctx context.Context, seg *segment, i int) (*media.Unit, error) {
	for ctx.Err() == nil {
		w.mu.Lock()
		if i < len(seg.units) {
			u := seg.units[i]
			w.mu.Unlock()
			return u, nil
		}
		over, changed := seg.ended || seg.done, w.changed
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

// units is what a segment holds so far, in decoding order.
func (w *worklist) units(seg *segment) []*media.Unit {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clip(seg.units)
}

// givenUp reports whether a segment was taken off the list before its end: nobody shall pay for it.
func (w *worklist) givenUp(seg *segment) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return seg.done && !seg.ended
}

// drains reports whether nothing after an ended segment refers to its pictures.
func (w *worklist) drains(seg *segment) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return seg.drain
}

// undecodable counts one more orchestrator's word that it cannot decode a segment.
func (w *worklist) undecodable(seg *segment) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	seg.bad++
	return seg.bad
}

// drained waits until nothing is open and the stream has ended.
func (w *worklist) drained(ctx context.Context) error {
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

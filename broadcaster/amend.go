package broadcaster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"castnet/broadcaster/worklist"
	"castnet/internal/media"
	"castnet/transcoder"
)

// growAfter is for how long the source has to be larger than what the ladder was made for before it is made anew: WebRTC
// publishers begin small, and try what their connection carries. Up to a quarter more pixels don't count: each ladder costs a
// lease, and a publisher could ask for one after the other.
const growAfter = 10 * time.Second

// growth is what the ladder was made for, and since when the source is larger.
type growth struct {
	pixels int
	larger bool
	since  int64 // PTS
}

// grow amends the ladder with a segment that begins, if the source has been larger for a while.
func (s *Stream) grow(seg *media.Segment) error {
	g, t := &s.growth, seg.Track
	switch {
	case s.video < 0:
		return nil
	case 4*t.Width*t.Height <= 5*g.pixels:
		g.larger = false
		return nil
	case !g.larger:
		g.larger, g.since = true, seg.FirstPTS
		return nil
	case videoTime(seg.FirstPTS-g.since) < growAfter || !seg.StartsAtKey():
		return nil
	}
	*g = growth{pixels: t.Width * t.Height}
	before := s.hub.Renditions()
	if err := s.hub.Amend(s.b.cfg.Ladder(t.Width, t.Height)); err != nil {
		return err
	}
	if slices.Equal(before, s.hub.Renditions()) {
		return nil
	}
	var ladder transcoder.Ladder
	for _, r := range s.hub.Renditions() {
		ladder = append(ladder, r.Profile())
	}
	s.update(func(st *Status) { st.Ladder = ladder })
	so := "there are larger renditions now"
	if len(ladder) == 0 {
		so = "no rendition fits it any more"
	}
	s.note(AtSegments, fmt.Sprintf("The source has grown to %dx%d: %s.", t.Width, t.Height, so))
	s.log.Info("the source has grown, and the ladder with it", "size", fmt.Sprintf("%dx%d", t.Width, t.Height), "seq", seg.Seq)
	return nil
}

// errAmended ends a lease in good order: what it makes is no longer what is to be made.
var errAmended = errors.New("other renditions are to be made")

// handOverTime bounds how long a lease that is amended waits for the receipts of what it made before the next one begins.
const handOverTime = time.Second

// serves reports whether the lease is for what is to be made of a segment.
func (l *lease) serves(seg *worklist.Segment) bool {
	return slices.Equal(l.s.work.Rungs(seg), slices.Sorted(slices.Values(l.rungs)))
}

// amend ends the lease if it feeds, or has fed, a segment of which something else is to be made now.
func (l *lease) amend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.again != nil {
		l.again(errAmended)
	}
}

// handOver leaves off in favour of the next lease. What was fed whole is finished, also where more is to be made of it by now:
// its source is signed, so that it is owed. The next lease makes what is missing. Unanswered payments are settled outside the
// stream.
func (l *lease) handOver(ctx context.Context) error {
	for _, a := range l.abandoned() {
		if err := l.stream.Send(transcoder.CancelSegment{Seq: a.seg.Seq, Attempt: a.number}); err != nil {
			return l.sendFailed(ctx, err)
		}
	}
	late := time.NewTimer(handOverTime)
	defer late.Stop()
	for {
		l.mu.Lock()
		over, changed := len(l.attempts) == 0, l.changed
		l.mu.Unlock()
		if over {
			return errAmended
		}
		select {
		case <-changed:
		case <-late.C:
			return errAmended
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// abandoned forgets the attempts that were not fed whole, and returns them.
func (l *lease) abandoned() (attempts []*attempt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for seq, a := range l.attempts {
		if a.ended.IsZero() {
			attempts = append(attempts, a)
			delete(l.attempts, seq)
			l.meter = l.newMeter(a.seg, nil) // its pictures are due no more
		}
	}
	return attempts
}

package free

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"castnet/internal/media"
	"castnet/transcoder"
)

const (
	// maxBehind is how far, on the stream's timeline, the track may be behind the source before it is taken for stopped.
	// Publishers interleave their tracks; what encoders delay differs by less.
	maxBehind = time.Second
	// maxTail is how much of the end may be missing of a track: it is not worth asking somebody else.
	maxTail = 250 * time.Millisecond
	// maxHeld and maxHeldBytes bound what waits for its turn: 8 s at 60 pictures a second.
	maxHeld      = 480
	maxHeldBytes = 16 << 20
	// sameRate is by which part of it a frame rate may differ from the one that is needed: 29.97 is 30.
	sameRate = 0.02
)

// Fits reports whether a track looks as a rung of the source's ladder would: what remains to be seen is when its pictures
// come. A rung has no B-frames, and only where the source has none either it is plain which of its pictures every second
// one is.
func Fits(t, source *media.Track, rung transcoder.Profile) bool {
	if t.Codec != rung.Codec || t.Width != rung.Width || t.Height != rung.Height || t.Reorder > 0 || rung.Divisor > 1 && source.Reorder > 0 {
		return false
	}
	want := source.FrameRate / float64(rung.Divisor)
	return t.FrameRate <= 0 || want <= 0 || math.Abs(t.FrameRate/want-1) <= sameRate
}

// picture is one of the source that the track must have too.
type picture struct {
	pts     int64
	segment uint64
}

// Follower holds one track against the source. Both may be ahead of the other. It is pure, and not safe for concurrent use.
type Follower struct {
	divisor int
	began   bool
	from    int64 // the first PTS that counts

	segment uint64    // of the source, its newest
	count   int       // of the source's pictures in it
	newest  int64     // PTS of the source
	wanted  []picture // by PTS
	last    picture   // that was had
	had     bool

	held  []*media.Unit
	bytes int
}

// Begin makes the track a rendition of every divisor-th picture of the source, from a segment that begins at a key frame on.
func (f *Follower) Begin(divisor int, seg *media.Segment) {
	f.began, f.divisor, f.from = true, divisor, seg.FirstPTS
	for len(f.held) > 0 && f.held[0].PTS < f.from {
		f.take()
	}
	f.Segment(seg.Seq)
}

// Segment says that the source's next picture begins a segment.
func (f *Follower) Segment(seq uint64) { f.segment, f.count = seq, 0 }

// Source notes a picture of the source, in decoding order. An error says in words why the track cannot go on.
func (f *Follower) Source(pts int64) error {
	f.newest = max(f.newest, pts)
	f.count++
	if (f.count-1)%f.divisor != 0 {
		return nil
	}
	if f.had && pts < f.last.pts {
		return fmt.Errorf("a picture of it is missing at %v", at(pts))
	}
	i, _ := slices.BinarySearchFunc(f.wanted, pts, func(p picture, pts int64) int { return cmp.Compare(p.pts, pts) })
	f.wanted = slices.Insert(f.wanted, i, picture{pts, f.segment})
	return nil
}

// at is a PTS as a time.
func at(pts int64) time.Duration {
	return time.Duration(media.Rescale(pts, media.VideoClockRate, int64(time.Second))).Round(time.Millisecond)
}

// Add takes the track's next picture. Before Begin, those from its newest key frame on are kept.
func (f *Follower) Add(u *media.Unit) error {
	switch {
	case !f.began && u.Key:
		f.held, f.bytes = nil, 0
	case !f.began && len(f.held) == 0, f.began && u.PTS < f.from:
		return nil
	}
	f.held = append(f.held, u)
	f.bytes += len(u.Payload)
	if len(f.held) <= maxHeld && f.bytes <= maxHeldBytes {
		return nil
	}
	if !f.began {
		f.held, f.bytes = nil, 0 // until the next key frame
		return nil
	}
	return fmt.Errorf("it is more than %d pictures or %d MiB ahead", maxHeld, maxHeldBytes>>20)
}

// take takes the next picture that is held.
func (f *Follower) take() *media.Unit {
	u := f.held[0]
	f.held = f.held[1:]
	f.bytes -= len(u.Payload)
	return u
}

// Next is the track's next picture that the source has too, and its segment; nil where there is none yet.
func (f *Follower) Next() (u *media.Unit, segment uint64, err error) {
	if len(f.wanted) == 0 {
		return nil, 0, nil
	}
	want := f.wanted[0]
	missing := len(f.held) == 0 || f.held[0].PTS < want.pts
	switch {
	case missing && at(f.newest-want.pts) > maxBehind:
		return nil, 0, fmt.Errorf("its pictures stopped, or are no longer those of the source, at %v", at(want.pts))
	case missing: // its own, or the source's, may be on its way
		return nil, 0, nil
	case f.held[0].PTS > want.pts:
		return nil, 0, fmt.Errorf("a picture of it is missing at %v", at(want.pts))
	case (!f.had || f.last.segment != want.segment) && !f.held[0].Key:
		return nil, 0, fmt.Errorf("it has no key frame where the source's segment begins, at %v", at(want.pts))
	}
	f.wanted, f.last, f.had = f.wanted[1:], want, true
	return f.take(), want.segment, nil
}

// Lacks is the oldest segment of which a picture is still to come, and the source's newest where there is none.
func (f *Follower) Lacks() uint64 {
	if len(f.wanted) > 0 {
		return f.wanted[0].segment
	}
	return f.segment
}

// Over reports whether a track of which nothing more comes is as good as complete.
func (f *Follower) Over() bool {
	return len(f.wanted) == 0 || at(f.newest-f.wanted[0].pts) < maxTail
}

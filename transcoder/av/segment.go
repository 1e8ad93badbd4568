package av

import (
	"context"
	"slices"
	"sync/atomic"

	"castnet/internal/media"
	"castnet/transcoder"
)

// segment is one attempt at a segment on its way through the pipeline. All but dropped and rungsLeft belongs to the
// front goroutine until finish.
type segment struct {
	transcoder.StartSegment
	ended    bool  // EndSegment has come
	units    int   // of the segment, so far
	inside   int   // of those, still in the decoder
	prefixes int   // pictures before the segment, decoded
	pictures int   // pictures of the segment, decoded
	firstPTS int64 // of the decoded pictures
	lastPTS  int64
	width    int
	height   int
	started  []bool // renditions that have had their IDR

	dropped   atomic.Bool       // cancelled or failed: nothing more of it is encoded
	rungsLeft atomic.Int32      // renditions whose queue still holds something of it
	last      transcoder.Output // what follows its last unit: SegmentDone, BadInput, or nil where it was cancelled
}

func newSegment(start transcoder.StartSegment, rungs int) *segment {
	s := &segment{StartSegment: start, started: make([]bool, rungs)}
	s.rungsLeft.Store(int32(rungs))
	return s
}

// rungDone is called once by each rendition, after its last unit of the segment.
func (s *segment) rungDone(ctx context.Context, emit emitFunc) error {
	if s.rungsLeft.Add(-1) > 0 || s.last == nil {
		return nil
	}
	return emit(ctx, s.last)
}

// wants reports whether rendition r encodes the picture at pts, the n-th of the segment.
func (s *segment) wants(r int, p transcoder.Profile, pts int64, n int) bool {
	return n%p.Divisor == 0 && (s.ResumeAfter == nil || pts > s.ResumeAfter[r])
}

// rate is the pictures a second that were seen, 0 where they were too few to tell.
func (s *segment) rate() float64 {
	const enough = 10
	span := s.lastPTS - s.firstPTS
	if s.pictures < enough || span <= 0 {
		return 0
	}
	return min(float64(s.pictures-1)*media.VideoClockRate/float64(span), maxFPS)
}

// awaited is a unit that went into the decoder and must come out as a picture.
type awaited struct {
	pts    int64
	seg    *segment
	prefix bool
}

// awaitedList is sorted by PTS, the order in which pictures come out.
type awaitedList []awaited

// add returns false for a PTS that is already there.
func (l *awaitedList) add(a awaited) bool {
	i, found := slices.BinarySearchFunc(*l, a.pts, func(e awaited, pts int64) int {
		switch {
		case e.pts < pts:
			return -1
		case e.pts > pts:
			return 1
		}
		return 0
	})
	if !found {
		*l = slices.Insert(*l, i, a)
	}
	return !found
}

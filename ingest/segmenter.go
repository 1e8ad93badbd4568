package ingest

import (
	"fmt"
	"time"

	"castnet/internal/media"
)

// How a stream is cut.
const (
	// A segment ends at the first key frame from minSegment on,
	// or else before the first picture from maxSegment on that follows all earlier ones.
	minSegment = 1500 * time.Millisecond
	maxSegment = 3 * time.Second
	// soundSegment is how long a segment of sound alone is: any packet may begin one. A packet that comes up to soundOverlap
	// too early is dropped, beyond it the publisher is told.
	soundSegment = 2 * time.Second
	soundOverlap = time.Second
	// A key frame that is marked as discontinuous and comes so much later than the picture before it leaves a hole.
	minHole = 500 * time.Millisecond
	// Everything back to the last key frame is kept for decoders that start fresh, so that is bounded: in time, in
	// bytes, and in pictures (12 s at 240 pictures a second, and some room).
	maxSinceKey      = 12 * time.Second
	maxSinceKeyBytes = 24 << 20
	maxSinceKeyUnits = 4096
	// maxTicks keeps differences of timestamps far from overflow.
	maxTicks = int64(1) << 60
)

// DropReason says why a unit is not part of the stream.
type DropReason string

// The reasons for dropping a unit.
const (
	DropBeforeKey DropReason = "before_key" // nothing can be decoded before the first key frame
	DropDuplicate DropReason = "duplicate"  // another picture of the segment has this PTS
	DropLate      DropReason = "late"       // its PTS belongs to a segment that is over
)

// Decision is what the Segmenter says of one unit.
type Decision struct {
	// Drop says that the unit must not go on, and Why.
	Drop bool
	Why  DropReason
	// Start is set where the unit is the first of a new segment.
	Start *media.Segment
}

// Segmenter cuts one track into segments, deciding on each unit as it comes, with no delay: the video, or the sound of
// a stream without. It is pure, and not safe for concurrent use.
//
// Every picture that it lets through belongs to the segment started last; those of one segment have PTS at or above its
// FirstPTS and below the FirstPTS of the next.
type Segmenter struct {
	track   *media.Track
	changed bool // the track's parameters changed: cut at the next key frame
	broken  bool // nothing refers to what came before: drop up to the next key frame, and cut there
	err     error

	seg    *media.Segment
	seen   map[int64]struct{} // PTS of the units in seg
	maxPTS int64              // the highest so far
	keyPTS int64              // of the last key frame; before the first one, of the first unit
	bytes  int                // since keyPTS
	units  int                // since keyPTS
}

// NewSegmenter begins a stream of this track at segment 0.
func NewSegmenter(track *media.Track) *Segmenter {
	return &Segmenter{track: track, seen: make(map[int64]struct{})}
}

// SetTrack tells that the units to come have other parameters: the next key frame starts a new segment.
func (s *Segmenter) SetTrack(track *media.Track) {
	s.track = track
	s.changed = true
}

// Break tells that the units to come do not follow those before, as another publisher's: the next key frame starts a new
// segment, and what comes before it is dropped. A stream that was refused may go on then.
func (s *Segmenter) Break() {
	s.broken = s.seg != nil
	s.units, s.bytes, s.err = 0, 0, nil
}

// Push decides on the next unit in decoding order. An error is a *Refusal that tells the publisher what to change; the
// stream cannot go on after it, unless by Break.
func (s *Segmenter) Push(u *media.Unit) (Decision, error) {
	if s.err != nil {
		return Decision{}, s.err
	}
	if s.err = s.check(u); s.err != nil {
		return Decision{}, s.err
	}
	if (s.seg == nil || s.broken) && !s.key(u) {
		return Decision{Drop: true, Why: DropBeforeKey}, nil
	}
	if s.seg != nil && (u.PTS < s.seg.FirstPTS || s.sound() && u.PTS <= s.maxPTS) {
		return Decision{Drop: true, Why: DropLate}, nil
	}
	if _, twice := s.seen[u.PTS]; twice {
		return Decision{Drop: true, Why: DropDuplicate}, nil
	}
	var d Decision
	if first, cut := s.cut(u); cut {
		d.Start = s.start(first, s.broken || s.key(u) && u.Discontinuity && u.PTS-s.maxPTS >= s.track.Ticks(minHole))
	}
	s.seen[u.PTS] = struct{}{}
	s.maxPTS = max(s.maxPTS, u.PTS)
	return d, nil
}

func (s *Segmenter) sound() bool { return s.track.Codec.IsAudio() }

// overlap is by how many ticks a unit that may begin a segment must not be earlier than another one.
func (s *Segmenter) overlap() int64 {
	if s.sound() {
		return s.track.Ticks(soundOverlap)
	}
	return 0
}

// what names a unit for people.
func (s *Segmenter) what() string {
	if s.sound() {
		return "packet"
	}
	return "key frame"
}

// key reports whether a segment may begin with u.
func (s *Segmenter) key(u *media.Unit) bool { return u.Key || s.sound() }

// check bounds what comes, and keeps count since the last key frame.
func (s *Segmenter) check(u *media.Unit) error {
	if len(u.Payload) > media.MaxUnitBytes {
		return &Refusal{
			Code: CodeLimit, Message: media.ErrUnitTooLarge.Error() + ": lower the bitrate",
			Asked: fmt.Sprintf("%d bytes", len(u.Payload)), Limit: fmt.Sprintf("%d bytes", media.MaxUnitBytes),
		}
	}
	if u.PTS > maxTicks || u.PTS < -maxTicks {
		return &Refusal{Code: CodeBadData, Message: fmt.Sprintf("timestamp %d is out of range", u.PTS)}
	}
	if back := s.maxPTS - u.PTS; s.seg != nil && s.key(u) && back >= s.overlap() {
		return &Refusal{
			Code: CodeBadData,
			Message: fmt.Sprintf("timestamps run backwards: a %s comes %v before one that was sent earlier; restart the encoder",
				s.what(), s.track.Duration(back)),
		}
	}
	if s.key(u) || s.units == 0 {
		s.keyPTS, s.bytes, s.units = u.PTS, 0, 0
	}
	s.bytes += len(u.Payload)
	s.units++
	const advice = "set the key frame interval to 2 s in your encoder (in OBS: Settings, Output, Keyframe Interval)"
	switch since := s.track.Duration(u.PTS - s.keyPTS); {
	case since > maxSinceKey:
		return &Refusal{
			Code: CodeNoKeyFrame, Message: fmt.Sprintf("no key frame for %.0f s: %s", since.Seconds(), advice),
			Asked: since.Round(time.Millisecond).String(), Limit: maxSinceKey.String(),
		}
	case s.bytes > maxSinceKeyBytes:
		return &Refusal{
			Code: CodeNoKeyFrame, Message: "too much data since the last key frame: " + advice + ", or lower the bitrate",
			Asked: fmt.Sprintf("%.1f MiB", float64(s.bytes)/(1<<20)), Limit: fmt.Sprintf("%d MiB", maxSinceKeyBytes>>20),
		}
	case s.units > maxSinceKeyUnits:
		return &Refusal{
			Code: CodeNoKeyFrame, Message: "too many pictures since the last key frame: " + advice,
			Asked: fmt.Sprint(s.units), Limit: fmt.Sprint(maxSinceKeyUnits),
		}
	}
	return nil
}

// cut reports whether a segment begins with u, and with which FirstPTS.
func (s *Segmenter) cut(u *media.Unit) (first int64, cut bool) {
	if s.seg == nil {
		return u.PTS, true
	}
	age := u.PTS - s.seg.FirstPTS
	shortest := minSegment
	if s.sound() {
		shortest = soundSegment
	}
	if s.key(u) && (s.changed || s.broken || u.Discontinuity || age >= s.track.Ticks(shortest)) {
		return u.PTS, true
	}
	// Inside a long GOP pictures may still come that are shown before u, so the border is right behind the latest
	// picture that is known, not at u.
	if u.PTS > s.maxPTS && age >= s.track.Ticks(maxSegment) {
		return s.maxPTS + 1, true
	}
	return 0, false
}

func (s *Segmenter) start(first int64, hole bool) *media.Segment {
	next := &media.Segment{FirstPTS: first, DecodeFrom: s.keyPTS}
	if s.seg == nil {
		s.maxPTS = first
	} else {
		next.Seq = s.seg.Seq + 1
		next.Track = s.seg.Track // a changed track takes effect at a key frame
		next.Discontinuity = hole
	}
	if first == s.keyPTS {
		next.Track = s.track
		s.changed = false
	}
	s.seg, s.broken = next, false
	clear(s.seen)
	return next
}

package ingest

import (
	"time"

	"castnet/internal/media"
)

// spliceGap is the least distance of a publisher's first unit from the last of the one before it. It keeps sound that
// begins a little before the pictures, and pictures that are decoded before they are shown, apart from what was there.
const spliceGap = 200 * time.Millisecond

// Splice puts the publishers of one stream, one after the other, on one timeline. The first one's timestamps stay as they
// are. Those of each later one are moved, all tracks alike, so that it lies as far behind the one before as it was taken
// later, and behind it in any case. It is pure, and not safe for concurrent use.
type Splice struct {
	offset  time.Duration
	end     time.Duration // the highest timestamp of the stream
	epoch   time.Time     // the wall-clock time of the timeline's zero, by the newest unit
	pending bool          // the offset of this publisher is not known yet
}

// Next says that the units to come are another publisher's.
func (s *Splice) Next() { s.pending = !s.epoch.IsZero() }

// Place moves a unit, which nobody has seen yet, to its place. Units have capture times.
func (s *Splice) Place(t *media.Track, u *media.Unit) {
	if s.pending {
		s.pending = false
		s.offset = max(u.Capture.Sub(s.epoch)-t.Duration(u.PTS), s.end+spliceGap-t.Duration(min(u.PTS, u.DTS)))
		u.Discontinuity = true
	}
	ticks := t.Ticks(s.offset)
	u.PTS += ticks
	u.DTS += ticks
}

// Keep says that a placed unit became part of the stream: what comes next lies behind it.
func (s *Splice) Keep(t *media.Track, u *media.Unit) {
	at := t.Duration(u.PTS)
	s.end = max(s.end, at)
	s.epoch = u.Capture.Add(-at)
}

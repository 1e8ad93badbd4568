package broadcaster

import (
	"time"

	"castnet/internal/media"
)

// Bounds of the sound that waits for the first picture: ten seconds of one track, as many packets as may wait to be converted
// (broadcaster/sound), which they do all at once then.
const (
	maxEarly      = 512
	maxEarlyBytes = 1 << 20
)

// soundLead is by how much a publisher's sound may begin before its first picture: an encoder that reorders delays that.
const soundLead = 100 * time.Millisecond

// early holds sound back until a publisher's first picture is here. Many protocols carry each track by itself, and some
// encoders begin with a burst, in which sound comes ahead of the pictures that it belongs beside.
type early struct {
	open  bool // no picture has come
	waits []earlySound
	bytes int
}

type earlySound struct {
	n     int // of its track of sound
	track *media.Track
	unit  *media.Unit
}

// add takes a packet, and drops the oldest where there are too many.
func (e *early) add(s earlySound) {
	e.waits = append(e.waits, s)
	e.bytes += len(s.unit.Payload)
	for len(e.waits) > maxEarly || e.bytes > maxEarlyBytes {
		e.bytes -= len(e.waits[0].unit.Payload)
		e.waits = e.waits[1:]
	}
}

// take ends the wait with all that has waited.
func (e *early) take() []earlySound {
	waited := e.waits
	*e = early{}
	return waited
}

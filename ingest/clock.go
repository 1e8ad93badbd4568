package ingest

import "time"

// How the capture clock follows what it sees.
const (
	// The envelope is the least delay of the last one to two envelopeWindows: long enough to meet a unit that was
	// not held up, short enough to follow clocks that drift apart (100 ppm is 1 ms in 10 s).
	envelopeWindow = 10 * time.Second
	// The clock moves towards the envelope by at most one part in slewDivisor (2 %), which nobody sees.
	slewDivisor = 50
)

// CaptureClock estimates when each unit was captured, by this machine's clock, from when units arrive: transport only
// ever adds delay, so the least (arrival − PTS) seen of late is what capture takes without being held up. The
// clock is slewed towards that lower envelope, never stepped, so capture times advance as smoothly as PTS do; and no
// unit is said to be captured after it arrived. It is pure, and not safe for concurrent use.
type CaptureClock struct {
	origin  time.Time     // of arrivals
	offset  time.Duration // what is added to PTS now, from origin
	last    time.Duration // arrival of the unit before
	started bool

	window            time.Duration // when the current window began
	current, previous time.Duration // least delay of the current window, and of the one before it
}

// Capture takes a unit's PTS and its arrival, and returns its capture time. Arrivals do not run backwards.
func (c *CaptureClock) Capture(pts time.Duration, arrival time.Time) time.Time {
	if !c.started {
		c.started = true
		c.origin = arrival
		c.offset = -pts
		c.current, c.previous = c.offset, c.offset
	}
	now := arrival.Sub(c.origin)
	delay := now - pts
	if now-c.window >= envelopeWindow {
		c.window = now
		c.previous, c.current = c.current, delay
	}
	c.current = min(c.current, delay)

	step := max(now-c.last, 0) / slewDivisor
	c.last = now
	c.offset += min(max(min(c.current, c.previous)-c.offset, -step), step)
	return c.origin.Add(min(pts+c.offset, now))
}

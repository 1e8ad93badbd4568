// Package health measures what a publisher sends, and says in plain words what would make it better.
//
// A Meter takes pictures and the times at which they came, and Advise takes what a Meter read: both are pure. A Collector tells
// Prometheus.
package health

import (
	"time"

	"castnet/internal/media"
)

// Input is what a publisher sends, measured over the last seconds.
type Input struct {
	// FPS and Bitrate (bits a second) are of the last rateWindow of the stream; 0 until they are known.
	FPS     float64
	Bitrate int
	// KeyInterval is the distance of the last two key pictures, or the time since the last one where that is longer; 0
	// until it is known.
	KeyInterval time.Duration
	// BFrames says that pictures are coded in another order than they are shown in.
	BFrames bool
	// Drift is by how much the stream fell behind the wall clock within the last driftWindow; below 0 it gained on it.
	// It compares the pictures that were held up least, so it says nothing of jitter.
	Drift time.Duration
	// Missing counts the pictures that did not come in the last driftWindow, by the gaps in an otherwise steady rate, and
	// Pictures those that came. Irregular says that the rate is not steady, as of a shared screen: then nothing is
	// known to be missing.
	Missing, Pictures int
	Irregular         bool
	// Silent is the time since the last picture.
	Silent time.Duration
}

const (
	rateWindow  = 4 * media.VideoClockRate // in ticks
	driftWindow = 30 * time.Second
	// markEvery is how much of the stream one mark sums up.
	markEvery = time.Second
	// A gap between two pictures is one where a picture is missing if it is longer than 3/2 of the mean interval. An
	// interval below half of the mean is as odd; a rate is irregular where more than one picture in oddPart is odd.
	oddPart = 10
	// longInterval is a distance of key pictures that is worth telling before the second one came.
	longInterval = 3 * time.Second
	// jump is what no publisher falls behind between two pictures: its timestamps began anew.
	jump = 10 * time.Second
)

// Meter measures a publisher's pictures. The zero value is ready. It is not safe for concurrent use.
type Meter struct {
	units []unit // of rateWindow, in decoding order
	bytes int

	key, newest int64 // PTS of the last key picture and of the newest picture
	keyed       bool
	gop         time.Duration
	reordered   bool // since the last key picture but one
	reordering  bool // since the last key picture

	origin  time.Time // of arrivals
	arrived time.Time // the last one
	marks   []mark    // of driftWindow, oldest first
}

type unit struct {
	dts   int64
	bytes int
}

// mark sums up a second of the stream.
type mark struct {
	began                  time.Duration // DTS
	late                   time.Duration // the least (arrival − DTS)
	pictures, missing, odd int
}

// Add takes a picture, in decoding order, and when it came; or, for a stream without pictures, a packet of sound that is
// no key and has its times in the video clock.
func (m *Meter) Add(u *media.Unit, now time.Time) {
	if m.origin.IsZero() {
		m.origin = now
	}
	last := len(m.units) - 1
	dts := duration(u.DTS)
	late := now.Sub(m.origin) - dts
	switch {
	case last < 0:
		m.mark(dts, late)
	case u.DTS <= m.units[last].dts || (late-m.lateness()).Abs() > jump:
		// The timestamps began anew: nothing before can be compared with what comes.
		*m = Meter{origin: now}
		m.Add(u, now)
		return
	default:
		m.mark(dts, late)
		m.interval(u.DTS - m.units[last].dts)
	}
	m.arrived, m.newest = now, max(m.newest, u.PTS)
	m.units = append(m.units, unit{u.DTS, len(u.Payload)})
	m.bytes += len(u.Payload)
	for len(m.units) > 1 && u.DTS-m.units[0].dts > rateWindow {
		m.bytes -= m.units[0].bytes
		m.units = m.units[1:]
	}
	m.order(u)
}

// lateness is that of the newest mark.
func (m *Meter) lateness() time.Duration { return m.marks[len(m.marks)-1].late }

// mark counts a picture in the mark of its second.
func (m *Meter) mark(dts, late time.Duration) {
	if n := len(m.marks); n == 0 || dts-m.marks[n-1].began >= markEvery {
		m.marks = append(m.marks, mark{began: dts, late: late})
		for m.marks[0].began < dts-driftWindow {
			m.marks = m.marks[1:]
		}
	}
	k := &m.marks[len(m.marks)-1]
	k.late = min(k.late, late)
	k.pictures++
}

// interval judges the distance of a picture from the one before it by the mean of the last seconds.
func (m *Meter) interval(ticks int64) {
	n := int64(len(m.units))
	if n < 10 {
		return // the mean means little yet
	}
	mean := (m.units[n-1].dts - m.units[0].dts) / (n - 1)
	k := &m.marks[len(m.marks)-1]
	switch {
	case mean == 0:
	case 2*ticks > 3*mean:
		k.odd++
		k.missing += int((ticks+mean/2)/mean) - 1
	case 2*ticks < mean:
		k.odd++
	}
}

// order follows key pictures, and whether pictures are shown in the order that they come in.
func (m *Meter) order(u *media.Unit) {
	if u.Key {
		if m.keyed {
			m.gop = duration(u.PTS - m.key)
		}
		m.key, m.keyed = u.PTS, true
		m.reordered, m.reordering = m.reordering, false
	}
	m.reordering = m.reordering || u.PTS < m.newest
}

// Read returns what was measured.
func (m *Meter) Read(now time.Time) Input {
	in := Input{KeyInterval: m.gop, BFrames: m.reordered || m.reordering}
	if m.origin.IsZero() {
		return in
	}
	in.Silent = max(now.Sub(m.arrived), 0)
	if since := duration(m.newest - m.key); m.keyed && since > max(m.gop, longInterval) {
		in.KeyInterval = since
	}
	n := len(m.units)
	if span := duration(m.units[n-1].dts - m.units[0].dts).Seconds(); n > 1 && span > 0 {
		// n units span n − 1 intervals; the first one's bytes lie before the span.
		in.FPS = float64(n-1) / span
		in.Bitrate = int(float64(m.bytes-m.units[0].bytes) * 8 / span)
	}
	odd := 0
	for _, k := range m.marks {
		in.Pictures += k.pictures
		in.Missing += k.missing
		odd += k.odd
	}
	if odd*oddPart > in.Pictures {
		in.Irregular, in.Missing = true, 0
	}
	// The newest mark may hold one picture that was held up; the least late of two seconds says more.
	if n := len(m.marks); n >= 4 {
		in.Drift = min(m.marks[n-1].late, m.marks[n-2].late) - min(m.marks[0].late, m.marks[1].late)
	}
	return in
}

// duration is a video timestamp as a duration.
func duration(ticks int64) time.Duration {
	return time.Duration(media.Rescale(ticks, media.VideoClockRate, int64(time.Second)))
}

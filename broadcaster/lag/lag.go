// Package lag measures how far the output of one lease is behind the units sent, and says when it stands still for too
// long. It is pure: the caller passes the time.
package lag

import (
	"math"
	"slices"
	"time"
)

// The liveness rule: a lease has failed when a rendition has stood still for longer than the deadline while pictures
// of it are due. The deadline follows what this lease has shown: four times the 99th percentile of its recent stands.
// (Not of its lag: after a resume two seconds of pictures are caught up with, and their lag says nothing of life.)
const (
	lagFactor  = 4
	lagSamples = 256
	// firstPicture is the grace until a lease's first output: a worker opens its codecs, and decodes the prefix.
	firstPicture = 2 * time.Second
)

// Meter measures one lease. It is not safe for concurrent use.
type Meter struct {
	floor time.Duration
	// delay is how many units later, in decoding order, a decoder may have to see before a picture comes out.
	delay int

	sent    []sentUnit // in decoding order; those that every rendition has passed are dropped
	flushed time.Time  // the end of a drained segment: all that was sent is due

	outputs []rungLag
	decoded int64
	lags    ring // from a unit sent to its picture
	stands  ring // from a picture due, or the one before it, to the picture
}

// ring keeps the last lagSamples durations.
type ring struct {
	values []time.Duration
	next   int
}

func (r *ring) add(d time.Duration) {
	if len(r.values) < lagSamples {
		r.values = append(r.values, d)
		return
	}
	r.values[r.next] = d
	r.next = (r.next + 1) % lagSamples
}

// percentile returns the p-th (0…1) percentile, 0 without samples.
func (r *ring) percentile(p float64) time.Duration {
	if len(r.values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(r.values))
	return s[min(int(p*float64(len(s))), len(s)-1)]
}

type sentUnit struct {
	pts int64
	at  time.Time
}

type rungLag struct {
	skip    int   // how many pictures are left out after each that is kept
	pts     int64 // last output
	started bool
	at      time.Time // when it last advanced
}

// New measures renditions that keep one of each so many pictures, of a source with the given reorder depth. resumeAfter,
// where it is not nil, has the PTS for each rendition after which output is expected.
func New(floor time.Duration, divisors []int, reorder int, resumeAfter []int64) *Meter {
	// One picture more than the reorder depth: a decoder gives a picture when the next access unit begins.
	m := &Meter{floor: floor, delay: reorder + 1, decoded: math.MinInt64, outputs: make([]rungLag, len(divisors))}
	for i, d := range divisors {
		m.outputs[i] = rungLag{skip: d - 1, pts: math.MinInt64}
		if i < len(resumeAfter) {
			m.outputs[i].pts = resumeAfter[i]
		}
	}
	return m
}

// Send notes a unit that a rendition is expected for.
func (m *Meter) Send(pts int64, now time.Time) {
	m.sent = append(m.sent, sentUnit{pts, now})
	m.flushed = time.Time{}
}

// Flush notes that the decoder drains: everything sent is due.
func (m *Meter) Flush(now time.Time) { m.flushed = now }

// Output notes a picture of a rendition, and returns its lag, 0 where unknown.
func (m *Meter) Output(rendition int, pts int64, now time.Time) time.Duration {
	out := &m.outputs[rendition]
	if due, ok := m.dueSince(*out); ok && out.started {
		m.stands.add(max(0, now.Sub(later(due, out.at))))
	}
	out.pts, out.started, out.at = pts, true, now
	var lag time.Duration
	for _, s := range m.sent {
		if s.pts == pts {
			lag = now.Sub(s.at)
			m.lags.add(lag)
			break
		}
	}
	low := pts
	for _, o := range m.outputs {
		low = min(low, o.pts)
	}
	m.sent = slices.DeleteFunc(m.sent, func(s sentUnit) bool { return s.pts <= low })
	return lag
}

// Progress notes how far the decoder is: a decoder that advances is alive even where no picture is due yet.
func (m *Meter) Progress(decodedPTS int64, now time.Time) {
	if decodedPTS <= m.decoded {
		return
	}
	m.decoded = decodedPTS
	for i := range m.outputs {
		if !m.outputs[i].started {
			m.outputs[i].at = now
		}
	}
}

// Median is the median lag of the last pictures, 0 before the first.
func (m *Meter) Median() time.Duration { return m.lags.percentile(0.5) }

// Deadline is how long a rendition may stand still.
func (m *Meter) Deadline() time.Duration {
	return max(m.floor, min(lagFactor*m.stands.percentile(0.99), firstPicture))
}

// Stalled returns for how long the slowest rendition has stood still with a picture due, and whether that is too long.
func (m *Meter) Stalled(now time.Time) (time.Duration, bool) {
	var worst time.Duration
	late := false
	limit := m.Deadline()
	for _, o := range m.outputs {
		due, ok := m.dueSince(o)
		if !ok {
			continue
		}
		still := now.Sub(later(due, o.at))
		worst = max(worst, still)
		if o.started && still > limit || still > max(limit, firstPicture) {
			late = true
		}
	}
	return worst, late
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// dueSince returns since when a rendition's next picture could have come out. What is published already is not counted:
// after a resume, and in a rendition ahead of the slowest, it stands in the decoder's way no more.
func (m *Meter) dueSince(o rungLag) (time.Time, bool) {
	skip := o.skip
	if o.pts == math.MinInt64 {
		skip = 0 // the first picture is kept
	}
	ahead := 0
	for _, s := range m.sent {
		if s.pts <= o.pts {
			continue
		}
		if ahead++; ahead > m.delay+skip {
			return s.at, true
		}
	}
	return m.flushed, ahead > skip && !m.flushed.IsZero()
}

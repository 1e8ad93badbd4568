package whip

import (
	"time"

	"github.com/pion/rtp"
)

const (
	// patience is how long a missing packet is waited for: a few round trips in which it is asked for again.
	patience = 200 * time.Millisecond
	// maxWaiting bounds the packets that wait behind a missing one.
	maxWaiting = 1024
)

// reorder puts the packets of one SSRC in order and leaves out doubles. It is pure.
type reorder struct {
	started bool
	next    uint16
	waiting map[uint16]*rtp.Packet // those behind a missing one
	since   time.Time              // when the wait for next began
}

// push takes a packet as it arrives and returns those whose turn has come. A gap in their numbers is a loss for good.
func (r *reorder) push(p *rtp.Packet, now time.Time) []*rtp.Packet {
	if !r.started {
		r.started, r.next, r.waiting = true, p.SequenceNumber, make(map[uint16]*rtp.Packet)
	}
	if int16(p.SequenceNumber-r.next) < 0 {
		return nil // a double, or too late
	}
	if len(r.waiting) == 0 {
		r.since = now
	}
	r.waiting[p.SequenceNumber] = p
	ready := r.take(nil)
	for len(r.waiting) > 0 && (now.Sub(r.since) >= patience || len(r.waiting) >= maxWaiting) {
		r.skip()
		ready = r.take(ready)
		r.since = now
	}
	return ready
}

// take appends the packets that follow each other from next on.
func (r *reorder) take(ready []*rtp.Packet) []*rtp.Packet {
	for {
		p, ok := r.waiting[r.next]
		if !ok {
			return ready
		}
		delete(r.waiting, r.next)
		r.next++
		ready = append(ready, p)
	}
}

// skip gives up what is missing before the first packet that waits.
func (r *reorder) skip() {
	least := uint16(1 << 15)
	for n := range r.waiting {
		least = min(least, n-r.next)
	}
	r.next += least
}

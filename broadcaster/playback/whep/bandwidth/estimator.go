// Package bandwidth estimates what one viewer's connection carries, from what the viewer reports of the packets that it
// was sent (transport-wide feedback, draft-holmer-rmcat-transport-wide-cc-extensions-01), and picks the rendition that
// fits. It is pure: time is an argument, on any clock that runs forward.
//
// Three signals are enough for a sender of live video, which mostly sends less than the connection carries. What has been
// delivered in a short while is a lower bound of what can be. Packets that all come later than the quickest ones did
// have waited in a queue, so more was sent than is carried; then what is delivered is all there is. And as a stream
// that fits shows nothing about what is above it, a probe now and then, of packets that are sent once more, does.
package bandwidth

import (
	"math"
	"time"
)

const (
	// remembered is how many packets may be on their way: 1.2 MB. What is reported later is ignored.
	remembered = 1024
	// slot is the grain of what is kept of arrivals, and slots for how long: 1 s.
	slot  = 25 * time.Millisecond
	slots = 40
	// rateSlots is over how many whole slots the delivered rate is taken: 200 ms.
	rateSlots = 8
	// queueSlots is over how many slots the least delay is taken as the queue's: 125 ms. A picture that is sent at once
	// begins with a packet that finds no queue; jitter spares one packet of several.
	queueSlots = 5
	// queueLimit is the delay above the least one that tells of a queue; below queueDrained it has gone.
	queueLimit, queueDrained = 70 * time.Millisecond, 30 * time.Millisecond
	// lossLimit is the share of packets lost in a second that tells of a queue too short to be seen by its delay, if
	// lossPackets or more were reported. Radio links lose a few percent at any rate.
	lossLimit, lossPackets = 0.2, 20
	// baseTime is how long the least delay is valid, once or twice: clocks drift, routes change.
	baseTime = 5 * time.Second
	// silence is how long after a packet its report may take before the connection counts as dead.
	silence = time.Second
	// Floor is the least estimate, in bits a second: what a lowest rung may have. It lets a dead connection come back.
	Floor = 150_000.0

	// share is how much of what is delivered while there is a queue is estimated: the rest lets the queue drain.
	share = 0.95
	// cut is the least of what has been delivered in a second that is estimated after one report.
	cut = 0.5
	// paceFree is the pacing over the estimate, for pictures to arrive quicker than they are shown; paceQueued while a
	// queue has to drain.
	paceFree, paceQueued = 2.5, 0.85
)

// Estimator is one connection's. It is used under its owner's lock.
type Estimator struct {
	history  [remembered]sending
	arrivals [slots]arrival
	newest   int64 // the newest slot
	oldest   int64 // the first one ever
	base     [2]time.Duration
	baseFrom time.Duration

	estimate  float64 // bits a second
	unproved  float64 // the pace while there has never been a queue
	queued    bool    // there is a queue now
	heard     bool    // a report has come
	heardAt   time.Duration
	waitsFrom time.Duration // when the oldest packet was sent that no report has followed; 0 where none
	probe     probe
}

// sending is one packet on its way.
type sending struct {
	at     time.Duration
	number uint16
	size   uint16
	used   bool // sent and not yet reported as received
	lost   bool // reported as lost; it may be late only
}

// arrival is what came in one slot of the viewer's clock.
type arrival struct {
	slot           int64
	bytes          int
	received, lost int
	delay          time.Duration // the least, above an unknown constant
}

// New makes an estimator that paces at pace bits a second until it has learnt otherwise.
func New(pace float64) *Estimator { return &Estimator{unproved: pace} }

// Sent notes a packet by its transport-wide number and its size in bytes.
func (e *Estimator) Sent(number uint16, size int, now time.Duration) {
	e.history[number%remembered] = sending{at: now, number: number, size: uint16(min(size, math.MaxUint16)), used: true}
	if e.waitsFrom == 0 {
		e.waitsFrom = now
	}
	e.probe.sent += size
}

// Report takes one feedback message.
func (e *Estimator) Report(packets []Packet, now time.Duration) {
	e.heard, e.heardAt, e.waitsFrom = true, now, 0
	for _, p := range packets {
		sent := &e.history[p.Number%remembered]
		if !sent.used || sent.number != p.Number {
			continue
		}
		if p.Lost {
			if !sent.lost {
				sent.lost = true
				e.at(e.newest).lost++
			}
			continue
		}
		if sent.lost {
			e.at(e.newest).lost--
		}
		sent.used = false
		a := e.at(int64(p.At / slot))
		delay := p.At - sent.at
		if a.bytes == 0 || delay < a.delay {
			a.delay = delay
		}
		a.received++
		a.bytes += int(sent.size)
		e.rebase(delay, now)
	}
	e.judge()
}

// at is a slot of arrivals, emptied where it was an older one's. What is older than all slots counts into the newest.
func (e *Estimator) at(slot int64) *arrival {
	switch {
	case e.oldest == 0:
		e.oldest, e.newest = slot, slot
	case slot > e.newest:
		e.newest = slot
	case slot <= e.newest-slots:
		slot = e.newest
	}
	a := &e.arrivals[uint64(slot)%slots]
	if a.slot != slot {
		*a = arrival{slot: slot}
	}
	return a
}

// rebase keeps the least delay of the last one or two baseTimes.
func (e *Estimator) rebase(delay, now time.Duration) {
	switch {
	case e.baseFrom == 0:
		e.base, e.baseFrom = [2]time.Duration{delay, delay}, now
	case now-e.baseFrom >= baseTime:
		e.base, e.baseFrom = [2]time.Duration{delay, e.base[0]}, now
	default:
		e.base[0] = min(e.base[0], delay)
	}
}

// judge draws the conclusions from what has arrived.
func (e *Estimator) judge() {
	m := e.measure()
	switch {
	case m.loss > lossLimit:
		e.queued = true
		e.forgive()
	case m.queue > queueLimit:
		e.queued = true
	case m.queue < queueDrained:
		e.queued = false
	}
	if !e.queued {
		e.estimate = max(e.estimate, m.rate)
		return
	}
	// What has stalled for a moment, and has nothing to do with the rate, looks like a queue too: one report cuts by so
	// much only.
	if low := max(share*m.rate, cut*m.longRate, Floor); e.estimate == 0 || low < e.estimate {
		e.estimate = low
	}
	e.unproved = 0
	e.probe.rate = 0
}

// measured is what the last slots tell.
type measured struct {
	rate     float64       // delivered bits a second, lately
	longRate float64       // in all slots
	queue    time.Duration // the delay that all lately have had, above the least one
	loss     float64       // the share of packets lost
}

func (e *Estimator) measure() measured {
	var bytes, long, received, lost int
	m := measured{queue: math.MaxInt64}
	for _, a := range e.arrivals {
		age := e.newest - a.slot
		if a.slot < e.oldest || age >= slots {
			continue
		}
		received, lost, long = received+a.received, lost+a.lost, long+a.bytes
		if age > 0 && age <= rateSlots { // the newest isn't over yet
			bytes += a.bytes
		}
		if age < queueSlots && a.bytes > 0 {
			m.queue = min(m.queue, a.delay-min(e.base[0], e.base[1]))
		}
	}
	if received+lost >= lossPackets {
		m.loss = float64(lost) / float64(received+lost)
	}
	m.rate = float64(bytes) * 8 / (rateSlots * slot).Seconds()
	m.longRate = float64(long) * 8 / (slots * slot).Seconds()
	return m
}

// forgive lets losses count once.
func (e *Estimator) forgive() {
	for i := range e.arrivals {
		e.arrivals[i].received, e.arrivals[i].lost = 0, 0
	}
}

// Dead reports whether a connection that did report has fallen silent, and if so, lets it begin again from the floor.
func (e *Estimator) Dead(now time.Duration) bool {
	if !e.heard || e.waitsFrom == 0 || now-e.waitsFrom < silence {
		return false
	}
	e.estimate, e.unproved, e.queued = Floor, 0, true
	return true
}

// Estimate is the bits a second that the connection is known to carry, 0 while nothing is known.
func (e *Estimator) Estimate() float64 { return e.estimate }

// Queued reports whether more is being sent than the connection carries.
func (e *Estimator) Queued() bool { return e.queued }

// Pace is how quickly to send, in bits a second.
func (e *Estimator) Pace() float64 {
	switch {
	case e.queued:
		return paceQueued * max(e.estimate, Floor)
	case e.unproved > 0:
		return max(e.unproved, paceFree*e.estimate)
	default:
		return paceFree * max(e.estimate, Floor)
	}
}

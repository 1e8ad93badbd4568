package rtsp

import (
	"sync"
	"time"

	"github.com/pion/rtp"
)

// soundStep is how many units of a stream of sound alone are between two at which players begin: about 2 s.
const soundStep = 100

// A GOP of the main track is never longer than a hub keeps it, 24 MiB and 12 s (see playback.Config); these leave room for the sounds
// beside it. Where the pictures have stopped, or sound comes without end, what is older is dropped.
const (
	backlogBytes = 32 << 20
	backlogAge   = 15 * time.Second
	packetBytes  = 256 // what a packet takes beside its payload, about
)

// packed is a unit as it is sent. Its packets are shared: who sends them takes copies of their headers.
type packed struct {
	track   *outgoing
	packets []*rtp.Packet
	pts     int64
	at      time.Time // when its picture was taken
	bytes   int
}

// weight is what a unit takes of memory, in bytes.
func (p *packed) weight() int { return p.bytes + packetBytes*(1+len(p.packets)) }

// backlog is what has been packetized, from the beginning before the last on: one GOP, and the one before for those who still send
// its end; less where that is too much.
type backlog struct {
	mu         sync.Mutex
	units      []packed
	bytes      int    // of all units
	first      uint64 // the number of units[0]
	prev, last uint64 // the numbers of the last two units at which players can begin; of what is left, where they were dropped
	beginnings int    // how many such there were
	ended      bool
	wake       chan struct{} // closed and made anew with each unit
}

// place is where in a backlog a player is. The zero place is before its first unit.
type place struct {
	started bool
	next    uint64
}

func newBacklog() *backlog { return &backlog{wake: make(chan struct{})} }

// add appends a unit. Players can begin with those that begin.
func (b *backlog) add(p packed, begins bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if begins {
		b.prev, b.last = b.last, b.first+uint64(len(b.units))
		b.beginnings++
		b.drop(int(b.prev - b.first))
	}
	b.bytes += p.weight()
	for len(b.units) > 0 && (b.bytes > backlogBytes || p.at.Sub(b.units[0].at) > backlogAge) {
		b.drop(1)
	}
	b.units = append(b.units, p)
	b.stir()
}

// drop forgets the oldest n units. The lock is held.
func (b *backlog) drop(n int) {
	for i := range n {
		b.bytes -= b.units[i].weight()
		b.units[i] = packed{} // or the array would keep it alive
	}
	b.units = b.units[n:]
	b.first += uint64(n)
	b.prev, b.last = max(b.prev, b.first), max(b.last, b.first)
}

// end says that nothing more comes.
func (b *backlog) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
	b.stir()
}

func (b *backlog) stir() {
	close(b.wake)
	b.wake = make(chan struct{})
}

// get takes the unit at a place: the last at which players can begin, for one that has not begun or has fallen behind. Where there
// is none yet, wait is closed when it is worth another try; it is nil where none will come.
func (b *backlog) get(at *place) (p packed, wait <-chan struct{}, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.beginnings > 0 {
		if !at.started || at.next < b.first {
			*at = place{started: true, next: b.last}
		}
		if i := at.next - b.first; i < uint64(len(b.units)) {
			at.next++
			return b.units[i], nil, true
		}
	}
	if b.ended {
		return packed{}, nil, false
	}
	return packed{}, b.wake, false
}

// begun counts the units at which players could begin. The next one comes before wait is closed, or after.
func (b *backlog) begun() (n int, wait <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.beginnings, b.wake
}
